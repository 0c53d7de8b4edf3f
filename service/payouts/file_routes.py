"""Routes of ISO 20022 files: a lease as pain.001, and what became of its orders as pain.002."""

import asyncio
from typing import Annotated, Any, BinaryIO, Literal, cast
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.calendars import shanghai_date
from ledger.money import Money
from ledger.refusals import (
    BodyTooLarge,
    FormatUnavailable,
    LeaseUnknown,
    MediaTypeUnsupported,
    OrderUnknown,
    ParameterInvalid,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.payouts import pain001, pain002, reports, shown, status_file
from service.payouts.bank_routes import machine_time
from service.payouts.file_examples import MEDIA, XML, OrdersWritten, StatusesTaken
from service.payouts.order_schemas import StatusFileOut
from service.store import order_leases, payout_reads
from service.store.facts import Record, Verdict
from service.store.transact import Outcome, Store
from service.web.bodies import BATCH_BODY_MAX, spooled_body
from service.web.command import Command
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import KEYED, refusing


@get(
    "/payment-orders/export",
    operation_id="exportPaymentOrders",
    operation_class=OrdersWritten,
    summary="Read the orders of a lease as a payment file",
    opt=policy(Role.BANK, verb=Verb.EXECUTE_ORDERS),
    responses=refusing(LeaseUnknown, WrongState, FormatUnavailable),
    media_type=XML,
)
async def export_payment_orders(
    request: Request[Any, Any, Any],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    lease_id: Annotated[str, QueryParameter(max_length=64)],
    format: Annotated[  # noqa: A002, ARG001 - what a client asks for; the only one there is
        Literal["pain.001"], QueryParameter()
    ] = "pain.001",
) -> Response[bytes]:
    """Write the orders of a lease, one block an account, whatever was reported on them since.

    It is the same message however often it is read. A lease that lapsed is the wrong state.
    """
    journal, lease = object_id("lse", lease_id, LeaseUnknown)
    at = machine_time(request.app.state.clock_ms())
    async with store.reading(caller.context) as connection:
        held = await order_leases.of_lease(connection, caller.context, journal, lease)
        if not held:
            raise LeaseUnknown
        found = await payout_reads.orders(
            connection, caller.context, journal, [row.order_id for row in held]
        )
        if any(row.acknowledged_at is None and row.expires_at <= at for row in held):
            raise WrongState(object="lease", state="LAPSED", wanted="SENT")
        leased_at, handed = held[0].leased_at, list(found.values())
        file = pain001.PaymentFile(
            journal, lease, leased_at, shanghai_date(leased_at), "Tuition Escrow"
        )
        payments = await _payments(connection, store, journal, handed)
        debtors = await _debtors(connection, caller, journal, handed)
    return Response(pain001.written(file, payments, debtors), media_type=XML)


@post(
    "/payment-orders/reports",
    operation_id="reportOrdersByFile",
    summary="Report what became of orders by a pain.002 file",
    operation_class=StatusesTaken,
    opt=policy(Role.BANK, verb=Verb.EXECUTE_ORDERS, body_max=BATCH_BODY_MAX, raw_media=MEDIA),
    responses=refusing(*KEYED, OrderUnknown, BodyTooLarge, MediaTypeUnsupported),
    status_code=200,
)
async def report_orders_by_file(
    request: Request[Any, Any, Any], command: NamedDependency[Command]
) -> Response[StatusFileOut]:
    """Take every status of a file, each with an answer of its own.

    None executes an order: the entry of its debit does. A file that cannot be read is refused
    whole.
    """
    body = await spooled_body(request)
    try:
        file = await asyncio.to_thread(pain002.read, cast("BinaryIO", body.file))
    finally:
        body.close()
    async with command.store.reading(command.caller.context) as connection:
        journal, lease, held = await status_file.journal_and_lease(connection, command.caller, file)
    statuses = status_file.named(file, journal, lease, held)
    at = machine_time(command.at_ms)
    said = [status_file.report_of(each, file, journal, at) for each in statuses]
    known = [report for report in said if report is not None]
    if not known:
        raise OrderUnknown
    outcome = await command.run(reports.REPORT_ORDERS, known, journal=journal, mode="independent")
    told = iter(outcome.verdicts)
    verdicts = [
        Verdict(refusal=_not_taken(each)) if report is None else next(told)
        for each, report in zip(statuses, said, strict=True)
    ]
    answer = command.answer_batch(Outcome(verdicts, replayed=outcome.replayed), "independent", 200)
    answer.content = {
        "message_id": file.message_id,
        "original_message_id": file.original_message_id or None,
        "results": [
            {"end_to_end_id": each.end_to_end_id or None, "said": each.said.status, **result}
            for each, result in zip(statuses, answer.content["results"], strict=True)
        ],
    }
    return answer


def _not_taken(status: status_file.Named) -> OrderUnknown | ParameterInvalid:
    if status.order is None:
        return OrderUnknown()
    return ParameterInvalid(parameter="status", value=status.said.status or "NONE")


async def _payments(
    connection: AsyncConnection, store: Store, journal: int, handed: list[Record]
) -> list[pain001.Payment]:
    targets = {order.order_id: order.target_custody_account_id for order in handed}
    payees = await shown.payees_of(connection, store, journal, targets)
    return [
        pain001.Payment(
            order.order_id,
            order.custody_account_id,
            order.kind,
            Money.from_fen(order.amount_fen),
            shown.payee_out(payees.get(order.order_id)) or {},
        )
        for order in handed
    ]


async def _debtors(
    connection: AsyncConnection, caller: Caller, journal: int, handed: list[Record]
) -> dict[UUID, pain001.Debtor]:
    wanted = {order.custody_account_id for order in handed}
    accounts = await payout_reads.custody_accounts(connection, caller.context, journal, wanted)
    return {
        key: pain001.Debtor(row.account_name, row.account_number, row.bank_code)
        for key, row in accounts.items()
    }
