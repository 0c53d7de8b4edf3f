"""What a custody account stands at under the head, and what of it is on its way in time.

Money not in the bank excuses the claims it belongs to while it is young (I-20, I-22): what a
channel captured until two working days after, cash on the day it was taken, a transfer between
accounts until two working days after its debit. Own money that covers a gap excuses nothing.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import AccountKind, Reason
from ledger.calendars import WorkingCalendar
from ledger.coverage import NOTHING_IN_TIME, InTime, Position
from service.store import reference
from service.store.facts import Facts
from service.store.unit import Unit, rollup_slots

WORKING_DAYS: Final = 2
"""How long a capture or a transfer is young (domain.md, R1)."""

_IN_TIME: Final = "in_time"
_SLOTS: Final = tuple(
    (AccountKind(kind), reason) for kind, reason in zip(*rollup_slots(), strict=True)
)
"""Every (kind, reason) that a custody account's totals can have."""

_YOUNG: Final = text(
    """
    SELECT custody_account_id, kind, sum(amount_fen)::bigint AS fen FROM (
        SELECT custody_account_id, kind, amount_fen FROM escrow.bank_entry
        WHERE journal_id = :journal AND custody_account_id = ANY(:custodies)
          AND direction = 'PEND'
          AND book_on >= CASE kind WHEN 'CASH_REPORT' THEN CAST(:today AS date)
                                   ELSE CAST(:since AS date) END
        UNION ALL
        SELECT sent.custody_account_id, 'TRANSFER', sent.amount_fen
        FROM escrow.bank_entry AS debit
        JOIN escrow.payment_order AS sent
          ON sent.journal_id = :journal AND sent.order_id = debit.order_id
        WHERE debit.journal_id = :journal AND debit.custody_account_id = ANY(:custodies)
          AND debit.direction = 'DBIT' AND debit.book_on >= CAST(:since AS date)
          AND sent.state = 'EXECUTED' AND sent.arrived_entry_id IS NULL
          AND sent.kind IN ('TRANSFER', 'PORTING')
          AND sent.purpose IS DISTINCT FROM 'OWN_FUNDS') AS young
    GROUP BY custody_account_id, kind
    """
).bindparams(bindparam("custodies", type_=ARRAY(Uuid)))


async def young_money(
    connection: AsyncConnection, journal: int, custodies: Iterable[UUID], today: date
) -> dict[UUID, InTime]:
    """Return what is on its way in time by custody account, in fen; none is left out."""
    calendar = await reference.calendar(connection)
    found = await connection.execute(
        _YOUNG,
        {
            "journal": journal,
            "custodies": sorted(set(custodies)),
            "today": today,
            "since": _since(calendar, today),
        },
    )
    sums: dict[UUID, dict[str, int]] = {}
    for row in found.mappings():
        sums.setdefault(row["custody_account_id"], {})[row["kind"]] = row["fen"]
    return {
        custody: InTime(
            channel_fen=fen.get("CHANNEL_CAPTURE", 0),
            cash_fen=fen.get("CASH_REPORT", 0),
            transfer_fen=fen.get("TRANSFER", 0),
        )
        for custody, fen in sums.items()
    }


async def read_in_time(unit: Unit, custodies: Iterable[UUID]) -> None:
    """Read under the head what `in_time_of` answers."""
    facts, wanted = unit.facts, set(custodies)
    known: dict[UUID, InTime] = facts.extra.setdefault(_IN_TIME, {})
    known |= await young_money(unit.connection, facts.journal, wanted, facts.moment.today)


def in_time_of(facts: Facts, custody: UUID) -> InTime:
    """Return what is on its way in time to a custody account, or from it to another."""
    found: InTime = facts.extra.get(_IN_TIME, {}).get(custody, NOTHING_IN_TIME)
    return found


def position_of(facts: Facts, custody: UUID) -> Position:
    """Sum up a custody account from its totals, kept current through the batch."""
    balances: dict[AccountKind, int] = {}
    for kind, reason in _SLOTS:
        fen = facts.totals.get((custody, kind, reason), 0)
        if fen:
            balances[kind] = balances.get(kind, 0) + fen
    owed_for_legacy = (custody, AccountKind.DUE_FROM_INSTITUTION, Reason.LEGACY.value)
    return Position(balances, facts.totals.get(owed_for_legacy, 0))


def _since(calendar: WorkingCalendar, today: date) -> date:
    """Return the first day whose second working day after it is not over before today."""
    day = today
    while calendar.add_working_days(day - timedelta(days=1), WORKING_DAYS) >= today:
        day -= timedelta(days=1)
    return day
