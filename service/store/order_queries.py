"""Queries of payment orders (查询): orders of which their bank must tell what became of them.

An order is queried while its fate is UNKNOWN, when its bank keeps silent about it, and when it was
accepted and no debit follows. It is never sent again under another id. One that was sent before
there were leases is queried as well: nobody knows whether it arrived.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import rows
from service.store.context import Context
from service.store.facts import Record
from service.store.tables import OrderReport

SILENT_FOR: Final = timedelta(minutes=30)
"""How long a bank may keep silent about an order that it has."""
REPORTS_MAX: Final = 500
UNEXECUTED_FOR: Final = timedelta(days=1)
"""How long an accepted order may be without its debit."""

_QUERIES: Final = text(
    """
    SELECT ordered.*, lease.acknowledged_at, last.status AS last_status,
           last.reported_at AS last_at, coalesce(last.reported_at, lease.acknowledged_at,
               lease.leased_at, ordered.requested_on::timestamptz) AS since,
           CASE WHEN last.status = 'NOT_FOUND' THEN (
               SELECT min(run.reported_at) FROM escrow.order_report AS run
               WHERE run.journal_id = ordered.journal_id AND run.order_id = ordered.order_id
                 AND run.status = 'NOT_FOUND' AND run.seq > coalesce((
                     SELECT max(other.seq) FROM escrow.order_report AS other
                     WHERE other.journal_id = run.journal_id AND other.order_id = run.order_id
                       AND other.status <> 'NOT_FOUND'), 0)) END AS not_found_since
    FROM escrow.payment_order AS ordered
    LEFT JOIN escrow.order_lease AS lease
      ON lease.journal_id = ordered.journal_id AND lease.order_id = ordered.order_id
    LEFT JOIN LATERAL (
        SELECT said.status, said.reported_at FROM escrow.order_report AS said
        WHERE said.journal_id = ordered.journal_id AND said.order_id = ordered.order_id
        ORDER BY said.seq DESC LIMIT 1) AS last ON true
    WHERE ordered.journal_id = ANY(:journals) AND ordered.bank_code = ANY(:banks)
      AND ordered.state IN ('SENT', 'ACCEPTED', 'UNKNOWN')
      AND (ordered.state = 'UNKNOWN'
           OR (ordered.state = 'SENT' AND (lease.order_id IS NULL
               OR coalesce(last.reported_at, lease.acknowledged_at) <= :silent_since))
           OR (ordered.state = 'ACCEPTED' AND last.reported_at <= :unexecuted_since))
      AND (:after_order IS NULL OR (ordered.journal_id, ordered.order_id)
           > (:after_journal, :after_order))
    ORDER BY ordered.journal_id, ordered.order_id LIMIT :limit
    """
).bindparams(bindparam("after_order", type_=Uuid))


async def queried(  # noqa: PLR0913 - whose, when, and which page
    connection: AsyncConnection,
    caller: Context,
    banks: Sequence[str],
    *,
    at: datetime,
    after: tuple[int, UUID] | None,
    limit: int,
) -> Sequence[Record]:
    """Return the caller's orders that banks must answer for at a machine's time, after a key.

    With the order's own columns come `since`, `last_status`, `last_at` and, while the bank answers
    "not found", `not_found_since`.
    """
    values = {
        "journals": list(caller.journals),
        "banks": list(banks),
        "silent_since": at - SILENT_FOR,
        "unexecuted_since": at - UNEXECUTED_FOR,
        "after_journal": None if after is None else after[0],
        "after_order": None if after is None else after[1],
        "limit": limit,
    }
    found = await connection.execute(_QUERIES, values)
    return [Record(row) for row in found.mappings()]


async def reports(connection: AsyncConnection, journal: int, order: UUID) -> Sequence[Record]:
    """Return what was reported of an order as far as the caller sees it, in order."""
    source = rows.table_of(OrderReport)
    statement = (
        select(source)
        .where(source.c.journal_id == journal, source.c.order_id == order)
        .order_by(source.c.seq)
        .limit(REPORTS_MAX)
    )
    return [Record(row) for row in await rows.fetch(connection, statement)]
