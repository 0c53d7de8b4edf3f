"""The Book: balances follow from transactions, are never below zero, and always balance."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import Account, AccountKind, Reason, Side, Unit
from ledger.book import Book
from ledger.money import Money
from ledger.refusals import BalanceTooLow
from ledger.transactions import Transaction, TransactionKind, Transfer

CUSTODY, ANN, BEN, SCHOOL = (UUID(int=number) for number in range(1, 5))
BANK = Account(AccountKind.CUSTODY_BANK, CUSTODY, CUSTODY)
ANNS = Account(AccountKind.STUDENT_PREPAID, ANN, CUSTODY)
BENS = Account(AccountKind.STUDENT_PREPAID, BEN, CUSTODY)
EARNED = Account(AccountKind.INSTITUTION_PAYABLE, SCHOOL, CUSTODY)
OWED_LEGACY = Account(AccountKind.DUE_FROM_INSTITUTION, ANN, CUSTODY, Reason.LEGACY)
OWED_FEE = Account(AccountKind.DUE_FROM_INSTITUTION, SCHOOL, CUSTODY, Reason.BANK_CHARGE)
CONTRACTED = Account(AccountKind.LESSON_UNITS_CONTRACTED, ANN, CUSTODY, Reason.PAID)
GRANTED = Account(AccountKind.LESSON_UNITS_GRANTED, ANN, CUSTODY, Reason.PAID)
CONSUMED = Account(AccountKind.LESSON_UNITS_CONSUMED, ANN, CUSTODY, Reason.PAID)


def moved(debit: Account, credit: Account, amount: str | int) -> Transaction:
    quantity = Money.of(amount) if isinstance(amount, str) else amount
    return Transaction(TransactionKind.RECEIPT_MATCHED, (Transfer(debit, credit, quantity),))


money_accounts = st.sampled_from([BANK, ANNS, BENS, EARNED, OWED_LEGACY, OWED_FEE])
pairs = st.tuples(money_accounts, money_accounts).filter(lambda pair: pair[0] != pair[1])
transfers = st.builds(
    lambda pair, fen: Transfer(pair[0], pair[1], Money.from_fen(fen)),
    pairs,
    st.integers(min_value=1, max_value=50),
)
histories = st.lists(
    st.builds(
        lambda moves: Transaction(TransactionKind.RECEIPT_MATCHED, tuple(moves)),
        st.lists(transfers, min_size=1, max_size=3),
    ),
    max_size=30,
)


def play(history: list[Transaction]) -> tuple[Book, list[Transaction]]:
    book, accepted = Book(), []
    for transaction in history:
        try:
            book.post(transaction)
        except BalanceTooLow:
            continue
        accepted.append(transaction)
    return book, accepted


def test_an_account_never_used_holds_nothing() -> None:
    assert Book().quantity(BANK) == 0
    assert str(Book().balance(BANK)) == "0.00"


def test_a_receipt_stands_on_both_sides() -> None:
    book = Book()

    book.post(moved(BANK, ANNS, "4999.99"))

    assert str(book.balance(BANK)) == "4999.99"
    assert str(book.balance(ANNS)) == "4999.99"
    assert list(book.accounts()) == [BANK, ANNS]


def test_more_than_there_is_cannot_be_taken_by_one_fen() -> None:
    book = Book({BANK: 100, ANNS: 100})

    with pytest.raises(BalanceTooLow) as refused:
        book.post(moved(ANNS, BANK, "1.01"))

    assert refused.value.facts == {"account": "STUDENT_PREPAID", "missing": "0.01"}
    assert book.quantity(ANNS) == 100


def test_more_lessons_than_granted_cannot_be_taken() -> None:
    book = Book({CONTRACTED: 2, GRANTED: 2})

    with pytest.raises(BalanceTooLow) as refused:
        book.post(moved(GRANTED, CONSUMED, 3))

    assert refused.value.facts == {"account": "lessons granted, not taken", "missing": "1"}


def test_a_refused_transaction_takes_its_whole_batch_with_it() -> None:
    book = Book()

    with pytest.raises(BalanceTooLow):
        book.post(moved(BANK, ANNS, "5.00"), moved(BENS, EARNED, "1.00"))

    assert book.quantity(BANK) == 0
    assert list(book.accounts()) == []


def test_a_refused_batch_leaves_no_account_that_it_used_first() -> None:
    book = Book({BANK: 100, ANNS: 100})

    with pytest.raises(BalanceTooLow):
        book.post(moved(BANK, BENS, "1.00"), moved(EARNED, ANNS, "1.00"))

    assert list(book.accounts()) == [BANK, ANNS]
    assert book.quantity(BANK) == 100


def test_a_later_transaction_of_a_batch_may_use_what_an_earlier_one_brought() -> None:
    book = Book()

    book.post(moved(BANK, ANNS, "5.00"), moved(ANNS, EARNED, "5.00"))

    assert str(book.balance(EARNED)) == "5.00"


def test_an_earlier_transaction_of_a_batch_may_not_use_what_a_later_one_brings() -> None:
    book = Book()

    with pytest.raises(BalanceTooLow):
        book.post(moved(ANNS, EARNED, "5.00"), moved(BANK, ANNS, "5.00"))

    assert book.quantity(EARNED) == 0


def test_posting_tells_each_change_and_the_balance_after_it() -> None:
    book = Book({BANK: 100, ANNS: 100})

    entries = book.post(moved(BANK, ANNS, "5.00"), moved(ANNS, EARNED, "2.00"))

    assert entries == [
        [(BANK, 500, 600), (ANNS, 500, 600)],
        [(ANNS, -200, 400), (EARNED, 200, 200)],
    ]


def test_opening_leaves_known_accounts_as_they_are() -> None:
    book = Book({BANK: 100, ANNS: 100})

    book.open({BANK: 1, BENS: 7})

    assert book.quantity(BANK) == 100
    assert book.quantity(BENS) == 7


def test_a_book_keeps_its_own_copy_of_the_balances_it_was_given() -> None:
    given_balances = {BANK: 100}
    book = Book(given_balances)

    given_balances[BANK] = 5

    assert book.quantity(BANK) == 100


def test_totals_are_by_kind_and_by_reason() -> None:
    book = Book({OWED_LEGACY: 30, OWED_FEE: 5, ANNS: 20, BENS: 15})

    assert book.total([AccountKind.STUDENT_PREPAID]) == 35
    assert book.total([AccountKind.DUE_FROM_INSTITUTION]) == 35
    assert book.total([AccountKind.DUE_FROM_INSTITUTION], Reason.LEGACY) == 30
    assert book.total([AccountKind.STUDENT_PREPAID, AccountKind.DUE_FROM_INSTITUTION]) == 70


def test_money_and_lessons_have_a_trial_balance_each() -> None:
    book = Book()

    book.post(moved(BANK, ANNS, "5.00"), moved(CONTRACTED, GRANTED, 48))

    assert book.trial_balance() == (500, 500)
    assert book.trial_balance(Unit.LESSON) == (48, 48)


def test_lessons_are_not_asked_for_in_yuan() -> None:
    with pytest.raises(AssertionError, match="money account"):
        Book().balance(GRANTED)


@given(histories)
def test_any_history_leaves_no_account_below_zero_and_both_sides_equal(
    history: list[Transaction],
) -> None:
    book, _ = play(history)

    debit, credit = book.trial_balance()
    assert debit == credit
    assert all(book.quantity(account) >= 0 for account in book.accounts())


@given(histories)
def test_balances_are_the_sum_of_the_effects_of_what_was_accepted(
    history: list[Transaction],
) -> None:
    book, accepted = play(history)

    summed: dict[Account, int] = {}
    for transaction in accepted:
        for transfer in transaction.transfers:
            for account, side in ((transfer.debit, Side.DEBIT), (transfer.credit, Side.CREDIT)):
                sign = 1 if account.side is side else -1
                summed[account] = summed.get(account, 0) + sign * transfer.quantity
    assert {account: book.quantity(account) for account in book.accounts()} == summed


@given(histories)
def test_entries_follow_one_another_to_the_balance(history: list[Transaction]) -> None:
    book, heads = Book(), dict[Account, int]()

    for transaction in history:
        try:
            posted = book.post(transaction)
        except BalanceTooLow:
            continue
        for entry in posted[0]:
            assert entry.balance_after == heads.get(entry.account, 0) + entry.amount
            heads[entry.account] = entry.balance_after

    assert heads == {account: book.quantity(account) for account in book.accounts()}


@given(histories)
def test_reversing_everything_from_the_end_empties_the_book(history: list[Transaction]) -> None:
    book, accepted = play(history)

    for transaction in reversed(accepted):
        book.post(transaction.reversal(references={"reverses": "x"}))

    assert all(book.quantity(account) == 0 for account in book.accounts())


def test_a_trial_balance_shows_each_side_as_it_is() -> None:
    book = Book({BANK: 5, OWED_FEE: 2, ANNS: 4, EARNED: 1, CONTRACTED: 9})

    assert book.trial_balance() == (7, 5)
    assert book.trial_balance(Unit.LESSON) == (9, 0)
