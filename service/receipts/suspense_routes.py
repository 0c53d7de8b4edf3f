"""Routes of suspense and of reading bank entries."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import (
    AccountFenced,
    CustodyAccountInvalid,
    CustodyAccountUnknown,
    EnrolmentUnknown,
    InstitutionFrozen,
    PayerUnknown,
    ReceiptUnknown,
    WrongState,
)
from service.bank_entries.entries import answer_of
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.receipts import send_back, use_cases
from service.receipts.entry_schemas import EntryOut, EntryPage, MatchIn, ReturnIn, ReturnOut
from service.store import ids, registry, statement_lines
from service.store.facts import Record
from service.store.tables import BankEntry
from service.store.transact import Store
from service.web.approval import ApprovalOut, awaiting, done_or_waits
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import KEYED, refusing

READERS = (Role.REGULATOR, Role.BANK, Role.INSTITUTION, Role.OPERATOR, Role.AUDITOR)


@post(
    "/receipts/{receipt_id:str}/match",
    operation_id="matchReceipt",
    summary="Match money in suspense to an enrolment",
    opt=policy(Role.OPERATOR, verb=Verb.RESOLVE_MONEY),
    responses=refusing(
        *KEYED,
        ReceiptUnknown,
        EnrolmentUnknown,
        WrongState,
        InstitutionFrozen,
        CustodyAccountInvalid,
    )
    | done_or_waits(EntryOut),
)
async def match_receipt(
    receipt_id: FromPath[str], data: JSONBody[MatchIn], command: NamedDependency[Command]
) -> Response[EntryOut] | Response[ApprovalOut]:
    """Credit what is due to the enrolment; above the limit a second person has to approve."""
    journal, entry = object_id("bke", receipt_id, ReceiptUnknown)
    other, enrolment = ids.parse("enr", data.enrolment_id)
    if other != journal:
        raise EnrolmentUnknown
    outcome = await command.run(
        use_cases.MATCH,
        [
            use_cases.Match(
                journal,
                entry,
                enrolment,
                approval=command.new_id(),
                key=None if command.key is None else command.key.key,
            )
        ],
        journal=journal,
    )
    if "payload_hash" in outcome.single():
        return await awaiting(command, outcome, journal)
    return command.answer(outcome, EntryOut)


@post(
    "/receipts/{receipt_id:str}/return",
    operation_id="returnReceipt",
    summary="Send money in suspense back to its payer",
    opt=policy(Role.OPERATOR, Role.REGULATOR, verb=Verb.RESOLVE_MONEY),
    responses=refusing(*KEYED, ReceiptUnknown, WrongState, AccountFenced, PayerUnknown)
    | done_or_waits(ReturnOut),
)
async def return_receipt(
    receipt_id: FromPath[str], data: JSONBody[ReturnIn], command: NamedDependency[Command]
) -> Response[ReturnOut] | Response[ApprovalOut]:
    """Make a payment order back to the payer; above the limit a second person has to approve."""
    assert data is not None, "the body is an empty object"
    journal, entry = object_id("bke", receipt_id, ReceiptUnknown)
    sent = use_cases.SendBack(journal, entry, order=command.new_id(), party=command.new_id())
    key = None if command.key is None else command.key.key
    asked = send_back.Asked(sent, command.new_id(), key)
    outcome = await command.run(send_back.SEND_BACK, [asked], journal=journal)
    if "payload_hash" in outcome.single():
        return await awaiting(command, outcome, journal)
    return command.answer(outcome, ReturnOut)


@get(
    "/receipts",
    operation_id="listReceipts",
    summary="List bank entries",
    opt=policy(*READERS, verb=Verb.READ_BOOKS),
    responses=refusing(CustodyAccountUnknown),
)
async def list_receipts(  # noqa: PLR0913 - the filters of a list
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    custody_account_id: Annotated[str | None, QueryParameter(max_length=64)] = None,
    outcome: Annotated[str | None, QueryParameter(max_length=32)] = None,
    book_on: Annotated[date | None, QueryParameter(description="The bank's booking date.")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> EntryPage:
    """List what the banks saw, in the caller's scope, by journal and id."""
    equal: dict[str, Any] = {"outcome": outcome, "book_on": book_on}
    if custody_account_id is not None:
        journal, account = object_id("cus", custody_account_id, CustodyAccountUnknown)
        equal |= {"journal_id": journal, "custody_account_id": account}
    async with store.reading(caller.context) as connection:
        found = await registry.page(
            connection,
            caller.context,
            BankEntry,
            equal=equal,
            after=key_after(cursor, equal),
            limit=limit + 1,
        )
        shown, following = cut(found, limit, "bank_entry_id", equal)
        confirmed = await _confirmed(connection, shown)
    items = [_out(row, confirmed) for row in shown]
    return EntryPage(items=items, next_cursor=following)


@get(
    "/receipts/{receipt_id:str}",
    operation_id="getReceipt",
    summary="Read a bank entry",
    opt=policy(*READERS, verb=Verb.READ_BOOKS),
    responses=refusing(ReceiptUnknown),
)
async def get_receipt(
    receipt_id: FromPath[str], caller: NamedDependency[Caller], store: NamedDependency[Store]
) -> EntryOut:
    """Read what became of one bank entry."""
    journal, entry = object_id("bke", receipt_id, ReceiptUnknown)
    async with store.reading(caller.context) as connection:
        found = await registry.seen(connection, caller.context, BankEntry, journal, [entry])
        if entry not in found:
            raise ReceiptUnknown
        confirmed = await _confirmed(connection, [found[entry]])
    return _out(found[entry], confirmed)


async def _confirmed(connection: AsyncConnection, entries: Sequence[Record]) -> set[UUID]:
    """Return those of the entries that a statement shows too."""
    confirmed: set[UUID] = set()
    for journal in {row.journal_id for row in entries}:
        wanted = [row.bank_entry_id for row in entries if row.journal_id == journal]
        confirmed |= await statement_lines.confirmed(connection, journal, wanted)
    return confirmed


def _out(row: Record, confirmed: set[UUID]) -> EntryOut:
    told = answer_of(row.journal_id, row) | {"confirmed": row.bank_entry_id in confirmed}
    return EntryOut.model_validate(told)
