"""What a bank takes or gives without a right to it stays the bank's, until it is corrected."""

from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import given

from ledger.accounts import AccountKind
from ledger.book import Book
from ledger.coverage import Position, identity_gap, payout_room, shortfall
from ledger.money import ZERO, Money
from ledger.rules import bank_errors
from ledger.rules.places import Place
from ledger.transactions import Transaction
from tests.ledger.rules.facts import (
    BANK,
    CUSTODY,
    ENTRY,
    PLACE,
    SCHOOL,
    amounts,
    balances,
    changes,
    effects,
)

CORRECTION = UUID(int=41)
DEPOSIT = Place(institution=SCHOOL, custody=UUID(int=42), deposit=True)


def debited(amount: Money, place: Place = PLACE) -> Transaction:
    return bank_errors.bank_error_debited(place, bank=BANK, bank_entry=ENTRY, amount=amount)


def debit_corrected(amount: Money, owed: Money, place: Place = PLACE) -> Transaction:
    return bank_errors.bank_error_debit_corrected(
        place, bank=BANK, bank_entry=CORRECTION, amount=amount, owed=owed
    )


def credited(amount: Money, place: Place = PLACE) -> Transaction:
    return bank_errors.bank_error_credited(place, bank=BANK, bank_entry=ENTRY, amount=amount)


def credit_corrected(amount: Money, held: Money, place: Place = PLACE) -> Transaction:
    return bank_errors.bank_error_credit_corrected(
        place, bank=BANK, credit=ENTRY, bank_entry=CORRECTION, amount=amount, held=held
    )


@given(amounts)
def test_bank_error_debited_is_due_from_the_bank(amount: Money) -> None:
    assert effects(debited(amount)) == changes(
        (PLACE.debited_in_error(BANK), amount), (PLACE.bank, -amount)
    )


@given(amounts, balances)
def test_bank_error_debit_corrected_closes_the_claim_and_no_more_is_the_institutions(
    amount: Money, owed: Money
) -> None:
    closed = min(amount, owed)

    assert effects(debit_corrected(amount, owed)) == changes(
        (PLACE.bank, amount),
        (PLACE.debited_in_error(BANK), -closed),
        (PLACE.credited_in_error(CORRECTION), amount - closed),
    )


@given(amounts)
def test_bank_error_credited_is_the_banks_own_money(amount: Money) -> None:
    assert effects(credited(amount)) == changes(
        (PLACE.bank, amount), (PLACE.credited_in_error(ENTRY), amount)
    )


@given(amounts, balances)
def test_bank_error_credit_corrected_takes_the_banks_money_and_owes_what_it_took_beyond(
    amount: Money, held: Money
) -> None:
    own = min(amount, held)

    assert effects(credit_corrected(amount, held)) == changes(
        (PLACE.bank, -amount),
        (PLACE.credited_in_error(ENTRY), -own),
        (PLACE.debited_in_error(BANK), amount - own),
    )


@pytest.mark.parametrize("place", [PLACE, DEPOSIT], ids=["custody", "deposit"])
@pytest.mark.parametrize(
    ("error", "correction"), [(debited, debit_corrected), (credited, credit_corrected)]
)
def test_an_error_and_its_correction_leave_the_account_as_it_was(
    place: Place,
    error: Callable[[Money, Place], Transaction],
    correction: Callable[[Money, Money, Place], Transaction],
) -> None:
    amount = Money.of("1770.82")
    book = Book({place.bank: 499_999})

    book.post(error(amount, place), correction(amount, amount, place))

    assert {
        account: book.quantity(account) for account in book.accounts() if book.quantity(account)
    } == {place.bank: 499_999}


@given(amounts, amounts)
def test_a_wrong_debit_is_a_shortfall_and_a_wrong_credit_pays_nobody(
    taken: Money, given_: Money
) -> None:
    book = Book({PLACE.bank: taken.fen, PLACE.suspense(ENTRY): taken.fen})

    book.post(debited(taken), credited(given_))

    position = Position.of_book(book, CUSTODY)
    assert shortfall(position) == taken
    assert payout_room(position) == ZERO
    assert identity_gap(position) == ZERO
    assert position.fen(AccountKind.BANK_ERROR_CREDIT) == given_.fen


@given(amounts)
def test_suspense_found_error_is_the_banks_and_no_payers_any_longer(amount: Money) -> None:
    found = bank_errors.suspense_found_error(PLACE, bank=BANK, receipt=ENTRY, amount=amount)

    assert effects(found) == changes(
        (PLACE.suspense(ENTRY), -amount), (PLACE.credited_in_error(ENTRY), amount)
    )
    assert found.references["receipt"] == str(ENTRY)


@given(amounts)
def test_bank_errors_netted_closes_a_claim_with_the_banks_own_money(amount: Money) -> None:
    netted = bank_errors.bank_errors_netted(PLACE, bank=BANK, credit=CORRECTION, amount=amount)

    assert effects(netted) == changes(
        (PLACE.credited_in_error(CORRECTION), -amount), (PLACE.debited_in_error(BANK), -amount)
    )
