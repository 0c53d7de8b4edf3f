"""Counts of active enrolments worked out by the migration are those the writer appended."""

import importlib.util
from types import ModuleType

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from service import paths
from service.store.unit import ACTIVE_ENROLMENTS
from tests.fixtures.databases import Database
from tests.fixtures.scripted_journals import ScriptedJournal

COUNTED = text(
    "SELECT unit_type, unit_id, kind, reason, seq, balance FROM escrow.rollup"
    " WHERE journal_id = :journal AND kind = :kind ORDER BY seq, unit_type, unit_id"
)
FORGET = text("DELETE FROM escrow.rollup WHERE journal_id = :journal AND kind = :kind")


def migration() -> ModuleType:
    """Load the migration as Alembic does, from its file."""
    file = paths.migrations_dir() / "versions" / "0012_active_enrolments.py"
    spec = importlib.util.spec_from_file_location("active_enrolments", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def test_counts_of_the_past_are_worked_out_as_the_writer_appended_them(
    database: Database, standing_journal: ScriptedJournal
) -> None:
    asked = {"journal": standing_journal.journal, "kind": ACTIVE_ENROLMENTS}
    engine = create_async_engine(database.admin_url)

    async with engine.connect() as connection:
        written = (await connection.execute(COUNTED, asked)).all()
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await connection.execute(FORGET, asked)
        await connection.run_sync(migration().count, standing_journal.journal)
        worked_out = (await connection.execute(COUNTED, asked)).all()
        await connection.rollback()
    await engine.dispose()

    assert len(written) > 3
    assert {row.unit_type for row in written} == {"AREA", "CUSTODY_ACCOUNT", "INSTITUTION"}
    assert worked_out == written
