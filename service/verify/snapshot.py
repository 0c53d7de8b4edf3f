"""The snapshot that a verification reads: one read-only transaction, streamed in chunks.

The driver's own cursors are used, because a journal does not fit into memory and every row of it
is looked at once.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

CHUNK: Final = 5_000
STATEMENT_TIMEOUT: Final = "1h"

Row = Any
"""A driver's row: columns by name."""


class Stream:
    """Rows of one query in order of their `seq`, taken up to a sequence number at a time."""

    def __init__(self, cursor: Any) -> None:  # noqa: ANN401 - the driver has no types
        """Read from an open cursor."""
        self._cursor = cursor
        self._rows: Sequence[Row] = ()
        self._next = 0
        self._ended = False

    async def chunk(self) -> Sequence[Row]:
        """Return the next rows, none at the end."""
        rows: Sequence[Row] = await self._cursor.fetch(CHUNK)
        return rows

    async def until(self, seq: int | None) -> list[Row]:
        """Return the rows up to and including a sequence number, or all that are left."""
        taken: list[Row] = []
        while not self._ended:
            rows, at = self._rows, self._next
            while at < len(rows) and (seq is None or rows[at]["seq"] <= seq):
                taken.append(rows[at])
                at += 1
            self._next = at
            if at < len(rows):
                return taken
            self._rows, self._next = await self.chunk(), 0
            self._ended = not self._rows
        return taken


class Snapshot:
    """One transaction's view of the whole database."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - the driver has no types
        """Read through a driver connection whose transaction has begun."""
        self.connection = connection

    async def rows(self, query: str, *values: Any) -> Sequence[Row]:  # noqa: ANN401
        """Return all rows of a query with few."""
        found: Sequence[Row] = await self.connection.fetch(query, *values)
        return found

    async def value(self, query: str, *values: Any) -> Any:  # noqa: ANN401
        """Return the one value of a query."""
        return await self.connection.fetchval(query, *values)

    async def stream(self, query: str, *values: Any) -> Stream:  # noqa: ANN401
        """Open a query with many rows."""
        return Stream(await self.connection.cursor(query, *values))

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """Keep the snapshot usable when what runs inside fails."""
        async with self.connection.transaction():
            yield


@asynccontextmanager
async def snapshot(url: str) -> AsyncIterator[Snapshot]:
    """Open a read-only snapshot of the database at `url`."""
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            driver = raw.driver_connection
            assert driver is not None, "a fresh connection has its driver"
            async with driver.transaction(isolation="repeatable_read", readonly=True):
                await driver.execute(
                    f"SELECT set_config('statement_timeout', '{STATEMENT_TIMEOUT}', true),"
                    " set_config('work_mem', '64MB', true)"
                )
                yield Snapshot(driver)
    finally:
        await engine.dispose()
