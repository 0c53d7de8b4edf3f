"""The lessons of a demonstration term: when each is held, who comes, and how guardians react.

Decided by the district's seed, contract by contract, so that the same plan comes out whatever part
of it is played. Subject courses skip rest days and term breaks through the district's calendar.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from ledger.calendars import WorkingCalendar, midnight
from ledger.policy import Category

from .records import Course, District, Lesson, Reaction

DEFAULT_WEEKS: Final = 4
"""Weeks that hold about 60,000 lessons."""

_ABSENT: Final = 0.015
_ALWAYS_SILENT: Final = 0.06
_SILENT: Final = 0.04
_DISPUTED: Final = 0.0015
_UPHELD: Final = 0.5


def term(
    district: District, calendar: WorkingCalendar, *, weeks: int | None = DEFAULT_WEEKS
) -> Iterator[tuple[date, list[Lesson]]]:
    """Give each day's lessons in order of date and start; `weeks` None plays the whole term."""
    until = district.ends_on
    if weeks is not None:
        until = min(until, district.starts_on + timedelta(weeks=weeks, days=-1))
    days: dict[date, list[Lesson]] = defaultdict(list)
    sessions = {
        course.number: list(_sessions(course, district, calendar, until))
        for course in district.courses
    }
    taught = [(taken.contract_no, taken.course, taken.lessons) for taken in district.enrolments]
    taught += [(old.contract_no, old.course, old.remaining_lessons) for old in district.legacy]
    for contract_no, number, lessons in taught:
        course = district.courses[number - 1]
        for lesson in _lessons(district, contract_no, lessons, course, sessions[number]):
            days[lesson.starts_at.date()].append(lesson)
    for on in sorted(days):
        yield on, sorted(days[on], key=lambda lesson: (lesson.starts_at, lesson.contract_no))


def _sessions(
    course: Course, district: District, calendar: WorkingCalendar, until: date
) -> Iterator[tuple[date, int]]:
    on = district.starts_on
    while on <= until:
        if course.category is not Category.SUBJECT or calendar.is_working_day(on):
            for day, minute in course.pattern:
                if day == on.weekday():
                    yield on, minute
        on += timedelta(days=1)


def _lessons(
    district: District,
    contract_no: str,
    lessons: int,
    course: Course,
    sessions: list[tuple[date, int]],
) -> Iterator[Lesson]:
    chance = random.Random(f"lessons/{district.seed}/{contract_no}")
    silence = 1.0 if chance.random() < _ALWAYS_SILENT else _SILENT
    taken = 0
    for number, (on, minute) in enumerate(sessions, start=1):
        if taken == lessons:
            return
        attended = chance.random() >= _ABSENT
        reaction = _reaction(chance.random(), silence)
        upheld = reaction is Reaction.DISPUTES and chance.random() < _UPHELD
        taken += attended and not upheld
        starts_at = midnight(on) + timedelta(minutes=minute)
        yield Lesson(
            contract_no=contract_no,
            institution=course.institution,
            course=course.number,
            number=number,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=course.lesson_minutes),
            attended=attended,
            reaction=reaction,
            upheld=upheld and attended,
        )


def _reaction(draw: float, silence: float) -> Reaction:
    if draw < _DISPUTED:
        return Reaction.DISPUTES
    return Reaction.SILENT if draw < _DISPUTED + silence else Reaction.CONFIRMS
