"""Routes of backings: a move is asked for, decided by a second person, and followed."""

from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    AccountFenced,
    AmountZero,
    BackingMoveUnknown,
    CustodyAccountInvalid,
    CustodyAccountUnknown,
    EnrolmentBlocked,
    EnrolmentUnknown,
    HoldExceeded,
    InstitutionFrozen,
    LessonsUnsettled,
    PayoutNotCovered,
    WrongState,
)
from service.backings import use_cases
from service.backings.schemas import MoveIn, MoveOut, MovePage
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import backing_moves, ids, registry
from service.store.tables import BackingMove
from service.store.transact import Store
from service.web.approval import ApprovalOut, awaiting
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import KEYED, refusing

READERS = (Role.INSTITUTION, Role.PARENT, *STAFF)


@post(
    "/",
    operation_id="moveBacking",
    summary="Ask for an enrolment's money to be moved to another bank",
    opt=policy(Role.REGULATOR, Role.INSTITUTION, verb=Verb.SUPERVISE_MONEY),
    responses=refusing(
        *KEYED,
        EnrolmentUnknown,
        CustodyAccountUnknown,
        WrongState,
        CustodyAccountInvalid,
        InstitutionFrozen,
        EnrolmentBlocked,
        AccountFenced,
        AmountZero,
        LessonsUnsettled,
        PayoutNotCovered,
        HoldExceeded,
    ),
    status_code=202,
)
async def move_backing(
    data: JSONBody[MoveIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a regulator, who orders the bank to move it by approving."""
    journal, enrolment = ids.parse("enr", data.enrolment_id)
    if journal not in command.caller.journals:
        raise EnrolmentUnknown
    asked = use_cases.AskMove(
        journal,
        enrolment,
        to=_account(journal, data.custody_account_id),
        source=None
        if data.source_custody_account_id is None
        else _account(journal, data.source_custody_account_id),
        approval=command.new_id(),
        move=command.new_id(),
        order=command.new_id(),
        key=None if command.key is None else command.key.key,
    )
    outcome = await command.run(use_cases.REQUEST_MOVE, [asked], journal=journal)
    return await awaiting(command, outcome, journal)


@get(
    "/",
    operation_id="listBackingMoves",
    summary="List moves of enrolments' money between banks",
    opt=policy(*READERS, verb=Verb.READ_BOOKS),
    responses=refusing(EnrolmentUnknown),
)
async def list_backing_moves(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    enrolment_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    move_state: Annotated[
        Literal["INSTRUCTED", "MOVED", "FAILED"] | None, QueryParameter(name="state")
    ] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> MovePage:
    """List the moves in the caller's scope; a parent sees those of their own children."""
    equal: dict[str, Any] = {"state": move_state}
    if enrolment_id is not None:
        journal, enrolment = object_id("enr", enrolment_id, EnrolmentUnknown)
        equal |= {"journal_id": journal, "enrolment_id": enrolment}
    async with store.reading(caller.context) as connection:
        found = await registry.page(
            connection,
            caller.context,
            BackingMove,
            equal=equal,
            after=key_after(cursor, equal),
            limit=limit + 1,
        )
    shown, following = cut(found, limit, "move_id", equal)
    return MovePage(
        items=[MoveOut(**backing_moves.answer_of(row.journal_id, row)) for row in shown],
        next_cursor=following,
    )


@get(
    "/{move_id:str}",
    operation_id="getBackingMove",
    summary="Read a move of an enrolment's money between banks",
    opt=policy(*READERS, verb=Verb.READ_BOOKS),
    responses=refusing(BackingMoveUnknown),
)
async def get_backing_move(
    move_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> MoveOut:
    """Read one move: what it carries, and whether it has arrived."""
    journal, move = object_id("bkm", move_id, BackingMoveUnknown)
    async with store.reading(caller.context) as connection:
        seen = await registry.seen(connection, caller.context, BackingMove, journal, [move])
    if move not in seen:
        raise BackingMoveUnknown
    return MoveOut(**backing_moves.answer_of(journal, seen[move]))


def _account(journal: int, custody_account_id: str) -> UUID:
    other, custody = ids.parse("cus", custody_account_id)
    if other != journal:
        raise CustodyAccountUnknown
    return custody


router = Router(
    "/v1/backing-moves",
    route_handlers=[move_backing, list_backing_moves, get_backing_move],
    tags=["bank events"],
)
