"""Time in a lane: days that end, and lessons about which a parent has been silent long enough."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from service.lessons import use_cases as lessons
from service.store import ids
from service.store.context import Context
from service.store.transact import Mode, Request
from service.store.unit import SHANGHAI
from service.worker.sweeps import deliver_notices
from tests.campaigns.racecourse import LESSONS, Course, Told
from tests.fixtures.story import Contract

_CHUNK_MAX: Final = 10
"""Contracts whose lessons fall silent together, at most."""


async def silent_lesson(course: Course) -> tuple[Contract, str]:
    """Return a recorded lesson about which the parent has been silent for long enough.

    They are prepared at once, each time more of them, and then the lane's clock moves on.
    """
    known = course.known.setdefault("silent", [])
    if not known:
        prepared = min(2 * course.known.get("prepared", 0), _CHUNK_MAX) or 1
        course.known["prepared"] = prepared
        for _ in range(prepared):
            contract = await course.contract()
            known += [(contract, await course.lesson(contract)) for _ in range(LESSONS)]
        store, journal = course.district.service.store, course.district.journal
        await deliver_notices(store, journal)
        due = await course.story.read(f"lessons/{known[-1][1]}", course.school.token)
        waits = date.fromisoformat(due["confirm_due_on"]) - today(course)
        await move(course, waits.days + 1)
    silent: tuple[Contract, str] = known.pop()
    return silent


async def silence(course: Course, contract: Contract, lesson: str) -> Told:
    """Let the sweep of a third process confirm one lesson."""
    journal = course.district.journal
    named, enrolment = ids.parse("lsn", lesson)[1], ids.parse("enr", contract.id)[1]
    found: Any = lessons.Found(
        lessons.ConfirmLesson(lessons.LessonKey(journal, lesson=named)),
        named,
        enrolment,
        ids.parse("ins", contract.school.id)[1],
    )
    request = Request(
        use_case=lessons.CONFIRM_BY_SILENCE,
        commands=[found],
        caller=Context((journal,)),
        actor="service.worker",
        journal=journal,
        mode=Mode.INDEPENDENT,
    )
    [verdict] = (await course.district.service.store.transact(request)).verdicts
    if verdict.refusal is not None:
        return Told(409, {"code": verdict.refusal.code, **verdict.refusal.facts})
    return Told(200, dict(verdict.answer or {}))


async def move(course: Course, days: int) -> None:
    """Let days pass in the lane's journal."""
    course.known["days"] = course.known.get("days", 0) + days
    to = datetime.now(UTC) + timedelta(days=course.known["days"])
    await course.district.service.store.move_clock(course.district.journal, to)


async def next_day(course: Course) -> date:
    """Let a day end; return the day that can now be closed."""
    await move(course, 1)
    return today(course) - timedelta(days=1)


def today(course: Course) -> date:
    """Return the lane's business date."""
    return datetime.now(SHANGHAI).date() + timedelta(days=course.known.get("days", 0))
