"""Reading the audit trail: pages, single rows, heads, and the segment of a day."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, DateTime, Integer, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import audit, rows
from service.store.facts import Record
from service.store.tables import AuditRow
from service.store.unit import SHANGHAI

CHUNK: Final = 2_000

# Times never go back along a chain, so where one begins is found by halving.
_POSITION: Final = text(
    """
    WITH RECURSIVE found(low, high) AS (
        SELECT 1::bigint, (SELECT coalesce(max(audit_seq), 0) + 1 FROM escrow.audit
                           WHERE journal_id = :journal)
        UNION ALL
        SELECT CASE WHEN middle.recorded_at < :at THEN middle.audit_seq + 1 ELSE found.low END,
               CASE WHEN middle.recorded_at < :at THEN found.high ELSE middle.audit_seq END
        FROM found JOIN escrow.audit AS middle
          ON middle.journal_id = :journal AND middle.audit_seq = (found.low + found.high) / 2
        WHERE found.low < found.high)
    SELECT low FROM found WHERE low >= high
    """
).bindparams(bindparam("journal", type_=Integer), bindparam("at", type_=DateTime(timezone=True)))
_HEADS: Final = text(
    """
    SELECT journal_id, audit_seq AS seq, audit_hash AS hash FROM escrow.journal_head
    WHERE journal_id = ANY(:journals)
    UNION ALL
    SELECT chain, seq, hash FROM escrow.audit_head WHERE chain = ANY(:journals)
    ORDER BY 1
    """
).bindparams(bindparam("journals", type_=ARRAY(Integer)))
_LINK: Final = text(
    "SELECT hash FROM escrow.audit WHERE journal_id = :journal AND audit_seq = :seq"
).bindparams(bindparam("journal", type_=Integer), bindparam("seq", type_=BigInteger))


@dataclass(frozen=True, slots=True)
class TrailFilter:
    """What of a chain is asked for; None does not narrow. `until` is left out."""

    caller_id: str | None = None
    operation: str | None = None
    object: str | None = None
    outcome: str | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def narrowing(self) -> dict[str, str]:
        """The columns that have to be equal to something."""
        names = ("caller_id", "operation", "object", "outcome", "kind")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@dataclass(frozen=True, slots=True)
class Segment:
    """A day of a chain: its rows from `first` to `last` (none if it is less), and both ends."""

    journal: int
    day: date
    first: int
    last: int
    previous: bytes
    head: bytes


async def page(
    connection: AsyncConnection,
    journal: int,
    wanted: TrailFilter,
    *,
    before: int | None,
    limit: int,
) -> list[Record]:
    """Return the newest rows of a chain before a position, at most so many."""
    source = rows.table_of(AuditRow)
    statement = select(source).where(source.c.journal_id == journal)
    for name, value in wanted.narrowing.items():
        statement = statement.where(source.c[name] == value)
    if wanted.since is not None:
        statement = statement.where(source.c.recorded_at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(source.c.recorded_at < wanted.until)
    # Of chain 0 a reader may see some rows only, of which there is nothing to halve.
    if journal != audit.APART and wanted.since is not None:
        first = await position_at(connection, journal, wanted.since)
        statement = statement.where(source.c.audit_seq >= first)
    if journal != audit.APART and wanted.until is not None:
        end = await position_at(connection, journal, wanted.until)
        statement = statement.where(source.c.audit_seq < end)
    if before is not None:
        statement = statement.where(source.c.audit_seq < before)
    found = await connection.execute(statement.order_by(source.c.audit_seq.desc()).limit(limit))
    return [Record(row) for row in found.mappings()]


async def row(connection: AsyncConnection, journal: int, seq: int) -> Record | None:
    """Return one row, None where the reader sees none."""
    source = rows.table_of(AuditRow)
    statement = select(source).where(source.c.journal_id == journal, source.c.audit_seq == seq)
    found = (await connection.execute(statement)).mappings().one_or_none()
    return None if found is None else Record(found)


async def heads(connection: AsyncConnection, journals: tuple[int, ...]) -> list[Record]:
    """Return where the chains of these journals stand, in order."""
    found = await connection.execute(_HEADS, {"journals": list(journals)})
    return [
        Record(each, hash=each["hash"] or audit.genesis(each["journal_id"]))
        for each in found.mappings()
    ]


async def position_at(connection: AsyncConnection, journal: int, at: datetime) -> int:
    """Return the position of the first row that was recorded at or after an instant."""
    found = await connection.execute(_POSITION, {"journal": journal, "at": at})
    return int(found.scalar_one())


async def segment(connection: AsyncConnection, journal: int, day: date) -> Segment:
    """Return what a chain has of a day (Shanghai), and the hashes before and at its end.

    The reader has to see the whole chain.
    """
    midnight = datetime.combine(day, time(), SHANGHAI).astimezone(UTC)
    first = await position_at(connection, journal, midnight)
    last = await position_at(connection, journal, midnight + timedelta(days=1)) - 1
    ends = [await _hash_at(connection, journal, seq) for seq in (first - 1, last)]
    return Segment(journal, day, first, last, *ends)


async def of_segment(
    connection: AsyncConnection, wanted: Segment
) -> AsyncIterator[list[Mapping[str, Any]]]:
    """Go through a segment's rows in order, some at a time."""
    source = rows.table_of(AuditRow)
    after = wanted.first - 1
    while after < wanted.last:
        statement = (
            select(source)
            .where(
                source.c.journal_id == wanted.journal,
                source.c.audit_seq > after,
                source.c.audit_seq <= min(after + CHUNK, wanted.last),
            )
            .order_by(source.c.audit_seq)
        )
        yield [dict(each) for each in (await connection.execute(statement)).mappings()]
        after += CHUNK


async def _hash_at(connection: AsyncConnection, journal: int, seq: int) -> bytes:
    if seq == 0:
        return audit.genesis(journal)
    found: bytes = (await connection.execute(_LINK, {"journal": journal, "seq": seq})).scalar_one()
    return found
