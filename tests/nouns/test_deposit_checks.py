"""Verify, deposits and interest: a true history is clean, and what was made up is found."""

from datetime import UTC, datetime, timedelta

import pytest

from ledger.calendars import midnight, shanghai_date
from service import verify
from service.verify import Report
from service.verify.snapshot import Snapshot
from service.worker import run_due
from tests.fixtures.corruptions import insider
from tests.fixtures.databases import Database
from tests.fixtures.deposits import Deposits, held

CONCERNED = {
    *("I-01", "I-02", "I-03", "I-04", "I-05", "I-13", "I-14", "I-15", "I-16", "I-19", "I-24"),
    *("I-26", "I-35", "I-38", "I-40", "V-10", "V-11", "R-01", "R-02"),
}


@pytest.fixture
async def history(holding: Deposits) -> Deposits:
    """A deposit lodged, drawn, released; fees held, lessons given; interest allocated."""
    academy = holding.academy
    custody = academy.district.public("cus", academy.custody)
    await holding.lodged("30000.00")
    enrolment = await held(holding)
    await academy.confirmed(enrolment)
    await academy.recorded(enrolment)
    back = await holding.by_two("release", amount="1000.00")
    await holding.debited(back, "D-1")
    await academy.post("enrolments/legacy", academy.token, academy.legacy("2000.00", 40))
    for amount, reference in (("500.00", "D-2"), ("300.00", "D-3")):
        order = await holding.by_two("draw", custody_account_id=custody, amount=amount)
        await holding.debited(order, reference)
        if reference == "D-2":
            await academy.receipt("500.00", kind="TRANSFER", end_to_end_id=order["id"])
    today = shanghai_date(datetime.now(UTC)) + timedelta(days=1)
    await academy.receipt(
        "3.21", kind="INTEREST", from_on=today.isoformat(), to_on=today.isoformat()
    )
    store, journal = academy.district.service.store, academy.district.journal
    await store.move_clock(journal, midnight(today + timedelta(days=2)))
    await run_due(store, journal)
    return holding


async def test_deposits_and_interest_leave_a_clean_journal(
    database: Database, history: Deposits
) -> None:
    journal = history.academy.district.journal

    report = await verify.verify(database.url("escrow_audit"), journals=[journal])

    assert [(f.check, f.example) for f in report.findings if f.check in CONCERNED] == []
    assert not any(report.results[check].not_done for check in CONCERNED)


@pytest.mark.parametrize(
    ("corruption", "broken"),
    [
        pytest.param(
            "UPDATE escrow.custody_account SET purpose = 'CUSTODY' WHERE journal_id = {j}",
            {"I-26"},
            id="a deposit account that says it is custody",
        ),
        pytest.param(
            "UPDATE escrow.payment_order SET state = 'NEW' WHERE journal_id = {j}"
            " AND kind = 'TRANSFER' AND arrived_entry_id IS NULL",
            {"I-26", "R-05"},
            id="a draw that says it was never sent",
        ),
        pytest.param(
            "UPDATE escrow.interest_credit SET allocated_fen = 320 WHERE journal_id = {j}",
            {"I-40", "R-05"},
            id="less interest allocated than the row says",
        ),
        pytest.param(
            "UPDATE escrow.bank_entry SET amount_fen = 322 WHERE journal_id = {j}"
            " AND outcome = 'INTEREST'",
            {"I-40", "I-35"},
            id="more interest credited than the bank said",
        ),
    ],
)
async def test_what_was_made_up_of_deposits_and_interest_is_found(
    database: Database, history: Deposits, corruption: str, broken: set[str]
) -> None:
    journal = history.academy.district.journal

    report = await _corrupted(database, journal, corruption)

    assert broken <= {finding.check for finding in report.findings}


async def _corrupted(database: Database, journal: int, statement: str) -> Report:
    async with insider(database) as connection:
        await connection.execute(statement.format(j=journal))
        await connection.execute("SET LOCAL session_replication_role = origin")
        await connection.execute("SET LOCAL ROLE escrow_audit")
        return await verify.verify_snapshot(Snapshot(connection), journals=[journal])
