"""Breaks (对账差异): every fen by which a bank and the ledger differ belongs to a named break.

A custody account's statements cut time into spans: from one closing to the next. In each the bank's
net change stands against the ledger's; single entries in doubt explain what they can, and what is
left is a break of the span itself. So the amounts of an account's breaks always add up to the
difference of the two closings (I-37). Amounts are fen, bank less ledger.

Beside them stands what a bank said against an entry that stands: a word, and no money.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final


class BreakClass(StrEnum):
    """What kind of difference a break is (差异类别)."""

    TIMING = "TIMING"
    UNPOSTED_FEE = "UNPOSTED_FEE"
    UNMATCHED = "UNMATCHED"
    DUPLICATE = "DUPLICATE"
    AMOUNT = "AMOUNT"
    BANK_ERROR = "BANK_ERROR"
    LEDGER_ERROR = "LEDGER_ERROR"
    CONTRADICTED = "CONTRADICTED"


class Owner(StrEnum):
    """Whose turn it is to explain a break, until somebody is named."""

    BANK = "BANK"
    INSTITUTION = "INSTITUTION"
    OPERATOR = "OPERATOR"


class Subject(StrEnum):
    """What a break names: one bank entry, one line of a statement, a statement, or our books.

    BANK_MESSAGE is an entry too, of which a message of its bank said something else.
    """

    BANK_ENTRY = "BANK_ENTRY"
    STATEMENT_LINE = "STATEMENT_LINE"
    STATEMENT_DAY = "STATEMENT_DAY"
    LEDGER = "LEDGER"
    BANK_MESSAGE = "BANK_MESSAGE"


class Doubt(StrEnum):
    """Why one entry stands differently with the bank and in the ledger.

    KEPT: the bank reported it, and it could not be posted. UNCONFIRMED: it was posted, and the
    statement of its day does not have it. SUSPECTED: the same, and it may be another one twice.
    CONTRADICTED: the statement's line says something else. UNPOSTED: a line that became nothing.
    """

    KEPT = "KEPT"
    UNCONFIRMED = "UNCONFIRMED"
    SUSPECTED = "SUSPECTED"
    CONTRADICTED = "CONTRADICTED"
    UNPOSTED = "UNPOSTED"


@dataclass(frozen=True, slots=True)
class Item:
    """One entry in doubt: what the bank and the ledger say it moved by `day`, in fen with sign.

    `fee` says that the bank charges by it, `age` how many working days old it is.
    """

    subject: Subject
    key: str
    day: date
    doubt: Doubt
    bank_fen: int
    ledger_fen: int
    fee: bool = False
    age: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """From the closing before to the closing of `day`: what bank and ledger moved, in fen.

    `same_entries` says that counts and sums of credits and debits agree as well.
    """

    day: date
    bank_fen: int
    ledger_fen: int
    same_entries: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference found: its class, what it names, the day it arose, and fen bank less ledger.

    `outside` says that it is part of the difference between bank and ledger; one that is not is a
    fault within our own books.
    """

    kind: BreakClass
    subject: Subject
    key: str
    day: date
    amount_fen: int
    outside: bool = True


TIMING_DAYS: Final = 1
"""Working days for which an entry may be missing from a statement and be merely late."""

ESCALATES_AFTER: Final = (1, 5, 20)
"""A break climbs a level when it is older than each of these, in working days (R10)."""

_OWNERS: Final = {
    BreakClass.TIMING: Owner.BANK,
    BreakClass.UNPOSTED_FEE: Owner.INSTITUTION,
    BreakClass.UNMATCHED: Owner.OPERATOR,
    BreakClass.DUPLICATE: Owner.OPERATOR,
    BreakClass.AMOUNT: Owner.BANK,
    BreakClass.BANK_ERROR: Owner.BANK,
    BreakClass.LEDGER_ERROR: Owner.OPERATOR,
    BreakClass.CONTRADICTED: Owner.BANK,
}


def owner_of(kind: BreakClass) -> Owner:
    """Return whose turn it is to explain a break of this class."""
    return _OWNERS[kind]


def level_of(kind: BreakClass, age: int) -> int:
    """Return how high a break has climbed at an age in working days: 0 to 3.

    A fault of our own books begins at 1: it does not wait to be seen.
    """
    climbed = sum(age > limit for limit in ESCALATES_AFTER)
    return max(climbed, 1) if kind is BreakClass.LEDGER_ERROR else climbed


def findings(
    spans: Sequence[Span], items: Iterable[Item], *, books_fen: int = 0, on: date
) -> list[Finding]:
    """Name every fen of difference of one account, spans in order of day, the first open below.

    `books_fen` is what the entries posted say the bank holds, less what the ledger says (A1); `on`
    is the day such a fault of the books was found.
    """
    waiting = [item for item in items if spans and item.day <= spans[-1].day]
    found: list[Finding] = []
    for span in spans:
        inside = [item for item in waiting if item.day <= span.day]
        waiting = [item for item in waiting if item.day > span.day]
        named = [_of_item(item) for item in inside if item.bank_fen != item.ledger_fen]
        found += named
        rest = span.bank_fen - span.ledger_fen - sum(each.amount_fen for each in named)
        if rest or not (span.same_entries or named):
            kind = BreakClass.UNMATCHED if rest else BreakClass.AMOUNT
            key = span.day.isoformat()
            found.append(Finding(kind, Subject.STATEMENT_DAY, key, span.day, rest))
    if books_fen:
        found.append(
            Finding(BreakClass.LEDGER_ERROR, Subject.LEDGER, "CUSTODY_BANK", on, books_fen)
        )
    return found


def sub_ledger_finding(gap_fen: int, *, on: date) -> list[Finding]:
    """Name what an account's single balances add up to besides its totals; nothing for 0."""
    if not gap_fen:
        return []
    return [
        Finding(BreakClass.LEDGER_ERROR, Subject.LEDGER, "SUB_LEDGER", on, gap_fen, outside=False)
    ]


def _of_item(item: Item) -> Finding:
    amount = item.bank_fen - item.ledger_fen
    return Finding(_class_of(item), item.subject, item.key, item.day, amount)


def _class_of(item: Item) -> BreakClass:
    match item.doubt:
        case Doubt.SUSPECTED:
            return BreakClass.DUPLICATE
        case Doubt.UNCONFIRMED:
            return BreakClass.TIMING if item.age <= TIMING_DAYS else BreakClass.BANK_ERROR
        case Doubt.CONTRADICTED if item.bank_fen * item.ledger_fen < 0:
            return BreakClass.BANK_ERROR
        case Doubt.CONTRADICTED if item.bank_fen * item.ledger_fen > 0:
            return BreakClass.AMOUNT
        case Doubt.CONTRADICTED:
            return BreakClass.TIMING
        case _:
            return BreakClass.UNPOSTED_FEE if item.fee else BreakClass.UNMATCHED
