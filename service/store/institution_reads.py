"""An institution's past and agreements, as a caller in scope may see them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import JurisdictionUnknown
from service.store import reference, rows
from service.store.facts import Record
from service.store.tables import Agreement, Institution, InstitutionArea


async def areas(connection: AsyncConnection, journal: int, institution: UUID) -> Sequence[Record]:
    """Return where an institution stood, oldest first."""
    source = rows.table_of(InstitutionArea)
    statement = select(source).where(
        source.c.journal_id == journal, source.c.institution_id == institution
    )
    found = await rows.fetch(connection, statement.order_by(source.c.valid_from))
    return [Record(row) for row in found]


async def agreements(
    connection: AsyncConnection, journal: int, institution: UUID
) -> Sequence[Record]:
    """Return an institution's supervision agreements, oldest first."""
    source = rows.table_of(Agreement)
    statement = select(source).where(
        source.c.journal_id == journal, source.c.institution_id == institution
    )
    found = await rows.fetch(
        connection, statement.order_by(source.c.valid_from, source.c.agreement_id)
    )
    return [Record(row) for row in found]


async def in_subtree(
    connection: AsyncConnection, code: str | None
) -> Sequence[ColumnElement[bool]]:
    """Condition on institutions: below this division or zone; raises `JurisdictionUnknown`."""
    if code is None:
        return ()
    path = reference.scope_path(code)
    if not code.isdigit():
        node = await reference.jurisdiction(connection, code)
        if node is None:
            raise JurisdictionUnknown(code=code)
        path = node.path
    return (reference.within(rows.table_of(Institution).c.area, path),)
