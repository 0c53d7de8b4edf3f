"""Routes of statements: banks deliver a day's figures, the day is closed, anyone may compare."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from ledger.refusals import (
    BodyTooLarge,
    CustodyAccountUnknown,
    DateInFuture,
    DayNotClosable,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    JurisdictionUnknown,
    RequestInvalid,
    StatementChainBroken,
    StatementContradicted,
    StatementUnbalanced,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.statements import close, use_cases
from service.statements.schemas import (
    BankStatementBatchIn,
    BankStatementBatchOut,
    BankStatementIn,
    BankStatementOut,
    BankStatementPage,
    CloseDayIn,
    ClosedDayOut,
    ClosedDayPage,
)
from service.store import statement_reads
from service.store.statement_reads import StatementFilter
from service.store.transact import Store
from service.web.bodies import BATCH_BODY_MAX
from service.web.command import Command
from service.web.journals import journal_named
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, read_cursor, write_cursor
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing

PROBLEMS = refusing(
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    CustodyAccountUnknown,
    StatementContradicted,
    StatementChainBroken,
    StatementUnbalanced,
    DateInFuture,
    BodyTooLarge,
)
States = Literal["AGREED", "DIFFERENT"]


@post(
    "/",
    operation_id="deliverStatement",
    summary="Deliver a day's statement of a custody account",
    opt=policy(Role.BANK, verb=Verb.REPORT_BANK_FACTS),
    responses=PROBLEMS,
)
async def deliver_statement(
    data: JSONBody[BankStatementIn], command: NamedDependency[Command]
) -> Response[BankStatementOut]:
    """Keep the day's figures and say at once whether the ledger agrees."""
    statement = data.statement()
    if statement.journal not in command.caller.journals:
        raise CustodyAccountUnknown
    outcome = await command.run(
        use_cases.DELIVER_STATEMENTS, [statement], journal=statement.journal
    )
    return command.answer(outcome, BankStatementOut)


@post(
    "/batch",
    operation_id="deliverStatements",
    summary="Deliver up to 10,000 statements",
    opt=policy(Role.BANK, verb=Verb.REPORT_BANK_FACTS, body_max=BATCH_BODY_MAX),
    responses=PROBLEMS,
    status_code=200,
)
async def deliver_statements(
    data: JSONBody[BankStatementBatchIn], command: NamedDependency[Command]
) -> Response[BankStatementBatchOut]:
    """Keep a list of statements of one journal, a result each in the same order."""
    statements = [item.statement() for item in data.items]
    journals = {statement.journal for statement in statements}
    if len(journals) != 1 or not journals <= set(command.caller.journals):
        raise CustodyAccountUnknown
    outcome = await command.run(
        use_cases.DELIVER_STATEMENTS, statements, journal=journals.pop(), mode=data.mode
    )
    return command.answer_batch(outcome, data.mode)


@post(
    "/close-day",
    operation_id="closeDay",
    summary="Close a business date of a journal",
    opt=policy(Role.REGULATOR, Role.OPERATOR, verb=Verb.RUN_JOBS),
    responses=refusing(
        IdempotencyKeyMissing, IdempotencyKeyReused, JurisdictionUnknown, DayNotClosable
    ),
)
async def close_day(
    data: JSONBody[CloseDayIn], command: NamedDependency[Command]
) -> Response[ClosedDayOut]:
    """Fix the day's last position, compare every statement of it, and seal it."""
    journal = await journal_named(command.store, command.caller, data.jurisdiction)
    closing = close.CloseDay(journal, data.day, command.new_id())
    outcome = await command.run(close.CLOSE_DAY, [closing], journal=journal)
    return command.answer(outcome, ClosedDayOut)


@get(
    "/",
    operation_id="listStatements",
    summary="List statements",
    opt=policy(Role.BANK, Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(CustodyAccountUnknown),
)
async def list_statements(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    custody_account_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    day: Annotated[date | None, QueryParameter()] = None,
    statement_state: Annotated[States | None, QueryParameter(name="state")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> BankStatementPage:
    """List the statements in the caller's scope beside the ledger's figures."""
    bound = {"custody": custody_account_id, "day": day, "state": statement_state}
    custody = (
        None
        if custody_account_id is None
        else object_id("cus", custody_account_id, CustodyAccountUnknown)[1]
    )
    after = read_cursor(cursor, bound)
    async with store.reading(caller.context) as connection:
        found = await statement_reads.page(
            connection,
            caller.context,
            StatementFilter(custody, day, statement_state),
            after=None if after is None else _statement_key(after),
            limit=limit + 1,
        )
    last = found[limit - 1] if len(found) > limit else None
    return BankStatementPage(
        items=[
            BankStatementOut.model_validate(statement_reads.answer_of(row.journal_id, row))
            for row in found[:limit]
        ],
        next_cursor=last
        and write_cursor(
            [last.journal_id, last.custody_account_id.hex, last.day.isoformat()], bound
        ),
    )


@get(
    "/closed-days",
    operation_id="listClosedDays",
    summary="List closed business dates",
    opt=policy(*STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(),
)
async def list_closed_days(
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> ClosedDayPage:
    """List the dates that are closed for ever, by journal and newest first."""
    after = read_cursor(cursor, {})
    async with store.reading(caller.context) as connection:
        found = await statement_reads.closed_days(
            connection, after=None if after is None else _day_key(after), limit=limit + 1
        )
    last = found[limit - 1] if len(found) > limit else None
    return ClosedDayPage(
        items=[ClosedDayOut.model_validate(close.answer_of(row)) for row in found[:limit]],
        next_cursor=last and write_cursor([last.journal_id, last.day.isoformat()], {}),
    )


def _statement_key(after: list[object]) -> tuple[int, UUID, date]:
    try:
        journal, custody, day = after
        return int(str(journal)), UUID(str(custody)), date.fromisoformat(str(day))
    except ValueError:
        raise RequestInvalid(reason="cursor") from None


def _day_key(after: list[object]) -> tuple[int, date]:
    try:
        journal, day = after
        return int(str(journal)), date.fromisoformat(str(day))
    except ValueError:
        raise RequestInvalid(reason="cursor") from None


router = Router(
    "/v1/statements",
    route_handlers=[
        deliver_statement,
        deliver_statements,
        close_day,
        list_statements,
        list_closed_days,
    ],
    tags=["statements"],
)
