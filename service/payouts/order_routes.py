"""Routes of payment orders: banks list, fetch and report; institutions and operators cancel."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import (
    BodyTooLarge,
    CustodyAccountUnknown,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InstitutionUnknown,
    JurisdictionUnknown,
    OrderUnknown,
    Refusal,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.payouts import settle
from service.payouts.schemas import (
    CancelIn,
    FetchIn,
    FetchOut,
    OrderBatchOut,
    OrderOut,
    PaymentOut,
    PaymentPage,
    ReportBatchIn,
    ReportIn,
)
from service.store import ids, orders, payout_reads
from service.store.context import Context
from service.store.facts import Record
from service.store.payout_reads import OrderFilter
from service.store.transact import Store
from service.web.bodies import BATCH_BODY_MAX
from service.web.command import Command
from service.web.journals import journal_named
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
PROBLEMS = refusing(
    IdempotencyKeyMissing, IdempotencyKeyReused, OrderUnknown, WrongState, BodyTooLarge
)


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
        items = await _with_payees(connection, store, caller, found)
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
) -> PaymentOut:
    """Read one order and how far it is."""
    journal, order = object_id("ord", order_id, OrderUnknown)
    async with store.reading(caller.context) as connection:
        found = await payout_reads.orders(connection, caller.context, journal, [order])
        if order not in found:
            raise OrderUnknown
        return (await _with_payees(connection, store, caller, [found[order]]))[0]


@post(
    "/payment-orders/fetch",
    operation_id="fetchPaymentOrders",
    summary="Take the orders that were not fetched yet",
    opt=policy(Role.BANK, verb=Verb.EXECUTE_ORDERS),
    responses=refusing(IdempotencyKeyMissing, IdempotencyKeyReused, JurisdictionUnknown),
    status_code=200,
)
async def fetch_payment_orders(
    data: JSONBody[FetchIn], command: NamedDependency[Command]
) -> Response[FetchOut]:
    """Hand NEW orders to the bank, which answers for them from now on: each becomes SENT.

    The same key hands over the same orders again.
    """
    caller = command.caller
    assert caller.bank is not None, "a bank's token names its bank"
    journal = await journal_named(command.store, caller, data.jurisdiction)
    fetch = settle.FetchOrders(journal, caller.bank, data.limit)
    outcome = await command.run(settle.FETCH_ORDERS, [fetch], journal=journal)
    answered = command.answer(outcome, FetchOut, 200)
    wanted = {order.id: ids.parse("ord", order.id)[1] for order in answered.content.orders}
    async with command.store.reading(caller.context) as connection:
        payees = await payout_reads.payees(connection, journal, wanted.values())
    targets = {
        wanted[order.id]: ids.parse("cus", order.target_custody_account_id)[1]
        for order in answered.content.orders
        if order.target_custody_account_id is not None
    }
    payees |= await _accounts_paid(command.store, journal, targets)
    paid = [
        PaymentOut.model_validate(
            {**order.model_dump(mode="json"), "payee": _payee(payees, wanted[order.id])}
        )
        for order in answered.content.orders
    ]
    answered.content = FetchOut(orders=paid, transaction_id=answered.content.transaction_id)
    return answered


@post(
    "/payment-orders/{order_id:str}/report",
    operation_id="reportPaymentOrder",
    summary="Report what became of an order",
    opt=policy(Role.BANK, verb=Verb.EXECUTE_ORDERS),
    responses=PROBLEMS,
    status_code=200,
)
async def report_payment_order(
    order_id: FromPath[str], data: JSONBody[ReportIn], command: NamedDependency[Command]
) -> Response[OrderOut]:
    """Take the bank's word that an order was accepted, rejected, or is of unknown fate."""
    journal, order = _target(order_id, command)
    report = settle.Report(journal, order, data.status, data.reason)
    outcome = await command.run(settle.REPORT_ORDERS, [report], journal=journal)
    return command.answer(outcome, OrderOut, 200)


@post(
    "/payment-orders/report/batch",
    operation_id="reportPaymentOrders",
    summary="Report what became of up to 10,000 orders",
    opt=policy(Role.BANK, verb=Verb.EXECUTE_ORDERS, body_max=BATCH_BODY_MAX),
    responses=PROBLEMS,
    status_code=200,
)
async def report_payment_orders(
    data: JSONBody[ReportBatchIn], command: NamedDependency[Command]
) -> Response[OrderBatchOut]:
    """Take a list of reports on orders of one journal, a result each in the same order."""
    targets = [_target(item.order_id, command) for item in data.items]
    if len({journal for journal, _ in targets}) != 1:
        raise OrderUnknown
    outcome = await command.run(
        settle.REPORT_ORDERS,
        [
            settle.Report(journal, order, item.status, item.reason)
            for (journal, order), item in zip(targets, data.items, strict=True)
        ],
        journal=targets[0][0],
        mode=data.mode,
    )
    return command.answer_batch(outcome, data.mode, 200)


@post(
    "/payment-orders/{order_id:str}/cancel",
    operation_id="cancelPaymentOrder",
    summary="Take back an order that its bank has not fetched",
    opt=policy(Role.INSTITUTION, Role.OPERATOR, verb=Verb.REQUEST_PAYOUTS),
    responses=PROBLEMS,
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


async def _with_payees(
    connection: AsyncConnection, store: Store, caller: Caller, found: Sequence[Record]
) -> list[PaymentOut]:
    """Render orders; with whom they pay when the caller is the bank that pays."""
    payees: dict[UUID, Mapping[str, Any]] = {}
    if caller.role is Role.BANK:
        for journal in {order.journal_id for order in found}:
            mine = [order for order in found if order.journal_id == journal]
            payees |= await payout_reads.payees(connection, journal, [o.order_id for o in mine])
            targets = {o.order_id: o.target_custody_account_id for o in mine}
            payees |= await _accounts_paid(
                store, journal, {order: to for order, to in targets.items() if to is not None}
            )
    return [
        PaymentOut.model_validate(
            {**orders.answer_of(order.journal_id, order), "payee": _payee(payees, order.order_id)}
        )
        for order in found
    ]


async def _accounts_paid(
    store: Store, journal: int, targets: Mapping[UUID, UUID]
) -> dict[UUID, Mapping[str, Any]]:
    """Tell by order which custody account it goes to, perhaps at another bank."""
    if not targets:
        return {}
    async with store.reading(Context((journal,))) as connection:
        accounts = await payout_reads.target_accounts(connection, journal, targets.values())
    return {order: accounts[to] for order, to in targets.items()}


def _payee(payees: Mapping[UUID, Mapping[str, Any]], order: UUID) -> dict[str, Any] | None:
    found = payees.get(order)
    if found is None:
        return None
    return {name: found[name] for name in ("name", "account_number", "bank_name")}
