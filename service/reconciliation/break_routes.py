"""Routes of breaks: listed by age and class, given to somebody, signed off with their cause."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import (
    BreakUnknown,
    CustodyAccountUnknown,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InstitutionUnknown,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.reconciliation import sign_off
from service.reconciliation.routes import PublicId, narrowed
from service.reconciliation.schemas import (
    AssignIn,
    BreakKind,
    BreakOut,
    BreakPage,
    BreakState,
    SignOffIn,
)
from service.store import reconciliation_reads, reference
from service.store.facts import Record
from service.store.lesson_reads import business_today
from service.store.tables import Break
from service.store.transact import Store
from service.web.approval import ApprovalOut, awaiting, done_or_waits
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing

PROBLEMS = refusing(IdempotencyKeyMissing, IdempotencyKeyReused, BreakUnknown, WrongState)


@get(
    "/",
    operation_id="listBreaks",
    summary="List the differences between banks and ledger",
    opt=policy(Role.BANK, Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(InstitutionUnknown, CustodyAccountUnknown),
)
async def list_breaks(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    institution_id: PublicId = None,
    custody_account_id: PublicId = None,
    kind: Annotated[BreakKind | None, QueryParameter()] = None,
    break_state: Annotated[BreakState | None, QueryParameter(name="state")] = None,
    level: Annotated[int | None, QueryParameter(gt=-1, le=3)] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> BreakPage:
    """List the breaks in the caller's scope, oldest first."""
    equal = narrowed(institution_id, custody_account_id) | {
        "kind": kind,
        "state": break_state,
        "level": level,
    }
    after = key_after(cursor, equal)
    async with store.reading(caller.context) as connection:
        found = await reconciliation_reads.page(
            connection, caller.context, Break, equal, after=after, limit=limit + 1
        )
        shown, following = cut(found, limit, "break_id", equal)
        items = await _told(connection, shown)
    return BreakPage(items=items, next_cursor=following)


@get(
    "/{break_id:str}",
    operation_id="getBreak",
    summary="Read a break",
    opt=policy(Role.BANK, Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(BreakUnknown),
)
async def get_break(
    break_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> BreakOut:
    """Read one break in the caller's scope."""
    journal, wanted = _target(break_id)
    async with store.reading(caller.context) as connection:
        seen = await reconciliation_reads.seen(connection, caller.context, Break, journal, [wanted])
        if wanted not in seen:
            raise BreakUnknown
        [told] = await _told(connection, [seen[wanted]])
    return told


@post(
    "/{break_id:str}/assign",
    operation_id="assignBreak",
    summary="Give a break to somebody",
    opt=policy(Role.REGULATOR, Role.OPERATOR, verb=Verb.RESOLVE_MONEY),
    responses=PROBLEMS,
    status_code=200,
)
async def assign_break(
    break_id: FromPath[str], data: JSONBody[AssignIn], command: NamedDependency[Command]
) -> Response[BreakOut]:
    """Name who is to explain a break."""
    journal, wanted = _target(break_id)
    assigned = sign_off.Assign(journal, wanted, data.assignee)
    outcome = await command.run(sign_off.ASSIGN, [assigned], journal=journal)
    return command.answer(outcome, BreakOut, 200)


@post(
    "/{break_id:str}/sign-off",
    operation_id="signOffBreak",
    summary="Sign a break off with its cause",
    opt=policy(Role.REGULATOR, Role.OPERATOR, verb=Verb.RESOLVE_MONEY),
    responses=PROBLEMS | done_or_waits(BreakOut, 200),
    status_code=200,
)
async def sign_off_break(
    break_id: FromPath[str], data: JSONBody[SignOffIn], command: NamedDependency[Command]
) -> Response[BreakOut] | Response[ApprovalOut]:
    """Say why bank and ledger differ; above the limit of one person a second one agrees."""
    journal, wanted = _target(break_id)
    key = None if command.key is None else command.key.key
    signed = sign_off.SignOff(journal, wanted, data.cause, command.new_id(), key)
    outcome = await command.run(sign_off.SIGN_OFF, [signed], journal=journal)
    if "payload_hash" in outcome.single():
        return await awaiting(command, outcome, journal)
    return command.answer(outcome, BreakOut, 200)


async def _told(connection: AsyncConnection, shown: Sequence[Record]) -> list[BreakOut]:
    calendar = await reference.calendar(connection)
    journals = {row.journal_id for row in shown}
    today = {each: await business_today(connection, each) for each in journals}
    return [
        BreakOut(
            **reconciliation_reads.break_answer(
                row.journal_id, row, today=today[row.journal_id], calendar=calendar
            )
        )
        for row in shown
    ]


def _target(break_id: str) -> tuple[int, UUID]:
    return object_id("brk", break_id, BreakUnknown)


router = Router(
    "/v1/breaks",
    route_handlers=[list_breaks, get_break, assign_break, sign_off_break],
    tags=["reconciliation"],
)
