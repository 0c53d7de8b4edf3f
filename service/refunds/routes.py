"""Routes of refunds: read by their own, paid by the sweep, their payees changed by two persons."""

from typing import Annotated

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger import parameters
from ledger.policy import Category
from ledger.refusals import (
    ClaimUnknown,
    EnrolmentUnknown,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InstitutionUnknown,
    JurisdictionUnknown,
    PayeeCoolingOff,
    RefundUnknown,
    WrongState,
)
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.refunds import use_cases
from service.refunds.schemas import (
    AccountIn,
    LodgeIn,
    PayeeAccountIn,
    PayeeIn,
    RefundOut,
    RefundPage,
    RefundStates,
    SettleIn,
    SettleOut,
)
from service.store import reference, refund_reads, registry
from service.store.lesson_reads import business_today
from service.store.parties import PartyKind
from service.store.refund_reads import RefundFilter, RefundState
from service.store.tables import Refund
from service.store.transact import Mode, Store
from service.web.approval import ApprovalOut, awaiting
from service.web.command import Command
from service.web.journals import journal_named
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing

READERS = (Role.PARENT, Role.INSTITUTION, *STAFF)
ASKING = refusing(IdempotencyKeyMissing, IdempotencyKeyReused, RefundUnknown, WrongState)


@get(
    "/",
    operation_id="listRefunds",
    summary="List refunds",
    opt=policy(*READERS, verb=Verb.READ_CONTRACTS),
    responses=refusing(InstitutionUnknown, EnrolmentUnknown, ClaimUnknown, JurisdictionUnknown),
)
async def list_refunds(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    institution_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    enrolment_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    claim_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    refund_state: Annotated[RefundStates | None, QueryParameter(name="state")] = None,
    waiting_for: Annotated[str | None, QueryParameter(pattern="^(MONEY|PAYEE)$")] = None,
    unclaimed: Annotated[
        bool, QueryParameter(description="Only what nobody has claimed for long (无人认领)")
    ] = False,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> RefundPage:
    """List the refunds in the caller's scope; a guardian sees their own."""
    bound = {
        "institution": institution_id,
        "enrolment": enrolment_id,
        "claim": claim_id,
        "state": refund_state,
        "waiting_for": waiting_for,
        "unclaimed": unclaimed,
    }
    named = {
        "institution": (institution_id, "ins", InstitutionUnknown),
        "enrolment": (enrolment_id, "enr", EnrolmentUnknown),
        "source": (claim_id, "clm", ClaimUnknown),
    }
    given = {
        name: object_id(prefix, text, unknown)[1]
        for name, (text, prefix, unknown) in named.items()
        if text is not None
    }
    async with store.reading(caller.context) as connection:
        since = None
        if unclaimed:
            journal = await journal_named(store, caller, None)
            pack = await reference.rule_pack(connection, journal)
            today = await business_today(connection, journal)
            days = pack.value(parameters.REFUND_UNCLAIMED_DAYS, on=today, category=Category.OTHER)
            since = refund_reads.unclaimed_since(today, days)
        narrowed = RefundFilter(
            **given,
            state=None if refund_state is None else RefundState(refund_state),
            waiting_for=waiting_for,
            unclaimed_since=since,
        )
        found, after = cut(
            await refund_reads.page(
                connection,
                caller.context,
                narrowed,
                after=key_after(cursor, bound),
                limit=limit + 1,
            ),
            limit,
            "refund_id",
            bound,
        )
    items = [RefundOut.model_validate(refund_reads.answer_of(row.journal_id, row)) for row in found]
    return RefundPage(items=items, next_cursor=after)


@get(
    "/{refund_id:str}",
    operation_id="getRefund",
    summary="Read a refund",
    opt=policy(*READERS, verb=Verb.READ_CONTRACTS),
    responses=refusing(RefundUnknown),
)
async def get_refund(
    refund_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> RefundOut:
    """Read one refund: how much, where each part stands, and what it waits for."""
    journal, refund = object_id("rfd", refund_id, RefundUnknown)
    async with store.reading(caller.context) as connection:
        found = await registry.seen(connection, caller.context, Refund, journal, [refund])
    if refund not in found:
        raise RefundUnknown
    return RefundOut.model_validate(refund_reads.answer_of(journal, found[refund]))


@post(
    "/settle",
    operation_id="settleRefunds",
    summary="Pay every refund that can be paid now",
    opt=policy(Role.OPERATOR, verb=Verb.RUN_JOBS),
    responses=refusing(IdempotencyKeyMissing, IdempotencyKeyReused, JurisdictionUnknown),
    status_code=200,
)
async def settle_refunds(
    data: JSONBody[SettleIn], command: NamedDependency[Command]
) -> Response[SettleOut]:
    """Make orders of what is owed to known payees and backed by money, as the worker does."""
    journal = await journal_named(command.store, command.caller, data.jurisdiction)
    async with command.store.reading(command.caller.context) as connection:
        today = await business_today(connection, journal)
        found = await refund_reads.due(connection, journal, today=today, most=data.limit)
    outcome = await command.run(
        use_cases.INSTRUCT,
        [use_cases.Instruct(journal, refund, command.new_id()) for _, refund in found],
        journal=journal,
        mode=Mode.INDEPENDENT.value,
    )
    answers = [verdict.answer or {} for verdict in outcome.verdicts]
    told = SettleOut(
        orders=sum(1 for answer in answers if "transaction_id" in answer),
        waiting=sum(1 for answer in answers if answer.get("waiting_for") is not None),
        refused=sum(1 for verdict in outcome.verdicts if verdict.refusal is not None),
    )
    replayed = {"Idempotency-Replayed": "true"} if outcome.replayed else {}
    return Response(told, status_code=200, headers=replayed)


@post(
    "/{refund_id:str}/payee",
    operation_id="changeRefundPayee",
    summary="Ask for a refund to be paid to another account",
    opt=policy(Role.REGULATOR, Role.OPERATOR, verb=Verb.RESOLVE_MONEY),
    responses=ASKING,
    status_code=202,
)
async def change_refund_payee(
    refund_id: FromPath[str], data: JSONBody[PayeeIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a second person, then for the cool-off; only of a refund that has no payee now.

    That is one that came back, that the bank rejected, or that never had a known payer.
    """
    return await _payee(refund_id, data, data.document_hash, command)


@post(
    "/{refund_id:str}/payee-account",
    operation_id="registerPayeeAccount",
    summary="Name the account that one's own refund is paid to",
    opt=policy(Role.PARENT, verb=Verb.CLAIM),
    responses=refusing(
        IdempotencyKeyMissing, IdempotencyKeyReused, RefundUnknown, WrongState, PayeeCoolingOff
    ),
    status_code=202,
)
async def register_payee_account(
    refund_id: FromPath[str], data: JSONBody[PayeeAccountIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a regulator; for money that no bank entry brought, so that no payer is known."""
    return await _payee(refund_id, data, data.document_hash, command)


@post(
    "/{refund_id:str}/lodge",
    operation_id="lodgeRefund",
    summary="Ask for an unclaimed refund to be left with a notary",
    opt=policy(Role.REGULATOR, verb=Verb.DECIDE_CLAIMS),
    responses=ASKING,
    status_code=202,
)
async def lodge_refund(
    refund_id: FromPath[str], data: JSONBody[LodgeIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a second regulator; the bank then pays the notary (公证提存)."""
    journal, refund = object_id("rfd", refund_id, RefundUnknown)
    lodge = use_cases.Lodge(
        journal,
        refund,
        approval=command.new_id(),
        order=command.new_id(),
        notary=data.party(command, PartyKind.NOTARY),
        document_hash=data.document_hash,
        key=None if command.key is None else command.key.key,
    )
    _require_in_scope(journal, command)
    outcome = await command.run(use_cases.REQUEST_LODGING, [lodge], journal=journal)
    return await awaiting(command, outcome, journal)


async def _payee(
    refund_id: str, account: AccountIn, document_hash: str | None, command: Command
) -> Response[ApprovalOut]:
    journal, refund = object_id("rfd", refund_id, RefundUnknown)
    _require_in_scope(journal, command)
    change = use_cases.ChangePayee(
        journal,
        refund,
        approval=command.new_id(),
        payee=account.party(command, PartyKind.PAYEE),
        document_hash=document_hash,
        by_guardian=command.caller.role is Role.PARENT,
        parent=command.caller.parent,
        key=None if command.key is None else command.key.key,
    )
    outcome = await command.run(use_cases.REQUEST_PAYEE, [change], journal=journal)
    return await awaiting(command, outcome, journal)


def _require_in_scope(journal: int, command: Command) -> None:
    if journal not in command.caller.journals:
        raise RefundUnknown


router = Router(
    "/v1/refunds",
    route_handlers=[
        list_refunds,
        get_refund,
        settle_refunds,
        change_refund_payee,
        register_payee_account,
        lodge_refund,
    ],
    tags=["refunds"],
)
