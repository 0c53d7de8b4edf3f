"""Guardians answer: some confirm in the app, a few dispute, most say nothing and time confirms."""

from __future__ import annotations

import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from service.demo.client import together
from service.demo.stage import Stage
from service.demo.teach import DISPUTES, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seeds.records import Lesson

APP_EVERY: Final = 10
"""One guardian in this many uses the app and confirms; the others are told, and keep quiet."""

CONFIRMS: Final = "confirms"


def uses_app(stage: Stage, contract_no: str) -> bool:
    """Tell whether a contract's guardian uses the app: the same ones in every run of a seed."""
    return zlib.crc32(f"{stage.district.seed}/{contract_no}".encode()) % APP_EVERY == 0


def answering(stage: Stage, lessons: Sequence[Lesson]) -> list[str]:
    """Return the guardians who will answer any of these lessons by themselves."""
    contracts = {
        lesson.contract_no
        for lesson in lessons
        if lesson.attended and (lesson.reaction == DISPUTES or uses_app(stage, lesson.contract_no))
    }
    return sorted({stage.contracts[number].guardian for number in contracts})


async def confirm(stage: Stage, lessons: Sequence[Lesson]) -> None:
    """Let the guardians who use the app look at it and confirm what was recorded."""
    by_contract: defaultdict[str, list[Lesson]] = defaultdict(list)
    for lesson in lessons:
        if lesson.reaction == CONFIRMS and uses_app(stage, lesson.contract_no):
            by_contract[lesson.contract_no].append(lesson)
    with stage.chapter("lessons confirmed by guardians", len(by_contract)) as bar:
        await together(
            (_confirm(stage, number, held) for number, held in sorted(by_contract.items())), bar
        )


async def dispute(stage: Stage, lessons: Sequence[Lesson]) -> None:
    """Let guardians contest lessons, and the regulator rule on each."""
    contested = [lesson for lesson in lessons if lesson.reaction == DISPUTES]
    with stage.chapter("disputes", len(contested)) as bar:
        await together((_dispute(stage, lesson) for lesson in contested), bar)


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
