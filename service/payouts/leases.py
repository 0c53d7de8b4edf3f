"""Use cases of leases: a bank fetches orders of its own accounts, and acknowledges them.

A NEW order that is fetched is SENT for ever: the bank may have it, so it is never NEW again. While
nobody has acknowledged it, its lapsed lease lets it be handed over again under the same id.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.calendars import WorkingCalendar, shanghai_date
from ledger.money import Money
from ledger.payment_hours import ALWAYS, PaymentHours
from ledger.refusals import LeaseUnknown, OrderUnknown, Refusal
from ledger.transactions import Transaction, TransactionKind
from service.store import approvals, bank_terms, ids, order_leases, orders, reference, rows
from service.store.context import Context
from service.store.contracts import place_of
from service.store.facts import Change, Decision, Facts, Record, Update
from service.store.order_steps import OrderState, is_stopped
from service.store.tables import OrderLease, PaymentOrder, Restraint
from service.store.transact import UseCase
from service.store.unit import Unit

LEASE_S: Final = 600
"""How long a lease lasts unless the bank asks for another time."""

_TERMS: Final = "payment_hours"
_CALENDAR: Final = "calendar"


@dataclass(frozen=True, slots=True)
class FetchOrders:
    """A bank takes orders under a lease until `at` + `lasting`, at most `limit`."""

    journal: int
    bank: str
    limit: int
    lease: UUID
    at: datetime
    lasting: timedelta = timedelta(seconds=LEASE_S)


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """A bank has the orders of a lease for good: all of them, or those it names."""

    journal: int
    lease: UUID
    orders: tuple[UUID, ...] | None
    at: datetime


@dataclass(frozen=True, slots=True)
class FoundLease:
    """A lease with the orders to acknowledge."""

    command: Acknowledge
    orders: tuple[UUID, ...]


async def find_fetches(
    _connection: AsyncConnection, _caller: Context, fetches: Sequence[FetchOrders]
) -> list[FetchOrders | Refusal]:
    """Take the requests as they are: which orders a bank may have, the writer knows."""
    return list(fetches)


async def load_handable(unit: Unit, fetches: Sequence[FetchOrders]) -> None:
    """Lock what may be handed over now, of each bank by its own terms."""
    journal = unit.facts.journal
    now = (await approvals.business_clocks(unit.connection, [journal]))[journal]
    terms = await bank_terms.in_force(
        unit.connection, {fetch.bank for fetch in fetches}, shanghai_date(now)
    )
    calendar = WorkingCalendar()
    if any(hours != ALWAYS for hours in terms.values()):
        calendar = await reference.calendar(unit.connection)
    unit.facts.extra |= {_TERMS: terms, _CALENDAR: calendar}
    for fetch in fetches:
        most = terms[fetch.bank].largest(now, calendar)
        unit.facts.extra[_candidates(fetch)] = await order_leases.handable(
            unit.connection,
            journal,
            fetch.bank,
            most_fen=None if most is None else most.fen,
            at=fetch.at,
            limit=fetch.limit,
        )
    await unit.lock(
        PaymentOrder, {order for fetch in fetches for order in unit.facts.extra[_candidates(fetch)]}
    )


async def read_handable(unit: Unit, _fetches: Sequence[FetchOrders]) -> None:
    """Read the restraints on institutions and custody accounts, and the leases that stand."""
    known = list(unit.facts.all(PaymentOrder))
    await unit.restraints(
        {target for order in known for target in (order.institution_id, order.custody_account_id)}
    )
    await _read_leases(unit, [order.order_id for order in known])


def decide_fetch(facts: Facts, fetch: FetchOrders) -> Decision:
    """Hand over what no restraint stops, no lease holds and the bank's terms let go now."""
    stopped = {(row.target_id, row.kind) for row in facts.all(Restraint) if row.to_seq is None}
    expires_at = fetch.at + fetch.lasting
    handed: list[Mapping[str, Any]] = []
    transactions: list[Transaction] = []
    changes: list[Change] = []
    for order_id in facts.extra[_candidates(fetch)]:
        order, lease = _order(facts, order_id), facts.get(OrderLease, order_id)
        if not _may_go(facts, order, lease, fetch) or is_stopped(order, stopped):
            continue
        change = order_leases.lease_change(
            order,
            lease,
            lease=fetch.lease,
            at=fetch.at,
            expires_at=expires_at,
            seq=facts.moment.next_seq + len(transactions),
        )
        changes.append(change)
        if order.state == OrderState.NEW:
            step = orders.order_moved(order, OrderState.SENT)
            transactions += step.transactions
            changes += step.changes
        else:
            transactions.append(_noted(TransactionKind.ORDER_HANDED_AGAIN, order))
        sent = Record({**order, "state": OrderState.SENT.value})
        handed.append(orders.answer_of(facts.journal, sent))
    under = {} if not handed else _lease_answer(facts.journal, fetch.lease, expires_at)
    return Decision(
        answer={"orders": handed, **under},
        transactions=tuple(transactions),
        changes=tuple(changes),
    )


async def find_leases(
    connection: AsyncConnection, caller: Context, commands: Sequence[Acknowledge]
) -> list[FoundLease | Refusal]:
    """Find the leases in the caller's scope, with the orders that are still under them."""
    found: list[FoundLease | Refusal] = []
    for command in commands:
        held = await order_leases.of_lease(connection, caller, command.journal, command.lease)
        standing = tuple(row.order_id for row in held)
        if not standing:
            found.append(LeaseUnknown())
        elif not set(command.orders or ()) <= set(standing):
            found.append(OrderUnknown())
        else:
            found.append(FoundLease(command, command.orders or standing))
    return found


async def load_leases(unit: Unit, found: Sequence[FoundLease]) -> None:
    """Lock the orders."""
    await unit.lock(PaymentOrder, {order for lease in found for order in lease.orders})


async def read_leases(unit: Unit, found: Sequence[FoundLease]) -> None:
    """Read the leases as they stand."""
    await _read_leases(unit, [order for lease in found for order in lease.orders])


def decide_acknowledge(facts: Facts, found: FoundLease) -> Decision:
    """Note that the bank has the orders; a second time changes nothing.

    `lost` are those handed over again meanwhile. Raises `LeaseUnknown` when that is all of them.
    """
    leases = [lease for order in found.orders if (lease := facts.get(OrderLease, order))]
    mine = [lease for lease in leases if lease.lease_id == found.command.lease]
    if not mine:
        raise LeaseUnknown
    fresh = [lease for lease in mine if lease.acknowledged_at is None]
    lost = {lease.order_id for lease in leases} - {lease.order_id for lease in mine}
    journal = facts.journal
    return Decision(
        answer={
            "lease_id": ids.public("lse", journal, found.command.lease),
            "acknowledged": [ids.public("ord", journal, lease.order_id) for lease in mine],
            "lost": [ids.public("ord", journal, order) for order in sorted(lost)],
        },
        transactions=tuple(
            _noted(TransactionKind.ORDER_ACKNOWLEDGED, _order(facts, lease.order_id))
            for lease in fresh
        ),
        changes=tuple(
            Update(OrderLease, (lease.order_id,), {"acknowledged_at": found.command.at})
            for lease in fresh
        ),
        duplicate=not fresh,
    )


FETCH_ORDERS = UseCase[FetchOrders, FetchOrders](
    "fetch_orders", find_fetches, load_handable, decide_fetch, read_handable
)
ACKNOWLEDGE_ORDERS = UseCase[Acknowledge, FoundLease](
    "acknowledge_orders", find_leases, load_leases, decide_acknowledge, read_leases
)


def _candidates(fetch: FetchOrders) -> str:
    return f"orders for {fetch.lease}"


async def _read_leases(unit: Unit, wanted: Sequence[UUID]) -> None:
    await unit.read(OrderLease, rows.keyed(OrderLease, unit.facts.journal, wanted, "order_id"))


def _may_go(facts: Facts, order: Record, lease: Record | None, fetch: FetchOrders) -> bool:
    """Tell whether nobody has the order, or nobody has it any more; and the hour is right."""
    lapsed = lease is not None and lease.acknowledged_at is None and lease.expires_at <= fetch.at
    free = order.state == OrderState.NEW or (order.state == OrderState.SENT and lapsed)
    hours: PaymentHours = facts.extra[_TERMS][fetch.bank]
    amount = Money.from_fen(order.amount_fen)
    return free and hours.waits_for(amount, facts.moment.now, facts.extra[_CALENDAR]) is None


def _lease_answer(journal: int, lease: UUID, expires_at: datetime) -> dict[str, str]:
    return {"lease_id": ids.public("lse", journal, lease), "expires_at": expires_at.isoformat()}


def _noted(kind: TransactionKind, order: Record) -> Transaction:
    place = place_of(order)
    return Transaction(
        kind,
        references={
            "institution": str(place.institution),
            "custody": str(place.custody),
            "order": str(order.order_id),
        },
    )


def _order(facts: Facts, order: UUID) -> Record:
    row = facts.get(PaymentOrder, order)
    assert row is not None, "the order was locked"
    return row
