"""Rule packs in the database: versions, which jurisdiction has which from when, and what is above.

Reference tables without row-level security; the functions run in the caller's transaction. A
version that was approved is judged by from its effective day on, by each journal's own business
date; asked for at each use, so that every process knows a new one at once.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import rule_packs
from ledger.pack_changes import followed
from ledger.policy import RulePack
from service.store.facts import Record
from service.store.rows import table_of
from service.store.tables import Jurisdiction, RulePackAssignment, RulePackVersion

_TODAY: Final = """
    SELECT greatest(
        ((clock_timestamp() + make_interval(secs => coalesce(head.clock_offset_us, 0) / 1e6))
            AT TIME ZONE 'Asia/Shanghai')::date, head.effective_on, head.closed_on + 1) AS day
    FROM node LEFT JOIN escrow.journal_head AS head ON head.journal_id = node.journal_id"""
_RULES: Final = """
    WITH node AS (
        SELECT code, rule_pack, journal_id FROM escrow.jurisdiction WHERE {named}),
    today AS ({today}),
    assigned AS (
        SELECT '0001-01-01'::date AS from_on, rule_pack FROM node UNION ALL
        SELECT given.from_on, given.rule_pack FROM escrow.rule_pack_assignment AS given
        JOIN node ON given.jurisdiction_code = node.code
        WHERE given.from_on <= (SELECT day FROM today))
    SELECT assigned.from_on, pack.code, pack.version, pack.content
    FROM assigned CROSS JOIN LATERAL (
        SELECT code, version, content FROM escrow.rule_pack_version AS held
        WHERE held.code = assigned.rule_pack
          AND (held.effective_on IS NULL OR held.effective_on <= (SELECT day FROM today))
        ORDER BY version DESC LIMIT 1) AS pack
    ORDER BY assigned.from_on"""
_OF_JOURNAL: Final = text(_RULES.format(named="journal_id = :journal", today=_TODAY))
_OF_NODE: Final = text(_RULES.format(named="code = :code", today=_TODAY))
_LATEST_DAY: Final = text(
    """
    SELECT max(greatest(
        ((clock_timestamp() + make_interval(secs => head.clock_offset_us / 1e6))
            AT TIME ZONE 'Asia/Shanghai')::date, head.effective_on, head.closed_on + 1))
    FROM escrow.journal_head AS head WHERE head.journal_id = ANY(:journals)
    """
)
_NEWEST: Final = text(
    "SELECT DISTINCT ON (code) code, version, content, effective_on, loaded_at, proposal_id"
    " FROM escrow.rule_pack_version ORDER BY code, version DESC"
)


async def rules_of_journal(connection: AsyncConnection, journal: int) -> RulePack | None:
    """Return the rules that a journal judges by today, None without any."""
    return _composed((await connection.execute(_OF_JOURNAL, {"journal": journal})).all())


async def rules_of_node(connection: AsyncConnection, code: str) -> RulePack | None:
    """Return the rules of a jurisdiction today, None without any."""
    return _composed((await connection.execute(_OF_NODE, {"code": code})).all())


async def newest_packs(connection: AsyncConnection) -> list[Record]:
    """Return the newest version of every pack, in order of code."""
    return [Record(row) for row in (await connection.execute(_NEWEST)).mappings()]


async def versions(connection: AsyncConnection, code: str) -> list[Record]:
    """Return every version of a pack, newest first."""
    source = table_of(RulePackVersion)
    statement = select(source).where(source.c.code == code).order_by(source.c.version.desc())
    return [Record(row) for row in (await connection.execute(statement)).mappings()]


async def nodes_with(connection: AsyncConnection, codes: Iterable[str]) -> list[Record]:
    """Return the jurisdictions that have, had or will have one of these packs, in order of path."""
    wanted = sorted(set(codes))
    source, given = table_of(Jurisdiction), table_of(RulePackAssignment)
    assigned = select(given.c.jurisdiction_code).where(given.c.rule_pack.in_(wanted))
    statement = (
        select(source)
        .where(source.c.rule_pack.in_(wanted) | source.c.code.in_(assigned))
        .order_by(source.c.path)
    )
    return [Record(row) for row in (await connection.execute(statement)).mappings()]


async def assignments(connection: AsyncConnection, codes: Sequence[str]) -> list[Record]:
    """Return which packs were assigned to jurisdictions, in order of day."""
    source = table_of(RulePackAssignment)
    statement = (
        select(source)
        .where(source.c.jurisdiction_code.in_(codes))
        .order_by(source.c.jurisdiction_code, source.c.from_on)
    )
    return [Record(row) for row in (await connection.execute(statement)).mappings()]


async def latest_day(connection: AsyncConnection, journals: Sequence[int]) -> date | None:
    """Return the latest business date among journals that the running context sees."""
    found: date | None = await connection.scalar(_LATEST_DAY, {"journals": list(journals)})
    return found


async def keep_version(
    connection: AsyncConnection, pack: RulePack, *, effective_on: date, proposal: UUID, at: datetime
) -> None:
    """Keep an approved version for ever."""
    await connection.execute(
        insert(table_of(RulePackVersion)).values(
            code=pack.code,
            version=pack.version,
            content=rule_packs.render(pack),
            loaded_at=at,
            effective_on=effective_on,
            proposal_id=proposal,
        )
    )


async def keep_assignment(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """Keep from which day a jurisdiction has a pack."""
    await connection.execute(insert(table_of(RulePackAssignment)).values(**row))


@lru_cache(maxsize=256)
def parsed(code: str, version: int, content: str) -> RulePack:
    """Read a stored version; it is stored under its own name."""
    pack = rule_packs.parse(content)
    assert (pack.code, pack.version) == (code, version), "a pack is stored under its own name"
    return pack


def pack_of(row: Record) -> RulePack:
    """Return the pack that a version's row holds."""
    return parsed(row.code, row.version, row.content)


def _composed(found: Sequence[Any]) -> RulePack | None:
    if not found:
        return None
    return _followed(tuple((row.from_on, row.code, row.version, row.content) for row in found))


@lru_cache(maxsize=256)
def _followed(found: tuple[tuple[date, str, int, str], ...]) -> RulePack:
    _, *first = found[0]
    rules = parsed(*first)
    for since, *held in found[1:]:
        rules = followed(rules, parsed(*held), since=since)
    return rules
