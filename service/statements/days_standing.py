"""A file's days beside the days that stand: the same again, a continuation, a gap, or a re-cut."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from ledger.refusals import StatementFileUnfinished
from service.statements.file_faults import Fault, FileUnfit, Flaw
from service.statements.import_check import CheckedStatement, DayFigures, day_digest

_ONE_DAY: Final = timedelta(days=1)
_COMPARED: Final = (
    *("from_on", "to_on", "opening_fen", "closing_fen"),
    *("credit_count", "credit_fen", "debit_count", "debit_fen"),
)
"""Columns of a statement that must not differ under the same number of the same year."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A statement's own number, with what it is compared by."""

    sequence: int
    figures: Mapping[str, Any]

    @property
    def year(self) -> int:
        """The year whose number it is: banks begin anew each January."""
        year: int = self.figures["to_on"].year
        return year


@dataclass(frozen=True, slots=True)
class Segment:
    """Days of one custody account without a hole, of one statement or several that follow.

    `number` is the place in the file of the first of them.
    """

    custody: UUID
    number: int
    days: tuple[DayFigures, ...]
    numbered: tuple[Numbered, ...]

    @property
    def first(self) -> DayFigures:
        """The first day."""
        return self.days[0]

    @property
    def last(self) -> DayFigures:
        """The last day."""
        return self.days[-1]

    def joined(self, statement: CheckedStatement) -> "Segment | None":
        """Return the days with the next statement behind them, None when it does not follow."""
        head, *rest = statement.days
        if head.opening_fen != self.last.closing_fen:
            return None
        if head.day == self.last.day:
            days = (*self.days[:-1], self.last.continued(head), *rest)
        elif head.day == self.last.day + _ONE_DAY:
            days = (*self.days, *statement.days)
        else:
            return None
        return Segment(self.custody, self.number, days, (*self.numbered, *_numbered(statement)))


@dataclass(frozen=True, slots=True)
class Judged:
    """What a segment brings: days that nobody delivered yet, and whether something is missing."""

    fresh: tuple[DayFigures, ...]
    after_gap: bool


def segments_of(pairs: Iterable[tuple[UUID | None, CheckedStatement]]) -> list[Segment]:
    """Join the statements of each account as far as they follow each other, in the file's order."""
    made: list[Segment] = []
    latest: dict[UUID, int] = {}
    for number, (custody, statement) in enumerate(pairs, start=1):
        if custody is None or not statement.days:
            continue
        joined = made[latest[custody]].joined(statement) if custody in latest else None
        if joined is not None:
            made[latest[custody]] = joined
            continue
        latest[custody] = len(made)
        made.append(Segment(custody, number, statement.days, _numbered(statement)))
    return made


@dataclass(slots=True)
class DaysStanding:
    """The days of custody accounts that stand around a file, and the numbers of statements."""

    known: dict[tuple[UUID, date], Mapping[str, Any]] = field(default_factory=dict)
    order: dict[UUID, list[date]] = field(default_factory=dict)
    digests: dict[tuple[UUID, date], int] = field(default_factory=dict)
    sequences: dict[tuple[UUID, date], int] = field(default_factory=dict)
    numbered: list[Mapping[str, Any]] = field(default_factory=list)
    unfinished: Mapping[UUID, UUID] = field(default_factory=dict)

    def take_days(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take in the days that stand."""
        for row in rows:
            self._add(row["custody_account_id"], row["day"], row)

    def take_lines(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take in what earlier files said of those days, line by line."""
        by_day: dict[tuple[UUID, date], list[tuple[str, str, int]]] = {}
        for row in rows:
            line = (row["bank_ref"], row["direction"], row["amount_fen"])
            by_day.setdefault((row["custody_account_id"], row["book_on"]), []).append(line)
        self.digests = {key: day_digest(lines) for key, lines in by_day.items()}

    def judged(self, segments: Sequence[Segment]) -> dict[int, Judged]:
        """Judge the segments in order, by their numbers; raises `FileUnfit` for the first flaw.

        Raises `StatementFileUnfinished` where a file of the same days is still being posted.
        """
        return {segment.number: self._judged(segment) for segment in segments}

    def _judged(self, segment: Segment) -> Judged:
        for day in segment.days:
            self._require_same(segment.custody, day)
        follows = self._follows(segment)
        for one in segment.numbered:
            self._require_number(segment.custody, one, follows=follows)
        after_gap = self._is_after_gap(segment)
        fresh = tuple(d for d in segment.days if (segment.custody, d.day) not in self.known)
        for day in fresh:
            self._add(segment.custody, day.day, day.figures)
        return Judged(fresh, after_gap)

    def _add(self, custody: UUID, day: date, figures: Mapping[str, Any]) -> None:
        if (custody, day) not in self.known:
            insort(self.order.setdefault(custody, []), day)
        self.known[custody, day] = figures

    def _require_same(self, custody: UUID, day: DayFigures) -> None:
        """Refuse a day that stands with other figures or other entries."""
        known = self.known.get((custody, day.day))
        if known is None:
            return
        if any(known[name] != value for name, value in day.figures.items()):
            raise FileUnfit(Flaw(Fault.RECUT))
        if custody in self.unfinished:
            raise StatementFileUnfinished(day=day.day.isoformat())
        if self.digests.get((custody, day.day), day.digest) != day.digest:
            raise FileUnfit(Flaw(Fault.RECUT))

    def _require_number(self, custody: UUID, one: Numbered, *, follows: bool) -> None:
        """Refuse another statement under a number of the same year.

        A bank that writes one number on all of them is told by the balances: a statement of later
        days that continues what stands is no re-cut.
        """
        for row in self.numbered:
            same = (row["custody_account_id"], row["sequence"], row["to_on"].year)
            if same != (custody, one.sequence, one.year):
                continue
            if follows and row["to_on"] < one.figures["from_on"]:
                continue
            if any(row[name] != one.figures[name] for name in _COMPARED):
                raise FileUnfit(Flaw(Fault.RECUT))

    def _follows(self, segment: Segment) -> bool:
        """Tell whether the first day stands already, or the day before it does and leads to it."""
        if (segment.custody, segment.first.day) in self.known:
            return True
        before = self.known.get((segment.custody, segment.first.day - _ONE_DAY))
        return before is not None and before["closing_fen"] == segment.first.opening_fen

    def _is_after_gap(self, segment: Segment) -> bool:
        """Tell whether something is missing before; refuse what does not continue its neighbour."""
        days = self.order.get(segment.custody, [])
        at = bisect_left(days, segment.first.day)
        is_after_gap = False
        if at:
            before = self.known[segment.custody, days[at - 1]]
            if before["closing_fen"] != segment.first.opening_fen:
                if self._is_next(segment, days[at - 1]):
                    raise FileUnfit(Flaw(Fault.DOES_NOT_CONTINUE))
                is_after_gap = True
        later = [day for day in days[at:] if day > segment.last.day]
        if later and later[0] == segment.last.day + _ONE_DAY:
            after = self.known[segment.custody, later[0]]
            if after["opening_fen"] != segment.last.closing_fen:
                raise FileUnfit(Flaw(Fault.DOES_NOT_CONTINUE))
        return is_after_gap

    def _is_next(self, segment: Segment, before: date) -> bool:
        """Tell whether nothing can be missing: no day between, or no number."""
        if before + _ONE_DAY == segment.first.day:
            return True
        number = self.sequences.get((segment.custody, before))
        return number is not None and any(
            one.sequence == number + 1 and one.year == before.year for one in segment.numbered[:1]
        )


def _numbered(statement: CheckedStatement) -> tuple[Numbered, ...]:
    of = statement.summary
    if not of.sequence or not statement.days:
        return ()
    figures = {
        "from_on": statement.days[0].day,
        "to_on": statement.days[-1].day,
        "opening_fen": of.opening_fen,
        "closing_fen": of.closing_fen,
        "credit_count": of.credit_count,
        "credit_fen": of.credit_fen,
        "debit_count": of.debit_count,
        "debit_fen": of.debit_fen,
    }
    return (Numbered(of.sequence, figures),)
