"""References, measured in the same run: binary COPY of the same entries, and a commit a request."""

import asyncio
import time
from typing import Any, Final

from tests.benchmarks.ground import Bench, connect

TRANSFERS_A_COMMIT: Final = 10_000
CALLERS: Final = 32

_TABLE: Final = """
    CREATE SCHEMA IF NOT EXISTS bench;
    CREATE TABLE IF NOT EXISTS bench.entry (
        journal_id integer, account_id bigint, seq bigint, amount bigint, balance_after bigint,
        PRIMARY KEY (journal_id, seq, account_id));
    CREATE INDEX IF NOT EXISTS by_account ON bench.entry (journal_id, account_id, seq)"""
_ENTRIES: Final = """
    SELECT account_id, seq, amount, balance_after FROM escrow.entry
    WHERE journal_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq"""
_INSERT: Final = "INSERT INTO bench.entry VALUES ($1, $2, $3, $4, $5)"


class CopyLimit:
    """The limit: the very entries of a round, with the same keys, by binary COPY."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._copies = 0

    async def prepare(self) -> None:
        """Make the table: the entries' columns, a primary key and an index by account.

        Journals are numbered on from those that others of the run have copied there.
        """
        await self._bench.admin.execute(_TABLE)
        last = await self._bench.admin.fetchval("SELECT max(journal_id) FROM bench.entry")
        self._copies = 0 if last is None else last + 1

    async def seconds(self, journal: int, after: int, until: int, *, least: int = 20_000) -> float:
        """Copy what a journal appended between two positions; return the seconds for it.

        A short round is copied several times under other journal numbers and the mean is taken.
        """
        rows = await self._bench.admin.fetch(_ENTRIES, journal, after, until)
        chunks: list[list[Any]] = []
        for row in rows:
            position = (row["seq"] - after - 1) // TRANSFERS_A_COMMIT
            while len(chunks) <= position:
                chunks.append([])
            chunks[position].append(tuple(row))
        times = max(1, -(-least // max(1, len(rows))))
        ready = [
            [[(self._next(n), *row) for row in chunk] for chunk in chunks] for n in range(times)
        ]
        self._copies += times
        begun = time.perf_counter()
        for repeated in ready:
            for chunk in repeated:
                await self._bench.admin.copy_records_to_table(
                    "entry", schema_name="bench", records=chunk
                )
        return (time.perf_counter() - begun) / times

    def _next(self, number: int) -> int:
        return self._copies + number


async def commits_a_request(bench: Bench, requests: int) -> float:
    """Append two entries a commit from 32 connections, nothing else; return requests a second."""
    waiting = iter(range(requests))
    url = bench.ground.found.admin_url or bench.ground.found.url
    run = time.time_ns()

    async def one_after_the_other(connection: Any, number: int) -> None:
        for seq in waiting:
            entries = [(-1, run + side, seq, 1, 1) for side in (number * 2, number * 2 + 1)]
            async with connection.transaction():
                await connection.executemany(_INSERT, entries)

    connections = [await connect(url) for _ in range(CALLERS)]
    begun = time.perf_counter()
    await asyncio.gather(*(one_after_the_other(c, n) for n, c in enumerate(connections)))
    took = time.perf_counter() - begun
    await asyncio.gather(*(connection.close() for connection in connections))
    return requests / took


async def position(bench: Bench, journal: int) -> int:
    """Return the last sequence number of a journal."""
    found = await bench.admin.fetchval(
        "SELECT seq FROM escrow.journal_head WHERE journal_id = $1", journal
    )
    return int(found)
