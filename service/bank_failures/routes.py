"""Routes of bank failures: declared and closed by two regulators, read by whom it concerns."""

from typing import Annotated, Any, Literal
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    AlreadyExists,
    AmountZero,
    BankFailureUnknown,
    CustodyAccountInvalid,
    CustodyAccountUnknown,
    DateInFuture,
    LessonsUnsettled,
    LiabilityOutstanding,
    WrongState,
)
from service.bank_failures import use_cases
from service.bank_failures.close import Closing
from service.bank_failures.declare import Declaring
from service.bank_failures.schemas import ClosingIn, FailureIn, FailureOut, FailurePage
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import bank_failures, ids, registry
from service.store.tables import BankFailure
from service.store.transact import Store
from service.web.approval import ApprovalOut, awaiting
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import KEYED, refusing

READERS = (Role.BANK, Role.INSTITUTION, *STAFF)


@post(
    "/",
    operation_id="declareBankFailure",
    summary="Ask for a custody account's bank to be declared failed",
    opt=policy(Role.REGULATOR, verb=Verb.SUPERVISE_MONEY),
    responses=refusing(
        *KEYED,
        CustodyAccountUnknown,
        DateInFuture,
        CustodyAccountInvalid,
        AlreadyExists,
        LessonsUnsettled,
        LiabilityOutstanding,
        AmountZero,
    ),
    status_code=202,
)
async def declare_bank_failure(
    data: JSONBody[FailureIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a second regulator; then the whole balance is a claim on the bank."""
    journal, account = ids.parse("cus", data.custody_account_id)
    if journal not in command.caller.journals:
        raise CustodyAccountUnknown
    asked = Declaring(
        journal,
        account,
        failed_on=data.failed_on,
        document_hash=data.document_hash,
        approval=command.new_id(),
        failure=command.new_id(),
        bank_entry=command.new_id(),
        key=None if command.key is None else command.key.key,
    )
    outcome = await command.run(use_cases.DECLARE, [asked], journal=journal)
    return await awaiting(command, outcome, journal)


@post(
    "/{failure_id:str}/close",
    operation_id="closeBankFailure",
    summary="Ask for a bank's failure to be closed and its loss posted",
    opt=policy(Role.REGULATOR, verb=Verb.SUPERVISE_MONEY),
    responses=refusing(
        *KEYED, BankFailureUnknown, CustodyAccountUnknown, WrongState, CustodyAccountInvalid
    ),
    status_code=202,
)
async def close_bank_failure(
    failure_id: FromPath[str], data: JSONBody[ClosingIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a second regulator; then what is left is a residual claim of each student."""
    journal, failure = _target(failure_id)
    to: UUID | None = None
    if data.custody_account_id is not None:
        other, to = ids.parse("cus", data.custody_account_id)
        if other != journal:
            raise CustodyAccountUnknown
    key = None if command.key is None else command.key.key
    asked = Closing(journal, failure, to, command.new_id(), key)
    outcome = await command.run(use_cases.CLOSE, [asked], journal=journal)
    return await awaiting(command, outcome, journal)


@get(
    "/",
    operation_id="listBankFailures",
    summary="List custody accounts whose bank failed",
    opt=policy(*READERS, verb=Verb.READ_BOOKS),
    responses=refusing(),
)
async def list_bank_failures(
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    failure_state: Annotated[Literal["OPEN", "CLOSED"] | None, QueryParameter(name="state")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> FailurePage:
    """List the failures in the caller's scope."""
    equal: dict[str, Any] = {"state": failure_state}
    async with store.reading(caller.context) as connection:
        found = await registry.page(
            connection,
            caller.context,
            BankFailure,
            equal=equal,
            after=key_after(cursor, equal),
            limit=limit + 1,
        )
    shown, following = cut(found, limit, "failure_id", equal)
    return FailurePage(
        items=[FailureOut(**bank_failures.answer_of(row.journal_id, row)) for row in shown],
        next_cursor=following,
    )


@get(
    "/{failure_id:str}",
    operation_id="getBankFailure",
    summary="Read a custody account's bank failure",
    opt=policy(*READERS, verb=Verb.READ_BOOKS),
    responses=refusing(BankFailureUnknown),
)
async def get_bank_failure(
    failure_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> FailureOut:
    """Read one failure: what the account held, what was paid since, what was lost."""
    journal, failure = _target(failure_id)
    async with store.reading(caller.context) as connection:
        seen = await registry.seen(connection, caller.context, BankFailure, journal, [failure])
    if failure not in seen:
        raise BankFailureUnknown
    return FailureOut(**bank_failures.answer_of(journal, seen[failure]))


def _target(failure_id: str) -> tuple[int, UUID]:
    return object_id("bkf", failure_id, BankFailureUnknown)


router = Router(
    "/v1/bank-failures",
    route_handlers=[
        declare_bank_failure,
        close_bank_failure,
        list_bank_failures,
        get_bank_failure,
    ],
    tags=["bank events"],
)
