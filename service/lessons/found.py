"""Finding lessons: a key per command, looked up in the caller's scope, then locked in order.

A lesson is named by its id, or by its enrolment and the institution's own reference.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from ledger.refusals import LessonUnknown, Refusal
from service.store import ids, lesson_reads
from service.store.context import Context
from service.store.facts import Facts, Record
from service.store.tables import Enrolment, Institution, Lesson
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class LessonKey:
    """What names a lesson: its id, or its enrolment and reference."""

    journal: int
    lesson: UUID | None = None
    enrolment: UUID | None = None
    reference: str | None = None


class LessonCommand(Protocol):
    """A command on one lesson."""

    @property
    def key(self) -> LessonKey:
        """The lesson it is on."""
        ...


C = TypeVar("C")
L = TypeVar("L", bound=LessonCommand)


@dataclass(frozen=True, slots=True)
class Found(Generic[C]):
    """A command and the lesson it is on, as the caller may see it."""

    command: C
    lesson: UUID
    enrolment: UUID
    institution: UUID


async def find(
    connection: AsyncConnection, caller: Context, commands: Sequence[L]
) -> list[Found[L] | Refusal]:
    """Find each command's lesson in the caller's scope; what is not there is `LessonUnknown`."""
    journal = commands[0].key.journal
    ours = [command.key for command in commands if command.key.journal == journal]
    by_id = await lesson_reads.keys_by_id(
        connection, caller, journal, [key.lesson for key in ours if key.lesson is not None]
    )
    by_reference = await lesson_reads.keys_by_reference(
        connection,
        caller,
        journal,
        [
            (key.enrolment, key.reference)
            for key in ours
            if key.enrolment is not None and key.reference is not None
        ],
    )

    def found(command: L) -> Found[L] | Refusal:
        key = command.key
        row: Record | None = None
        if key.journal == journal and key.lesson is not None:
            row = by_id.get(key.lesson)
        elif key.journal == journal and key.enrolment is not None and key.reference is not None:
            row = by_reference.get((key.enrolment, key.reference))
        if row is None:
            return LessonUnknown()
        return Found(command, row.lesson_id, row.enrolment_id, row.institution_id)

    return [found(command) for command in commands]


async def lock(unit: Unit, found: Sequence[Found[Any]]) -> None:
    """Lock the lessons and their enrolments, the institutions FOR SHARE, in the fixed order."""
    await unit.lock(Institution, {item.institution for item in found}, share=True)
    await unit.lock(Enrolment, {item.enrolment for item in found})
    await unit.lock(Lesson, {item.lesson for item in found})


def rows_of(facts: Facts, found: Found[Any]) -> tuple[Record, Record]:
    """Return the locked lesson and its enrolment."""
    lesson = facts.get(Lesson, found.lesson)
    enrolment = facts.get(Enrolment, found.enrolment)
    assert lesson is not None, "the lesson was locked"
    assert enrolment is not None, "the enrolment was locked"
    return lesson, enrolment


def answer_of(journal: int, lesson: Record) -> dict[str, Any]:
    """Tell a lesson: ids, state, slot and value as strings, never who attended."""
    due, value, notice = lesson["confirm_due_on"], lesson["value_fen"], lesson["notice_id"]
    return {
        "id": ids.public("lsn", journal, lesson["lesson_id"]),
        "enrolment_id": ids.public("enr", journal, lesson["enrolment_id"]),
        "reference": lesson["reference"],
        "state": lesson["state"],
        "slot": lesson["slot"],
        "value": None if value is None else str(Money.from_fen(value)),
        "confirm_due_on": None if due is None else due.isoformat(),
        "notice_id": None if notice is None else ids.public("ntc", journal, notice),
    }


def detail_of(lesson: Record) -> dict[str, Any]:
    """Tell a lesson with what was planned and recorded of it."""
    journal: int = lesson.journal_id
    return {
        **answer_of(journal, lesson),
        "institution_id": ids.public("ins", journal, lesson.institution_id),
        "teacher_reference": lesson.teacher_reference,
        "online": lesson.online,
        "starts_at": lesson.starts_at.isoformat(),
        "ends_at": lesson.ends_at.isoformat(),
        "attendance": lesson.attendance,
        "evidence_hash": lesson.evidence_hash,
        "confirmed_by": lesson.confirmed_by,
        "dispute_reason": lesson.dispute_reason,
        "recorded_transaction_id": _transaction(journal, lesson.recorded_seq),
        "confirmed_transaction_id": _transaction(journal, lesson.confirmed_seq),
    }


def _transaction(journal: int, seq: int | None) -> str | None:
    return None if seq is None else ids.public_transaction(journal, seq)
