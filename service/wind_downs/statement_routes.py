"""Routes of statement requests: a bank reads what it was asked at a freeze, and answers."""

from typing import Annotated, Literal

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    AlreadyExists,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    StatementRequestUnknown,
    WindDownUnknown,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import registry
from service.store.tables import StatementRequest
from service.store.transact import Store
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing
from service.web.wire import money
from service.wind_downs import statements, use_cases
from service.wind_downs.schemas import (
    StatementAnswerIn,
    StatementRequestOut,
    StatementRequestPage,
)

States = Literal["ASKED", "AGREED", "DIFFERENT"]


@get(
    "/statement-requests",
    operation_id="listStatementRequests",
    summary="List what banks were asked at freezes",
    opt=policy(Role.BANK, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(WindDownUnknown),
)
async def list_statement_requests(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    wind_down_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    request_state: Annotated[States | None, QueryParameter(name="state")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> StatementRequestPage:
    """List the requests in the caller's scope; a bank sees its own."""
    bound = {"wind_down": wind_down_id, "state": request_state}
    wind_down = None if wind_down_id is None else object_id("wdn", wind_down_id, WindDownUnknown)[1]
    async with store.reading(caller.context) as connection:
        found, after = cut(
            await registry.page(
                connection,
                caller.context,
                StatementRequest,
                equal={"wind_down_id": wind_down, "state": request_state},
                after=key_after(cursor, bound),
                limit=limit + 1,
            ),
            limit,
            "request_id",
            bound,
        )
    items = [statements.answer_of(row["journal_id"], row) for row in found]
    return StatementRequestPage(
        items=[StatementRequestOut.model_validate(item) for item in items], next_cursor=after
    )


@post(
    "/statement-requests/{request_id:str}/answer",
    operation_id="answerStatementRequest",
    summary="Say what an account held at the freeze",
    opt=policy(Role.BANK, verb=Verb.REPORT_BANK_FACTS),
    responses=refusing(
        IdempotencyKeyMissing, IdempotencyKeyReused, StatementRequestUnknown, AlreadyExists
    ),
    status_code=200,
)
async def answer_statement_request(
    request_id: FromPath[str], data: JSONBody[StatementAnswerIn], command: NamedDependency[Command]
) -> Response[StatementRequestOut]:
    """Agree with the ledger, or differ from it; either way the answer stands."""
    journal, request = object_id("srq", request_id, StatementRequestUnknown)
    if journal not in command.caller.journals:
        raise StatementRequestUnknown
    answer = use_cases.AnswerRequest(journal, request, money(data.balance), data.document_hash)
    outcome = await command.run(use_cases.ANSWER_REQUEST, [answer], journal=journal)
    return command.answer(outcome, StatementRequestOut, 200)
