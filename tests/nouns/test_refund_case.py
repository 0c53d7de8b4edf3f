"""Worked case 8.5 over HTTP: a payout, its fee, 退汇 or 冲账, and the parent's refund."""

from typing import Any

import pytest

from tests.fixtures.academies import Academy
from tests.fixtures.payouts import settled
from tests.fixtures.refunds import Refunds

pytestmark = pytest.mark.usefixtures("official_calendar")

PAYER = {"payer_name": "张三", "payer_account": "6222020000000000001"}


@pytest.fixture
async def enrolment(academy: Academy) -> dict[str, Any]:
    """4,999.99 over 48 lessons, 17 of them confirmed."""
    await settled(academy)
    opened = await academy.opened()
    await academy.receipt("4999.99", payment_code=opened["payment_code"], **PAYER)
    for _ in range(17):
        await academy.confirmed(opened)
    return opened


async def _paid_out(refunds: Refunds) -> dict[str, Any]:
    """Pay out what was earned, and let the bank take 5.00 for it."""
    academy = refunds.academy
    body = {"custody_account_id": refunds.district.public("cus", academy.custody)}
    asked = await refunds.post("payouts", academy.token, body)
    assert asked.json()["amount"] == "1770.82", asked.text
    (order,) = await refunds.fetched()
    await refunds.debited(order)
    charge = await refunds.post("debits", refunds.bank, refunds.line("5.00") | {"kind": "CHARGE"})
    assert charge.status_code == 201, charge.text
    return order


async def _figures(refunds: Refunds, enrolment: dict[str, Any]) -> dict[str, str]:
    preview = await refunds.academy.get(
        "payouts/preview",
        refunds.academy.token,
        custody_account_id=refunds.district.public("cus", refunds.academy.custody),
    )
    money = await refunds.academy.money(enrolment)
    return {
        "A1": preview["resource"],
        "A5": next((debt["amount"] for debt in preview["debts"]), "0.00"),
        "L1": money["prepaid"],
        "L4": preview["earned"],
        "shortfall": preview["shortfall"],
    }


async def test_case_8_5_a_fee_is_missing_until_it_is_made_good(
    refunds: Refunds, enrolment: dict[str, Any]
) -> None:
    await _paid_out(refunds)

    assert await _figures(refunds, enrolment) == {
        "A1": "3224.17",
        "A5": "5.00",
        "L1": "3229.17",
        "L4": "0.00",
        "shortfall": "5.00",
    }


async def test_case_8_5_returned_then_refunded_to_the_parent(
    refunds: Refunds, enrolment: dict[str, Any], academy: Academy
) -> None:
    order = await _paid_out(refunds)

    await refunds.returned(order)
    come_back = await _figures(refunds, enrolment)
    await academy.receipt("5.00", kind="TOP_UP")
    claim = await _approved(refunds, enrolment)
    refund = await refunds.sent()
    await refunds.debited(refund)

    assert come_back == {
        "A1": "4994.99",
        "A5": "5.00",
        "L1": "3229.17",
        "L4": "1770.82",
        "shortfall": "5.00",
    }
    assert (refund["amount"], refund["payee"]["account_number"]) == (
        "3229.17",
        PAYER["payer_account"],
    )
    assert await _figures(refunds, enrolment) == {
        "A1": "1770.82",
        "A5": "0.00",
        "L1": "0.00",
        "L4": "1770.82",
        "shortfall": "0.00",
    }
    paid = await academy.get(f"claims/{claim['id']}", refunds.district.regulator)
    assert paid["claim"]["state"] == "PAID"


async def test_case_8_5_reversed_by_the_bank_with_its_fee(
    refunds: Refunds, enrolment: dict[str, Any], academy: Academy
) -> None:
    order = await _paid_out(refunds)

    entry = await refunds.reversed(order)
    await academy.receipt("5.00", kind="CHARGE_REIMBURSED")

    assert entry["outcome"] == "REVERSAL"
    assert await _figures(refunds, enrolment) == {
        "A1": "4999.99",
        "A5": "0.00",
        "L1": "3229.17",
        "L4": "1770.82",
        "shortfall": "0.00",
    }
    told = await academy.get(f"payment-orders/{order['id']}", academy.token)
    assert (told["state"], told["returned_by"]) == ("REVERSED", entry["id"])


async def _approved(refunds: Refunds, enrolment: dict[str, Any]) -> dict[str, Any]:
    """File a claim on what is left, let the school agree and the regulator approve."""
    academy = refunds.academy
    body = {"enrolment_id": enrolment["id"], "reason": "INSTITUTION"}
    filed = await refunds.post("claims", await academy.parent(enrolment), body)
    assert filed.status_code == 201, filed.text
    claim = dict(filed.json())
    for verb, token in (("agree", academy.token), ("approve", refunds.district.regulator)):
        answer = await refunds.post(f"claims/{claim['id']}/{verb}", token, {})
        assert answer.status_code == 200, answer.text
    return claim
