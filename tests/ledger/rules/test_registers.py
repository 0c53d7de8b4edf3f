"""Raising an entitlement on a parent's proof: balanced, on the contract alone, without a bound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import AccountKind, Reason
from ledger.book import Book
from ledger.entitlement import Contract
from ledger.money import Money
from ledger.rules import registers
from tests.ledger.rules.facts import CUSTODY, ENROLMENT, SCHOOL, contracts


@given(contract=contracts(), fen=st.integers(1, 10**13))
def test_what_is_proved_is_owed_to_the_student_by_the_institution(
    contract: Contract, fen: int
) -> None:
    amount, book = Money.from_fen(fen), Book()

    book.post(registers.entitlement_raised(contract, amount=amount))

    assert book.balance(contract.prepaid) == amount
    assert book.balance(contract.diversion) == amount
    assert contract.diversion.kind is AccountKind.DUE_FROM_INSTITUTION
    assert contract.diversion.reason is Reason.DIVERSION


@pytest.mark.parametrize("fen", [0, -1])
def test_an_entitlement_is_raised_by_something(fen: int) -> None:
    contract = Contract(ENROLMENT, SCHOOL, CUSTODY, Money.of("1.00"), 1)

    with pytest.raises(AssertionError, match="raised by something"):
        registers.entitlement_raised(contract, amount=Money.from_fen(fen))
