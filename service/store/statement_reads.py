"""Statements as they are read: a bank's day beside what the ledger has of the same day.

The ledger's closing of a day is A1 by the bank's booking dates: the balance now, less what was
posted of later days. Entries that are kept and not yet posted count for the day, not in A1.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Date, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from service.store import ids, rows
from service.store.context import Context
from service.store.enrolment_reads import in_departments
from service.store.facts import Record
from service.store.tables import ClosedDay, StatementDay

_ARRAYS: Final = (
    bindparam("custodies", type_=ARRAY(Uuid)),
    bindparam("days", type_=ARRAY(Date)),
)

NEIGHBOURS: Final = text(
    """
    SELECT DISTINCT near.*
    FROM unnest(:custodies, :days) AS given(custody, day)
    CROSS JOIN LATERAL (
        (SELECT * FROM escrow.statement_day AS before
         WHERE before.journal_id = :journal AND before.custody_account_id = given.custody
           AND before.day <= given.day ORDER BY before.day DESC LIMIT 2)
        UNION ALL
        (SELECT * FROM escrow.statement_day AS after
         WHERE after.journal_id = :journal AND after.custody_account_id = given.custody
           AND after.day > given.day ORDER BY after.day LIMIT 1)) AS near
    """
).bindparams(*_ARRAYS)
"""The statements of the days given, and the nearest before and after each."""

BOOKED: Final = text(
    """
    SELECT given.custody, given.day,
           count(*) FILTER (WHERE on_day AND direction = 'CRDT')::int AS credit_count,
           coalesce(sum(amount_fen) FILTER (WHERE on_day AND direction = 'CRDT'), 0)::bigint
             AS credit_fen,
           count(*) FILTER (WHERE on_day AND direction = 'DBIT')::int AS debit_count,
           coalesce(sum(amount_fen) FILTER (WHERE on_day AND direction = 'DBIT'), 0)::bigint
             AS debit_fen,
           coalesce(sum(CASE direction WHEN 'CRDT' THEN amount_fen
                                        WHEN 'DBIT' THEN -amount_fen ELSE 0 END)
             FILTER (WHERE NOT on_day AND outcome <> 'KEPT'), 0)::bigint AS later_fen
    FROM unnest(:custodies, :days) AS given(custody, day)
    LEFT JOIN LATERAL (
        SELECT entry.direction, entry.amount_fen, entry.outcome, entry.book_on = given.day AS on_day
        FROM escrow.bank_entry AS entry
        WHERE entry.journal_id = :journal AND entry.custody_account_id = given.custody
          AND entry.book_on >= given.day AND entry.direction <> 'PEND'
          AND entry.outcome <> 'DUPLICATE') AS booked ON true
    GROUP BY given.custody, given.day
    """
).bindparams(*_ARRAYS)
"""What banks reported entry by entry: the day's counts and sums, and what was posted of later.

What was reported twice counts once.
"""

LAST_OF_DAY: Final = text(
    "SELECT seq, encode(hash, 'hex') AS hash FROM escrow.journal_transaction"
    " WHERE journal_id = :journal AND effective_on <= :day ORDER BY effective_on DESC, seq DESC"
    " LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Booked:
    """What the ledger has of one custody account's day, in fen."""

    credit_count: int
    credit_fen: int
    debit_count: int
    debit_fen: int
    closing_fen: int

    @classmethod
    def of(cls, row: Mapping[str, Any], bank_fen: int) -> "Booked":
        """Put a row of `BOOKED` and the balance of A1 together."""
        return cls(
            row["credit_count"],
            row["credit_fen"],
            row["debit_count"],
            row["debit_fen"],
            bank_fen - row["later_fen"],
        )

    def agrees(self, statement: Mapping[str, Any]) -> bool:
        """Tell whether a bank's day says the same."""
        return bool(
            self.credit_count == statement["credit_count"]
            and self.credit_fen == statement["credit_fen"]
            and self.debit_count == statement["debit_count"]
            and self.debit_fen == statement["debit_fen"]
            and self.closing_fen == statement["closing_fen"]
        )


@dataclass(frozen=True, slots=True)
class StatementFilter:
    """What a list of statements is narrowed to."""

    custody_account: UUID | None = None
    day: date | None = None
    state: str | None = None


async def page(
    connection: AsyncConnection,
    caller: Context,
    narrowed: StatementFilter,
    *,
    after: tuple[int, UUID, date] | None,
    limit: int,
) -> Sequence[Record]:
    """Return the caller's statements after a key, in order of journal, custody account and day."""
    source = rows.table_of(StatementDay)
    statement = in_departments(select(source), StatementDay, caller)
    for column, value in (
        (source.c.custody_account_id, narrowed.custody_account),
        (source.c.day, narrowed.day),
        (source.c.state, narrowed.state),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if after is not None:
        journal, custody, day = after
        later = (source.c.custody_account_id > custody) | (
            (source.c.custody_account_id == custody) & (source.c.day > day)
        )
        statement = statement.where(
            (source.c.journal_id > journal) | ((source.c.journal_id == journal) & later)
        )
    statement = statement.order_by(
        source.c.journal_id, source.c.custody_account_id, source.c.day
    ).limit(limit)
    return [Record(row) for row in await rows.fetch(connection, statement)]


async def closed_days(
    connection: AsyncConnection, *, after: tuple[int, date] | None, limit: int
) -> Sequence[Record]:
    """Return the closed days of the journals in scope, newest first."""
    source = rows.table_of(ClosedDay)
    statement = select(source)
    if after is not None:
        journal, day = after
        statement = statement.where(
            (source.c.journal_id > journal)
            | ((source.c.journal_id == journal) & (source.c.day < day))
        )
    statement = statement.order_by(source.c.journal_id, source.c.day.desc()).limit(limit)
    return [Record(row) for row in await rows.fetch(connection, statement)]


def answer_of(journal: int, row: Mapping[str, Any], booked: Booked | None = None) -> dict[str, Any]:
    """Tell of a statement, with what the ledger has of the day where it was just compared."""
    ledger = row["ledger_closing_fen"]
    answer = {
        "custody_account_id": ids.public("cus", journal, row["custody_account_id"]),
        "institution_id": ids.public("ins", journal, row["institution_id"]),
        "bank": row["bank_code"],
        "day": row["day"].isoformat(),
        "opening": _yuan(row["opening_fen"]),
        "closing": _yuan(row["closing_fen"]),
        "credit_count": row["credit_count"],
        "credit_sum": _yuan(row["credit_fen"]),
        "debit_count": row["debit_count"],
        "debit_sum": _yuan(row["debit_fen"]),
        "state": row["state"],
        "ledger_closing": None if ledger is None else _yuan(ledger),
        "difference": None if ledger is None else _yuan(row["closing_fen"] - ledger),
    }
    if booked is not None:
        answer["ledger_day"] = {
            "credit_count": booked.credit_count,
            "credit_sum": _yuan(booked.credit_fen),
            "debit_count": booked.debit_count,
            "debit_sum": _yuan(booked.debit_fen),
        }
    return answer


def pairs(wanted: Iterable[tuple[UUID, date]]) -> dict[str, list[Any]]:
    """Make the array parameters of `NEIGHBOURS` and `BOOKED`."""
    listed = sorted(set(wanted))
    return {"custodies": [c for c, _ in listed], "days": [d for _, d in listed]}


def _yuan(fen: int) -> str:
    return str(Money.from_fen(fen))
