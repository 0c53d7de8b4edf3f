"""The term: lessons planned a month ahead, recorded week by week with who came."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from service.demo.client import together
from service.demo.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seeds.records import Lesson

DISPUTES: Final = "disputes"
NOT_CHARGED: Final = "absence_not_charged"


async def plan(stage: Stage, lessons: Sequence[Lesson]) -> None:
    """Put these lessons into the timetable, a batch for each institution."""
    by_school = _by_school(lessons)
    with stage.chapter("lessons planned", len(by_school)) as bar:
        await together((_plan(stage, school, by_school[school]) for school in by_school), bar)
    stage.counts["lessons_planned"] += len(lessons)


async def record(stage: Stage, lessons: Sequence[Lesson]) -> list[Lesson]:
    """Record a week's lessons; return those that were held.

    An absence costs no lesson under these contracts: the service refuses to record one.
    """
    by_school = _by_school(lessons)
    with stage.chapter("lessons recorded", len(by_school)) as bar:
        answers = await together(
            (_record(stage, school, by_school[school]) for school in by_school), bar
        )
    held = [lesson for answer in answers for lesson in answer]
    stage.counts["lessons_recorded"] += len(held)
    stage.counts["absences"] += len(lessons) - len(held)
    return held


def named(stage: Stage, lesson: Lesson) -> dict[str, Any]:
    """Name a lesson by its enrolment and the institution's reference, unique in it."""
    return {
        "enrolment_id": stage.contracts[lesson.contract_no].id,
        "reference": f"{lesson.starts_at:%Y-%m-%d}/{lesson.number}",
    }


async def _plan(stage: Stage, school: int, lessons: Sequence[Lesson]) -> None:
    courses = stage.district.courses
    items = [
        {
            **named(stage, lesson),
            "starts_at": lesson.starts_at.isoformat(),
            "ends_at": lesson.ends_at.isoformat(),
            "online": courses[lesson.course - 1].online,
            "teacher_reference": f"T-{lesson.course:04d}",
        }
        for lesson in lessons
    ]
    await stage.api.batch(
        "/v1/lessons/batch",
        stage.cast.institutions[school],
        items,
        key=stage.key("plan", school, stage.today),
    )


async def _record(stage: Stage, school: int, lessons: Sequence[Lesson]) -> list[Lesson]:
    items = [
        {
            **named(stage, lesson),
            "attendance": "PRESENT" if lesson.attended else "ABSENT",
            "evidence_hash": _evidence(lesson),
        }
        for lesson in lessons
    ]
    results = await stage.api.batch(
        "/v1/lessons/record/batch",
        stage.cast.institutions[school],
        items,
        key=stage.key("record", school, stage.today),
        refusable={NOT_CHARGED},
    )
    held = []
    for lesson, result in zip(lessons, results, strict=True):
        if result:
            held.append(lesson)
            if lesson.reaction == DISPUTES:
                stage.lessons[lesson.contract_no, lesson.number] = result["id"]
    return held


def _evidence(lesson: Lesson) -> str:
    return hashlib.sha256(f"{lesson.contract_no}/{lesson.number}".encode()).hexdigest()


def _by_school(lessons: Iterable[Lesson]) -> dict[int, list[Lesson]]:
    sorted_out: defaultdict[int, list[Lesson]] = defaultdict(list)
    for lesson in lessons:
        sorted_out[lesson.institution].append(lesson)
    return dict(sorted(sorted_out.items()))
