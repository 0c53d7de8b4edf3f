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
from service.identity.verbs import Verb
from service.lessons import use_cases
from service.lessons.notices import notice_answer
from service.lessons.schemas import NoticeOut, NoticePage, NoticesFetchIn, NoticesOut
from service.store import registry
from service.store.facts import Verdict
from service.store.tables import Lesson, Notice
from service.store.transact import Outcome, Store
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.policy import policy
from service.web.problems import refusing


@post(
    "/notices/fetch",
    operation_id="fetchNotices",
    summary="Fetch notices, which delivers them",
    opt=policy(Role.PARENT, verb=Verb.CONFIRM_LESSONS),
    responses=refusing(IdempotencyKeyMissing, IdempotencyKeyReused, NoticeUnknown),
    status_code=200,
)
async def fetch_notices(
    data: JSONBody[NoticesFetchIn], command: NamedDependency[Command]
) -> Response[NoticesOut]:
    """Take what waits for this parent; its silence counts from the first working day after.

    What is told in each district is delivered in a unit of work of its own, under the same key.
    """
    outcomes: list[Outcome] = []
    for journal in command.caller.journals:
        fetching = use_cases.FetchNotices(journal, data.limit)
        outcomes.append(await command.run(use_cases.FETCH, [fetching], journal=journal))
    items = [item for each in outcomes for item in each.single()["items"]]
    replayed = bool(outcomes) and all(each.replayed for each in outcomes)
    merged = Outcome([Verdict(answer={"items": items})], replayed=replayed)
    return command.answer(merged, NoticesOut, 200)


@get(
    "/notices",
    operation_id="listNotices",
    summary="List one's own notices",
    opt=policy(Role.PARENT, verb=Verb.READ_CONTRACTS),
    responses=refusing(RequestInvalid),
)
async def list_notices(
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> NoticePage:
    """List notices in the order in which they were made; changes nothing."""
    async with store.reading(caller.context) as connection:
        found = await registry.page(
            connection,
            caller.context,
            Notice,
            equal={},
            after=key_after(cursor, {}),
            limit=limit + 1,
        )
        shown, following = cut(found, limit, "notice_id", {})
        lessons = {
            key: row
            for journal in {row.journal_id for row in shown}
            for key, row in (
                await registry.seen(
                    connection,
                    caller.context,
                    Lesson,
                    journal,
                    [told.subject_id for told in shown if told.journal_id == journal],
                )
            ).items()
        }
    return NoticePage(
        items=[
            NoticeOut.model_validate(
                notice_answer(row.journal_id, row, lessons.get(row.subject_id))
            )
            for row in shown
        ],
        next_cursor=following,
    )
