"""Lessons that silence confirms by columns end as those decided one by one, byte for byte."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from service.lessons.confirm import CONFIRM_BY_SILENCE, ConfirmLesson
from service.lessons.found import Found, LessonKey
from service.lessons.release import read_accounts
from service.store import ids, lesson_reads
from service.store.context import Context
from service.store.facts import Insert, Update
from service.store.tables import Enrolment, Lesson, Restraint
from service.store.transact import Mode, Request
from service.worker.sweeps import deliver_notices
from tests.fixtures.service import fresh_id
from tests.fixtures.story import Contract, School, Story
from tests.store.both_ways import carried_out

pytestmark = pytest.mark.usefixtures("official_calendar")

BY_OBJECTS = replace(CONFIRM_BY_SILENCE, read=read_accounts)
LATER = datetime.now(UTC) + timedelta(days=60)


async def taught(school: School, course: str, lessons: int) -> Contract:
    """Sign a contract, pay it, and hold so many lessons of it."""
    contract = await school.signs(course)
    await school.story.parent_pays(contract, "ICBC")
    await school.gives(contract, lessons)
    return contract


async def silent(story: Story) -> list[Found[Any]]:
    """Let the notices arrive, two months pass, and find what silence may confirm."""
    service, journal = story.district.service, story.district.journal
    await deliver_notices(service.store, journal)
    async with service.store.reading(Context((journal,))) as connection:
        found = await lesson_reads.silent(
            connection, journal, today=LATER.date(), after=None, limit=1_000
        )
    return [
        Found(
            ConfirmLesson(LessonKey(journal, lesson=row.lesson_id)),
            row.lesson_id,
            row.enrolment_id,
            row.institution_id,
        )
        for row in found
    ]


async def both_ways(
    story: Story, found: Sequence[Found[Any]], **values: Any
) -> tuple[dict[str, list[str]], int]:
    """Confirm lessons by columns and by objects, to the same end.

    Returns it, and how many were confirmed by columns.
    """
    journal = story.district.journal
    given: dict[str, Any] = {"mode": Mode.INDEPENDENT, "unread": True, "actor": "service.worker"}
    request: Request[Any, Any] = Request(
        CONFIRM_BY_SILENCE,
        found,
        caller=Context((journal,)),
        journal=journal,
        **(given | values),
    )
    engine = story.district.service.engine

    told, stood, lines = await carried_out(engine, [request], moment=LATER)
    by_objects = await carried_out(engine, [replace(request, use_case=BY_OBJECTS)], moment=LATER)

    assert by_objects == (told, stood, 0)
    return stood, lines


async def test_whatever_lessons_silence_meets_end_alike_by_columns_and_by_objects(
    story: Story,
) -> None:
    school, other = await story.school_opens("ICBC"), await story.school_opens("ICBC")
    dance, short = await school.files("4999.99", 48), await school.files("0.05", 2)
    worthless = await school.files("0.02", 3)
    plain = [await taught(school, dance, lessons) for lessons in (3, 1)]
    plain.append(await taught(other, await other.files("100.00", 10), 2))
    await taught(school, short, 2)
    await taught(school, worthless, 2)
    blocked = await taught(school, dance, 2)
    legacy = await school.takes_on("100.00", 4, "2025-06-01")
    await school.gives(legacy, 1)
    found = await silent(story)
    await story.district.plant(Insert(Restraint, _freeze_of(school, blocked)))

    stood, lines = await both_ways(story, found)

    assert lines == 6
    assert len(found) == 13
    counted = [row for row in stood["lesson"] if "('confirmed_by', 'SILENCE')" in row]
    assert len(counted) == 6 + 2 + 2 + 1


async def test_of_an_enrolment_with_one_lesson_that_is_not_plain_none_is_released_by_columns(
    story: Story,
) -> None:
    school = await story.school_opens("ICBC")
    await taught(school, await school.files("4999.99", 48), 3)
    found = await silent(story)
    later = {"confirm_due_on": date(2099, 1, 1)}
    await story.district.plant(Update(Lesson, (found[0].lesson,), later))

    stood, lines = await both_ways(story, found)

    assert lines == 0
    assert len([row for row in stood["lesson"] if "('state', 'CONFIRMED')" in row]) == 2


async def test_a_lesson_that_is_named_twice_is_confirmed_once(story: Story) -> None:
    school = await story.school_opens("ICBC")
    await taught(school, await school.files("4999.99", 48), 1)
    found = await silent(story)

    stood, lines = await both_ways(story, [*found, *found])

    assert lines == 0
    assert len([row for row in stood["lesson"] if "('state', 'CONFIRMED')" in row]) == 1


async def test_who_reads_the_answers_is_told_them_of_objects(story: Story) -> None:
    school = await story.school_opens("ICBC")
    await taught(school, await school.files("4999.99", 48), 1)
    found = await silent(story)

    _, lines = await both_ways(story, found, unread=False)

    assert lines == 0


async def test_a_schedule_of_a_later_version_counts_its_own_lessons(story: Story) -> None:
    school = await story.school_opens("ICBC")
    contract = await taught(school, await school.files("4800.00", 48), 2)
    found = await silent(story)
    schedule = {
        "schedule_version": 2,
        "schedule_fen": 480_000,
        "schedule_paid": 48,
        "schedule_gift": 0,
        "schedule_confirmed": 5,
    }
    key = ids.parse("enr", contract.id)[1]
    await story.district.plant(Update(Enrolment, (key,), schedule))

    stood, lines = await both_ways(story, found)

    [row] = stood["enrolment"]
    assert lines == 2
    assert "('schedule_confirmed', 7)" in row
    assert "('lessons_confirmed', 2)" in row


def _freeze_of(school: School, contract: Contract) -> dict[str, Any]:
    return {
        "restraint_id": fresh_id(),
        "institution_id": ids.parse("ins", school.id)[1],
        "target_type": "ENROLMENT",
        "target_id": ids.parse("enr", contract.id)[1],
        "kind": "FREEZE",
        "cause": "RISK",
        "placed_by": "test",
        "placed_at": datetime.now(UTC),
        "from_seq": 0,
    }
