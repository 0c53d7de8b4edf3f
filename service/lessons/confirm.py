"""Confirming lessons: by the parent, or by the parent's silence after a proven notice (I-16, I-17).

Silence confirms at 00:00 after the last of its working days, and never while the institution is
frozen or suspended, the lesson is disputed, or nothing proves that the notice reached anybody.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.calendars import shanghai_date
from ledger.refusals import Refusal, WrongState
from service.lessons import plain_releases
from service.lessons.found import Found, LessonKey, answer_of, find, lock, rows_of
from service.lessons.release import (
    lock_notices,
    notice_answered,
    read_accounts,
    released,
    require_active,
    unfunded,
)
from service.store import lesson_reads, standing
from service.store.context import Context
from service.store.contracts import contract_of
from service.store.facts import Decision, Facts, Record
from service.store.releases import lesson_released
from service.store.tables import Lesson, Notice
from service.store.transact import UseCase
from service.store.unit import Unit

PARENT: Final = "PARENT"


@dataclass(frozen=True, slots=True)
class ConfirmLesson:
    """The parent says that the lesson was held; or, by sweep, has not said otherwise in time."""

    key: LessonKey


async def _load(unit: Unit, found: Sequence[Found[ConfirmLesson]]) -> None:
    await lock(unit, found)
    await lock_notices(unit)


async def _find_silent(
    _connection: AsyncConnection, _caller: Context, found: Sequence[Found[ConfirmLesson]]
) -> list[Found[ConfirmLesson] | Refusal]:
    """Take lessons as the sweep found them."""
    return list(found)


async def _load_silent(unit: Unit, found: Sequence[Found[ConfirmLesson]]) -> None:
    await lock(unit, found)
    # Nothing is written on a notice here, and one that has arrived has arrived for ever.
    told = {row["notice_id"] for row in unit.facts.all(Lesson)}
    await unit.read_keys(Notice, told - {None})
    guardians = {row.guardian_id for row in unit.facts.all(Lesson)}
    unit.facts.extra["reachable"] = await lesson_reads.reachable(
        unit.connection, unit.facts.journal, guardians
    )


def _decide(facts: Facts, found: Found[ConfirmLesson]) -> Decision:
    lesson, enrolment = rows_of(facts, found)
    if lesson.state == "CONFIRMED" and lesson.confirmed_by == PARENT:
        return Decision(answer=answer_of(facts.journal, lesson), duplicate=True)
    _require_pending(lesson)
    require_active(enrolment)
    standing.require_answerable(facts, found.institution)
    # An open claim stops silence, not the parent: what was held must be settled to price it.
    standing.require_not_restrained(facts, found.enrolment)
    decision = _confirmed(facts, lesson, enrolment, by=PARENT)
    return replace(decision, changes=(*decision.changes, *notice_answered(facts, lesson.notice_id)))


def _decide_silent(facts: Facts, found: Found[ConfirmLesson]) -> Decision:
    lesson, enrolment = require_silent(facts, found)
    return _confirmed(facts, lesson, enrolment, by=plain_releases.SILENCE)


def require_silent(facts: Facts, found: Found[Any]) -> tuple[Record, Record]:
    """Return a lesson and its enrolment that silence confirms, else refuse as documented."""
    lesson, enrolment = rows_of(facts, found)
    _require_pending(lesson)
    require_active(enrolment)
    if lesson["confirm_due_on"] is None or not _has_run(facts, lesson):
        raise WrongState(object="lesson", state="WITHIN_SILENCE_PERIOD")
    if not _contact_proven(facts, lesson):
        raise WrongState(object="lesson", state="CONTACT_UNVERIFIED")
    standing.require_teaching(facts, found.institution)
    standing.require_unblocked(facts, found.enrolment)
    return lesson, enrolment


def _require_pending(lesson: Record) -> None:
    if lesson["state"] != "RECORDED":
        raise WrongState(object="lesson", state=lesson["state"])


def _confirmed(facts: Facts, lesson: Record, enrolment: Record, *, by: str) -> Decision:
    contract = contract_of(enrolment)
    confirming = lesson_released(
        facts,
        contract,
        lesson=lesson["lesson_id"],
        slot=lesson["slot"],
        unfunded=unfunded(facts, enrolment, contract),
    )
    return released(facts, lesson, enrolment, confirming, by=by)


def _has_run(facts: Facts, lesson: Record) -> bool:
    return bool(shanghai_date(facts.moment.now) > lesson["confirm_due_on"])


def _contact_proven(facts: Facts, lesson: Record) -> bool:
    """The notice was delivered, and either the guardian fetched it or a phone still stands."""
    notice = facts.get(Notice, lesson["notice_id"])
    if notice is None or notice["delivered_at"] is None:
        return False
    reachable: frozenset[UUID] = facts.extra["reachable"]
    return notice["proof"] == "FETCHED" or lesson["guardian_id"] in reachable


async def _read_silent(unit: Unit, found: Sequence[Found[ConfirmLesson]]) -> None:
    """Read what the lessons need, and sort out those that are released by columns."""
    await read_accounts(unit, found)
    unit.facts.sheet = plain_releases.sorted_out(unit.facts, found, require=require_silent)


CONFIRM: Final = UseCase("confirm_lesson", find, _load, _decide, read_accounts, gathers=True)
CONFIRM_BY_SILENCE: Final = UseCase(
    "confirm_lesson_by_silence", _find_silent, _load_silent, _decide_silent, _read_silent
)
