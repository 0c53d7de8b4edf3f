"""What was earned goes out: orders made, fetched by each bank, executed, rejected, returned."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from service.demo.bank_books import fen, line
from service.demo.client import together
from service.demo.stage import Bar, Stage

Order = dict[str, Any]
FETCHED_AT_ONCE: Final = 500
_TO_SCHOOLS: Final = frozenset({"EARNED", "SURPLUS"})


async def instruct(stage: Stage, *, reject_one: bool = False) -> dict[str, list[Order]]:
    """Sweep what was earned into orders and let every bank fetch its own; return them by bank.

    With `reject_one` a bank sends the first order back because the payee's account is closed.
    """
    with stage.chapter("payouts", 1 + len(stage.cast.banks)) as bar:
        swept = await stage.api.post(
            "/v1/payouts/generate",
            stage.cast.operator,
            {"jurisdiction": stage.cast.code},
            key=stage.key("payouts", stage.today),
        )
        bar()
        for skipped in swept["skipped"]:
            stage.counts[f"payout_skipped_{skipped['code']}"] += 1
        orders = await fetch(stage, bar)
        if reject_one:
            await _reject(stage, orders)
    stage.counts["payout_orders"] += len(swept["orders"])
    return orders


async def fetch(stage: Stage, bar: Bar) -> dict[str, list[Order]]:
    """Let every bank fetch all the orders of its accounts; return them by bank."""
    fetched = await together((_fetch(stage, bank) for bank in stage.cast.banks), bar)
    return dict(zip(stage.cast.banks, fetched, strict=True))


async def settle_refunds(stage: Stage) -> None:
    """Turn what is owed to known payees into payment orders, as far as money is there."""
    stage.counts["refund_settlements"] += 1
    await stage.api.post(
        "/v1/refunds/settle",
        stage.cast.operator,
        {"jurisdiction": stage.cast.code},
        key=stage.key("settle-refunds", stage.counts["refund_settlements"]),
    )


async def execute(stage: Stage, orders: dict[str, list[Order]]) -> None:
    """Let the banks pay today what they fetched, and report each debit."""
    with stage.chapter("payouts", len(orders)) as bar:
        await together((_execute(stage, bank, orders[bank]) for bank in orders), bar)


async def return_one(stage: Stage, orders: dict[str, list[Order]]) -> None:
    """Let the payee's bank send one executed payout back: its account was closed."""
    school = stage.district.returned_payout_institution
    paid = [
        order
        for each in orders.values()
        for order in each
        if order["kind"] in _TO_SCHOOLS and _school(stage, order) == school
    ]
    if not paid:
        return
    order = min(paid, key=lambda each: str(each["bank"]))
    book = stage.books[order["custody_account_id"]]
    amount = fen(order["amount"])
    reference = book.credited(amount, stage.today)
    answer = await stage.api.post(
        "/v1/receipts",
        stage.cast.banks[book.bank],
        line(book, amount, reference, stage.today, "RETURN") | {"end_to_end_id": order["id"]},
        key=stage.key("returned", school, stage.today),
    )
    stage.counts["receipts"] += 1
    stage.counts["payouts_returned"] += 1
    stage.counts["paid_out_fen"] -= amount
    stage.told.append({"told": "returned", "institution": school, **answer})


async def _fetch(stage: Stage, bank: str) -> list[Order]:
    orders: list[Order] = []
    more = True
    while more:
        stage.counts[f"fetches_{bank}"] += 1
        answer = await stage.api.post(
            "/v1/payment-orders/fetch",
            stage.cast.banks[bank],
            {"jurisdiction": stage.cast.code, "limit": FETCHED_AT_ONCE},
            key=stage.key("fetch", bank, stage.counts[f"fetches_{bank}"]),
        )
        orders += answer["orders"]
        more = len(answer["orders"]) == FETCHED_AT_ONCE
    return sorted(orders, key=lambda order: _school(stage, order))


async def _reject(stage: Stage, orders: dict[str, list[Order]]) -> None:
    spared = stage.district.returned_payout_institution
    bank, order = next(
        (bank, order)
        for bank in sorted(orders)
        for order in orders[bank]
        if order["kind"] in _TO_SCHOOLS and _school(stage, order) != spared
    )
    orders[bank].remove(order)
    await stage.api.post(
        f"/v1/payment-orders/{order['id']}/report",
        stage.cast.banks[bank],
        {"status": "REJECTED", "reason": "AC04"},
        key=stage.key("reject", bank, stage.today),
        of="/v1/payment-orders/{id}/report",
    )
    stage.counts["payouts_rejected"] += 1
    stage.told.append(order | {"told": "rejected", "institution": _school(stage, order)})


async def _execute(stage: Stage, bank: str, orders: list[Order]) -> None:
    if not orders:
        return
    items = []
    for order in orders:
        book = stage.books[order["custody_account_id"]]
        amount = fen(order["amount"])
        reference = book.debited(amount, stage.today)
        items.append(
            line(book, amount, reference, stage.today, "ORDER") | {"end_to_end_id": order["id"]}
        )
        _count(stage, order, amount)
    stage.counts[f"debits_{bank}"] += 1
    results = await stage.api.batch(
        "/v1/debits/batch",
        stage.cast.banks[bank],
        items,
        key=stage.key("debits", bank, stage.counts[f"debits_{bank}"]),
    )
    kinds: defaultdict[str, int] = defaultdict(int)
    for result in results:
        kinds[result["outcome"]] += 1
    assert kinds.keys() <= {"ORDER"}, f"a debit answers its order: {dict(kinds)}"


def _count(stage: Stage, order: Order, amount: int) -> None:
    """Count what was paid: to schools, back to payers, or to the parents of a failed school."""
    if order["kind"] in _TO_SCHOOLS:
        stage.counts["payouts_executed"] += 1
        stage.counts["paid_out_fen"] += amount
    elif order["kind"] == "SUSPENSE_RETURN":
        stage.counts["sent_back_fen"] += amount
    elif _school(stage, order) in stage.failed:
        stage.counts["dividends_paid"] += 1
        stage.counts["dividends_paid_fen"] += amount
    else:
        stage.counts["refunds_paid"] += 1
        stage.counts["refunded_fen"] += amount


def _school(stage: Stage, order: Order) -> int:
    return stage.books[order["custody_account_id"]].institution
