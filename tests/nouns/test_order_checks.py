"""Verify and orders at their banks: true histories are clean, and what was made up is found."""

import pytest

from service import verify
from service.verify import Report
from service.verify.snapshot import Snapshot
from tests.fixtures.corruptions import insider
from tests.fixtures.databases import Database
from tests.fixtures.payouts import Payouts


@pytest.fixture
async def reported(payouts: Payouts) -> Payouts:
    """Orders that were executed, lost and found again, not found twice, and are still NEW."""
    executed = await payouts.fetched("50.00")
    await payouts.report(executed, "ACCEPTED")
    await payouts.debited(executed)
    unknown = await payouts.fetched("40.00")
    await payouts.report(unknown, "UNKNOWN")
    await payouts.report(unknown, "ACCEPTED")
    lost = await payouts.fetched("30.00")
    await payouts.report(lost, "NOT_FOUND")
    with payouts.machine_later(301):
        await payouts.report(lost, "NOT_FOUND")
    await payouts.ordered("20.00")
    return payouts


async def found(database: Database, reported: Payouts, corruption: str | None = None) -> set[str]:
    """Return the checks that find what a corruption would leave."""
    journal = reported.district.journal
    async with insider(database) as connection:
        if corruption is not None:
            changed = await connection.execute(corruption.format(j=journal))
            assert changed.endswith(" 1"), changed
        await connection.execute("SET LOCAL session_replication_role = origin")
        await connection.execute("SET LOCAL ROLE escrow_audit")
        report: Report = await verify.verify_snapshot(Snapshot(connection), journals=[journal])
    return {finding.check for finding in report.findings}


async def test_leased_reported_and_lost_orders_leave_a_clean_journal(
    database: Database, reported: Payouts
) -> None:
    assert await found(database, reported) == set()


@pytest.mark.parametrize(
    "corruption",
    [
        pytest.param(
            "UPDATE escrow.payment_order SET state = 'ACCEPTED' WHERE journal_id = {j}"
            " AND state = 'UNKNOWN'",
            id="an order that its bank knows nothing of",
        ),
        pytest.param(
            "UPDATE escrow.order_report SET reported_at = reported_at + interval '1 minute'"
            " WHERE journal_id = {j} AND status = 'NOT_FOUND' AND state = 'UNKNOWN'",
            id="two answers too close together",
        ),
        pytest.param(
            "UPDATE escrow.order_lease SET order_id = (SELECT order_id FROM escrow.payment_order"
            " WHERE journal_id = {j} AND state = 'NEW') WHERE journal_id = {j} AND order_id ="
            " (SELECT order_id FROM escrow.payment_order WHERE journal_id = {j}"
            " AND state = 'EXECUTED')",
            id="a lease of an order that was not sent",
        ),
        pytest.param(
            "UPDATE escrow.order_report SET seq = 1 WHERE journal_id = {j} AND status = 'UNKNOWN'",
            id="a report without its transaction",
        ),
    ],
)
async def test_what_was_made_up_about_an_order_is_found(
    database: Database, reported: Payouts, corruption: str
) -> None:
    assert "I-38" in await found(database, reported, corruption)
