"""What a verification says: a status for each check, with the smallest example of each break.

A check is incomplete until it was carried out, and an incomplete report is not clean: exit code 0
clean, 2 violated, 3 incomplete. One that the mode does not ask, or that needs keys or heads nobody
gave, is not checked, which is said beside the report's own status.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from service.verify.checks import ALSO, CHECKS, MONEY, Mode

EXAMPLES_MAX: Final = 5
SUSPECTS_MAX: Final = 10_000


class Status(StrEnum):
    """The outcome of a check, or of all of them."""

    CLEAN = "clean"
    VIOLATED = "violated"
    INCOMPLETE = "incomplete"
    NOT_CHECKED = "not_checked"


_EXIT: Final = {Status.CLEAN: 0, Status.VIOLATED: 2, Status.INCOMPLETE: 3}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a verification is: transactions of one journal replayed, of how many."""

    journal: int
    done: int
    total: int


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
    """What became of one check; `examples` are the first few breaks, `violations` all of them.

    Of a check of money the breaks are kept as `suspects`, up to a bound; a journal with more of
    them than were kept, or than its query returned, is `flooded`.
    """

    check: str
    violations: int = 0
    examples: list[Finding] = field(default_factory=list)
    not_done: list[str] = field(default_factory=list)
    not_checked: str | None = None
    carried_out: bool = False
    suspects: list[Finding] = field(default_factory=list)
    flooded: set[int] = field(default_factory=set)

    @property
    def status(self) -> Status:
        """Violated before incomplete: a break that was found stays found."""
        if self.violations:
            return Status.VIOLATED
        if self.not_done:
            return Status.INCOMPLETE
        if self.not_checked is not None:
            return Status.NOT_CHECKED
        return Status.CLEAN if self.carried_out else Status.INCOMPLETE

    @property
    def reasons(self) -> list[str]:
        """Why it is incomplete, if it is."""
        if self.status is not Status.INCOMPLETE or self.not_done:
            return list(self.not_done)
        return ["nobody carried it out"]

    def as_json(self) -> dict[str, Any]:
        """Write the result as plain JSON."""
        return {
            "id": self.check,
            "also": list(ALSO.get(self.check, ())),
            "title": CHECKS[self.check],
            "status": self.status.value,
            "violations": self.violations,
            "examples": [finding.as_json() for finding in self.examples],
            "not_done": self.reasons,
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
    fences: list[Mapping[str, Any]] = field(default_factory=list)
    seconds: str = "0.0"
    mode: Mode = Mode.FULL

    def broken(self, check: str, journal: int | None, **example: Any) -> None:  # noqa: ANN401
        """Note a break; the first few keep their example."""
        result, found = self.results[check], Finding(check, journal, example)
        result.violations += 1
        if len(result.examples) < EXAMPLES_MAX:
            result.examples.append(found)
        if check in MONEY and len(result.suspects) < SUSPECTS_MAX:
            result.suspects.append(found)
        elif journal is not None:
            self.flood(check, journal)

    def flood(self, check: str, journal: int) -> None:
        """Note that a journal broke a check of money more often than its breaks are kept."""
        if check in MONEY:
            self.results[check].flooded.add(journal)

    def done(self, checks: Iterable[str]) -> None:
        """Note that checks were carried out; those nobody notes stay incomplete."""
        for check in checks:
            self.results[check].carried_out = True

    def not_done(self, checks: Iterable[str], reason: str) -> None:
        """Note that checks could not be carried out, and why."""
        for check in checks:
            if reason not in self.results[check].not_done:
                self.results[check].not_done.append(reason)

    def not_checked(self, checks: Iterable[str], reason: str) -> None:
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
    def checked(self) -> int:
        """How many checks were carried out."""
        return sum(result.status is not Status.NOT_CHECKED for result in self.results.values())

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
            "mode": self.mode.value,
            "status": self.status.value,
            "exit_code": self.exit_code,
            "journals": [{n: _plain(v) for n, v in head.items()} for head in self.heads],
            "audit": [{n: _plain(v) for n, v in head.items()} for head in self.trails],
            "transactions": sum(int(head["seq"]) for head in self.heads),
            "checks": [result.as_json() for result in self.results.values()],
            "fences": [{n: _plain(v) for n, v in fence.items()} for fence in self.fences],
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
