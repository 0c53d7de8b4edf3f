"""Routes of reconciliations and demands: made on demand, read by whoever sees the account."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    CustodyAccountUnknown,
    DateInFuture,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InstitutionUnknown,
    ReconciliationUnknown,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.reconciliation import use_cases
from service.reconciliation.schemas import (
    BreakOut,
    CoverageState,
    DemandOut,
    DemandPage,
    DemandState,
    ExternalState,
    OrderInTransitOut,
    ReconcileIn,
    ReconciliationDetailOut,
    ReconciliationOut,
    ReconciliationPage,
)
from service.store import ids, reconciliation_reads, reference
from service.store.lesson_reads import business_today
from service.store.tables import Reconciliation, TopUpDemand
from service.store.transact import Store
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing
from service.web.wire import yuan

PublicId = Annotated[str | None, QueryParameter(max_length=64)]


@post(
    "/",
    operation_id="reconcileAccount",
    summary="Reconcile a custody account now",
    opt=policy(Role.REGULATOR, Role.OPERATOR, verb=Verb.RUN_JOBS),
    responses=refusing(
        IdempotencyKeyMissing, IdempotencyKeyReused, CustodyAccountUnknown, DateInFuture
    ),
)
async def reconcile_account(
    data: JSONBody[ReconcileIn], command: NamedDependency[Command]
) -> Response[ReconciliationOut]:
    """Compare bank, ledger, requirement and single balances; every difference gets a name."""
    journal, custody = object_id("cus", data.custody_account_id, CustodyAccountUnknown)
    if journal not in command.caller.journals:
        raise CustodyAccountUnknown
    async with command.store.reading(command.caller.context) as connection:
        day = data.day or await business_today(connection, journal)
    wanted = use_cases.Reconcile(journal, command.new_id(), custody, day)
    outcome = await command.run(use_cases.RECONCILE, [wanted], journal=journal)
    return command.answer(outcome, ReconciliationOut)


@get(
    "/",
    operation_id="listReconciliations",
    summary="List reconciliations",
    opt=policy(Role.BANK, Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(InstitutionUnknown, CustodyAccountUnknown),
)
async def list_reconciliations(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    institution_id: PublicId = None,
    custody_account_id: PublicId = None,
    day: Annotated[date | None, QueryParameter()] = None,
    coverage: Annotated[CoverageState | None, QueryParameter()] = None,
    external: Annotated[ExternalState | None, QueryParameter()] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> ReconciliationPage:
    """List the reconciliations in the caller's scope, in the order they were made."""
    equal = narrowed(institution_id, custody_account_id) | {
        "day": day,
        "coverage_state": coverage,
        "external_state": external,
    }
    after = key_after(cursor, equal)
    async with store.reading(caller.context) as connection:
        found = await reconciliation_reads.page(
            connection, caller.context, Reconciliation, equal, after=after, limit=limit + 1
        )
    shown, following = cut(found, limit, "reconciliation_id", equal)
    return ReconciliationPage(
        items=[
            ReconciliationOut(**reconciliation_reads.answer_of(row.journal_id, row))
            for row in shown
        ],
        next_cursor=following,
    )


@get(
    "/{reconciliation_id:str}",
    operation_id="getReconciliation",
    summary="Read a reconciliation, its account's breaks and orders in transit",
    opt=policy(Role.BANK, Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(ReconciliationUnknown),
)
async def get_reconciliation(
    reconciliation_id: FromPath[str],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
) -> ReconciliationDetailOut:
    """Read one reconciliation; breaks and orders are those that stand now."""
    journal, wanted = object_id("rec", reconciliation_id, ReconciliationUnknown)
    context = caller.context
    async with store.reading(context) as connection:
        seen = await reconciliation_reads.seen(
            connection, context, Reconciliation, journal, [wanted]
        )
        if wanted not in seen:
            raise ReconciliationUnknown
        custody: UUID = seen[wanted].custody_account_id
        breaks = await reconciliation_reads.standing_breaks(connection, context, journal, custody)
        orders = await reconciliation_reads.orders_in_transit(connection, journal, custody)
        today = await business_today(connection, journal)
        calendar = await reference.calendar(connection)
    return ReconciliationDetailOut(
        **reconciliation_reads.answer_of(journal, seen[wanted]),
        breaks=[
            BreakOut(
                **reconciliation_reads.break_answer(journal, row, today=today, calendar=calendar)
            )
            for row in breaks
        ],
        orders=[
            OrderInTransitOut(
                id=ids.public("ord", journal, row.order_id),
                kind=row.kind,
                state=row.state,
                amount=yuan(row.amount_fen),
                requested_on=row.requested_on,
            )
            for row in orders
        ],
    )


@get(
    "/",
    operation_id="listTopUpDemands",
    summary="List what institutions were asked to pay in",
    opt=policy(Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(InstitutionUnknown, CustodyAccountUnknown),
)
async def list_demands(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    institution_id: PublicId = None,
    custody_account_id: PublicId = None,
    demand_state: Annotated[DemandState | None, QueryParameter(name="state")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> DemandPage:
    """List the demands in the caller's scope, in the order they were made."""
    equal = narrowed(institution_id, custody_account_id) | {"state": demand_state}
    after = key_after(cursor, equal)
    async with store.reading(caller.context) as connection:
        found = await reconciliation_reads.page(
            connection, caller.context, TopUpDemand, equal, after=after, limit=limit + 1
        )
        shown, following = cut(found, limit, "demand_id", equal)
        journals = {row.journal_id for row in shown}
        today = {each: await business_today(connection, each) for each in journals}
    return DemandPage(
        items=[
            DemandOut(
                **reconciliation_reads.demand_answer(
                    row.journal_id, row, today=today[row.journal_id]
                )
            )
            for row in shown
        ],
        next_cursor=following,
    )


def narrowed(institution_id: str | None, custody_account_id: str | None) -> dict[str, Any]:
    """Return the columns that ids in a query narrow a list by."""
    equal: dict[str, Any] = {}
    if institution_id is not None:
        equal["journal_id"], equal["institution_id"] = object_id(
            "ins", institution_id, InstitutionUnknown
        )
    if custody_account_id is not None:
        equal["journal_id"], equal["custody_account_id"] = object_id(
            "cus", custody_account_id, CustodyAccountUnknown
        )
    return equal


router = Router(
    "/v1/reconciliations",
    route_handlers=[reconcile_account, list_reconciliations, get_reconciliation],
    tags=["reconciliation"],
)
demand_router = Router("/v1/top-up-demands", route_handlers=[list_demands], tags=["reconciliation"])
