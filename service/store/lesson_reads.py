"""Lessons and notices as nouns and sweeps read them: keys in scope, pages, and what is due."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.calendars import shanghai_date
from service.store import rows
from service.store.context import Context
from service.store.enrolment_reads import in_departments
from service.store.facts import Record
from service.store.tables import JournalHead, Lesson, Notice
from service.store.unit import business_now

TAKEN: Final = frozenset({"RECORDED", "DISPUTED", "CONFIRMED"})
"""States of a lesson in which it holds its slot."""

_KEYS: Final = ("lesson_id", "enrolment_id", "institution_id", "reference")

_UNDELIVERED: Final = text(
    """
    SELECT notice.notice_id, notice.subject_id AS lesson_id, lesson.enrolment_id,
           lesson.institution_id, notice.recipient_id
    FROM escrow.notice AS notice
    JOIN escrow.lesson AS lesson
      ON lesson.journal_id = notice.journal_id AND lesson.lesson_id = notice.subject_id
    WHERE notice.journal_id = :journal AND notice.channel = :channel
      AND notice.delivered_at IS NULL AND lesson.state = 'RECORDED'
      AND (CAST(:after AS uuid) IS NULL OR notice.notice_id > :after)
    ORDER BY notice.notice_id LIMIT :limit
    """
)

_UNCOUNTED: Final = text(
    """
    SELECT notice.notice_id, lesson.lesson_id, lesson.enrolment_id, lesson.institution_id,
           notice.recipient_id
    FROM escrow.lesson AS lesson
    JOIN escrow.notice AS notice
      ON notice.journal_id = lesson.journal_id AND notice.notice_id = lesson.notice_id
    WHERE lesson.journal_id = :journal AND lesson.state = 'RECORDED'
      AND lesson.confirm_due_on IS NULL AND notice.delivered_at IS NOT NULL
      AND (CAST(:after AS uuid) IS NULL OR lesson.lesson_id > :after)
    ORDER BY lesson.lesson_id LIMIT :limit
    """
)

_SILENT: Final = text(
    """
    SELECT lesson_id, enrolment_id, institution_id, confirm_due_on FROM escrow.lesson
    WHERE journal_id = :journal AND state = 'RECORDED' AND confirm_due_on < :today
      AND (CAST(:after AS uuid) IS NULL
           OR (confirm_due_on, lesson_id) > (CAST(:after_on AS date), :after))
    ORDER BY confirm_due_on, lesson_id LIMIT :limit
    """
)

_REACHABLE: Final = text(
    "SELECT party_id FROM pii.party WHERE journal_id = :journal AND party_id = ANY(:parties)"
    " AND phone IS NOT NULL"
).bindparams(bindparam("parties", type_=ARRAY(Uuid)))


async def keys_by_id(
    connection: AsyncConnection, caller: Context, journal: int, wanted: Iterable[UUID]
) -> dict[UUID, Record]:
    """Return the keys of the lessons of these ids that the caller sees, by id."""
    ids = set(wanted)
    if not ids:
        return {}
    statement = in_departments(rows.keyed(Lesson, journal, ids, "lesson_id"), Lesson, caller)
    source = rows.table_of(Lesson)
    keys = statement.with_only_columns(*(source.c[name] for name in _KEYS))
    found = await rows.fetch(connection, keys)
    return {row["lesson_id"]: Record(row) for row in found}


async def keys_by_reference(
    connection: AsyncConnection, caller: Context, journal: int, wanted: Iterable[tuple[UUID, str]]
) -> dict[tuple[UUID, str], Record]:
    """Return the keys of lessons that the caller sees by (enrolment, reference)."""
    pairs = set(wanted)
    if not pairs:
        return {}
    named = rows.paired(Lesson, journal, pairs, ("enrolment_id", "reference"))
    found = await rows.fetch(connection, named)
    if caller.departments is None:
        return {(row["enrolment_id"], row["reference"]): Record(row) for row in found}
    seen = await keys_by_id(connection, caller, journal, [row["lesson_id"] for row in found])
    return {(row.enrolment_id, row.reference): row for row in seen.values()}


async def notices_to_fetch(
    connection: AsyncConnection, journal: int, party: UUID, limit: int
) -> Sequence[Record]:
    """Return a party's undelivered notices, oldest first, then its latest delivered ones."""
    notice, held = rows.table_of(Notice), rows.table_of(Lesson)
    statement = (
        select(
            notice.c.notice_id,
            notice.c.recipient_id,
            held.c.lesson_id,
            held.c.enrolment_id,
            held.c.institution_id,
        )
        .join(
            held,
            (held.c.journal_id == notice.c.journal_id) & (held.c.lesson_id == notice.c.subject_id),
        )
        .where(notice.c.journal_id == journal, notice.c.recipient_id == party)
    )
    waiting = statement.where(notice.c.delivered_at.is_(None)).order_by(notice.c.notice_id)
    found = [Record(row) for row in await rows.fetch(connection, waiting.limit(limit))]
    if len(found) < limit:
        told = statement.where(notice.c.delivered_at.is_not(None))
        told = told.order_by(notice.c.notice_id.desc()).limit(limit - len(found))
        found += [Record(row) for row in await rows.fetch(connection, told)]
    return found


async def undelivered(
    connection: AsyncConnection, journal: int, channel: str, *, after: UUID | None, limit: int
) -> Sequence[Record]:
    """Return notices of pending lessons that a channel has still to deliver."""
    values = {"journal": journal, "channel": channel, "after": after, "limit": limit}
    return await _records(connection, _UNDELIVERED, values)


async def uncounted(
    connection: AsyncConnection, journal: int, *, after: UUID | None, limit: int
) -> Sequence[Record]:
    """Return pending lessons whose notice was delivered but whose deadline is not known yet."""
    values = {"journal": journal, "after": after, "limit": limit}
    return await _records(connection, _UNCOUNTED, values)


async def silent(
    connection: AsyncConnection,
    journal: int,
    *,
    today: date,
    after: tuple[date, UUID] | None,
    limit: int,
) -> Sequence[Record]:
    """Return pending lessons whose deadline lies before a date, oldest deadline first."""
    after_on, last = after or (None, None)
    values = {
        "journal": journal,
        "today": today,
        "after_on": after_on,
        "after": last,
        "limit": limit,
    }
    return await _records(connection, _SILENT, values)


async def reachable(
    connection: AsyncConnection, journal: int, parties: Iterable[UUID]
) -> frozenset[UUID]:
    """Return which of these parties have a phone that a notice can be sent to."""
    found = await connection.execute(
        _REACHABLE, {"journal": journal, "parties": sorted(set(parties))}
    )
    return frozenset(row.party_id for row in found)


async def business_today(connection: AsyncConnection, journal: int) -> date:
    """Return the business date on a journal's clock, for choosing what may be due."""
    source = rows.table_of(JournalHead)
    row = (
        await connection.execute(
            select(source.c.clock_offset_us, func.clock_timestamp().label("clock")).where(
                source.c.journal_id == journal
            )
        )
    ).one()
    return shanghai_date(business_now(row.clock, row.clock_offset_us))


async def _records(
    connection: AsyncConnection,
    statement: Any,  # noqa: ANN401 - a statement of ours
    values: dict[str, Any],
) -> Sequence[Record]:
    found = await connection.execute(statement, values)
    return [Record(row) for row in found.mappings()]
