"""The simulation in a resolution pack, on the collapse of the worked cases 8.6 and 8.7."""

from typing import Any

import pytest

from ledger import distribution
from ledger.money import Money
from service.resolution import reckoning

CLAIMS = {
    "C1": "4999.99",
    "C2": "3229.17",
    "C3": "10000.00",
    "C4": "1250.00",
    "C5": "1250.00",
    "C6": "0.01",
    "C7": "8333.33",
}
ENROLMENTS = [{"enrolment_id": name, "custody_account_id": "bank"} for name in CLAIMS]


def account(kind: str, amount: str, **values: Any) -> dict[str, Any]:
    row = {"kind": kind, "custody_account_id": "bank", "reason": "", "enrolment_id": None}
    return row | {"balance": Money.of(amount).fen} | values


def collapsed() -> list[dict[str, Any]]:
    """Return the books of case 8.6 before anything is settled."""
    return [
        account("CUSTODY_BANK", "15345.73"),
        account("INSTITUTION_PAYABLE", "800.00"),
        account("RISK_DEPOSIT_BANK", "5000.00", custody_account_id="deposit"),
        account("RISK_DEPOSIT_HELD", "5000.00", custody_account_id="deposit"),
        account("DUE_FROM_INSTITUTION", "10000.00", reason="LEGACY", enrolment_id="C3"),
        account("DUE_FROM_INSTITUTION", "4511.77", reason="COURT_DEDUCTION"),
        account("DUE_FROM_INSTITUTION", "5.00", reason="BANK_CHARGE"),
        *(account("STUDENT_PREPAID", fen, enrolment_id=name) for name, fen in CLAIMS.items()),
    ]


@pytest.mark.parametrize(
    ("basis", "dividends"),
    [
        ("POOLED", "3500.33 2260.64 7000.68 875.09 875.08 0.01 5833.90"),
        ("TRACED_FIRST", "4380.46 2829.06 3645.17 1095.12 1095.12 0.01 7300.79"),
    ],
)
def test_the_worked_collapse_is_simulated_to_the_fen(basis: str, dividends: str) -> None:
    inputs = reckoning.simulation_inputs(collapsed(), ENROLMENTS, ["bank"], basis)

    shares = distribution.replay(inputs)

    assert [str(Money.from_fen(one + two)) for _, one, two in shares] == dividends.split()


def test_what_is_earned_makes_good_charges_first_then_the_oldest_contract() -> None:
    rows = [*collapsed(), account("INSTITUTION_OWN_FUNDS", "5000.00")]

    inputs = reckoning.simulation_inputs(rows, ENROLMENTS, ["bank"], "TRACED_FIRST")

    unfunded = {row["number"]: row["unfunded"] for row in inputs["entitlements"]}
    assert unfunded[3] == Money.of("8716.77").fen
    assert inputs["accounts"] == [{"number": 1, "pool": 1_534_573, "later": 500_000}]


def test_own_funds_left_over_fill_a_gap_in_another_account() -> None:
    rows = [
        account("CUSTODY_BANK", "300.00"),
        account("INSTITUTION_OWN_FUNDS", "300.00"),
        account("CUSTODY_BANK", "100.00", custody_account_id="other"),
        account("STUDENT_PREPAID", "150.00", custody_account_id="other", enrolment_id="C1"),
        account("DUE_FROM_INSTITUTION", "50.00", custody_account_id="other", reason="CLAWBACK"),
    ]
    enrolled = [{"enrolment_id": "C1", "custody_account_id": "other"}]

    inputs = reckoning.simulation_inputs(rows, enrolled, ["bank", "other"], "POOLED")

    assert inputs["accounts"] == [
        {"number": 1, "pool": 0, "later": 5_000},
        {"number": 2, "pool": 10_000, "later": 0},
    ]


def test_after_a_plan_was_posted_nothing_is_simulated() -> None:
    assert not reckoning.posted(collapsed())
    assert reckoning.posted([account("RESIDUAL_CLAIM", "1.00")])
