"""Verify and settlement accounts: each order goes where its institution was paid at the time."""

import pytest

from tests.fixtures.approvals import approve
from tests.fixtures.databases import Database
from tests.fixtures.payouts import Payouts
from tests.nouns.claim_calls import looked_at

PAID = "UPDATE escrow.payment_order AS one SET payee_party_id = other.payee_party_id"
TWO = (
    "FROM escrow.payment_order AS other WHERE one.journal_id = {j} AND other.journal_id = {j}"
    " AND one.amount_fen = {one} AND other.amount_fen = {other}"
)


@pytest.fixture
async def moved_on(payouts: Payouts) -> Payouts:
    """A school that was paid 10.00 and 20.00, changed its account, and was paid 30.00."""
    academy, district = payouts.academy, payouts.district
    for amount in ("10.00", "20.00"):
        await payouts.ordered(amount)
    account = {"name": "新户名", "account_number": "888800000000000002", "bank_name": "某行"}
    path = f"institutions/{district.public('ins', academy.institution)}/settlement-account"
    asked = await academy.post(path, district.regulator, {"settlement_account": account})
    assert asked.status_code == 202, asked.text
    done = await approve(academy, asked.json(), district.second_regulator)
    assert done.status_code == 200, done.text
    await payouts.ordered("30.00")
    return payouts


@pytest.mark.parametrize(
    ("corruption", "broken"),
    [
        pytest.param("SELECT 1", False, id="nothing"),
        pytest.param(
            f"{PAID} {TWO.format(j='{j}', one=3000, other=1000)}", True, id="the account before"
        ),
        pytest.param(
            f"{PAID} {TWO.format(j='{j}', one=1000, other=3000)}", True, id="the account after"
        ),
        pytest.param(
            "UPDATE escrow.institution SET settlement_party_id = (SELECT payee_party_id"
            " FROM escrow.payment_order WHERE journal_id = {j} AND amount_fen = 1000)"
            " WHERE journal_id = {j} AND settlement_party_id IS NOT NULL",
            True,
            id="the change taken back",
        ),
    ],
)
async def test_an_order_goes_where_the_institution_was_paid_at_the_time(
    database: Database, moved_on: Payouts, corruption: str, broken: bool
) -> None:
    journal = moved_on.district.journal

    report = await looked_at(database, journal, corruption.format(j=journal))

    assert report.violated == (["I-29"] if broken else [])
    assert bool(report.fences) is broken
