"""Routes of bank entries: money in (receipts) and money out (debits), singly and in batches."""

from collections.abc import Sequence

from litestar import Response, Router, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from ledger.refusals import (
    AmountZero,
    BankEntryContradicted,
    BodyTooLarge,
    CustodyAccountUnknown,
    DateInFuture,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
)
from service.bank_entries.facts import KEPT
from service.bank_entries.receive import RECEIVE
from service.bank_entries.retry import retry_kept
from service.identity.callers import Role
from service.identity.verbs import Verb
from service.receipts.entry_schemas import EntryBatchOut, EntryOut
from service.receipts.notification_routes import notify_facts
from service.receipts.proposal_routes import propose_matches
from service.receipts.schemas import DebitBatchIn, DebitIn, ReceiptBatchIn, ReceiptIn
from service.receipts.suspense_routes import (
    get_receipt,
    list_receipts,
    match_receipt,
    return_receipt,
)
from service.receipts.suspicion_routes import decide_suspected_receipt, list_suspected_receipts
from service.store import ids
from service.store.transact import Outcome
from service.web.bodies import BATCH_BODY_MAX
from service.web.command import Command
from service.web.policy import policy
from service.web.problems import refusing

PROBLEMS = refusing(
    IdempotencyKeyMissing,
    CustodyAccountUnknown,
    BankEntryContradicted,
    IdempotencyKeyReused,
    AmountZero,
    DateInFuture,
    BodyTooLarge,
)


@post(
    "/receipts",
    operation_id="postReceipt",
    summary="Report money that came in",
    opt=policy(Role.BANK, verb=Verb.REPORT_BANK_FACTS),
    responses=PROBLEMS,
)
async def post_receipt(
    data: JSONBody[ReceiptIn], command: NamedDependency[Command]
) -> Response[EntryOut]:
    """Keep what the bank saw: on the enrolment it names, or in suspense with a reason."""
    outcome = await receive([data], command)
    return command.answer(outcome, EntryOut)


@post(
    "/receipts/batch",
    operation_id="postReceipts",
    summary="Report up to 10,000 receipts",
    opt=policy(Role.BANK, verb=Verb.REPORT_BANK_FACTS, body_max=BATCH_BODY_MAX),
    responses=PROBLEMS,
    status_code=200,
)
async def post_receipts(
    data: JSONBody[ReceiptBatchIn], command: NamedDependency[Command]
) -> Response[EntryBatchOut]:
    """Keep a list of receipts of one journal, a result each in the same order."""
    outcome = await receive(data.items, command, mode=data.mode)
    return command.answer_batch(outcome, data.mode)


@post(
    "/debits",
    operation_id="postDebit",
    summary="Report money that went out",
    opt=policy(Role.BANK, verb=Verb.REPORT_BANK_FACTS),
    responses=PROBLEMS,
)
async def post_debit(
    data: JSONBody[DebitIn], command: NamedDependency[Command]
) -> Response[EntryOut]:
    """Book an executed order or a fee; what cannot be booked yet is kept and tried again."""
    outcome = await receive([data], command)
    return command.answer(outcome, EntryOut)


@post(
    "/debits/batch",
    operation_id="postDebits",
    summary="Report up to 10,000 debits",
    opt=policy(Role.BANK, verb=Verb.REPORT_BANK_FACTS, body_max=BATCH_BODY_MAX),
    responses=PROBLEMS,
    status_code=200,
)
async def post_debits(
    data: JSONBody[DebitBatchIn], command: NamedDependency[Command]
) -> Response[EntryBatchOut]:
    """Book a list of debits of one journal, a result each in the same order."""
    outcome = await receive(data.items, command, mode=data.mode)
    return command.answer_batch(outcome, data.mode)


async def receive(
    entries: Sequence[ReceiptIn | DebitIn], command: Command, *, mode: str | None = None
) -> Outcome:
    """Post the entries, then try again what was kept on the same custody accounts."""
    journal = journal_of(entries, command)
    fresh = command.new_ids(len(entries))
    facts = [entry.fact_of(made) for entry, made in zip(entries, fresh, strict=True)]
    outcome = await command.run(RECEIVE, facts, journal=journal, mode=mode)
    if KEPT in outcome.noticed and not (command.dry_run or outcome.replayed):
        await retry_kept(command.store, journal, {fact.custody_account for fact in facts})
    return outcome


def journal_of(entries: Sequence[ReceiptIn | DebitIn], command: Command) -> int:
    """Return the one journal of a list of entries; raises `CustodyAccountUnknown` for a mixture."""
    journals = {ids.parse("cus", entry.custody_account_id)[0] for entry in entries}
    if len(journals) != 1 or not journals <= set(command.caller.journals):
        raise CustodyAccountUnknown
    return journals.pop()


router = Router(
    "/v1",
    route_handlers=[
        post_receipt,
        post_receipts,
        post_debit,
        post_debits,
        notify_facts,
        propose_matches,
        match_receipt,
        return_receipt,
        decide_suspected_receipt,
        list_suspected_receipts,
        list_receipts,
        get_receipt,
    ],
    tags=["receipts"],
)
