"""Failed logins: who is kept waiting after wrong passwords and codes, and for how long.

Failures count against the pair of login name and source, against the source, and, where a known
device shows itself, against that device instead of both: strangers who guess at a name keep nobody
waiting but themselves. An attempt is counted before it is judged, so that many at once are
counted as many; a good one takes its count back. Nothing here ever locks an account.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import RateLimited


@dataclass(frozen=True, slots=True)
class Budget:
    """So many failures are free; then each doubles the wait, from `first_s` to `longest_s`.

    After `forgiven_s` without a failure all are forgotten.
    """

    free: int
    first_s: int
    longest_s: int
    forgiven_s: int


PAIR: Final = Budget(free=5, first_s=15, longest_s=3_600, forgiven_s=86_400)
SOURCE: Final = Budget(free=50, first_s=5, longest_s=300, forgiven_s=3_600)
DEVICE: Final = Budget(free=10, first_s=15, longest_s=900, forgiven_s=3_600)
CODE: Final = Budget(free=5, first_s=30, longest_s=3_600, forgiven_s=86_400)
"""Wrong codes after the right password: only who knows that can use this one up."""

Counted = Mapping[bytes, Budget]
"""Whom an attempt counts against, by keyed hash."""

_COUNT: Final = text(
    """
    INSERT INTO escrow.failed_login AS held (subject, failures, failed_at, open_at)
    VALUES (:subject, 1, clock_timestamp(), clock_timestamp())
    ON CONFLICT (subject) DO UPDATE SET
        failures = CASE WHEN held.failed_at < clock_timestamp() - make_interval(secs => :forgiven)
                        THEN 1 ELSE held.failures + 1 END,
        failed_at = clock_timestamp(),
        open_at = clock_timestamp() + make_interval(secs => CASE
            WHEN held.failed_at < clock_timestamp() - make_interval(secs => :forgiven) THEN 0
            WHEN held.failures + 1 <= :free THEN 0
            ELSE least(:longest, :first * power(2, least(held.failures - :free, 30))) END)
    WHERE held.open_at <= clock_timestamp()
    RETURNING failures
    """
)
_WAIT: Final = text(
    "SELECT ceil(extract(epoch FROM open_at - clock_timestamp()))::int"
    " FROM escrow.failed_login WHERE subject = :subject"
)
_TAKE_BACK: Final = text(
    "UPDATE escrow.failed_login SET failures = CASE WHEN :whole THEN 0"
    " ELSE greatest(failures - 1, 0) END, open_at = least(open_at, clock_timestamp())"
    " WHERE subject = :subject"
)


async def count(connection: AsyncConnection, counted: Counted) -> None:
    """Count an attempt against each; raises `RateLimited` where one of them has to wait.

    The caller commits before it judges the attempt, and rolls back when it is refused here: who
    only waits is not made to wait longer.
    """
    for subject, budget in sorted(counted.items()):
        values = {
            "subject": subject,
            "free": budget.free,
            "first": budget.first_s,
            "longest": budget.longest_s,
            "forgiven": budget.forgiven_s,
        }
        if (await connection.execute(_COUNT, values)).one_or_none() is None:
            wait = await connection.scalar(_WAIT, {"subject": subject})
            raise RateLimited(retry_after_s=max(1, wait or 0))


async def take_back(connection: AsyncConnection, counted: Counted) -> None:
    """Take the count of a good attempt back.

    Failures of a pair or a device are forgotten; a source keeps those of others, or somebody's own
    good login would buy it new guesses.
    """
    for subject, budget in sorted(counted.items()):
        whole = budget is not SOURCE
        await connection.execute(_TAKE_BACK, {"subject": subject, "whole": whole})
