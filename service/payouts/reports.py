"""Use case of reports: what a bank says of an order before any bank entry does.

Its word moves an order to ACCEPTED, REJECTED or UNKNOWN. What became UNKNOWN stays so until its
debit or its rejection, and is queried, never sent again under another id. That a bank cannot find
an order counts as its failure when it was answered twice, five minutes apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import OrderUnknown, Refusal
from ledger.transactions import Transaction, TransactionKind
from service.store import order_locks, orders, payout_reads, rows
from service.store.context import Context
from service.store.contracts import place_of, read_debts
from service.store.facts import Decision, Facts, Insert, Record, Update
from service.store.order_steps import OrderState, Step, require
from service.store.tables import BankEntry, OrderLease, OrderReport, PaymentOrder
from service.store.transact import UseCase
from service.store.unit import Unit

NOT_FOUND: Final = "NOT_FOUND"
PENDING: Final = "PENDING"
NOT_FOUND_APART: Final = timedelta(minutes=5)
"""Between the answers "not found" that together count as a failure."""

_S: Final = OrderState
_REPORTED: Final = {
    "ACCEPTED": _S.ACCEPTED,
    "UNKNOWN": _S.UNKNOWN,
    "REJECTED": _S.REJECTED,
    NOT_FOUND: _S.UNKNOWN,
}
_AT_THE_BANK: Final = frozenset({_S.SENT, _S.ACCEPTED, _S.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Report:
    """What a bank says of an order; `status` as in `OrderReport`, `reason` is the bank's code.

    `at` is machine time. A message that says the same of an order again, by its `message_id`, says
    nothing new.
    """

    journal: int
    order: UUID
    status: str
    reason: str | None
    at: datetime
    bank_status: str | None = None
    message_id: str | None = None


async def find_reported(
    connection: AsyncConnection, caller: Context, reports: Sequence[Report]
) -> list[Report | Refusal]:
    """Find the orders in the caller's scope: a bank's own."""
    wanted = {report.order for report in reports}
    seen = await payout_reads.orders(connection, caller, reports[0].journal, wanted)
    return [report if report.order in seen else OrderUnknown() for report in reports]


async def load_reported(unit: Unit, reports: Sequence[Report]) -> None:
    """Lock what stands behind the orders, the orders, and the entries they would go back to."""
    wanted = {report.order for report in reports}
    await order_locks.lock_behind(unit, wanted)
    locked = await unit.lock(PaymentOrder, wanted)
    await unit.lock(BankEntry, {o.bank_entry_id for o in locked if o.bank_entry_id is not None})


async def read_reported(unit: Unit, reports: Sequence[Report]) -> None:
    """Read the balances that an order's way back may touch, and what was reported before."""
    known = list(unit.facts.all(PaymentOrder))
    await read_debts(unit, {order.custody_account_id for order in known})
    await unit.balances(
        account for order in known for account in orders.accounts_of(unit.facts, order)
    )
    wanted = {report.order for report in reports}
    for table in (OrderLease, OrderReport):
        await unit.read(table, rows.keyed(table, unit.facts.journal, wanted, "order_id"))


def decide_report(facts: Facts, report: Report) -> Decision:
    """Take a bank's word: ACCEPTED and UNKNOWN move no money (E22), REJECTED undoes it (E19).

    What changes no state is noted all the same; the same word twice is a duplicate. Raises
    `WrongState`.
    """
    order = facts.get(PaymentOrder, report.order)
    assert order is not None, "the order was locked"
    given = sorted(facts.each_by(OrderReport, "order_id", report.order), key=lambda r: r.seq)
    if _is_said(order, report, given):
        return Decision(answer=answer_of(facts.journal, order, given), duplicate=True)
    state = _reached(order, report, given)
    step = _step(facts, order, report, state)
    changed = order if state is None else Record({**order, **_told(state, report)})
    noted = _row(facts, changed, report)
    place = place_of(order)
    return Decision(
        answer=answer_of(facts.journal, changed, [*given, noted]),
        transactions=step.transactions,
        changes=(*step.changes, Insert(OrderReport, noted), *_acknowledged(facts, report)),
        shows={"earned": place.payable, "own_funds": place.own_funds},
    )


REPORT_ORDERS = UseCase[Report, Report](
    "report_orders", find_reported, load_reported, decide_report, read_reported
)


def answer_of(journal: int, order: Record, given: Sequence[Record]) -> dict[str, Any]:
    """Tell of an order, and from when on "not found" would count as its failure."""
    since = not_found_since(given)
    open_still = order.state == _S.UNKNOWN and since is not None
    again_at = (since + NOT_FOUND_APART).isoformat() if open_still and since else None
    return orders.answer_of(journal, order) | {"query_again_at": again_at}


def not_found_since(given: Sequence[Record]) -> datetime | None:
    """Return when the bank began to answer "not found" and nothing else, in order of seq."""
    since = None
    for row in reversed(given):
        if row.status != NOT_FOUND:
            break
        since = row.reported_at
    return since


def _is_said(order: Record, report: Report, given: Sequence[Record]) -> bool:
    """Tell whether this was said before: in the same message, or as the order's last word."""
    if report.message_id is not None and any(
        (row.message_id, row.status) == (report.message_id, report.status) for row in given
    ):
        return True
    if order.state == _S.REJECTED and report.status == NOT_FOUND:
        return bool(order.reason == NOT_FOUND)
    if order.state != _REPORTED.get(report.status) or report.status == NOT_FOUND:
        return False
    return order.state != _S.UNKNOWN or not given or given[-1].status == report.status


def _reached(order: Record, report: Report, given: Sequence[Record]) -> OrderState | None:
    """Return the state that a report leads to; None when it is only noted."""
    state = OrderState(order.state)
    if report.status == PENDING or (
        state is _S.UNKNOWN and report.status in {"ACCEPTED", "UNKNOWN"}
    ):
        if state not in _AT_THE_BANK:
            require(order, _S.ACCEPTED)
        return None
    if state is _S.UNKNOWN and report.status == NOT_FOUND:
        since = not_found_since(given)
        failed = since is not None and report.at - since >= NOT_FOUND_APART
        return _S.REJECTED if failed else None
    return _REPORTED[report.status]


def _step(facts: Facts, order: Record, report: Report, state: OrderState | None) -> Step:
    reason = _reason(report)
    if state is None:
        place = place_of(order)
        references = {
            "institution": str(place.institution),
            "custody": str(place.custody),
            "order": str(order.order_id),
        }
        kind = TransactionKind.ORDER_ANSWERED
        return Step((Transaction(kind, references=references, reason=report.status),))
    if state is _S.REJECTED:
        back = orders.back_to(facts, order)
        return orders.order_undone(facts, order, state, reason=reason, back=back)
    return orders.order_moved(order, state, reason=reason)


def _reason(report: Report) -> str | None:
    return report.reason or (NOT_FOUND if report.status == NOT_FOUND else None)


def _told(state: OrderState, report: Report) -> dict[str, Any]:
    return {"state": state.value, "reason": _reason(report)}


def _row(facts: Facts, order: Record, report: Report) -> Record:
    return Record(
        {
            "order_id": order.order_id,
            "seq": facts.moment.next_seq,
            "institution_id": order.institution_id,
            "custody_account_id": order.custody_account_id,
            "bank_code": order.bank_code,
            "status": report.status,
            "bank_status": report.bank_status,
            "reason": report.reason,
            "message_id": report.message_id,
            "state": order.state,
            "reported_at": report.at,
        }
    )


def _acknowledged(facts: Facts, report: Report) -> tuple[Update, ...]:
    """Who reports on an order has it."""
    lease = facts.get(OrderLease, report.order)
    if lease is None or lease.acknowledged_at is not None:
        return ()
    return (Update(OrderLease, (report.order,), {"acknowledged_at": report.at}),)
