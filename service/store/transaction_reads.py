"""Sealed transactions as auditors read them: pages in order of position, and one in full.

A page looks at a bounded stretch of the journal, so a narrow filter costs many short pages and
never one long one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Text, bindparam, false, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import reference, rows
from service.store.context import Context
from service.store.enrolment_reads import in_departments
from service.store.facts import Record
from service.store.tables import Institution

STRETCH: Final = 20_000
"""How many positions one page looks at, at most."""

_COLUMNS: Final = """
    SELECT sealed.journal_id, sealed.seq, sealed.kind, sealed.transfers, sealed.refs,
           sealed.reason, sealed.actor, sealed.policy_version, sealed.effective_on,
           sealed.recorded_at, sealed.previous_hash, sealed.hash, reversal.reversing_seq
    FROM escrow.journal_transaction AS sealed
    LEFT JOIN escrow.reversal ON reversal.journal_id = sealed.journal_id
     AND reversal.reversed_seq = sealed.seq
    WHERE sealed.journal_id = :journal AND sealed.seq > :after AND sealed.seq <= :until
      AND (CAST(:institutions AS text[]) IS NULL
           OR sealed.refs::jsonb ->> 'institution' = ANY(CAST(:institutions AS text[])))
      AND (CAST(:kind AS text) IS NULL OR sealed.kind = :kind)
    ORDER BY sealed.seq LIMIT :limit
    """
_PAGE: Final = text(_COLUMNS).bindparams(
    bindparam("institutions", type_=ARRAY(Text)), bindparam("kind", type_=Text)
)

_BEFORE: Final = text(
    "SELECT seq FROM escrow.journal_position"
    " WHERE journal_id = :journal AND effective_on <= :day"
    " ORDER BY effective_on DESC, seq DESC LIMIT 1"
)

_ENTRIES: Final = text(
    """
    SELECT entry.account_id, entry.amount, entry.balance_after
    FROM unnest(:accounts) AS given(account_id)
    JOIN escrow.entry ON entry.journal_id = :journal AND entry.seq = :seq
     AND entry.account_id = given.account_id
    ORDER BY entry.account_id
    """
).bindparams(bindparam("accounts", type_=ARRAY(BigInteger)))


@dataclass(frozen=True, slots=True)
class TransactionFilter:
    """What a list is narrowed to; `institutions` are those in sight, None for all and none."""

    institutions: frozenset[UUID] | None = None
    kind: str | None = None


async def page(  # noqa: PLR0913 - which stretch of which journal
    connection: AsyncConnection,
    journal: int,
    narrowed: TransactionFilter,
    *,
    after: int,
    until: int,
    limit: int,
) -> tuple[list[Record], int]:
    """Return up to `limit` transactions after a position, and the position looked at last."""
    end = min(until, after + STRETCH)
    found = await connection.execute(
        _PAGE, {"journal": journal, "after": after, "until": end, **_written(narrowed, limit)}
    )
    read = [_record(dict(row)) for row in found.mappings()]
    return read, read[-1].seq if len(read) == limit else end


async def one(
    connection: AsyncConnection, journal: int, seq: int, narrowed: TransactionFilter
) -> Record | None:
    """Return one transaction in sight, or None."""
    found = await connection.execute(
        _PAGE, {"journal": journal, "after": seq - 1, "until": seq, **_written(narrowed, 1)}
    )
    row = found.mappings().one_or_none()
    return None if row is None else _record(dict(row))


async def entries_of(
    connection: AsyncConnection, journal: int, seq: int, accounts: Sequence[int]
) -> list[Record]:
    """Return the entries of one transaction, in order of account."""
    found = await connection.execute(
        _ENTRIES, {"journal": journal, "seq": seq, "accounts": list(accounts)}
    )
    return [Record(row) for row in found.mappings()]


async def last_of(connection: AsyncConnection, journal: int, day: date) -> int:
    """Return the last position effective by a business date, 0 before the first."""
    found: int | None = await connection.scalar(_BEFORE, {"journal": journal, "day": day})
    return found or 0


async def institutions_in_sight(
    connection: AsyncConnection, caller: Context, journal: int, paths: Sequence[str]
) -> frozenset[UUID]:
    """Return the institutions of a journal below these paths that the caller sees."""
    source = rows.table_of(Institution)
    statement = select(source.c.institution_id).where(
        source.c.journal_id == journal,
        or_(false(), *(reference.within(source.c.area, path) for path in paths)),
    )
    narrowed = in_departments(statement, Institution, caller)
    return frozenset((await connection.scalars(narrowed)).all())


def _written(narrowed: TransactionFilter, limit: int) -> dict[str, Any]:
    seen = narrowed.institutions
    return {
        "institutions": None if seen is None else sorted(str(each) for each in seen),
        "kind": narrowed.kind,
        "limit": limit,
    }


def _record(row: Mapping[str, Any]) -> Record:
    read = {"transfers": json.loads(row["transfers"]), "refs": json.loads(row["refs"])}
    return Record({**row, **read})
