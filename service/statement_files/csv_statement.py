"""A CSV statement read by its bank's mapping: figures, a heading, and an entry a line.

Cells are data only: a cell that a spreadsheet would take for a formula stays text here, and is no
amount. Whoever writes texts of a statement into a spreadsheet must still quote them.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import BinaryIO, Final

from service.statement_files.calendar_dates import mapped_day
from service.statement_files.canonical import (
    CURRENCY,
    CanonicalEntry,
    Direction,
    Kind,
    Part,
    Stated,
    StatementFoot,
    StatementHead,
)
from service.statement_files.csv_mapping import Column, CsvMapping, Figure
from service.statement_files.refused import Reason, StatementFileInvalid
from service.statement_files.texts import (
    FILE_MAX_BYTES,
    chunks,
    clean,
    count_of,
    decoded,
    fen_of,
    lines,
)

_AS_TEXT = re.compile(r'="([^"]*)"')
_LABELLED_CELLS: Final = 2
_MARK: Final = "\ufeff"

Row = tuple[int, list[str]]


def csv_parts(
    source: BinaryIO,
    mapping: CsvMapping,
    *,
    account: str = "",
    currency: str = CURRENCY,
    max_bytes: int = FILE_MAX_BYTES,
) -> Iterator[Part]:
    """Yield the parts of the one statement of a CSV file.

    `account` is the sender's word for a bank whose files do not name it; where a file names an
    account too, the two must agree. Raises `StatementFileInvalid`.
    """
    rows = _rows(source, mapping, max_bytes)
    reader = _Reader(mapping, account, currency)
    reader.heading(rows)
    entries = reader.entries(rows)
    first = next(entries, None)
    yield reader.head()
    yield from _numbered(first, entries, newest_first=mapping.newest_first)
    yield reader.foot()


def _numbered(
    first: CanonicalEntry | None, rest: Iterator[CanonicalEntry], *, newest_first: bool
) -> Iterator[CanonicalEntry]:
    """Yield the oldest entry first; only a file the other way round is held in memory."""
    if first is None:
        return
    if not newest_first:
        yield first
        yield from rest
        return
    for number, entry in enumerate(reversed([first, *rest]), start=1):
        yield replace(entry, entry_seq=number)


def _rows(source: BinaryIO, mapping: CsvMapping, max_bytes: int) -> Iterator[Row]:
    """Yield the rows that are not blank, each cell in one form, with the line they end on."""
    texts = lines(decoded(chunks(source, max_bytes=max_bytes), mapping.encoding))
    reader = csv.reader(_whole(texts, mapping), delimiter=mapping.delimiter, strict=True)
    try:
        for row in reader:
            cells = [_cell(cell) for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error:
        raise StatementFileInvalid(Reason.MALFORMED, line=reader.line_num) from None


def _whole(texts: Iterator[str], mapping: CsvMapping) -> Iterator[str]:
    number = 0
    for number, line in enumerate(texts, start=1):
        if mapping.ends_with_newline and not line.endswith("\n"):
            raise StatementFileInvalid(Reason.TRUNCATED, line=number)
        yield line.removeprefix(_MARK) if number == 1 else line
    if number == 0:
        raise StatementFileInvalid(Reason.EMPTY)


def _cell(cell: str) -> str:
    """Bring a cell to one form; `="0123"`, which keeps a spreadsheet from counting, is 0123."""
    text = clean(cell)
    quoted = _AS_TEXT.fullmatch(text)
    return quoted[1] if quoted else text


class _Reader:
    """One file by one mapping."""

    def __init__(self, mapping: CsvMapping, account: str, currency: str) -> None:
        self._mapping = mapping
        self._account = clean(account)
        self._currency = currency
        self._figures: dict[Figure, tuple[str, int]] = {}
        self._labels = {clean(label): figure for label, figure in mapping.figures.items()}
        self._columns: dict[Column, int] = {}
        self._references: list[int] = []
        self._width = 0
        self._days: list[date] = []
        self._line = 1

    def heading(self, rows: Iterator[Row]) -> None:
        """Read to the heading and place every column."""
        wanted = {clean(heading) for heading in self._mapping.headings}
        for passed, (line, cells) in enumerate(rows):
            self._line = line
            if self._is_figure(line, cells):
                continue
            given = [cell for cell in cells if cell]
            if len(wanted & set(given)) * 2 > len(wanted):
                self._place(line, cells, wanted)
                return
            if passed >= self._mapping.lines_before_heading_max:
                break
        raise StatementFileInvalid(Reason.COLUMN_MISSING, line=self._line)

    def entries(self, rows: Iterator[Row]) -> Iterator[CanonicalEntry]:
        """Yield an entry for each row of the heading's width, and keep the figures below."""
        number = 0
        ended = False
        for line, cells in rows:
            self._line = line
            if self._is_figure(line, cells):
                ended = True
                continue
            # A comma after the last cell makes an empty one.
            if ended or len(cells) < self._width or any(cells[self._width :]):
                raise StatementFileInvalid(Reason.MALFORMED, line=line)
            number += 1
            yield self._entry(line, cells, number)

    def head(self) -> StatementHead:
        """Return the head: the account must be known by the first entry."""
        if not self._account:
            raise StatementFileInvalid(Reason.WRONG_ACCOUNT, line=self._line)
        sequence = self._figures.get(Figure.SEQUENCE)
        known = count_of(sequence[0], line=sequence[1]) if sequence else None
        return StatementHead(
            Kind.STATEMENT, self._account, sequence[0] if sequence else "", known, self._currency
        )

    def foot(self) -> StatementFoot:
        """Return the foot; a file that lost its last lines lacks figures or breaks the chain."""
        if not {Figure.OPENING, Figure.CLOSING} <= self._figures.keys():
            raise StatementFileInvalid(Reason.BALANCE_MISSING, line=self._line)
        return StatementFoot(
            self._money(Figure.OPENING),
            self._money(Figure.CLOSING),
            self._day_of(Figure.FROM_ON) or min(self._days, default=None),
            self._day_of(Figure.TO_ON) or max(self._days, default=None),
            Stated(
                self._count(Figure.COUNT),
                self._count(Figure.CREDIT_COUNT),
                self._money(Figure.CREDIT_SUM),
                self._count(Figure.DEBIT_COUNT),
                self._money(Figure.DEBIT_SUM),
            ),
            self._line,
        )

    def _is_figure(self, line: int, cells: list[str]) -> bool:
        """Keep the figures of a row of labels and values, if it is one."""
        figure = self._labels.get(cells[0].rstrip(":"))
        if figure is None or (self._width and len([c for c in cells if c]) > _LABELLED_CELLS):
            return False
        if len(cells) < _LABELLED_CELLS or not cells[1] or figure in self._figures:
            raise StatementFileInvalid(Reason.MALFORMED, line=line)
        self._figures[figure] = (cells[1], line)
        if figure is Figure.ACCOUNT:
            self._same_account(cells[1], line)
        elif figure is Figure.CURRENCY:
            self._same_currency(cells[1], line)
        return True

    def _place(self, line: int, cells: list[str], wanted: set[str]) -> None:
        while cells and not cells[-1]:
            cells = cells[:-1]
        known = wanted | {clean(heading) for heading in self._mapping.ignored}
        if wanted - set(cells):
            raise StatementFileInvalid(Reason.COLUMN_MISSING, line=line)
        if set(cells) - known or len(set(cells)) != len(cells):
            raise StatementFileInvalid(Reason.UNKNOWN_COLUMN, line=line)
        self._width = len(cells)
        for heading, column in self._mapping.columns.items():
            self._columns[column] = cells.index(clean(heading))
        self._references = [cells.index(clean(one)) for one in self._mapping.references]

    def _entry(self, line: int, cells: list[str], number: int) -> CanonicalEntry:
        reference = [cells[at] for at in self._references]
        if not reference[0]:
            raise StatementFileInvalid(Reason.REFERENCE_MISSING, line=line, entry=number)
        self._row_agrees(line, cells)
        signed = self._signed(line, cells, number)
        booked_on = self._day(self._text(cells, Column.BOOKED_ON), line)
        value = self._text(cells, Column.VALUE_ON)
        balance = self._text(cells, Column.BALANCE_AFTER)
        unit = self._mapping.unit
        self._days.append(booked_on)
        self._days = [min(self._days), max(self._days)]
        return CanonicalEntry(
            bank_ref="-".join(one for one in reference if one),
            entry_seq=number,
            booked_on=booked_on,
            value_on=self._day(value, line) if value else booked_on,
            amount_fen=abs(signed),
            direction=Direction.CREDIT if signed > 0 else Direction.DEBIT,
            is_reversal=self._text(cells, Column.REVERSAL) in self._mapping.reversal_words,
            counterparty_name=self._text(cells, Column.COUNTERPARTY_NAME),
            counterparty_account=self._text(cells, Column.COUNTERPARTY_ACCOUNT),
            purpose=self._text(cells, Column.PURPOSE),
            end_to_end_id=self._text(cells, Column.END_TO_END_ID),
            balance_after_fen=fen_of(balance, unit, line=line, entry=number) if balance else None,
            raw_hash=sha256("\x1f".join(cells).encode()).hexdigest(),
        )

    def _signed(self, line: int, cells: list[str], number: int) -> int:
        """Return the amount, negative for a debit; red ink (negative) turns a side round."""
        unit = self._mapping.unit

        def amount(column: Column) -> int:
            text = self._text(cells, column)
            return fen_of(text, unit, line=line, entry=number) if text else 0

        if Column.AMOUNT not in self._columns:
            credit, debit = amount(Column.CREDIT), amount(Column.DEBIT)
            if (credit == 0) == (debit == 0):
                raise StatementFileInvalid(Reason.AMOUNT, line=line, entry=number)
            return credit - debit
        signed = amount(Column.AMOUNT)
        if signed == 0:
            raise StatementFileInvalid(Reason.AMOUNT, line=line, entry=number)
        if Column.DIRECTION not in self._columns:
            return signed
        word = self._text(cells, Column.DIRECTION)
        if word in self._mapping.credit_words:
            return signed
        if word in self._mapping.debit_words:
            return -signed
        raise StatementFileInvalid(Reason.DIRECTION, line=line, entry=number)

    def _row_agrees(self, line: int, cells: list[str]) -> None:
        currency = self._text(cells, Column.CURRENCY)
        if Column.CURRENCY in self._columns:
            self._same_currency(currency, line)
        if Column.ACCOUNT in self._columns:
            self._same_account(self._text(cells, Column.ACCOUNT), line)

    def _same_currency(self, word: str, line: int) -> None:
        if word not in self._mapping.currency_words:
            raise StatementFileInvalid(Reason.WRONG_CURRENCY, line=line)

    def _same_account(self, word: str, line: int) -> None:
        if not word or self._account not in {"", word}:
            raise StatementFileInvalid(Reason.WRONG_ACCOUNT, line=line)
        self._account = word

    def _text(self, cells: list[str], column: Column) -> str:
        at = self._columns.get(column)
        return cells[at] if at is not None else ""

    def _day(self, text: str, line: int) -> date:
        return mapped_day(text, self._mapping.date_format, line=line)

    def _day_of(self, figure: Figure) -> date | None:
        known = self._figures.get(figure)
        return self._day(*known) if known else None

    def _money(self, figure: Figure) -> int | None:
        known = self._figures.get(figure)
        return fen_of(known[0], self._mapping.unit, line=known[1]) if known else None

    def _count(self, figure: Figure) -> int | None:
        known = self._figures.get(figure)
        return count_of(known[0], line=known[1]) if known else None
