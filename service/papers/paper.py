"""A paper before it is HTML or PDF: words in both languages, facts, tables and what proves it.

The papers of this noun build a `Paper`; the renderers know nothing of money or law. Every text in
it is plain text: a renderer escapes all of it.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from ledger.capitals import in_capitals
from ledger.money import Money
from service.store.unit import SHANGHAI


class Align(StrEnum):
    """How a column is set."""

    TEXT = "text"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Words:
    """The same in Chinese and in English; an empty English part is not shown."""

    zh: str
    en: str = ""

    @property
    def both(self) -> str:
        """Both on one line, Chinese first."""
        return f"{self.zh} {self.en}" if self.en else self.zh


Cell = str | Words
"""A value as it is, or words in both languages."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One labelled value; `capitals` repeats an amount in Chinese capitals (大写)."""

    label: Words
    value: Cell
    capitals: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column's header and how its cells are set."""

    label: Words
    align: Align = Align.TEXT


@dataclass(frozen=True, slots=True)
class Table:
    """A captioned table; the first cell of a row names it, `total` closes the table."""

    caption: Words
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] | None = None

    def __post_init__(self) -> None:
        """A row has a cell for each column."""
        lines = [*self.rows, *([self.total] if self.total else [])]
        assert all(len(line) == len(self.columns) for line in lines), "a row fits its columns"


@dataclass(frozen=True, slots=True)
class Section:
    """A headed part of a paper: facts first, then tables."""

    heading: Words
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class Proof:
    """Where the paper stands in the journal: anyone who holds it can have it checked.

    True at `position` ("journal:seq"), which was effective on `as_of` and recorded at `known_at`;
    `sealed` is the hash of that transaction, `transactions` those that the paper itself tells of.
    """

    as_of: date
    known_at: datetime
    position: str
    sealed: str
    transactions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """A whole paper; `number` is the public id of what it is about."""

    title: Words
    number: str
    sections: tuple[Section, ...]
    proof: Proof
    notes: tuple[Words, ...] = field(default=())


NOTHING: Final = "—"


def amount(label: Words, value: Money) -> Fact:
    """An amount in figures and in capitals."""
    return Fact(label, f"¥{grouped(value)}", in_capitals(value))


def grouped(value: Money) -> str:
    """Write an amount with commas between thousands, such as "1,234,567.80"."""
    return f"{value.yuan:,.2f}"


def figures(fen: int) -> str:
    """Write fen for a table's cell; nothing at all as 0.00."""
    return grouped(Money.from_fen(fen))


def day(value: date | None) -> str:
    """Write a date, a dash for none."""
    return NOTHING if value is None else value.isoformat()


def instant(value: datetime) -> str:
    """Write an instant in Beijing time to the microsecond, so that it can be asked for again."""
    return value.astimezone(SHANGHAI).isoformat(timespec="microseconds")


def or_dash(value: Cell | None) -> Cell:
    """Write a dash for what is not known or not there."""
    return NOTHING if value is None or value == "" else value
