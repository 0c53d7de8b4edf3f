"""Refunds as they are read: pages in scope, how one is told, and which are due to be paid."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, bindparam, case, func, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from service.store import ids, registry, rows
from service.store.context import Context
from service.store.facts import Record
from service.store.tables import Refund

_DUE: Final = text(
    """
    SELECT refund.refund_id, refund.created_on FROM escrow.refund AS refund
    WHERE refund.journal_id = :journal AND (refund.payable_fen > 0 OR refund.returned_fen > 0)
      AND refund.payee_party_id IS NOT NULL AND refund.waiting_for IS DISTINCT FROM 'PAYEE'
      AND (refund.payee_hold_until IS NULL OR refund.payee_hold_until <= :today)
      AND (refund.created_on, refund.refund_id) > (:since, :after)
      AND NOT EXISTS (
          SELECT 1 FROM escrow.porting
          WHERE porting.journal_id = :journal AND porting.entitlement_id = refund.source_id
            AND porting.state = 'CHOSEN' AND refund.source = 'DIVIDEND')
      AND (refund.waiting_for IS NULL
           OR EXISTS (
               SELECT 1 FROM escrow.rollup
               WHERE rollup.journal_id = :journal AND rollup.unit_type = 'CUSTODY_ACCOUNT'
                 AND rollup.unit_id = refund.custody_account_id::text
                 AND rollup.kind IN ('CUSTODY_BANK', 'DUE_FROM_INSTITUTION', 'PAYOUT_IN_TRANSIT',
                                     'REFUND_IN_TRANSIT', 'RISK_DEPOSIT_BANK')
                 AND rollup.seq > refund.seq)
           OR EXISTS (
               SELECT 1 FROM escrow.restraint
               WHERE restraint.journal_id = :journal
                 AND restraint.target_id = refund.custody_account_id
                 AND restraint.to_seq > refund.seq))
    ORDER BY refund.created_on, refund.refund_id LIMIT :most
    """
)
"""What may be paid, oldest first; what waits for money only when its account has moved since."""

_LAST_RETURNED: Final = text(
    """
    SELECT DISTINCT ON (refund_id) refund_id, order_id FROM escrow.payment_order
    WHERE journal_id = :journal AND refund_id = ANY(:refunds) AND state = 'RETURNED'
    ORDER BY refund_id, seq DESC, order_id DESC
    """
).bindparams(bindparam("refunds", type_=ARRAY(Uuid)))

FIRST: Final = (date.min, UUID(int=0))
"""The key before every refund that is due."""


class RefundState(StrEnum):
    """Where a refund is, told from its parts; what still needs somebody comes first."""

    RETURNED = "RETURNED"
    WAITING_FOR_PAYEE = "WAITING_FOR_PAYEE"
    WAITING_FOR_MONEY = "WAITING_FOR_MONEY"
    IN_TRANSIT = "IN_TRANSIT"
    PAYABLE = "PAYABLE"
    LODGED = "LODGED"
    PAID = "PAID"
    TAKEN_BACK = "TAKEN_BACK"


_S: Final = RefundState


@dataclass(frozen=True, slots=True)
class RefundFilter:
    """What a list of refunds is narrowed to; None does not narrow.

    `source` is the claim, entitlement or porting; `unclaimed_since` tells those that have waited
    for a payee since that day or before.
    """

    institution: UUID | None = None
    enrolment: UUID | None = None
    source: UUID | None = None
    state: RefundState | None = None
    waiting_for: str | None = None
    unclaimed_since: date | None = None


async def page(
    connection: AsyncConnection,
    caller: Context,
    narrowed: RefundFilter,
    *,
    after: tuple[int, UUID] | None,
    limit: int,
) -> Sequence[Record]:
    """Return the caller's refunds after a key, in order of journal and id."""
    return await registry.page(
        connection,
        caller,
        Refund,
        equal={
            "institution_id": narrowed.institution,
            "enrolment_id": narrowed.enrolment,
            "source_id": narrowed.source,
            "waiting_for": narrowed.waiting_for,
        },
        also=_conditions(narrowed),
        after=after,
        limit=limit,
    )


async def due(
    connection: AsyncConnection,
    journal: int,
    *,
    today: date,
    after: tuple[date, UUID] = FIRST,
    most: int,
) -> list[tuple[date, UUID]]:
    """Return the keys of the refunds that may be paid now, oldest first, after a key."""
    since, last = after
    found = await connection.execute(
        _DUE, {"journal": journal, "today": today, "since": since, "after": last, "most": most}
    )
    return [(row.created_on, row.refund_id) for row in found]


async def last_returned(
    connection: AsyncConnection, journal: int, refunds: Iterable[UUID]
) -> dict[UUID, UUID]:
    """Return by refund the order that came back last."""
    found = await connection.execute(
        _LAST_RETURNED, {"journal": journal, "refunds": sorted(set(refunds))}
    )
    return {row.refund_id: row.order_id for row in found}


def state_of(row: Record) -> RefundState:
    """Tell a refund's state from its parts."""
    if row.returned_fen:
        return _S.RETURNED
    if row.payable_fen and row.waiting_for is not None:
        return _S.WAITING_FOR_MONEY if row.waiting_for == "MONEY" else _S.WAITING_FOR_PAYEE
    for part, state in _BY_PART:
        if row[part]:
            return state
    return _S.TAKEN_BACK


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of a refund, without its payee."""
    prefix = SOURCES[row.source]
    receipt = row.receipt_entry_id
    return {
        "id": ids.public("rfd", journal, row.refund_id),
        "source": row.source,
        "source_id": ids.public(prefix, journal, row.source_id),
        "enrolment_id": ids.public("enr", journal, row.enrolment_id),
        "institution_id": ids.public("ins", journal, row.institution_id),
        "custody_account_id": ids.public("cus", journal, row.custody_account_id),
        "receipt_id": None if receipt is None else ids.public("bke", journal, receipt),
        "state": state_of(row).value,
        "waiting_for": row.waiting_for,
        "payee_known": row.payee_party_id is not None,
        "payee_hold_until": _day(row.payee_hold_until),
        "amount": _yuan(row.amount_fen),
        "payable": _yuan(row.payable_fen),
        "in_transit": _yuan(row.in_transit_fen),
        "returned": _yuan(row.returned_fen),
        "paid": _yuan(row.paid_fen),
        "lodged": _yuan(row.lodged_fen),
        "taken_back": _yuan(row.taken_back_fen),
        "created_on": _day(row.created_on),
        "returned_on": _day(row.returned_on),
        "paid_on": _day(row.paid_on),
    }


SOURCES: Final = {"CLAIM": "clm", "DIVIDEND": "ent", "RECOVERY": "ent", "PORTING": "ptg"}
"""The prefix of the public id of what a refund is owed for."""

_BY_PART: Final = (
    ("in_transit_fen", _S.IN_TRANSIT),
    ("payable_fen", _S.PAYABLE),
    ("lodged_fen", _S.LODGED),
    ("paid_fen", _S.PAID),
)


def unclaimed_since(today: date, days: int) -> date:
    """Return the last day on which a refund began to wait that counts as unclaimed today."""
    return today - timedelta(days=days)


def is_unclaimed(row: Record, since: date) -> bool:
    """Tell whether a refund has waited for a payee since that day or before."""
    began = row.returned_on or row.created_on
    unpaid = row.payable_fen or row.returned_fen
    return row.waiting_for == "PAYEE" and bool(unpaid and began <= since)


def _conditions(narrowed: RefundFilter) -> list[ColumnElement[bool]]:
    source = rows.table_of(Refund)
    found: list[ColumnElement[bool]] = []
    if narrowed.state is not None:
        waits = source.c.payable_fen > 0
        state = case(
            (source.c.returned_fen > 0, _S.RETURNED.value),
            (waits & (source.c.waiting_for == "MONEY"), _S.WAITING_FOR_MONEY.value),
            (waits & (source.c.waiting_for == "PAYEE"), _S.WAITING_FOR_PAYEE.value),
            *((source.c[part] > 0, each.value) for part, each in _BY_PART),
            else_=_S.TAKEN_BACK.value,
        )
        found.append(state == narrowed.state.value)
    if narrowed.unclaimed_since is not None:
        began = func.coalesce(source.c.returned_on, source.c.created_on)
        unpaid = source.c.payable_fen + source.c.returned_fen > 0
        found += [
            source.c.waiting_for == "PAYEE",
            unpaid,
            began <= narrowed.unclaimed_since,
        ]
    return found


def _yuan(fen: int) -> str:
    return str(Money.from_fen(fen))


def _day(on: date | None) -> str | None:
    return None if on is None else on.isoformat()
