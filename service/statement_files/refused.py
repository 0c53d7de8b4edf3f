"""Why a statement file is refused: a closed set of reasons, and where in the file."""

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Every reason for which a whole file is refused; nothing of it is ever taken."""

    AMOUNT = "amount"
    BALANCE_MISSING = "balance_missing"
    CHAIN_BROKEN = "chain_broken"
    COLUMN_MISSING = "column_missing"
    COUNT_DIFFERS = "count_differs"
    DATE = "date"
    DIRECTION = "direction"
    DOCTYPE_FORBIDDEN = "doctype_forbidden"
    DUPLICATE_REFERENCE = "duplicate_reference"
    EMPTY = "empty"
    ENCODING = "encoding"
    MALFORMED = "malformed"
    NOT_BOOKED = "not_booked"
    PAGE_MISSING = "page_missing"
    REFERENCE_MISSING = "reference_missing"
    SUM_DIFFERS = "sum_differs"
    TOO_LARGE = "too_large"
    TRUNCATED = "truncated"
    UNKNOWN_COLUMN = "unknown_column"
    UNKNOWN_FORMAT = "unknown_format"
    UNSUPPORTED_VERSION = "unsupported_version"
    WRONG_ACCOUNT = "wrong_account"
    WRONG_CURRENCY = "wrong_currency"


MEANINGS: Final[dict[Reason, str]] = {
    Reason.AMOUNT: "An amount is not a number of at most two decimals, zero, or too large",
    Reason.BALANCE_MISSING: "A statement does not state its opening or its closing balance",
    Reason.CHAIN_BROKEN: "Opening and entries do not lead to the closing, or to a balance between",
    Reason.COLUMN_MISSING: "A column that the bank's mapping names is not in the heading",
    Reason.COUNT_DIFFERS: "The number of entries is not the number stated",
    Reason.DATE: "A date is missing or is no date of the calendar",
    Reason.DIRECTION: "An entry does not say whether it is a credit or a debit",
    Reason.DOCTYPE_FORBIDDEN: "The file has a DOCTYPE, an entity or an outside reference",
    Reason.DUPLICATE_REFERENCE: "Two entries of one account have the same bank reference",
    Reason.EMPTY: "The file holds no statement",
    Reason.ENCODING: "The bytes are not text of the encoding that the file or its mapping says",
    Reason.MALFORMED: "The file breaks the rules of its own format",
    Reason.NOT_BOOKED: "A statement holds an entry that is pending or for information",
    Reason.PAGE_MISSING: "A statement of several pages lacks one",
    Reason.REFERENCE_MISSING: "An entry has no reference of the bank",
    Reason.SUM_DIFFERS: "The sum of credits or debits is not the sum stated",
    Reason.TOO_LARGE: "The file or a field is too large, or it has too many statements or days",
    Reason.TRUNCATED: "The file ends before the statement does",
    Reason.UNKNOWN_COLUMN: "The heading has a column that the bank's mapping does not know",
    Reason.UNKNOWN_FORMAT: "The file is neither camt, MT940 nor CSV with a mapping",
    Reason.UNSUPPORTED_VERSION: "The camt message or version is not one that is read",
    Reason.WRONG_ACCOUNT: "Pages, rows or the sender's word name different accounts, or none",
    Reason.WRONG_CURRENCY: "A balance or an amount is not in the currency of the account",
}
"""Each reason in words for people; nothing of a file's content is ever added."""


class StatementFileInvalid(ValueError):  # noqa: N818 - it is an answer to a file, like a refusal
    """A file that is refused whole, with the reason and the position.

    `line` counts the file's lines from 1, `entry` the statement's entries from 1; either may be
    unknown. No text of the file is in it: purposes and names are personal.
    """

    def __init__(
        self, reason: Reason, *, line: int | None = None, entry: int | None = None
    ) -> None:
        """Keep the reason and the position."""
        self.reason = reason
        self.line = line
        self.entry = entry
        at = [f"{name} {n}" for name, n in (("line", line), ("entry", entry)) if n is not None]
        super().__init__(" at ".join([reason.value, *([", ".join(at)] if at else [])]))
