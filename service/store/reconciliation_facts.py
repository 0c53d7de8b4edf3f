"""What a reconciliation knows of a custody account: figures, statements, doubtful entries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from ledger.accounts import ASSETS, LIABILITIES, AccountKind, Reason
from ledger.breaks import Item, Span
from ledger.coverage import InTime, Position, requirement
from ledger.money import ZERO, Money
from service.store.balance_reads import is_used, position_of
from service.store.facts import Record

Slots = Mapping[tuple[str, str], int]
"""Fen (or lessons) of one custody account by account kind and reason."""

_MONEY: Final = (*ASSETS, *LIABILITIES)


@dataclass(frozen=True, slots=True)
class Compared:
    """One statement beside what was booked for it; `change_fen` is the ledger's of its span."""

    statement: Record
    ledger_closing_fen: int
    change_fen: int
    same_entries: bool

    @property
    def agrees(self) -> bool:
        """Tell whether the bank says the same as the ledger, in closing and in entries."""
        same: bool = self.ledger_closing_fen == self.statement.closing_fen
        return self.same_entries and same


@dataclass(frozen=True, slots=True)
class Looked:
    """One custody account on one day: what bank and books say, as of `known` and of `position`.

    `figures` are of `position`, the day's last, `now` of `known`. `spans` and `items` are what
    `ledger.breaks.findings` wants; there are none where nothing differs.
    """

    account: Record
    day: date
    position: int
    known: int
    figures: Slots
    now: Slots
    in_time: InTime
    single: Mapping[str, int]
    kept: int = 0
    compared: tuple[Compared, ...] = ()
    spans: tuple[Span, ...] = ()
    items: tuple[Item, ...] = ()
    books_fen: int = 0

    @property
    def deposit(self) -> bool:
        """Tell a risk deposit's account (保证金专户), of which nothing is required here."""
        return bool(self.account.purpose == "DEPOSIT")

    @property
    def used(self) -> bool:
        """Tell whether it ever held or owed anything."""
        return is_used(self.now) or (AccountKind.RISK_DEPOSIT_BANK, "") in self.now

    @property
    def last(self) -> Compared | None:
        """The last statement on or before the day, beside the ledger."""
        return self.compared[-1] if self.compared else None

    @property
    def position_then(self) -> Position:
        """Balances at the day's last position."""
        return position_of(self.figures)

    @property
    def position_now(self) -> Position:
        """Balances as of `known`."""
        return position_of(self.now)

    @property
    def required(self) -> Money:
        """What the account must hold (I-20)."""
        return ZERO if self.deposit else requirement(self.position_then)

    @property
    def sub_ledger_fen(self) -> int:
        """What the single accounts say is owed, payer by payer."""
        return sum(self.single.get(kind.value, 0) for kind in LIABILITIES)

    @property
    def sub_ledger_gap_fen(self) -> int:
        """By how much single accounts and totals differ, over every kind of money."""
        then = self.position_then
        return sum(abs(self.single.get(kind.value, 0) - then.fen(kind)) for kind in _MONEY)

    @property
    def clawed_back(self) -> Money:
        """What the next payout makes good before it is paid: A5[CLAWBACK] from L4 (E29)."""
        owed = self.now.get((AccountKind.DUE_FROM_INSTITUTION.value, Reason.CLAWBACK.value), 0)
        return Money.from_fen(min(owed, self.position_now.fen(AccountKind.INSTITUTION_PAYABLE)))


@dataclass(frozen=True, slots=True)
class Sought:
    """What is being looked at: accounts with their day, and the position everything is as of.

    `bank` is what the ledger says each account holds (A1, A2 of a deposit) as of `known`.
    """

    accounts: tuple[tuple[Record, date], ...]
    known: int
    today: date
    bank: Mapping[UUID, int]

    @property
    def custodies(self) -> list[UUID]:
        """The custody accounts, in order."""
        return [account.custody_account_id for account, _ in self.accounts]

    @property
    def days(self) -> list[date]:
        """The day of each."""
        return [day for _, day in self.accounts]


def in_bank(slots: Slots) -> int:
    """Return what the ledger says a custody account holds at its bank."""
    held: Any = slots.get((AccountKind.CUSTODY_BANK.value, ""), 0)
    return int(held + slots.get((AccountKind.RISK_DEPOSIT_BANK.value, ""), 0))
