"""Routes that read lessons: lists and single ones, in the caller's scope."""

from typing import Annotated, Any

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from ledger.refusals import EnrolmentUnknown, InstitutionUnknown, LessonUnknown
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.lessons.found import detail_of
from service.lessons.schemas import LessonDetailOut, LessonPage
from service.store import registry
from service.store.tables import Lesson
from service.store.transact import Store
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import refusing

READERS = (Role.REGULATOR, Role.INSTITUTION, Role.PARENT, Role.AUDITOR)


@get(
    "/lessons",
    operation_id="listLessons",
    summary="List lessons",
    opt=policy(*READERS, verb=Verb.READ_LESSONS),
    responses=refusing(EnrolmentUnknown, InstitutionUnknown),
)
async def list_lessons(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    enrolment_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    institution_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    lesson_state: Annotated[str | None, QueryParameter(name="state", max_length=32)] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> LessonPage:
    """List the lessons in the caller's scope by journal and id."""
    equal: dict[str, Any] = {"state": lesson_state}
    for column, prefix, text, unknown in (
        ("enrolment_id", "enr", enrolment_id, EnrolmentUnknown),
        ("institution_id", "ins", institution_id, InstitutionUnknown),
    ):
        if text is not None:
            equal["journal_id"], equal[column] = object_id(prefix, text, unknown)
    async with store.reading(caller.context) as connection:
        found = await registry.page(
            connection,
            caller.context,
            Lesson,
            equal=equal,
            after=key_after(cursor, equal),
            limit=limit + 1,
        )
    shown, following = cut(found, limit, "lesson_id", equal)
    return LessonPage(
        items=[LessonDetailOut.model_validate(detail_of(row)) for row in shown],
        next_cursor=following,
    )


@get(
    "/lessons/{lesson_id:str}",
    operation_id="getLesson",
    summary="Read a lesson",
    opt=policy(*READERS, verb=Verb.READ_LESSONS),
    responses=refusing(LessonUnknown),
)
async def get_lesson(
    lesson_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> LessonDetailOut:
    """Read one lesson in the caller's scope."""
    journal, lesson = object_id("lsn", lesson_id, LessonUnknown)
    async with store.reading(caller.context) as connection:
        found = await registry.seen(connection, caller.context, Lesson, journal, [lesson])
    if lesson not in found:
        raise LessonUnknown
    return LessonDetailOut.model_validate(detail_of(found[lesson]))
