"""People and clients as their administrators see them: in scope, and of the own body."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import ClientUnknown, PersonUnknown
from service.access import client_rows, person_rows
from service.access import standing as standings
from service.identity.callers import Caller, Role
from service.store import ids, masks, rows
from service.store.enrolment_reads import rows_after
from service.store.facts import Record
from service.store.tables import Client, Person, PersonDetail


async def page(  # noqa: PLR0913 - the filters of a list
    connection: AsyncConnection,
    caller: Caller,
    *,
    state: str | None,
    after: tuple[int, UUID] | None,
    limit: int,
    table: type[Any] = Person,
) -> Sequence[Record]:
    """Return the people (or clients) the caller administers, after a key."""
    source = rows.table_of(table)
    statement: Select[Any] = select(source).where(source.c.journal_id.in_(caller.journals))
    if caller.role is not Role.OPERATOR:
        statement = statement.where(source.c.role == caller.role.value)
    if caller.institution is not None:
        statement = statement.where(source.c.institution_id == caller.institution)
    if state is not None:
        statement = statement.where(source.c.state == state)
    found = await rows.fetch(connection, rows_after(statement, table, after, limit))
    return [Record(row) for row in found]


async def one(connection: AsyncConnection, caller: Caller, person_id: str) -> Record:
    """Return a person the caller administers, or itself; raises `PersonUnknown`."""
    try:
        journal, person = ids.parse("prs", person_id)
    except ValueError:
        raise PersonUnknown from None
    row = (await person_rows.seen(connection, journal, [person])).get(person)
    if row is None:
        raise PersonUnknown
    if row.caller_id != caller.id:
        await standings.require_administers(connection, caller, row, PersonUnknown)
    return row


async def one_client(connection: AsyncConnection, caller: Caller, client_id: str) -> Record:
    """Return a client the caller administers; raises `ClientUnknown`."""
    try:
        journal, client = ids.parse("cli", client_id)
    except ValueError:
        raise ClientUnknown from None
    row = (await client_rows.seen(connection, journal, [client])).get(client)
    if row is None:
        raise ClientUnknown
    await standings.require_administers(connection, caller, row, ClientUnknown)
    return row


async def clients(
    connection: AsyncConnection,
    caller: Caller,
    *,
    state: str | None,
    after: tuple[int, UUID] | None,
    limit: int,
) -> Sequence[Record]:
    """Return the clients the caller administers, after a key."""
    return await page(connection, caller, state=state, after=after, limit=limit, table=Client)


async def masked_names(connection: AsyncConnection, people: Sequence[Record]) -> dict[UUID, str]:
    """Return the masked names of people by id."""
    source = rows.table_of(PersonDetail)
    statement = select(source).where(
        source.c.journal_id.in_({person.journal_id for person in people}),
        source.c.person_id.in_({person.person_id for person in people}),
    )
    found = await rows.fetch_opened(connection, PersonDetail, statement)
    return {row["person_id"]: masks.name(row["name"]) for row in found}


def told(row: Record, names: Mapping[UUID, str]) -> dict[str, Any]:
    """Tell of a person with the masked name."""
    return person_rows.answer_of(row.journal_id, row) | {"name": names.get(row.person_id)}
