"""Who gets a refund: newest receipt first, each what it brought; the rest the guardian."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from ledger.refusals import Refusal
from service.receipts.use_cases import MATCH, Match
from service.store import refund_payers
from service.store.context import Context
from service.store.facts import Decision, Facts
from service.store.tables import Enrolment, Refund
from service.store.transact import Request, UseCase
from service.store.unit import Unit
from tests.fixtures.service import fresh_id
from tests.fixtures.store import Books

ACCOUNT = "6222020000000000001"


@dataclass(frozen=True)
class Wanted:
    """A refund to part over its payers; `source` is what it is owed for."""

    enrolment: UUID
    amount: str
    source: UUID


async def _find(
    _connection: AsyncConnection, _caller: Context, wanted: Sequence[Wanted]
) -> list[Wanted | Refusal]:
    return list(wanted)


async def _load(unit: Unit, wanted: Sequence[Wanted]) -> None:
    await unit.lock(Enrolment, {each.enrolment for each in wanted})


async def _read(unit: Unit, _wanted: Sequence[Wanted]) -> None:
    await refund_payers.read_payers(unit, unit.facts.all(Enrolment))


def _decide(facts: Facts, wanted: Wanted) -> Decision:
    row = facts.get(Enrolment, wanted.enrolment)
    assert row is not None
    shares = refund_payers.split_to_payers(facts, wanted.enrolment, Money.of(wanted.amount))
    changes = refund_payers.new_refunds(
        facts,
        source="CLAIM",
        source_id=wanted.source,
        enrolment=row,
        shares=shares,
        refund_ids=refund_payers.refund_ids(wanted.source, shares),
    )
    refunds = [c.values for c in changes if c.table is Refund]
    told = [
        (r["receipt_entry_id"], str(Money.from_fen(r["amount_fen"])), r["waiting_for"])
        for r in refunds
    ]
    return Decision(answer={"told": told}, changes=changes)


SPLIT = UseCase[Wanted, Wanted]("split", _find, _load, _decide, _read)


async def _split(books: Books, enrolment: UUID, amount: str) -> list[tuple[Any, str, str | None]]:
    outcome = await books.district.service.store.transact(
        Request(
            SPLIT,
            [Wanted(enrolment, amount, fresh_id())],
            Context((books.journal,)),
            "test",
            books.journal,
        )
    )
    return list(outcome.single()["told"])


async def _paid(books: Books, code: str, amount: str, account: str | None = ACCOUNT) -> UUID:
    fact = books.top_up(amount, kind="PAYMENT", payment_code=code, payer_account=account)
    await books.receive(fact)
    return fact.bank_entry


async def _enrolled(books: Books, price: str = "5000.00", **values: Any) -> dict[str, Any]:
    return await books.district.plant_enrolment(
        books.institution, books.custody, books.course, price=price, **values
    )


async def test_the_newest_receipt_is_paid_back_first(books: Books) -> None:
    enrolment = await _enrolled(books)
    first = await _paid(books, enrolment["payment_code"], "3000.00")
    last = await _paid(books, enrolment["payment_code"], "2000.00")

    told = await _split(books, enrolment["enrolment_id"], "2500.00")

    assert told == [(last, "2000.00", None), (first, "500.00", None)]


async def test_no_payer_gets_back_more_than_is_left_of_what_came_from_there(books: Books) -> None:
    enrolment = await _enrolled(books)
    first = await _paid(books, enrolment["payment_code"], "3000.00")
    last = await _paid(books, enrolment["payment_code"], "2000.00")

    before = await _split(books, enrolment["enrolment_id"], "500.00")
    after = await _split(books, enrolment["enrolment_id"], "4500.00")

    assert before == [(last, "500.00", None)]
    assert after == [(last, "1500.00", None), (first, "3000.00", None)]


async def test_what_no_named_payer_brought_waits_for_the_guardians_account(books: Books) -> None:
    enrolment = await _enrolled(books)
    named = await _paid(books, enrolment["payment_code"], "2000.00")
    await _paid(books, enrolment["payment_code"], "3000.00", None)

    told = await _split(books, enrolment["enrolment_id"], "5000.00")

    assert told == [(named, "2000.00", None), (None, "3000.00", "PAYEE")]


async def test_an_excess_that_went_to_another_enrolment_is_told_apart_by_the_journal(
    books: Books,
) -> None:
    first, second = await _enrolled(books, "4000.00"), await _enrolled(books, "1000.00")
    receipt = await _paid(books, first["payment_code"], "5000.00")
    district = books.district
    matched = await district.service.store.transact(_match(books, receipt, second["enrolment_id"]))

    of_first = await _split(books, first["enrolment_id"], "4000.00")
    of_second = await _split(books, second["enrolment_id"], "1000.00")

    assert matched.single()["suspense"] == "0.00"
    assert of_first == [(receipt, "4000.00", None)]
    assert of_second == [(receipt, "1000.00", None)]


def _match(books: Books, receipt: UUID, enrolment: UUID) -> Request[Any, Any]:
    return Request(
        MATCH,
        [Match(books.journal, receipt, enrolment, approval=receipt)],
        Context((books.journal,)),
        "test",
        books.journal,
    )
