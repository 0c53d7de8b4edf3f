"""Pending lessons of a case: confirmed or denied by the parent, ruled on, or void by silence.

The ordinary lesson routes refuse in a frozen institution; here nothing is released but what a
parent confirms or the task force rules on (E14, E15), and everything else goes back (E16).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Account, Reason
from ledger.calendars import WorkingCalendar
from ledger.entitlement import Contract
from ledger.refusals import LessonsUnsettled, LessonUnknown, Refusal, WindDownUnknown, WrongState
from ledger.rules import lessons as rules
from ledger.rules.debts import Debt
from ledger.rules.places import references
from ledger.transactions import Transaction, TransactionKind
from service.store import ids, lesson_reads, reference, registry, rows, wind_down_reads
from service.store.context import Context
from service.store.contracts import confirmed_change, confirmed_of, contract_of
from service.store.facts import Change, Decision, Facts, Record, Update
from service.store.releases import lesson_released
from service.store.tables import Enrolment, Lesson, Notice, WindDown
from service.store.transact import UseCase
from service.store.unit import Unit
from service.store.wind_down_steps import advanced, case_of, lock_cases, require_state
from service.wind_downs.found import CaseCommand, find_cases

CONFIRMED: Final = "CONFIRMED"
DENIED: Final = "DENIED"
UPHELD: Final = "UPHELD"
REJECTED: Final = "REJECTED"
SILENT: Final = "SILENT"

_ASKED_OF: Final = {
    CONFIRMED: "RECORDED",
    DENIED: "RECORDED",
    SILENT: "RECORDED",
    UPHELD: "DISPUTED",
    REJECTED: "DISPUTED",
}
"""In which state a lesson must be for each answer."""


@dataclass(frozen=True, slots=True)
class LessonAnswer:
    """An answer to one lesson of a case.

    A parent says CONFIRMED or DENIED, the task force rules UPHELD or REJECTED, and SILENT is what
    a sweep finds when the days have run.
    """

    journal: int
    target: UUID
    lesson: UUID
    answer: str


@dataclass(frozen=True, slots=True)
class FoundLesson:
    """An answer and what its lesson belongs to."""

    command: LessonAnswer
    enrolment: UUID


async def find_lessons(
    connection: AsyncConnection, caller: Context, commands: Sequence[LessonAnswer]
) -> list[FoundLesson | Refusal]:
    """Find cases and lessons in the caller's scope; a lesson is one of the case's institution."""
    journal = commands[0].journal
    cases = await registry.seen(connection, caller, WindDown, journal, {c.target for c in commands})
    lessons = await lesson_reads.keys_by_id(
        connection, caller, journal, {c.lesson for c in commands}
    )
    found: list[FoundLesson | Refusal] = []
    for command in commands:
        case, lesson = cases.get(command.target), lessons.get(command.lesson)
        if case is None:
            found.append(WindDownUnknown())
        elif lesson is None or lesson.institution_id != case.institution_id:
            found.append(LessonUnknown())
        else:
            found.append(FoundLesson(command, lesson.enrolment_id))
    return found


async def load_lessons(unit: Unit, found: Sequence[FoundLesson]) -> None:
    """Lock the case as it stands, then enrolments, lessons and their notices."""
    await lock_cases(unit, {item.command.target for item in found}, share=True)
    await unit.lock(Enrolment, {item.enrolment for item in found})
    lessons = await unit.lock(Lesson, {item.command.lesson for item in found})
    await unit.lock(Notice, {row.notice_id for row in lessons if row.notice_id is not None})


async def read_lessons(unit: Unit, _found: Sequence[FoundLesson]) -> None:
    """Read every balance that an answer may touch."""
    enrolments = list(unit.facts.all(Enrolment))
    await unit.balances([account for row in enrolments for account in _accounts(row)])
    unit.facts.extra["calendar"] = await reference.calendar(unit.connection)


def decide_answer(facts: Facts, found: FoundLesson) -> Decision:
    """Release a confirmed lesson or give it back. Raises `WrongState` of case and lesson."""
    command = found.command
    case = case_of(facts, command.target)
    lesson, enrolment = facts.get(Lesson, command.lesson), facts.get(Enrolment, found.enrolment)
    assert lesson is not None, "the lesson was locked"
    assert enrolment is not None, "the enrolment was locked"
    require_state(case, "OPENED")
    if lesson.state != _ASKED_OF[command.answer]:
        raise WrongState(object="lesson", state=lesson.state)
    if command.answer == SILENT:
        _require_run(facts, case)
    contract = contract_of(enrolment)
    if command.answer in (CONFIRMED, REJECTED):
        return _released(facts, command, lesson, enrolment, contract)
    back = rules.dispute_upheld if command.answer == UPHELD else rules.lesson_voided
    return _decided(
        facts,
        lesson,
        {"state": "VOIDED"},
        (back(contract, lesson=lesson.lesson_id, slot=lesson.slot),),
        answered=command.answer != SILENT,
        enrolment=enrolment.state,
    )


async def load_case(unit: Unit, commands: Sequence[CaseCommand]) -> None:
    """Lock the cases to be moved."""
    await lock_cases(unit, {command.target for command in commands})


async def read_unsettled(unit: Unit, commands: Sequence[CaseCommand]) -> None:
    """Count, under the head, the lessons that still wait in each case's institution."""
    lesson = rows.table_of(Lesson)
    institutions = {case_of(unit.facts, command.target).institution_id for command in commands}
    found = await unit.query(
        select(lesson.c.institution_id, lesson.c.state, func.count().label("waiting"))
        .where(
            lesson.c.journal_id == unit.facts.journal,
            lesson.c.institution_id.in_(sorted(institutions)),
            lesson.c.state.in_(("RECORDED", "DISPUTED")),
        )
        .group_by(lesson.c.institution_id, lesson.c.state)
    )
    unit.facts.extra["unsettled"] = {
        (row["institution_id"], row["state"]): row["waiting"] for row in found
    }


def decide_settled(facts: Facts, command: CaseCommand) -> Decision:
    """Move the case on when no lesson waits (L2 + L3 = 0): `LessonsUnsettled` while some do.

    A case that was moved on already is answered as it stands.
    """
    case = case_of(facts, command.target)
    if case.state == "LESSONS_SETTLED":
        return Decision(answer=wind_down_reads.answer_of(facts.journal, case), duplicate=True)
    require_state(case, "OPENED")
    unsettled: dict[tuple[UUID, str], int] = facts.extra["unsettled"]
    pending = unsettled.get((case.institution_id, "RECORDED"), 0)
    disputed = unsettled.get((case.institution_id, "DISPUTED"), 0)
    if pending or disputed:
        raise LessonsUnsettled(pending=pending, disputed=disputed)
    said, change = advanced(facts, case, "LESSONS_SETTLED")
    settled = Record({**case, **change.values})
    return Decision(
        answer=wind_down_reads.answer_of(facts.journal, settled),
        transactions=(said,),
        changes=(change,),
    )


def _released(
    facts: Facts, command: LessonAnswer, lesson: Record, enrolment: Record, contract: Contract
) -> Decision:
    parent = command.answer == CONFIRMED
    transactions = [
        lesson_released(
            facts,
            contract,
            lesson=lesson.lesson_id,
            slot=lesson.slot,
            unfunded=_unfunded(facts, enrolment, contract),
            disputed=not parent,
        )
    ]
    values: dict[str, Any] = {**confirmed_change(enrolment, 1)}
    if confirmed_of(enrolment) + 1 == contract.slots:
        values["state"] = "COMPLETED"
        transactions.append(
            Transaction(TransactionKind.ENROLMENT_COMPLETED, references=references(contract))
        )
    by = "PARENT" if parent else "RULING"
    return _decided(
        facts,
        lesson,
        {"state": "CONFIRMED", "confirmed_by": by, "confirmed_seq": facts.moment.next_seq},
        tuple(transactions),
        answered=parent,
        enrolment=str(values.get("state", enrolment.state)),
        also=(Update(Enrolment, (enrolment.enrolment_id,), values),),
    )


def _decided(  # noqa: PLR0913 - a lesson, its money and its notice
    facts: Facts,
    lesson: Record,
    values: dict[str, Any],
    transactions: tuple[Transaction, ...],
    *,
    answered: bool,
    enrolment: str,
    also: tuple[Change, ...] = (),
) -> Decision:
    values = {**values, "seq": facts.moment.next_seq}
    return Decision(
        answer={
            "lesson_id": ids.public("lsn", facts.journal, lesson.lesson_id),
            "enrolment_id": ids.public("enr", facts.journal, lesson.enrolment_id),
            "state": values["state"],
            "slot": lesson.slot,
            "enrolment_state": enrolment,
        },
        transactions=transactions,
        changes=(
            Update(Lesson, (lesson.lesson_id,), values),
            *also,
            *(_notice_answered(facts, lesson) if answered else ()),
        ),
    )


def _require_run(facts: Facts, case: Record) -> None:
    """Silence has effect from 00:00 after the last day, and never on a provisional count (I-17)."""
    calendar: WorkingCalendar = facts.extra["calendar"]
    due, opened = case.lessons_due_on, case.opened_on
    if facts.moment.today <= due or calendar.is_provisional(opened) or calendar.is_provisional(due):
        raise WrongState(object="lesson", state="WITHIN_SILENCE_PERIOD")


def _notice_answered(facts: Facts, lesson: Record) -> tuple[Change, ...]:
    notice = None if lesson.notice_id is None else facts.get(Notice, lesson.notice_id)
    if notice is None or notice.delivered_at is not None:
        return ()
    values = {"delivered_at": facts.moment.now, "proof": "ANSWERED"}
    return (Update(Notice, (notice.notice_id,), values),)


def _unfunded(facts: Facts, enrolment: Record, contract: Contract) -> tuple[Debt, ...]:
    return tuple(
        Debt(account, facts.book.balance(account), enrolment.contract_on)
        for account in (contract.legacy, contract.diversion)
        if facts.book.quantity(account)
    )


def _accounts(enrolment: Record) -> list[Account]:
    contract = contract_of(enrolment)
    accounts = [contract.prepaid, contract.pending, contract.disputed, contract.payable]
    for reason in (Reason.PAID, Reason.GIFT):
        accounts += [contract.units_granted(reason), contract.units_consumed(reason)]
    return [*accounts, contract.legacy, contract.diversion, contract.held]


ANSWER: Final = UseCase(
    "answer_lesson_in_wind_down", find_lessons, load_lessons, decide_answer, read_lessons
)
SETTLE: Final[UseCase[CaseCommand, CaseCommand]] = UseCase(
    "settle_wind_down_lessons", find_cases, load_case, decide_settled, read_unsettled
)
