"""Filing a claim: by the guardian for an own enrolment, by a regulator for law enforcement.

One claim is open per enrolment (I-28). It is judged on the day it is filed: a reason that does not
apply is refused at once, and the answer shows what the claim would bring today.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from ledger.refunds import RefundReason
from ledger.refusals import ClaimAlreadyOpen, DateInFuture, VerbForbidden, WrongState
from ledger.transactions import TransactionKind
from service.claims import pricing
from service.claims.evidence import Evidence, evidence_added, note_added
from service.claims.found import (
    Found,
    answer_of,
    enrolment_of,
    find_enrolments,
    lock,
    read_priced,
    require_not_frozen,
    said,
)
from service.store.claim_progress import claim_open, open_claims, require_no_claim
from service.store.facts import Change, Decision, Facts, Insert, Record
from service.store.notices import guardian_told, institution_told
from service.store.tables import Claim
from service.store.transact import UseCase
from service.store.unit import Unit

GUARDIAN: Final = "GUARDIAN"
REGULATOR: Final = "REGULATOR"
FILED: Final = "CLAIM_FILED"


@dataclass(frozen=True, slots=True)
class FileClaim:
    """A claim on an enrolment; `party` is GUARDIAN or REGULATOR, the rest as the wire says."""

    journal: int
    target: UUID
    claim: UUID
    party: str
    reason: RefundReason
    scope: str
    lessons_given_up: int | None = None
    service_stopped_on: date | None = None
    evidence: tuple[Evidence, ...] = ()
    note: str | None = None


async def _read(unit: Unit, found: Sequence[Found[FileClaim]]) -> None:
    await read_priced(unit, found)
    await open_claims(unit, {item.enrolment for item in found})


def _decide(facts: Facts, found: Found[FileClaim]) -> Decision:
    command, enrolment = found.command, enrolment_of(facts, found)
    _require_standing(command)
    row = _row(facts, command, enrolment)
    _require_fileable(facts, enrolment)
    require_not_frozen(facts, found.institution)
    _require_dates(facts, command)
    pricing.require_applicable(facts, enrolment, command.reason, row.filed_on)
    quote = pricing.quoted(facts, enrolment, row)
    return Decision(
        answer={**answer_of(facts.journal, row), "quote": quote},
        transactions=(
            said(
                TransactionKind.CLAIM_FILED,
                enrolment,
                command.claim,
                reason=command.reason.value,
            ),
        ),
        changes=(Insert(Claim, row), *_attached(facts, command, enrolment)),
    )


def _decide_quote(facts: Facts, found: Found[FileClaim]) -> Decision:
    command, enrolment = found.command, enrolment_of(facts, found)
    if enrolment.state != "ACTIVE":
        raise WrongState(object="enrolment", state=enrolment.state)
    row = _row(facts, command, enrolment)
    _require_dates(facts, command)
    pricing.require_applicable(facts, enrolment, command.reason, row.filed_on)
    return Decision(answer=pricing.quoted(facts, enrolment, row) or {})


def _require_standing(command: FileClaim) -> None:
    """Law enforcement is a regulator's reason, and a regulator's only one: `VerbForbidden`."""
    if (command.reason is RefundReason.LAW_ENFORCEMENT) is not (command.party == REGULATOR):
        raise VerbForbidden(reason=command.reason.value)


def _require_fileable(facts: Facts, enrolment: Record) -> None:
    if enrolment.state != "ACTIVE":
        raise WrongState(object="enrolment", state=enrolment.state)
    if claim_open(facts, enrolment.enrolment_id) is not None:
        raise ClaimAlreadyOpen
    require_no_claim(facts, enrolment.enrolment_id)


def _require_dates(facts: Facts, command: FileClaim) -> None:
    stopped = command.service_stopped_on
    if stopped is not None and stopped > facts.moment.today:
        raise DateInFuture(field="service_stopped_on", date=stopped.isoformat())


def _attached(facts: Facts, command: FileClaim, enrolment: Record) -> list[Change]:
    """Write down what came with the claim, and tell the other side of it."""
    claim = Record({"claim_id": command.claim, **_whose(enrolment)})
    changes = evidence_added(facts, claim, command.party, command.evidence, base=command.claim)
    if command.note is not None:
        changes.append(note_added(facts, claim, command.party, command.note, base=command.claim))
    told: dict[str, Any] = {
        "base": command.claim,
        "kind": FILED,
        "subject": command.claim,
        "institution": enrolment.institution_id,
    }
    changes.append(institution_told(facts, **told))
    if command.party == REGULATOR:
        changes.append(guardian_told(facts, **told, guardian=enrolment.guardian_id))
    return changes


def _whose(enrolment: Record) -> dict[str, Any]:
    return {
        "institution_id": enrolment.institution_id,
        "guardian_id": enrolment.guardian_id,
    }


def _row(facts: Facts, command: FileClaim, enrolment: Record) -> Record:
    later = (
        *("answer_due_on", "answer", "answered_on", "contest_reason", "decision", "decided_by"),
        *("decided_on", "basis", "article", "refund_fen", "institution_fen", "interest_fen"),
        *("breakdown", "day_count", "pay_due_on", "approved_on", "paid_on"),
    )
    moment = facts.moment
    return Record(
        {
            "claim_id": command.claim,
            "enrolment_id": enrolment.enrolment_id,
            "custody_account_id": enrolment.custody_account_id,
            **_whose(enrolment),
            "reason": command.reason.value,
            "scope": command.scope,
            "lessons_given_up": command.lessons_given_up,
            "filed_by": command.party,
            "filed_at": moment.now,
            "filed_on": moment.today,
            "service_stopped_on": command.service_stopped_on,
            "materials_fen": 0,
            "state": "FILED",
            **dict.fromkeys(later),
            "seq": moment.next_seq,
        }
    )


FILE: Final = UseCase("file_claim", find_enrolments, lock, _decide, _read)
QUOTE: Final = UseCase("quote_refund", find_enrolments, lock, _decide_quote, read_priced)
