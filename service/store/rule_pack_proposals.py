"""Proposals of rule packs in the database, and what they are judged against.

Proposals are reference data: they are written one at a time, under the lock of all reference data,
and by machine time. Each binds the hash of what it asks for.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import rule_packs
from ledger.calendars import shanghai_date
from ledger.chain import canonical_json
from ledger.policy import PolicyValue, RulePack
from service.store import ids, reference, rule_pack_rows
from service.store.batches import STATEMENT_TIMEOUT
from service.store.context import Context
from service.store.facts import Record
from service.store.rows import table_of
from service.store.tables import Jurisdiction, RulePackProposal

LIFETIME: Final = timedelta(days=14)
"""How long a proposal waits, in machine time."""

CHANGE: Final = "CHANGE"
ASSIGN: Final = "ASSIGN"


@dataclass(frozen=True, slots=True)
class ProposalFilter:
    """What a list of proposals is narrowed to."""

    code: str | None = None
    state: str | None = None


def delta_of(row: Record) -> list[PolicyValue]:
    """Return the values a proposal asks for; its hash still holds."""
    assert hash_of(row) == row.delta_hash, "a proposal is what was proposed"
    return [rule_packs.value_of(item) for item in json.loads(row.delta)]


def written_delta(delta: Sequence[PolicyValue]) -> str:
    """Write the values of a proposal as canonical JSON."""
    return canonical_json([rule_packs.rendered(value) for value in delta])


def hash_of(row: Mapping[str, Any]) -> bytes:
    """Return the hash over everything a proposal asks for."""
    asked = {
        "action": row["action"],
        "code": row["code"],
        "jurisdiction": row["jurisdiction_code"],
        "base_version": row["base_version"],
        "origin": row["origin"],
        "values": json.loads(row["delta"]),
        "effective_on": row["effective_on"].isoformat(),
        "reason": row["reason"],
        "document_id": row["document_id"],
    }
    return hashlib.sha256(canonical_json(asked).encode()).digest()


async def proposal(connection: AsyncConnection, wanted: UUID) -> Record | None:
    """Return a proposal by its id."""
    source = table_of(RulePackProposal)
    found = await connection.execute(select(source).where(source.c.proposal_id == wanted))
    row = found.mappings().one_or_none()
    return None if row is None else Record(row)


async def proposals(connection: AsyncConnection, narrowed: ProposalFilter) -> list[Record]:
    """Return proposals, newest first."""
    source = table_of(RulePackProposal)
    statement = select(source).order_by(source.c.proposal_id.desc())
    if narrowed.code is not None:
        statement = statement.where(source.c.code == narrowed.code)
    if narrowed.state is not None:
        waits = source.c.expires_at > func.clock_timestamp()
        shown = {
            "PENDING": (source.c.state == "PENDING") & waits,
            "EXPIRED": (source.c.state == "EXPIRED") | ((source.c.state == "PENDING") & ~waits),
        }
        statement = statement.where(shown.get(narrowed.state, source.c.state == narrowed.state))
    return [Record(row) for row in (await connection.execute(statement)).mappings()]


async def keep(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Write a new proposal down."""
    await connection.execute(insert(table_of(RulePackProposal)).values(**row))


async def decide(connection: AsyncConnection, wanted: UUID, values: Mapping[str, Any]) -> None:
    """Write what became of a proposal that waited."""
    source = table_of(RulePackProposal)
    done = await connection.execute(
        update(source)
        .where(source.c.proposal_id == wanted, source.c.state == "PENDING")
        .values(**values)
    )
    assert done.rowcount == 1, "it waited, under the lock of all reference data"


async def close_expired(connection: AsyncConnection) -> None:
    """Close the proposals that waited too long."""
    source = table_of(RulePackProposal)
    await connection.execute(
        update(source)
        .where(source.c.state == "PENDING", source.c.expires_at <= func.clock_timestamp())
        .values(state="EXPIRED", decided_at=func.clock_timestamp())
    )


async def clock(connection: AsyncConnection) -> datetime:
    """Return machine time."""
    found: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
    return found


async def open_day(connection: AsyncConnection, nodes: Sequence[Record]) -> date:
    """Return the first day on which nothing has been judged yet in these jurisdictions' journals.

    That is the latest of their business dates; of jurisdictions without journals, today. Business
    dates are looked at with the eyes of their journals, for nobody else's.
    """
    journals = tuple(sorted({node.journal_id for node in nodes} - {None}))
    today = shanghai_date(await clock(connection))
    if not journals:
        return today
    await Context(journals).enter(connection, statement_timeout=STATEMENT_TIMEOUT)
    found = await rule_pack_rows.latest_day(connection, journals)
    await Context.writer(0).enter(connection, statement_timeout=STATEMENT_TIMEOUT)
    return max(today, found or today)


async def level_paths(connection: AsyncConnection, codes: Iterable[str | None]) -> dict[str, str]:
    """Return the scope paths of levels by their codes; of those that nobody knows, none."""
    wanted = sorted({code for code in codes if code is not None})
    source = table_of(Jurisdiction)
    known = await connection.execute(
        select(source.c.code, source.c.path).where(source.c.code.in_(wanted))
    )
    found = {code: reference.scope_path(code) for code in wanted if code.isdigit()}
    return found | {row.code: row.path for row in known}


async def packs_around(
    connection: AsyncConnection, path: str
) -> tuple[list[RulePack], list[RulePack]]:
    """Return the newest packs of the levels above a path, and of those below it."""
    above: list[RulePack] = []
    below: list[RulePack] = []
    packs = [rule_pack_rows.pack_of(row) for row in await rule_pack_rows.newest_packs(connection)]
    levels = await level_paths(connection, [pack.jurisdiction for pack in packs])
    for pack in packs:
        level = levels.get(pack.jurisdiction or "")
        if level is None or level == path:
            continue
        if reference.is_within(path, level):
            above.append(pack)
        elif reference.is_within(level, path):
            below.append(pack)
    return above, below


def public_id(proposal_id: UUID) -> str:
    """Write a proposal's public id; it belongs to no journal."""
    return ids.public("rpp", 0, proposal_id)
