"""One debit that pays many orders: all of them are executed by it, or it is kept."""

from dataclasses import replace
from typing import Any

import pytest

from ledger.money import Money
from service import verify
from service.bank_entries.facts import Part
from service.bank_entries.reading import LineAccount, NamedOrder, read_entry
from service.statement_files.canonical import EntryPart
from service.store import end_to_end_ids, ids
from tests.fixtures import statement_writers as writers
from tests.fixtures.academies import Academy
from tests.fixtures.databases import Database
from tests.fixtures.payouts import Payouts, settled
from tests.fixtures.service import fresh_id
from tests.fixtures.statement_uploads import Uploads


@pytest.fixture
async def two(payouts: Payouts) -> list[dict[str, Any]]:
    """Two payouts that the bank has fetched."""
    return [await payouts.fetched(amount) for amount in ("100.00", "108.33")]


def part(order: dict[str, Any], amount: str | None = None) -> dict[str, Any]:
    return {"end_to_end_id": order["id"], "amount": amount or order["amount"]}


async def debit(payouts: Payouts, amount: str, parts: list[dict[str, Any]]) -> Any:
    body = payouts.line(amount, "D-1") | {"kind": "ORDERS", "parts": parts}
    return await payouts.academy.post("debits", payouts.bank, body)


async def test_one_line_executes_every_order_of_it(
    payouts: Payouts, two: list[dict[str, Any]], database: Database
) -> None:
    answer = await debit(payouts, "208.33", [part(order) for order in two])

    assert answer.status_code == 201, answer.text
    entry = answer.json()
    shown = [await payouts.order(order) for order in two]
    assert entry["outcome"] == "ORDERS"
    assert entry["balances"] == {"custody_bank": "4791.66"}
    assert [order["state"] for order in shown] == ["EXECUTED", "EXECUTED"]
    assert {order["executed_by"] for order in shown} == {entry["id"]}
    journal = payouts.district.journal
    report = await verify.verify(database.url("escrow_audit"), journals=[journal])
    assert [(f.check, f.example) for f in report.findings] == []


async def test_it_is_kept_while_one_part_cannot_be_its_order(
    payouts: Payouts, two: list[dict[str, Any]]
) -> None:
    first, second = two

    answer = await debit(payouts, "208.33", [part(first, "100.01"), part(second, "108.32")])

    assert answer.json()["outcome"] == "KEPT"
    assert {(await payouts.order(order))["state"] for order in two} == {"SENT"}


async def test_what_was_kept_is_tried_again_with_its_parts(payouts: Payouts) -> None:
    orders = [await payouts.ordered(amount) for amount in ("100.00", "108.33")]
    spent = payouts.line("4900.00", "D-0") | {"kind": "CHARGE"}
    await payouts.academy.post("debits", payouts.bank, spent)
    kept = await debit(payouts, "208.33", [part(order) for order in orders])

    await payouts.academy.receipt("4900.00", kind="TOP_UP")

    shown = await payouts.academy.get(f"receipts/{kept.json()['id']}", payouts.academy.token)
    assert (kept.json()["outcome"], shown["outcome"]) == ("KEPT", "ORDERS")
    assert {(await payouts.order(order))["state"] for order in orders} == {"EXECUTED"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"parts": None},
        {"kind": "ORDER"},
        {"amount": "208.34"},
    ],
)
async def test_parts_that_do_not_fit_are_refused(
    payouts: Payouts, two: list[dict[str, Any]], wrong: dict[str, Any]
) -> None:
    parts = {"kind": "ORDERS", "parts": [part(order) for order in two]}
    body = payouts.line("208.33", "D-1") | parts | wrong

    answer = await payouts.academy.post("debits", payouts.bank, body)

    assert answer.status_code == 400


CUSTODY, ONE, OTHER = fresh_id(), fresh_id(), fresh_id()
ACCOUNT = LineAccount(7, CUSTODY, "CUSTODY")
KNOWN = {
    order: NamedOrder(order, CUSTODY, None, Money.of(amount))
    for order, amount in ((ONE, "1.00"), (OTHER, "2.00"))
}


def line(*fen: int | None) -> Any:
    named = [ids.public("ord", 7, order) for order in (ONE, OTHER)]
    parts = tuple(EntryPart(name, part) for name, part in zip(named, fen, strict=True))
    return replace(writers.entry(1, -300), parts=parts)


@pytest.mark.parametrize("fen", [(100, 200), (None, None), (100, None)])
def test_a_statements_batch_is_read_as_its_orders(fen: tuple[int | None, ...]) -> None:
    fact = read_entry(line(*fen), bank_entry=fresh_id(), account=ACCOUNT, orders=KNOWN)

    assert (fact.kind, fact.order) == ("ORDERS", None)
    assert fact.parts == (Part(ONE, Money.of("1.00")), Part(OTHER, Money.of("2.00")))


@pytest.mark.parametrize(
    ("fen", "orders"), [((100, 201), KNOWN), ((100, 200), {ONE: KNOWN[ONE]}), ((100, 200), {})]
)
def test_a_batch_of_which_something_is_unknown_is_no_batch_of_ours(
    fen: tuple[int, int], orders: dict[Any, NamedOrder]
) -> None:
    fact = read_entry(line(*fen), bank_entry=fresh_id(), account=ACCOUNT, orders=orders)

    assert (fact.kind, fact.parts) == ("OTHER", ())


async def test_one_line_of_a_statement_pays_all_of_a_lease(uploads: Uploads) -> None:
    payouts = await earning(uploads.academy)
    orders = [await payouts.ordered(amount) for amount in ("100.00", "108.33")]
    fetched = await payouts.academy.post("payment-orders/fetch", payouts.bank)
    body = {"lease_id": fetched.json()["lease_id"]}
    await payouts.academy.post("payment-orders/acknowledge", payouts.bank, body)
    lease = ids.parse("lse", body["lease_id"])
    line = uploads.entry(-20_833, end_to_end_id=end_to_end_ids.written(*lease, "lse"))

    await uploads.sent(uploads.camt(line, opening=499_999))

    assert {(await payouts.order(order))["state"] for order in orders} == {"EXECUTED"}


@pytest.mark.parametrize("amount_fen", [20_833, 10_833])
async def test_what_the_bank_called_off_is_not_missed_in_the_debit_of_a_lease(
    uploads: Uploads, amount_fen: int
) -> None:
    payouts = await earning(uploads.academy)
    called_off, paid = [await payouts.ordered(amount) for amount in ("100.00", "108.33")]
    fetched = await payouts.academy.post("payment-orders/fetch", payouts.bank)
    await payouts.report(called_off, "REJECTED", reason="AC04")
    lease = ids.parse("lse", fetched.json()["lease_id"])
    line = uploads.entry(-amount_fen, end_to_end_id=end_to_end_ids.written(*lease, "lse"))

    await uploads.sent(uploads.camt(line, opening=499_999))

    states = [(await payouts.order(order))["state"] for order in (called_off, paid)]
    is_paid = amount_fen == 10_833
    assert states == ["REJECTED", "EXECUTED" if is_paid else "SENT"]


async def earning(academy: Academy) -> Payouts:
    """Let a school earn 208.33 of a contract of 4,999.99."""
    await settled(academy)
    enrolment = await academy.enrolled()
    for _ in range(2):
        await academy.confirmed(enrolment)
    return Payouts(academy, academy.district.public("cus", academy.custody))
