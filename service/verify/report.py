"""What a verification says: a status for each check, with the smallest example of each break.

A check that could not be carried out is incomplete, and an incomplete report is not clean: exit
code 0 clean, 2 violated, 3 incomplete. One that needs keys nobody gave is not checked, which is
said beside the report's own status.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

EXAMPLES_MAX: Final = 5

CHECKS: Final[dict[str, str]] = {
    "I-01": "Transfers move more than zero between two accounts of one unit",
    "I-02": "Every transaction balances within each custody account",
    "I-03": "Debit-normal and credit-normal balances are equal, for money and for lessons",
    "I-04": "Entries are exactly what the transactions say",
    "I-05": "No balance is ever below zero",
    "I-06": "Sequence numbers run 1, 2, 3 … without a gap, and times never go back",
    "I-07": "A reversal mirrors one transaction, which is reversed once and is no reversal",
    "I-10": "Nothing is posted into a closed business date",
    "I-13": "Of each enrolment's price every fen is with the student or accounted for",
    "I-14": "A lesson is released at most once, net of reversals",
    "I-15": "Lessons and money of an enrolment agree",
    "I-16": "An institution earns by confirmation only, and payouts come from what it earned",
    "I-19": "In each custody account what is missing is what somebody owes",
    "I-24": "A transaction stays in one institution's books",
    "I-27": "A refund is what was paid less what was delivered, posted and parted as priced",
    "I-28": "An enrolment has one open claim, and no lesson is recorded while it is open",
    "I-26": "A deposit moves by its own rules, in deposit accounts, and backs what is held",
    "I-29": "A refund goes back to whoever paid, never more than came from there",
    "I-30": "A distribution plan follows from its inputs, to the fen",
    "I-31": "Every entitlement has the dividends of its posted rounds, none taken back",
    "I-32": "A closed case leaves no cash without a name and no claim without an end",
    "I-33": "After a freeze nothing is paid out and new receipts stay apart",
    "I-35": "Money in the bank cites one bank entry each, never for more than the entry",
    "I-36": "A statement opens with the closing of the one before",
    "I-37": "An agreed statement closes with what the ledger has",
    "I-38": "A payment order's state is where its money is",
    "I-40": "Interest allocated is interest credited, all of it or none",
    "I-41": "No version of a rule pack judges a day before it otherwise, and each had two people",
    "I-45": "Nobody approved a command of their own",
    "P-01": "No personal data stands in plain",
    "P-02": "What is sealed opens, or its key was destroyed",
    "P-03": "Blind indexes agree with what is sealed",
    "V-02": "Every transaction can be read",
    "V-04": "Roll-ups are the sums of the accounts they stand for, at every batch",
    "V-07": "Accounts are those that transactions opened, once each",
    "V-09": "Bank references, slots, contracts and keys are unique",
    "V-10": "What an enrolment received is what transactions brought it",
    "V-11": "A lesson is worth its slot and belongs to its enrolment",
    "V-12": "No lesson is recorded and nothing paid out while an institution is frozen",
    "V-14": "What needs two people had two, and nobody decided more alone than allowed",
    "V-16": "Lessons stand where their last transaction put them",
    "V-17": "Refunds stand where their money is, and their orders agree",
    "V-18": "Registers of wind-downs stand where their money is",
    "V-19": "Transfers, portings and placements stand where their money is",
    "V-20": "Stored answers and transactions name each other",
    "V-23": "The hash chain recomputes from its genesis to the head",
    "V-26": "The service's logins may do no more than they need",
    "V-27": "Guards stand: triggers, constraints, indexes, safe functions, no views",
    "V-28": "Row-level security is on and forced on every tenant table",
    "V-29": "The server keeps what it acknowledged: durability is not switched off",
    "V-30": "Accounts, enrolments and custody accounts agree on whose they are",
    "V-31": "No phone or identity number stands in the journal or its audit trail",
    "V-32": "The audit trail is whole and tells of every transaction",
    "V-33": "No index is invalid and no page failed its checksum",
    "V-34": "Every journal has its partitions, and no row can miss them",
    "V-35": "A closed date's last sequence number is the last of that date",
    "V-36": "What a bank said stands on a message that its key signed, which still verifies",
}
"""Every check by its code; the codes are those of the invariants and of the checks' catalogue."""


class Status(StrEnum):
    """The outcome of a check, or of all of them."""

    CLEAN = "clean"
    VIOLATED = "violated"
    INCOMPLETE = "incomplete"
    NOT_CHECKED = "not_checked"


_EXIT: Final = {Status.CLEAN: 0, Status.VIOLATED: 2, Status.INCOMPLETE: 3}


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise: the check, the journal it is in (None for the server), and where."""

    check: str
    journal: int | None
    example: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Write the finding as plain JSON."""
        found = {name: _plain(value) for name, value in self.example.items()}
        return {"journal": self.journal, **found}


@dataclass(slots=True)
class CheckResult:
    """What became of one check; `examples` are the first few breaks, `violations` all of them."""

    check: str
    violations: int = 0
    examples: list[Finding] = field(default_factory=list)
    not_done: list[str] = field(default_factory=list)
    not_checked: str | None = None

    @property
    def status(self) -> Status:
        """Violated before incomplete: a break that was found stays found."""
        if self.violations:
            return Status.VIOLATED
        if self.not_done:
            return Status.INCOMPLETE
        return Status.CLEAN if self.not_checked is None else Status.NOT_CHECKED

    def as_json(self) -> dict[str, Any]:
        """Write the result as plain JSON."""
        return {
            "id": self.check,
            "title": CHECKS[self.check],
            "status": self.status.value,
            "violations": self.violations,
            "examples": [finding.as_json() for finding in self.examples],
            "not_done": list(self.not_done),
            "not_checked": self.not_checked,
        }


@dataclass(slots=True)
class Report:
    """Everything a verification found out, check by check, and the heads it was found at."""

    results: dict[str, CheckResult] = field(
        default_factory=lambda: {check: CheckResult(check) for check in CHECKS}
    )
    heads: list[Mapping[str, Any]] = field(default_factory=list)
    trails: list[Mapping[str, Any]] = field(default_factory=list)
    seconds: str = "0.0"

    def broken(self, check: str, journal: int | None, **example: Any) -> None:  # noqa: ANN401
        """Note a break; the first few keep their example."""
        result = self.results[check]
        result.violations += 1
        if len(result.examples) < EXAMPLES_MAX:
            result.examples.append(Finding(check, journal, example))

    def not_done(self, checks: Sequence[str], reason: str) -> None:
        """Note that checks could not be carried out, and why."""
        for check in checks:
            self.results[check].not_done.append(reason)

    def not_checked(self, checks: Sequence[str], reason: str) -> None:
        """Note that nobody asked for checks that need more than the auditor has, and why."""
        for check in checks:
            self.results[check].not_checked = reason

    @property
    def unchecked(self) -> list[str]:
        """The codes of the checks that nobody gave the means for."""
        return [
            check for check, result in self.results.items() if result.status is Status.NOT_CHECKED
        ]

    @property
    def status(self) -> Status:
        """Violated when any check is, else incomplete when any is, else clean."""
        statuses = {result.status for result in self.results.values()}
        for status in (Status.VIOLATED, Status.INCOMPLETE):
            if status in statuses:
                return status
        return Status.CLEAN

    @property
    def exit_code(self) -> int:
        """The command's exit code: 0 clean, 2 violated, 3 incomplete."""
        return _EXIT[self.status]

    @property
    def findings(self) -> list[Finding]:
        """The kept examples of every violated check, in order of the catalogue."""
        return [finding for result in self.results.values() for finding in result.examples]

    @property
    def violated(self) -> list[str]:
        """The codes of the checks that are violated."""
        return [check for check, result in self.results.items() if result.violations]

    def as_json(self) -> dict[str, Any]:
        """Write the report as plain JSON, for programs."""
        return {
            "status": self.status.value,
            "exit_code": self.exit_code,
            "journals": [{n: _plain(v) for n, v in head.items()} for head in self.heads],
            "audit": [{n: _plain(v) for n, v in head.items()} for head in self.trails],
            "transactions": sum(int(head["seq"]) for head in self.heads),
            "checks": [result.as_json() for result in self.results.values()],
            "seconds": self.seconds,
        }


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
