"""What becomes of an account's breaks when it is reconciled: opened, changed, escalated, closed.

A break is closed only here, because it is no longer found; a person explains it, and never makes it
go away. One that was signed off and then turns out otherwise is open again. What a bank said
against an entry is opened by its own message, and is no longer found once it was signed off.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

from ledger import breaks
from ledger.breaks import BreakClass, Finding, Subject
from ledger.calendars import WorkingCalendar
from ledger.transactions import Transaction, TransactionKind
from service.store import ids
from service.store.facts import Change, Facts, Insert, Record, Update
from service.store.tables import Break

OPEN: Final = "OPEN"
SIGNED_OFF: Final = "SIGNED_OFF"
CLOSED: Final = "CLOSED"

_UNSIGNED: Final = {"cause": None, "signed_by": None, "signed_at": None, "signed_seq": None}


@dataclass(slots=True)
class Steps:
    """Transactions and row changes of one decision so far."""

    facts: Facts
    transactions: list[Transaction] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @property
    def next_seq(self) -> int:
        """The sequence number that the next transaction of the decision will have."""
        return self.facts.moment.next_seq + len(self.transactions)


def follow(
    steps: Steps, account: Record, found: Iterable[Finding], base: UUID, *, until: date | None
) -> None:
    """Bring the breaks of an account to what was found; `base` is an id that new ones come with.

    `until` is the last statement's day, None without one: what arose later nobody looked at.
    """
    custody = account.custody_account_id
    held = [
        row
        for row in steps.facts.all(Break)
        if row.custody_account_id == custody and row.state != CLOSED
    ]
    for said in (row for row in held if row.subject == Subject.BANK_MESSAGE):
        _age_contradiction(steps, said)
    standing = {
        _name(row.subject, row.subject_key, row.arose_on): row
        for row in held
        if row.subject != Subject.BANK_MESSAGE
    }
    for finding in found:
        row = standing.pop(_name(finding.subject, finding.key, finding.day), None)
        if row is None:
            opened(steps, account, finding, base)
        else:
            _keep(steps, row, finding)
    for row in standing.values():
        if _was_looked_at(row, until):
            _close(steps, row)


def age_of(facts: Facts, row: Record) -> int:
    """Return how many working days a break has stood."""
    return _age(facts, row.opened_on)


def noted(row: Record, kind: TransactionKind, reason: str, **references: str) -> Transaction:
    """Say what became of a break."""
    told: dict[str, str] = {
        "institution": str(row["institution_id"]),
        "custody": str(row["custody_account_id"]),
        "break": str(row["break_id"]),
        "amount_fen": str(row["amount_fen"]),
    }
    return Transaction(kind, references=told | references, reason=reason)


def _name(subject: str, key: str, day: date) -> tuple[str, str, date | None]:
    """Tell breaks of an account apart; a fault of the books is one, whenever it is found."""
    return (str(subject), key, None if subject == Subject.LEDGER else day)


def _was_looked_at(row: Record, until: date | None) -> bool:
    if not row.outside:
        return True
    return until is not None and (row.subject == Subject.LEDGER or row.arose_on <= until)


def _age(facts: Facts, opened_on: date) -> int:
    calendar: WorkingCalendar = facts.extra["calendar"]
    return calendar.working_days_between(opened_on, facts.moment.today)


def opened(  # noqa: PLR0913 - a row of a table
    steps: Steps,
    account: Record,
    finding: Finding,
    base: UUID,
    *,
    bank_ref: str | None = None,
    differs: str | None = None,
) -> None:
    """Open a break; only of what a bank said against an entry are `bank_ref` and `differs` told."""
    moment = steps.facts.moment
    named = f"{account.custody_account_id}/{finding.subject}/{finding.key}/{finding.day}"
    row: dict[str, Any] = {
        "break_id": ids.derived(base, named),
        "custody_account_id": account.custody_account_id,
        "institution_id": account.institution_id,
        "bank_code": account.bank_code,
        "kind": finding.kind.value,
        "subject": finding.subject.value,
        "subject_key": finding.key,
        "arose_on": finding.day,
        "amount_fen": finding.amount_fen,
        "outside": finding.outside,
        "state": OPEN,
        "owner": breaks.owner_of(finding.kind).value,
        "assignee": None,
        "level": breaks.level_of(finding.kind, 0),
        "opened_on": moment.today,
        "opened_at": moment.now,
        "escalated_on": None,
        **_UNSIGNED,
        "closed_at": None,
        "closed_seq": None,
        "seq": steps.next_seq,
        "bank_ref": bank_ref,
        "differs": differs,
    }
    told = {} if differs is None else {"entry": finding.key, "differs": differs}
    steps.changes.append(Insert(Break, row))
    steps.transactions.append(noted(Record(row), TransactionKind.BREAK_OPENED, row["kind"], **told))


def _keep(steps: Steps, row: Record, finding: Finding) -> None:
    """Follow a break that is still there: its amount and class, and its age."""
    values: dict[str, Any] = {}
    if (row.amount_fen, row.kind) != (finding.amount_fen, finding.kind.value):
        values = {
            "amount_fen": finding.amount_fen,
            "kind": finding.kind.value,
            "owner": breaks.owner_of(finding.kind).value,
            "state": OPEN,
            **_UNSIGNED,
        }
        changed = Record({**row, **values})
        before = {"before_fen": str(row.amount_fen)}
        steps.transactions.append(
            noted(changed, TransactionKind.BREAK_CHANGED, finding.kind.value, **before)
        )
    values |= _climbed(steps, Record({**row, **values}))
    if values:
        steps.changes.append(Update(Break, (row.break_id,), values))


def _climbed(steps: Steps, row: Record) -> dict[str, Any]:
    """Escalate an open break that is older than its level; return what changes in its row."""
    level = breaks.level_of(BreakClass(row.kind), _age(steps.facts, row.opened_on))
    if row.state != OPEN or level <= row.level:
        return {}
    values = {"level": level, "escalated_on": steps.facts.moment.today}
    climbed = Record({**row, **values})
    steps.transactions.append(
        noted(climbed, TransactionKind.BREAK_ESCALATED, climbed.kind, level=str(level))
    )
    return values


def _age_contradiction(steps: Steps, row: Record) -> None:
    """Escalate what a bank said against an entry until a person signs it off, then close it."""
    if row.state == SIGNED_OFF:
        _close(steps, row, "SIGNED_OFF")
        return
    values = _climbed(steps, row)
    if values:
        steps.changes.append(Update(Break, (row.break_id,), values))


def _close(steps: Steps, row: Record, reason: str = "NO_LONGER_FOUND") -> None:
    values = {"state": CLOSED, "closed_at": steps.facts.moment.now, "closed_seq": steps.next_seq}
    steps.changes.append(Update(Break, (row.break_id,), values))
    steps.transactions.append(noted(row, TransactionKind.BREAK_CLOSED, reason))
