"""What banks say of orders over HTTP, and the queries they must answer (I-38)."""

from typing import Any

import pytest

from service.store import ids
from service.store.facts import Update
from service.store.tables import PaymentOrder
from tests.fixtures.payouts import Payouts

FIVE_MINUTES = 300


async def queries(payouts: Payouts, token: str | None = None) -> list[dict[str, Any]]:
    answer = await payouts.academy.get("payment-orders/queries", token or payouts.bank)
    return list(answer["items"])


async def state(payouts: Payouts, order: dict[str, Any]) -> str:
    return str((await payouts.order(order))["state"])


async def test_an_order_not_found_twice_five_minutes_apart_has_failed(payouts: Payouts) -> None:
    order = await payouts.fetched()

    first = await payouts.report(order, "NOT_FOUND")
    with payouts.machine_later(FIVE_MINUTES - 1):
        too_soon = await payouts.report(order, "NOT_FOUND")
    with payouts.machine_later(FIVE_MINUTES + 1):
        second = await payouts.report(order, "NOT_FOUND")

    assert [a.json()["state"] for a in (first, too_soon, second)] == [
        "UNKNOWN",
        "UNKNOWN",
        "REJECTED",
    ]
    assert first.json()["query_again_at"] is not None
    assert too_soon.json()["query_again_at"] == first.json()["query_again_at"]
    assert second.json()["reason"] == "NOT_FOUND"
    assert second.json()["balances"]["earned"] == "208.33"


@pytest.mark.parametrize("found", ["PENDING", "ACCEPTED", "UNKNOWN"])
async def test_an_order_that_was_found_between_has_not_failed(payouts: Payouts, found: str) -> None:
    order = await payouts.fetched()
    await payouts.report(order, "NOT_FOUND")

    between = await payouts.report(order, found)
    with payouts.machine_later(FIVE_MINUTES + 1):
        again = await payouts.report(order, "NOT_FOUND")

    assert (between.status_code, between.json()["state"]) == (200, "UNKNOWN")
    assert again.json()["state"] == "UNKNOWN"


async def test_one_message_delivered_twice_is_no_second_answer(payouts: Payouts) -> None:
    order = await payouts.fetched()
    await payouts.report(order, "NOT_FOUND", message_id="Q-1")

    with payouts.machine_later(FIVE_MINUTES + 1):
        again = await payouts.report(order, "NOT_FOUND", message_id="Q-1")
        other = await payouts.report(order, "NOT_FOUND", message_id="Q-2")

    assert again.json()["state"] == "UNKNOWN"
    assert again.json().get("transaction_id") is None
    assert other.json()["state"] == "REJECTED"


async def test_an_order_tells_all_that_was_said_of_it(payouts: Payouts) -> None:
    order = await payouts.fetched()
    await payouts.report(order, "PENDING", message_id="M-1")
    await payouts.report(order, "PENDING", message_id="M-1")
    await payouts.report(order, "REJECTED", reason="AC04")

    read = await payouts.order(order)

    assert [(r["status"], r["message_id"], r["reason"], r["state"]) for r in read["reports"]] == [
        ("PENDING", "M-1", None, "SENT"),
        ("REJECTED", None, "AC04", "REJECTED"),
    ]


async def test_an_unknown_order_is_told_of_again_where_something_was_said_between(
    payouts: Payouts,
) -> None:
    order = await payouts.fetched()
    said = [await payouts.report(order, each) for each in ("UNKNOWN", "ACCEPTED", "UNKNOWN")]

    same = await payouts.report(order, "UNKNOWN")

    assert [answer.json()["state"] for answer in (*said, same)] == ["UNKNOWN"] * 4
    noted = [answer.json().get("transaction_id") is not None for answer in (*said, same)]
    assert noted == [True, True, True, False]


async def test_an_order_sent_before_there_were_leases_is_queried(payouts: Payouts) -> None:
    order = await payouts.ordered()
    row = Update(PaymentOrder, (ids.parse("ord", order["id"])[1],), {"state": "SENT"})
    await payouts.district.plant(row)

    asked = await queries(payouts)

    assert [(q["order_id"], q["why"]) for q in asked] == [(order["id"], "NO_REPORT")]


async def test_an_unknown_order_is_executed_by_its_debit(payouts: Payouts) -> None:
    order = await payouts.fetched()
    await payouts.report(order, "UNKNOWN")
    await payouts.report(order, "NOT_FOUND")

    debit = await payouts.debited(order)

    assert debit["outcome"] == "ORDER"
    assert await state(payouts, order) == "EXECUTED"
    assert await queries(payouts) == []


async def test_an_unknown_order_is_never_handed_over_again(payouts: Payouts) -> None:
    order = await payouts.fetched()
    await payouts.report(order, "UNKNOWN")

    with payouts.machine_later(7200):
        again = await payouts.academy.post("payment-orders/fetch", payouts.bank)

    assert again.json()["orders"] == []
    assert await state(payouts, order) == "UNKNOWN"


async def test_an_accepted_order_cannot_be_lost(payouts: Payouts) -> None:
    order = await payouts.fetched()
    await payouts.report(order, "ACCEPTED")

    answer = await payouts.report(order, "NOT_FOUND")

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


@pytest.mark.parametrize("status", ["PENDING", "ACCEPTED", "NOT_FOUND"])
async def test_nothing_is_said_of_an_order_that_was_not_fetched(
    payouts: Payouts, status: str
) -> None:
    order = await payouts.ordered()

    answer = await payouts.report(order, status)

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    assert await state(payouts, order) == "NEW"


async def test_a_bank_is_asked_about_unknown_and_silent_orders(payouts: Payouts) -> None:
    unknown = await payouts.fetched("100.00")
    await payouts.report(unknown, "NOT_FOUND")
    silent = await payouts.fetched("108.33")
    await payouts.report(silent, "PENDING")

    now = await queries(payouts)
    with payouts.machine_later(1801):
        later = await queries(payouts)

    assert [(q["order_id"], q["why"], q["last_status"]) for q in now] == [
        (unknown["id"], "UNKNOWN", "NOT_FOUND")
    ]
    assert now[0]["query_again_at"] is not None
    assert [(q["order_id"], q["why"]) for q in later] == [
        (unknown["id"], "UNKNOWN"),
        (silent["id"], "NO_REPORT"),
    ]


async def test_a_bank_is_asked_about_an_order_it_accepted_and_did_not_execute(
    payouts: Payouts,
) -> None:
    order = await payouts.fetched()
    await payouts.report(order, "ACCEPTED")

    with payouts.machine_later(86_401):
        asked = await queries(payouts)

    assert [(q["order_id"], q["why"]) for q in asked] == [(order["id"], "NOT_EXECUTED")]


async def test_queries_are_of_the_banks_own_orders_and_come_in_pages(payouts: Payouts) -> None:
    for amount in ("100.00", "108.33"):
        await payouts.report(await payouts.fetched(amount), "UNKNOWN")
    get = payouts.academy.get

    first = await get("payment-orders/queries", payouts.bank, limit=1)
    rest = await get("payment-orders/queries", payouts.bank, limit=1, cursor=first["next_cursor"])

    assert [q["amount"] for q in first["items"] + rest["items"]] == ["100.00", "108.33"]
    assert rest["next_cursor"] is None
    assert await queries(payouts, payouts.district.banks["CMB"]) == []
    assert len(await queries(payouts, payouts.district.operator)) == 2
