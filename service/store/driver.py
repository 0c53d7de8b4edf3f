"""Statements asked of the driver itself, where SQLAlchemy's way there costs more than the answer.

They run inside the transaction of a SQLAlchemy connection, which must have begun: outside of one
each would commit by itself. The driver keeps their plans by their text, so the text of a statement
must not vary with its values. Its own faults (`FAULTS`) are not wrapped.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.facts import Record

_KILLED = (asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a connection says that was killed between two steps of one statement."""
FAULTS = (asyncpg.PostgresError, *_KILLED, OSError)
"""What the driver raises by itself, where SQLAlchemy does not stand between."""

SERVER_GAVE_UP: Final = frozenset({"57014", "57P01", "57P02", "57P03", "53300", "53100", "25P03"})
"""Timeouts, shutdown, too many connections, disk full: nothing was committed, come back later."""

_CONNECTION: Final = "08"
"""The class of states that say the connection itself was lost."""


def driver_of(connection: AsyncConnection) -> Any:  # noqa: ANN401 - the driver is untyped
    """Return the driver's connection, in the transaction that has begun on it."""
    inner = connection.sync_connection
    assert inner is not None, "the connection is open"
    raw = inner.connection.driver_connection
    assert raw is not None, "the connection is open"
    assert raw.is_in_transaction(), "the context statement has begun the transaction"
    return raw


def raw_of(connection: AsyncConnection) -> Any:  # noqa: ANN401 - the driver is untyped
    """Return the driver's connection, whatever state it is in; None where there is none left."""
    inner = connection.sync_connection
    if inner is None or inner.closed or inner.invalidated:
        return None
    return inner.connection.driver_connection


def sqlstate(error: BaseException) -> str | None:
    """Return what PostgreSQL calls the error, None where it said nothing."""
    found = getattr(getattr(error, "orig", error), "sqlstate", None)
    return None if found is None else str(found)


def is_lost(error: BaseException) -> bool:
    """Tell whether the server or the connection gave up; before COMMIT nothing was committed."""
    said = sqlstate(error) or ""
    if said in SERVER_GAVE_UP or said.startswith(_CONNECTION):
        return True
    if isinstance(error, DBAPIError):
        cause = getattr(error.orig, "__cause__", None)
        killed = isinstance(cause, _KILLED) and not isinstance(cause, asyncpg.DataError)
        return error.connection_invalidated or killed
    return isinstance(error, FAULTS) and not isinstance(error, asyncpg.PostgresError)


async def fetch(connection: AsyncConnection, statement: str, *values: Any) -> Sequence[Any]:  # noqa: ANN401
    """Run a select with numbered parameters; its rows read by position."""
    found: Sequence[Any] = await driver_of(connection).fetch(statement, *values)
    return found


async def records(connection: AsyncConnection, statement: str, *values: Any) -> list[Record]:  # noqa: ANN401
    """Run a select with numbered parameters and return its rows by name."""
    found = await driver_of(connection).fetch(statement, *values)
    if not found:
        return []
    names = tuple(found[0].keys())
    return [Record(zip(names, row, strict=True)) for row in found]


async def execute(
    connection: AsyncConnection,
    statement: str,
    *values: Any,  # noqa: ANN401
    meanwhile: Callable[[], None] | None = None,
) -> int:
    """Run a statement that changes rows; return how many, 0 where none are meant.

    What is to be done `meanwhile` is done once the statement is sent, while the server works on it.
    """
    running = driver_of(connection).execute(statement, *values)
    if meanwhile is not None:
        running = await _sent(running, meanwhile)
    done: str = await running
    count = done.rpartition(" ")[2]
    return int(count) if count.isdecimal() else 0


async def _sent(
    statement: Coroutine[Any, Any, str], meanwhile: Callable[[], None]
) -> asyncio.Task[str]:
    """Send a statement and do something else; it has ended by then if that was of no use."""
    running = asyncio.ensure_future(statement)
    try:
        await asyncio.sleep(0)
        meanwhile()
    except BaseException:
        await asyncio.wait([running])
        raise
    return running
