"""An enrolment goes whole to another bank of its institution, and rests until it is there."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given

from ledger.accounts import Account, Reason
from ledger.book import Book
from ledger.coverage import Position, identity_gap, shortfall
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.rules import backings, transfers
from ledger.rules.backings import Backing
from ledger.transactions import TransactionKind
from tests.ledger.rules.backed import standing, stood
from tests.ledger.rules.facts import (
    CUSTODY,
    ENROLMENT,
    ENTRY,
    ORDER,
    OTHER_PLACE,
    PLACE,
    SCHOOL,
    amounts,
    balances,
    changes,
    contracts,
    effects,
)

CREDIT = UUID(int=43)
TARGET = OTHER_PLACE.custody
CONTRACT = Contract(ENROLMENT, SCHOOL, CUSTODY, Money.of("4999.99"), 48)
ON_ITS_WAY = PLACE.transfer_in_transit(ORDER)
ONE = Money.of("1.00")


def opened(backing: Backing) -> Book:
    """Open a book in which the backing's money is in the bank it stands in."""
    return Book({**standing(backing.contract, backing), PLACE.bank: backing.funded.fen})


def left_of(book: Book) -> Mapping[Account, int]:
    """Return every balance that is not zero."""
    return {
        account: book.quantity(account) for account in book.accounts() if book.quantity(account)
    }


def there(backing: Backing) -> dict[Account, int]:
    """Write what must stand at the target in the end."""
    whole = standing(backings.moved_to(backing.contract, TARGET), backing)
    whole[OTHER_PLACE.bank] = backing.funded.fen
    return {account: quantity for account, quantity in whole.items() if quantity}


@given(stood())
def test_backing_sent_and_backing_arrived_move_the_whole_enrolment_and_nothing_else(
    backing: Backing,
) -> None:
    book = opened(backing)

    book.post(
        backings.backing_move_instructed(backing, TARGET, order=ORDER),
        backings.backing_sent(
            backing.contract, order=ORDER, bank_entry=ENTRY, amount=backing.funded
        ),
        backings.backing_arrived(backing, TARGET, order=ORDER, bank_entry=CREDIT),
    )

    assert left_of(book) == there(backing)


@given(stood(cash=False))
def test_backing_moved_without_money_needs_no_bank(backing: Backing) -> None:
    book = opened(backing)

    book.post(backings.backing_moved_without_money(backing, TARGET))

    assert left_of(book) == there(backing)


@given(stood(cash=True), balances)
def test_a_transfer_that_comes_back_leaves_the_enrolment_where_it_stood(
    backing: Backing, own_funds: Money
) -> None:
    book = opened(backing)
    book.open({PLACE.own_funds: own_funds.fen})
    before, amount = left_of(book), backing.funded
    if not amount:
        return

    book.post(
        backings.backing_move_instructed(backing, TARGET, order=ORDER),
        backings.backing_sent(backing.contract, order=ORDER, bank_entry=ENTRY, amount=amount),
        transfers.transfer_failed(PLACE, order=ORDER, bank_entry=CREDIT, amount=amount),
    )

    assert left_of(book) == before


@given(stood(), balances)
def test_what_comes_to_the_old_account_later_follows_by_the_same_rule(
    backing: Backing, interest: Money
) -> None:
    book = opened(backing)
    book.post(
        backings.backing_sent(
            backing.contract, order=ORDER, bank_entry=ENTRY, amount=backing.funded
        ),
        backings.backing_arrived(backing, TARGET, order=ORDER, bank_entry=CREDIT),
    )
    later = Backing(contract=backing.contract, prepaid=ZERO, interest=interest)
    follows = Book(
        {**left_of(book), backing.contract.interest: interest.fen, PLACE.bank: interest.fen}
    )

    follows.post(
        backings.backing_sent(later.contract, order=ORDER, bank_entry=ENTRY, amount=interest),
        backings.backing_arrived(later, TARGET, order=ORDER, bank_entry=CREDIT),
    )

    whole = replace(backing, interest=backing.interest + interest)
    assert left_of(follows) == there(whole)


@given(contracts(), amounts)
def test_backing_sent_is_on_its_way(contract: Contract, amount: Money) -> None:
    sent = backings.backing_sent(contract, order=ORDER, bank_entry=ENTRY, amount=amount)

    assert effects(sent) == changes((ON_ITS_WAY, amount), (PLACE.bank, -amount))


def test_an_enrolment_after_seventeen_lessons_moves_between_two_banks() -> None:
    backing = Backing(
        contract=CONTRACT,
        prepaid=Money.of("3229.17"),
        interest=Money.of("0.83"),
        granted={Reason.PAID: 31},
        taken={Reason.PAID: 17},
    )
    book = opened(backing)
    book.post(backings.backing_move_instructed(backing, TARGET, order=ORDER))

    sent = backings.backing_sent(CONTRACT, order=ORDER, bank_entry=ENTRY, amount=backing.funded)
    book.post(sent)
    under_way = Position.of_book(book, CUSTODY)
    book.post(backings.backing_arrived(backing, TARGET, order=ORDER, bank_entry=CREDIT))

    moved = backings.moved_to(CONTRACT, TARGET)
    assert str(shortfall(under_way)) == "3230.00"
    assert str(book.balance(moved.prepaid)) == "3229.17"
    assert str(book.balance(moved.interest)) == "0.83"
    assert str(book.balance(OTHER_PLACE.bank)) == "3230.00"
    assert identity_gap(Position.of_book(book, TARGET)) == ZERO


def test_of_a_half_funded_legacy_contract_only_the_funded_half_is_cash() -> None:
    backing = Backing(contract=CONTRACT, prepaid=Money.of("12000.00"), legacy=Money.of("3000.00"))

    arrived = backings.backing_arrived(backing, TARGET, order=ORDER, bank_entry=CREDIT)

    moved = backings.moved_to(CONTRACT, TARGET)
    assert backing.unfunded == Money.of("3000.00")
    assert effects(arrived) == changes(
        (OTHER_PLACE.bank, Money.of("9000.00")),
        (moved.legacy, Money.of("3000.00")),
        (moved.prepaid, Money.of("12000.00")),
        (ON_ITS_WAY, -Money.of("9000.00")),
        (CONTRACT.legacy, -Money.of("3000.00")),
        (CONTRACT.prepaid, -Money.of("12000.00")),
    )
    assert arrived.kind is TransactionKind.BACKING_ARRIVED
    assert arrived.references["custody"] == str(TARGET)
    assert arrived.references["source_custody"] == str(CUSTODY)


def test_backing_move_instructed_moves_no_money_and_names_where_it_goes() -> None:
    instructed = backings.backing_move_instructed(
        Backing(contract=CONTRACT, prepaid=ONE), TARGET, order=ORDER
    )

    assert effects(instructed) == {}
    assert instructed.reason == "BACKING"
    assert instructed.references["enrolment"] == str(ENROLMENT)
    assert instructed.references["target_custody"] == str(TARGET)


def test_no_more_is_owed_on_a_contract_than_stands_on_it() -> None:
    with pytest.raises(AssertionError, match="than stands on it"):
        Backing(contract=CONTRACT, prepaid=ONE, legacy=ONE, diversion=ONE)


@pytest.mark.parametrize("balance", ["prepaid", "interest", "legacy", "diversion"])
def test_a_balance_of_a_backing_is_never_negative(balance: str) -> None:
    wrong: dict[str, Any] = {"prepaid": ONE, "interest": ONE, balance: Money.of("-0.01")}

    with pytest.raises(AssertionError, match="not negative"):
        Backing(contract=CONTRACT, **wrong)


def test_money_moves_by_the_bank_only() -> None:
    with pytest.raises(AssertionError, match="by the bank"):
        backings.backing_moved_without_money(Backing(contract=CONTRACT, prepaid=ONE), TARGET)


def test_a_backing_goes_to_another_account() -> None:
    backing = Backing(contract=CONTRACT, prepaid=ONE)

    with pytest.raises(AssertionError, match="another custody account"):
        backings.backing_move_instructed(backing, CUSTODY, order=ORDER)
    with pytest.raises(AssertionError, match="another custody account"):
        backings.backing_arrived(backing, CUSTODY, order=ORDER, bank_entry=CREDIT)
