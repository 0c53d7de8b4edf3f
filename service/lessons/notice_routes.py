"""Routes of notices: a parent's client fetches them, which delivers them; reading does not."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from ledger.refusals import (
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    NoticeUnknown,
    RequestInvalid,
)
from service.identity.callers import Caller, Role
from service.lessons import use_cases
from service.lessons.notices import notice_answer
from service.lessons.schemas import NoticeOut, NoticePage, NoticesFetchIn, NoticesOut
from service.store import registry
from service.store.tables import Lesson, Notice
from service.store.transact import Store
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.policy import policy
from service.web.problems import refusing


@post(
    "/notices/fetch",
    operation_id="fetchNotices",
    summary="Fetch notices, which delivers them",
    opt=policy(Role.PARENT),
    responses=refusing(IdempotencyKeyMissing, IdempotencyKeyReused, NoticeUnknown),
    status_code=200,
)
async def fetch_notices(
    data: JSONBody[NoticesFetchIn], command: NamedDependency[Command]
) -> Response[NoticesOut]:
    """Take what waits for this parent; its silence counts from the first working day after."""
    journal = command.caller.journal
    outcome = await command.run(
        use_cases.FETCH, [use_cases.FetchNotices(journal, data.limit)], journal=journal
    )
    return command.answer(outcome, NoticesOut, 200)


@get(
    "/notices",
    operation_id="listNotices",
    summary="List one's own notices",
    opt=policy(Role.PARENT),
    responses=refusing(RequestInvalid),
)
async def list_notices(
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> NoticePage:
    """List notices in the order in which they were made; changes nothing."""
    journal = caller.journal
    async with store.reading(caller.context) as connection:
        found = await registry.page(
            connection,
            caller.context,
            Notice,
            equal={"recipient_id": caller.party},
            after=key_after(cursor, {}),
            limit=limit + 1,
        )
        shown, following = cut(found, limit, "notice_id", {})
        lessons = await registry.seen(
            connection, caller.context, Lesson, journal, [row.subject_id for row in shown]
        )
    return NoticePage(
        items=[
            NoticeOut.model_validate(notice_answer(journal, row, lessons.get(row.subject_id)))
            for row in shown
        ],
        next_cursor=following,
    )
