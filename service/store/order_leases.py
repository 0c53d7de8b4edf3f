"""Leases of payment orders (指令租约): what a bank may be handed now, and under which lease it is.

A bank that fetches an order holds it until the lease lapses; what it has acknowledged by then it
keeps, anything else may be handed over again under the same order id. Leases run in machine time,
banking days in business time.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import rows
from service.store.context import Context
from service.store.enrolment_reads import in_departments
from service.store.facts import Insert, Record, Update
from service.store.tables import OrderLease

_UNSTOPPED: Final = """
    NOT EXISTS (
        SELECT 1 FROM escrow.restraint
        WHERE restraint.journal_id = :journal AND restraint.to_seq IS NULL
          AND restraint.target_id IN (ordered.institution_id, ordered.custody_account_id)
          AND (restraint.kind = 'FENCE' OR (restraint.kind IN ('PAYOUT_STOP', 'FREEZE')
               AND ordered.kind IN ('EARNED', 'SURPLUS', 'DEPOSIT'))))
    AND (:most IS NULL OR ordered.amount_fen <= :most)"""

_HANDABLE: Final = text(
    f"""
    (SELECT ordered.order_id FROM escrow.payment_order AS ordered
     WHERE ordered.journal_id = :journal AND ordered.bank_code = :bank
       AND ordered.state = 'NEW' AND {_UNSTOPPED}
     ORDER BY ordered.order_id LIMIT :limit)
    UNION ALL
    (SELECT ordered.order_id FROM escrow.order_lease AS lease
     JOIN escrow.payment_order AS ordered
       ON ordered.journal_id = :journal AND ordered.order_id = lease.order_id
     WHERE lease.journal_id = :journal AND lease.bank_code = :bank
       AND lease.acknowledged_at IS NULL AND lease.expires_at <= :at
       AND ordered.state = 'SENT' AND {_UNSTOPPED}
     ORDER BY ordered.order_id LIMIT :limit)
    ORDER BY order_id LIMIT :limit
    """  # noqa: S608 - conditions of our own
).bindparams(bindparam("most", type_=BigInteger))


async def handable(  # noqa: PLR0913 - whose, how large, when and how many
    connection: AsyncConnection,
    journal: int,
    bank: str,
    *,
    most_fen: int | None,
    at: datetime,
    limit: int,
) -> Sequence[UUID]:
    """Return the orders that a bank may be handed now, oldest first: NEW, or of a lapsed lease.

    None is larger than `most_fen`, and none is stopped by a restraint.
    """
    values = {"journal": journal, "bank": bank, "most": most_fen, "at": at, "limit": limit}
    return list((await connection.scalars(_HANDABLE, values)).all())


async def of_lease(
    connection: AsyncConnection, caller: Context, journal: int, lease: UUID
) -> list[Record]:
    """Return what the caller sees of a lease: a row for each order that is still under it."""
    source = rows.table_of(OrderLease)
    statement = (
        select(source)
        .where(source.c.journal_id == journal, source.c.lease_id == lease)
        .order_by(source.c.order_id)
    )
    found = await rows.fetch(connection, in_departments(statement, OrderLease, caller))
    return [Record(row) for row in found]


async def of_orders(
    connection: AsyncConnection, journal: int, wanted: Iterable[UUID]
) -> dict[UUID, Record]:
    """Return the leases of these orders as far as the caller sees them, by order."""
    found = await rows.fetch(connection, rows.keyed(OrderLease, journal, wanted, "order_id"))
    return {row["order_id"]: Record(row) for row in found}


def lease_change(  # noqa: PLR0913 - a lease is all of these
    order: Mapping[str, Any],
    standing: Record | None,
    *,
    lease: UUID,
    at: datetime,
    expires_at: datetime,
    seq: int,
) -> Insert | Update:
    """Put an order under a lease, its first or another one."""
    changed = {
        "lease_id": lease,
        "leased_at": at,
        "expires_at": expires_at,
        "acknowledged_at": None,
        "times": 1 if standing is None else standing.times + 1,
        "seq": seq,
    }
    if standing is not None:
        return Update(OrderLease, (order["order_id"],), changed)
    owned = {
        name: order[name]
        for name in ("order_id", "institution_id", "custody_account_id", "bank_code")
    }
    return Insert(OrderLease, owned | changed)
