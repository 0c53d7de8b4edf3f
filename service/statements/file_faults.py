"""Why a statement file is refused or quarantined beyond what its reader refuses."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from service.statement_files.refused import StatementFileInvalid


class Fault(StrEnum):
    """Reasons that need the books, the calendar or the file before to be seen."""

    UNKNOWN_ACCOUNT = "unknown_account"
    MAPPING_MISSING = "mapping_missing"
    OUTSIDE_PERIOD = "outside_period"
    PERIOD_TOO_LONG = "period_too_long"
    DATE_IN_FUTURE = "date_in_future"
    BALANCE_NEGATIVE = "balance_negative"
    REFERENCE_TOO_LONG = "reference_too_long"
    DOES_NOT_CONTINUE = "does_not_continue"
    RECUT = "recut"


MEANINGS: Final[dict[Fault, str]] = {
    Fault.UNKNOWN_ACCOUNT: "No custody account of this bank in the jurisdiction has this number",
    Fault.MAPPING_MISSING: "The bank's CSV mapping has not been set",
    Fault.OUTSIDE_PERIOD: "An entry was booked before the first or after the last day",
    Fault.PERIOD_TOO_LONG: "A statement is of more than 366 days",
    Fault.DATE_IN_FUTURE: "A statement or an entry is of a day after today",
    Fault.BALANCE_NEGATIVE: "A custody account is below zero",
    Fault.REFERENCE_TOO_LONG: "A bank reference has more than 140 characters",
    Fault.DOES_NOT_CONTINUE: "The opening is not the closing of the day before it",
    Fault.RECUT: "A statement of this sequence or day stands with other content",
}
"""Each reason in words for people; nothing of a file's content is ever added."""

QUARANTINING: Final = frozenset({Fault.RECUT})
"""What contradicts a statement that stands: kept apart for people to look at."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a file: the reason's code, and the line or entry where that is known."""

    reason: str
    line: int | None = None
    entry: int | None = None

    @property
    def state(self) -> str:
        """What a file with this flaw is."""
        return "QUARANTINED" if self.reason in QUARANTINING else "REFUSED"


class FileUnfit(Exception):  # noqa: N818 - it is an answer to a file, like a refusal
    """The whole file is refused."""

    def __init__(self, flaw: Flaw) -> None:
        """Keep what is wrong."""
        super().__init__(flaw.reason)
        self.flaw = flaw


def flaw_of(refused: StatementFileInvalid | FileUnfit) -> Flaw:
    """Return what is wrong, whoever found it."""
    if isinstance(refused, FileUnfit):
        return refused.flaw
    return Flaw(refused.reason.value, refused.line, refused.entry)
