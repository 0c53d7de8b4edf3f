"""Routes of court orders: a bank notices a freeze and its end; supervisors and the school read."""

from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    AlreadyExists,
    CourtOrderUnknown,
    CustodyAccountUnknown,
    DateInFuture,
    WrongState,
)
from service.court_orders import use_cases
from service.court_orders.schemas import CourtOrderIn, CourtOrderOut, CourtOrderPage, ReleaseIn
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import bank_events, ids, registry
from service.store.tables import CourtOrder
from service.store.transact import Store
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import KEYED, refusing

READERS = (Role.BANK, Role.INSTITUTION, *STAFF)


@post(
    "/",
    operation_id="noticeCourtOrder",
    summary="Report that a court froze money in a custody account",
    opt=policy(Role.BANK, verb=Verb.REPORT_BANK_FACTS),
    responses=refusing(*KEYED, CustodyAccountUnknown, AlreadyExists, DateInFuture),
)
async def notice_court_order(
    data: JSONBody[CourtOrderIn], command: NamedDependency[Command]
) -> Response[CourtOrderOut]:
    """Hold the amount from now on; the institution is told."""
    journal = ids.parse("cus", data.custody_account_id)[0]
    if journal not in command.caller.journals:
        raise CustodyAccountUnknown
    outcome = await command.run(use_cases.NOTICE_FREEZE, [data.noticed(command)], journal=journal)
    return command.answer(outcome, CourtOrderOut)


@post(
    "/{court_order_id:str}/release",
    operation_id="releaseCourtOrder",
    summary="Report that a court let go of what it held",
    opt=policy(Role.BANK, verb=Verb.REPORT_BANK_FACTS),
    responses=refusing(*KEYED, CourtOrderUnknown, WrongState),
    status_code=200,
)
async def release_court_order(
    court_order_id: FromPath[str],
    data: JSONBody[ReleaseIn],  # noqa: ARG001 - nothing is said, and unknown fields are refused
    command: NamedDependency[Command],
) -> Response[CourtOrderOut]:
    """Note it; the hold stands until two regulators lift it."""
    journal, order = _target(court_order_id)
    asked = use_cases.Release(journal, order)
    outcome = await command.run(use_cases.RELEASE, [asked], journal=journal)
    return command.answer(outcome, CourtOrderOut, 200)


@get(
    "/",
    operation_id="listCourtOrders",
    summary="List court orders",
    opt=policy(*READERS, verb=Verb.READ_BOOKS),
    responses=refusing(CustodyAccountUnknown),
)
async def list_court_orders(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    custody_account_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    order_state: Annotated[
        Literal["HELD", "DEDUCTED", "RELEASED"] | None, QueryParameter(name="state")
    ] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> CourtOrderPage:
    """List the orders on the custody accounts in the caller's scope."""
    equal: dict[str, Any] = {"state": order_state}
    if custody_account_id is not None:
        journal, account = object_id("cus", custody_account_id, CustodyAccountUnknown)
        equal |= {"journal_id": journal, "custody_account_id": account}
    async with store.reading(caller.context) as connection:
        found = await registry.page(
            connection,
            caller.context,
            CourtOrder,
            equal=equal,
            after=key_after(cursor, equal),
            limit=limit + 1,
        )
    shown, following = cut(found, limit, "court_order_id", equal)
    return CourtOrderPage(
        items=[CourtOrderOut(**bank_events.answer_of(row.journal_id, row)) for row in shown],
        next_cursor=following,
    )


@get(
    "/{court_order_id:str}",
    operation_id="getCourtOrder",
    summary="Read a court order",
    opt=policy(*READERS, verb=Verb.READ_BOOKS),
    responses=refusing(CourtOrderUnknown),
)
async def get_court_order(
    court_order_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> CourtOrderOut:
    """Read one order: what it holds, and what was taken of it."""
    journal, order = _target(court_order_id)
    async with store.reading(caller.context) as connection:
        seen = await registry.seen(connection, caller.context, CourtOrder, journal, [order])
    if order not in seen:
        raise CourtOrderUnknown
    return CourtOrderOut(**bank_events.answer_of(journal, seen[order]))


def _target(court_order_id: str) -> tuple[int, UUID]:
    return object_id("cto", court_order_id, CourtOrderUnknown)


router = Router(
    "/v1/court-orders",
    route_handlers=[notice_court_order, release_court_order, list_court_orders, get_court_order],
    tags=["bank events"],
)
