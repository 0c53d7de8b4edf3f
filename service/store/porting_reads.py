"""Portings as they are read, in the caller's scope."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import rows
from service.store.context import Context
from service.store.enrolment_reads import in_departments, rows_after
from service.store.facts import Record
from service.store.tables import Porting


async def by_ids(
    connection: AsyncConnection, caller: Context, journal: int, wanted: Iterable[UUID]
) -> Sequence[Record]:
    """Return the portings of these ids that the caller sees."""
    statement = rows.keyed(Porting, journal, wanted, "porting_id")
    found = await rows.fetch(connection, in_departments(statement, Porting, caller))
    return [Record(row) for row in found]


async def page(
    connection: AsyncConnection,
    caller: Context,
    *,
    state: str | None,
    after: tuple[int, UUID] | None,
    limit: int,
) -> Sequence[Record]:
    """Return the caller's portings after a key, in order of journal and id."""
    source = rows.table_of(Porting)
    statement = in_departments(select(source), Porting, caller)
    if state is not None:
        statement = statement.where(source.c.state == state)
    found = await rows.fetch(connection, rows_after(statement, Porting, after, limit))
    return [Record(row) for row in found]
