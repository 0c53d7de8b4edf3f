"""The canonical statement (标准对账单) that every format is read into, and its chain.

A reader yields the parts of a file in order: for each statement a `StatementHead`, its
`CanonicalEntry`s and a `StatementFoot`. So a file of any length is read in little memory: once
through `checked` to the end, and only then a second time to be posted.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from service.statement_files.refused import Reason, StatementFileInvalid

CURRENCY: Final = "CNY"


class Kind(StrEnum):
    """What a file is of: only a STATEMENT must chain by itself."""

    STATEMENT = "STATEMENT"
    """Booked entries of a closed period (camt.053, MT940, CSV)."""
    REPORT = "REPORT"
    """Booked entries of the day so far (camt.052)."""
    NOTIFICATION = "NOTIFICATION"
    """Single credits and debits, without balances (camt.054)."""


class Direction(StrEnum):
    """Into the account or out of it, in ISO 20022's words."""

    CREDIT = "CRDT"
    DEBIT = "DBIT"


@dataclass(frozen=True, slots=True)
class EntryPart:
    """One payment of an entry that the bank booked as a batch; the amount may be unstated."""

    end_to_end_id: str
    amount_fen: int | None


@dataclass(frozen=True, slots=True)
class CanonicalEntry:
    """One booked movement; `amount_fen` is above zero, and `direction` says which way."""

    bank_ref: str
    entry_seq: int
    booked_on: date
    value_on: date
    amount_fen: int
    direction: Direction
    is_reversal: bool = False
    """The bank takes back an entry of its own (冲账); the direction is the one of this entry."""
    counterparty_name: str = ""
    counterparty_account: str = ""
    purpose: str = ""
    end_to_end_id: str = ""
    balance_after_fen: int | None = None
    raw_hash: str = ""
    """SHA-256, hexadecimal, of the entry as the bank wrote it."""
    parts: tuple[EntryPart, ...] = ()
    """The payments of a batch; empty for a single payment."""
    code: str = ""
    """The bank's transaction code (交易代码), as it writes it: PMNT/RCDT/DMCT, CHG or its own."""

    @property
    def signed_fen(self) -> int:
        """The amount, negative for a debit."""
        return self.amount_fen if self.direction is Direction.CREDIT else -self.amount_fen


@dataclass(frozen=True, slots=True)
class Stated:
    """Counts and sums that the file itself states; None where it is silent."""

    count: int | None = None
    credit_count: int | None = None
    credit_fen: int | None = None
    debit_count: int | None = None
    debit_fen: int | None = None


@dataclass(frozen=True, slots=True)
class StatementHead:
    """What is known of a statement before its first entry."""

    kind: Kind
    account: str
    statement_id: str
    sequence: int | None
    currency: str = CURRENCY


@dataclass(frozen=True, slots=True)
class StatementFoot:
    """What is known of a statement after its last entry; `line` is where it ends."""

    opening_fen: int | None
    closing_fen: int | None
    from_on: date | None
    to_on: date | None
    stated: Stated = Stated()
    line: int | None = None


Part = StatementHead | CanonicalEntry | StatementFoot


@dataclass(frozen=True, slots=True)
class StatementSummary:
    """A statement without its entries: what stands when the chain held."""

    kind: Kind
    account: str
    statement_id: str
    sequence: int | None
    currency: str
    from_on: date | None
    to_on: date | None
    opening_fen: int | None
    closing_fen: int | None
    credit_count: int
    credit_fen: int
    debit_count: int
    debit_fen: int

    @property
    def count(self) -> int:
        """The number of entries."""
        return self.credit_count + self.debit_count

    @property
    def sum_fen(self) -> int:
        """Credits less debits."""
        return self.credit_fen - self.debit_fen


@dataclass(frozen=True, slots=True)
class CanonicalStatement:
    """A statement that chains, whole."""

    summary: StatementSummary
    entries: tuple[CanonicalEntry, ...]


@dataclass(slots=True)
class _Chain:
    """Sums of one statement as its entries pass."""

    head: StatementHead
    credit_count: int = 0
    credit_fen: int = 0
    debit_count: int = 0
    debit_fen: int = 0
    opening_implied: int | None = field(default=None)
    """What the first balance beside an entry makes of the opening."""

    def add(self, entry: CanonicalEntry) -> None:
        if entry.direction is Direction.CREDIT:
            self.credit_count += 1
            self.credit_fen += entry.amount_fen
        else:
            self.debit_count += 1
            self.debit_fen += entry.amount_fen
        if entry.balance_after_fen is not None:
            implied = entry.balance_after_fen - self.credit_fen + self.debit_fen
            if self.opening_implied not in {None, implied}:
                raise StatementFileInvalid(Reason.CHAIN_BROKEN, entry=entry.entry_seq)
            self.opening_implied = implied

    def summed_up(self, foot: StatementFoot) -> StatementSummary:
        return StatementSummary(
            self.head.kind,
            self.head.account,
            self.head.statement_id,
            self.head.sequence,
            self.head.currency,
            foot.from_on,
            foot.to_on,
            foot.opening_fen,
            foot.closing_fen,
            self.credit_count,
            self.credit_fen,
            self.debit_count,
            self.debit_fen,
        )

    def close(self, foot: StatementFoot) -> StatementSummary:
        summary = self.summed_up(foot)
        check_chain(summary, foot.stated, line=foot.line)
        if None not in {self.opening_implied, foot.opening_fen} and (
            self.opening_implied != foot.opening_fen
        ):
            raise StatementFileInvalid(Reason.CHAIN_BROKEN, line=foot.line)
        return summary


def check_chain(
    summary: StatementSummary, stated: Stated = Stated(), *, line: int | None = None
) -> None:
    """Refuse a statement whose figures do not agree with each other (I-36).

    closing = opening + credits − debits, and every count and sum that is stated is met. A report
    or a notification need not chain: its balances are of the day, its entries often of an hour.
    """
    opening, closing = summary.opening_fen, summary.closing_fen
    if opening is None or closing is None:
        if summary.kind is Kind.STATEMENT:
            raise StatementFileInvalid(Reason.BALANCE_MISSING, line=line)
    elif summary.kind is Kind.STATEMENT and opening + summary.sum_fen != closing:
        raise StatementFileInvalid(Reason.CHAIN_BROKEN, line=line)
    counts = (
        (stated.count, summary.count),
        (stated.credit_count, summary.credit_count),
        (stated.debit_count, summary.debit_count),
    )
    if any(said is not None and said != found for said, found in counts):
        raise StatementFileInvalid(Reason.COUNT_DIFFERS, line=line)
    sums = ((stated.credit_fen, summary.credit_fen), (stated.debit_fen, summary.debit_fen))
    if any(said is not None and said != found for said, found in sums):
        raise StatementFileInvalid(Reason.SUM_DIFFERS, line=line)


def checked(parts: Iterable[Part]) -> Iterator[CanonicalEntry | StatementSummary]:
    """Pass on the entries, and each statement's summary after its last entry, once it chains.

    Entries come before the chain is known to hold: take nothing for true before the end. Raises
    `StatementFileInvalid`. Memory: 16 bytes and their place for each reference.
    """
    chain: _Chain | None = None
    seen: set[bytes] = set()
    found = False
    for part in parts:
        if isinstance(part, StatementHead):
            chain, found = _Chain(part), True
            continue
        assert chain is not None, "a reader yields the head first"
        if isinstance(part, CanonicalEntry):
            _refuse_twice(seen, chain.head.account, part)
            chain.add(part)
            yield part
        else:
            yield chain.close(part)
            chain = None
    assert chain is None, "a reader yields the foot last"
    if not found:
        raise StatementFileInvalid(Reason.EMPTY)


def summaries(parts: Iterable[Part]) -> tuple[StatementSummary, ...]:
    """Check a whole file and return its statements without their entries, in little memory."""
    return tuple(one for one in checked(parts) if isinstance(one, StatementSummary))


def statements(parts: Iterable[Part]) -> tuple[CanonicalStatement, ...]:
    """Check a whole file and return its statements with all their entries."""
    made: list[CanonicalStatement] = []
    entries: list[CanonicalEntry] = []
    for one in checked(parts):
        if isinstance(one, CanonicalEntry):
            entries.append(one)
        else:
            made.append(CanonicalStatement(one, tuple(entries)))
            entries = []
    return tuple(made)


def _refuse_twice(seen: set[bytes], account: str, entry: CanonicalEntry) -> None:
    """Refuse a reference that this account already has in this file (I-35)."""
    key = blake2b(f"{account}\x1f{entry.bank_ref}".encode(), digest_size=16).digest()
    if key in seen:
        raise StatementFileInvalid(Reason.DUPLICATE_REFERENCE, entry=entry.entry_seq)
    seen.add(key)
