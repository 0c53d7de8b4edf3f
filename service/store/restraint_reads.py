"""Restraints as they are read: in scope, by target, in force or lifted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from service.store import ids, rows
from service.store.context import Context
from service.store.enrolment_reads import in_departments, rows_after
from service.store.facts import Record
from service.store.tables import CustodyAccount, Enrolment, Institution, Restraint

_TARGETS: Final[dict[str, type[Any]]] = {
    "INSTITUTION": Institution,
    "CUSTODY_ACCOUNT": CustodyAccount,
    "ENROLMENT": Enrolment,
}
_PREFIXES: Final = {"INSTITUTION": "ins", "CUSTODY_ACCOUNT": "cus", "ENROLMENT": "enr"}


@dataclass(frozen=True, slots=True)
class RestraintFilter:
    """What a list of restraints is narrowed to."""

    institution: UUID | None = None
    kind: str | None = None
    in_force: bool | None = None


async def owners(
    connection: AsyncConnection,
    caller: Context,
    journal: int,
    target_type: str,
    wanted: Iterable[UUID],
) -> dict[UUID, UUID]:
    """Return the institution of each target of one type that the caller sees, by target."""
    targets = set(wanted)
    if not targets:
        return {}
    table = _TARGETS[target_type]
    key = rows.key_columns(table)[0]
    statement = in_departments(rows.keyed(table, journal, targets, key), table, caller)
    return {row[key]: row["institution_id"] for row in await rows.fetch(connection, statement)}


async def restraints(
    connection: AsyncConnection, caller: Context, journal: int, wanted: Iterable[UUID]
) -> dict[UUID, Record]:
    """Return the restraints of these ids that the caller sees, by id."""
    statement = rows.keyed(Restraint, journal, wanted, "restraint_id")
    found = await rows.fetch(connection, in_departments(statement, Restraint, caller))
    return {row["restraint_id"]: Record(row) for row in found}


async def page(
    connection: AsyncConnection,
    caller: Context,
    narrowed: RestraintFilter,
    *,
    after: tuple[int, UUID] | None,
    limit: int,
) -> Sequence[Record]:
    """Return the caller's restraints after a key, in order of journal and id."""
    source = rows.table_of(Restraint)
    statement = in_departments(select(source), Restraint, caller)
    if narrowed.institution is not None:
        statement = statement.where(source.c.institution_id == narrowed.institution)
    if narrowed.kind is not None:
        statement = statement.where(source.c.kind == narrowed.kind)
    if narrowed.in_force is not None:
        standing = source.c.to_seq.is_(None)
        statement = statement.where(standing if narrowed.in_force else ~standing)
    statement = rows_after(statement, Restraint, after, limit)
    return [Record(row) for row in await rows.fetch(connection, statement)]


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of a restraint; the positions it is in force from and to are transactions."""
    ended = row.to_seq
    return {
        "id": ids.public("rst", journal, row.restraint_id),
        "institution_id": ids.public("ins", journal, row.institution_id),
        "target_type": row.target_type,
        "target_id": ids.public(_PREFIXES[row.target_type], journal, row.target_id),
        "kind": row.kind,
        "amount": None if row.amount_fen is None else str(Money.from_fen(row.amount_fen)),
        "cause": row.cause,
        "placed_by": row.placed_by,
        "placed_at": row.placed_at.isoformat(),
        "from_transaction_id": ids.public_transaction(journal, row.from_seq),
        "to_transaction_id": None if ended is None else ids.public_transaction(journal, ended),
        "lifted_by": row.lifted_by,
        "in_force": ended is None,
    }
