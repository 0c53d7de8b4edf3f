"""Routes of a case's pending lessons: the parent answers once, the task force rules on disputes."""

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from ledger.refusals import (
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    LessonUnknown,
    WindDownUnknown,
    WrongState,
)
from service.identity.callers import Role
from service.identity.verbs import Verb
from service.web.command import Command
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import refusing
from service.wind_downs import use_cases
from service.wind_downs.case_paths import case_named
from service.wind_downs.schemas import LessonAnswerOut, RulingIn

PROBLEMS = refusing(
    IdempotencyKeyMissing, IdempotencyKeyReused, WindDownUnknown, LessonUnknown, WrongState
)


@post(
    "/wind-downs/{wind_down_id:str}/lessons/{lesson_id:str}/confirm",
    operation_id="confirmPendingLesson",
    summary="Confirm a lesson that waited when the case was opened",
    opt=policy(Role.PARENT, verb=Verb.CONFIRM_LESSONS),
    responses=PROBLEMS,
    status_code=200,
)
async def confirm_pending_lesson(
    wind_down_id: FromPath[str], lesson_id: FromPath[str], command: NamedDependency[Command]
) -> Response[LessonAnswerOut]:
    """Release the lesson: the parent says that it was held."""
    return await _answer(command, wind_down_id, lesson_id, use_cases.CONFIRMED)


@post(
    "/wind-downs/{wind_down_id:str}/lessons/{lesson_id:str}/deny",
    operation_id="denyPendingLesson",
    summary="Deny a lesson that waited when the case was opened",
    opt=policy(Role.PARENT, verb=Verb.CONFIRM_LESSONS),
    responses=PROBLEMS,
    status_code=200,
)
async def deny_pending_lesson(
    wind_down_id: FromPath[str], lesson_id: FromPath[str], command: NamedDependency[Command]
) -> Response[LessonAnswerOut]:
    """Void the lesson: its value is the student's again."""
    return await _answer(command, wind_down_id, lesson_id, use_cases.DENIED)


@post(
    "/wind-downs/{wind_down_id:str}/lessons/{lesson_id:str}/rule",
    operation_id="ruleOnPendingLesson",
    summary="Rule on a disputed lesson of a case",
    opt=policy(Role.REGULATOR, verb=Verb.RULE_ON_LESSONS),
    responses=PROBLEMS,
    status_code=200,
)
async def rule_on_pending_lesson(
    wind_down_id: FromPath[str],
    lesson_id: FromPath[str],
    data: JSONBody[RulingIn],
    command: NamedDependency[Command],
) -> Response[LessonAnswerOut]:
    """Give the lesson back, or release it, as the task force (处置专班) finds."""
    return await _answer(command, wind_down_id, lesson_id, data.ruling)


async def _answer(
    command: Command, wind_down_id: str, lesson_id: str, answer: str
) -> Response[LessonAnswerOut]:
    journal, wind_down = case_named(wind_down_id, command)
    of, lesson = object_id("lsn", lesson_id, LessonUnknown)
    if of != journal:
        raise LessonUnknown
    answering = use_cases.LessonAnswer(journal, wind_down, lesson, answer)
    outcome = await command.run(use_cases.ANSWER_LESSON, [answering], journal=journal)
    return command.answer(outcome, LessonAnswerOut, 200)
