"""Routes of approvals: read what waits, approve or decline it as another person."""

from typing import Annotated, Literal

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    ApprovalExpired,
    ApprovalUnknown,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    MakerIsChecker,
    VersionStale,
    WrongState,
)
from service.approvals import use_cases
from service.approvals.schemas import ApprovalPage, ApproveIn, DeclineIn
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import approvals
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
    VersionStale,
    ApprovalExpired,
)
States = Literal["PENDING", "EXECUTED", "DECLINED", "EXPIRED"]


@get(
    "/",
    operation_id="listApprovals",
    summary="List approvals",
    opt=policy(*STAFF, verb=Verb.READ_APPROVALS),
    responses=refusing(),
)
async def list_approvals(
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    approval_state: Annotated[States | None, QueryParameter(name="state")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> ApprovalPage:
    """List what waits for a second person, or was decided by one, in the caller's scope."""
    bound = {"state": approval_state}
    async with store.reading(caller.context) as connection:
        found, after = cut(
            await approvals.page(
                connection,
                caller.context,
                state=approval_state,
                after=key_after(cursor, bound),
                limit=limit + 1,
            ),
            limit,
            "approval_id",
            bound,
        )
        clocks = await approvals.business_clocks(connection, caller.journals)
    return ApprovalPage(
        items=[
            ApprovalOut.model_validate(
                approvals.answer_of(row.journal_id, row, clocks[row.journal_id])
            )
            for row in found
        ],
        next_cursor=after,
    )


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
    """Read one approval with its payload and hash."""
    journal, approval = object_id("apr", approval_id, ApprovalUnknown)
    async with store.reading(caller.context) as connection:
        found = await approvals.approvals(connection, caller.context, journal, [approval])
        clocks = await approvals.business_clocks(connection, [journal])
    if approval not in found:
        raise ApprovalUnknown
    return ApprovalOut.model_validate(
        approvals.answer_of(journal, found[approval], clocks[journal])
    )


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
    return use_cases.Answer(journal, approval, caller.role.value, caller.path, payload_hash, reason)


router = Router(
    "/v1/approvals",
    route_handlers=[list_approvals, get_approval, approve, decline],
    tags=["approvals"],
)
