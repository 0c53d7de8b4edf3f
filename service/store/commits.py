"""The end of a unit of work: COMMIT and its three outcomes, and giving one up.

Applied is only what the server said it had committed, in time and without a warning: a wait for a
standby that was cancelled is answered as done, though no standby has it. Whatever else happens
from COMMIT on is unknown. No cancel request of ours may reach a COMMIT for that reason: on doubt
the socket is closed, and the connection is never used again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import OutcomeUnknown
from service.store import driver

RETRIED: Final = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock timeout: rolled back for certain, worth another try."""
COMMIT_WITHIN_S: Final = 30
"""No limit of the server's holds inside COMMIT; after so long its outcome is unknown."""
ROLLBACK_WITHIN_S: Final = 5
_WARNING: Final = "WARNING"


class CommitWarned(RuntimeError):  # noqa: N818 - the server's answer, not a fault
    """The server committed with a warning: it may not be kept as durably as was promised."""


async def settle(
    connection: AsyncConnection, ending: Callable[[], Awaitable[None]], *, within_s: int
) -> None:
    """Commit by `ending`; raises `OutcomeUnknown`, or the fault where all is surely undone."""
    raw = driver.driver_of(connection)
    warned: list[str] = []

    def heard(_connection: Any, message: Any) -> None:  # noqa: ANN401 - the driver is untyped
        if (message.severity_en or message.severity) == _WARNING:
            warned.append(message.message)

    raw.add_log_listener(heard)
    committing = asyncio.ensure_future(ending())
    try:
        await asyncio.wait({committing}, timeout=within_s)
        _require(committing, warned)
    except BaseException as error:
        await cut(connection, raw, committing)
        if driver.sqlstate(error) in RETRIED:
            raise
        raise OutcomeUnknown from error
    raw.remove_log_listener(heard)


def _require(committing: "asyncio.Future[None]", warned: Sequence[str]) -> None:
    """Raise what went wrong with a COMMIT that should have been answered by now."""
    if not committing.done():
        raise TimeoutError
    committing.result()
    if warned:
        raise CommitWarned(warned[0])


async def abandon(connection: AsyncConnection, error: BaseException) -> None:
    """Roll back what was never committed, unless the connection may not even do that in time."""
    if isinstance(error, Exception) and not isinstance(error, TimeoutError):
        try:
            async with asyncio.timeout(ROLLBACK_WITHIN_S):
                await connection.rollback()
        except BaseException:
            await cut(connection, driver.raw_of(connection))
            raise
    else:
        await cut(connection, driver.raw_of(connection))


async def cut(
    connection: AsyncConnection,
    raw: Any,  # noqa: ANN401 - the driver is untyped
    running: "asyncio.Future[None] | None" = None,
) -> None:
    """Close the socket at once, wait for what ran on it, and never use the connection again."""
    if raw is not None:
        raw.terminate()
    if running is not None:
        await asyncio.wait({running})
    await connection.invalidate()
