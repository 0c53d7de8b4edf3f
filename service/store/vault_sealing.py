"""Sealing what stands in plain from before the vault, while the service runs.

A batch is a transaction of its own: rows that somebody holds are left for the next round, rows that
are sealed are not looked for again, so it can be stopped at any time and goes on where it was.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.store import reference, rows, vault_rows
from service.store.context import Context
from service.store.facts import Update
from service.store.tables import BankNarrative, ClaimNote, Party
from service.store.transact import writing

AT_ONCE: Final = 500
STATEMENT_TIMEOUT: Final = "60s"
PLAIN: Final[tuple[type[Any], ...]] = (Party, BankNarrative, ClaimNote)
"""The tables in which personal data stood in plain before the vault."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """How far the sealing is: rows of one table of one journal sealed since the start."""

    journal: int
    table: str
    rows: int


async def seal_all(engine: AsyncEngine) -> int:
    """Seal everything; return how many rows were still in plain."""
    counts: dict[tuple[int, str], int] = {}
    async for step in sealing(engine):
        counts[step.journal, step.table] = step.rows
    return sum(counts.values())


async def sealing(engine: AsyncEngine) -> AsyncGenerator[Sealed, None]:
    """Seal everything, telling how far it is after every batch."""
    async with engine.connect() as connection:
        journals = await reference.journals_in(connection, "")
    for journal in journals:
        for table in PLAIN:
            done, after = 0, None
            while True:
                async with writing(engine) as connection:
                    taken, after = await _batch(connection, journal, table, after)
                done += taken
                if taken:
                    yield Sealed(journal, rows.table_of(table).name, done)
                if after is None:
                    break


def in_plain(source: Table, fields: Sequence[str]) -> Any:  # noqa: ANN401 - a SQL expression
    """Condition on rows whose personal fields stand in plain."""
    return or_(*(source.c[name].is_not(None) for name in fields))


async def _batch(
    connection: AsyncConnection, journal: int, table: type[Any], after: UUID | None
) -> tuple[int, UUID | None]:
    """Seal the next rows; return how many, and after which key to go on, None at the end."""
    await Context.writer(journal).enter(connection, statement_timeout=STATEMENT_TIMEOUT)
    source = rows.table_of(table)
    how = vault_rows.SEALINGS[source]
    statement = select(source).where(source.c.journal_id == journal, in_plain(source, how.fields))
    if after is not None:
        statement = statement.where(source.c[how.key] > after)
    statement = statement.order_by(source.c[how.key]).limit(AT_ONCE)
    statement = statement.with_for_update(skip_locked=True, key_share=True)
    found = await rows.fetch(connection, statement)
    if not found:
        return 0, None
    written = vault_rows.sealed(connection, source, found)
    names = (*how.fields, "sealed", "wrapped_key", *how.indexes, *how.flags)
    changes = [Update(table, (row[how.key],), _told(row, names)) for row in written]
    await rows.write(connection, journal, changes, as_is=True)
    return len(found), found[-1][how.key]


def _told(row: Any, names: Sequence[str]) -> dict[str, Any]:  # noqa: ANN401 - a row
    return {name: row[name] for name in names}
