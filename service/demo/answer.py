"""Guardians answer: some confirm in the app, a few dispute, most say nothing and time confirms."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from service.demo.client import together
from service.demo.stage import Stage
from service.demo.teach import DISPUTES, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeds.records import Lesson

APP_EVERY: Final = 16
"""One guardian in this many uses the app and confirms; the others are told, and keep quiet."""

LOOKS_EVERY: Final = 2
"""Weeks from one look into the app to the next; not all look in the same week."""

CONFIRMS: Final = "confirms"


def uses_app(stage: Stage, contract_no: str) -> bool:
    """Tell whether a contract's guardian uses the app: the same ones in every run of a seed."""
    return _drawn(stage, contract_no) % APP_EVERY == 0


def answering(stage: Stage, lessons: Sequence[Lesson]) -> list[str]:
    """Return the guardians who will answer any of these lessons by themselves."""
    contracts = {
        lesson.contract_no
        for lesson in lessons
        if lesson.attended and (lesson.reaction == DISPUTES or uses_app(stage, lesson.contract_no))
    }
    return sorted({stage.contracts[number].guardian for number in contracts})


async def confirm(stage: Stage, lessons: Sequence[Lesson], *, week: int) -> None:
    """Let those who look into the app this week confirm what was recorded since they last did."""
    for lesson in lessons:
        if lesson.reaction == CONFIRMS and uses_app(stage, lesson.contract_no):
            stage.unanswered.setdefault(lesson.contract_no, []).append(lesson)
    looking = sorted(
        number
        for number in stage.unanswered
        if _drawn(stage, number) // APP_EVERY % LOOKS_EVERY == week % LOOKS_EVERY
        and stage.contracts[number].institution not in stage.failed
    )
    with stage.chapter("lessons confirmed by guardians", len(looking)) as bar:
        await together(
            (_confirm(stage, number, stage.unanswered.pop(number)) for number in looking), bar
        )


async def dispute(stage: Stage, lessons: Sequence[Lesson]) -> None:
    """Let guardians contest lessons, and the regulator rule on each."""
    contested = [lesson for lesson in lessons if lesson.reaction == DISPUTES]
    with stage.chapter("disputes", len(contested)) as bar:
        await together((_dispute(stage, lesson) for lesson in contested), bar)


def _drawn(stage: Stage, contract_no: str) -> int:
    return zlib.crc32(f"{stage.district.seed}/{contract_no}".encode())


async def _confirm(stage: Stage, number: str, held: Sequence[Lesson]) -> None:
    guardian = stage.cast.parents[stage.contracts[number].guardian]
    await stage.api.batch(
        "/v1/lessons/confirm/batch",
        guardian,
        [named(stage, lesson) for lesson in held],
        key=stage.key("confirm", number, stage.today),
    )
    stage.counts["lessons_confirmed_by_parent"] += len(held)


async def _dispute(stage: Stage, lesson: Lesson) -> None:
    contract = stage.contracts[lesson.contract_no]
    guardian = stage.cast.parents[contract.guardian]
    found = stage.lessons.pop((lesson.contract_no, lesson.number))
    await stage.api.post(
        f"/v1/lessons/{found}/dispute",
        guardian,
        {"reason": "NOT_HELD" if lesson.upheld else "SHORTENED"},
        key=stage.key("dispute", lesson.contract_no, lesson.number),
        of="/v1/lessons/{id}/dispute",
    )
    ruling = "UPHELD" if lesson.upheld else "REJECTED"
    await stage.api.post(
        f"/v1/lessons/{found}/rule",
        stage.cast.regulator,
        {"ruling": ruling},
        key=stage.key("rule", lesson.contract_no, lesson.number),
        of="/v1/lessons/{id}/rule",
    )
    stage.counts["disputes"] += 1
    stage.counts[f"disputes_{ruling.lower()}"] += 1
