"""Chapter one, courses: each institution files its own, the regulator reviews them all."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from service.demo.bank_books import yuan
from service.demo.client import together
from service.demo.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeds.records import Course


async def file_courses(stage: Stage) -> None:
    """File every course of the district and have it reviewed: only filed courses take money."""
    by_school: defaultdict[int, list[Course]] = defaultdict(list)
    for course in stage.district.courses:
        by_school[course.institution].append(course)
    with stage.chapter("courses", len(by_school) + 1) as bar:
        await together((_file(stage, school, by_school[school]) for school in by_school), bar)
        items = [
            {"course_id": stage.courses[course.number], "decision": "FILED"}
            for course in stage.district.courses
        ]
        await stage.api.batch(
            "/v1/courses/review/batch", stage.cast.regulator, items, key=stage.key("review")
        )
        bar()


async def _file(stage: Stage, school: int, courses: Sequence[Course]) -> None:
    results = await stage.api.batch(
        "/v1/courses/batch",
        stage.cast.institutions[school],
        [_item(stage, course) for course in courses],
        key=stage.key("courses", school),
    )
    for course, result in zip(courses, results, strict=True):
        stage.courses[course.number] = result["id"]


def _item(stage: Stage, course: Course) -> dict[str, Any]:
    return {
        "reference": f"KC-{course.number:04d}",
        "name": course.name,
        "category": course.category.value,
        "subject": course.subject,
        "online": course.online,
        "class_size": course.class_size,
        "lesson_minutes": course.lesson_minutes,
        "price": yuan(course.price_fen),
        "lessons": course.lessons_paid,
        "lessons_gift": course.lessons_gift,
        "custody_account_id": stage.accounts[course.institution, course.custody_bank],
    }
