"""Routes of deposits: anybody concerned reads them, two people move them."""

from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from ledger.refusals import (
    AccountFenced,
    AmountZero,
    CustodyAccountInvalid,
    DepositExceeded,
    EnrolmentUnknown,
    HoldExceeded,
    InstitutionFrozen,
    InstitutionUnknown,
    PayoutNotCovered,
    PayoutStopped,
    SettlementAccountMissing,
    WrongState,
)
from service.deposits import call, draw, fees, release, use_cases
from service.deposits.schemas import (
    CallIn,
    DepositOut,
    DrawIn,
    HeldFeeIn,
    HeldFeeOut,
    ReleaseIn,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store.transact import Request, Store
from service.web.approval import ApprovalOut, awaiting
from service.web.command import Command
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import KEYED, refusing


@get(
    "/institutions/{institution_id:str}/deposit",
    operation_id="getDeposit",
    summary="Read what stands of an institution's risk deposit",
    opt=policy(Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(InstitutionUnknown),
)
async def get_deposit(
    institution_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> DepositOut:
    """Show what is held, what the formula requires, and whether it suffices."""
    journal, institution = _institution(institution_id)
    if journal not in caller.journals:
        raise InstitutionUnknown
    outcome = await store.transact(
        Request(
            use_case=use_cases.SHOW,
            commands=[use_cases.ShowDeposit(journal, institution)],
            caller=caller.context,
            actor=caller.id,
            journal=journal,
            dry_run=True,
        )
    )
    return DepositOut.model_validate(outcome.single())


@post(
    "/institutions/{institution_id:str}/deposit/release",
    operation_id="releaseDeposit",
    summary="Ask for the surplus of a deposit to be given back",
    opt=policy(Role.REGULATOR, Role.INSTITUTION, verb=Verb.SUPERVISE_MONEY),
    responses=refusing(
        *KEYED,
        InstitutionUnknown,
        WrongState,
        PayoutStopped,
        InstitutionFrozen,
        AccountFenced,
        CustodyAccountInvalid,
        AmountZero,
        PayoutNotCovered,
        DepositExceeded,
        HoldExceeded,
        SettlementAccountMissing,
    ),
    status_code=202,
)
async def release_deposit(
    institution_id: FromPath[str], data: JSONBody[ReleaseIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a regulator, who makes the payment order by approving."""
    journal, institution = _institution(institution_id)
    asked = data.facts(command, journal, institution)
    outcome = await command.run(release.REQUEST_RELEASE, [asked], journal=journal)
    return await awaiting(command, outcome, journal)


@post(
    "/institutions/{institution_id:str}/deposit/draw",
    operation_id="drawDeposit",
    summary="Ask for a deposit to be drawn over a gap in custody",
    opt=policy(Role.REGULATOR, verb=Verb.SUPERVISE_MONEY),
    responses=refusing(
        *KEYED,
        InstitutionUnknown,
        WrongState,
        AccountFenced,
        CustodyAccountInvalid,
        AmountZero,
        DepositExceeded,
    ),
    status_code=202,
)
async def draw_deposit(
    institution_id: FromPath[str], data: JSONBody[DrawIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a second regulator, who makes the transfer order by approving."""
    journal, institution = _institution(institution_id)
    asked = data.facts(command, journal, institution)
    outcome = await command.run(draw.REQUEST_DRAW, [asked], journal=journal)
    return await awaiting(command, outcome, journal)


@post(
    "/institutions/{institution_id:str}/deposit/call",
    operation_id="callHeldFees",
    summary="Ask for the fees that a frozen institution holds to be called",
    opt=policy(Role.REGULATOR, verb=Verb.SUPERVISE_MONEY),
    responses=refusing(*KEYED, InstitutionUnknown, WrongState),
    status_code=202,
)
async def call_held_fees(
    institution_id: FromPath[str], data: JSONBody[CallIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a second regulator; approving calls the fees and applies the deposit."""
    journal, institution = _institution(institution_id)
    asked = data.facts(command, journal, institution)
    outcome = await command.run(call.REQUEST_CALL, [asked], journal=journal)
    return await awaiting(command, outcome, journal)


@post(
    "/enrolments/{enrolment_id:str}/held-fee",
    operation_id="reportHeldFee",
    summary="Report a fee that the institution took itself",
    opt=policy(Role.INSTITUTION, verb=Verb.SUPERVISE_MONEY),
    responses=refusing(
        *KEYED,
        EnrolmentUnknown,
        WrongState,
        InstitutionFrozen,
        AmountZero,
        CustodyAccountInvalid,
    ),
)
async def report_held_fee(
    enrolment_id: FromPath[str], data: JSONBody[HeldFeeIn], command: NamedDependency[Command]
) -> Response[HeldFeeOut]:
    """Recognize it as the student's, held by the institution and backed by its deposit."""
    journal, enrolment = object_id("enr", enrolment_id, EnrolmentUnknown)
    report = data.facts(journal, enrolment)
    outcome = await command.run(fees.REPORT_FEE, [report], journal=journal)
    return command.answer(outcome, HeldFeeOut)


def _institution(institution_id: str) -> tuple[int, UUID]:
    return object_id("ins", institution_id, InstitutionUnknown)


router = Router(
    "/v1",
    route_handlers=[get_deposit, release_deposit, draw_deposit, call_held_fees, report_held_fee],
    tags=["deposits"],
)
