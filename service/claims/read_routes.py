"""Routes that read claims: lists with what is overdue, single ones, and quotes."""

from datetime import date
from typing import Annotated, Any, Literal

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from sqlalchemy import ColumnElement

from ledger.refunds import RefundReason
from ledger.refusals import (
    ClaimUnknown,
    CoolingOffPassed,
    CourseStarted,
    EnrolmentUnknown,
    InstitutionUnknown,
    NothingToRefund,
    PartyUnknown,
    PolicyMissing,
    WrongState,
)
from service.claims import use_cases
from service.claims.found import answer_of
from service.claims.pricing import price_answer
from service.claims.schemas import ClaimDetailOut, ClaimListedOut, ClaimPage, QuoteOut
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import claim_reads, ids, registry
from service.store.facts import Record
from service.store.tables import Claim
from service.store.transact import Request, Store
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import refusing
from service.web.wire import yuan

READERS = (Role.REGULATOR, Role.INSTITUTION, Role.PARENT, Role.AUDITOR)
PRIVATE = (Role.REGULATOR, Role.PARENT)
"""Who reads what was written beside a claim."""

QuoteReason = Literal["COOLING_OFF", "BEFORE_START", "CONSUMER", "INSTITUTION", "LAW_ENFORCEMENT"]
PARTS = ("payable", "in_transit", "returned", "paid", "lodged", "taken_back")


@get(
    "/claims",
    operation_id="listClaims",
    summary="List claims",
    opt=policy(*READERS, verb=Verb.READ_CONTRACTS),
    responses=refusing(InstitutionUnknown, EnrolmentUnknown, PartyUnknown),
)
async def list_claims(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    institution_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    enrolment_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    guardian_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    claim_state: Annotated[str | None, QueryParameter(name="state", max_length=32)] = None,
    reason: Annotated[str | None, QueryParameter(max_length=32)] = None,
    overdue: Annotated[
        bool, QueryParameter(description="Only those that should have been paid before today.")
    ] = False,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> ClaimPage:
    """List the claims in the caller's scope by journal and id."""
    equal: dict[str, Any] = {"state": claim_state, "reason": reason}
    for column, prefix, text, unknown in (
        ("institution_id", "ins", institution_id, InstitutionUnknown),
        ("enrolment_id", "enr", enrolment_id, EnrolmentUnknown),
        ("guardian_id", "pty", guardian_id, PartyUnknown),
    ):
        if text is not None:
            equal["journal_id"], equal[column] = object_id(prefix, text, unknown)
    bound = {**equal, "overdue": overdue}
    async with store.reading(caller.context) as connection:
        today = await claim_reads.business_dates(connection, caller.journals)
        also: tuple[ColumnElement[bool], ...] = ()
        if overdue:
            also = (claim_reads.overdue(today),)
        found = await registry.page(
            connection,
            caller.context,
            Claim,
            equal=equal,
            also=also,
            after=key_after(cursor, bound),
            limit=limit + 1,
        )
    shown, following = cut(found, limit, "claim_id", bound)
    return ClaimPage(
        items=[_listed(row, today[row.journal_id]) for row in shown], next_cursor=following
    )


@get(
    "/claims/{claim_id:str}",
    operation_id="getClaim",
    summary="Read a claim with its price, evidence and refunds",
    opt=policy(*READERS, verb=Verb.READ_CONTRACTS),
    responses=refusing(ClaimUnknown),
)
async def get_claim(
    claim_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> ClaimDetailOut:
    """Read one claim in the caller's scope, as it stands now."""
    journal, claim = object_id("clm", claim_id, ClaimUnknown)
    async with store.reading(caller.context) as connection:
        found = await registry.seen(connection, caller.context, Claim, journal, [claim])
        if claim not in found:
            raise ClaimUnknown
        today = await claim_reads.business_dates(connection, [journal])
        parts = await claim_reads.parts_of(connection, journal, claim)
    notes = parts["notes"] if caller.role in PRIVATE else []
    return ClaimDetailOut.model_validate(
        {
            "claim": _listed(found[claim], today[journal]),
            "evidence": [_evidence(row) for row in parts["evidence"]],
            "notes": [
                {"party": row.party, "text": row.text, "written_at": row.written_at}
                for row in notes
            ],
            "refunds": [_refund(row) for row in parts["refunds"]],
        }
    )


@get(
    "/enrolments/{enrolment_id:str}/refund-quote",
    operation_id="quoteRefund",
    summary="Show what a refund would be today",
    opt=policy(Role.PARENT, Role.INSTITUTION, Role.REGULATOR, verb=Verb.READ_CONTRACTS),
    responses=refusing(
        EnrolmentUnknown,
        WrongState,
        PolicyMissing,
        CoolingOffPassed,
        CourseStarted,
        NothingToRefund,
    ),
)
async def quote_refund(
    enrolment_id: FromPath[str],
    reason: FromQuery[QuoteReason],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
) -> QuoteOut:
    """Price the end of a contract for a reason, with its article; changes nothing."""
    journal, enrolment = object_id("enr", enrolment_id, EnrolmentUnknown)
    asked = use_cases.FileClaim(
        journal=journal,
        target=enrolment,
        claim=enrolment,
        party="GUARDIAN",
        reason=RefundReason(reason),
        scope="WHOLE",
    )
    outcome = await store.transact(
        Request(
            use_case=use_cases.QUOTE,
            commands=[asked],
            caller=caller.context,
            actor=caller.id,
            journal=journal,
            dry_run=True,
        )
    )
    return QuoteOut.model_validate(outcome.single())


def _listed(claim: Record, today: date) -> ClaimListedOut:
    told = answer_of(claim.journal_id, claim)
    return ClaimListedOut.model_validate(
        {
            **told,
            "price": price_answer(claim),
            "overdue": claim_reads.is_overdue(claim, today),
        }
    )


def _evidence(row: Record) -> dict[str, Any]:
    return {
        "id": ids.public("evd", row.journal_id, row.evidence_id),
        "party": row.party,
        "kind": row.kind,
        "document_hash": row.document_hash,
        "added_at": row.added_at,
    }


def _refund(row: Record) -> dict[str, Any]:
    return {
        "id": ids.public("rfd", row.journal_id, row.refund_id),
        "amount": yuan(row.amount_fen),
        "waiting_for": row.waiting_for,
        **{part: yuan(row[f"{part}_fen"]) for part in PARTS},
        "paid_on": row.paid_on,
    }
