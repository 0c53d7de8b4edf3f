"""Routes of enrolments: opened by institutions, taken on with money missing, read by their own."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    AgreementMissing,
    AlreadyExists,
    AmountOverCap,
    AmountZero,
    BodyTooLarge,
    ChargedTooEarly,
    CourseNotFiled,
    CourseUnknown,
    CustodyAccountInvalid,
    DateInFuture,
    DepositBelow,
    EnrolmentStopped,
    EnrolmentUnknown,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InstitutionFrozen,
    InstitutionUnknown,
    LessonsOverCap,
    PartyUnknown,
    PolicyMissing,
    PriceOverGuide,
    Refusal,
    SpanOverCap,
    VerbForbidden,
    WrongState,
)
from service.enrolments import detail, use_cases
from service.enrolments.contracts import answer_of
from service.enrolments.schemas import (
    CarriedBatchIn,
    CarriedIn,
    EnrolmentBatchIn,
    EnrolmentBatchOut,
    EnrolmentDetailOut,
    EnrolmentIn,
    EnrolmentOut,
    EnrolmentPage,
)
from service.enrolments.transfer_routes import transfer_lessons
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import registry
from service.store.tables import Enrolment
from service.store.transact import Store
from service.web.bodies import BATCH_BODY_MAX
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import refusing

KEYED = (IdempotencyKeyMissing, IdempotencyKeyReused, BodyTooLarge)
OPENING = refusing(
    *KEYED,
    CourseUnknown,
    PartyUnknown,
    AlreadyExists,
    WrongState,
    InstitutionFrozen,
    EnrolmentStopped,
    CourseNotFiled,
    CustodyAccountInvalid,
    AgreementMissing,
    DateInFuture,
    AmountZero,
    PolicyMissing,
    AmountOverCap,
    LessonsOverCap,
    SpanOverCap,
    ChargedTooEarly,
    PriceOverGuide,
    DepositBelow,
)
TAKING_ON = refusing(
    *KEYED,
    InstitutionUnknown,
    PartyUnknown,
    AlreadyExists,
    WrongState,
    InstitutionFrozen,
    CustodyAccountInvalid,
    DateInFuture,
    AmountZero,
    VerbForbidden,
)
READERS = (Role.REGULATOR, Role.INSTITUTION, Role.PARENT, Role.AUDITOR)


@post(
    "/",
    operation_id="openEnrolment",
    summary="Open an enrolment",
    opt=policy(Role.INSTITUTION, verb=Verb.ENROL),
    responses=OPENING,
)
async def open_enrolment(
    data: JSONBody[EnrolmentIn], command: NamedDependency[Command]
) -> Response[EnrolmentOut]:
    """Open one charge for a filed course, within the caps; it waits for its money."""
    opened = data.facts(command)
    if opened.journal not in command.caller.journals:
        raise CourseUnknown
    outcome = await command.run(use_cases.OPEN_ENROLMENT, [opened], journal=opened.journal)
    return command.answer(outcome, EnrolmentOut)


@post(
    "/batch",
    operation_id="openEnrolments",
    summary="Open up to 10,000 enrolments",
    opt=policy(Role.INSTITUTION, verb=Verb.ENROL, body_max=BATCH_BODY_MAX),
    responses=OPENING,
    status_code=200,
)
async def open_enrolments(
    data: JSONBody[EnrolmentBatchIn], command: NamedDependency[Command]
) -> Response[EnrolmentBatchOut]:
    """Open enrolments of one journal, a result each in the same order."""
    opened = [item.facts(command) for item in data.items]
    return await _batch(command, use_cases.OPEN_ENROLMENT, opened, data.mode, CourseUnknown)


@post(
    "/legacy",
    operation_id="takeOnLegacyContract",
    summary="Take on a contract from before custody",
    opt=policy(Role.INSTITUTION, Role.REGULATOR, verb=Verb.ENROL),
    responses=TAKING_ON,
)
async def take_on_legacy_contract(
    data: JSONBody[CarriedIn], command: NamedDependency[Command]
) -> Response[EnrolmentOut]:
    """Record what remains of it; the institution owes the money until it brings it."""
    return await _take_on(command, data, use_cases.LEGACY)


@post(
    "/legacy/batch",
    operation_id="takeOnLegacyContracts",
    summary="Take on up to 10,000 contracts from before custody",
    opt=policy(Role.INSTITUTION, Role.REGULATOR, verb=Verb.ENROL, body_max=BATCH_BODY_MAX),
    responses=TAKING_ON,
    status_code=200,
)
async def take_on_legacy_contracts(
    data: JSONBody[CarriedBatchIn], command: NamedDependency[Command]
) -> Response[EnrolmentBatchOut]:
    """Take on contracts of one journal, a result each in the same order."""
    _require_payees_stated_by_regulator(command, data.items)
    taken = [item.facts(command, use_cases.LEGACY) for item in data.items]
    return await _batch(command, use_cases.TAKE_ON, taken, data.mode, InstitutionUnknown)


@post(
    "/diversions",
    operation_id="recordDiversion",
    summary="Record tuition collected outside custody",
    opt=policy(Role.REGULATOR, verb=Verb.ENROL),
    responses=TAKING_ON,
)
async def record_diversion(
    data: JSONBody[CarriedIn], command: NamedDependency[Command]
) -> Response[EnrolmentOut]:
    """Recognize the student's claim; the institution owes the money (体外收费)."""
    return await _take_on(command, data, use_cases.DIVERSION)


@get(
    "/",
    operation_id="listEnrolments",
    summary="List enrolments",
    opt=policy(*READERS, verb=Verb.READ_LESSONS),
    responses=refusing(InstitutionUnknown, PartyUnknown, CourseUnknown),
)
async def list_enrolments(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    institution_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    guardian_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    course_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    enrolment_state: Annotated[str | None, QueryParameter(name="state", max_length=32)] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> EnrolmentPage:
    """List the enrolments in the caller's scope by journal and id; parents see their own."""
    equal: dict[str, Any] = {"state": enrolment_state}
    for column, prefix, text, unknown in (
        ("institution_id", "ins", institution_id, InstitutionUnknown),
        ("guardian_id", "pty", guardian_id, PartyUnknown),
        ("course_id", "crs", course_id, CourseUnknown),
    ):
        if text is not None:
            equal["journal_id"], equal[column] = object_id(prefix, text, unknown)
    async with store.reading(caller.context) as connection:
        found = await registry.page(
            connection,
            caller.context,
            Enrolment,
            equal=equal,
            after=key_after(cursor, equal),
            limit=limit + 1,
        )
    shown, following = cut(found, limit, "enrolment_id", equal)
    return EnrolmentPage(
        items=[EnrolmentOut.model_validate(answer_of(row.journal_id, row)) for row in shown],
        next_cursor=following,
    )


@get(
    "/{enrolment_id:str}",
    operation_id="getEnrolment",
    summary="Read an enrolment with its money and slots",
    opt=policy(*READERS, verb=Verb.READ_LESSONS),
    responses=refusing(EnrolmentUnknown),
)
async def get_enrolment(
    enrolment_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> EnrolmentDetailOut:
    """Read one enrolment in the caller's scope, as it stands now."""
    journal, enrolment = object_id("enr", enrolment_id, EnrolmentUnknown)
    async with store.reading(caller.context) as connection:
        found = await registry.seen(connection, caller.context, Enrolment, journal, [enrolment])
        if enrolment not in found:
            raise EnrolmentUnknown
        return EnrolmentDetailOut.model_validate(await detail.read(connection, found[enrolment]))


def _require_payees_stated_by_regulator(command: Command, items: Sequence[CarriedIn]) -> None:
    """Refuse an institution that says where its students' refunds are to be paid."""
    stated = any(item.guardian.account_number is not None for item in items)
    if stated and command.caller.role is not Role.REGULATOR:
        raise VerbForbidden


async def _take_on(command: Command, data: CarriedIn, origin: str) -> Response[EnrolmentOut]:
    _require_payees_stated_by_regulator(command, [data])
    taken = data.facts(command, origin)
    outcome = await command.run(use_cases.TAKE_ON, [taken], journal=taken.journal)
    return command.answer(outcome, EnrolmentOut)


async def _batch(
    command: Command,
    use_case: Any,  # noqa: ANN401 - a use case over the items
    items: list[Any],
    mode: str,
    unknown: type[Refusal],
) -> Response[EnrolmentBatchOut]:
    """Carry out a batch of one journal; raises `unknown` for a mixture or a foreign one."""
    journals = {item.journal for item in items}
    if len(journals) != 1 or not journals <= set(command.caller.journals):
        raise unknown
    outcome = await command.run(use_case, items, journal=journals.pop(), mode=mode)
    return command.answer_batch(outcome, mode)


router = Router(
    "/v1/enrolments",
    route_handlers=[
        open_enrolment,
        open_enrolments,
        take_on_legacy_contract,
        take_on_legacy_contracts,
        record_diversion,
        list_enrolments,
        get_enrolment,
        transfer_lessons,
    ],
    tags=["enrolments"],
)
