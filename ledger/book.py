"""The Book (账簿): balances by account, and the one place that says a balance would go below zero.

It is the in-memory model of the whole ledger and the engine the store decides with: the store
loads the balances a batch may touch, posts through a Book, and appends what the Book accepted.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ledger.accounts import CHART, Account, AccountKind, Reason, Side, Unit
from ledger.forms import Filled
from ledger.money import Money
from ledger.refusals import BalanceTooLow
from ledger.transactions import Transaction


class Entry(NamedTuple):
    """One account's change by one transaction and its balance after it, in fen or lessons."""

    account: Account
    amount: int
    balance_after: int


class Book:
    """Balances by account, each in fen or lessons on its normal side, never below zero (I-05)."""

    __slots__ = ("_balances",)

    def __init__(self, balances: Mapping[Account, int] | None = None) -> None:
        """Open the book with the given balances, or empty."""
        self._balances: dict[Account, int] = dict(balances or {})

    def quantity(self, account: Account) -> int:
        """Balance in fen or lessons; zero for an account that was never used."""
        return self._balances.get(account, 0)

    def balance(self, account: Account) -> Money:
        """Balance of a money account."""
        assert account.unit is Unit.CNY, "a balance in yuan is asked of a money account"
        return Money.from_fen(self.quantity(account))

    def accounts(self) -> Iterable[Account]:
        """Every account that was ever used, in order of first use."""
        return self._balances.keys()

    def open(self, balances: Mapping[Account, int]) -> None:
        """Take in balances read elsewhere; an account already here keeps its own."""
        for account, quantity in balances.items():
            self._balances.setdefault(account, quantity)

    def post(self, *transactions: Transaction) -> list[list[Entry]]:
        """Post the transactions in order, all or none; return the entries of each.

        Raises `BalanceTooLow` when any account would be below zero after any of them.
        """
        balances, posted = self._balances, list[list[Entry]]()
        known = len(balances)
        for transaction in transactions:
            entries: list[Entry] = []
            for account, effect in transaction.effects().items():
                after = balances.get(account, 0) + effect
                if after < 0:
                    self._undo(posted, known)
                    raise _too_low(account, after)
                entries.append(Entry(account, effect, after))
            for account, _, after in entries:
                balances[account] = after
            posted.append(entries)
        return posted

    def _undo(self, posted: Sequence[Sequence[Entry]], known: int) -> None:
        """Take back what was posted, and the accounts used first by it: the book knew so many."""
        balances = self._balances
        for entries in posted:
            for account, amount, _ in entries:
                balances[account] -= amount
        while len(balances) > known:
            balances.popitem()

    def fill(self, filled: Filled) -> list[Entry]:
        """Post one form that is filled in, as `post` does what it stands for; return its entries.

        Raises `BalanceTooLow`.
        """
        form, accounts, quantities, _ = filled
        assert min(quantities) > 0, "a transfer moves more than zero"
        balances = self._balances
        entries: list[Entry] = []
        for place, account in enumerate(accounts):
            effect = form.signs[place] * quantities[place >> 1]
            after = balances.get(account, 0) + effect
            if after < 0:
                raise _too_low(account, after)
            entries.append(Entry(account, effect, after))
        for account, _, after in entries:
            balances[account] = after
        return entries

    def total(self, kinds: Sequence[AccountKind], reason: Reason | None = None) -> int:
        """Sum of balances over account kinds, optionally of one reason only."""
        return sum(
            quantity
            for account, quantity in self._balances.items()
            if account.kind in kinds and (reason is None or account.reason is reason)
        )

    def trial_balance(self, unit: Unit = Unit.CNY) -> tuple[int, int]:
        """Sum of debit-normal and of credit-normal balances; equal for any history (I-03)."""
        sums = {Side.DEBIT: 0, Side.CREDIT: 0}
        for account, quantity in self._balances.items():
            if account.unit is unit:
                sums[account.side] += quantity
        return sums[Side.DEBIT], sums[Side.CREDIT]


def _too_low(account: Account, after: int) -> BalanceTooLow:
    if account.unit is Unit.CNY:
        return BalanceTooLow(account=account.kind.value, missing=str(Money.from_fen(-after)))
    return BalanceTooLow(account=CHART[account.kind].en, missing=str(-after))
