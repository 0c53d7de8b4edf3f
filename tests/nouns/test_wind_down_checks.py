"""Verify and wind-downs: a true history is clean to its closure, and what was made up is found."""

import pytest

from service import verify
from service.verify import Report
from service.verify.snapshot import Snapshot
from tests.fixtures.academies import Academy
from tests.fixtures.corruptions import insider
from tests.fixtures.databases import Database
from tests.fixtures.registers import Collapse, collapsed

pytestmark = pytest.mark.usefixtures("official_calendar")


@pytest.fixture
async def history(academy: Academy, higher: str) -> Collapse:
    """Case 8.6 with a second round, all paid and closed."""
    collapse = await collapsed(academy)
    await collapse.credited("5000.00", "RECOVERY")
    for recovered in ("1000.00", None):
        await collapse.approved(higher)
        await collapse.posted()
        await collapse.paid()
        await collapse.followed()
        if recovered is not None:
            await collapse.credited(recovered, "RECOVERY")
    closed = await collapse.close(higher)
    assert closed.status_code == 200, closed.text
    return collapse


async def test_a_wind_down_leaves_a_clean_journal_to_its_closure(
    database: Database, history: Collapse
) -> None:
    report = await verify.verify(database.url("escrow_audit"), journals=[history.district.journal])

    assert [(found.check, found.example) for found in report.findings] == []


@pytest.mark.parametrize(
    ("corruption", "broken"),
    [
        pytest.param(
            "UPDATE escrow.plan_share SET tier_two_fen = tier_two_fen + 1,"
            " dividend_fen = dividend_fen + 1, residual_fen = residual_fen - 1"
            " WHERE journal_id = {j} AND register_number = 1",
            {"I-30", "I-31"},
            id="a share that does not follow",
        ),
        pytest.param(
            "UPDATE escrow.distribution_plan SET inputs = replace(inputs, '499999', '499998')"
            " WHERE journal_id = {j}",
            {"I-30"},
            id="inputs that were changed afterwards",
        ),
        pytest.param(
            "DELETE FROM escrow.plan_share WHERE journal_id = {j} AND register_number = 7",
            {"I-30", "I-31"},
            id="a share that is gone",
        ),
        pytest.param(
            "UPDATE escrow.entitlement SET dividend_fen = dividend_fen - 1,"
            " residual_fen = residual_fen + 1 WHERE journal_id = {j} AND register_number = 2",
            {"R-03", "I-31"},
            id="a dividend that was taken back",
        ),
        pytest.param(
            "UPDATE escrow.wind_down SET distributed_fen = distributed_fen + 1"
            " WHERE journal_id = {j}",
            {"R-03"},
            id="a case that says it gave more",
        ),
        pytest.param(
            "UPDATE escrow.rollup SET balance = balance + 100 WHERE journal_id = {j}"
            " AND unit_type = 'CUSTODY_ACCOUNT' AND kind = 'CUSTODY_BANK'",
            {"I-32"},
            id="cash without a name",
        ),
        pytest.param(
            "UPDATE escrow.wind_down SET frozen_seq = 0, frozen_on = '2020-01-01'"
            " WHERE journal_id = {j};"
            " UPDATE escrow.journal_transaction_{j} SET kind = 'PAYOUT_INSTRUCTED'"
            " WHERE kind = 'REFUND_INSTRUCTED'",
            {"I-33"},
            id="a payout after the freeze",
        ),
    ],
)
async def test_what_was_made_up_of_a_wind_down_is_found(
    database: Database, history: Collapse, corruption: str, broken: set[str]
) -> None:
    report = await _corrupted(database, history.district.journal, corruption)

    assert broken <= {finding.check for finding in report.findings}


async def _corrupted(database: Database, journal: int, statements: str) -> Report:
    async with insider(database) as connection:
        await connection.execute(statements.format(j=journal))
        await connection.execute("SET LOCAL session_replication_role = origin")
        await connection.execute("SET LOCAL ROLE escrow_audit")
        return await verify.verify_snapshot(Snapshot(connection), journals=[journal])
