"""Verify names a payout, and a settlement account, that was turned to somebody else."""

import pytest

from tests.fixtures.corruptions import corrupted
from tests.fixtures.databases import Database
from tests.fixtures.scripted_journals import ScriptedJournal


@pytest.mark.parametrize(
    ("corruption", "broken"),
    [
        pytest.param(
            "UPDATE escrow.payment_order SET payee_party_id = gen_random_uuid()"
            " WHERE journal_id = {j}",
            {"I-29"},
            id="a payout to another's account",
        ),
        pytest.param(
            "UPDATE escrow.institution SET settlement_party_id = gen_random_uuid()"
            " WHERE journal_id = {j}",
            {"I-29"},
            id="a settlement account that nobody changed",
        ),
    ],
)
async def test_a_payee_that_was_turned_is_named(
    quiet_database: Database, quiet_journal: ScriptedJournal, corruption: str, broken: set[str]
) -> None:
    report = await corrupted(quiet_database, quiet_journal, corruption)

    assert set(report.violated) == broken, report.findings
