"""What becomes of an order: fetched by its bank, reported on, or cancelled before it is fetched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import OrderUnknown, Refusal, VerbForbidden
from service.store import order_locks, orders, payout_reads, transfers
from service.store.context import Context
from service.store.contracts import place_of, read_debts
from service.store.facts import Decision, Facts, Record
from service.store.order_steps import OrderState, Step
from service.store.tables import BankEntry, PaymentOrder, Restraint
from service.store.transact import UseCase
from service.store.unit import Unit

STOPPING: Final = frozenset({"PAYOUT_STOP", "FREEZE", "FENCE"})
INSTITUTIONS: Final = frozenset({"EARNED", "SURPLUS", "DEPOSIT"})
"""Kinds of order that pay the institution; what is a student's or payer's only a FENCE stops."""

REPORTED: Final = {
    "ACCEPTED": OrderState.ACCEPTED,
    "UNKNOWN": OrderState.UNKNOWN,
    "REJECTED": OrderState.REJECTED,
}


@dataclass(frozen=True, slots=True)
class FetchOrders:
    """A bank takes the orders it has not seen yet, at most `limit`."""

    journal: int
    bank: str
    limit: int


@dataclass(frozen=True, slots=True)
class FoundOrders:
    """Orders that were NEW when looked for."""

    orders: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What a bank says of an order before any bank entry does; `reason` is the bank's code."""

    journal: int
    order: UUID
    status: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take back an order that its bank has not fetched; what is a payer's only by the operator."""

    journal: int
    order: UUID
    by_operator: bool
    reason: str | None = None


CommandT = TypeVar("CommandT", Report, Cancel)


async def find_new(
    connection: AsyncConnection, _caller: Context, fetches: Sequence[FetchOrders]
) -> list[FoundOrders | Refusal]:
    """List the calling bank's NEW orders, oldest first."""
    return [
        FoundOrders(
            tuple(await payout_reads.new_orders(connection, fetch.journal, fetch.bank, fetch.limit))
        )
        for fetch in fetches
    ]


async def load_new(unit: Unit, found: Sequence[FoundOrders]) -> None:
    """Lock the orders; what another request fetched meanwhile is no longer NEW."""
    await unit.lock(PaymentOrder, {order for fetch in found for order in fetch.orders})


async def read_new(unit: Unit, _found: Sequence[FoundOrders]) -> None:
    """Read the restraints on the institutions and custody accounts of the orders."""
    known = list(unit.facts.all(PaymentOrder))
    await unit.restraints(
        {target for order in known for target in (order.institution_id, order.custody_account_id)}
    )


def decide_fetch(facts: Facts, found: FoundOrders) -> Decision:
    """Hand over orders that are still NEW and that no restraint stops: each becomes SENT."""
    stopped = {(row.target_id, row.kind) for row in facts.all(Restraint) if row.to_seq is None}
    steps: list[Step] = []
    handed: list[Mapping[str, object]] = []
    for order_id in found.orders:
        order = facts.get(PaymentOrder, order_id)
        assert order is not None, "the order was locked"
        if order.state != OrderState.NEW or _is_stopped(order, stopped):
            continue
        steps.append(orders.order_moved(order, OrderState.SENT))
        handed.append(
            orders.answer_of(facts.journal, Record({**order, "state": OrderState.SENT.value}))
        )
    return Decision(
        answer={"orders": handed},
        transactions=tuple(t for step in steps for t in step.transactions),
        changes=tuple(change for step in steps for change in step.changes),
    )


async def find_orders(
    connection: AsyncConnection, caller: Context, commands: Sequence[CommandT]
) -> list[CommandT | Refusal]:
    """Find the orders in the caller's scope: a bank's own, an institution's own."""
    seen = await payout_reads.orders(
        connection, caller, commands[0].journal, {command.order for command in commands}
    )
    return [command if command.order in seen else OrderUnknown() for command in commands]


async def load_orders(unit: Unit, commands: Sequence[CommandT]) -> None:
    """Lock what stands behind the orders, the orders, and the entries they would go back to."""
    await order_locks.lock_behind(unit, {command.order for command in commands})
    locked = await unit.lock(PaymentOrder, {command.order for command in commands})
    receipts = {o.bank_entry_id for o in locked if o.bank_entry_id is not None}
    await unit.lock(BankEntry, receipts)


async def read_orders(unit: Unit, _commands: Sequence[CommandT]) -> None:
    """Read the balances that an order's way back may touch."""
    known = list(unit.facts.all(PaymentOrder))
    await read_debts(unit, {order.custody_account_id for order in known})
    await unit.balances(
        account for order in known for account in orders.accounts_of(unit.facts, order)
    )


def decide_report(facts: Facts, report: Report) -> Decision:
    """Take a bank's word: ACCEPTED and UNKNOWN move no money (E22), REJECTED undoes it (E19).

    The same word twice is a duplicate. Raises `WrongState`.
    """
    order = _order(facts, report.order)
    state = REPORTED[report.status]
    if order.state == state:
        return Decision(answer=orders.answer_of(facts.journal, order), duplicate=True)
    if state is OrderState.REJECTED:
        step = orders.order_undone(
            facts, order, state, reason=report.reason, back=orders.back_to(facts, order)
        )
    else:
        step = orders.order_moved(order, state, reason=report.reason)
    return _decision(facts, order, step, state, report.reason)


def decide_cancel(facts: Facts, cancel: Cancel) -> Decision:
    """Undo an order that is still NEW (E19). Raises `VerbForbidden`, `WrongState`."""
    order = _order(facts, cancel.order)
    own = order.kind in INSTITUTIONS or order.purpose == transfers.OWN_FUNDS
    if not (own or cancel.by_operator):
        raise VerbForbidden(kind=order.kind)
    state = OrderState.CANCELLED
    step = orders.order_undone(
        facts, order, state, reason=cancel.reason, back=orders.back_to(facts, order)
    )
    return _decision(facts, order, step, state, cancel.reason)


FETCH_ORDERS = UseCase("fetch_orders", find_new, load_new, decide_fetch, read_new)
REPORT_ORDERS = UseCase[Report, Report](
    "report_orders", find_orders, load_orders, decide_report, read_orders
)
CANCEL_ORDER = UseCase[Cancel, Cancel](
    "cancel_order", find_orders, load_orders, decide_cancel, read_orders
)


def _is_stopped(order: Record, stopped: set[tuple[UUID, str]]) -> bool:
    """A FENCE stops everything; the other restraints stop what is the institution's."""
    kinds = {
        kind
        for target, kind in stopped
        if target in (order.institution_id, order.custody_account_id)
    }
    return "FENCE" in kinds or (order.kind in INSTITUTIONS and bool(kinds & STOPPING))


def _order(facts: Facts, order: UUID) -> Record:
    row = facts.get(PaymentOrder, order)
    assert row is not None, "the order was locked"
    return row


def _decision(
    facts: Facts, order: Record, step: Step, state: OrderState, reason: str | None
) -> Decision:
    place = place_of(order)
    changed = Record({**order, "state": state.value, "reason": reason})
    return Decision(
        answer=orders.answer_of(facts.journal, changed),
        transactions=step.transactions,
        changes=step.changes,
        shows={"earned": place.payable, "own_funds": place.own_funds},
    )
