"""Reconciliations, breaks and demands as they are read: in scope, newest last, page by page."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.calendars import WorkingCalendar
from ledger.money import Money
from service.store import ids, rows
from service.store.context import Context
from service.store.enrolment_reads import in_departments, rows_after
from service.store.facts import Record
from service.store.tables import Break

IN_TRANSIT: Final = ("SENT", "ACCEPTED", "UNKNOWN")
"""States of an order that is with its bank and not debited."""

_ORDERS: Final = text(
    """
    SELECT order_id, kind, state, amount_fen, requested_on FROM escrow.payment_order
    WHERE journal_id = :journal AND custody_account_id = :custody AND state = ANY(:states)
    ORDER BY order_id LIMIT 500
    """
)

_AMOUNTS: Final = {
    "bank": "bank_fen",
    "requirement": "requirement_fen",
    "shortfall": "shortfall_fen",
    "hard_shortfall": "hard_shortfall_fen",
    "sub_ledger": "sub_ledger_fen",
    "orders_in_transit": "orders_fen",
    "channel_clearing": "channel_fen",
    "cash_undeposited": "cash_fen",
    "transfers_in_transit": "transfer_fen",
    "due_from_institution": "due_fen",
    "due_from_bank": "due_from_bank_fen",
}
"""Amounts of an answer and the columns they stand in."""


async def page(  # noqa: PLR0913 - the filters of a list
    connection: AsyncConnection,
    caller: Context,
    table: type[Any],
    equal: Mapping[str, object],
    *,
    after: tuple[int, UUID] | None,
    limit: int,
) -> Sequence[Record]:
    """Return the caller's rows after a key; `equal` narrows columns to values, if not None."""
    source = rows.table_of(table)
    statement = in_departments(select(source), table, caller)
    for column, value in equal.items():
        if value is not None:
            statement = statement.where(_is(source.c[column], value))
    statement = rows_after(statement, table, after, limit)
    return [Record(row) for row in await rows.fetch(connection, statement)]


async def seen(
    connection: AsyncConnection,
    caller: Context,
    table: type[Any],
    journal: int,
    wanted: Iterable[UUID],
) -> dict[UUID, Record]:
    """Return the rows of a table with these ids that the caller sees, by id."""
    key = rows.key_columns(table)[0]
    statement = in_departments(rows.keyed(table, journal, wanted, key), table, caller)
    return {row[key]: Record(row) for row in await rows.fetch(connection, statement)}


async def standing_breaks(
    connection: AsyncConnection, caller: Context, journal: int, custody: UUID
) -> Sequence[Record]:
    """Return the breaks of a custody account that are not closed."""
    source = rows.table_of(Break)
    statement = rows.keyed(Break, journal, [custody], "custody_account_id")
    statement = in_departments(statement.where(source.c.state != "CLOSED"), Break, caller)
    return [Record(row) for row in await rows.fetch(connection, statement)]


async def orders_in_transit(
    connection: AsyncConnection, journal: int, custody: UUID
) -> Sequence[Record]:
    """Return the orders of a custody account that its bank has and has not debited."""
    found = await connection.execute(
        _ORDERS, {"journal": journal, "custody": custody, "states": list(IN_TRANSIT)}
    )
    return [Record(row) for row in found.mappings()]


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of a reconciliation."""
    bank, ledger = row.bank_closing_fen, row.ledger_closing_fen
    return {
        "id": ids.public("rec", journal, row.reconciliation_id),
        "custody_account_id": ids.public("cus", journal, row.custody_account_id),
        "institution_id": ids.public("ins", journal, row.institution_id),
        "bank_code": row.bank_code,
        "day": row.day.isoformat(),
        "cause": row.cause,
        "external": row.external_state,
        "statement_on": None if row.statement_on is None else row.statement_on.isoformat(),
        "bank_closing": _yuan(bank),
        "ledger_closing": _yuan(ledger),
        "difference": None if bank is None else _yuan(bank - ledger),
        **{name: _yuan(row[column]) for name, column in _AMOUNTS.items()},
        "sub_ledger_gap": _yuan(row.sub_ledger_gap_fen),
        "entries_unposted": row.entries_unposted,
        "breaks_open": row.breaks_open,
        "coverage": row.coverage_state,
        "position": f"{journal}:{row.position_seq}",
        "run_at": row.run_at.isoformat(),
        "run_by": row.run_by,
    }


def break_answer(
    journal: int, row: Record, *, today: date, calendar: WorkingCalendar
) -> dict[str, Any]:
    """Tell of a break and how old it is, in working days; a closed one ages no more."""
    until = today if row.closed_at is None else min(today, row.closed_at.date())
    return {
        "id": ids.public("brk", journal, row.break_id),
        "custody_account_id": ids.public("cus", journal, row.custody_account_id),
        "institution_id": ids.public("ins", journal, row.institution_id),
        "bank_code": row.bank_code,
        "kind": row.kind,
        "subject": row.subject,
        "subject_key": row.subject_key,
        "arose_on": row.arose_on.isoformat(),
        "amount": _yuan(row.amount_fen),
        "within_books": not row.outside,
        "state": row.state,
        "owner": row.owner,
        "assignee": row.assignee,
        "level": row.level,
        "age_working_days": calendar.working_days_between(row.opened_on, until),
        "opened_at": row.opened_at.isoformat(),
        "escalated_on": None if row.escalated_on is None else row.escalated_on.isoformat(),
        "cause": row.cause,
        "signed_off_by": row.signed_by,
        "signed_off_at": None if row.signed_at is None else row.signed_at.isoformat(),
        "closed_at": None if row.closed_at is None else row.closed_at.isoformat(),
        "bank_ref": row.bank_ref,
        "differs": [] if row.differs is None else row.differs.split(","),
    }


def demand_answer(journal: int, row: Record, *, today: date) -> dict[str, Any]:
    """Tell of a demand, and whether its day is over."""
    return {
        "id": ids.public("dmd", journal, row.demand_id),
        "custody_account_id": ids.public("cus", journal, row.custody_account_id),
        "institution_id": ids.public("ins", journal, row.institution_id),
        "reconciliation_id": ids.public("rec", journal, row.reconciliation_id),
        "restraint_id": ids.public("rst", journal, row.restraint_id),
        "amount": _yuan(row.amount_fen),
        "due_on": row.due_on.isoformat(),
        "overdue": row.state == "OPEN" and row.due_on < today,
        "state": row.state,
        "demanded_at": row.demanded_at.isoformat(),
        "ended_at": None if row.ended_at is None else row.ended_at.isoformat(),
    }


def _is(column: ColumnElement[Any], value: object) -> ColumnElement[bool]:
    return column.in_(value) if isinstance(value, tuple) else column == value


def _yuan(fen: int | None) -> str | None:
    if fen is None:
        return None
    return str(Money.from_fen(fen))
