"""Routes of a bank's adapter: fetch orders under a lease, acknowledge them, and report on them."""

from datetime import UTC, datetime, timedelta
from typing import Final

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from ledger.refusals import (
    BodyTooLarge,
    JurisdictionUnknown,
    LeaseUnknown,
    OrderUnknown,
    WrongState,
)
from service.identity.callers import Role
from service.identity.verbs import Verb
from service.payouts import leases, reports, shown
from service.payouts.order_schemas import (
    AcknowledgedOut,
    AcknowledgeIn,
    FetchIn,
    FetchOut,
    PaymentOut,
    ReportBatchIn,
    ReportBatchOut,
    ReportIn,
    ReportOut,
    named,
)
from service.store import ids
from service.web.bodies import BATCH_BODY_MAX
from service.web.command import Command
from service.web.journals import journal_named
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import KEYED, refusing

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def machine_time(at_ms: int) -> datetime:
    """Return the machine's time, in which leases and queries run; business has its own."""
    return _EPOCH + timedelta(milliseconds=at_ms)


@post(
    "/payment-orders/fetch",
    operation_id="fetchPaymentOrders",
    summary="Take orders under a lease",
    opt=policy(Role.BANK, verb=Verb.EXECUTE_ORDERS),
    responses=refusing(*KEYED, JurisdictionUnknown),
    status_code=200,
)
async def fetch_payment_orders(
    data: JSONBody[FetchIn], command: NamedDependency[Command]
) -> Response[FetchOut]:
    """Hand orders to the bank, which answers for them from now on: each is SENT.

    What is not acknowledged before the lease lapses may be fetched again, as the same order. The
    same key hands over the same orders again.
    """
    caller = command.caller
    assert caller.bank is not None, "a bank's token names its bank"
    journal = await journal_named(command.store, caller, data.jurisdiction)
    fetch = leases.FetchOrders(
        journal,
        caller.bank,
        data.limit,
        command.new_id(),
        machine_time(command.at_ms),
        timedelta(seconds=data.lease_s),
    )
    outcome = await command.run(leases.FETCH_ORDERS, [fetch], journal=journal)
    answered = command.answer(outcome, FetchOut, 200)
    answered.content = await _with_payees(command, journal, answered.content)
    return answered


@post(
    "/payment-orders/acknowledge",
    operation_id="acknowledgePaymentOrders",
    summary="Say that the orders of a lease have arrived for good",
    opt=policy(Role.BANK, verb=Verb.EXECUTE_ORDERS),
    responses=refusing(*KEYED, LeaseUnknown, OrderUnknown),
    status_code=200,
)
async def acknowledge_payment_orders(
    data: JSONBody[AcknowledgeIn], command: NamedDependency[Command]
) -> Response[AcknowledgedOut]:
    """Keep the bank's orders from being handed over again when the lease lapses."""
    journal, lease = ids.parse("lse", data.lease_id)
    if journal not in command.caller.journals:
        raise LeaseUnknown
    wanted = None
    if data.order_ids is not None:
        wanted = tuple(ids.parse("ord", order)[1] for order in data.order_ids)
    said = leases.Acknowledge(journal, lease, wanted, machine_time(command.at_ms))
    outcome = await command.run(leases.ACKNOWLEDGE_ORDERS, [said], journal=journal)
    return command.answer(outcome, AcknowledgedOut, 200)


@post(
    "/payment-orders/{order_id:str}/report",
    operation_id="reportPaymentOrder",
    summary="Report what became of an order",
    opt=policy(Role.BANK, verb=Verb.EXECUTE_ORDERS),
    responses=refusing(*KEYED, OrderUnknown, WrongState),
    status_code=200,
)
async def report_payment_order(
    order_id: FromPath[str], data: JSONBody[ReportIn], command: NamedDependency[Command]
) -> Response[ReportOut]:
    """Take the bank's word on an order, or its answer to a query.

    PENDING says that the bank has it and knows no more. NOT_FOUND makes the order UNKNOWN, and
    answered again at least five minutes later rejects it.
    """
    journal, order = object_id("ord", order_id, OrderUnknown)
    if journal not in command.caller.journals:
        raise OrderUnknown
    report = reports.Report(
        journal,
        order,
        data.status,
        data.reason,
        machine_time(command.at_ms),
        message_id=data.message_id,
    )
    outcome = await command.run(reports.REPORT_ORDERS, [report], journal=journal)
    return command.answer(outcome, ReportOut, 200)


@post(
    "/payment-orders/report/batch",
    operation_id="reportPaymentOrders",
    summary="Report what became of up to 10,000 orders",
    opt=policy(Role.BANK, verb=Verb.EXECUTE_ORDERS, body_max=BATCH_BODY_MAX),
    responses=refusing(*KEYED, OrderUnknown, WrongState, BodyTooLarge),
    status_code=200,
)
async def report_payment_orders(
    data: JSONBody[ReportBatchIn], command: NamedDependency[Command]
) -> Response[ReportBatchOut]:
    """Take a list of reports on orders of one journal, a result each in the same order."""
    at = machine_time(command.at_ms)
    targets = [ids.parse("ord", item.order_id) for item in data.items]
    journals = {journal for journal, _ in targets}
    if len(journals) != 1 or not journals <= set(command.caller.journals):
        raise OrderUnknown
    said = [
        reports.Report(journal, order, item.status, item.reason, at, message_id=item.message_id)
        for (journal, order), item in zip(targets, data.items, strict=True)
    ]
    outcome = await command.run(reports.REPORT_ORDERS, said, journal=journals.pop(), mode=data.mode)
    return command.answer_batch(outcome, data.mode, 200)


async def _with_payees(command: Command, journal: int, handed: FetchOut) -> FetchOut:
    """Add whom the orders pay: personal data, which no stored answer holds."""
    targets = {
        ids.parse("ord", order.id)[1]: None
        if order.target_custody_account_id is None
        else ids.parse("cus", order.target_custody_account_id)[1]
        for order in handed.orders
    }
    async with command.store.reading(command.caller.context) as connection:
        payees = await shown.payees_of(connection, command.store, journal, targets)
    paid = [
        PaymentOut.model_validate(
            {**named(order.model_dump(mode="json")), "payee": shown.payee_out(payees.get(key))}
        )
        for key, order in zip(targets, handed.orders, strict=True)
    ]
    return handed.model_copy(update={"orders": paid})
