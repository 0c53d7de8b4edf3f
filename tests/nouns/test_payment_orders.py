"""Payment orders over HTTP: fetched, reported, executed and returned by the bank, or cancelled."""

import pytest

from tests.fixtures.payouts import Payouts


async def test_a_bank_fetches_its_orders_once_with_whom_to_pay(payouts: Payouts) -> None:
    order = await payouts.ordered()
    post, bank = payouts.district.service.post, payouts.bank

    first = await post("/v1/payment-orders/fetch", bank, {"limit": 10}, key="f-1")
    replayed = await post("/v1/payment-orders/fetch", bank, {"limit": 10}, key="f-1")
    again = await post("/v1/payment-orders/fetch", bank, {"limit": 10})

    handed = first.json()["orders"]
    assert [(o["id"], o["state"]) for o in handed] == [(order["id"], "SENT")]
    assert handed[0]["payee"] == {
        "name": "启明艺术培训学校",
        "account_number": "6222000000000000001",
        "bank_name": "工商银行",
    }
    assert replayed.json() == first.json()
    assert again.json()["orders"] == []


async def test_only_the_paying_bank_sees_the_payee(payouts: Payouts) -> None:
    order = await payouts.ordered()

    mine = await payouts.order(order, payouts.bank)
    schools = await payouts.order(order)
    others = await payouts.district.service.get(
        f"/v1/payment-orders/{order['id']}", payouts.district.banks["CMB"]
    )

    assert mine["payee"]["account_number"] == "6222000000000000001"
    assert schools["payee"] is None
    assert others.status_code == 404


async def test_an_order_is_not_handed_over_while_its_account_is_fenced(payouts: Payouts) -> None:
    await payouts.ordered()
    body = {
        "target_type": "CUSTODY_ACCOUNT",
        "target_id": payouts.custody_id,
        "kind": "FENCE",
        "cause": "VERIFY",
    }
    await payouts.academy.post("restraints", payouts.district.regulator, body)

    answer = await payouts.academy.post("payment-orders/fetch", payouts.bank)

    assert answer.json()["orders"] == []


async def test_the_banks_debit_executes_an_order(payouts: Payouts) -> None:
    order = await payouts.fetched()

    debit = await payouts.debited(order)

    assert debit["outcome"] == "ORDER"
    assert debit["balances"] == {"custody_bank": "4791.66"}
    read = await payouts.order(order)
    assert (read["state"], read["executed_by"]) == ("EXECUTED", debit["id"])


async def test_a_debit_names_its_order_as_payment_systems_do(payouts: Payouts) -> None:
    order = await payouts.fetched()
    name = order["id"].replace("_", "").upper()

    debit = await payouts.debited({"id": name, "amount": order["amount"]})

    assert (debit["outcome"], debit["order_id"]) == ("ORDER", order["id"])


async def test_a_rejected_order_gives_its_money_back_to_what_was_earned(payouts: Payouts) -> None:
    order = await payouts.fetched()

    rejected = await payouts.report(order, "REJECTED", reason="AC04")
    again = await payouts.report(order, "REJECTED", reason="AC04")

    assert rejected.status_code == 200
    assert rejected.json()["balances"]["earned"] == "208.33"
    assert (rejected.json()["state"], rejected.json()["reason"]) == ("REJECTED", "AC04")
    assert again.status_code == 200
    assert "balances" not in again.json() or again.json()["balances"] is None


async def test_an_executed_order_that_comes_back_is_earned_again(payouts: Payouts) -> None:
    order = await payouts.fetched()
    await payouts.debited(order)

    credit = await payouts.returned(order)

    assert credit["outcome"] == "RETURN"
    assert credit["balances"] == {"custody_bank": "4999.99"}
    assert (await payouts.order(order))["state"] == "RETURNED"
    assert (await payouts.preview())["earned"] == "208.33"


async def test_a_rejected_surplus_goes_back_to_own_funds(payouts: Payouts) -> None:
    await payouts.academy.receipt("300.00", kind="TOP_UP")
    order = await payouts.ordered("300.00", kind="SURPLUS")
    await payouts.academy.post("payment-orders/fetch", payouts.bank)

    rejected = await payouts.report(order, "REJECTED")

    assert rejected.json()["balances"] == {"earned": "208.33", "own_funds": "300.00"}


async def test_unknown_and_accepted_move_no_money(payouts: Payouts) -> None:
    order = await payouts.fetched()

    unknown = await payouts.report(order, "UNKNOWN")
    debit = await payouts.debited(order)

    assert unknown.json()["state"] == "UNKNOWN"
    assert unknown.json()["balances"] == {"earned": "0.00", "own_funds": "0.00"}
    assert debit["outcome"] == "ORDER"


@pytest.mark.parametrize(
    ("first", "then"),
    [("REJECTED", "ACCEPTED"), ("ACCEPTED", "UNKNOWN"), ("REJECTED", "UNKNOWN")],
)
async def test_every_other_step_is_the_wrong_state(payouts: Payouts, first: str, then: str) -> None:
    order = await payouts.fetched()
    await payouts.report(order, first)

    answer = await payouts.report(order, then)

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


async def test_an_executed_order_is_not_rejected_any_more(payouts: Payouts) -> None:
    order = await payouts.fetched()
    await payouts.debited(order)

    answer = await payouts.report(order, "REJECTED")

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


async def test_a_debit_of_a_rejected_order_is_kept_not_posted(payouts: Payouts) -> None:
    order = await payouts.fetched()
    await payouts.report(order, "REJECTED")

    debit = await payouts.debited(order)

    assert debit["outcome"] == "KEPT"


async def test_reports_come_in_batches(payouts: Payouts) -> None:
    orders = [await payouts.ordered(amount) for amount in ("100.00", "108.33")]
    await payouts.academy.post("payment-orders/fetch", payouts.bank)
    items = [
        {"order_id": orders[0]["id"], "status": "ACCEPTED"},
        {"order_id": orders[1]["id"], "status": "REJECTED"},
        {"order_id": orders[1]["id"], "status": "ACCEPTED"},
    ]

    answer = await payouts.academy.post(
        "payment-orders/report/batch", payouts.bank, {"items": items}
    )

    results = answer.json()["results"]
    assert [result["code"] for result in results] == ["done", "done", "wrong_state"]
    assert results[1]["result"]["balances"]["earned"] == "108.33"


async def test_an_order_is_cancelled_only_before_its_bank_has_it(payouts: Payouts) -> None:
    first = await payouts.ordered("100.00")
    cancelled = await payouts.academy.post(
        f"payment-orders/{first['id']}/cancel", payouts.academy.token
    )
    second = await payouts.fetched("100.00")

    late = await payouts.academy.post(
        f"payment-orders/{second['id']}/cancel", payouts.academy.token
    )

    assert cancelled.json()["state"] == "CANCELLED"
    assert cancelled.json()["balances"]["earned"] == "208.33"
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")


async def test_a_rejected_return_stands_in_suspense_again(payouts: Payouts) -> None:
    held = await payouts.academy.receipt("88.00", payer_name="李四", payer_account="62220001")
    sent = await payouts.academy.post(f"receipts/{held['id']}/return", payouts.district.operator)
    await payouts.academy.post("payment-orders/fetch", payouts.bank)

    rejected = await payouts.report(sent.json(), "REJECTED", reason="AC01")

    assert rejected.status_code == 200, rejected.text
    again = await payouts.academy.get(f"receipts/{held['id']}", payouts.district.operator)
    assert (again["outcome"], again["suspense"]) == ("SUSPENSE", "88.00")


async def test_orders_are_listed_in_scope_and_by_state(payouts: Payouts) -> None:
    order = await payouts.ordered("100.00")
    await payouts.ordered("108.33")
    await payouts.academy.post(f"payment-orders/{order['id']}/cancel", payouts.academy.token)
    get, regulator = payouts.academy.get, payouts.district.regulator

    new = await get("payment-orders", regulator, state="NEW")
    first = await get("payment-orders", regulator, limit=1)
    rest = await get("payment-orders", regulator, limit=1, cursor=first["next_cursor"])

    assert [found["amount"] for found in new["items"]] == ["108.33"]
    assert [found["amount"] for found in first["items"] + rest["items"]] == ["100.00", "108.33"]
    assert rest["next_cursor"] is None
