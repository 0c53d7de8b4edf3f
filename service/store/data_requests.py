"""What guardians ask for about their own data: rows of requests, and how they are told of."""

from typing import Any, Final
from uuid import UUID

from ledger.transactions import Transaction, TransactionKind
from service.store import ids
from service.store.facts import Facts, Insert, Record
from service.store.tables import DataRequest

CORRECTION: Final = "CORRECTION"
ERASURE: Final = "ERASURE"
FILED: Final = "FILED"
REFUSED: Final = "REFUSED"
DONE: Final = "DONE"
PREFIX: Final = "drq"


def new_row(facts: Facts, **values: Any) -> dict[str, Any]:  # noqa: ANN401 - columns
    """Make the row of a request, filed now."""
    moment = facts.moment
    row = {
        "institution_id": None,
        "state": FILED,
        "reason": None,
        "earliest_on": None,
        "name": None,
        "phone": None,
        "filed_at": moment.now,
        "decided_at": None,
        "seq": moment.next_seq,
    }
    return row | values


def added(row: dict[str, Any]) -> Insert:
    """Write a request down; a new name or phone in it is sealed."""
    return Insert(DataRequest, row)


def decided(facts: Facts, state: str, reason: str | None = None) -> dict[str, Any]:
    """Return the new values of a request that has come to its end."""
    moment = facts.moment
    return {
        "state": state,
        "reason": reason,
        "decided_at": moment.now,
        "seq": moment.next_seq,
    }


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of a request, and nothing of the new name or phone in it."""
    institution: UUID | None = row.institution_id
    return {
        "id": ids.public(PREFIX, journal, row.request_id),
        "kind": row.kind,
        "party_id": ids.public("pty", journal, row.party_id),
        "guardian_id": ids.public("pty", journal, row.guardian_id),
        "institution_id": None if institution is None else ids.public("ins", journal, institution),
        "state": row.state,
        "reason": row.reason,
        "earliest_on": None if row.earliest_on is None else row.earliest_on.isoformat(),
        "filed_at": row.filed_at.isoformat(),
        "decided_at": None if row.decided_at is None else row.decided_at.isoformat(),
    }


def fact(kind: TransactionKind, row: Record, reason: str | None = None) -> Transaction:
    """Say in the journal what became of a request."""
    return Transaction(
        kind,
        references={"request": str(row.request_id), "party": str(row.party_id)},
        reason=reason or row.kind,
    )
