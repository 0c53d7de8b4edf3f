"""What this bank knows by itself: each custody account, line by line, and each day's statement."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any


class Side(StrEnum):
    """Into the account or out of it."""

    CREDIT = "CRDT"
    DEBIT = "DBIT"


@dataclass(frozen=True, slots=True)
class Entry:
    """One booked line; `kind` is what the bank says it is, `order` the payment order behind it.

    `end_to_end_id` is that order's name in the statements of banks.
    """

    ref: str
    number: int
    side: Side
    fen: int
    book_on: date
    value_on: date
    kind: str
    order: str = ""
    end_to_end_id: str = ""
    payer_name: str = ""
    payer_account: str = ""
    payment_code: str = ""
    purpose: str = ""

    @property
    def signed_fen(self) -> int:
        """The amount, negative for a debit."""
        return self.fen if self.side is Side.CREDIT else -self.fen

    @property
    def is_reversal(self) -> bool:
        """Tell whether the bank takes back an entry of its own (冲账)."""
        return self.kind == "REVERSAL"


@dataclass(frozen=True, slots=True)
class Statement:
    """A closed day of an account; opening and its entries lead to the closing, all in fen."""

    account: str
    sequence: int
    day: date
    opening: int
    entries: tuple[Entry, ...]

    @property
    def closing(self) -> int:
        """What the account held at the end of the day."""
        return self.opening + sum(entry.signed_fen for entry in self.entries)

    def sums(self, side: Side) -> tuple[int, int]:
        """Return how many entries of a side there are, and their sum."""
        amounts = [entry.fen for entry in self.entries if entry.side is side]
        return len(amounts), sum(amounts)


@dataclass(slots=True)
class Account:
    """A custody account in the bank's books; `id` is the service's, `number` the bank's."""

    id: str
    number: str
    balance: int = 0
    entries: list[Entry] = field(default_factory=list)
    sequence: int = 0
    stated: int = 0
    """How many entries the statements so far hold."""

    def book(
        self, side: Side, fen: int, on: date, kind: str, *, ref: str = "", **told: str
    ) -> Entry:
        """Book a line; the bank's reference of it is unique in the account for ever."""
        assert fen > 0, "nothing is no entry"
        assert not self.entries or self.entries[-1].book_on <= on, "a bank books forward"
        number = len(self.entries) + 1
        entry = Entry(ref or f"{on:%y%m%d}{number:06d}", number, side, fen, on, on, kind, **told)
        self.entries.append(entry)
        self.balance += entry.signed_fen
        return entry

    def close(self, day: date) -> Statement:
        """Write the statement of everything since the last one."""
        entries = tuple(self.entries[self.stated :])
        moved = sum(entry.signed_fen for entry in entries)
        self.stated, self.sequence = len(self.entries), self.sequence + 1
        return Statement(self.number, self.sequence, day, self.balance - moved, entries)


def yuan(fen: int) -> str:
    """Write fen as yuan, 1234.50."""
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def fen(amount: str) -> int:
    """Read yuan with two places into fen."""
    return int(amount.replace(".", ""))


def pushed(account: Account, entry: Entry) -> dict[str, Any]:
    """Write a line as it is reported at once, as JSON."""
    told: dict[str, Any] = {
        "custody_account_id": account.id,
        "bank_ref": entry.ref,
        "amount": yuan(entry.fen),
        "book_on": entry.book_on.isoformat(),
        "value_on": entry.value_on.isoformat(),
        "kind": entry.kind,
    }
    texts = {
        "end_to_end_id": entry.order,
        "payer_name": entry.payer_name,
        "payer_account": entry.payer_account,
        "payment_code": entry.payment_code,
        "purpose": entry.purpose,
    }
    return told | {name: text for name, text in texts.items() if text}
