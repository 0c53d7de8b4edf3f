"""Whose a receipt in suspense may be: proposals with reasons, the likeliest first."""

from typing import Any

import pytest

from service.store import payment_codes
from tests.fixtures.academies import Academy

PAYER = {"payer_name": "王五", "payer_account": "6222020000000000077"}


@pytest.fixture
async def families(academy: Academy) -> dict[str, dict[str, Any]]:
    """Two families with an open contract each."""
    return {
        name: await academy.opened(
            guardian={"name": name, "phone": phone}, student={"name": student}
        )
        for name, phone, student in (
            ("王五", "13800000051", "王小五"),
            ("赵六", "13800000061", "欧阳小六"),
        )
    }


async def proposed(academy: Academy, receipt: dict[str, Any]) -> Any:
    return await academy.get(f"receipts/{receipt['id']}/proposals", academy.district.operator)


async def test_amount_and_payers_name_propose_a_contract(
    academy: Academy, families: dict[str, dict[str, Any]]
) -> None:
    held = await academy.receipt("4999.99", **PAYER)

    answer = await proposed(academy, held)

    first, second = answer["items"]
    assert first["enrolment_id"] == families["王五"]["id"]
    assert first["reasons"] == ["PAYER_NAME", "AMOUNT_DUE"]
    assert (second["reasons"], first["score"] > second["score"]) == (["AMOUNT_DUE"], True)
    assert "王五" not in str(answer)


async def test_a_students_name_is_found_beside_the_schools_former_name(
    academy: Academy, families: dict[str, dict[str, Any]]
) -> None:
    held = await academy.receipt("12.00", purpose="原示例青禾艺术培训学校欧阳小六三月学费")

    answer = await proposed(academy, held)

    [only] = answer["items"]
    assert only["enrolment_id"] == families["赵六"]["id"]
    assert only["reasons"] == ["NAMED_IN_PURPOSE"]


async def test_an_account_that_paid_before_proposes_its_family(
    academy: Academy, families: dict[str, dict[str, Any]]
) -> None:
    other = {"payer_name": "王五的公司", "payer_account": PAYER["payer_account"]}
    code = families["赵六"]["payment_code"]
    await academy.receipt("100.00", payment_code=code, **other)
    held = await academy.receipt("30.00", **other)

    answer = await proposed(academy, held)

    [only] = answer["items"]
    assert only["enrolment_id"] == families["赵六"]["id"]
    assert (only["reasons"], only["due"]) == (["PAYER_ACCOUNT"], "4899.99")


def slipped(code: str) -> str:
    """Write a code with one wrong character, so that it names nobody."""
    other = next(c for c in payment_codes.ALPHABET if c != code[5])
    return code[:5] + other + code[6:]


async def test_a_mistyped_code_proposes_whose_it_was_meant_to_be(
    academy: Academy, families: dict[str, dict[str, Any]]
) -> None:
    code = families["赵六"]["payment_code"]
    held = await academy.receipt("30.00", purpose=f"学费 {slipped(code)[:6]} {slipped(code)[6:]}")

    answer = await proposed(academy, held)

    assert held["suspense_reason"] == "UNKNOWN_ENROLMENT"
    [only] = answer["items"]
    assert (only["enrolment_id"], only["reasons"]) == (
        families["赵六"]["id"],
        ["PAYMENT_CODE_ALIKE"],
    )


async def test_the_same_money_before_is_pointed_at(
    academy: Academy, families: dict[str, dict[str, Any]]
) -> None:
    code = families["王五"]["payment_code"]
    before = await academy.receipt("30.00", payment_code=code, **PAYER)
    held = await academy.receipt("30.00", **PAYER)

    answer = await proposed(academy, held)

    assert answer["similar_receipt_ids"] == [before["id"]]


async def test_nothing_is_proposed_for_what_is_not_in_suspense(
    academy: Academy, families: dict[str, dict[str, Any]]
) -> None:
    code = families["王五"]["payment_code"]
    matched = await academy.receipt("30.00", payment_code=code, **PAYER)

    answer = await proposed(academy, matched)

    assert (answer["suspense"], answer["items"]) == ("0.00", [])
