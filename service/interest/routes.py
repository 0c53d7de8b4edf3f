"""Routes of interest: credits are listed, and allocated to those whose money bore them."""

from typing import Annotated, Literal
from uuid import UUID

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import (
    CustodyAccountUnknown,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InstitutionUnknown,
    InterestUnknown,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.interest import use_cases
from service.interest.schemas import AllocationIn, InterestOut, InterestPage
from service.store import interest_reads
from service.store.transact import Store
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing


@get(
    "/",
    operation_id="listInterestCredits",
    summary="List interest credits",
    opt=policy(Role.BANK, Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(InstitutionUnknown, CustodyAccountUnknown),
)
async def list_interest_credits(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    institution_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    custody_account_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    credit_state: Annotated[
        Literal["CREDITED", "ALLOCATED"] | None, QueryParameter(name="state")
    ] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> InterestPage:
    """List the credits in the caller's scope; a bank sees its own."""
    equal: dict[str, object] = {"state": credit_state}
    if institution_id is not None:
        equal["journal_id"], equal["institution_id"] = object_id(
            "ins", institution_id, InstitutionUnknown
        )
    if custody_account_id is not None:
        equal["journal_id"], equal["custody_account_id"] = object_id(
            "cus", custody_account_id, CustodyAccountUnknown
        )
    async with store.reading(caller.context) as connection:
        found = await interest_reads.page(
            connection,
            caller.context,
            equal,
            after=key_after(cursor, equal),
            limit=limit + 1,
        )
    shown, following = cut(found, limit, "interest_id", equal)
    return InterestPage(
        items=[InterestOut(**use_cases.answer_of(row.journal_id, row)) for row in shown],
        next_cursor=following,
    )


@get(
    "/{interest_id:str}",
    operation_id="getInterestCredit",
    summary="Read an interest credit",
    opt=policy(Role.BANK, Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(InterestUnknown),
)
async def get_interest_credit(
    interest_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> InterestOut:
    """Read a credit in the caller's scope."""
    journal, interest = _target(interest_id)
    async with store.reading(caller.context) as connection:
        seen = await interest_reads.credits_seen(connection, caller.context, journal, [interest])
    if interest not in seen:
        raise InterestUnknown
    return InterestOut(**use_cases.answer_of(journal, seen[interest]))


@post(
    "/{interest_id:str}/allocate",
    operation_id="allocateInterest",
    summary="Allocate an interest credit by day-products",
    opt=policy(Role.REGULATOR, Role.OPERATOR, verb=Verb.SUPERVISE_MONEY),
    responses=refusing(IdempotencyKeyMissing, IdempotencyKeyReused, InterestUnknown, WrongState),
    status_code=200,
)
async def allocate_interest(
    interest_id: FromPath[str],
    data: JSONBody[AllocationIn],  # noqa: ARG001 - nothing is said, and unknown fields are refused
    command: NamedDependency[Command],
) -> Response[InterestOut]:
    """Give all of it to the students whose money bore it, to the fen."""
    journal, interest = _target(interest_id)
    asked = use_cases.Allocate(journal, interest)
    outcome = await command.run(use_cases.ALLOCATE, [asked], journal=journal)
    return command.answer(outcome, InterestOut, 200)


def _target(interest_id: str) -> tuple[int, UUID]:
    return object_id("int", interest_id, InterestUnknown)


router = Router(
    "/v1/interest-credits",
    route_handlers=[list_interest_credits, get_interest_credit, allocate_interest],
    tags=["interest"],
)
