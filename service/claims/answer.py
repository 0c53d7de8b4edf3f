"""Answering a claim: the institution agrees or contests, its silence agrees, the filer withdraws.

Silence agrees at 00:00 after the last of its working days from a proven notice (I-17). The days
within which the refund is paid count from the agreement.
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from ledger import refunds
from ledger.calendars import shanghai_date
from ledger.money import ZERO, Money
from ledger.refusals import EvidenceMissing, VerbForbidden, WrongState
from ledger.transactions import TransactionKind
from service.claims import pricing
from service.claims.evidence import Evidence, evidence_added
from service.claims.file import REGULATOR
from service.claims.found import (
    Found,
    answer_of,
    find_claims,
    lock,
    read,
    require_not_frozen,
    require_state,
    rows_of,
    said,
)
from service.store import claim_reads
from service.store.facts import Change, Decision, Facts, Record, Update
from service.store.notices import guardian_told, institution_told
from service.store.tables import Claim
from service.store.transact import UseCase

INSTITUTION: Final = "INSTITUTION"
SILENCE: Final = "SILENCE"
_K: Final = TransactionKind


@dataclass(frozen=True, slots=True)
class AgreeClaim:
    """The institution agrees; `materials` are what it really supplied, at cost, with proof."""

    journal: int
    target: UUID
    addition: UUID
    materials: Money = ZERO
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class ContestClaim:
    """The institution contests, with a reason code and documents."""

    journal: int
    target: UUID
    addition: UUID
    reason: str
    evidence: tuple[Evidence, ...]
    materials: Money = ZERO


@dataclass(frozen=True, slots=True)
class AgreeBySilence:
    """The institution has not answered in time; a sweep proposes it."""

    journal: int
    target: UUID


@dataclass(frozen=True, slots=True)
class WithdrawClaim:
    """The side that filed takes its claim back."""

    journal: int
    target: UUID
    party: str


def _decide_agree(facts: Facts, found: Found[AgreeClaim]) -> Decision:
    command = found.command
    claim, enrolment = rows_of(facts, found)
    require_state(claim, "FILED")
    require_not_frozen(facts, found.institution)
    _require_materials(enrolment, command.materials, command.evidence)
    values = {
        "answer": "AGREED",
        "materials_fen": command.materials.fen,
        **agreed_values(facts, enrolment, claim.reason),
    }
    attached = evidence_added(facts, claim, INSTITUTION, command.evidence, base=command.addition)
    return stepped(
        facts,
        claim,
        enrolment,
        _K.CLAIM_AGREED,
        values,
        attached=(*attached, tell_guardian(facts, claim, "AGREED")),
    )


def _decide_contest(facts: Facts, found: Found[ContestClaim]) -> Decision:
    command = found.command
    claim, enrolment = rows_of(facts, found)
    require_state(claim, "FILED")
    require_not_frozen(facts, found.institution)
    _require_materials(enrolment, command.materials, command.evidence)
    values = {
        "state": "CONTESTED",
        "answer": "CONTESTED",
        "answered_on": facts.moment.today,
        "contest_reason": command.reason,
        "materials_fen": command.materials.fen,
    }
    attached = evidence_added(facts, claim, INSTITUTION, command.evidence, base=command.addition)
    return stepped(
        facts,
        claim,
        enrolment,
        _K.CLAIM_CONTESTED,
        values,
        attached=(*attached, tell_guardian(facts, claim, "CONTESTED")),
        reason=command.reason,
    )


def _decide_silent(facts: Facts, found: Found[AgreeBySilence]) -> Decision:
    claim, enrolment = rows_of(facts, found)
    require_state(claim, "FILED")
    due = claim.answer_due_on
    if due is None or shanghai_date(facts.moment.now) <= due:
        raise WrongState(object="claim", state="WITHIN_ANSWER_PERIOD")
    require_not_frozen(facts, found.institution)
    values = {"answer": SILENCE, **agreed_values(facts, enrolment, claim.reason)}
    told = (tell_guardian(facts, claim, "AGREED"), tell_institution(facts, claim, "AGREED"))
    kind = _K.CLAIM_AGREED
    return stepped(facts, claim, enrolment, kind, values, attached=told, reason=SILENCE)


def _decide_withdraw(facts: Facts, found: Found[WithdrawClaim]) -> Decision:
    claim, enrolment = rows_of(facts, found)
    if (claim.filed_by == REGULATOR) is not (found.command.party == REGULATOR):
        raise VerbForbidden(filed_by=claim.filed_by)
    require_state(claim, "FILED", "CONTESTED")
    other = tell_institution if found.command.party != REGULATOR else tell_guardian
    told = (other(facts, claim, "WITHDRAWN"),)
    values = {"state": "WITHDRAWN"}
    return stepped(facts, claim, enrolment, _K.CLAIM_WITHDRAWN, values, attached=told)


def agreed_values(facts: Facts, enrolment: Record, reason: str) -> dict[str, Any]:
    """Say that a claim is agreed today, and until when it is to be paid."""
    return {
        "state": "AGREED",
        "answered_on": facts.moment.today,
        **pricing.pay_due(facts, enrolment, reason),
    }


def stepped(  # noqa: PLR0913 - a step has this many parts
    facts: Facts,
    claim: Record,
    enrolment: Record,
    kind: TransactionKind,
    values: dict[str, Any],
    *,
    attached: tuple[Change, ...],
    reason: str | None = None,
) -> Decision:
    """Take a claim one step on, with what comes with the step."""
    values |= {"seq": facts.moment.next_seq}
    return Decision(
        answer=answer_of(facts.journal, Record({**claim, **values})),
        transactions=(said(kind, enrolment, claim.claim_id, reason=reason),),
        changes=(Update(Claim, (claim.claim_id,), values), *attached),
    )


def tell_guardian(facts: Facts, claim: Record, what: str) -> Change:
    """Tell the guardian of a step."""
    return guardian_told(
        facts,
        base=claim.claim_id,
        kind=f"CLAIM_{what}",
        subject=claim.claim_id,
        institution=claim.institution_id,
        guardian=claim.guardian_id,
    )


def tell_institution(facts: Facts, claim: Record, what: str) -> Change:
    """Tell the institution of a step."""
    return institution_told(
        facts,
        base=claim.claim_id,
        kind=f"CLAIM_{what}",
        subject=claim.claim_id,
        institution=claim.institution_id,
    )


def _require_materials(enrolment: Record, materials: Money, evidence: tuple[Evidence, ...]) -> None:
    """Materials are taken at cost, as itemised, with proof: refuse anything else."""
    refunds.require_itemised(claim_reads.charge_of(enrolment), materials)
    if materials and not evidence:
        raise EvidenceMissing(for_what="materials")


AGREE: Final = UseCase("agree_claim", find_claims, lock, _decide_agree, read)
CONTEST: Final = UseCase("contest_claim", find_claims, lock, _decide_contest, read)
AGREE_BY_SILENCE: Final = UseCase("agree_claim_by_silence", find_claims, lock, _decide_silent, read)
WITHDRAW: Final = UseCase("withdraw_claim", find_claims, lock, _decide_withdraw, read)
