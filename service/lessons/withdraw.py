"""Taking lessons back: a recorded one voided before confirmation (E16), a planned one cancelled."""

from dataclasses import dataclass
from typing import Final

from ledger.refusals import WrongState
from ledger.rules import lessons as rules
from ledger.rules.places import references
from ledger.transactions import Transaction, TransactionKind
from service.lessons.found import Found, LessonKey, answer_of, find, lock, rows_of
from service.lessons.release import read_accounts, require_active, shown
from service.store.contracts import contract_of
from service.store.facts import Decision, Facts, Record, Update
from service.store.tables import Lesson
from service.store.transact import UseCase


@dataclass(frozen=True, slots=True)
class VoidLesson:
    """The institution takes back what it recorded; the slot is free again."""

    key: LessonKey


@dataclass(frozen=True, slots=True)
class CancelLesson:
    """The institution will not hold what it planned."""

    key: LessonKey


def _decide_void(facts: Facts, found: Found[VoidLesson]) -> Decision:
    lesson, enrolment = rows_of(facts, found)
    if lesson.state != "RECORDED":
        raise WrongState(object="lesson", state=lesson.state)
    require_active(enrolment)
    contract = contract_of(enrolment)
    values = {"state": "VOIDED", "seq": facts.moment.next_seq}
    return Decision(
        answer=answer_of(facts.journal, Record({**lesson, **values})),
        transactions=(rules.lesson_voided(contract, lesson=lesson.lesson_id, slot=lesson.slot),),
        changes=(Update(Lesson, (lesson.lesson_id,), values),),
        shows=shown(contract),
    )


def _decide_cancel(facts: Facts, found: Found[CancelLesson]) -> Decision:
    lesson, enrolment = rows_of(facts, found)
    if lesson.state == "CANCELLED":
        return Decision(answer=answer_of(facts.journal, lesson), duplicate=True)
    if lesson.state != "SCHEDULED":
        raise WrongState(object="lesson", state=lesson.state)
    values = {"state": "CANCELLED", "seq": facts.moment.next_seq}
    cancelled = Transaction(
        TransactionKind.LESSON_CANCELLED,
        references=references(contract_of(enrolment), lesson=lesson.lesson_id),
    )
    return Decision(
        answer=answer_of(facts.journal, Record({**lesson, **values})),
        transactions=(cancelled,),
        changes=(Update(Lesson, (lesson.lesson_id,), values),),
    )


VOID: Final = UseCase("void_lesson", find, lock, _decide_void, read_accounts)
CANCEL: Final = UseCase("cancel_lesson", find, lock, _decide_cancel)
