"""Use case of cancelling: an order is taken back before its bank has fetched it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import OrderUnknown, Refusal, VerbForbidden
from service.store import order_locks, orders, payout_reads, transfers
from service.store.context import Context
from service.store.contracts import place_of, read_debts
from service.store.facts import Decision, Facts, Record
from service.store.order_steps import INSTITUTIONS, OrderState
from service.store.tables import BankEntry, PaymentOrder
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take back an order that its bank has not fetched; what is a payer's only by the operator."""

    journal: int
    order: UUID
    by_operator: bool
    reason: str | None = None


async def find_orders(
    connection: AsyncConnection, caller: Context, commands: Sequence[Cancel]
) -> list[Cancel | Refusal]:
    """Find the orders in the caller's scope: an institution's own."""
    seen = await payout_reads.orders(
        connection, caller, commands[0].journal, {command.order for command in commands}
    )
    return [command if command.order in seen else OrderUnknown() for command in commands]


async def load_orders(unit: Unit, commands: Sequence[Cancel]) -> None:
    """Lock what stands behind the orders, the orders, and the entries they would go back to."""
    await order_locks.lock_behind(unit, {command.order for command in commands})
    locked = await unit.lock(PaymentOrder, {command.order for command in commands})
    receipts = {o.bank_entry_id for o in locked if o.bank_entry_id is not None}
    await unit.lock(BankEntry, receipts)


async def read_orders(unit: Unit, _commands: Sequence[Cancel]) -> None:
    """Read the balances that an order's way back may touch."""
    known = list(unit.facts.all(PaymentOrder))
    await read_debts(unit, {order.custody_account_id for order in known})
    await unit.balances(
        account for order in known for account in orders.accounts_of(unit.facts, order)
    )


def decide_cancel(facts: Facts, cancel: Cancel) -> Decision:
    """Undo an order that is still NEW (E19). Raises `VerbForbidden`, `WrongState`."""
    order = facts.get(PaymentOrder, cancel.order)
    assert order is not None, "the order was locked"
    own = order.kind in INSTITUTIONS or order.purpose == transfers.OWN_FUNDS
    if not (own or cancel.by_operator):
        raise VerbForbidden(kind=order.kind)
    state = OrderState.CANCELLED
    step = orders.order_undone(
        facts, order, state, reason=cancel.reason, back=orders.back_to(facts, order)
    )
    place = place_of(order)
    changed = Record({**order, "state": state.value, "reason": cancel.reason})
    return Decision(
        answer=orders.answer_of(facts.journal, changed),
        transactions=step.transactions,
        changes=step.changes,
        shows={"earned": place.payable, "own_funds": place.own_funds},
    )


CANCEL_ORDER = UseCase[Cancel, Cancel](
    "cancel_order", find_orders, load_orders, decide_cancel, read_orders
)
