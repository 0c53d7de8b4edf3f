"""Limits (限流): how often a subject may ask, counted in PostgreSQL for all processes together.

GCRA: each (subject, cost class) has one theoretical arrival time, when its limit is whole again; a
request moves it on by the interval its ceiling allows, and is refused where it would then lie
further ahead than the burst. One atomic statement reads, decides and writes it. The clock is the
database machine's, which no demonstration moves.

A process takes what a caller needs in leases and counts them down in memory, so a request costs no
round trip. What the database grants never exceeds the ceiling; what is left of a lease may be used
later. So in any span of time a caller gets at most what its ceiling allows for it (the burst and
the rate times the span) and one lease more for each process.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.refusals import RateLimited
from service.store.transact import writing

SUBJECTS_MAX: Final = 20_000
"""Leases a process keeps; of more, the one refilled longest ago is given up, unused."""
CLEAR_EVERY_S: Final = 600
REFUSED_S: Final = 0.05
"""A flood is refused from memory for so long before the database is asked again."""
_SECOND_US: Final = 1_000_000

_TAKE: Final = text(
    """
    INSERT INTO escrow.limit_state AS held (subject, cost_class, free_at_us)
    SELECT :subject, :cost_class, clock.now_us + :interval * :most
    FROM (SELECT coalesce(CAST(:at_us AS bigint),
                 (extract(epoch FROM statement_timestamp()) * 1000000)::bigint) AS now_us) AS clock
    ON CONFLICT (subject, cost_class) DO UPDATE SET free_at_us = (
        SELECT CASE WHEN room.granted >= :least THEN room.from_us + :interval * room.granted
                    ELSE held.free_at_us END
        FROM (SELECT later.from_us,
                     least(:most, (later.now_us + :tolerance - later.from_us) / :interval)
                     AS granted
              FROM (SELECT given.now_us, greatest(held.free_at_us, given.now_us) AS from_us
                    FROM (SELECT EXCLUDED.free_at_us - :interval * :most AS now_us) AS given
                   ) AS later
             ) AS room)
    RETURNING old.free_at_us AS before_us, new.free_at_us AS after_us,
              coalesce(CAST(:at_us AS bigint),
                       (extract(epoch FROM statement_timestamp()) * 1000000)::bigint) AS now_us
    """
).bindparams(
    *(bindparam(name, type_=BigInteger) for name in ("interval", "tolerance", "least", "most"))
)
CLEAR: Final = text(
    "SELECT escrow.clear_limits((extract(epoch FROM statement_timestamp()) * 1000000)::bigint)"
)


class CostClass(StrEnum):
    """What a request costs; each class has its own ceiling."""

    LOGIN = "login"
    CODE = "code"
    TOKEN = "token"  # noqa: S105 - the name of a class
    READ = "read"
    LIST = "list"
    EXPORT = "export"
    COMMAND = "command"
    BATCH = "batch"


class Kind(StrEnum):
    """Whose limit it is: a person's, a system's, or that of an address nobody has logged in from.

    Many parents share the address of one carrier, so an address counts only where there is no
    caller.
    """

    PERSON = "person"
    SERVICE = "service"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Ceiling:
    """`count` requests every `seconds`, and `burst` of them at once after a rest.

    `lease` is how many a process takes from the database at a time.
    """

    count: int
    seconds: int
    burst: int
    lease: int = 1

    def __post_init__(self) -> None:
        """Refuse a ceiling that would let nothing through."""
        if not (0 < self.count <= self.seconds * _SECOND_US and 0 < self.lease <= self.burst):
            raise ValueError("a ceiling has a count, seconds, and a lease of at most the burst")

    @property
    def interval_us(self) -> int:
        """Microseconds that one request uses up."""
        return self.seconds * _SECOND_US // self.count


Ceilings = Mapping[Kind, Mapping[CostClass, Ceiling | None]]
"""A ceiling for each kind of subject and cost class; None is without limit."""

_BY_SOURCE: Final = {
    CostClass.LOGIN: Ceiling(120, 60, 60),
    CostClass.CODE: Ceiling(120, 60, 60),
    CostClass.TOKEN: Ceiling(600, 60, 200),
    CostClass.READ: Ceiling(1_200, 60, 600, lease=20),
    CostClass.LIST: Ceiling(600, 60, 300, lease=20),
    CostClass.EXPORT: Ceiling(60, 60, 30),
    CostClass.COMMAND: Ceiling(600, 60, 200, lease=10),
    CostClass.BATCH: Ceiling(60, 60, 30),
}
_BY_PERSON: Final = {
    CostClass.LOGIN: Ceiling(10, 60, 10),
    CostClass.CODE: Ceiling(10, 60, 10),
    CostClass.TOKEN: Ceiling(60, 60, 30),
    CostClass.READ: Ceiling(1_200, 60, 600, lease=20),
    CostClass.LIST: Ceiling(600, 60, 300, lease=20),
    CostClass.EXPORT: Ceiling(60, 60, 30),
    CostClass.COMMAND: Ceiling(600, 60, 300, lease=10),
    CostClass.BATCH: Ceiling(60, 60, 60),
}
_BY_SERVICE: Final = {
    CostClass.LOGIN: Ceiling(10, 60, 10),
    CostClass.CODE: Ceiling(10, 60, 10),
    CostClass.TOKEN: Ceiling(600, 60, 200),
    CostClass.READ: Ceiling(10_000, 1, 60_000, lease=1_000),
    CostClass.LIST: Ceiling(500, 1, 5_000, lease=100),
    CostClass.EXPORT: Ceiling(120, 60, 60),
    CostClass.COMMAND: Ceiling(10_000, 1, 60_000, lease=1_000),
    CostClass.BATCH: Ceiling(100, 1, 1_000, lease=20),
}
DEFAULTS: Final[Ceilings] = {
    Kind.PERSON: _BY_PERSON,
    Kind.SERVICE: _BY_SERVICE,
    Kind.SOURCE: _BY_SOURCE,
}


def with_defaults(given: Ceilings) -> Ceilings:
    """Return the default ceilings with those that are given in their place."""
    return {kind: {**DEFAULTS[kind], **given.get(kind, {})} for kind in Kind}


async def spend(
    connection: AsyncConnection,
    *,
    subject: str,
    cost_class: CostClass,
    cost: int = 1,
    ceiling: Ceiling | None = None,
) -> None:
    """Count a request against a subject's limit, at once; raises `RateLimited`.

    For what must not be counted in leases: logins, codes. Call it in a transaction of its own that
    commits before the answer is known: rolled back with a failed login it would have counted
    nothing. `subject` names whose limit it is (a caller id, a blind index, `source:` and an
    address), never a phone; without a `ceiling` it is an address's.
    """
    chosen = ceiling or _BY_SOURCE[cost_class]
    least = min(cost, chosen.burst)
    taken = await take(
        connection,
        subject=subject,
        cost_class=cost_class,
        ceiling=chosen,
        least=least,
        most=least,
    )
    if taken.wait_us:
        raise RateLimited(retry_after_s=_seconds(taken.wait_us))


@dataclass(frozen=True, slots=True)
class Taken:
    """How many requests were granted; for none, in how many microseconds they would be."""

    granted: int
    wait_us: int = 0


async def take(  # noqa: PLR0913 - the statement's parameters
    connection: AsyncConnection,
    *,
    subject: str,
    cost_class: CostClass,
    ceiling: Ceiling,
    least: int,
    most: int,
    at_us: int | None = None,
) -> Taken:
    """Take `least` to `most` requests of what is left, or none.

    `at_us` stands for the machine's clock in tests.
    """
    assert 0 < least <= most <= ceiling.burst, "no more is asked for than there can ever be"
    interval = ceiling.interval_us
    values = {
        "subject": subject,
        "cost_class": cost_class.value,
        "interval": interval,
        "tolerance": interval * ceiling.burst,
        "least": least,
        "most": most,
        "at_us": at_us,
    }
    row = (await connection.execute(_TAKE, values)).one()
    began_us = row.now_us if row.before_us is None else max(row.before_us, row.now_us)
    if row.after_us > began_us:
        return Taken(int(row.after_us - began_us) // interval)
    return Taken(0, int(began_us + interval * (least - ceiling.burst) - row.now_us))


def _seconds(wait_us: int) -> int:
    """Whole seconds to wait, at least one."""
    return max(1, -(-wait_us // _SECOND_US))


@dataclass(slots=True)
class _Lease:
    """What is left of a lease, or until when there is nothing to be had."""

    left: int = 0
    refused_until: float = 0.0
    refilling: asyncio.Lock = field(default_factory=asyncio.Lock)


class Limiter:
    """The limits of one process: leases in memory, refilled from the database."""

    def __init__(self, engine: AsyncEngine, ceilings: Ceilings = DEFAULTS) -> None:
        """Count by these ceilings; a kind and class that is not among them is without limit."""
        self._engine = engine
        self._ceilings = ceilings
        self._leases: dict[tuple[str, CostClass], _Lease] = {}
        self._clear_at = time.monotonic() + CLEAR_EVERY_S

    async def spend(
        self, *, subject: str, kind: Kind, cost_class: CostClass, cost: int = 1
    ) -> None:
        """Count a request against the subject's limit; raises `RateLimited`.

        From the lease in memory if there is one; only an empty one costs a statement.
        """
        ceiling = self._ceilings.get(kind, {}).get(cost_class)
        if ceiling is None:
            return
        lease = self._leases.get((subject, cost_class))
        if lease is None:
            lease = self._keep((subject, cost_class), _Lease())
        cost = min(cost, ceiling.burst)
        if lease.left < cost:
            async with lease.refilling:
                if lease.left < cost:
                    await self._refill(lease, subject, cost_class, ceiling, cost)
        lease.left -= cost

    def _keep(self, key: tuple[str, CostClass], lease: _Lease) -> _Lease:
        """Keep a lease as the youngest, and no more of them than there is room for."""
        self._leases.pop(key, None)
        self._leases[key] = lease
        if len(self._leases) > SUBJECTS_MAX:
            del self._leases[next(iter(self._leases))]
        return lease

    async def _refill(
        self, lease: _Lease, subject: str, cost_class: CostClass, ceiling: Ceiling, cost: int
    ) -> None:
        """Take a new lease; raises `RateLimited`, and again until there is something to be had."""
        now = time.monotonic()
        if lease.refused_until > now:
            raise RateLimited(retry_after_s=_seconds(int((lease.refused_until - now) * 1e6)))
        least = cost - lease.left
        async with writing(self._engine) as connection:
            taken = await take(
                connection,
                subject=subject,
                cost_class=cost_class,
                ceiling=ceiling,
                least=least,
                most=max(ceiling.lease, least),
            )
            await self._clear(connection, now)
        if taken.wait_us:
            lease.refused_until = now + max(taken.wait_us / _SECOND_US, REFUSED_S)
            raise RateLimited(retry_after_s=_seconds(taken.wait_us))
        lease.left += taken.granted
        self._keep((subject, cost_class), lease)

    async def _clear(self, connection: AsyncConnection, now: float) -> None:
        """Now and then clear away the limits that are whole again."""
        if now >= self._clear_at:
            self._clear_at = now + CLEAR_EVERY_S
            await connection.execute(CLEAR)
