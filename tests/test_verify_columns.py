"""Verify names a change of any column of any sealed table, and of the heads that they end in."""

from typing import Final

import pytest
from sqlalchemy import BigInteger, Date, DateTime, Integer, LargeBinary

from service.store.tables import Base
from service.verify.server_checks import SEALED
from tests.fixtures.corruptions import corrupted
from tests.fixtures.databases import Database
from tests.fixtures.scripted_journals import ScriptedJournal

NAMED_BY: Final = {
    "journal_transaction": "V-23",
    "entry": "I-04",
    "rollup": "V-04",
    "audit": "V-32",
    "account": "V-07",
    "reversal": "I-07",
}
"""The check that names whatever was changed in a table."""

OTHERWISE: Final = {
    ("journal_head", "seq"): "I-06",
    ("journal_head", "hash"): "V-23",
    ("journal_head", "recorded_at"): "I-06",
    ("journal_head", "effective_on"): "I-06",
    ("journal_head", "closed_on"): "V-35",
    ("journal_head", "next_account_id"): "V-07",
    ("journal_head", "audit_seq"): "V-32",
    ("journal_head", "audit_hash"): "V-32",
    ("closed_day", "day"): "V-35",
    ("closed_day", "last_seq"): "V-35",
    ("stored_answer", "caller_id"): "V-20",
    ("stored_answer", "key"): "V-20",
    ("stored_answer", "seq"): "V-20",
}
"""Columns of tables of which not every column is told twice."""

WHERE: Final = {
    "journal_transaction": "seq = {charge}",
    "entry": "seq = {charge}",
    "rollup": "seq = {charge}",
    "audit": "last_seq = {charge}",
    "account": "kind = 'PAYOUT_IN_TRANSIT'",
    "reversal": "reversing_seq = {reversal}",
    "journal_head": "true",
    "closed_day": "true",
    "stored_answer": "seq = {charge}",
}
LEAVES: Final = frozenset(SEALED)


def changed(table: str, column: str) -> str:
    """Write the statement that gives a column of one row, or of one batch, another value."""
    kind = Base.metadata.tables[f"escrow.{table}"].columns[column].type
    value = f"coalesce({column}, '') || 'x'"
    if (table, column) == ("audit", "kind"):
        value = "'COUNTED'"
    elif column in {"owner_id", "custody_account_id", "institution_id"}:
        value = "gen_random_uuid()"
    elif isinstance(kind, BigInteger | Integer):
        value = f"coalesce({column}, 0) + 10000"
    elif isinstance(kind, LargeBinary):
        value = f"coalesce({column}, ''::bytea) || '\\x00'::bytea"
    elif isinstance(kind, DateTime):
        value = f"{column} + interval '1 microsecond'"
    elif isinstance(kind, Date):
        value = f"{column} + 1"
    leaf = "_{j}" if table in LEAVES else ""
    mine = "" if table in LEAVES else "journal_id = {j} AND "
    return f"UPDATE escrow.{table}{leaf} SET {column} = {value} WHERE {mine}{WHERE[table]}"  # noqa: S608


COLUMNS: Final = [
    pytest.param(changed(table, column.name), check, id=f"{table}.{column.name}")
    for table, check in NAMED_BY.items()
    for column in Base.metadata.tables[f"escrow.{table}"].columns
    if column.name != "journal_id"
] + [
    pytest.param(changed(table, column), check, id=f"{table}.{column}")
    for (table, column), check in OTHERWISE.items()
]


@pytest.mark.parametrize(("corruption", "check"), COLUMNS)
async def test_a_changed_column_is_named(
    quiet_database: Database, quiet_journal: ScriptedJournal, corruption: str, check: str
) -> None:
    report = await corrupted(quiet_database, quiet_journal, corruption)

    assert check in report.violated, report.findings


@pytest.mark.parametrize("table", sorted(LEAVES))
async def test_rows_that_went_into_another_journal_are_missed(
    quiet_database: Database, quiet_journal: ScriptedJournal, table: str
) -> None:
    leaf = f"CREATE TABLE escrow.{table}_60001 PARTITION OF escrow.{table} FOR VALUES IN (60001);"
    taken = f"UPDATE escrow.{table} SET journal_id = 60001 WHERE journal_id = {{j}} AND "  # noqa: S608

    report = await corrupted(quiet_database, quiet_journal, leaf + taken + WHERE[table])

    named_by = {**NAMED_BY, "journal_transaction": "I-06"}
    assert named_by[table] in report.violated, report.findings
