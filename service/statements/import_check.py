"""A statement file read to its end before anything of it is believed: no database, one pass.

What is kept of it is small: the figures of each statement and of each of its days, and a digest of
each day's entries that does not depend on their order, by which a day sent twice is known again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from typing import BinaryIO, Final

from service.statement_files.canonical import (
    CURRENCY,
    CanonicalEntry,
    Direction,
    Kind,
    Part,
    StatementSummary,
    checked,
)
from service.statement_files.csv_mapping import CsvMapping
from service.statement_files.detect import Format, detected, statement_parts
from service.statement_files.mt940_details import DERIVED
from service.statement_files.refused import Reason
from service.statements.file_faults import Fault, FileUnfit, Flaw

DAYS_MAX: Final = 366
STATEMENTS_MAX: Final = 10_000
FILE_DAYS_MAX: Final = 20_000
"""Of all statements of a file together: what is kept of it is a row for each."""
REFERENCE_MAX: Final = 140
_MODULUS: Final = 2**256
_ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Hints:
    """What the sender or the bank's terms say that a file does not."""

    mapping: CsvMapping | None = None
    mapping_version: int | None = None
    encoding: str = ""
    account: str = ""
    derives: bool = False
    """The bank's MT940 has no references: an entry without one is known by what it says."""


@dataclass(frozen=True, slots=True)
class DayFigures:
    """A bank's day on one account, in fen; `digest` is of the entries booked on it."""

    day: date
    opening_fen: int
    closing_fen: int
    credit_count: int = 0
    credit_fen: int = 0
    debit_count: int = 0
    debit_fen: int = 0
    digest: int = 0

    @property
    def figures(self) -> dict[str, int]:
        """The columns that must not differ when the same day comes again."""
        return {
            "opening_fen": self.opening_fen,
            "closing_fen": self.closing_fen,
            "credit_count": self.credit_count,
            "credit_fen": self.credit_fen,
            "debit_count": self.debit_count,
            "debit_fen": self.debit_fen,
        }

    def continued(self, later: "DayFigures") -> "DayFigures":
        """Return the day with another statement of the same day behind this one."""
        return DayFigures(
            self.day,
            self.opening_fen,
            later.closing_fen,
            self.credit_count + later.credit_count,
            self.credit_fen + later.credit_fen,
            self.debit_count + later.debit_count,
            self.debit_fen + later.debit_fen,
            (self.digest + later.digest) % _MODULUS,
        )


@dataclass(frozen=True, slots=True)
class CheckedStatement:
    """A statement that chains, with its days; a report or notification has none.

    `last_booked_on` is the day of its latest entry, None without entries. `derived` says that some
    entry has no reference but the one made of its own words.
    """

    summary: StatementSummary
    days: tuple[DayFigures, ...]
    last_booked_on: date | None
    derived: bool = False


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A whole file that may be believed as far as it goes by itself."""

    format: Format
    statements: tuple[CheckedStatement, ...]

    @property
    def lines(self) -> int:
        """The number of its entries."""
        return sum(one.summary.count for one in self.statements)


def format_of(source: BinaryIO, hints: Hints) -> Format:
    """Tell the file's format; raises `StatementFileInvalid`, or `FileUnfit` for CSV unmapped."""
    source.seek(0)
    form = detected(source)
    if form is Format.CSV and hints.mapping is None:
        raise FileUnfit(Flaw(Fault.MAPPING_MISSING))
    return form


def parts_of(source: BinaryIO, hints: Hints) -> Iterator[Part]:
    """Read the file's parts from its beginning."""
    source.seek(0)
    return statement_parts(
        source,
        mapping=hints.mapping,
        encoding=hints.encoding,
        account=hints.account,
        derives=hints.derives,
    )


def check_file(source: BinaryIO, hints: Hints) -> CheckedFile:
    """Read a seekable file to its end; raises `StatementFileInvalid` or `FileUnfit`."""
    form = format_of(source, hints)
    made: list[CheckedStatement] = []
    days, room = _Days(), FILE_DAYS_MAX
    for one in checked(parts_of(source, hints)):
        if isinstance(one, CanonicalEntry):
            days.add(one)
            continue
        if len(made) == STATEMENTS_MAX:
            raise FileUnfit(Flaw(Reason.TOO_LARGE))
        made.append(days.closed(one, form, room))
        days, room = _Days(), room - len(made[-1].days)
    return CheckedFile(form, tuple(made))


def line_digest(bank_ref: str, direction: str, amount_fen: int) -> int:
    """Return what one entry adds to the digest of its day."""
    content = f"{bank_ref}\x1f{direction}\x1f{amount_fen}"
    return int.from_bytes(sha256(content.encode()).digest())


def day_digest(lines: Iterable[tuple[str, str, int]]) -> int:
    """Return the digest of a day's entries: reference, direction and fen of each."""
    return sum(line_digest(*line) for line in lines) % _MODULUS


def spellings(account: str) -> list[str]:
    """Return the ways an account number may stand in the registry: as written, or without frills.

    SWIFT writes the bank before a stroke and some banks the currency behind.
    """
    bare = account.replace(" ", "").replace("-", "")
    tail = bare.rpartition("/")[2]
    return list(dict.fromkeys((account, bare, tail, tail.removesuffix(CURRENCY))))


@dataclass(slots=True)
class _Sums:
    credit_count: int = 0
    credit_fen: int = 0
    debit_count: int = 0
    debit_fen: int = 0
    digest: int = 0
    first_entry: int = 0


@dataclass(slots=True)
class _Days:
    """Sums by booking date while a statement's entries pass."""

    sums: dict[date, _Sums] = field(default_factory=dict)
    derived: bool = False

    def add(self, entry: CanonicalEntry) -> None:
        if len(entry.bank_ref) > REFERENCE_MAX:
            raise FileUnfit(Flaw(Fault.REFERENCE_TOO_LONG, entry=entry.entry_seq))
        self.derived |= entry.bank_ref.startswith(DERIVED)
        of_day = self.sums.get(entry.booked_on)
        if of_day is None:
            of_day = self.sums[entry.booked_on] = _Sums(first_entry=entry.entry_seq)
        if entry.direction is Direction.CREDIT:
            of_day.credit_count += 1
            of_day.credit_fen += entry.amount_fen
        else:
            of_day.debit_count += 1
            of_day.debit_fen += entry.amount_fen
        of_day.digest += line_digest(entry.bank_ref, entry.direction.value, entry.amount_fen)

    def closed(self, summary: StatementSummary, form: Format, room: int) -> CheckedStatement:
        last_booked_on = max(self.sums, default=None)
        if summary.kind is not Kind.STATEMENT:
            return CheckedStatement(summary, (), last_booked_on)
        first, last = self._period(summary, form)
        if (last - first).days >= room:
            raise FileUnfit(Flaw(Reason.TOO_LARGE))
        for day, of_day in self.sums.items():
            if not first <= day <= last:
                raise FileUnfit(Flaw(Fault.OUTSIDE_PERIOD, entry=of_day.first_entry))
        figures = tuple(self._figures(summary, first, last))
        return CheckedStatement(summary, figures, last_booked_on, self.derived)

    def _period(self, summary: StatementSummary, form: Format) -> tuple[date, date]:
        """Return the first and the last day; both are days of the statement.

        MT940 knows no first day but the date of its opening balance, which is the day before at
        most banks: without an entry on it, it is not taken for one. With an entry on it the bank
        dates balances in the morning, and a closing on a day without entries is of the next
        statement's morning: that day is left to the next statement.
        """
        last = summary.to_on or max(self.sums, default=None)
        if last is None:
            raise FileUnfit(Flaw(Fault.OUTSIDE_PERIOD))
        first = summary.from_on or min(self.sums, default=last)
        if form is Format.MT940 and first < last:
            if first not in self.sums:
                first += _ONE_DAY
            elif last not in self.sums:
                last -= _ONE_DAY
        if last < first:
            raise FileUnfit(Flaw(Fault.OUTSIDE_PERIOD))
        if (last - first).days >= DAYS_MAX:
            raise FileUnfit(Flaw(Fault.PERIOD_TOO_LONG))
        return first, last

    def _figures(self, summary: StatementSummary, first: date, last: date) -> Iterator[DayFigures]:
        opening = summary.opening_fen
        assert opening is not None, "a statement that chains has an opening"
        day = first
        while day <= last:
            of_day = self.sums.get(day) or _Sums()
            closing = opening + of_day.credit_fen - of_day.debit_fen
            if min(opening, closing) < 0:
                raise FileUnfit(Flaw(Fault.BALANCE_NEGATIVE))
            yield DayFigures(
                day,
                opening,
                closing,
                of_day.credit_count,
                of_day.credit_fen,
                of_day.debit_count,
                of_day.debit_fen,
                of_day.digest % _MODULUS,
            )
            opening, day = closing, day + _ONE_DAY
