"""Refunds over HTTP: paid to whoever paid, waiting for money or a payee, back and paid again."""

import asyncio
from typing import Any

import pytest

from tests.fixtures.academies import Academy
from tests.fixtures.refunds import Refunds

PAYER = {"payer_name": "张三", "payer_account": "6222020000000000001"}


@pytest.fixture
async def enrolment(academy: Academy) -> dict[str, Any]:
    """An enrolment of 4,999.99, paid from an account the bank named."""
    opened = await academy.opened()
    await academy.receipt("4999.99", payment_code=opened["payment_code"], **PAYER)
    return opened


async def test_a_refund_goes_back_to_the_account_that_paid(
    refunds: Refunds, enrolment: dict[str, Any]
) -> None:
    (refund,) = await refunds.owed(enrolment, "3229.17")

    order = await refunds.sent()
    waiting = await refunds.read(refund)
    await refunds.debited(order)

    assert (order["kind"], order["amount"]) == ("REFUND", "3229.17")
    assert order["payee"]["account_number"] == PAYER["payer_account"]
    assert (waiting["state"], waiting["in_transit"]) == ("IN_TRANSIT", "3229.17")
    paid = await refunds.read(refund)
    assert (paid["state"], paid["paid"], paid["in_transit"]) == ("PAID", "3229.17", "0.00")


async def test_a_refund_is_instructed_once(refunds: Refunds, enrolment: dict[str, Any]) -> None:
    await refunds.owed(enrolment, "3229.17")

    first, second = await refunds.settle(), await refunds.settle()

    assert (first, second) == (1, 0)


async def test_two_sweeps_at_once_pay_a_refund_once(
    refunds: Refunds, enrolment: dict[str, Any]
) -> None:
    await refunds.owed(enrolment, "3229.17")

    made = await asyncio.gather(*(refunds.settle() for _ in range(4)))

    assert sum(made) == 1
    assert [order["amount"] for order in await refunds.fetched()] == ["3229.17"]


async def test_the_bank_that_pays_a_refund_sees_whom_and_nobody_else_does(
    refunds: Refunds, enrolment: dict[str, Any], academy: Academy
) -> None:
    await refunds.owed(enrolment, "3229.17")
    await refunds.settle()

    (own,) = (await academy.get("payment-orders", refunds.bank, kind="REFUND"))["items"]
    (seen,) = (await academy.get("payment-orders", academy.token, kind="REFUND"))["items"]

    assert own["payee"]["account_number"] == PAYER["payer_account"]
    assert seen["payee"] is None


async def test_a_guardian_reads_their_own_refunds_and_nobody_elses(
    refunds: Refunds, enrolment: dict[str, Any], academy: Academy
) -> None:
    (refund,) = await refunds.owed(enrolment, "3229.17")
    stranger = await academy.parent(await academy.opened(guardian={"name": "李四"}))

    own = await academy.get("refunds", await academy.parent(enrolment))
    others = await academy.get("refunds", stranger)
    foreign = await academy.district.service.get(f"/v1/refunds/{refund}", stranger)

    assert [item["id"] for item in own["items"]] == [refund]
    assert others["items"] == []
    assert foreign.status_code == 404


async def test_a_returned_refund_waits_for_a_payee_agreed_by_two_and_its_cool_off(
    refunds: Refunds, enrolment: dict[str, Any]
) -> None:
    (refund,) = await refunds.owed(enrolment, "3229.17")
    order = await refunds.sent()
    await refunds.debited(order)

    await refunds.returned(order)
    held = await refunds.read(refund)
    changed = await refunds.payee_changed(refund)
    cooling = await refunds.settle()
    await refunds.after_days(3)
    (again,) = await refunds.fetched()
    await refunds.debited(again)

    assert (held["state"], held["returned"], held["waiting_for"]) == (
        "RETURNED",
        "3229.17",
        "PAYEE",
    )
    assert changed["outcome"]["payee_hold_until"] is not None
    assert cooling == 0
    assert again["payee"]["account_number"] == "6222000000000000009"
    assert (await refunds.read(refund))["state"] == "PAID"


async def test_nobody_changes_the_payee_of_a_refund_whose_payer_takes_it(
    refunds: Refunds, enrolment: dict[str, Any]
) -> None:
    (refund,) = await refunds.owed(enrolment, "3229.17")

    refused = await refunds.ask_payee(refund)

    assert refused.status_code == 409
    assert refused.json()["code"] == "wrong_state"


async def test_a_rejected_refund_is_owed_again_and_waits_for_another_payee(
    refunds: Refunds, enrolment: dict[str, Any]
) -> None:
    (refund,) = await refunds.owed(enrolment, "3229.17")

    await refunds.rejected(await refunds.sent())
    again = await refunds.settle()

    owed = await refunds.read(refund)
    assert (owed["state"], owed["payable"], again) == ("WAITING_FOR_PAYEE", "3229.17", 0)


async def test_a_refund_the_bank_reversed_is_paid_to_the_same_payee_again(
    refunds: Refunds, enrolment: dict[str, Any]
) -> None:
    (refund,) = await refunds.owed(enrolment, "3229.17")
    order = await refunds.sent()
    await refunds.debited(order)

    entry = await refunds.reversed(order)
    again = await refunds.sent()

    assert entry["outcome"] == "REVERSAL"
    assert again["payee"]["account_number"] == PAYER["payer_account"]
    assert (await refunds.read(refund))["state"] == "IN_TRANSIT"


async def test_a_second_reversal_of_an_order_is_somebody_elses_money(
    refunds: Refunds, enrolment: dict[str, Any]
) -> None:
    await refunds.owed(enrolment, "3229.17")
    order = await refunds.sent()
    await refunds.debited(order)
    await refunds.reversed(order)

    again = await refunds.reversed(order)

    assert again["outcome"] == "SUSPENSE"


async def test_an_unfunded_refund_waits_for_money_and_is_paid_once_it_is_topped_up(
    refunds: Refunds, academy: Academy
) -> None:
    taken = await academy.post("enrolments/legacy", academy.token, academy.legacy("12000.00", 60))
    legacy = taken.json()
    await academy.receipt("4000.00", kind="TOP_UP")
    (refund,) = await refunds.owed(legacy, "12000.00")
    await refunds.account_registered(refund, await academy.parent(legacy))

    await refunds.after_days(3)
    (first,) = await refunds.fetched()
    partly = await refunds.read(refund)
    await academy.receipt("8000.00", kind="TOP_UP")
    rest = await refunds.sent()
    for order in (first, rest):
        await refunds.debited(order)

    assert (first["amount"], rest["amount"]) == ("4000.00", "8000.00")
    assert (partly["state"], partly["payable"]) == ("WAITING_FOR_MONEY", "8000.00")
    assert (await refunds.read(refund))["state"] == "PAID"


async def test_a_refund_nobody_claims_is_left_with_a_notary(
    refunds: Refunds, academy: Academy
) -> None:
    opened = await academy.enrolled()
    (refund,) = await refunds.owed(opened, "4999.99")
    early = await refunds.ask_lodging(refund)

    await refunds.after_days(91)
    unclaimed = await academy.get("refunds", refunds.district.regulator, unclaimed="true")
    asked = await refunds.ask_lodging(refund)
    lodged = await refunds.approved(asked)
    (order,) = await refunds.fetched()
    await refunds.debited(order)

    assert early.status_code == 409
    assert [item["id"] for item in unclaimed["items"]] == [refund]
    assert lodged["state"] == "EXECUTED", lodged
    assert (order["kind"], order["payee"]["name"]) == ("LODGING", "重庆市公证处")
    told = await refunds.read(refund)
    assert (told["state"], told["lodged"], told["payable"]) == ("LODGED", "4999.99", "0.00")


async def test_a_fence_stops_refunds_and_a_payout_stop_does_not(
    refunds: Refunds, enrolment: dict[str, Any], academy: Academy
) -> None:
    await refunds.owed(enrolment, "3229.17")
    await academy.restrained("PAYOUT_STOP")
    await refunds.restrain_account("FENCE")

    fenced = await refunds.settle()
    await refunds.lift_account()

    assert fenced == 0
    assert await refunds.settle() == 1


async def test_a_hold_keeps_back_what_a_refund_may_use(
    refunds: Refunds, enrolment: dict[str, Any]
) -> None:
    (refund,) = await refunds.owed(enrolment, "3229.17")
    await refunds.restrain_account("HOLD", amount_fen=400_000)

    order = await refunds.sent()

    assert order["amount"] == "999.99"
    assert (await refunds.read(refund))["waiting_for"] == "MONEY"


async def test_an_operator_settles_refunds_on_demand_under_a_key(
    refunds: Refunds, enrolment: dict[str, Any]
) -> None:
    await refunds.owed(enrolment, "3229.17")
    service, operator = refunds.district.service, refunds.district.operator

    first = await service.post("/v1/refunds/settle", operator, {}, key="settle-1")
    again = await service.post("/v1/refunds/settle", operator, {}, key="settle-1")
    later = await service.post("/v1/refunds/settle", operator, {})

    assert first.json() == {"orders": 1, "waiting": 0, "refused": 0}
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert later.json()["orders"] == 0


async def test_a_freeze_takes_back_refund_orders_that_no_bank_has_fetched(
    refunds: Refunds, enrolment: dict[str, Any], academy: Academy
) -> None:
    (refund,) = await refunds.owed(enrolment, "3229.17")
    await refunds.settle()
    body = {
        "target_type": "INSTITUTION",
        "target_id": refunds.district.public("ins", academy.institution),
        "kind": "FREEZE",
        "cause": "ABSCONDED",
    }

    frozen = await refunds.post("restraints", refunds.district.regulator, body)
    again = await refunds.settle()

    assert frozen.status_code == 201, frozen.text
    assert again == 0
    assert (await refunds.read(refund))["payable"] == "3229.17"
