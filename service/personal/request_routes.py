"""Routes of requests about one's own data: a copy, corrections confirmed, erasures carried out."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from litestar import MediaType, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    DataRequestUnknown,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.limits import CostClass
from service.identity.verbs import Verb
from service.personal import readable, use_cases
from service.personal.schemas import (
    DataRequestOut,
    DataRequestPage,
    DeclineIn,
    GuardianDataOut,
    OwnDataOut,
)
from service.store import data_requests, ids, own_data, party_reads, registry
from service.store.audit import Attempt
from service.store.facts import Record
from service.store.tables import DataRequest
from service.store.transact import Store
from service.web.approval import ApprovalOut, awaiting
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import refusing

READERS = (Role.REGULATOR, Role.INSTITUTION, Role.PARENT, Role.OPERATOR, Role.AUDITOR)
RULING = (Role.INSTITUTION, Role.REGULATOR)
ASKING = refusing(IdempotencyKeyMissing, IdempotencyKeyReused, DataRequestUnknown, WrongState)


@get(
    "/own-data",
    operation_id="exportOwnData",
    summary="Take a copy of everything about oneself",
    opt=policy(Role.PARENT, verb=Verb.KEEP_OWN_DATA, cost_class=CostClass.EXPORT),
    responses=refusing(),
)
async def export_own_data(
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    attempt: NamedDependency[Attempt],
) -> OwnDataOut:
    """Return it as JSON, of every guardian that the parent is linked to."""
    return await _copy(caller, store, attempt)


@get(
    "/own-data/readable",
    operation_id="readOwnData",
    summary="Read a copy of everything about oneself",
    opt=policy(Role.PARENT, verb=Verb.KEEP_OWN_DATA, cost_class=CostClass.EXPORT),
    responses=refusing(),
    media_type=MediaType.HTML,
)
async def read_own_data(
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    attempt: NamedDependency[Attempt],
) -> Response[str]:
    """Return the same as a page to be read and printed."""
    told = await _copy(caller, store, attempt)
    guardians = [guardian.model_dump() for guardian in told.guardians]
    return Response(
        readable.page(told.made_at, guardians),
        media_type="text/html; charset=utf-8",
        headers=readable.HEADERS,
    )


@get(
    "/data-requests",
    operation_id="listDataRequests",
    summary="List requests about personal data",
    opt=policy(*READERS, verb=Verb.READ_PERSONAL),
    responses=refusing(),
)
async def list_data_requests(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    kind: Annotated[Literal["CORRECTION", "ERASURE"] | None, QueryParameter()] = None,
    request_state: Annotated[
        Literal["FILED", "REFUSED", "DONE"] | None, QueryParameter(name="state")
    ] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> DataRequestPage:
    """List the requests in the caller's scope; what is asked for is not shown in them."""
    bound: dict[str, Any] = {"kind": kind, "state": request_state}
    async with store.reading(caller.context) as connection:
        found = await registry.page(
            connection,
            caller.context,
            DataRequest,
            equal=bound,
            after=key_after(cursor, bound),
            limit=limit + 1,
        )
    shown, following = cut(found, limit, "request_id", bound)
    return DataRequestPage(items=[_told(row) for row in shown], next_cursor=following)


@post(
    "/data-requests/{request_id:str}/confirm",
    operation_id="confirmCorrection",
    summary="Confirm that a name or phone is to be corrected",
    opt=policy(*RULING, verb=Verb.ENROL),
    responses=ASKING,
    status_code=200,
)
async def confirm_correction(
    request_id: FromPath[str], command: NamedDependency[Command]
) -> Response[DataRequestOut]:
    """Call the person so from now on; how they were called before is kept as a version."""
    return await _ruled(request_id, None, command)


@post(
    "/data-requests/{request_id:str}/decline",
    operation_id="declineCorrection",
    summary="Decline a correction",
    opt=policy(*RULING, verb=Verb.ENROL),
    responses=ASKING,
    status_code=200,
)
async def decline_correction(
    request_id: FromPath[str], data: JSONBody[DeclineIn], command: NamedDependency[Command]
) -> Response[DataRequestOut]:
    """Leave the person as they are called; the reason is told."""
    return await _ruled(request_id, data.reason, command)


@post(
    "/data-requests/{request_id:str}/carry-out",
    operation_id="carryOutErasure",
    summary="Have an erasure carried out",
    opt=policy(Role.REGULATOR, Role.OPERATOR, verb=Verb.READ_PERSONAL),
    responses=ASKING,
    status_code=202,
)
async def carry_out_erasure(
    request_id: FromPath[str], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a second person; then the keys are destroyed, and nobody reads the data again."""
    journal, target = object_id(data_requests.PREFIX, request_id, DataRequestUnknown)
    wanted = use_cases.CarryOut(
        journal,
        target,
        approval=command.new_id(),
        key=None if command.key is None else command.key.key,
    )
    outcome = await command.run(use_cases.CARRY_OUT_ERASURE, [wanted], journal=journal)
    return await awaiting(command, outcome, journal)


async def _ruled(request_id: str, reason: str | None, command: Command) -> Response[DataRequestOut]:
    journal, target = object_id(data_requests.PREFIX, request_id, DataRequestUnknown)
    rule = use_cases.Rule(journal, target, reason)
    outcome = await command.run(use_cases.RULE_ON_CORRECTION, [rule], journal=journal)
    return command.answer(outcome, DataRequestOut, 200)


async def _copy(caller: Caller, store: Store, attempt: Attempt) -> OwnDataOut:
    """Gather a copy; that it was taken stands in the audit trail."""
    guardians: list[GuardianDataOut] = []
    async with store.reading(caller.context) as connection:
        for journal, guardian in await party_reads.guardians(connection, caller.context):
            told = await own_data.of_guardian(connection, caller.context, journal, guardian)
            guardians.append(
                GuardianDataOut(guardian_id=ids.public("pty", journal, guardian), **told)
            )
    subjects = [guardian.guardian_id for guardian in guardians]
    await store.trail.record_read(caller.id, attempt, purpose="OWN_DATA", subjects=subjects)
    return OwnDataOut(made_at=datetime.now(UTC), guardians=guardians)


def _told(row: Record) -> DataRequestOut:
    return DataRequestOut(**data_requests.answer_of(row.journal_id, row))


HANDLERS = (
    export_own_data,
    read_own_data,
    list_data_requests,
    confirm_correction,
    decline_correction,
    carry_out_erasure,
)
