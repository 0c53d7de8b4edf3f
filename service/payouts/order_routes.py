"""Routes of payment orders: list, read, and take back before the bank has them."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    CustodyAccountUnknown,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InstitutionUnknown,
    OrderUnknown,
    Refusal,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.payouts import settle, shown
from service.payouts.order_schemas import PaymentDetail, PaymentPage, said_out
from service.payouts.schemas import CancelIn, OrderOut
from service.store import order_queries, payout_reads
from service.store.payout_reads import OrderFilter
from service.store.transact import Store
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing

OrderStates = Literal[
    "NEW",
    "SENT",
    "ACCEPTED",
    "UNKNOWN",
    "EXECUTED",
    "REJECTED",
    "RETURNED",
    "REVERSED",
    "CANCELLED",
]
OrderKinds = Literal[
    "EARNED",
    "SURPLUS",
    "DEPOSIT",
    "REFUND",
    "LODGING",
    "SUSPENSE_RETURN",
    "TRANSFER",
    "PORTING",
]


@get(
    "/payment-orders",
    operation_id="listPaymentOrders",
    summary="List payment orders",
    opt=policy(Role.BANK, Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(InstitutionUnknown, CustodyAccountUnknown),
)
async def list_payment_orders(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    institution_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    custody_account_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    order_state: Annotated[OrderStates | None, QueryParameter(name="state")] = None,
    kind: Annotated[OrderKinds | None, QueryParameter()] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> PaymentPage:
    """List the orders in the caller's scope; a bank sees its own, and whom they pay."""
    bound = {
        "institution": institution_id,
        "custody": custody_account_id,
        "state": order_state,
        "kind": kind,
    }
    narrowed = OrderFilter(
        institution=_named("ins", institution_id, InstitutionUnknown),
        custody_account=_named("cus", custody_account_id, CustodyAccountUnknown),
        state=order_state,
        kind=kind,
    )
    async with store.reading(caller.context) as connection:
        found, after = cut(
            await payout_reads.page(
                connection,
                caller.context,
                narrowed,
                after=key_after(cursor, bound),
                limit=limit + 1,
            ),
            limit,
            "order_id",
            bound,
        )
        items = await shown.payments(connection, store, caller, found)
    return PaymentPage(items=items, next_cursor=after)


@get(
    "/payment-orders/{order_id:str}",
    operation_id="getPaymentOrder",
    summary="Read a payment order",
    opt=policy(Role.BANK, Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(OrderUnknown),
)
async def get_payment_order(
    order_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> PaymentDetail:
    """Read one order, how far it is, and what its bank said of it."""
    journal, order = object_id("ord", order_id, OrderUnknown)
    async with store.reading(caller.context) as connection:
        found = await payout_reads.orders(connection, caller.context, journal, [order])
        if order not in found:
            raise OrderUnknown
        [payment] = await shown.payments(connection, store, caller, [found[order]])
        said = await order_queries.reports(connection, journal, order)
    told = [said_out(journal, each) for each in said]
    return PaymentDetail.model_validate({**payment.model_dump(mode="json"), "reports": told})


@post(
    "/payment-orders/{order_id:str}/cancel",
    operation_id="cancelPaymentOrder",
    summary="Take back an order that its bank has not fetched",
    opt=policy(Role.INSTITUTION, Role.OPERATOR, verb=Verb.REQUEST_PAYOUTS),
    responses=refusing(IdempotencyKeyMissing, IdempotencyKeyReused, OrderUnknown, WrongState),
    status_code=200,
)
async def cancel_payment_order(
    order_id: FromPath[str], data: JSONBody[CancelIn], command: NamedDependency[Command]
) -> Response[OrderOut]:
    """Undo a NEW order; its money goes back to where it came from."""
    journal, order = _target(order_id, command)
    by_operator = command.caller.role is Role.OPERATOR
    cancel = settle.Cancel(journal, order, by_operator, data.reason)
    outcome = await command.run(settle.CANCEL_ORDER, [cancel], journal=journal)
    return command.answer(outcome, OrderOut, 200)


def _named(prefix: str, text: str | None, unknown: type[Refusal]) -> UUID | None:
    return None if text is None else object_id(prefix, text, unknown)[1]


def _target(order_id: str, command: Command) -> tuple[int, UUID]:
    journal, order = object_id("ord", order_id, OrderUnknown)
    if journal not in command.caller.journals:
        raise OrderUnknown
    return journal, order
