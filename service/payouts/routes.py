"""Routes of payouts: institutions ask, operators sweep, anyone concerned asks why not."""

from typing import Annotated

from litestar import Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.money import Money
from ledger.refusals import (
    AccountFenced,
    AmountZero,
    BalanceTooLow,
    BodyTooLarge,
    CustodyAccountInvalid,
    CustodyAccountUnknown,
    HoldExceeded,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InstitutionFrozen,
    JurisdictionUnknown,
    PayoutNotCovered,
    PayoutStopped,
    SettlementAccountMissing,
    WrongState,
)
from ledger.rules.payouts import OrderKind
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.payouts import cover, retain, sweep, use_cases
from service.payouts.bank_routes import (
    acknowledge_payment_orders,
    fetch_payment_orders,
    report_payment_order,
    report_payment_orders,
)
from service.payouts.file_routes import export_payment_orders, report_orders_by_file
from service.payouts.order_routes import (
    cancel_payment_order,
    get_payment_order,
    list_payment_orders,
)
from service.payouts.query_routes import list_order_queries
from service.payouts.schemas import (
    CoverIn,
    OrderBatchOut,
    OrderOut,
    PayoutBatchIn,
    PayoutIn,
    PreviewOut,
    RetainIn,
    SweepIn,
    SweepOut,
)
from service.store import ids
from service.store.transact import Request, Store
from service.web.approval import ApprovalOut, awaiting
from service.web.bodies import BATCH_BODY_MAX
from service.web.command import Command
from service.web.journals import journal_named
from service.web.paths import object_id
from service.web.policy import STAFF, policy
from service.web.problems import refusing

PROBLEMS = refusing(
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    CustodyAccountUnknown,
    WrongState,
    PayoutStopped,
    InstitutionFrozen,
    AccountFenced,
    BalanceTooLow,
    AmountZero,
    PayoutNotCovered,
    HoldExceeded,
    SettlementAccountMissing,
    BodyTooLarge,
)


@post(
    "/payouts",
    operation_id="requestPayout",
    summary="Ask for what was earned in a custody account",
    opt=policy(Role.INSTITUTION, verb=Verb.REQUEST_PAYOUTS),
    responses=PROBLEMS,
)
async def request_payout(
    data: JSONBody[PayoutIn], command: NamedDependency[Command]
) -> Response[OrderOut]:
    """Make a payment order to the institution's settlement account, or say what stops it."""
    journal = _journal([data], command)
    outcome = await command.run(
        use_cases.REQUEST_PAYOUT, [data.request(command, journal)], journal=journal
    )
    return command.answer(outcome, OrderOut)


@post(
    "/payouts/batch",
    operation_id="requestPayouts",
    summary="Ask for payouts of several custody accounts",
    opt=policy(Role.INSTITUTION, verb=Verb.REQUEST_PAYOUTS, body_max=BATCH_BODY_MAX),
    responses=PROBLEMS,
    status_code=200,
)
async def request_payouts(
    data: JSONBody[PayoutBatchIn], command: NamedDependency[Command]
) -> Response[OrderBatchOut]:
    """Make a list of payment orders, a result each in the same order."""
    journal = _journal(data.items, command)
    outcome = await command.run(
        use_cases.REQUEST_PAYOUT,
        [item.request(command, journal) for item in data.items],
        journal=journal,
        mode=data.mode,
    )
    return command.answer_batch(outcome, data.mode)


@post(
    "/payouts/generate",
    operation_id="generatePayouts",
    summary="Pay out everything earned in a journal (settlement sweep)",
    opt=policy(Role.OPERATOR, verb=Verb.RUN_JOBS),
    responses=refusing(IdempotencyKeyMissing, IdempotencyKeyReused, JurisdictionUnknown),
)
async def generate_payouts(
    data: JSONBody[SweepIn], command: NamedDependency[Command]
) -> Response[SweepOut]:
    """Make an order for each custody account that may pay, and name the others with the reason."""
    journal = await journal_named(command.store, command.caller, data.jurisdiction)
    outcome = await command.run(
        sweep.GENERATE_PAYOUTS,
        [sweep.Sweep(journal, command.new_id, data.cadence)],
        journal=journal,
    )
    return command.answer(outcome, SweepOut)


@post(
    "/custody-accounts/{custody_account_id:str}/cover",
    operation_id="coverGap",
    summary="Cover a gap with own money from another custody account",
    opt=policy(Role.INSTITUTION, Role.REGULATOR, verb=Verb.SUPERVISE_MONEY),
    responses=refusing(
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        CustodyAccountUnknown,
        CustodyAccountInvalid,
        WrongState,
        InstitutionFrozen,
        AccountFenced,
        BalanceTooLow,
        AmountZero,
        PayoutNotCovered,
        HoldExceeded,
    ),
)
async def cover_gap(
    custody_account_id: FromPath[str], data: JSONBody[CoverIn], command: NamedDependency[Command]
) -> Response[OrderOut]:
    """Make a transfer order to this account; the gap closes when the money arrives."""
    journal, target = object_id("cus", custody_account_id, CustodyAccountUnknown)
    there, source = object_id("cus", data.source_custody_account_id, CustodyAccountUnknown)
    if journal not in command.caller.journals or there != journal:
        raise CustodyAccountUnknown
    asked = cover.Cover(
        journal,
        command.new_id(),
        source,
        target,
        None if data.amount is None else Money.of(data.amount),
        command.caller.role is Role.REGULATOR,
    )
    outcome = await command.run(cover.COVER, [asked], journal=journal)
    return command.answer(outcome, OrderOut)


@get(
    "/payouts/preview",
    operation_id="previewPayout",
    summary="Ask what could be paid now, and what stops the rest",
    opt=policy(Role.INSTITUTION, *STAFF, verb=Verb.READ_BOOKS),
    responses=refusing(CustodyAccountUnknown),
)
async def preview_payout(
    custody_account_id: Annotated[str, QueryParameter(max_length=64)],
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
) -> PreviewOut:
    """Show earned money, debts, holds, restraints and room, and the code of every reason."""
    journal, custody = object_id("cus", custody_account_id, CustodyAccountUnknown)
    asked = use_cases.PayoutRequest(journal, custody, custody, OrderKind.EARNED)
    if journal not in caller.journals:
        raise CustodyAccountUnknown
    outcome = await store.transact(
        Request(
            use_case=use_cases.PREVIEW_PAYOUT,
            commands=[asked],
            caller=caller.context,
            actor=caller.id,
            journal=journal,
            dry_run=True,
        )
    )
    return PreviewOut.model_validate(outcome.single())


@post(
    "/custody-accounts/{custody_account_id:str}/retain",
    operation_id="retainEarned",
    summary="Ask for earned money to stay and close a legacy gap",
    opt=policy(Role.REGULATOR, verb=Verb.SUPERVISE_MONEY),
    responses=refusing(
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
        CustodyAccountUnknown,
        WrongState,
        BalanceTooLow,
        AmountZero,
    ),
    status_code=202,
)
async def retain_earned(
    custody_account_id: FromPath[str], data: JSONBody[RetainIn], command: NamedDependency[Command]
) -> Response[ApprovalOut]:
    """Wait for a second regulator; approving makes the gap good, oldest contract first."""
    journal, custody = object_id("cus", custody_account_id, CustodyAccountUnknown)
    asked = retain.Retain(
        journal,
        custody,
        command.new_id(),
        None if data.amount is None else Money.of(data.amount),
        None if command.key is None else command.key.key,
    )
    outcome = await command.run(retain.REQUEST_RETAIN, [asked], journal=journal)
    return await awaiting(command, outcome, journal)


def _journal(items: list[PayoutIn], command: Command) -> int:
    """Return the one journal of a list; raises `CustodyAccountUnknown` for a mixture."""
    journals = {ids.parse("cus", item.custody_account_id)[0] for item in items}
    if len(journals) != 1 or not journals <= set(command.caller.journals):
        raise CustodyAccountUnknown
    return journals.pop()


router = Router(
    "/v1",
    route_handlers=[
        request_payout,
        request_payouts,
        generate_payouts,
        preview_payout,
        cover_gap,
        retain_earned,
        list_payment_orders,
        list_order_queries,
        get_payment_order,
        fetch_payment_orders,
        acknowledge_payment_orders,
        report_payment_order,
        report_payment_orders,
        report_orders_by_file,
        export_payment_orders,
        cancel_payment_order,
    ],
    tags=["payouts"],
)
