"""Verify names a statement file that no longer agrees with its lines, or they with the entries."""

import pytest

from service import verify
from service.statement_files.canonical import Kind
from service.verify.snapshot import Snapshot
from tests.fixtures import statement_writers as writers
from tests.fixtures.corruptions import insider
from tests.fixtures.databases import Database
from tests.fixtures.statement_uploads import Uploads


@pytest.fixture
async def told(uploads: Uploads) -> Uploads:
    """Take a file with a line that was pushed, one that was not, and one that says otherwise."""
    pushed, otherwise = uploads.entry(10_000), uploads.entry(5_000)
    for amount, line in (("100.00", pushed), ("50.01", otherwise)):
        await uploads.academy.receipt(
            amount, bank_ref=line.bank_ref, book_on="2026-03-02", value_on="2026-03-02"
        )
    await uploads.sent(uploads.camt(pushed, otherwise, uploads.entry(-500)))
    return uploads


@pytest.mark.parametrize(
    ("corruption", "broken"),
    [
        pytest.param("SELECT 1", set(), id="nothing"),
        pytest.param(
            "UPDATE escrow.statement_line SET amount_fen = amount_fen + 1 WHERE journal_id = {j}"
            " AND outcome = 'POSTED'",
            {"I-36", "V-17"},
            id="a line of another amount",
        ),
        pytest.param(
            "DELETE FROM escrow.statement_line WHERE journal_id = {j} AND outcome = 'POSTED'",
            {"I-36", "V-17"},
            id="a line deleted",
        ),
        pytest.param(
            "UPDATE escrow.statement_line SET bank_entry_id = gen_random_uuid()"
            " WHERE journal_id = {j} AND outcome = 'MATCHED'",
            {"V-17"},
            id="a line of no entry",
        ),
        pytest.param(
            "UPDATE escrow.statement_line SET bank_ref = 'another' WHERE journal_id = {j}",
            {"V-17"},
            id="lines of other references",
        ),
        pytest.param(
            "UPDATE escrow.statement_line SET outcome = 'MATCHED' WHERE journal_id = {j}"
            " AND outcome = 'CONTRADICTED';"
            "UPDATE escrow.statement_file SET matched = 2, contradicted = 0 WHERE journal_id = {j}",
            {"V-17"},
            id="a contradiction hushed up",
        ),
        pytest.param(
            "UPDATE escrow.statement_file SET lines = 9 WHERE journal_id = {j}",
            {"V-17"},
            id="a file that ends too soon",
        ),
        pytest.param(
            "UPDATE escrow.statement_file SET state = 'REFUSED', reason = 'TRUNCATED'"
            " WHERE journal_id = {j}",
            {"V-17"},
            id="a refused file with lines",
        ),
        pytest.param(
            "UPDATE escrow.bank_statement SET closing_fen = 1 WHERE journal_id = {j}",
            {"I-36"},
            id="a statement that closes elsewhere",
        ),
    ],
)
async def test_a_statement_file_that_was_touched_is_named(
    database: Database, told: Uploads, corruption: str, broken: set[str]
) -> None:
    journal = told.academy.district.journal

    async with insider(database) as connection:
        await connection.execute(corruption.format(j=journal))
        await connection.execute("SET LOCAL session_replication_role = origin")
        await connection.execute("SET LOCAL ROLE escrow_audit")
        report = await verify.verify_snapshot(Snapshot(connection), journals=[journal])

    assert set(report.violated) == broken, report.findings


async def test_a_day_that_is_missing_and_a_report_that_need_not_chain_are_no_breaks(
    database: Database, uploads: Uploads
) -> None:
    await uploads.sent(uploads.camt(uploads.entry(10_000), sequence=61))
    later = uploads.camt(uploads.entry(2_500), opening=10_500, day="2026-03-04", sequence=63)
    await uploads.sent(later)
    report = uploads.statement(uploads.entry(100), opening=77, kind=Kind.REPORT, closing_fen=1)
    await uploads.sent(writers.camt(report, message="052"))

    async with insider(database) as connection:
        journal = uploads.academy.district.journal
        found = await verify.verify_snapshot(Snapshot(connection), journals=[journal])

    assert "I-36" not in found.violated, found.findings
