"""Coverage (覆盖率): whether a custody account holds what it owes.

One `Position` is one custody account; nothing is netted between two of them (I-20, case 8.9).
Balances come in as fen by account kind, as the book and the roll-ups keep them; amounts leave as
Money. Source: I-19, I-20, I-22, and "Notices, parties, coverage" of the decisions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from ledger.accounts import (
    ASSETS,
    LIABILITIES,
    NOT_REQUIRED,
    STUDENT_OWNED,
    AccountKind,
    Reason,
    Unit,
)
from ledger.book import Book
from ledger.money import ZERO, Money, total

_REQUIRED: Final = tuple(kind for kind in LIABILITIES if kind not in NOT_REQUIRED)
_NOT_THE_INSTITUTIONS: Final = (AccountKind.INTEREST_UNALLOCATED, AccountKind.BANK_ERROR_CREDIT)
_WHOLE: Final = 10_000
_GRADE_A: Final = Decimal(100)
_GRADE_B: Final = Decimal(95)


class State(StrEnum):
    """What the supervisor's own side knows of an account."""

    COVERED = "COVERED"
    SHORT = "SHORT"
    UNKNOWN = "UNKNOWN"


class Grade(StrEnum):
    """What is published: A from 100 %, B from 95 %, C below, – when unknown."""

    A = "A"
    B = "B"
    C = "C"
    NONE = "-"


@dataclass(frozen=True, slots=True)
class Position:
    """Balances of one custody account in fen by account kind; a kind left out is zero.

    `legacy_fen` is the part of A5 with reason LEGACY.
    """

    balances: Mapping[AccountKind, int]
    legacy_fen: int = 0

    @classmethod
    def of_book(cls, book: Book, custody: UUID) -> Self:
        """Sum up what a book holds for one custody account."""
        balances: dict[AccountKind, int] = {}
        legacy = 0
        for account in book.accounts():
            if account.custody != custody or account.unit is not Unit.CNY:
                continue
            quantity = book.quantity(account)
            balances[account.kind] = balances.get(account.kind, 0) + quantity
            legacy += quantity if account.reason is Reason.LEGACY else 0
        return cls(balances, legacy)

    def fen(self, *kinds: AccountKind) -> int:
        """Sum of the balances of some kinds."""
        return sum(self.balances.get(kind, 0) for kind in kinds)


@dataclass(frozen=True, slots=True)
class InTime:
    """Money not in the bank that is not late yet, in fen; each counts only up to its balance.

    `channel_fen` A3 younger than T+2; `cash_fen` A4 of the day; `transfer_fen` A8 younger than 2
    business days, without transfers of the institution's own money (E60), which excuse nothing;
    `legacy_fen` A5[LEGACY] under an approved top-up plan in good standing.
    """

    channel_fen: int = 0
    cash_fen: int = 0
    transfer_fen: int = 0
    legacy_fen: int = 0

    def fen(self, position: Position) -> int:
        """Sum of what is in time, each part at most what the position shows for it."""
        return (
            min(self.channel_fen, position.fen(AccountKind.CHANNEL_CLEARING))
            + min(self.cash_fen, position.fen(AccountKind.CASH_UNDEPOSITED))
            + min(self.transfer_fen, position.fen(AccountKind.BANK_TRANSFER_IN_TRANSIT))
            + min(self.legacy_fen, position.legacy_fen)
        )


NOTHING_IN_TIME: Final = InTime()


def requirement(position: Position) -> Money:
    """Return what the account must hold: every liability except L12 and L16 (I-20)."""
    return Money.from_fen(position.fen(*_REQUIRED))


def resource(position: Position) -> Money:
    """Return what the account holds at the bank: A1."""
    return Money.from_fen(position.fen(AccountKind.CUSTODY_BANK))


def shortfall(position: Position) -> Money:
    """Return what is missing (缺口): requirement − A1, never below 0.00 (I-20)."""
    return max(ZERO, requirement(position) - resource(position))


def hard_shortfall(position: Position, in_time: InTime = NOTHING_IN_TIME) -> Money:
    """Return what is missing and not on its way in time, never below 0.00 (I-20)."""
    return max(ZERO, shortfall(position) - Money.from_fen(in_time.fen(position)))


def identity_gap(position: Position) -> Money:
    """Return Σ(L without L12) − A1 − (A3…A8 − (L12 − A2)); 0.00 for every true position (I-19)."""
    return Money.from_fen(position.fen(*LIABILITIES) - position.fen(*ASSETS))


def payout_room(
    position: Position, *, holds_fen: int = 0, in_time: InTime = NOTHING_IN_TIME
) -> Money:
    """Return the most an outgoing order that is not a refund may be for, at least 0.00 (I-22).

    A1 − holds − L5 − (student-owned + L10 + L14 − in time). What is in time excuses students'
    claims and no others, so the room never exceeds A1 − holds − L5.
    """
    students = max(0, position.fen(*STUDENT_OWNED) - in_time.fen(position))
    kept = students + position.fen(*_NOT_THE_INSTITUTIONS)
    leaving = position.fen(AccountKind.PAYOUT_IN_TRANSIT) + holds_fen
    return max(ZERO, Money.from_fen(position.fen(AccountKind.CUSTODY_BANK) - leaving - kept))


def is_known(*, banking_days_since_closing: int | None, entries_unposted: int = 0) -> bool:
    """Tell whether the balance may be relied on.

    It may not without an agreed closing, with one older than one banking day, or while a bank
    entry waits to be posted.
    """
    if banking_days_since_closing is None or entries_unposted:
        return False
    return banking_days_since_closing <= 1


@dataclass(frozen=True, slots=True)
class Coverage:
    """The figures of one custody account, or the sum of several without netting."""

    requirement: Money
    resource: Money
    shortfall: Money
    hard_shortfall: Money
    known: bool

    @property
    def ratio(self) -> Decimal:
        """Per cent of the requirement that is held, floored to 0.01; 100.00 when none is required.

        Over several accounts another one's surplus does not fill a shortfall.
        """
        required = self.requirement.fen
        if required == 0:
            return _percent(_WHOLE)
        held = required - self.shortfall.fen if self.shortfall else self.resource.fen
        return _percent(held * _WHOLE // required)

    @property
    def state(self) -> State:
        """COVERED when nothing is missing, SHORT when anything is, UNKNOWN when not known."""
        if not self.known:
            return State.UNKNOWN
        return State.SHORT if self.shortfall else State.COVERED

    @property
    def grade(self) -> Grade:
        """The published grade; A exactly when covered."""
        if not self.known:
            return Grade.NONE
        if self.ratio >= _GRADE_A:
            return Grade.A
        return Grade.B if self.ratio >= _GRADE_B else Grade.C


def coverage(position: Position, *, known: bool, in_time: InTime = NOTHING_IN_TIME) -> Coverage:
    """Work out the figures of one custody account."""
    return Coverage(
        requirement=requirement(position),
        resource=resource(position),
        shortfall=shortfall(position),
        hard_shortfall=hard_shortfall(position, in_time),
        known=known,
    )


def summed(coverages: Iterable[Coverage]) -> Coverage:
    """Add up several custody accounts, each with its own shortfall; known when all are."""
    parts = tuple(coverages)
    return Coverage(
        requirement=total([part.requirement for part in parts]),
        resource=total([part.resource for part in parts]),
        shortfall=total([part.shortfall for part in parts]),
        hard_shortfall=total([part.hard_shortfall for part in parts]),
        known=all(part.known for part in parts),
    )


def _percent(hundredths: int) -> Decimal:
    return Decimal(f"{hundredths // 100}.{hundredths % 100:02d}")
