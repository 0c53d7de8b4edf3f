"""Positions of custody accounts to be judged: written by code, or drawn."""

from dataclasses import replace
from uuid import UUID

from hypothesis import strategies as st

from ledger.accounts import (
    ASSETS,
    CHART,
    LIABILITIES,
    Account,
    AccountKind,
    Reason,
)
from ledger.book import Book
from ledger.coverage import (
    InTime,
    Position,
)
from ledger.money import Money
from ledger.refusals import BalanceTooLow
from ledger.transactions import Transaction, TransactionKind, Transfer

CUSTODY, ELSEWHERE, OWNER = UUID(int=1), UUID(int=2), UUID(int=3)
BY_CODE = {chart.code: kind for kind, chart in CHART.items()}


def position(*, legacy: str = "0.00", **balances: str) -> Position:
    """Write a position in the codes of the chart and in yuan."""
    fen = {BY_CODE[code]: Money.of(amount).fen for code, amount in balances.items()}
    return Position(fen, Money.of(legacy).fen)


def fen(amount: str) -> int:
    return Money.of(amount).fen


amounts = st.integers(min_value=0, max_value=10**7)
positions = st.builds(
    lambda balances, share: Position(
        balances, balances.get(AccountKind.DUE_FROM_INSTITUTION, 0) * share // 100
    ),
    st.dictionaries(st.sampled_from([*ASSETS, *LIABILITIES]), amounts),
    st.integers(min_value=0, max_value=100),
)
in_times = st.builds(
    InTime, channel_fen=amounts, cash_fen=amounts, transfer_fen=amounts, legacy_fen=amounts
)

money_accounts = st.builds(
    lambda kind, custody, reason: Account(
        kind, OWNER, custody, reason if kind is AccountKind.DUE_FROM_INSTITUTION else None
    ),
    st.sampled_from([*ASSETS, *LIABILITIES]),
    st.sampled_from([CUSTODY, ELSEWHERE]),
    st.sampled_from([Reason.LEGACY, Reason.BANK_CHARGE]),
)


def balanced(debit: Account, credit: Account, quantity: int) -> Transaction | None:
    credit = replace(credit, custody=debit.custody)
    if debit == credit:
        return None
    transfer = Transfer(debit, credit, Money.from_fen(quantity))
    return Transaction(TransactionKind.RECEIPT_MATCHED, (transfer,))


histories = st.lists(
    st.builds(balanced, money_accounts, money_accounts, st.integers(min_value=1, max_value=500)),
    max_size=40,
)


def play(history: list[Transaction | None]) -> Book:
    book = Book()
    for transaction in filter(None, history):
        try:
            book.post(transaction)
        except BalanceTooLow:
            continue
    return book
