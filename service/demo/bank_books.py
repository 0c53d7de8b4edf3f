"""What a bank knows of a custody account by itself: its balance and each day's lines.

The player's banks keep their own books, so that the statements they send are their word and not an
echo of the ledger's.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from typing import Any


@dataclass(slots=True)
class BankDay:
    """One day's lines of an account, in fen."""

    opening: int
    credit_count: int = 0
    credits: int = 0
    debit_count: int = 0
    debits: int = 0

    @property
    def closing(self) -> int:
        """What the account held at the end of the day."""
        return self.opening + self.credits - self.debits


@dataclass(slots=True)
class BankBook:
    """One custody account in its bank's own books."""

    account: str
    institution: int
    bank: str
    balance: int = 0
    lines: int = 0
    days: dict[date, BankDay] = field(default_factory=dict)

    def credited(self, fen: int, on: date) -> str:
        """Book money in; return the bank's reference of the line."""
        day = self._day(on)
        day.credit_count += 1
        day.credits += fen
        self.balance += fen
        return self._reference(on)

    def debited(self, fen: int, on: date) -> str:
        """Book money out; return the bank's reference of the line."""
        day = self._day(on)
        day.debit_count += 1
        day.debits += fen
        self.balance -= fen
        return self._reference(on)

    def closed(self, on: date) -> BankDay:
        """Return a day as the bank states it, also one without lines."""
        before = max((day for day in self.days if day <= on), default=None)
        if before == on:
            return self.days[on]
        return BankDay(opening=0 if before is None else self.days[before].closing)

    def _day(self, on: date) -> BankDay:
        if on not in self.days:
            assert not self.days or on > max(self.days), "a bank books forward"
            self.days[on] = BankDay(opening=self.balance)
        return self.days[on]

    def _reference(self, on: date) -> str:
        self.lines += 1
        return f"{self.bank}{on:%Y%m%d}-{self.lines:06d}"


def by_bank(books: dict[str, BankBook]) -> dict[str, list[BankBook]]:
    """Sort accounts by the bank that keeps them."""
    sorted_out: defaultdict[str, list[BankBook]] = defaultdict(list)
    for book in books.values():
        sorted_out[book.bank].append(book)
    return dict(sorted_out)


def line(book: BankBook, fen: int, reference: str, on: date, kind: str) -> dict[str, Any]:
    """Write one line as the bank reports it."""
    return {
        "custody_account_id": book.account,
        "bank_ref": reference,
        "amount": yuan(fen),
        "book_on": on.isoformat(),
        "value_on": on.isoformat(),
        "kind": kind,
    }


def yuan(fen: int) -> str:
    """Write fen as the wire has it."""
    return f"{fen // 100}.{fen % 100:02d}"


def fen(amount: str) -> int:
    """Read a wire amount into fen."""
    return int(amount.replace(".", ""))
