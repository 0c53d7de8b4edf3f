"""Routes of courses: filing, review, withdrawal, and reading."""

from typing import Annotated
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlalchemy import ColumnElement

from ledger.parameters import Category
from ledger.refusals import (
    AlreadyExists,
    AmountOverCap,
    AmountZero,
    BodyTooLarge,
    CategoryMismatch,
    CourseUnknown,
    CustodyAccountInvalid,
    CustodyAccountUnknown,
    InstitutionFrozen,
    InstitutionUnknown,
    LessonsOverCap,
    PolicyMissing,
    PriceOverGuide,
    VersionStale,
    WrongState,
)
from service.courses import review, use_cases
from service.courses.schemas import (
    CourseBatchIn,
    CourseBatchOut,
    CourseIn,
    CourseOut,
    CoursePage,
    ReviewBatchIn,
    ReviewIn,
    WithdrawalIn,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import ids, registry, rows
from service.store.tables import Course
from service.store.transact import Store
from service.web.bodies import BATCH_BODY_MAX
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import KEYED, refusing

READERS = (Role.REGULATOR, Role.INSTITUTION, Role.PARENT, Role.OPERATOR, Role.AUDITOR)
FILING = refusing(
    *KEYED,
    BodyTooLarge,
    CustodyAccountUnknown,
    AlreadyExists,
    WrongState,
    InstitutionFrozen,
    CategoryMismatch,
    CustodyAccountInvalid,
    PolicyMissing,
    AmountZero,
    AmountOverCap,
    LessonsOverCap,
    PriceOverGuide,
)
REVIEWING = refusing(*KEYED, BodyTooLarge, CourseUnknown, VersionStale, WrongState)


@post(
    "/",
    operation_id="fileCourse",
    summary="File a course",
    opt=policy(Role.INSTITUTION, verb=Verb.FILE_COURSES),
    responses=FILING,
)
async def file_course(
    data: JSONBody[CourseIn], command: NamedDependency[Command]
) -> Response[CourseOut]:
    """Hand in a course of the calling institution for review."""
    journal, institution = _filer(command.caller)
    facts = data.facts(command, journal, institution)
    outcome = await command.run(use_cases.FILE, [facts], journal=journal)
    return command.answer(outcome, CourseOut)


@post(
    "/batch",
    operation_id="fileCourses",
    summary="File up to 10,000 courses",
    opt=policy(Role.INSTITUTION, verb=Verb.FILE_COURSES, body_max=BATCH_BODY_MAX),
    responses=FILING,
    status_code=200,
)
async def file_courses(
    data: JSONBody[CourseBatchIn], command: NamedDependency[Command]
) -> Response[CourseBatchOut]:
    """Hand in a list of courses, a result each in the same order."""
    journal, institution = _filer(command.caller)
    outcome = await command.run(
        use_cases.FILE,
        [item.facts(command, journal, institution) for item in data.items],
        journal=journal,
        mode=data.mode,
    )
    return command.answer_batch(outcome, data.mode)


@post(
    "/{course_id:str}/review",
    operation_id="reviewCourse",
    summary="File, reject or suspend a course",
    opt=policy(Role.REGULATOR, verb=Verb.REVIEW_COURSES),
    responses=REVIEWING,
    status_code=200,
)
async def review_course(
    course_id: FromPath[str], data: JSONBody[ReviewIn], command: NamedDependency[Command]
) -> Response[CourseOut]:
    """Decide on a course; only a FILED one takes money."""
    journal, course = object_id("crs", course_id, CourseUnknown)
    outcome = await command.run(review.REVIEW, [data.facts(journal, course)], journal=journal)
    return command.answer(outcome, CourseOut, 200)


@post(
    "/review/batch",
    operation_id="reviewCourses",
    summary="Decide on up to 10,000 courses",
    opt=policy(Role.REGULATOR, verb=Verb.REVIEW_COURSES, body_max=BATCH_BODY_MAX),
    responses=REVIEWING,
    status_code=200,
)
async def review_courses(
    data: JSONBody[ReviewBatchIn], command: NamedDependency[Command]
) -> Response[CourseBatchOut]:
    """Decide on a list of courses of one journal, a result each in the same order."""
    decisions = [item.facts(*ids.parse("crs", item.course_id)) for item in data.items]
    journal = decisions[0].journal
    if journal not in command.caller.journals:
        raise CourseUnknown
    outcome = await command.run(review.REVIEW, decisions, journal=journal, mode=data.mode)
    return command.answer_batch(outcome, data.mode, 200)


@post(
    "/{course_id:str}/withdraw",
    operation_id="withdrawCourse",
    summary="Take a course back",
    opt=policy(Role.INSTITUTION, verb=Verb.FILE_COURSES),
    responses=REVIEWING,
    status_code=200,
)
async def withdraw_course(
    course_id: FromPath[str], data: JSONBody[WithdrawalIn], command: NamedDependency[Command]
) -> Response[CourseOut]:
    """Take back a course of the calling institution for good."""
    journal, course = object_id("crs", course_id, CourseUnknown)
    outcome = await command.run(review.WITHDRAW, [data.facts(journal, course)], journal=journal)
    return command.answer(outcome, CourseOut, 200)


@get(
    "/",
    operation_id="listCourses",
    summary="List courses",
    opt=policy(*READERS, verb=Verb.READ_REGISTRY),
    responses=refusing(InstitutionUnknown),
)
async def list_courses(  # noqa: PLR0913, PLR0917 - the filters of a list
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    institution_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    category: FromQuery[Category | None] = None,
    course_state: Annotated[str | None, QueryParameter(name="state", max_length=32)] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> CoursePage:
    """List the courses in the caller's scope; a parent sees those on offer."""
    equal: dict[str, object] = {"category": category, "state": course_state}
    if institution_id is not None:
        equal["journal_id"], equal["institution_id"] = object_id(
            "ins", institution_id, InstitutionUnknown
        )
    async with store.reading(caller.context) as connection:
        found = await registry.page(
            connection,
            caller.context,
            Course,
            equal=equal,
            also=_published(caller),
            after=key_after(cursor, equal),
            limit=limit + 1,
        )
    shown, following = cut(found, limit, "course_id", equal)
    return CoursePage(
        items=[CourseOut(**use_cases.answer_of(row.journal_id, row)) for row in shown],
        next_cursor=following,
    )


@get(
    "/{course_id:str}",
    operation_id="getCourse",
    summary="Read a course",
    opt=policy(*READERS, verb=Verb.READ_REGISTRY),
    responses=refusing(CourseUnknown),
)
async def get_course(
    course_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> CourseOut:
    """Read a course in the caller's scope."""
    journal, course = object_id("crs", course_id, CourseUnknown)
    async with store.reading(caller.context) as connection:
        row = await registry.one(
            connection, caller.context, Course, journal, course, also=_published(caller)
        )
    if row is None:
        raise CourseUnknown
    return CourseOut(**use_cases.answer_of(journal, row))


def _filer(caller: Caller) -> tuple[int, UUID]:
    assert caller.institution is not None, "an institution's token names it"
    return caller.journal, caller.institution


def _published(caller: Caller) -> tuple[ColumnElement[bool], ...]:
    """Condition on courses for a parent: what is or was offered, not what is under review."""
    if caller.role is not Role.PARENT:
        return ()
    return (rows.table_of(Course).c.state.in_(("FILED", "SUSPENDED")),)


router = Router(
    "/v1/courses",
    route_handlers=[
        file_course,
        file_courses,
        review_course,
        review_courses,
        withdraw_course,
        list_courses,
        get_course,
    ],
    tags=["courses"],
)
