"""Disputes (E15): the parent contests a recorded lesson, the regulator rules on it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ledger.refusals import WrongState
from ledger.rules import lessons as rules
from service.lessons.found import Found, LessonKey, answer_of, find, lock, rows_of
from service.lessons.release import (
    lock_notices,
    notice_answered,
    read_accounts,
    released,
    require_active,
    shown,
    unfunded,
)
from service.store.contracts import contract_of
from service.store.facts import Decision, Facts, Record, Update
from service.store.releases import lesson_released
from service.store.tables import Lesson
from service.store.transact import UseCase
from service.store.unit import Unit

RULING: Final = "RULING"
UPHELD: Final = "UPHELD"


@dataclass(frozen=True, slots=True)
class DisputeLesson:
    """The parent says that the lesson was not held as recorded; `reason` is a code."""

    key: LessonKey
    reason: str


@dataclass(frozen=True, slots=True)
class RuleOnDispute:
    """The regulator's ruling: UPHELD gives the lesson back, REJECTED releases it."""

    key: LessonKey
    ruling: str


async def _load(unit: Unit, found: Sequence[Found[Any]]) -> None:
    await lock(unit, found)
    await lock_notices(unit)


def _decide_dispute(facts: Facts, found: Found[DisputeLesson]) -> Decision:
    reason = found.command.reason
    lesson, enrolment = rows_of(facts, found)
    if lesson.state == "DISPUTED" and lesson.dispute_reason == reason:
        return Decision(answer=answer_of(facts.journal, lesson), duplicate=True)
    if lesson.state != "RECORDED":
        raise WrongState(object="lesson", state=lesson.state)
    require_active(enrolment)
    contract = contract_of(enrolment)
    disputed = rules.lesson_disputed(contract, lesson=lesson.lesson_id, slot=lesson.slot)
    values = {"state": "DISPUTED", "dispute_reason": reason, "seq": facts.moment.next_seq}
    return Decision(
        answer=answer_of(facts.journal, Record({**lesson, **values})),
        transactions=(replace(disputed, reason=reason),),
        changes=(
            Update(Lesson, (lesson.lesson_id,), values),
            *notice_answered(facts, lesson.notice_id),
        ),
        shows=shown(contract),
    )


def _decide_ruling(facts: Facts, found: Found[RuleOnDispute]) -> Decision:
    lesson, enrolment = rows_of(facts, found)
    if lesson.state != "DISPUTED":
        raise WrongState(object="lesson", state=lesson.state)
    require_active(enrolment)
    contract = contract_of(enrolment)
    if found.command.ruling == UPHELD:
        upheld = rules.dispute_upheld(contract, lesson=lesson.lesson_id, slot=lesson.slot)
        values = {"state": "VOIDED", "seq": facts.moment.next_seq}
        return Decision(
            answer=answer_of(facts.journal, Record({**lesson, **values})),
            transactions=(upheld,),
            changes=(Update(Lesson, (lesson.lesson_id,), values),),
            shows=shown(contract),
        )
    rejected = lesson_released(
        facts,
        contract,
        lesson=lesson.lesson_id,
        slot=lesson.slot,
        unfunded=unfunded(facts, enrolment, contract),
        disputed=True,
    )
    return released(facts, lesson, enrolment, rejected, by=RULING)


DISPUTE: Final = UseCase("dispute_lesson", find, _load, _decide_dispute, read_accounts)
RULE: Final = UseCase("rule_on_dispute", find, lock, _decide_ruling, read_accounts)
