"""Verify names a reconciliation that says other than the journal, and a difference without name."""

import pytest

from service import verify
from service.verify.snapshot import Snapshot
from tests.fixtures.corruptions import insider
from tests.fixtures.databases import Database
from tests.fixtures.days import today
from tests.fixtures.statement_uploads import Uploads


@pytest.fixture
async def reconciled(uploads: Uploads) -> Uploads:
    """Reconcile a school whose bank has one more credit, and which owes a fee; close its day."""
    academy, district = uploads.academy, uploads.academy.district
    custody = district.public("cus", academy.custody)
    booked = {"book_on": "2026-03-02", "value_on": "2026-03-02"}
    await academy.receipt("100.00", **booked)
    fee = {"custody_account_id": custody, "bank_ref": "F-1", "amount": "5.00", "kind": "CHARGE"}
    await academy.post("debits", district.banks["ICBC"], fee | booked)
    await uploads.sent(uploads.camt(uploads.entry(5_000), opening=10_000))
    closed = await academy.post("statements/close-day", district.operator, {"day": "2026-03-02"})
    assert closed.status_code == 201, closed.text
    body = {"custody_account_id": custody, "day": today().isoformat()}
    answer = await academy.post("reconciliations", district.operator, body)
    assert answer.status_code == 201, answer.text
    return uploads


@pytest.mark.parametrize(
    ("corruption", "broken"),
    [
        pytest.param("SELECT 1", set(), id="nothing"),
        pytest.param(
            "UPDATE escrow.reconciliation_break SET amount_fen = amount_fen + 1"
            " WHERE journal_id = {j}",
            {"I-37"},
            id="a break of another amount",
        ),
        pytest.param(
            "DELETE FROM escrow.reconciliation_break WHERE journal_id = {j}",
            {"I-37"},
            id="breaks deleted",
        ),
        pytest.param(
            "INSERT INTO escrow.reconciliation_break SELECT journal_id, gen_random_uuid(),"
            " custody_account_id, institution_id, bank_code, kind, 'BANK_ENTRY', 'bke_none',"
            " arose_on, 0, outside, state, owner, assignee, level, opened_on, opened_at,"
            " escalated_on, cause, signed_by, signed_at, signed_seq, closed_at, closed_seq, seq"
            " FROM escrow.reconciliation_break WHERE journal_id = {j} LIMIT 1",
            {"I-37"},
            id="a break that nobody found",
        ),
        pytest.param(
            "UPDATE escrow.reconciliation_break SET state = 'CLOSED', closed_seq = 1,"
            " closed_at = now() WHERE journal_id = {j}",
            {"I-37"},
            id="breaks hushed up",
        ),
        pytest.param(
            "UPDATE escrow.reconciliation SET coverage_state = 'COVERED' WHERE journal_id = {j}",
            {"R-07"},
            id="an account painted green",
        ),
        pytest.param(
            "UPDATE escrow.reconciliation SET requirement_fen = 0 WHERE journal_id = {j}",
            {"R-07"},
            id="nothing required",
        ),
        pytest.param(
            "DELETE FROM escrow.reconciliation WHERE journal_id = {j} AND cause = 'DAY_CLOSE'",
            {"R-07"},
            id="what a day was sealed with deleted",
        ),
        pytest.param(
            "DELETE FROM escrow.reconciliation WHERE journal_id = {j} AND cause = 'ON_DEMAND'",
            {"R-07"},
            id="reconciliations deleted",
        ),
        pytest.param(
            "UPDATE escrow.top_up_demand SET restraint_id = gen_random_uuid()"
            " WHERE journal_id = {j}",
            {"R-07"},
            id="a demand without its stop",
        ),
        pytest.param(
            "UPDATE escrow.top_up_demand SET state = 'MET', ended_seq = seq, ended_at = now()"
            " WHERE journal_id = {j}",
            {"R-07"},
            id="a demand that nothing ended",
        ),
        pytest.param(
            "DELETE FROM escrow.top_up_demand WHERE journal_id = {j}",
            {"R-07"},
            id="demands deleted",
        ),
    ],
)
async def test_a_reconciliation_that_was_touched_is_named(
    database: Database, reconciled: Uploads, corruption: str, broken: set[str]
) -> None:
    journal = reconciled.academy.district.journal

    async with insider(database) as connection:
        await connection.execute(corruption.format(j=journal))
        await connection.execute("SET LOCAL session_replication_role = origin")
        await connection.execute("SET LOCAL ROLE escrow_audit")
        report = await verify.verify_snapshot(Snapshot(connection), journals=[journal])

    assert set(report.violated) == broken, report.findings
