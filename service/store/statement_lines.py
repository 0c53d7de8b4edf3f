"""Lines of statement files as others read them: which bank entries a statement has confirmed."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import driver, rows
from service.store.facts import Record
from service.store.tables import StatementLine

_CONFIRMED: Final = (
    "SELECT DISTINCT line.bank_entry_id FROM escrow.statement_line AS line"
    " JOIN escrow.bank_statement AS brought ON brought.journal_id = line.journal_id"
    "  AND brought.statement_file_id = line.statement_file_id AND brought.number = line.statement"
    " WHERE line.journal_id = $1 AND line.bank_entry_id = ANY($2::uuid[])"
    "  AND line.outcome <> 'CONTRADICTED' AND brought.kind = 'STATEMENT'"
)


async def confirmed(
    connection: AsyncConnection, journal: int, bank_entries: Iterable[UUID]
) -> set[UUID]:
    """Return those of the bank entries that a line of a statement says the same of.

    All others are provisional: pushed, and not yet on any statement. A line that contradicts an
    entry confirms nothing, nor does one of a report of the day so far or of a notification.
    """
    found = await driver.fetch(connection, _CONFIRMED, journal, sorted(set(bank_entries)))
    return {row[0] for row in found}


async def of_day(
    connection: AsyncConnection, journal: int, custody_account: UUID, day: date
) -> Sequence[Record]:
    """Return the lines of one custody account that the bank booked on this day, in order.

    Overlapping files may bring the same line more than once: it then has the same reference.
    """
    source = rows.table_of(StatementLine)
    statement = (
        select(source)
        .where(
            source.c.journal_id == journal,
            source.c.custody_account_id == custody_account,
            source.c.book_on == day,
        )
        .order_by(source.c.statement_file_id, source.c.line)
    )
    return [Record(row) for row in await rows.fetch(connection, statement)]


async def contradicted(
    connection: AsyncConnection, journal: int, custody_accounts: Iterable[UUID]
) -> Sequence[Record]:
    """Return every line of these custody accounts that says other than what was pushed."""
    source = rows.table_of(StatementLine)
    statement = rows.keyed(StatementLine, journal, custody_accounts, "custody_account_id").where(
        source.c.outcome == "CONTRADICTED"
    )
    return [Record(row) for row in await rows.fetch(connection, statement)]
