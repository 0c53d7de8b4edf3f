"""Routes of institutions: entering, licensing, suspending, leaving, moving, agreeing, reading."""

from typing import Annotated
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from ledger.parameters import Category, Department
from ledger.refusals import (
    AlreadyExists,
    BankNotSelected,
    CategoryClosed,
    DateInFuture,
    DepartmentNotCompetent,
    InstitutionUnknown,
    JurisdictionUnknown,
    LiabilityOutstanding,
    ModeNotSupported,
    PolicyMissing,
    VersionStale,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.institutions import agreements, changes, settlement, states, use_cases
from service.institutions.schemas import (
    AgreementIn,
    AgreementOut,
    ExitIn,
    InstitutionArea,
    InstitutionDetail,
    InstitutionIn,
    InstitutionOut,
    InstitutionPage,
    LicenceIn,
    MoveIn,
    ResumptionIn,
    SettlementChangeIn,
    StateIn,
    SuspensionIn,
)
from service.store import institution_reads, registry
from service.store.tables import Institution
from service.store.transact import Store
from service.web.approval import ApprovalOut, awaiting
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import KEYED, refusing

CHANGING = (*KEYED, InstitutionUnknown, VersionStale, WrongState)


@post(
    "/",
    operation_id="registerInstitution",
    summary="Enter an institution in the register",
    opt=policy(Role.REGULATOR, verb=Verb.KEEP_REGISTRY),
    responses=refusing(
        *KEYED, JurisdictionUnknown, AlreadyExists, DateInFuture, DepartmentNotCompetent
    ),
)
async def register_institution(
    data: JSONBody[InstitutionIn], command: NamedDependency[Command]
) -> Response[InstitutionOut]:
    """Enter an institution once for its business registration."""
    context = command.caller.context
    async with command.store.reading(context) as connection:
        _, journal = await use_cases.jurisdiction_in_scope(
            connection, context, data.jurisdiction_code
        )
    outcome = await command.run(use_cases.REGISTER, [data.facts(command, journal)], journal=journal)
    return command.answer(outcome, InstitutionOut)


@post(
    "/{institution_id:str}/licence",
    operation_id="licenseInstitution",
    summary="License an institution, or renew its licence",
    opt=policy(Role.REGULATOR, verb=Verb.KEEP_REGISTRY),
    responses=refusing(*CHANGING, DateInFuture, PolicyMissing, CategoryClosed),
    status_code=200,
)
async def license_institution(
    institution_id: FromPath[str], data: JSONBody[LicenceIn], command: NamedDependency[Command]
) -> Response[InstitutionOut]:
    """License it under the rules of the day the licence was granted."""
    journal, target = _target(institution_id)
    outcome = await command.run(states.LICENSE, [data.facts(journal, target)], journal=journal)
    return command.answer(outcome, InstitutionOut, 200)


@post(
    "/{institution_id:str}/suspend",
    operation_id="suspendInstitution",
    summary="Stop an institution's enrolment, or suspend it",
    opt=policy(Role.REGULATOR, verb=Verb.KEEP_REGISTRY),
    responses=refusing(*CHANGING),
    status_code=200,
)
async def suspend_institution(
    institution_id: FromPath[str], data: JSONBody[SuspensionIn], command: NamedDependency[Command]
) -> Response[InstitutionOut]:
    """Take one step towards suspension."""
    return await _step(institution_id, data, data.to, command)


@post(
    "/{institution_id:str}/resume",
    operation_id="resumeInstitution",
    summary="Lift an institution's suspension",
    opt=policy(Role.REGULATOR, verb=Verb.KEEP_REGISTRY),
    responses=refusing(*CHANGING),
    status_code=200,
)
async def resume_institution(
    institution_id: FromPath[str], data: JSONBody[ResumptionIn], command: NamedDependency[Command]
) -> Response[InstitutionOut]:
    """Take one step back from suspension."""
    return await _step(institution_id, data, data.to, command)


@post(
    "/{institution_id:str}/exit",
    operation_id="exitInstitution",
    summary="Let an institution leave in order",
    opt=policy(Role.REGULATOR, verb=Verb.KEEP_REGISTRY),
    responses=refusing(*CHANGING, LiabilityOutstanding),
    status_code=200,
)
async def exit_institution(
    institution_id: FromPath[str], data: JSONBody[ExitIn], command: NamedDependency[Command]
) -> Response[InstitutionOut]:
    """Begin its exit, or end it when nothing is owed to students or payers."""
    return await _step(institution_id, data, data.to, command)


@post(
    "/{institution_id:str}/deregister",
    operation_id="deregisterInstitution",
    summary="Deregister an institution that has left",
    opt=policy(Role.REGULATOR, verb=Verb.KEEP_REGISTRY),
    responses=refusing(*CHANGING, LiabilityOutstanding),
    status_code=200,
)
async def deregister_institution(
    institution_id: FromPath[str], data: JSONBody[StateIn], command: NamedDependency[Command]
) -> Response[InstitutionOut]:
    """Strike it off (注销); impossible while money is owed."""
    return await _step(institution_id, data, "DEREGISTERED", command)


@post(
    "/{institution_id:str}/move",
    operation_id="moveInstitution",
    summary="Put an institution under another jurisdiction or department",
    opt=policy(Role.REGULATOR, verb=Verb.KEEP_REGISTRY),
    responses=refusing(*CHANGING, JurisdictionUnknown, DepartmentNotCompetent),
    status_code=200,
)
async def move_institution(
    institution_id: FromPath[str], data: JSONBody[MoveIn], command: NamedDependency[Command]
) -> Response[InstitutionOut]:
    """Move it within its journal; its balances follow into the other area's totals."""
    journal, target = _target(institution_id)
    outcome = await command.run(changes.MOVE, [data.facts(journal, target)], journal=journal)
    return command.answer(outcome, InstitutionOut, 200)


@post(
    "/{institution_id:str}/settlement-account",
    operation_id="changeSettlementAccount",
    summary="Ask for an institution to be paid to another account",
    opt=policy(Role.REGULATOR, verb=Verb.KEEP_REGISTRY),
    responses=refusing(*CHANGING),
    status_code=202,
)
async def change_settlement_account(
    institution_id: FromPath[str],
    data: JSONBody[SettlementChangeIn],
    command: NamedDependency[Command],
) -> Response[ApprovalOut]:
    """Wait for a second regulator; approving pays it to another account from then on."""
    journal, target = _target(institution_id)
    facts = data.facts(command, journal, target)
    outcome = await command.run(settlement.REQUEST_SETTLEMENT, [facts], journal=journal)
    return await awaiting(command, outcome, journal)


@post(
    "/{institution_id:str}/agreements",
    operation_id="signAgreement",
    summary="Record a supervision agreement",
    opt=policy(Role.REGULATOR, verb=Verb.KEEP_REGISTRY),
    responses=refusing(
        *KEYED, InstitutionUnknown, WrongState, AlreadyExists, ModeNotSupported, BankNotSelected
    ),
)
async def sign_agreement(
    institution_id: FromPath[str], data: JSONBody[AgreementIn], command: NamedDependency[Command]
) -> Response[AgreementOut]:
    """Record what institution, bank and regulator signed."""
    journal, target = _target(institution_id)
    facts = data.facts(command, journal, target)
    outcome = await command.run(agreements.SIGN, [facts], journal=journal)
    return command.answer(outcome, AgreementOut)


@get(
    "/",
    operation_id="listInstitutions",
    summary="List institutions",
    opt=policy(*Role, verb=Verb.READ_REGISTRY),
    responses=refusing(JurisdictionUnknown),
)
async def list_institutions(  # noqa: PLR0913, PLR0917 - the filters of a list
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    adcode: Annotated[
        str | None, QueryParameter(max_length=16, description="A code; means its subtree.")
    ] = None,
    department: FromQuery[Department | None] = None,
    category: FromQuery[Category | None] = None,
    institution_state: Annotated[str | None, QueryParameter(name="state", max_length=32)] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> InstitutionPage:
    """List the institutions in the caller's scope, by journal and id."""
    equal = {"department": department, "category": category, "state": institution_state}
    bound = {**equal, "adcode": adcode}
    async with store.reading(caller.context) as connection:
        found = await registry.page(
            connection,
            caller.context,
            Institution,
            equal=equal,
            also=(
                *await institution_reads.in_subtree(connection, adcode),
                *registry.of_own_bank(caller.context),
            ),
            after=key_after(cursor, bound),
            limit=limit + 1,
        )
    shown, following = cut(found, limit, "institution_id", bound)
    return InstitutionPage(
        items=[
            InstitutionOut.model_validate(use_cases.answer_of(row.journal_id, row)) for row in shown
        ],
        next_cursor=following,
    )


@get(
    "/{institution_id:str}",
    operation_id="getInstitution",
    summary="Read an institution with its history",
    opt=policy(*Role, verb=Verb.READ_REGISTRY),
    responses=refusing(InstitutionUnknown),
)
async def get_institution(
    institution_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> InstitutionDetail:
    """Read an institution, where it stood before, and its agreements."""
    journal, target = _target(institution_id)
    context = caller.context
    async with store.reading(context) as connection:
        row = await registry.one(
            connection,
            context,
            Institution,
            journal,
            target,
            also=registry.of_own_bank(context),
        )
        if row is None:
            raise InstitutionUnknown
        areas = await institution_reads.areas(connection, journal, target)
        signed = await institution_reads.agreements(connection, journal, target)
    return InstitutionDetail(
        **use_cases.answer_of(journal, row),
        areas=[
            InstitutionArea(
                jurisdiction_code=area.jurisdiction_code,
                department=area.department,
                valid_from=area.valid_from.isoformat(),
                valid_to=area.valid_to and area.valid_to.isoformat(),
            )
            for area in areas
        ],
        agreements=[AgreementOut(**agreements.answer_of(journal, item)) for item in signed],
    )


async def _step(
    institution_id: str, data: StateIn, state: str, command: Command
) -> Response[InstitutionOut]:
    journal, target = _target(institution_id)
    step = data.step(journal, target, state)
    outcome = await command.run(states.CHANGE_STATE, [step], journal=journal)
    return command.answer(outcome, InstitutionOut, 200)


def _target(institution_id: str) -> tuple[int, UUID]:
    return object_id("ins", institution_id, InstitutionUnknown)


router = Router(
    "/v1/institutions",
    route_handlers=[
        register_institution,
        license_institution,
        suspend_institution,
        resume_institution,
        exit_institution,
        deregister_institution,
        move_institution,
        change_settlement_account,
        sign_agreement,
        list_institutions,
        get_institution,
    ],
    tags=["institutions"],
)
