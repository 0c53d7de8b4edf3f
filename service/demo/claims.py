"""Refund claims: guardians file, institutions answer or keep silent, the regulator decides.

Some change their mind before the term, some leave after its first week, some say that the
institution does not keep what it promised. What they get is priced by the service; the play only
decides who claims and how the institution takes it.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Final

from service.demo import cast
from service.demo.bank_books import fen
from service.demo.client import together
from service.demo.stage import Stage
from service.demo.teach import DISPUTES, named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncEngine

    from seeds.records import Enrolment, Lesson

EARLY_EVERY: Final = 190
"""One contract in so many is ended before its first lesson."""

LEAVING_EVERY: Final = 160
"""And one in so many after the first week."""

_ANSWERS: Final = ("AGREED", "AGREED", "AGREED", "CONTESTED", "SILENT")
_COOLING_OFF_DAYS: Final = 7


async def before_the_term(
    stage: Stage, engine: AsyncEngine, enrolments: Sequence[Enrolment]
) -> None:
    """Let some who paid change their mind before the first lesson; their schools agree."""
    leaving = [each for each in enrolments if _drawn(stage, each.contract_no) % EARLY_EVERY == 0]
    await _admit(stage, engine, [each.contract_no for each in leaving])
    with stage.chapter("refund claims", len(leaving)) as bar:
        await together((_leave_early(stage, each) for each in leaving), bar)


async def after_a_week(stage: Stage, engine: AsyncEngine, held: Sequence[Lesson]) -> None:
    """Let some leave after the first week: they confirm what they had, then they claim."""
    by_contract: dict[str, list[Lesson]] = {}
    for lesson in held:
        by_contract.setdefault(lesson.contract_no, []).append(lesson)
    leaving = {
        number: lessons
        for number, lessons in by_contract.items()
        if _drawn(stage, number) % LEAVING_EVERY == 1
        and not any(lesson.reaction == DISPUTES for lesson in lessons)
    }
    await _admit(stage, engine, list(leaving))
    with stage.chapter("refund claims", len(leaving)) as bar:
        await together((_leave(stage, *each) for each in leaving.items()), bar)


async def approve_silent(stage: Stage) -> None:
    """Approve the claims that silence has agreed to meanwhile."""
    waiting = [
        (claim, number)
        for claim, number in stage.unapproved
        if stage.contracts[number].institution not in stage.failed
    ]
    stage.unapproved = []
    with stage.chapter("refund claims", len(waiting)) as bar:
        await together((_approve(stage, *each) for each in waiting), bar)


async def _leave_early(stage: Stage, enrolment: Enrolment) -> None:
    paid_days = (stage.today - enrolment.charged_on).days
    reason = "COOLING_OFF" if paid_days <= _COOLING_OFF_DAYS else "BEFORE_START"
    claim = await _file(stage, enrolment.contract_no, reason)
    await _agree(stage, claim, enrolment.contract_no)
    await _approve(stage, claim, enrolment.contract_no)


async def _leave(stage: Stage, number: str, lessons: list[Lesson]) -> None:
    contract = stage.contracts[number]
    guardian = stage.cast.parents[contract.guardian]
    stage.unanswered.pop(number, None)
    await stage.api.batch(
        "/v1/lessons/confirm/batch",
        guardian,
        [named(stage, lesson) for lesson in lessons],
        key=stage.key("confirm-last", number),
    )
    stage.counts["lessons_confirmed_by_parent"] += len(lessons)
    answer = _ANSWERS[_drawn(stage, number) // LEAVING_EVERY % len(_ANSWERS)]
    claim = await _file(stage, number, "INSTITUTION" if answer == "CONTESTED" else "CONSUMER")
    stage.counts[f"claims_{answer.lower()}"] += 1
    if answer == "SILENT":
        stage.unapproved.append((claim, number))
        return
    if answer == "AGREED":
        await _agree(stage, claim, number)
    else:
        await _contest(stage, claim, number)
    await _approve(stage, claim, number)


async def _file(stage: Stage, number: str, reason: str) -> str:
    contract = stage.contracts[number]
    filed = await stage.api.post(
        "/v1/claims",
        stage.cast.parents[contract.guardian],
        {
            "enrolment_id": contract.id,
            "reason": reason,
            "evidence": [{"kind": "CONTRACT", "document_hash": _hash(number)}],
        },
        key=stage.key("claim", number),
    )
    stage.ended.add(number)
    stage.counts["claims"] += 1
    return str(filed["id"])


async def _agree(stage: Stage, claim: str, number: str) -> None:
    school = stage.contracts[number].institution
    await stage.api.post(
        f"/v1/claims/{claim}/agree",
        stage.cast.institutions[school],
        {},
        key=stage.key("agree", number),
        of="/v1/claims/{id}/agree",
    )


async def _contest(stage: Stage, claim: str, number: str) -> None:
    """The institution contests with its records; the regulator finds for the guardian."""
    school = stage.contracts[number].institution
    await stage.api.post(
        f"/v1/claims/{claim}/contest",
        stage.cast.institutions[school],
        {
            "reason": "LESSONS_DELIVERED",
            "evidence": [{"kind": "ATTENDANCE", "document_hash": _hash(f"{number}/attendance")}],
        },
        key=stage.key("contest", number),
        of="/v1/claims/{id}/contest",
    )
    await stage.api.post(
        f"/v1/claims/{claim}/decide",
        stage.cast.regulator,
        {"decision": "UPHELD"},
        key=stage.key("decide", number),
        of="/v1/claims/{id}/decide",
    )


async def _approve(stage: Stage, claim: str, number: str) -> None:
    """Approve a claim; one above the limit waits for a second regulator."""
    key = stage.key("approve", number)
    answer = await stage.api.post(
        f"/v1/claims/{claim}/approve",
        stage.cast.regulator,
        {},
        key=key,
        of="/v1/claims/{id}/approve",
    )
    if "payload_hash" in answer:
        answer = await stage.api.post(
            f"/v1/approvals/{answer['id']}/approve",
            stage.cast.second_regulator,
            {"payload_hash": answer["payload_hash"]},
            key=f"{key}-second",
            of="/v1/approvals/{id}/approve",
        )
        answer = answer["outcome"]
    stage.counts["claims_approved"] += 1
    stage.counts["refunds_approved_fen"] += fen(answer["price"]["to_pay"])


async def _admit(stage: Stage, engine: AsyncEngine, numbers: Sequence[str]) -> None:
    guardians = {stage.contracts[number].guardian for number in numbers}
    await cast.admit_parents(engine, stage.cast, sorted(guardians - set(stage.cast.parents)))


def _drawn(stage: Stage, contract_no: str) -> int:
    return zlib.crc32(f"claim/{stage.district.seed}/{contract_no}".encode())


def _hash(what: str) -> str:
    return hashlib.sha256(what.encode()).hexdigest()
