"""The machine's clock goes back: the journal's order and its instants go on, and so do its days.

Business time is the database's clock plus the journal's offset. Only the administrator can make
the offset smaller, which is what a clock that steps back is to a journal.
"""

import itertools
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from service import verify
from service.store.context import Context
from service.verify import Status
from tests.fixtures.databases import Database
from tests.fixtures.store import Books

TOLD = text(
    "SELECT recorded_at, effective_on FROM escrow.journal_transaction"
    " WHERE journal_id = :journal ORDER BY seq"
)


async def step(database: Database, journal: int, by: timedelta) -> None:
    """Let the clock that a journal goes by step forward, or back."""
    engine = create_async_engine(database.admin_url)
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(
            text(
                "UPDATE escrow.journal_head SET clock_offset_us = clock_offset_us + :by"
                " WHERE journal_id = :journal"
            ),
            {"by": by // timedelta(microseconds=1), "journal": journal},
        )
    await engine.dispose()


async def told(books: Books) -> list[tuple[datetime, object]]:
    """Read instant and business date of every transaction, in order."""
    async with books.district.service.engine.connect() as connection:
        await Context.writer(books.journal).enter(connection, statement_timeout="10s")
        found = await connection.execute(TOLD, {"journal": books.journal})
        return [(row.recorded_at, row.effective_on) for row in found]


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=2)], ids=["hour", "days"])
async def test_a_clock_that_steps_back_turns_no_instant_and_no_day_around(
    database: Database, books: Books, back: timedelta
) -> None:
    await books.receive(books.top_up())
    await step(database, books.journal, back)
    await books.receive(books.top_up())

    await step(database, books.journal, -back)
    for _ in range(3):
        await books.receive(books.top_up())
    instants, days = zip(*await told(books), strict=True)
    report = await verify.verify(database.url("escrow_audit"), journals=[books.journal])

    tick = timedelta(microseconds=1)
    assert instants[1] - instants[0] >= back
    since = instants[1:]
    assert [later - sooner for sooner, later in itertools.pairwise(since)] == [tick, tick, tick]
    assert list(days) == sorted(days)
    assert days[1] == days[4]
    assert report.status is Status.CLEAN, report.as_json()
