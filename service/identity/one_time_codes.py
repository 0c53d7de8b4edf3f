"""One-time codes (验证码): six digits that prove a phone, once, to the device that asked for them.

The code itself is not kept: its proof is an HMAC over request and code under the device's secret,
256 random bits of which the service keeps nothing either. So what rests in the database can be
guessed by nobody, and a code is worth nothing to another device or another request.
"""

import hmac
import re
import secrets
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.refusals import CodeRefused, RateLimited
from service.identity import limits
from service.identity.limits import Ceiling, CostClass
from service.identity.sessions import DEVICE_PREFIX
from service.store.context import Context
from service.store.transact import writing

DIGITS: Final = 6
TRIES_MAX: Final = 5
LIFETIME: Final = timedelta(minutes=5)
KEPT: Final = timedelta(days=1)
"""How long a code that has expired can still be told from one that never was."""

Ceilings = tuple[Ceiling, Ceiling, Ceiling]
"""For one number, for one source, and for all together."""

ASKED: Final[Ceilings] = (
    Ceiling(5, 3_600, 5),
    Ceiling(600, 3_600, 200),
    Ceiling(20_000, 3_600, 2_000),
)
"""Codes sent: whoever pumps messages (短信轰炸) is paid for no more than these."""
WRONG: Final[Ceilings] = (
    Ceiling(10, 3_600, 10),
    Ceiling(120, 3_600, 60),
    Ceiling(5_000, 3_600, 1_000),
)
"""Wrong codes: once they are used up nobody guesses on, whether right or wrong."""

_TIMEOUT: Final = "5s"
_MOBILE: Final = re.compile(r"\A(?:\+?86)?(1[3-9][0-9]{9})\Z")

_WRITE: Final = text(
    """
    INSERT INTO pii.one_time_code
        (request_id, phone_index, phone_mask, proof, tries, asked_at, expires_at, used_at)
    VALUES (:request, :phone_index, :phone_mask, :proof, 0, clock_timestamp(),
            clock_timestamp() + CAST(:lifetime AS interval), NULL)
    RETURNING expires_at
    """
)
_CLEAR: Final = text(
    """
    DELETE FROM pii.one_time_code WHERE request_id IN (
        SELECT request_id FROM pii.one_time_code
        WHERE expires_at < clock_timestamp() - CAST(:kept AS interval)
        ORDER BY expires_at LIMIT 20 FOR UPDATE SKIP LOCKED)
    """
)
_TRY: Final = text(
    """
    UPDATE pii.one_time_code SET tries = tries + 1
    WHERE request_id = :request AND tries < :most AND used_at IS NULL
      AND expires_at > clock_timestamp()
    RETURNING phone_index, phone_mask, proof
    """
)
_FIND: Final = text("SELECT phone_index FROM pii.one_time_code WHERE request_id = :request")
_AHEAD: Final = text(
    "SELECT free_at_us - (extract(epoch FROM statement_timestamp()) * 1000000)::bigint"
    " FROM escrow.limit_state WHERE subject = :subject AND cost_class = :cost_class"
)
_USE: Final = text(
    "UPDATE pii.one_time_code SET used_at = clock_timestamp() WHERE request_id = :request"
)


@dataclass(frozen=True, slots=True)
class Phone:
    """A mobile number of the mainland in E.164, and what is kept of it."""

    number: str = field(repr=False)
    index: bytes = field(repr=False)

    @property
    def mask(self) -> str:
        """The first three and the last four digits (138****5678)."""
        return masked(self.number)


@dataclass(frozen=True, slots=True)
class Asked:
    """A code on its way to a phone: `code` leaves by the sender, the rest is the asker's."""

    request: UUID
    device_secret: str = field(repr=False)
    code: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Proved:
    """The phone that a code proved, by index and mask."""

    phone_index: bytes = field(repr=False)
    phone_mask: str


def e164(written: str) -> str:
    """Write a mainland mobile number as +86 and eleven digits; ValueError for anything else."""
    plain = re.sub(r"[\s()-]", "", unicodedata.normalize("NFKC", written))
    found = _MOBILE.match(plain)
    if found is None:
        raise ValueError("not a mobile number of the mainland")
    return f"+86{found[1]}"


def masked(number: str) -> str:
    """Mask a number in E.164 (138****5678)."""
    digits = number.removeprefix("+86")
    return f"{digits[:3]}****{digits[-4:]}"


async def spend(
    engine: AsyncEngine, *, phone_index: bytes, source: str, what: str = "asked"
) -> None:
    """Count a message by number, source and all together; raises `RateLimited`.

    The same for every number: whether anybody is known by it is not looked up here. `what` is
    counted apart: invitations use up nobody's codes.
    """
    async with writing(engine) as connection:
        for subject, ceiling in _counted(what, phone_index, source, ASKED):
            await limits.spend(
                connection, subject=subject, cost_class=CostClass.CODE, ceiling=ceiling
            )


async def ask(
    engine: AsyncEngine, phone: Phone, request: UUID, *, device_secret: str | None = None
) -> Asked:
    """Make a code and keep its proof; once this has returned it may be sent.

    A device that logged in before gives its secret again, a new one gets one.
    """
    secret = device_secret or DEVICE_PREFIX + secrets.token_urlsafe(32)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    async with writing(engine) as connection:
        await Context.doorkeeper().enter(connection, statement_timeout=_TIMEOUT)
        await connection.execute(_CLEAR, {"kept": KEPT})
        expires_at = await connection.scalar(
            _WRITE,
            {
                "request": request,
                "phone_index": phone.index,
                "phone_mask": phone.mask,
                "proof": _proof(secret, request, code),
                "lifetime": LIFETIME,
            },
        )
    assert isinstance(expires_at, datetime), "the row says until when it holds"
    return Asked(request, secret, code, expires_at)


async def prove(
    engine: AsyncEngine, *, request: UUID, device_secret: str, code: str, source: str
) -> Proved:
    """Take a code, once; raises `CodeRefused` whatever was wrong, and `RateLimited`.

    Every try counts before it is compared, in a transaction that commits either way.
    """
    given = _proof(device_secret, request, code)
    async with writing(engine) as connection:
        await Context.doorkeeper().enter(connection, statement_timeout=_TIMEOUT)
        found = await connection.execute(_FIND, {"request": request})
        index = found.scalar() or request.bytes
        subjects = _counted("wrong", index, source, WRONG)
        for subject, ceiling in subjects:
            await _require_left(connection, subject, ceiling)
        row = (await connection.execute(_TRY, {"request": request, "most": TRIES_MAX})).first()
        kept = bytes(len(given)) if row is None else row.proof
        if hmac.compare_digest(given, kept) and row is not None:
            await connection.execute(_USE, {"request": request})
            return Proved(row.phone_index, row.phone_mask)
        for subject, ceiling in subjects:
            with suppress(RateLimited):
                await limits.spend(
                    connection, subject=subject, cost_class=CostClass.CODE, ceiling=ceiling
                )
    raise CodeRefused


async def _require_left(connection: AsyncConnection, subject: str, ceiling: Ceiling) -> None:
    """Raise `RateLimited` where one more would be too many, and count nothing."""
    values = {"subject": subject, "cost_class": CostClass.CODE.value}
    ahead_us = int(await connection.scalar(_AHEAD, values) or 0)
    over_us = ahead_us - ceiling.interval_us * (ceiling.burst - 1)
    if over_us > 0:
        raise RateLimited(retry_after_s=-(-over_us // 1_000_000))


def _counted(
    what: str, phone_index: bytes, source: str, ceilings: Ceilings
) -> list[tuple[str, Ceiling]]:
    """Name whose limits count, what most share last: it is locked for the shortest time."""
    subjects = (f"phone:{what}:{phone_index.hex()}", f"source:{what}:{source}", f"all:{what}")
    return list(zip(subjects, ceilings, strict=True))


def _proof(device_secret: str, request: UUID, code: str) -> bytes:
    return hmac.digest(device_secret.encode(), request.bytes + code.encode(), "sha256")
