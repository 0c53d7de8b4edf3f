"""Forms: one that is filled in posts what its rule posts, for every enrolment and every amount."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger.book import Book
from ledger.entitlement import Contract
from ledger.forms import Filled
from ledger.money import ZERO, Money
from ledger.refusals import BalanceTooLow
from ledger.rules import lessons, receipts
from ledger.transactions import Transaction
from tests.ledger.rules.facts import ENTRY, PLACE, amounts, contracts, slots

uuids = st.uuids()


def filled_receipt(sample: Contract, enrolment: UUID, entry: UUID, amount: Money) -> Filled:
    form = receipts.receipt_form(sample)
    return Filled(form, form.accounts_of(enrolment), (amount.fen,), (entry, enrolment))


@given(contracts(), uuids, uuids, amounts)
def test_a_receipt_filled_in_is_the_receipt_its_rule_posts(
    sample: Contract, enrolment: UUID, entry: UUID, amount: Money
) -> None:
    assume(sample.price > ZERO)
    assume(enrolment not in {PLACE.institution, PLACE.custody})
    paid = replace(sample, enrolment=enrolment, price=amount)

    filled = filled_receipt(sample, enrolment, entry, amount)

    ruled = receipts.receipt_matched(paid, bank_entry=entry, amount=amount, received_before=ZERO)
    assert filled.transaction(ruled.references) == ruled
    assert (filled.kind, filled.reason, filled.moves) == (ruled.kind, ruled.reason, ruled.moves)
    assert filled.written_references == ruled.written_references


@given(contracts(), st.lists(st.tuples(st.integers(20, 23).map(lambda n: UUID(int=n)), amounts)))
def test_the_book_fills_forms_as_it_posts_what_they_stand_for(
    sample: Contract, paid: list[tuple[UUID, Money]]
) -> None:
    assume(sample.price > ZERO)
    by_forms, by_transactions = Book(), Book()

    for enrolment, amount in paid:
        filled = filled_receipt(sample, enrolment, ENTRY, amount)

        entries = by_forms.fill(filled)

        assert [entries] == by_transactions.post(filled.transaction({}))
    balances = [{a: b.quantity(a) for a in b.accounts()} for b in (by_forms, by_transactions)]
    assert balances[0] == balances[1]


@given(slots(), uuids, uuids, st.integers(1, 60))
def test_a_confirmed_lesson_filled_in_is_what_its_rule_posts(
    drawn: tuple[Contract, int], enrolment: UUID, lesson: UUID, slot: int
) -> None:
    sample, of = drawn
    assume(of <= sample.lessons_paid)
    assume(sample.slot_value(of) > ZERO)
    assume(enrolment not in {PLACE.institution, PLACE.custody})
    other = replace(sample, enrolment=enrolment, price=Money.of("60.00"), lessons_paid=60)
    form = lessons.confirmed_form(sample, slot=of)

    quantities = (other.slot_value(slot).fen, 1)
    filled = Filled(form, form.accounts_of(enrolment), quantities, (enrolment, lesson, slot))

    ruled = lessons.lesson_confirmed(other, lesson=lesson, slot=slot, unfunded=())
    assert filled.transaction(ruled.references) == ruled
    assert filled.written_references == ruled.written_references


def test_an_account_of_another_owner_is_the_account_that_owner_would_have() -> None:
    sample = Contract(UUID(int=50), PLACE.institution, PLACE.custody, Money.of("1.00"), 1)
    other = replace(sample, enrolment=UUID(int=51))

    made = sample.prepaid.of_another(other.enrolment)

    wanted = other.prepaid
    assert (made, hash(made), repr(made)) == (wanted, hash(wanted), repr(wanted))
    assert (made.side, made.unit) == (wanted.side, wanted.unit)


def test_a_form_that_would_overdraw_an_account_changes_nothing() -> None:
    sample = Contract(UUID(int=50), PLACE.institution, PLACE.custody, Money.of("5.00"), 1)
    form = receipts.receipt_form(sample)
    mirrored = replace(form, signs=tuple(-sign for sign in form.signs))
    book = Book()
    book.fill(filled_receipt(sample, sample.enrolment, ENTRY, Money.of("1.00")))
    before = {account: book.quantity(account) for account in book.accounts()}

    with pytest.raises(BalanceTooLow):
        book.fill(Filled(mirrored, form.accounts, (101,), (ENTRY, sample.enrolment)))

    assert {account: book.quantity(account) for account in book.accounts()} == before


def test_a_form_moves_more_than_nothing() -> None:
    sample = Contract(UUID(int=50), PLACE.institution, PLACE.custody, Money.of("5.00"), 1)

    with pytest.raises(AssertionError):
        Book().fill(filled_receipt(sample, sample.enrolment, ENTRY, ZERO))


def test_what_a_form_stands_for_is_a_transaction() -> None:
    sample = Contract(UUID(int=50), PLACE.institution, PLACE.custody, Money.of("5.00"), 1)
    filled = filled_receipt(sample, sample.enrolment, ENTRY, Money.of("1.00"))

    assert isinstance(filled.transaction({}), Transaction)
