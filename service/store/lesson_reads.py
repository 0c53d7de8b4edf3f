"""Lessons and notices as nouns and sweeps read them: keys in scope, pages, and what is due."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, cast, func, select, text
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
    " AND (phone_index IS NOT NULL OR phone IS NOT NULL) AND restricted_at IS NULL"
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


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a sweep found behind a key, and the last key it looked at (None: nothing is left)."""

    found: Sequence[Record]
    last: UUID | None


async def notices_to_fetch(
    connection: AsyncConnection, journal: int, parties: Sequence[UUID], limit: int
) -> Sequence[Record]:
    """Return parties' undelivered notices, oldest first, then their latest delivered ones.

    Each comes with the keys of its lesson; those of a notice about something else are None.
    """
    notice = rows.table_of(Notice)
    statement = select(notice).where(
        notice.c.journal_id == journal,
        notice.c.recipient_id == any_(cast(list(parties), ARRAY(Uuid))),
    )
    waiting = statement.where(notice.c.delivered_at.is_(None)).order_by(notice.c.notice_id)
    found = list(await rows.fetch(connection, waiting.limit(limit)))
    if len(found) < limit:
        told = statement.where(notice.c.delivered_at.is_not(None))
        told = told.order_by(notice.c.notice_id.desc()).limit(limit - len(found))
        found += await rows.fetch(connection, told)
    lessons = {row.notice_id: row for row in await _with_lessons(connection, journal, found)}
    of_no_lesson = dict.fromkeys((*_KEYS, "state"))
    return [lessons.get(row["notice_id"]) or Record({**of_no_lesson, **row}) for row in found]


async def undelivered(
    connection: AsyncConnection, journal: int, channel: str, *, after: UUID | None, limit: int
) -> Chunk:
    """Return notices of pending lessons that a channel has still to deliver."""
    notice = rows.table_of(Notice)
    statement = select(notice).where(
        notice.c.journal_id == journal,
        notice.c.channel == channel,
        notice.c.delivered_at.is_(None),
    )
    if after is not None:
        statement = statement.where(notice.c.notice_id > after)
    waiting = await rows.fetch(connection, statement.order_by(notice.c.notice_id).limit(limit))
    found = await _with_lessons(connection, journal, waiting)
    pending = [row for row in found if row.state == "RECORDED"]
    return Chunk(pending, waiting[-1]["notice_id"] if waiting else None)


async def uncounted(
    connection: AsyncConnection, journal: int, *, after: UUID | None, limit: int
) -> Chunk:
    """Return pending lessons whose notice was delivered but whose deadline is not known yet."""
    lesson, notice = rows.table_of(Lesson), rows.table_of(Notice)
    statement = select(lesson.c.lesson_id, lesson.c.notice_id).where(
        lesson.c.journal_id == journal,
        lesson.c.state == "RECORDED",
        lesson.c.confirm_due_on.is_(None),
    )
    if after is not None:
        statement = statement.where(lesson.c.lesson_id > after)
    waiting = await rows.fetch(connection, statement.order_by(lesson.c.lesson_id).limit(limit))
    told = rows.keyed(Notice, journal, {row["notice_id"] for row in waiting}, "notice_id")
    delivered = await rows.fetch(connection, told.where(notice.c.delivered_at.is_not(None)))
    found = await _with_lessons(connection, journal, delivered)
    return Chunk(found, waiting[-1]["lesson_id"] if waiting else None)


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
    found = await connection.execute(_SILENT, values)
    return [Record(row) for row in found.mappings()]


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


async def _with_lessons(
    connection: AsyncConnection, journal: int, notices: Sequence[Mapping[str, Any]]
) -> Sequence[Record]:
    """Join notices with the keys and states of their lessons.

    Two probes by key: as one join, a planner that knows nothing of a table that has just grown
    reads all of it for every notice.
    """
    lesson = rows.table_of(Lesson)
    columns = (*_KEYS, "state")
    statement = rows.keyed(Lesson, journal, {row["subject_id"] for row in notices}, "lesson_id")
    keys = statement.with_only_columns(*(lesson.c[name] for name in columns))
    found = {row["lesson_id"]: row for row in await rows.fetch(connection, keys)}
    return [
        Record(
            {
                **found[row["subject_id"]],
                "notice_id": row["notice_id"],
                "recipient_id": row["recipient_id"],
                "kind": row["kind"],
            }
        )
        for row in notices
        if row["subject_id"] in found
    ]
