"""Payments decided by columns come to what deciding them one by one comes to, byte for byte."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from service.bank_entries.facts import EntryFact
from service.bank_entries.receive import RECEIVE, read_entries
from service.store.transact import Mode, Request, UseCase
from tests.fixtures.service import fresh_id
from tests.fixtures.store import BANK, BOOK_ON, Books, key_of
from tests.store.both_ways import carried_out

BY_COLUMNS: UseCase[EntryFact, EntryFact] = RECEIVE
BY_OBJECTS: UseCase[EntryFact, EntryFact] = replace(RECEIVE, read=read_entries)
NAMES = ("张三", 'Ann "the payer" O\\Neil', "Ben", None)


@dataclass
class Paying:
    """A school that is paid: its books, and the payment codes of its enrolments."""

    books: Books
    codes: list[str | None]
    chance: random.Random
    facts: list[EntryFact]

    @property
    def engine(self) -> AsyncEngine:
        """The database."""
        return self.books.district.service.engine

    def drawn(self) -> EntryFact:
        """Draw a payment: mostly plain, now and then anything that it may be beside."""
        chance = self.chance
        values: dict[str, Any] = {
            "kind": "PAYMENT",
            "bank_ref": chance.choice('R"\\') + str(next(self.books.references)),
            "payment_code": chance.choice(self.codes),
            "payer_name": chance.choice(NAMES),
            "payer_account": chance.choice((None, "6222000000000000000", "6222****0000")),
            "purpose": chance.choice((None, "学费")),
            "book_on": BOOK_ON + timedelta(days=chance.choice((0, 0, 0, 1, 3))),
        }
        amount = chance.choice((*("0.01", "0.02", "1.00", "12.34") * 5, "4999.99"))
        odd = chance.randrange(60)
        if odd == 0 and self.facts:
            again = chance.choice(self.facts)
            return again._replace(bank_entry=fresh_id())
        if odd == 1 and self.facts:
            values["bank_ref"] = chance.choice(self.facts).bank_ref
        elif odd == 2:
            values["book_on"] = date(2099, 1, 1)
        elif odd == 3:
            values["order"] = fresh_id()
        elif odd == 4:
            amount = "9999999.99"
        elif odd == 5:
            values["custody_account"] = fresh_id()
        fact = self.books.top_up(amount, **values)
        self.facts.append(fact)
        return fact


@pytest.fixture
async def paying(books: Books) -> Paying:
    """A school with enrolments of every sort that a payment may name."""
    district, school, custody = books.district, books.institution, books.custody
    plant = district.plant_enrolment
    other = await district.plant_custody_account(school, bank=BANK, is_default=False)
    unfiled = await district.plant_course(school, state="WITHDRAWN")
    made = [await plant(school, custody, books.course) for _ in range(30)]
    made += [
        await plant(school, custody, books.course, price="0.03"),
        await plant(school, custody, books.course, price="13.36"),
        await plant(school, custody, books.course, state="COMPLETED"),
        await plant(school, custody, unfiled),
        await plant(school, other, books.course),
        await plant(school, custody, None, origin="LEGACY", received_fen=100, state="ACTIVE"),
    ]
    codes = [str(row["payment_code"]) for row in made]
    return Paying(books, [*codes, *codes[:30], None, "TE00000000"], random.Random(0), [])


def _asked(
    paying: Paying, use_case: UseCase[EntryFact, EntryFact], lists: Sequence[Sequence[EntryFact]]
) -> list[Request[EntryFact, EntryFact]]:
    return [
        Request(
            use_case,
            facts,
            caller=paying.books.bank,
            actor=f"bank-{number % 2}",
            journal=paying.books.journal,
            key=key_of(f"k{number}-{len(paying.facts)}"),
            mode=Mode.SINGLE if len(facts) == 1 else Mode.INDEPENDENT,
        )
        for number, facts in enumerate(lists)
    ]


@pytest.mark.parametrize("seed", range(6))
async def test_what_is_drawn_ends_alike_by_columns_and_by_objects(
    paying: Paying, seed: int
) -> None:
    paying.chance.seed(seed)
    first = [paying.drawn() for _ in range(30)]
    await carried_out(paying.engine, _asked(paying, BY_OBJECTS, [first]), keep=True)
    sizes = [paying.chance.choice((1, 1, 2, 12, 40, 160)) for _ in range(8)]
    lists = [[paying.drawn() for _ in range(size)] for size in sizes]

    by_columns = await carried_out(paying.engine, _asked(paying, BY_COLUMNS, lists))
    by_objects = await carried_out(paying.engine, _asked(paying, BY_OBJECTS, lists))

    assert by_columns[0] == by_objects[0]
    assert by_columns[1] == by_objects[1]
    assert by_columns[2] > 0
    assert by_objects[2] == 0


async def test_beside_another_kind_of_entry_nothing_is_decided_by_columns(paying: Paying) -> None:
    mixed = [[paying.drawn() for _ in range(20)], [paying.books.top_up("5.00")]]

    *_, lines = await carried_out(paying.engine, _asked(paying, BY_COLUMNS, mixed))

    assert lines == 0


async def test_plain_payments_of_a_list_that_is_refused_as_a_whole_leave_nothing(
    paying: Paying,
) -> None:
    code = paying.codes[0]
    plain = [paying.books.top_up("1.00", kind="PAYMENT", payment_code=code) for _ in range(3)]
    late = paying.books.top_up("1.00", kind="PAYMENT", book_on=date(2099, 1, 1))
    [request] = _asked(paying, BY_COLUMNS, [[*plain, late]])

    told, found, _ = await carried_out(paying.engine, [replace(request, mode=Mode.ALL_OR_NOTHING)])

    assert all('"code":' in each for each in told[0])
    assert found["bank_entry"] == found["journal_transaction"] == []


async def test_a_payment_that_fills_the_price_makes_the_enrolment_active(paying: Paying) -> None:
    row = await paying.books.district.plant_enrolment(
        paying.books.institution, paying.books.custody, paying.books.course, price="2.00"
    )
    code = row["payment_code"]
    halves = [paying.books.top_up("1.00", kind="PAYMENT", payment_code=code) for _ in range(2)]

    _, found, lines = await carried_out(paying.engine, _asked(paying, BY_COLUMNS, [halves]))

    [paid] = [each for each in found["enrolment"] if code in each]
    assert lines == 2
    assert "('state', 'ACTIVE')" in paid
    assert "('received_fen', 200)" in paid
