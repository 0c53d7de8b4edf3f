"""Transfers and transactions: what is unbalanced cannot be written, and a reversal undoes it."""

from typing import Any, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import Account, AccountKind, Reason, Side, Unit
from ledger.money import ZERO, Money
from ledger.transactions import (
    Transaction,
    TransactionKind,
    Transfer,
    money_transfers,
)

ONE, OTHER = UUID(int=1), UUID(int=2)
BANK = Account(AccountKind.CUSTODY_BANK, ONE, ONE)
PREPAID = Account(AccountKind.STUDENT_PREPAID, OTHER, ONE)
PENDING = Account(AccountKind.LESSON_PENDING, OTHER, ONE)
GRANTED = Account(AccountKind.LESSON_UNITS_GRANTED, OTHER, ONE, Reason.GIFT)
CONSUMED = Account(AccountKind.LESSON_UNITS_CONSUMED, OTHER, ONE, Reason.GIFT)

money_accounts = st.sampled_from([BANK, PREPAID, PENDING])
pairs = st.tuples(money_accounts, money_accounts).filter(lambda pair: pair[0] != pair[1])
transfers = st.builds(
    lambda pair, fen: Transfer(pair[0], pair[1], Money.from_fen(fen)),
    pairs,
    st.integers(min_value=1, max_value=10**12),
)
transactions = st.builds(
    lambda moves: Transaction(TransactionKind.RECEIPT_MATCHED, tuple(moves)),
    st.lists(transfers, max_size=6),
)


def test_a_transfer_between_units_cannot_be_written() -> None:
    with pytest.raises(AssertionError, match="one unit"):
        Transfer(BANK, GRANTED, Money.of("1.00"))


def test_a_transfer_between_custody_accounts_cannot_be_written() -> None:
    elsewhere = Account(AccountKind.STUDENT_PREPAID, OTHER, OTHER)

    with pytest.raises(AssertionError, match="one custody account"):
        Transfer(BANK, elsewhere, Money.of("1.00"))


def test_a_transfer_from_an_account_to_itself_cannot_be_written() -> None:
    with pytest.raises(AssertionError, match="between two accounts"):
        Transfer(BANK, BANK, Money.of("1.00"))


@pytest.mark.parametrize("amount", [ZERO, Money.of("-0.01")])
def test_a_transfer_of_nothing_or_less_cannot_be_written(amount: Money) -> None:
    with pytest.raises(AssertionError, match="more than zero"):
        Transfer(BANK, PREPAID, amount)


def test_lessons_are_not_moved_between_money_accounts_nor_yuan_between_lesson_accounts() -> None:
    with pytest.raises(AssertionError, match="unit fits amount"):
        Transfer(BANK, PREPAID, 1)
    with pytest.raises(AssertionError, match="unit fits amount"):
        Transfer(GRANTED, CONSUMED, Money.of("1.00"))


def test_a_transfer_counts_fen_or_lessons() -> None:
    assert Transfer(BANK, PREPAID, Money.of("12.34")).quantity == 1234
    assert Transfer(GRANTED, CONSUMED, 3).quantity == 3


def test_effects_are_signed_by_the_normal_side_of_each_account() -> None:
    received = Transfer(BANK, PREPAID, Money.of("5.00"))
    recorded = Transfer(PREPAID, PENDING, Money.of("2.00"))

    effects = Transaction(TransactionKind.RECEIPT_MATCHED, (received, recorded)).effects()

    assert effects == {BANK: 500, PREPAID: 300, PENDING: 200}


@given(transactions)
def test_every_transaction_balances(transaction: Transaction) -> None:
    effects = transaction.effects()

    debit = sum(net for account, net in effects.items() if account.side is Side.DEBIT)
    credit = sum(net for account, net in effects.items() if account.side is Side.CREDIT)
    assert debit == credit


@given(transactions)
def test_a_reversal_has_the_opposite_effects(transaction: Transaction) -> None:
    reversal = transaction.reversal(references={"reverses": "7"})

    assert reversal.effects() == {account: -net for account, net in transaction.effects().items()}
    assert reversal.kind is TransactionKind.TRANSACTION_REVERSED
    assert reversal.references == {"reverses": "7"}


@given(transactions)
def test_the_reversal_of_a_reversal_is_the_first_transaction_again(
    transaction: Transaction,
) -> None:
    twice = transaction.reversal(references={"reverses": "7"}).reversal(
        references={}, kind=transaction.kind
    )

    assert twice == transaction


def test_a_reversal_may_say_another_kind_and_a_reason() -> None:
    confirmed = Transaction(TransactionKind.LESSON_CONFIRMED)

    reversal = confirmed.reversal(
        references={"reverses": "7"}, kind=TransactionKind.LESSON_REVERSED, reason="UPHELD"
    )

    assert reversal.kind is TransactionKind.LESSON_REVERSED
    assert reversal.reason == "UPHELD"


def test_a_fact_without_money_has_no_effects_and_references_nobody_can_change() -> None:
    fact = Transaction(TransactionKind.DAY_CLOSED)

    assert fact.effects() == {}
    with pytest.raises(TypeError):
        cast("Any", fact.references)["day"] = "2025-03-01"


def test_references_are_bounded() -> None:
    most = {f"key{number}": "x" for number in range(24)}

    assert Transaction(TransactionKind.DAY_CLOSED, references=most).references == most
    with pytest.raises(AssertionError, match="too many references"):
        Transaction(TransactionKind.DAY_CLOSED, references={**most, "another": "x"})


def test_moves_of_nothing_are_left_out() -> None:
    moves = money_transfers((BANK, PREPAID, Money.of("1.00")), (PREPAID, PENDING, ZERO))

    assert moves == (Transfer(BANK, PREPAID, Money.of("1.00")),)


def test_lesson_accounts_count_lessons() -> None:
    assert GRANTED.unit is Unit.LESSON


def test_kinds_are_past_and_spelled_as_stored() -> None:
    assert all(kind.value == kind.name and kind.value.isascii() for kind in TransactionKind)
