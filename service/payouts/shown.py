"""Payment orders as they are shown: whom they pay, under which lease, and what they wait for."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.calendars import WorkingCalendar, shanghai_date
from ledger.money import Money
from ledger.payment_hours import ALWAYS, Wait
from service.identity.callers import Caller, Role
from service.payouts.order_schemas import PaymentOut, lease_out, named
from service.store import approvals, bank_terms, order_leases, orders, payout_reads, reference, rows
from service.store.context import Context
from service.store.facts import Record
from service.store.order_steps import OrderState, is_stopped
from service.store.tables import Restraint
from service.store.transact import Store

Payee = Mapping[str, Any]


async def payments(
    connection: AsyncConnection, store: Store, caller: Caller, found: Sequence[Record]
) -> list[PaymentOut]:
    """Show orders; with whom they pay when the caller is the bank that pays."""
    payees: dict[UUID, Payee] = {}
    leases: dict[UUID, Record] = {}
    waits: dict[UUID, dict[str, Any]] = {}
    for journal in {order.journal_id for order in found}:
        mine = [order for order in found if order.journal_id == journal]
        leases |= await order_leases.of_orders(connection, journal, [o.order_id for o in mine])
        waits |= await _waits(store, journal, mine)
        if caller.role is Role.BANK:
            targets = {o.order_id: o.target_custody_account_id for o in mine}
            payees |= await payees_of(connection, store, journal, targets)
    return [
        PaymentOut.model_validate(
            {
                **named(orders.answer_of(order.journal_id, order)),
                "payee": payee_out(payees.get(order.order_id)),
                "lease": _lease(order.journal_id, leases.get(order.order_id)),
                **waits.get(order.order_id, {}),
            }
        )
        for order in found
    ]


async def payees_of(
    connection: AsyncConnection,
    store: Store,
    journal: int,
    targets: Mapping[UUID, UUID | None],
) -> dict[UUID, Payee]:
    """Tell whom orders pay: a party, or the custody account (`targets`) that a transfer fills.

    That account may be at another bank, so it is read for who sees the order.
    """
    found = await payout_reads.payees(connection, journal, targets)
    filling = {order: account for order, account in targets.items() if account is not None}
    if filling:
        async with store.reading(Context((journal,))) as whole:
            accounts = await payout_reads.target_accounts(whole, journal, filling.values())
        found |= {order: accounts[account] for order, account in filling.items()}
    return found


def payee_out(found: Payee | None) -> dict[str, Any] | None:
    """Show a payee as far as it is known."""
    if found is None:
        return None
    return {name: found[name] for name in ("name", "account_number", "bank_name")}


async def _waits(store: Store, journal: int, found: Iterable[Record]) -> dict[UUID, dict[str, Any]]:
    """Tell of the NEW orders that would not be handed over now what they wait for."""
    new = [order for order in found if order.state == OrderState.NEW]
    if not new:
        return {}
    async with store.reading(Context((journal,))) as whole:
        now = (await approvals.business_clocks(whole, [journal]))[journal]
        banks = {order.bank_code for order in new}
        terms = await bank_terms.in_force(whole, banks, shanghai_date(now))
        stated = any(hours != ALWAYS for hours in terms.values())
        calendar = await reference.calendar(whole) if stated else WorkingCalendar()
        stopped = await _restraints(whole, journal, new)
    waits: dict[UUID, dict[str, Any]] = {}
    for order in new:
        hours, amount = terms[order.bank_code], Money.from_fen(order.amount_fen)
        wait = hours.waits_for(amount, now, calendar)
        if wait in {Wait.CUT_OFF, Wait.WORKING_DAY}:
            waits[order.order_id] = _wait(wait, hours.opens_next(now, calendar))
        elif wait is not None or is_stopped(order, stopped):
            waits[order.order_id] = _wait(wait or Wait.RESTRAINT, None)
    return waits


async def _restraints(
    whole: AsyncConnection, journal: int, found: Sequence[Record]
) -> set[tuple[UUID, str]]:
    targets = {t for order in found for t in (order.institution_id, order.custody_account_id)}
    statement = rows.keyed(Restraint, journal, targets, "target_id")
    in_force = statement.where(rows.table_of(Restraint).c.to_seq.is_(None))
    return {(row["target_id"], row["kind"]) for row in await rows.fetch(whole, in_force)}


def _wait(wait: Wait, until: datetime | None) -> dict[str, Any]:
    return {"waits_for": wait.value, "waits_until": until}


def _lease(journal: int, lease: Record | None) -> dict[str, Any] | None:
    return None if lease is None else lease_out(journal, lease)
