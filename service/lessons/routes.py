"""Routes of lessons: planned and recorded by institutions, answered by parents, ruled on."""

from typing import Any

from litestar import Response, Router, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from ledger.refusals import (
    AbsenceNotCharged,
    AlreadyExists,
    BodyTooLarge,
    DateInFuture,
    EnrolmentBlocked,
    EnrolmentNotPaid,
    EnrolmentUnknown,
    InstitutionFrozen,
    LessonAlreadyRecorded,
    LessonUnknown,
    NoSlotLeft,
    OutsideTimetable,
    PolicyMissing,
    Refusal,
    WrongState,
)
from service.identity.callers import Role
from service.identity.verbs import Verb
from service.lessons import use_cases
from service.lessons.notice_routes import fetch_notices, list_notices
from service.lessons.read_routes import get_lesson, list_lessons
from service.lessons.schemas import (
    ConfirmBatchIn,
    DisputeIn,
    LessonBatchIn,
    LessonBatchOut,
    LessonIn,
    LessonOut,
    RecordBatchIn,
    RecordIn,
    ReversalIn,
    RulingIn,
)
from service.web.bodies import BATCH_BODY_MAX
from service.web.command import Command
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import KEYED, refusing

CHANGING = refusing(*KEYED, LessonUnknown, WrongState)
PLANNING = refusing(
    *KEYED, EnrolmentUnknown, WrongState, AlreadyExists, InstitutionFrozen, BodyTooLarge
)
RECORDING = refusing(
    *KEYED,
    LessonUnknown,
    WrongState,
    LessonAlreadyRecorded,
    NoSlotLeft,
    EnrolmentNotPaid,
    InstitutionFrozen,
    EnrolmentBlocked,
    PolicyMissing,
    DateInFuture,
    OutsideTimetable,
    AbsenceNotCharged,
    BodyTooLarge,
)
CONFIRMING = refusing(
    *KEYED, LessonUnknown, WrongState, InstitutionFrozen, EnrolmentBlocked, BodyTooLarge
)


@post(
    "/lessons",
    operation_id="scheduleLesson",
    summary="Plan a lesson",
    opt=policy(Role.INSTITUTION, verb=Verb.RECORD_LESSONS),
    responses=PLANNING,
)
async def schedule_lesson(
    data: JSONBody[LessonIn], command: NamedDependency[Command]
) -> Response[LessonOut]:
    """Plan a lesson of one of the institution's own enrolments."""
    planned = data.facts(command)
    outcome = await command.run(use_cases.SCHEDULE, [planned], journal=planned.journal)
    return command.answer(outcome, LessonOut)


@post(
    "/lessons/batch",
    operation_id="scheduleLessons",
    summary="Plan up to 10,000 lessons",
    opt=policy(Role.INSTITUTION, verb=Verb.RECORD_LESSONS, body_max=BATCH_BODY_MAX),
    responses=PLANNING,
    status_code=200,
)
async def schedule_lessons(
    data: JSONBody[LessonBatchIn], command: NamedDependency[Command]
) -> Response[LessonBatchOut]:
    """Plan lessons of one journal, a result each in the same order."""
    planned = [item.facts(command) for item in data.items]
    journal = _one_journal({item.journal for item in planned}, command, EnrolmentUnknown)
    outcome = await command.run(use_cases.SCHEDULE, planned, journal=journal, mode=data.mode)
    return command.answer_batch(outcome, data.mode)


@post(
    "/lessons/{lesson_id:str}/record",
    operation_id="recordLesson",
    summary="Record a lesson that was held",
    opt=policy(Role.INSTITUTION, verb=Verb.RECORD_LESSONS),
    responses=RECORDING,
    status_code=200,
)
async def record_lesson(
    lesson_id: FromPath[str], data: JSONBody[RecordIn], command: NamedDependency[Command]
) -> Response[LessonOut]:
    """Give the lesson the lowest free slot, set its value aside and tell the guardian."""
    key = _key(lesson_id)
    return await _one(command, use_cases.RECORD, data.facts(key, command))


@post(
    "/lessons/record/batch",
    operation_id="recordLessons",
    summary="Record up to 10,000 lessons",
    opt=policy(Role.INSTITUTION, verb=Verb.RECORD_LESSONS, body_max=BATCH_BODY_MAX),
    responses=RECORDING,
    status_code=200,
)
async def record_lessons(
    data: JSONBody[RecordBatchIn], command: NamedDependency[Command]
) -> Response[LessonBatchOut]:
    """Record lessons of one journal, a result each in the same order."""
    held = [item.facts(command) for item in data.items]
    journal = _one_journal({item.key.journal for item in held}, command, LessonUnknown)
    outcome = await command.run(use_cases.RECORD, held, journal=journal, mode=data.mode)
    return command.answer_batch(outcome, data.mode, 200)


@post(
    "/lessons/{lesson_id:str}/confirm",
    operation_id="confirmLesson",
    summary="Confirm a lesson",
    opt=policy(Role.PARENT, verb=Verb.CONFIRM_LESSONS),
    responses=CONFIRMING,
    status_code=200,
)
async def confirm_lesson(
    lesson_id: FromPath[str], command: NamedDependency[Command]
) -> Response[LessonOut]:
    """Release exactly the value of the lesson's slot to the institution."""
    return await _one(command, use_cases.CONFIRM, use_cases.ConfirmLesson(_key(lesson_id)))


@post(
    "/lessons/confirm/batch",
    operation_id="confirmLessons",
    summary="Confirm up to 10,000 lessons",
    opt=policy(Role.PARENT, verb=Verb.CONFIRM_LESSONS, body_max=BATCH_BODY_MAX),
    responses=CONFIRMING,
    status_code=200,
)
async def confirm_lessons(
    data: JSONBody[ConfirmBatchIn], command: NamedDependency[Command]
) -> Response[LessonBatchOut]:
    """Confirm one's own lessons, a result each in the same order."""
    confirmed = [use_cases.ConfirmLesson(item.key) for item in data.items]
    journal = _one_journal({item.key.journal for item in confirmed}, command, LessonUnknown)
    outcome = await command.run(use_cases.CONFIRM, confirmed, journal=journal, mode=data.mode)
    return command.answer_batch(outcome, data.mode, 200)


@post(
    "/lessons/{lesson_id:str}/dispute",
    operation_id="disputeLesson",
    summary="Contest a recorded lesson",
    opt=policy(Role.PARENT, verb=Verb.CONFIRM_LESSONS),
    responses=CHANGING,
    status_code=200,
)
async def dispute_lesson(
    lesson_id: FromPath[str], data: JSONBody[DisputeIn], command: NamedDependency[Command]
) -> Response[LessonOut]:
    """Block the lesson's value until the regulator has ruled; other lessons go on."""
    disputed = use_cases.DisputeLesson(_key(lesson_id), data.reason)
    return await _one(command, use_cases.DISPUTE, disputed)


@post(
    "/lessons/{lesson_id:str}/rule",
    operation_id="ruleOnLesson",
    summary="Rule on a disputed lesson",
    opt=policy(Role.REGULATOR, verb=Verb.RULE_ON_LESSONS),
    responses=CHANGING,
    status_code=200,
)
async def rule_on_lesson(
    lesson_id: FromPath[str], data: JSONBody[RulingIn], command: NamedDependency[Command]
) -> Response[LessonOut]:
    """Give the lesson back to the student, or release it."""
    ruling = use_cases.RuleOnDispute(_key(lesson_id), data.ruling)
    return await _one(command, use_cases.RULE, ruling)


@post(
    "/lessons/{lesson_id:str}/void",
    operation_id="voidLesson",
    summary="Take back a recorded lesson before it is confirmed",
    opt=policy(Role.INSTITUTION, verb=Verb.RECORD_LESSONS),
    responses=CHANGING,
    status_code=200,
)
async def void_lesson(
    lesson_id: FromPath[str], command: NamedDependency[Command]
) -> Response[LessonOut]:
    """Give the value back to the student; the slot is free again."""
    return await _one(command, use_cases.VOID, use_cases.VoidLesson(_key(lesson_id)))


@post(
    "/lessons/{lesson_id:str}/cancel",
    operation_id="cancelLesson",
    summary="Cancel a planned lesson",
    opt=policy(Role.INSTITUTION, verb=Verb.RECORD_LESSONS),
    responses=CHANGING,
    status_code=200,
)
async def cancel_lesson(
    lesson_id: FromPath[str], command: NamedDependency[Command]
) -> Response[LessonOut]:
    """Cancel what will not be held."""
    return await _one(command, use_cases.CANCEL, use_cases.CancelLesson(_key(lesson_id)))


@post(
    "/lessons/{lesson_id:str}/reverse",
    operation_id="reverseLesson",
    summary="Take back a confirmation that was wrong",
    opt=policy(Role.REGULATOR, verb=Verb.RULE_ON_LESSONS),
    responses=refusing(*KEYED, LessonUnknown, WrongState, EnrolmentBlocked),
    status_code=200,
)
async def reverse_lesson(
    lesson_id: FromPath[str], data: JSONBody[ReversalIn], command: NamedDependency[Command]
) -> Response[LessonOut]:
    """Give the money back to the student; what was paid out the institution now owes."""
    reversal = use_cases.ReverseLesson(_key(lesson_id), data.reason)
    return await _one(command, use_cases.REVERSE, reversal)


async def _one(command: Command, use_case: Any, decided: Any) -> Response[LessonOut]:  # noqa: ANN401
    outcome = await command.run(use_case, [decided], journal=decided.key.journal)
    return command.answer(outcome, LessonOut, 200)


def _key(lesson_id: str) -> use_cases.LessonKey:
    journal, lesson = object_id("lsn", lesson_id, LessonUnknown)
    return use_cases.LessonKey(journal, lesson=lesson)


def _one_journal(journals: set[int], command: Command, unknown: type[Refusal]) -> int:
    """Return the one journal of a batch; raises `unknown` for a mixture or a foreign one."""
    if len(journals) != 1 or not journals <= set(command.caller.journals):
        raise unknown
    return journals.pop()


router = Router(
    "/v1",
    route_handlers=[
        schedule_lesson,
        schedule_lessons,
        record_lesson,
        record_lessons,
        confirm_lesson,
        confirm_lessons,
        dispute_lesson,
        rule_on_lesson,
        void_lesson,
        cancel_lesson,
        reverse_lesson,
        list_lessons,
        get_lesson,
        fetch_notices,
        list_notices,
    ],
    tags=["lessons"],
)
