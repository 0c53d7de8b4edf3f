"""Evidence and notes of a claim: documents by their hash, free text apart from everything else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ledger.transactions import TransactionKind
from service.claims.found import (
    Found,
    answer_of,
    find_claims,
    lock,
    read,
    require_state,
    rows_of,
    said,
)
from service.store import ids
from service.store.facts import Change, Decision, Facts, Insert, Record
from service.store.notices import guardian_told, institution_told
from service.store.tables import ClaimEvidence, ClaimNote
from service.store.transact import UseCase


@dataclass(frozen=True, slots=True)
class Evidence:
    """A document put before a claim: its kind (a code) and SHA-256."""

    kind: str
    document_hash: str


@dataclass(frozen=True, slots=True)
class AddEvidence:
    """One side adds documents or a note; `addition` is the id that theirs are made from."""

    journal: int
    target: UUID
    addition: UUID
    party: str
    evidence: tuple[Evidence, ...]
    note: str | None = None


def evidence_added(
    facts: Facts, claim: Record, party: str, evidence: Sequence[Evidence], *, base: UUID
) -> list[Change]:
    """Write documents down."""
    moment = facts.moment
    return [
        Insert(
            ClaimEvidence,
            {
                "evidence_id": ids.derived(base, f"evidence/{number}"),
                "claim_id": claim.claim_id,
                "institution_id": claim.institution_id,
                "guardian_id": claim.guardian_id,
                "party": party,
                "kind": document.kind,
                "document_hash": document.document_hash,
                "added_at": moment.now,
                "seq": moment.next_seq,
            },
        )
        for number, document in enumerate(evidence)
    ]


def note_added(facts: Facts, claim: Record, party: str, note: str, *, base: UUID) -> Change:
    """Write free text down, where personal data rests."""
    row = {
        "note_id": ids.derived(base, "note"),
        "subject_id": claim.claim_id,
        "institution_id": claim.institution_id,
        "guardian_id": claim.guardian_id,
        "party": party,
        "text": note,
        "written_at": facts.moment.now,
    }
    return Insert(ClaimNote, row)


def _decide(facts: Facts, found: Found[AddEvidence]) -> Decision:
    command = found.command
    claim, enrolment = rows_of(facts, found)
    require_state(claim, "FILED", "AGREED", "CONTESTED", "DECIDED")
    base, party = command.addition, command.party
    changes = evidence_added(facts, claim, party, command.evidence, base=base)
    if command.note is not None:
        changes.append(note_added(facts, claim, party, command.note, base=base))
    kind = TransactionKind.CLAIM_EVIDENCE_ADDED
    if party != "GUARDIAN":
        changes.append(
            guardian_told(
                facts,
                base=base,
                kind=kind.value,
                subject=claim.claim_id,
                institution=claim.institution_id,
                guardian=claim.guardian_id,
            )
        )
    if party != "INSTITUTION":
        changes.append(
            institution_told(
                facts,
                base=base,
                kind=kind.value,
                subject=claim.claim_id,
                institution=claim.institution_id,
            )
        )
    return Decision(
        answer=answer_of(facts.journal, claim),
        transactions=(said(kind, enrolment, claim.claim_id, reason=party),),
        changes=tuple(changes),
    )


ADD_EVIDENCE: Final = UseCase("add_evidence", find_claims, lock, _decide, read)
