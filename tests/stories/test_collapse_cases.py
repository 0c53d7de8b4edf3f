"""Worked cases 8.6 and 8.7 over HTTP: one collapse, both ways of sharing, to the last fen."""

from typing import Any

import pytest

from service import verify
from tests.fixtures.academies import Academy
from tests.fixtures.collapses import act, case_of, opened, wait_until_after
from tests.fixtures.databases import Database
from tests.fixtures.registers import Collapse, charged
from tests.fixtures.transfers import credited, debited, fetched

pytestmark = pytest.mark.usefixtures("official_calendar")

CLAIMS = ("4999.99", "3229.17", "10000.00", "1250.00", "1250.00", "0.01", "8333.33")
"""C1 to C7; C3 is the legacy contract for which nothing was ever paid in."""

PAID = {
    "POOLED": ("3500.33", "2260.64", "7000.68", "875.09", "875.08", "0.01", "5833.90"),
    "TRACED_FIRST": ("4380.46", "2829.06", "3645.17", "1095.12", "1095.12", "0.01", "7300.79"),
}
LEFT = {
    "POOLED": ("1499.66", "968.53", "2999.32", "374.91", "374.92", "0.00", "2499.43"),
    "TRACED_FIRST": ("619.53", "400.11", "6354.83", "154.88", "154.88", "0.00", "1032.54"),
}


async def carried(academy: Academy, value: str, lessons: int, number: int) -> dict[str, Any]:
    """Take on a contract from before custody, whose guardian's account the regulator knows."""
    guardian = {"name": "张三", "account_number": f"62220000{number}", "bank_name": "工商银行"}
    body = academy.legacy(value, lessons, contract_on=f"2025-06-{number:02d}", guardian=guardian)
    answer = await academy.post("enrolments/legacy", academy.district.regulator, body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


@pytest.fixture
async def collapse(academy: Academy, higher: str) -> Collapse:
    """Fill the books of case 8.6 by what happened, and lead the case to its pool.

    A court's deduction comes as a charge of the bank, in one sum with its fee.
    """
    deposit = await academy.district.plant_custody_account(
        academy.institution, purpose="DEPOSIT", is_default=False
    )
    named = academy.district.public("cus", deposit)
    await academy.receipt("5000.00", custody_account_id=named, kind="DEPOSIT")
    for number, value in enumerate(CLAIMS, start=1):
        if number != 3:
            await carried(academy, value, 10, number)
    earned = await carried(academy, "800.00", 1, 8)
    await academy.receipt("19862.50", kind="TOP_UP")
    await carried(academy, CLAIMS[2], 10, 3)
    await academy.confirmed(earned)
    await charged(academy, "4516.77")
    case = await act(academy, await opened(academy, higher), "register")
    await wait_until_after(academy, case["objections_until"])
    await act(academy, case, "set-off")
    await act(academy, case, "draw-deposit")
    (draw,) = await fetched(academy, "ICBC")
    await debited(academy, "ICBC", draw)
    await credited(academy, "ICBC", draw)
    await act(academy, case, "draw-deposit")
    return Collapse(academy, await case_of(academy))


@pytest.mark.parametrize("basis", ["POOLED", "TRACED_FIRST"])
async def test_a_collapse_is_shared_out_paid_and_closed_to_the_fen(
    collapse: Collapse, higher: str, database: Database, basis: str
) -> None:
    before = await collapse.now()
    pooled, traced = await collapse.simulated()
    chosen = pooled if basis == "POOLED" else traced

    approved = await collapse.approve(chosen, higher)
    await collapse.posted()
    paid = await collapse.paid()
    state = await collapse.followed()
    closed = await collapse.close(higher)

    shares = await collapse.shares(chosen)
    journal = collapse.district.journal
    report = await verify.verify(database.url("escrow_audit"), journals=[journal])
    after = await collapse.now()
    assert (before["state"], before["claimed"], before["pool"]) == (
        "DEPOSIT_DRAWN",
        "29062.50",
        "20345.73",
    )
    assert (approved.status_code, state, closed.status_code) == (200, "RESIDUAL", 200)
    assert tuple(share["dividend"] for share in shares) == PAID[basis]
    assert tuple(share["residual"] for share in shares) == LEFT[basis]
    assert sorted(paid) == sorted(PAID[basis])
    assert (after["state"], after["distributed"], after["residual"]) == (
        "CLOSED",
        "20345.73",
        "8716.77",
    )
    assert [(found.check, found.example) for found in report.findings] == []
