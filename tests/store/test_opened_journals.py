"""A journal is opened while others are at work: nobody waits for it, and it for nobody."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from ledger import chain
from service.store.context import Context
from tests.fixtures.service import JOURNALS, District

OPEN = text("SELECT escrow.open_journal(:journal, :genesis, :at, :day)")
INDEXES = text("SELECT indexname FROM pg_indexes WHERE tablename = :table")


@pytest.mark.parametrize("sealed", ["journal_transaction", "entry", "rollup", "audit"])
async def test_a_journal_opens_while_another_reads_what_is_sealed(
    district: District, sealed: str
) -> None:
    engine, journal, now = district.service.engine, next(JOURNALS), datetime.now(UTC)
    asked = {
        "journal": journal,
        "genesis": chain.genesis(journal),
        "at": now,
        "day": now.date(),
    }
    async with engine.begin() as reading, engine.connect() as opening:
        await Context.writer(district.journal).enter(reading, statement_timeout="10s")
        await reading.execute(text(f"SELECT count(*) FROM escrow.{sealed}"))  # noqa: S608
        await opening.execute(text("SET LOCAL lock_timeout = '2s'"))

        await opening.execute(OPEN, asked)

        await opening.rollback()


@pytest.mark.parametrize("parent", ["journal_transaction", "entry", "rollup", "audit"])
async def test_a_leaf_that_was_attached_has_the_indexes_of_its_parent(
    district: District, parent: str
) -> None:
    async with district.service.engine.connect() as connection:
        parents = (await connection.execute(INDEXES, {"table": parent})).all()

        leaf = f"{parent}_{district.journal}"
        found = (await connection.execute(INDEXES, {"table": leaf})).all()

    assert len(found) == len(parents) >= 1
