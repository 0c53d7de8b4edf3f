"""Routes of claims: filed, answered, decided, approved."""

from typing import Any

from litestar import Response, Router, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from ledger.refusals import (
    ClaimAlreadyOpen,
    ClaimUnknown,
    CoolingOffPassed,
    CourseStarted,
    DateInFuture,
    DeductionOverItemised,
    EnrolmentBlocked,
    EnrolmentUnknown,
    EvidenceMissing,
    InstitutionFrozen,
    LessonsUnsettled,
    NoSlotLeft,
    NothingToRefund,
    PolicyMissing,
    WrongState,
)
from service.claims import use_cases
from service.claims.read_routes import get_claim, list_claims, quote_refund
from service.claims.schemas import (
    AdditionIn,
    AgreementIn,
    ClaimIn,
    ClaimOut,
    ContestIn,
    DecisionIn,
    HeldPaymentIn,
)
from service.identity.callers import Role
from service.identity.verbs import Verb
from service.web.approval import ApprovalOut, awaiting, done_or_waits
from service.web.command import Command
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import KEYED, refusing

PARTIES = {
    Role.PARENT: "GUARDIAN",
    Role.INSTITUTION: "INSTITUTION",
    Role.REGULATOR: "REGULATOR",
}


@post(
    "/claims",
    operation_id="fileClaim",
    summary="File a refund claim",
    opt=policy(Role.PARENT, Role.REGULATOR, verb=Verb.CLAIM),
    responses=refusing(
        *KEYED,
        EnrolmentUnknown,
        WrongState,
        ClaimAlreadyOpen,
        EnrolmentBlocked,
        InstitutionFrozen,
        DateInFuture,
        PolicyMissing,
        CoolingOffPassed,
        CourseStarted,
        NothingToRefund,
        NoSlotLeft,
    ),
)
async def file_claim(
    data: JSONBody[ClaimIn], command: NamedDependency[Command]
) -> Response[ClaimOut]:
    """File a claim on an own enrolment; a regulator files for law enforcement."""
    filed = data.facts(command, PARTIES[command.caller.role])
    outcome = await command.run(use_cases.FILE, [filed], journal=filed.journal)
    return command.answer(outcome, ClaimOut)


@post(
    "/claims/{claim_id:str}/agree",
    operation_id="agreeClaim",
    summary="Agree to a claim",
    opt=policy(Role.INSTITUTION, verb=Verb.ANSWER_CLAIMS),
    responses=refusing(
        *KEYED,
        ClaimUnknown,
        WrongState,
        InstitutionFrozen,
        PolicyMissing,
        DeductionOverItemised,
        EvidenceMissing,
    ),
    status_code=200,
)
async def agree_claim(
    claim_id: FromPath[str], data: JSONBody[AgreementIn], command: NamedDependency[Command]
) -> Response[ClaimOut]:
    """Agree; the days within which it is paid count from now."""
    journal, claim = object_id("clm", claim_id, ClaimUnknown)
    return await _one(command, use_cases.AGREE, data.facts(command, journal, claim))


@post(
    "/claims/{claim_id:str}/contest",
    operation_id="contestClaim",
    summary="Contest a claim",
    opt=policy(Role.INSTITUTION, verb=Verb.ANSWER_CLAIMS),
    responses=refusing(*KEYED, ClaimUnknown, WrongState, InstitutionFrozen, DeductionOverItemised),
    status_code=200,
)
async def contest_claim(
    claim_id: FromPath[str], data: JSONBody[ContestIn], command: NamedDependency[Command]
) -> Response[ClaimOut]:
    """Contest with proof; the regulator decides."""
    journal, claim = object_id("clm", claim_id, ClaimUnknown)
    return await _one(command, use_cases.CONTEST, data.facts(command, journal, claim))


@post(
    "/claims/{claim_id:str}/decide",
    operation_id="decideClaim",
    summary="Decide a contested claim",
    opt=policy(Role.REGULATOR, verb=Verb.DECIDE_CLAIMS),
    responses=refusing(
        *KEYED,
        ClaimUnknown,
        WrongState,
        InstitutionFrozen,
        DateInFuture,
        PolicyMissing,
        CoolingOffPassed,
        CourseStarted,
        DeductionOverItemised,
    ),
    status_code=200,
)
async def decide_claim(
    claim_id: FromPath[str], data: JSONBody[DecisionIn], command: NamedDependency[Command]
) -> Response[ClaimOut]:
    """Uphold it on the reason that is true, or dismiss it."""
    journal, claim = object_id("clm", claim_id, ClaimUnknown)
    return await _one(command, use_cases.DECIDE, data.facts(journal, claim))


@post(
    "/claims/{claim_id:str}/withdraw",
    operation_id="withdrawClaim",
    summary="Withdraw a claim",
    opt=policy(Role.PARENT, Role.REGULATOR, verb=Verb.CLAIM),
    responses=refusing(*KEYED, ClaimUnknown, WrongState),
    status_code=200,
)
async def withdraw_claim(
    claim_id: FromPath[str], command: NamedDependency[Command]
) -> Response[ClaimOut]:
    """Take back a claim that is not agreed or decided yet; whoever filed it may."""
    journal, claim = object_id("clm", claim_id, ClaimUnknown)
    withdrawn = use_cases.WithdrawClaim(journal, claim, PARTIES[command.caller.role])
    return await _one(command, use_cases.WITHDRAW, withdrawn)


@post(
    "/claims/{claim_id:str}/evidence",
    operation_id="addClaimEvidence",
    summary="Put evidence before a claim",
    opt=policy(*PARTIES, verb=Verb.ANSWER_CLAIMS),
    responses=refusing(*KEYED, ClaimUnknown, WrongState),
    status_code=200,
)
async def add_claim_evidence(
    claim_id: FromPath[str], data: JSONBody[AdditionIn], command: NamedDependency[Command]
) -> Response[ClaimOut]:
    """Add documents by their hashes, or a note, before the claim is approved."""
    journal, claim = object_id("clm", claim_id, ClaimUnknown)
    added = data.facts(command, journal, claim, PARTIES[command.caller.role])
    return await _one(command, use_cases.ADD_EVIDENCE, added)


@post(
    "/claims/{claim_id:str}/approve",
    operation_id="approveClaim",
    summary="Approve an agreed or decided claim",
    opt=policy(Role.REGULATOR, verb=Verb.DECIDE_CLAIMS),
    responses=refusing(
        *KEYED,
        ClaimUnknown,
        WrongState,
        LessonsUnsettled,
        InstitutionFrozen,
        EnrolmentBlocked,
        PolicyMissing,
        NothingToRefund,
        DeductionOverItemised,
    )
    | done_or_waits(ClaimOut, 200),
    status_code=200,
)
async def approve_claim(
    claim_id: FromPath[str], command: NamedDependency[Command]
) -> Response[ClaimOut] | Response[ApprovalOut]:
    """Price it and let it be paid, a refund a payer; above a limit a second person approves."""
    journal, claim = object_id("clm", claim_id, ClaimUnknown)
    approved = use_cases.ApproveClaim(
        journal,
        claim,
        approval=command.new_id(),
        key=None if command.key is None else command.key.key,
    )
    outcome = await command.run(use_cases.APPROVE, [approved], journal=journal)
    if "payload_hash" in outcome.single():
        return await awaiting(command, outcome, journal)
    return command.answer(outcome, ClaimOut, 200)


@post(
    "/claims/{claim_id:str}/held-payment",
    operation_id="payHeldClaim",
    summary="Record that an institution paid a claim out of fees it holds",
    opt=policy(Role.REGULATOR, verb=Verb.DECIDE_CLAIMS),
    responses=refusing(
        *KEYED,
        ClaimUnknown,
        WrongState,
        LessonsUnsettled,
        InstitutionFrozen,
        EnrolmentBlocked,
        PolicyMissing,
        NothingToRefund,
        DeductionOverItemised,
    ),
    status_code=200,
)
async def pay_held_claim(
    claim_id: FromPath[str], data: JSONBody[HeldPaymentIn], command: NamedDependency[Command]
) -> Response[ClaimOut]:
    """End the contract on the bank's proof; the fee that was held of it is the student's again."""
    journal, claim = object_id("clm", claim_id, ClaimUnknown)
    return await _one(
        command, use_cases.PAY_HELD, use_cases.PayHeldClaim(journal, claim, data.proof)
    )


async def _one(command: Command, use_case: Any, decided: Any) -> Response[ClaimOut]:  # noqa: ANN401
    outcome = await command.run(use_case, [decided], journal=decided.journal)
    return command.answer(outcome, ClaimOut, 200)


router = Router(
    "/v1",
    route_handlers=[
        file_claim,
        agree_claim,
        contest_claim,
        decide_claim,
        withdraw_claim,
        add_claim_evidence,
        approve_claim,
        pay_held_claim,
        list_claims,
        get_claim,
        quote_refund,
    ],
    tags=["claims"],
)
