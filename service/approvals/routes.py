"""Routes of approvals: read what waits, approve or decline it as another person."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.four_eyes import ActKind
from ledger.refusals import (
    ApprovalExpired,
    ApprovalUnknown,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InstitutionUnknown,
    MakerIsChecker,
    MakerRevoked,
    SameDevice,
    StepUpRequired,
    VersionStale,
    WrongState,
)
from service.approvals import use_cases
from service.approvals.schemas import ApprovalCounts, ApprovalPage, ApproveIn, DeclineIn
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import approval_reads, approval_shown
from service.store.approval_reads import ApprovalFilter, Checker
from service.store.facts import Record
from service.store.transact import Store
from service.web.approval import ApprovalOut
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing

PROBLEMS = refusing(
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    ApprovalUnknown,
    WrongState,
    MakerIsChecker,
    SameDevice,
    MakerRevoked,
    StepUpRequired,
    VersionStale,
    ApprovalExpired,
)
States = Literal["PENDING", "EXECUTED", "DECLINED", "EXPIRED"]


@get(
    "/",
    operation_id="listApprovals",
    summary="List approvals",
    opt=policy(*STAFF, verb=Verb.READ_APPROVALS),
    responses=refusing(InstitutionUnknown),
)
async def list_approvals(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    approval_state: Annotated[States | None, QueryParameter(name="state")] = None,
    kind: Annotated[ActKind | None, QueryParameter()] = None,
    institution_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    waiting_for_me: Annotated[
        bool, QueryParameter(description="Only what the caller may approve or decline")
    ] = False,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> ApprovalPage:
    """List what waits for a second person, or was decided by one, in the caller's scope."""
    bound = {
        "state": approval_state,
        "kind": kind,
        "institution": institution_id,
        "mine": waiting_for_me,
    }
    institution = (
        None if institution_id is None else object_id("ins", institution_id, InstitutionUnknown)[1]
    )
    narrowed = ApprovalFilter(
        approval_state, kind, institution, _checker(caller) if waiting_for_me else None
    )
    async with store.reading(caller.context) as connection:
        found, after = cut(
            await approval_reads.page(
                connection,
                caller.context,
                narrowed,
                after=key_after(cursor, bound),
                limit=limit + 1,
            ),
            limit,
            "approval_id",
            bound,
        )
    return ApprovalPage(items=await _shown(store, caller, found), next_cursor=after)


@get(
    "/counts",
    operation_id="countApprovals",
    summary="Count what waits for a second person",
    opt=policy(*STAFF, verb=Verb.READ_APPROVALS),
    responses=refusing(),
)
async def count_approvals(
    caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> ApprovalCounts:
    """Count what waits in the caller's scope, what of it waits for the caller, and by kind."""
    async with store.reading(caller.context) as connection:
        counted = await approval_reads.counts(connection, caller.context, _checker(caller))
    return ApprovalCounts.model_validate(counted)


@get(
    "/{approval_id:str}",
    operation_id="getApproval",
    summary="Read an approval",
    opt=policy(*STAFF, verb=Verb.READ_APPROVALS),
    responses=refusing(ApprovalUnknown),
)
async def get_approval(
    approval_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> ApprovalOut:
    """Read one approval with what will happen in words, and the hash that covers both."""
    journal, approval = object_id("apr", approval_id, ApprovalUnknown)
    async with store.reading(caller.context) as connection:
        found = await approval_reads.approvals_seen(connection, caller.context, journal, [approval])
    if approval not in found:
        raise ApprovalUnknown
    (read,) = await _shown(store, caller, [Record({**found[approval], "journal_id": journal})])
    return read


@post(
    "/{approval_id:str}/approve",
    operation_id="approve",
    summary="Approve and carry out another person's command",
    opt=policy(Role.REGULATOR, Role.OPERATOR, verb=Verb.APPROVE),
    responses=PROBLEMS,
    status_code=200,
)
async def approve(
    approval_id: FromPath[str], data: JSONBody[ApproveIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Run the command on the facts of now; it is posted as its maker's, under the maker's key."""
    answer = _answer(approval_id, command, payload_hash=data.payload_hash)
    outcome = await command.run(use_cases.APPROVE, [answer], journal=answer.journal)
    return command.answer(outcome, ApprovalOut, 200)


@post(
    "/{approval_id:str}/decline",
    operation_id="decline",
    summary="Decline another person's command",
    opt=policy(Role.REGULATOR, Role.OPERATOR, verb=Verb.APPROVE),
    responses=PROBLEMS,
    status_code=200,
)
async def decline(
    approval_id: FromPath[str], data: JSONBody[DeclineIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """End the approval; the command never runs."""
    answer = _answer(approval_id, command, reason=data.reason)
    outcome = await command.run(use_cases.DECLINE, [answer], journal=answer.journal)
    return command.answer(outcome, ApprovalOut, 200)


def _answer(
    approval_id: str,
    command: Command,
    *,
    payload_hash: str | None = None,
    reason: str | None = None,
) -> use_cases.Answer:
    journal, approval = object_id("apr", approval_id, ApprovalUnknown)
    if journal not in command.caller.journals:
        raise ApprovalUnknown
    caller = command.caller
    return use_cases.Answer(
        journal,
        approval,
        caller.role.value,
        caller.path,
        payload_hash,
        reason,
        at=datetime.fromtimestamp(command.at_ms // 1_000, UTC),
    )


def _checker(caller: Caller) -> Checker:
    return Checker(caller.id, caller.role.value)


async def _shown(store: Store, caller: Caller, found: Sequence[Record]) -> list[ApprovalOut]:
    """Show approvals in their order, those of each journal together."""
    told: dict[UUID, Mapping[str, Any]] = {}
    for journal in sorted({row.journal_id for row in found}):
        own = [row for row in found if row.journal_id == journal]
        told |= await approval_shown.shown(store, caller.context, journal, own)
    return [ApprovalOut.model_validate(told[row.approval_id]) for row in found]


router = Router(
    "/v1/approvals",
    route_handlers=[list_approvals, count_approvals, get_approval, approve, decline],
    tags=["approvals"],
)
