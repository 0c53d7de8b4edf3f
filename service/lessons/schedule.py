"""Scheduling lessons: what the institution plans to hold, by its own reference."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import AlreadyExists, EnrolmentUnknown, Refusal, WrongState
from ledger.rules.places import references
from ledger.transactions import Transaction, TransactionKind
from service.lessons.found import Found, answer_of
from service.store import registry, standing
from service.store.context import Context
from service.store.contracts import contract_of
from service.store.facts import Decision, Facts, Insert, Record
from service.store.tables import Enrolment, Institution, Lesson
from service.store.transact import UseCase
from service.store.unit import Unit

SCHEDULABLE: Final = frozenset({"AWAITING_PAYMENT", "ACTIVE"})
_PLANNED: Final = ("starts_at", "ends_at", "online", "teacher_reference")


@dataclass(frozen=True, slots=True)
class ScheduleLesson:
    """A lesson to plan; `reference` is unique per enrolment, `lesson` the id it may get."""

    journal: int
    lesson: UUID
    enrolment: UUID
    reference: str
    starts_at: datetime
    ends_at: datetime
    online: bool
    teacher_reference: str | None


async def _find(
    connection: AsyncConnection, caller: Context, commands: Sequence[ScheduleLesson]
) -> list[Found[ScheduleLesson] | Refusal]:
    journal = commands[0].journal
    wanted = {command.enrolment for command in commands if command.journal == journal}
    held = await registry.seen(connection, caller, Enrolment, journal, wanted)
    found: list[Found[ScheduleLesson] | Refusal] = []
    for command in commands:
        row = held.get(command.enrolment) if command.journal == journal else None
        if row is None:
            found.append(EnrolmentUnknown())
        else:
            found.append(Found(command, command.lesson, command.enrolment, row.institution_id))
    return found


async def _load(unit: Unit, found: Sequence[Found[ScheduleLesson]]) -> None:
    await unit.lock(Institution, {item.institution for item in found}, share=True)
    await unit.lock(Enrolment, {item.enrolment for item in found}, share=True)


async def _read(unit: Unit, found: Sequence[Found[ScheduleLesson]]) -> None:
    pairs = {(item.enrolment, item.command.reference) for item in found}
    await unit.read_pairs(Lesson, pairs, ("enrolment_id", "reference"))
    await unit.restraints({item.institution for item in found})


def _decide(facts: Facts, found: Found[ScheduleLesson]) -> Decision:
    command = found.command
    known = facts.by(Lesson, ("enrolment_id", "reference"), command.enrolment, command.reference)
    if known is not None:
        return _again(facts, command, known)
    enrolment = facts.get(Enrolment, found.enrolment)
    assert enrolment is not None, "the enrolment was locked"
    if enrolment.state not in SCHEDULABLE:
        raise WrongState(object="enrolment", state=enrolment.state)
    standing.require_teaching(facts, found.institution)
    row = _row(facts, command, enrolment)
    planned = Transaction(
        TransactionKind.LESSON_SCHEDULED,
        references=references(contract_of(enrolment), lesson=command.lesson),
    )
    return Decision(
        answer=answer_of(facts.journal, Record(row)),
        transactions=(planned,),
        changes=(Insert(Lesson, row),),
    )


def _again(facts: Facts, command: ScheduleLesson, known: Record) -> Decision:
    if any(known[name] != getattr(command, name) for name in _PLANNED):
        raise AlreadyExists(object="lesson", reference=command.reference)
    return Decision(answer=answer_of(facts.journal, known), duplicate=True)


def _row(facts: Facts, command: ScheduleLesson, enrolment: Record) -> dict[str, Any]:
    unset = ("attendance", "evidence_hash", "slot", "value_fen", "notice_id", "confirm_due_on")
    later = ("confirmed_by", "dispute_reason", "recorded_seq", "confirmed_seq")
    return {
        "lesson_id": command.lesson,
        "enrolment_id": command.enrolment,
        "institution_id": enrolment.institution_id,
        "guardian_id": enrolment.guardian_id,
        "reference": command.reference,
        "teacher_reference": command.teacher_reference,
        "online": command.online,
        "starts_at": command.starts_at,
        "ends_at": command.ends_at,
        "state": "SCHEDULED",
        "schedule_version": enrolment.schedule_version,
        **dict.fromkeys(unset + later),
        "seq": facts.moment.next_seq,
    }


SCHEDULE: Final = UseCase("schedule_lesson", _find, _load, _decide, _read)
