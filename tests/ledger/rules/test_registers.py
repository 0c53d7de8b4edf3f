"""Raising an entitlement on a parent's proof: balanced, on the contract alone, without a bound."""

from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import AccountKind, Reason
from ledger.book import Book
from ledger.entitlement import Contract
from ledger.money import Money
from ledger.rules import registers
from tests.ledger.rules.facts import contracts


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
