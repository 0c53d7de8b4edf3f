"""Routes of the register: a parent reads what is theirs and objects, the task force decides."""

from typing import Annotated, Literal

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    AlreadyExists,
    AmountZero,
    CustodyAccountInvalid,
    DateInFuture,
    EntitlementUnknown,
    EvidenceMissing,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    ObjectionTooLate,
    ObjectionUnknown,
    PolicyMissing,
    WindDownUnknown,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import register_reads, registry
from service.store.tables import Entitlement, Objection
from service.store.transact import Store
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing
from service.web.wire import money
from service.wind_downs import use_cases
from service.wind_downs.case_paths import case_named
from service.wind_downs.register_schemas import (
    DecisionIn,
    EntitlementOut,
    EntitlementPage,
    LateEntryIn,
    ObjectionIn,
    ObjectionOut,
    ObjectionPage,
)
from service.wind_downs.schemas import WindDownOut

READERS = (*STAFF, Role.INSTITUTION, Role.PARENT)
ObjectionStates = Literal["FILED", "UPHELD", "REJECTED"]
CaseFilter = Annotated[str | None, QueryParameter(max_length=64)]


@post(
    "/wind-downs/{wind_down_id:str}/register",
    operation_id="publishRegister",
    summary="Build the register from the ledger and publish it",
    opt=policy(Role.REGULATOR, verb=Verb.PREPARE_WIND_DOWN),
    responses=refusing(
        IdempotencyKeyMissing, IdempotencyKeyReused, WindDownUnknown, WrongState, PolicyMissing
    ),
    status_code=200,
)
async def publish_register(
    wind_down_id: FromPath[str], command: NamedDependency[Command]
) -> Response[WindDownOut]:
    """Number every enrolment with something left; each parent is told and may object."""
    journal, wind_down = case_named(wind_down_id, command)
    publishing = use_cases.CaseCommand(journal, wind_down)
    outcome = await command.run(use_cases.REGISTER, [publishing], journal=journal)
    return command.answer(outcome, WindDownOut, 200)


@get(
    "/entitlements",
    operation_id="listEntitlements",
    summary="List entitlements",
    opt=policy(*READERS, verb=Verb.READ_CONTRACTS),
    responses=refusing(WindDownUnknown),
)
async def list_entitlements(
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    wind_down_id: CaseFilter = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> EntitlementPage:
    """List the register; a parent sees their own entitlements only."""
    bound = {"wind_down": wind_down_id}
    wind_down = None if wind_down_id is None else object_id("wdn", wind_down_id, WindDownUnknown)[1]
    async with store.reading(caller.context) as connection:
        found, after = cut(
            await registry.page(
                connection,
                caller.context,
                Entitlement,
                equal={"wind_down_id": wind_down},
                after=key_after(cursor, bound),
                limit=limit + 1,
            ),
            limit,
            "entitlement_id",
            bound,
        )
    items = [register_reads.entitlement_answer(row["journal_id"], row) for row in found]
    return EntitlementPage(
        items=[EntitlementOut.model_validate(item) for item in items], next_cursor=after
    )


@get(
    "/entitlements/{entitlement_id:str}",
    operation_id="getEntitlement",
    summary="Read an entitlement",
    opt=policy(*READERS, verb=Verb.READ_CONTRACTS),
    responses=refusing(EntitlementUnknown),
)
async def get_entitlement(
    entitlement_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> EntitlementOut:
    """Read one entitlement: its number, what is claimed, what was paid on it."""
    journal, entitlement = object_id("ent", entitlement_id, EntitlementUnknown)
    async with store.reading(caller.context) as connection:
        row = await registry.one(connection, caller.context, Entitlement, journal, entitlement)
    if row is None:
        raise EntitlementUnknown
    return EntitlementOut.model_validate(register_reads.entitlement_answer(journal, row))


@post(
    "/entitlements/{entitlement_id:str}/objections",
    operation_id="objectToRegister",
    summary="Object to what the register says",
    opt=policy(Role.PARENT, verb=Verb.CLAIM),
    responses=refusing(
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        EntitlementUnknown,
        WrongState,
        ObjectionTooLate,
        AmountZero,
    ),
)
async def object_to_register(
    entitlement_id: FromPath[str], data: JSONBody[ObjectionIn], command: NamedDependency[Command]
) -> Response[ObjectionOut]:
    """Ask for a higher amount within the period to object; no plan is made meanwhile."""
    journal, entitlement = object_id("ent", entitlement_id, EntitlementUnknown)
    if journal not in command.caller.journals:
        raise EntitlementUnknown
    objecting = use_cases.Object(
        journal,
        entitlement,
        command.new_id(),
        asked=money(data.asked),
        document_hash=data.document_hash,
        note=data.note,
    )
    outcome = await command.run(use_cases.OBJECT, [objecting], journal=journal)
    return command.answer(outcome, ObjectionOut)


@post(
    "/wind-downs/{wind_down_id:str}/late-entries",
    operation_id="fileLateEntry",
    summary="Ask for a contract that is missing from the register",
    opt=policy(Role.PARENT, verb=Verb.CLAIM),
    responses=refusing(
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        WindDownUnknown,
        WrongState,
        AlreadyExists,
        AmountZero,
        DateInFuture,
    ),
)
async def file_late_entry(
    wind_down_id: FromPath[str], data: JSONBody[LateEntryIn], command: NamedDependency[Command]
) -> Response[ObjectionOut]:
    """File a missing contract with its document; the task force admits it or not."""
    journal, wind_down = case_named(wind_down_id, command)
    entering = use_cases.Enter(
        journal,
        wind_down,
        command.new_id(),
        guardians=command.caller.parties,
        student=command.new_id(),
        student_name=data.student_name,
        contract_number=data.contract_number,
        contract_on=data.contract_on,
        asked=money(data.asked),
        document_hash=data.document_hash,
        note=data.note,
    )
    outcome = await command.run(use_cases.ENTER, [entering], journal=journal)
    return command.answer(outcome, ObjectionOut)


@get(
    "/objections",
    operation_id="listObjections",
    summary="List objections",
    opt=policy(*READERS, verb=Verb.READ_CONTRACTS),
    responses=refusing(WindDownUnknown),
)
async def list_objections(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    wind_down_id: CaseFilter = None,
    objection_state: Annotated[ObjectionStates | None, QueryParameter(name="state")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> ObjectionPage:
    """List objections in the caller's scope; a parent sees their own."""
    bound = {"wind_down": wind_down_id, "state": objection_state}
    wind_down = None if wind_down_id is None else object_id("wdn", wind_down_id, WindDownUnknown)[1]
    async with store.reading(caller.context) as connection:
        found, after = cut(
            await registry.page(
                connection,
                caller.context,
                Objection,
                equal={"wind_down_id": wind_down, "state": objection_state},
                after=key_after(cursor, bound),
                limit=limit + 1,
            ),
            limit,
            "objection_id",
            bound,
        )
    items = [register_reads.objection_answer(row["journal_id"], row) for row in found]
    return ObjectionPage(
        items=[ObjectionOut.model_validate(item) for item in items], next_cursor=after
    )


@post(
    "/objections/{objection_id:str}/decide",
    operation_id="decideObjection",
    summary="Uphold or reject an objection",
    opt=policy(Role.REGULATOR, verb=Verb.DECIDE_CLAIMS),
    responses=refusing(
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        ObjectionUnknown,
        WrongState,
        AmountZero,
        EvidenceMissing,
        CustodyAccountInvalid,
    ),
    status_code=200,
)
async def decide_objection(
    objection_id: FromPath[str], data: JSONBody[DecisionIn], command: NamedDependency[Command]
) -> Response[ObjectionOut]:
    """Post what was proved by its own rule; nothing on the register is lowered here."""
    journal, objection = object_id("obj", objection_id, ObjectionUnknown)
    if journal not in command.caller.journals:
        raise ObjectionUnknown
    admitted = data.admission
    deciding = use_cases.DecideObjection(
        journal,
        objection,
        decision=data.decision,
        reason=data.reason,
        amount=None if data.amount is None else money(data.amount),
        admission=None
        if admitted is None
        else use_cases.Admission(admitted.origin, admitted.subject, admitted.lessons),
    )
    outcome = await command.run(use_cases.DECIDE, [deciding], journal=journal)
    return command.answer(outcome, ObjectionOut, 200)
