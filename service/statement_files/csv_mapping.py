"""What a bank's CSV looks like, as data: encoding, headings, dates, units and figures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

ENCODINGS = ("utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16")


class Column(StrEnum):
    """What a column of entries may hold."""

    BOOKED_ON = "booked_on"
    VALUE_ON = "value_on"
    AMOUNT = "amount"
    """One amount: signed, or with a DIRECTION beside it."""
    CREDIT = "credit"
    DEBIT = "debit"
    DIRECTION = "direction"
    REVERSAL = "reversal"
    BALANCE_AFTER = "balance_after"
    CURRENCY = "currency"
    ACCOUNT = "account"
    COUNTERPARTY_NAME = "counterparty_name"
    COUNTERPARTY_ACCOUNT = "counterparty_account"
    PURPOSE = "purpose"
    END_TO_END_ID = "end_to_end_id"


class Figure(StrEnum):
    """What a line of two cells, above the heading or below the entries, may say."""

    ACCOUNT = "account"
    CURRENCY = "currency"
    SEQUENCE = "sequence"
    FROM_ON = "from_on"
    TO_ON = "to_on"
    OPENING = "opening"
    CLOSING = "closing"
    COUNT = "count"
    CREDIT_COUNT = "credit_count"
    CREDIT_SUM = "credit_sum"
    DEBIT_COUNT = "debit_count"
    DEBIT_SUM = "debit_sum"


@dataclass(frozen=True, slots=True)
class CsvMapping:
    """How one bank writes its CSV. Raises ValueError where the mapping cannot be right.

    `references` are the headings that together, joined by "-", name an entry for ever (流水号).
    `figures` maps the label of a line, such as 期初余额, to what it says. `columns` and `figures`
    are given by heading and label, compared after NFKC and without blanks around.
    """

    encoding: str
    references: tuple[str, ...]
    columns: Mapping[str, Column]
    figures: Mapping[str, Figure]
    date_format: str = "%Y%m%d"
    delimiter: str = ","
    unit: Literal["YUAN", "FEN"] = "YUAN"
    ignored: frozenset[str] = frozenset()
    """Headings that are known and not read."""
    credit_words: frozenset[str] = frozenset({"贷", "C", "CRDT"})
    debit_words: frozenset[str] = frozenset({"借", "D", "DBIT"})
    reversal_words: frozenset[str] = frozenset({"冲正", "冲账", "Y"})
    currency_words: frozenset[str] = frozenset({"CNY", "RMB", "人民币", "156"})
    newest_first: bool = False
    """The bank lists the last entry first."""
    ends_with_newline: bool = True
    """A file whose last line has no end is cut off; only a bank that never writes one differs."""
    lines_before_heading_max: int = field(default=30)

    def __post_init__(self) -> None:
        """Refuse a mapping that cannot tell an amount, a day or a statement's chain."""
        columns, figures = set(self.columns.values()), set(self.figures.values())
        one = Column.AMOUNT in columns
        two = {Column.CREDIT, Column.DEBIT} <= columns
        if one == two or (two and Column.DIRECTION in columns):
            raise ValueError("a mapping has one amount, or a credit and a debit")
        if Column.BOOKED_ON not in columns or not self.references:
            raise ValueError("a mapping names a booking date and a reference")
        if not {Figure.OPENING, Figure.CLOSING} <= figures:
            raise ValueError("a mapping names the opening and the closing balance")
        if len(columns) != len(self.columns) or len(figures) != len(self.figures):
            raise ValueError("two headings or labels mean the same")
        if self.encoding not in ENCODINGS or len(self.delimiter) != 1:
            raise ValueError("an encoding or a delimiter that is not known")

    @property
    def headings(self) -> frozenset[str]:
        """Every heading that the file must have."""
        return frozenset(self.columns) | frozenset(self.references)
