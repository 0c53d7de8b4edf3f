"""Locks on payment orders and what stands behind them, in the order of locks.

Refunds with their claims and portings come before the orders that pay them.
"""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import select

from service.store import backing_moves, orders, porting_orders, refund_orders, rows
from service.store.order_steps import OrderState
from service.store.tables import PaymentOrder
from service.store.unit import Unit


async def lock_behind(unit: Unit, wanted: Iterable[UUID]) -> None:
    """Lock what stands behind orders that are themselves locked afterwards."""
    named = set(wanted)
    await backing_moves.lock_behind(unit, named)
    await porting_orders.lock_behind(unit, named)
    await refund_orders.lock_behind(unit, named)


async def lock_new_of(unit: Unit, institutions: Iterable[UUID]) -> None:
    """Lock the NEW orders of institutions that are locked themselves, and what stands behind.

    Receipts in suspense that go back to their payers are left out.
    """
    wanted = sorted(set(institutions))
    if not wanted:
        return
    await backing_moves.lock_new_of(unit, wanted)
    await porting_orders.lock_new_of(unit, wanted)
    await refund_orders.lock_new_of(unit, wanted)
    source = rows.table_of(PaymentOrder)
    await unit.lock_where(
        PaymentOrder,
        select(source)
        .where(
            source.c.journal_id == unit.facts.journal,
            source.c.institution_id.in_(wanted),
            source.c.state == OrderState.NEW.value,
            source.c.kind != orders.SUSPENSE_RETURN,
        )
        .order_by(source.c.order_id),
    )
