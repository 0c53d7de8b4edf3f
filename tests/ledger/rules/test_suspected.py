"""The same money under two references is in the books once, whatever a person decides about it."""

from uuid import UUID

from hypothesis import given

from ledger.book import Book
from ledger.coverage import Position, identity_gap, shortfall
from ledger.money import ZERO, Money
from ledger.rules import receipts, suspected
from ledger.rules.receipts import HeldReason
from ledger.transactions import Transaction
from tests.ledger.rules.facts import (
    BANK,
    CUSTODY,
    ENTRY,
    PLACE,
    amounts,
    changes,
    effects,
)

OTHER = UUID(int=77)


def held(amount: Money) -> Transaction:
    return receipts.receipt_held(
        PLACE, bank_entry=ENTRY, amount=amount, reason=HeldReason.SUSPECTED_DUPLICATE
    )


def posted(*transactions: Transaction) -> Book:
    book = Book()
    accounts = {
        account
        for transaction in transactions
        for transfer in transaction.transfers
        for account in (transfer.debit, transfer.credit)
    }
    book.open(dict.fromkeys(accounts, 0))
    book.post(*transactions)
    return book


@given(amounts)
def test_a_duplicate_closed_leaves_the_books_as_they_were_before_it(amount: Money) -> None:
    closed = suspected.duplicate_closed(PLACE, bank_entry=ENTRY, other=OTHER, amount=amount)

    book = posted(held(amount), closed)

    assert (book.balance(PLACE.bank), book.balance(PLACE.suspense(ENTRY))) == (ZERO, ZERO)
    assert closed.references["other"] == str(OTHER)


@given(amounts)
def test_what_a_bank_credited_twice_is_the_banks_own(amount: Money) -> None:
    recognised = suspected.bank_duplicate_recognised(
        PLACE, bank=BANK, bank_entry=ENTRY, other=OTHER, amount=amount
    )

    assert effects(recognised) == changes(
        (PLACE.suspense(ENTRY), -amount), (PLACE.credited_in_error(ENTRY), amount)
    )
    assert "bank_entry" not in recognised.references, "no money of the bank's moves"


@given(amounts)
def test_a_suspicion_lifted_makes_room_for_what_the_entry_is(amount: Money) -> None:
    lifted = suspected.suspicion_lifted(PLACE, bank_entry=ENTRY, other=OTHER, amount=amount)

    book = posted(held(amount), lifted)

    assert (book.balance(PLACE.bank), book.balance(PLACE.suspense(ENTRY))) == (ZERO, ZERO)


@given(amounts)
def test_none_of_it_opens_a_shortfall(amount: Money) -> None:
    moves = (
        suspected.duplicate_closed(PLACE, bank_entry=ENTRY, other=OTHER, amount=amount),
        suspected.bank_duplicate_recognised(
            PLACE, bank=BANK, bank_entry=ENTRY, other=OTHER, amount=amount
        ),
        suspected.suspicion_lifted(PLACE, bank_entry=ENTRY, other=OTHER, amount=amount),
    )

    after = [Position.of_book(posted(held(amount), move), CUSTODY) for move in moves]

    assert [shortfall(position) for position in after] == [ZERO] * 3
    assert [identity_gap(position) for position in after] == [ZERO] * 3
