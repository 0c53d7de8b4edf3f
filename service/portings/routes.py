"""Routes of live portings: a parent asks, the receiving institution accepts or declines."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.money import Money
from ledger.refusals import (
    ConsentMissing,
    CourseNotFiled,
    CourseUnknown,
    CustodyAccountInvalid,
    EnrolmentBlocked,
    EnrolmentStopped,
    EnrolmentUnknown,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InstitutionFrozen,
    LessonsUnsettled,
    NothingToRefund,
    PortingUnknown,
    VerbForbidden,
    VersionStale,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.portings import use_cases
from service.portings.answers import answer_of
from service.portings.offer_routes import (
    choose_placement_offer,
    list_placement_offers,
    make_placement_offer,
    withdraw_placement_offer,
)
from service.portings.schemas import AcceptIn, PortingIn, PortingOut, PortingPage
from service.store import ids, porting_reads
from service.store.transact import Store
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing

States = Literal["CHOSEN", "INSTRUCTED", "SENT", "ARRIVED", "FAILED", "WITHDRAWN"]
STANDING = (
    WrongState,
    InstitutionFrozen,
    EnrolmentStopped,
    EnrolmentBlocked,
    LessonsUnsettled,
    CourseNotFiled,
    CustodyAccountInvalid,
    NothingToRefund,
)


@post(
    "/portings",
    operation_id="askPorting",
    summary="Let the rest of an enrolment go on at another institution",
    opt=policy(Role.PARENT, verb=Verb.CHOOSE_PLACES),
    responses=refusing(
        IdempotencyKeyMissing, IdempotencyKeyReused, EnrolmentUnknown, CourseUnknown, *STANDING
    ),
)
async def ask_porting(
    data: JSONBody[PortingIn], command: NamedDependency[Command]
) -> Response[PortingOut]:
    """Note the parent's consent; the receiving institution is asked what it grants."""
    journal, enrolment = ids.parse("enr", data.enrolment_id)
    there, course = ids.parse("crs", data.to_course_id)
    if journal not in command.caller.journals:
        raise EnrolmentUnknown
    if there != journal:
        raise CourseUnknown
    asked = use_cases.AskPorting(
        journal, command.new_id(), enrolment, course, data.lessons, data.consent_hash
    )
    outcome = await command.run(use_cases.ASK, [asked], journal=journal)
    return command.answer(outcome, PortingOut)


@post(
    "/portings/{porting_id:str}/accept",
    operation_id="acceptPorting",
    summary="Take a student over, and state the lessons granted",
    opt=policy(Role.INSTITUTION, verb=Verb.PLACE_STUDENTS),
    responses=refusing(
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        PortingUnknown,
        VerbForbidden,
        *STANDING,
        VersionStale,
        ConsentMissing,
    ),
    status_code=200,
)
async def accept_porting(
    porting_id: FromPath[str], data: JSONBody[AcceptIn], command: NamedDependency[Command]
) -> Response[PortingOut]:
    """Set the money aside where the student leaves, and order the bank there to pay it on."""
    journal, porting = _porting(porting_id, command)
    accepted = use_cases.AcceptPorting(
        journal, porting, command.new_id(), command.new_id(), Money.of(data.amount), data.lessons
    )
    outcome = await command.run(use_cases.ACCEPT, [accepted], journal=journal)
    return command.answer(outcome, PortingOut, 200)


@post(
    "/portings/{porting_id:str}/decline",
    operation_id="declinePorting",
    summary="Decline to take a student over",
    opt=policy(Role.INSTITUTION, verb=Verb.PLACE_STUDENTS),
    responses=refusing(
        IdempotencyKeyMissing, IdempotencyKeyReused, PortingUnknown, VerbForbidden, WrongState
    ),
    status_code=200,
)
async def decline_porting(
    porting_id: FromPath[str], command: NamedDependency[Command]
) -> Response[PortingOut]:
    """End a porting that was asked for; nothing has moved."""
    return await _end(porting_id, command, "DECLINED")


@post(
    "/portings/{porting_id:str}/withdraw",
    operation_id="withdrawPorting",
    summary="Give up a porting or a placement before money moves",
    opt=policy(Role.PARENT, verb=Verb.CHOOSE_PLACES),
    responses=refusing(IdempotencyKeyMissing, IdempotencyKeyReused, PortingUnknown, WrongState),
    status_code=200,
)
async def withdraw_porting(
    porting_id: FromPath[str], command: NamedDependency[Command]
) -> Response[PortingOut]:
    """Withdraw the consent; of a placement until its plan is posted."""
    return await _end(porting_id, command, "WITHDRAWN")


@get(
    "/portings",
    operation_id="listPortings",
    summary="List portings",
    opt=policy(Role.PARENT, Role.INSTITUTION, *STAFF, verb=Verb.READ_CONTRACTS),
    responses=refusing(),
)
async def list_portings(
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    porting_state: Annotated[States | None, QueryParameter(name="state")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> PortingPage:
    """List the portings in the caller's scope: leaving, coming, or a parent's own."""
    bound = {"state": porting_state}
    async with store.reading(caller.context) as connection:
        rows = await porting_reads.page(
            connection,
            caller.context,
            state=porting_state,
            after=key_after(cursor, bound),
            limit=limit + 1,
        )
    found, after = cut(rows, limit, "porting_id", bound)
    items = [PortingOut.model_validate(answer_of(row.journal_id, row)) for row in found]
    return PortingPage(items=items, next_cursor=after)


@get(
    "/portings/{porting_id:str}",
    operation_id="getPorting",
    summary="Read a porting",
    opt=policy(Role.PARENT, Role.INSTITUTION, *STAFF, verb=Verb.READ_CONTRACTS),
    responses=refusing(PortingUnknown),
)
async def get_porting(
    porting_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> PortingOut:
    """Read how far a porting is."""
    journal, porting = object_id("ptg", porting_id, PortingUnknown)
    async with store.reading(caller.context) as connection:
        found = await porting_reads.by_ids(connection, caller.context, journal, [porting])
    if not found:
        raise PortingUnknown
    return PortingOut.model_validate(answer_of(journal, found[0]))


async def _end(porting_id: str, command: Command, reason: str) -> Response[PortingOut]:
    journal, porting = _porting(porting_id, command)
    ending = use_cases.EndPorting(journal, porting, reason)
    outcome = await command.run(use_cases.END, [ending], journal=journal)
    return command.answer(outcome, PortingOut, 200)


def _porting(porting_id: str, command: Command) -> tuple[int, UUID]:
    journal, porting = object_id("ptg", porting_id, PortingUnknown)
    if journal not in command.caller.journals:
        raise PortingUnknown
    return journal, porting


router = Router(
    "/v1",
    route_handlers=[
        ask_porting,
        accept_porting,
        decline_porting,
        withdraw_porting,
        list_portings,
        get_porting,
        make_placement_offer,
        list_placement_offers,
        withdraw_placement_offer,
        choose_placement_offer,
    ],
    tags=["portings"],
)
