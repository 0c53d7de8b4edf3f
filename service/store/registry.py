"""Institutions, custody accounts and courses as the registry's nouns read them, in scope.

Row-level security narrows by journal, institution, bank and party; these reads narrow further by
the caller's departments. An object outside is not there.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, bindparam, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import STUDENT_OWNED, AccountKind
from ledger.refusals import Refusal, VersionStale
from service.store import rows
from service.store.context import Context
from service.store.enrolment_reads import in_departments, rows_after
from service.store.facts import Record
from service.store.tables import Agreement, CustodyAccount, Institution
from service.store.unit import Unit

OWED: Final = (*STUDENT_OWNED, AccountKind.RESIDUAL_CLAIM)
"""What an institution must not leave behind (I-34), and money in suspense, which is a payer's."""

_OWED: Final = text(
    """
    SELECT unit.unit_id, sum(last.balance) AS fen
    FROM unnest(:units) AS unit(unit_id)
    CROSS JOIN unnest(:kinds) AS slot(kind)
    CROSS JOIN LATERAL (
        SELECT balance FROM escrow.rollup
        WHERE journal_id = :journal AND unit_type = 'INSTITUTION'
          AND rollup.unit_id = unit.unit_id AND rollup.kind = slot.kind AND rollup.reason = ''
        ORDER BY seq DESC LIMIT 1) AS last
    GROUP BY unit.unit_id
    """
).bindparams(bindparam("units", type_=ARRAY(Text)), bindparam("kinds", type_=ARRAY(Text)))


class Placed(Protocol):
    """A command on one object of one journal."""

    @property
    def journal(self) -> int:
        """The journal the object's public id carries."""

    @property
    def target(self) -> UUID:
        """The object."""


P = TypeVar("P", bound=Placed)


async def seen(
    connection: AsyncConnection,
    caller: Context,
    table: type[Any],
    journal: int,
    ids: Iterable[UUID],
) -> dict[UUID, Record]:
    """Return the rows of these keys that the caller sees, by key."""
    wanted = set(ids)
    if not wanted:
        return {}
    key = rows.key_columns(table)[0]
    statement = in_departments(rows.keyed(table, journal, wanted, key), table, caller)
    return {row[key]: Record(row) for row in await rows.fetch(connection, statement)}


async def find_seen(
    connection: AsyncConnection,
    caller: Context,
    commands: Sequence[P],
    table: type[Any],
    unknown: type[Refusal],
) -> list[P | Refusal]:
    """Return each command whose object the caller sees, `unknown` in place of the others.

    All commands of a request are of one journal; one that names another is not there either.
    """
    journal = commands[0].journal
    found = await seen(connection, caller, table, journal, (c.target for c in commands))
    return [c if c.journal == journal and c.target in found else unknown() for c in commands]


async def page(  # noqa: PLR0913 - what a list is narrowed to
    connection: AsyncConnection,
    caller: Context,
    table: type[Any],
    *,
    equal: Mapping[str, object],
    also: Sequence[ColumnElement[bool]] = (),
    after: tuple[int, UUID] | None,
    limit: int,
) -> Sequence[Record]:
    """Return the caller's rows with these column values, after a key, by journal and key.

    A value of None does not narrow.
    """
    source = rows.table_of(table)
    statement = in_departments(select(source), table, caller).where(*also)
    for column, value in equal.items():
        if value is not None:
            statement = statement.where(source.c[column] == value)
    found = await rows.fetch(connection, rows_after(statement, table, after, limit))
    return [Record(row) for row in found]


async def owed(unit: Unit, institutions: Iterable[UUID]) -> dict[UUID, int]:
    """Return what stands for students and payers in institutions' books, in fen; under the head."""
    found = await unit.query(
        _OWED,
        journal=unit.facts.journal,
        units=[str(institution) for institution in sorted(set(institutions))],
        kinds=[kind.value for kind in OWED],
    )
    return {UUID(row["unit_id"]): int(row["fen"]) for row in found}


def require_version(row: Record, expected: int | None) -> None:
    """Refuse a command that was made for another version of the row: `VersionStale`."""
    if expected is not None and row.version != expected:
        raise VersionStale(version=row.version)


async def one(  # noqa: PLR0913 - where and for whom to look
    connection: AsyncConnection,
    caller: Context,
    table: type[Any],
    journal: int,
    key: UUID,
    *,
    also: Sequence[ColumnElement[bool]] = (),
) -> Record | None:
    """Return one object the caller sees, or None."""
    equal = {"journal_id": journal, rows.key_columns(table)[0]: key}
    found = await page(connection, caller, table, equal=equal, also=also, after=None, limit=1)
    return found[0] if found else None


def of_own_bank(caller: Context) -> Sequence[ColumnElement[bool]]:
    """Condition on institutions for a bank: those with a custody account or agreement there.

    Row-level security shows a bank its own accounts and agreements only.
    """
    if caller.bank is None:
        return ()
    institution = rows.table_of(Institution)
    return (
        or_(
            *(
                institution.c.institution_id.in_(
                    select(held.c.institution_id).where(
                        held.c.journal_id == institution.c.journal_id
                    )
                )
                for held in (rows.table_of(CustodyAccount), rows.table_of(Agreement))
            )
        ),
    )


async def default_accounts(
    connection: AsyncConnection, journal: int, institutions: Iterable[UUID]
) -> dict[UUID, UUID]:
    """Return each institution's default custody account."""
    source = rows.table_of(CustodyAccount)
    wanted = set(institutions)
    if not wanted:
        return {}
    statement = rows.keyed(CustodyAccount, journal, wanted, "institution_id").where(
        source.c.is_default, source.c.purpose == "CUSTODY", source.c.state == "ACTIVE"
    )
    found = await rows.fetch(connection, statement)
    return {row["institution_id"]: row["custody_account_id"] for row in found}
