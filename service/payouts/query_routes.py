"""Route of queries: the orders of which a bank must tell what became of them."""

from typing import Annotated, Any, Final

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.payouts.bank_routes import machine_time
from service.payouts.order_schemas import QueryOut, QueryPage
from service.payouts.reports import NOT_FOUND_APART
from service.store import custodians, end_to_end_ids, ids, order_queries
from service.store.facts import Record
from service.store.transact import Store
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.policy import STAFF, policy
from service.web.problems import refusing
from service.web.wire import yuan

_WHY: Final = {"UNKNOWN": "UNKNOWN", "SENT": "NO_REPORT", "ACCEPTED": "NOT_EXECUTED"}


@get(
    "/payment-orders/queries",
    operation_id="listOrderQueries",
    summary="List the orders whose fate a bank must tell",
    opt=policy(Role.BANK, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(),
)
async def list_order_queries(  # noqa: PLR0913, PLR0917 - who asks, of whom, and which page
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    bank: Annotated[str | None, QueryParameter(max_length=16)] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> QueryPage:
    """List what a bank must answer by a report: PENDING, ACCEPTED, REJECTED or NOT_FOUND.

    An order is never sent again under another id while its fate is not known.
    """
    bound = {"bank": bank}
    at = machine_time(request.app.state.clock_ms())
    async with store.reading(caller.context) as connection:
        known = [row.code for row in await custodians.banks(connection)]
        rows = await order_queries.queried(
            connection,
            caller.context,
            [code for code in known if bank in {None, code}],
            at=at,
            after=key_after(cursor, bound),
            limit=limit + 1,
        )
    found, following = cut(rows, limit, "order_id", bound)
    return QueryPage(items=[_query(row) for row in found], next_cursor=following)


def _query(row: Record) -> QueryOut:
    journal, since = row.journal_id, row.not_found_since
    return QueryOut(
        order_id=ids.public("ord", journal, row.order_id),
        end_to_end_id=end_to_end_ids.written(journal, row.order_id),
        institution_id=ids.public("ins", journal, row.institution_id),
        custody_account_id=ids.public("cus", journal, row.custody_account_id),
        bank=row.bank_code,
        amount=yuan(row.amount_fen),
        state=row.state,
        why=_WHY[row.state],
        since=row.since,
        last_status=row.last_status,
        query_again_at=None if since is None else since + NOT_FOUND_APART,
    )
