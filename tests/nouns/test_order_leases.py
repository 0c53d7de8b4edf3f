"""Orders under a lease over HTTP: fetched, acknowledged, and handed over again when it lapses."""

import asyncio
from typing import Any

from tests.fixtures.payouts import Payouts


async def fetch(payouts: Payouts, **values: Any) -> dict[str, Any]:
    answer = await payouts.academy.post("payment-orders/fetch", payouts.bank, values)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def acknowledge(payouts: Payouts, lease: str, *orders: str) -> Any:
    body = {"lease_id": lease} | ({"order_ids": list(orders)} if orders else {})
    return await payouts.academy.post("payment-orders/acknowledge", payouts.bank, body)


async def test_an_order_goes_from_fetch_to_execution_under_one_name(payouts: Payouts) -> None:
    ordered = await payouts.ordered()

    handed = await fetch(payouts, lease_s=60)
    kept = await acknowledge(payouts, handed["lease_id"])
    accepted = await payouts.report(ordered, "ACCEPTED")
    debit = await payouts.debited(ordered)

    [order] = handed["orders"]
    assert order["end_to_end_id"] == ordered["id"].replace("_", "").upper()
    assert len(order["end_to_end_id"]) <= 35
    assert kept.json()["acknowledged"] == [ordered["id"]]
    assert (accepted.json()["state"], debit["outcome"]) == ("ACCEPTED", "ORDER")
    assert (await payouts.order(ordered))["state"] == "EXECUTED"


async def test_a_lapsed_lease_lets_the_same_order_be_fetched_again(payouts: Payouts) -> None:
    order = await payouts.ordered()
    first = await fetch(payouts, lease_s=60)
    before = await fetch(payouts)

    with payouts.machine_later(61):
        second = await fetch(payouts, lease_s=60)

    assert before["orders"] == []
    assert before["lease_id"] is None
    assert [found["id"] for found in second["orders"]] == [order["id"]]
    assert second["lease_id"] != first["lease_id"]
    lease = (await payouts.order(order, payouts.bank))["lease"]
    assert (lease["id"], lease["times"]) == (second["lease_id"], 2)


async def test_two_adapters_that_fetch_at_once_share_the_orders(payouts: Payouts) -> None:
    ordered = [await payouts.ordered(amount) for amount in ("50.00", "60.00", "70.00")]

    both = await asyncio.gather(fetch(payouts), fetch(payouts))

    handed = [order["id"] for each in both for order in each["orders"]]
    assert sorted(handed) == sorted(order["id"] for order in ordered)


async def test_an_acknowledged_order_is_never_handed_over_again(payouts: Payouts) -> None:
    await payouts.ordered()
    handed = await fetch(payouts, lease_s=30)
    await acknowledge(payouts, handed["lease_id"])

    with payouts.machine_later(3600):
        again = await fetch(payouts)

    assert again["orders"] == []


async def test_who_reports_on_an_order_has_it(payouts: Payouts) -> None:
    order = await payouts.ordered()
    await fetch(payouts, lease_s=30)
    await payouts.report(order, "PENDING")

    with payouts.machine_later(3600):
        again = await fetch(payouts)

    assert again["orders"] == []
    assert (await payouts.order(order))["state"] == "SENT"


async def test_some_orders_of_a_lease_are_acknowledged_by_name(payouts: Payouts) -> None:
    kept = await payouts.ordered("100.00")
    left = await payouts.ordered("108.33")
    handed = await fetch(payouts, lease_s=30)

    answer = await acknowledge(payouts, handed["lease_id"], kept["id"])
    twice = await acknowledge(payouts, handed["lease_id"], kept["id"])

    with payouts.machine_later(31):
        again = await fetch(payouts)
    assert answer.json()["acknowledged"] == [kept["id"]]
    assert twice.status_code == 200
    assert twice.json().get("transaction_id") is None
    assert [found["id"] for found in again["orders"]] == [left["id"]]


async def test_a_lease_whose_orders_were_handed_over_again_is_unknown(payouts: Payouts) -> None:
    await payouts.ordered()
    first = await fetch(payouts, lease_s=30)
    with payouts.machine_later(31):
        await fetch(payouts)

    answer = await acknowledge(payouts, first["lease_id"])

    assert (answer.status_code, answer.json()["code"]) == (404, "lease_unknown")


async def test_another_banks_lease_is_unknown(payouts: Payouts) -> None:
    await payouts.ordered()
    handed = await fetch(payouts)

    answer = await payouts.academy.post(
        "payment-orders/acknowledge",
        payouts.district.banks["CMB"],
        {"lease_id": handed["lease_id"]},
    )

    assert (answer.status_code, answer.json()["code"]) == (404, "lease_unknown")


async def test_an_order_of_a_lapsed_lease_that_was_stopped_meanwhile_stays(
    payouts: Payouts,
) -> None:
    await payouts.ordered()
    await fetch(payouts, lease_s=30)
    body = {
        "target_type": "CUSTODY_ACCOUNT",
        "target_id": payouts.custody_id,
        "kind": "FENCE",
        "cause": "VERIFY",
    }
    await payouts.academy.post("restraints", payouts.district.regulator, body)

    with payouts.machine_later(31):
        again = await fetch(payouts)

    assert again["orders"] == []
