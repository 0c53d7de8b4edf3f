"""Deciding a contested claim: a regulator upholds it, on the reason that is true, or dismisses."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from ledger import refunds
from ledger.money import ZERO, Money
from ledger.refunds import RefundReason
from ledger.refusals import DateInFuture
from ledger.transactions import TransactionKind
from service.claims import pricing
from service.claims.answer import stepped, tell_guardian, tell_institution
from service.claims.found import (
    Found,
    find_claims,
    lock,
    read_priced,
    require_not_frozen,
    require_state,
    rows_of,
)
from service.store import claim_reads
from service.store.facts import Decision, Facts
from service.store.transact import UseCase

UPHELD: Final = "UPHELD"
DISMISSED: Final = "DISMISSED"


@dataclass(frozen=True, slots=True)
class DecideClaim:
    """A decision: DISMISSED, or UPHELD for a reason, with what the evidence proves."""

    journal: int
    target: UUID
    decision: str
    reason: RefundReason | None = None
    materials: Money = ZERO
    service_stopped_on: date | None = None


def _decide(facts: Facts, found: Found[DecideClaim]) -> Decision:
    command = found.command
    claim, enrolment = rows_of(facts, found)
    require_state(claim, "CONTESTED")
    require_not_frozen(facts, found.institution)
    decided: dict[str, Any] = {
        "decision": command.decision,
        "decided_by": facts.moment.actor,
        "decided_on": facts.moment.today,
    }
    if command.decision == DISMISSED:
        kind = TransactionKind.CLAIM_DISMISSED
        told = (tell_guardian(facts, claim, DISMISSED), tell_institution(facts, claim, DISMISSED))
        values = decided | {"state": DISMISSED}
        return stepped(facts, claim, enrolment, kind, values, attached=told)
    reason = command.reason or RefundReason(claim.reason)
    stopped = command.service_stopped_on or claim.service_stopped_on
    if stopped is not None and stopped > facts.moment.today:
        raise DateInFuture(field="service_stopped_on", date=stopped.isoformat())
    if reason.value != claim.reason:
        pricing.require_applicable(facts, enrolment, reason, claim.filed_on)
    refunds.require_itemised(claim_reads.charge_of(enrolment), command.materials)
    values = decided | {
        "state": "DECIDED",
        "reason": reason.value,
        "materials_fen": command.materials.fen,
        "service_stopped_on": stopped,
        **pricing.pay_due(facts, enrolment, reason.value),
    }
    kind = TransactionKind.CLAIM_DECIDED
    told = (tell_guardian(facts, claim, "DECIDED"), tell_institution(facts, claim, "DECIDED"))
    return stepped(facts, claim, enrolment, kind, values, attached=told, reason=reason.value)


DECIDE: Final = UseCase("decide_claim", find_claims, lock, _decide, read_priced)
