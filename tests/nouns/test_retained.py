"""Earned money that stays in custody to close a gap from before it (E55)."""

from typing import Any

import httpx
import pytest

from tests.fixtures.academies import Academy
from tests.fixtures.approvals import approve


@pytest.fixture
async def school(academy: Academy) -> Academy:
    """A school that earned 208.33 and owes 12,000.00 of two legacy contracts."""
    enrolment = await academy.enrolled()
    for _ in range(2):
        await academy.confirmed(enrolment)
    for value, since in (("11900.00", "2025-03-01"), ("100.00", "2025-01-10")):
        body = academy.legacy(value, 40, contract_on=since)
        taken = await academy.post("enrolments/legacy", academy.token, body)
        assert taken.status_code == 201, taken.text
    return academy


async def ask(school: Academy, **values: Any) -> httpx.Response:
    """Let a regulator ask for earned money to stay."""
    path = f"custody-accounts/{school.district.public('cus', school.custody)}/retain"
    return await school.post(path, school.district.regulator, values)


async def standing(school: Academy) -> tuple[str, list[str]]:
    """Read what is earned, and what is owed."""
    preview = await school.get(
        "payouts/preview",
        school.token,
        custody_account_id=school.district.public("cus", school.custody),
    )
    return preview["earned"], sorted(debt["amount"] for debt in preview["debts"])


async def test_two_regulators_let_earned_money_close_the_oldest_legacy_contract_first(
    school: Academy,
) -> None:
    asked = await ask(school)
    before = await standing(school)

    answer = await approve(school, asked.json(), school.district.second_regulator)

    assert answer.status_code == 200, answer.text
    assert answer.json()["outcome"]["legacy_left"] == "11791.67"
    assert before == ("208.33", ["100.00", "11900.00"])
    assert await standing(school) == ("0.00", ["11791.67"])


async def test_no_more_stays_than_was_earned(school: Academy) -> None:
    answer = await ask(school, amount="208.34")

    assert (answer.status_code, answer.json()["code"]) == (422, "balance_too_low")


async def test_nothing_stays_where_nothing_is_owed_for_legacy_contracts(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    await academy.confirmed(enrolment)

    answer = await ask(academy)

    assert (answer.status_code, answer.json()["code"]) == (422, "amount_zero")
