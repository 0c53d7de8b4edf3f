"""A journal's business clock where it does not start at the machine's now.

Only a journal that has no transaction yet can be set back: afterwards its offset only grows.
"""

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.context import Context
from service.store.rows import table_of
from service.store.tables import JournalHead


async def start_clock(connection: AsyncConnection, journal: int, *, at: datetime) -> None:
    """Let the business time of a journal without transactions start at `at`; for demonstrations."""
    source = table_of(JournalHead)
    await Context.writer(journal).enter(connection, statement_timeout="10s")
    clock = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    offset = round((at - clock).total_seconds() * 1_000_000)
    result = await connection.execute(
        update(source)
        .where(source.c.journal_id == journal, source.c.seq == 0)
        .values(clock_offset_us=offset)
    )
    assert result.rowcount == 1, "the journal stands and has no transaction"
