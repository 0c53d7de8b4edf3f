"""The JSON contract of the audit trail."""

import json
from typing import Any, Final

from pydantic import Field

from service.store import ids
from service.store.facts import Record
from service.web.wire import Instant, WireOut

EXAMPLE: Final[dict[str, Any]] = {
    "id": "aud_aaaqaaaaaaaaajq",
    "journal": 1,
    "seq": 42,
    "recorded_at": "2026-03-07T09:30:00.000001Z",
    "kind": "DECIDED",
    "request_id": "0f8fad5bd9cb469fa16570867728950e",
    "caller_id": "regulator-office-7",
    "role": "regulator",
    "duties": ["officer"],
    "credential": "ses_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "source": "203.0.113.0",
    "operation": "placeRestraint",
    "use_case": "place_restraint",
    "object": "rst_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "request_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "outcome": "done",
    "details": None,
    "reason": "UNDER_INVESTIGATION",
    "purpose": None,
    "approval": None,
    "first_transaction_id": "txn_aaaqaaaaaaaaajq",
    "last_transaction_id": "txn_aaaqaaaaaaaaajq",
    "policy_version": None,
    "hash": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
}


class AuditOut(WireOut):
    """What was recorded of one request, accepted or refused."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: str
    journal: int = Field(description="0 for what happened in no journal")
    seq: int
    recorded_at: Instant
    kind: str = Field(description="DECIDED, REFERENCE, ACT, READ, DENIED or COUNTED")
    request_id: str | None
    caller_id: str
    role: str
    duties: list[str]
    credential: str | None = Field(description="The session or signing key it came with")
    source: str | None = Field(description="Address of staff and systems; a parent's is not kept")
    operation: str
    use_case: str | None
    object: str | None
    request_hash: str | None = Field(description="SHA-256 of method, path and canonical body")
    outcome: str = Field(description="done, duplicate, mixed, refused or a refusal's code")
    details: dict[str, Any] | None = Field(
        description="How many items had which verdict; whose data were read; how many requests"
    )
    reason: str | None
    purpose: str | None
    approval: str | None
    first_transaction_id: str | None
    last_transaction_id: str | None
    policy_version: str | None
    hash: str = Field(description="SHA-256 over every stored field and the hash before")


class AuditPage(WireOut):
    """A page of the trail, newest first."""

    items: list[AuditOut]
    next_cursor: str | None = None


class AuditHeadOut(WireOut):
    """Where a chain stands: keep it outside, and nobody can rewrite what is before it."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "journal": 1,
                    "seq": 42,
                    "hash": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
                }
            ]
        }
    }

    journal: int
    seq: int
    hash: str


class AuditHeads(WireOut):
    """The heads of the chains in the caller's sight."""

    items: list[AuditHeadOut]


def audit_out(row: Record) -> AuditOut:
    """Write a row of the trail."""
    journal = row.journal_id
    return AuditOut(
        id=ids.public_audit(journal, row.audit_seq),
        journal=journal,
        seq=row.audit_seq,
        recorded_at=row.recorded_at,
        kind=row.kind,
        request_id=row.request_id,
        caller_id=row.caller_id,
        role=row.role,
        duties=row.duties.split(",") if row.duties else [],
        credential=row.credential,
        source=row.source,
        operation=row.operation,
        use_case=row.use_case,
        object=row.object,
        request_hash=None if row.request_hash is None else row.request_hash.hex(),
        outcome=row.outcome,
        details=None if row.details is None else json.loads(row.details),
        reason=row.reason,
        purpose=row.purpose,
        approval=row.approval,
        first_transaction_id=_transaction(journal, row.first_seq),
        last_transaction_id=_transaction(journal, row.last_seq),
        policy_version=row.policy_version,
        hash=row.hash.hex(),
    )


def _transaction(journal: int, seq: int | None) -> str | None:
    return None if seq is None else ids.public_transaction(journal, seq)
