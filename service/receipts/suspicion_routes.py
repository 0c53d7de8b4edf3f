"""Routes of suspected duplicates: what waits for a person, and what that person decides."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from ledger.refusals import BalanceTooLow, ReceiptUnknown, WrongState
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.receipts import suspicions
from service.receipts.suspense_routes import READERS
from service.receipts.suspicion_schemas import SuspicionIn, SuspicionOut, SuspicionPage
from service.store import registry
from service.store.facts import Record
from service.store.tables import BankEntry, SuspectedEntry
from service.store.transact import Store
from service.web.approval import ApprovalOut, awaiting, done_or_waits
from service.web.command import Command
from service.web.pages import LIMIT_DEFAULT, Cursor, Limit, cut, key_after
from service.web.paths import object_id
from service.web.policy import policy
from service.web.problems import KEYED, refusing

State = Annotated[
    Literal["OPEN", "SAME", "DIFFERENT"] | None,
    QueryParameter(name="state", description="OPEN still waits."),
]
_KEY: Final = "bank_entry_id"


@post(
    "/receipts/{receipt_id:str}/decide-duplicate",
    operation_id="decideSuspectedReceipt",
    summary="Decide whether a receipt is money that another already brought",
    opt=policy(Role.OPERATOR, verb=Verb.RESOLVE_MONEY),
    responses=refusing(*KEYED, ReceiptUnknown, WrongState, BalanceTooLow)
    | done_or_waits(SuspicionOut),
)
async def decide_suspected_receipt(
    receipt_id: FromPath[str], data: JSONBody[SuspicionIn], command: NamedDependency[Command]
) -> Response[SuspicionOut] | Response[ApprovalOut]:
    """Close it as the same money, or post it; above the limit a second person has to approve."""
    journal, entry = object_id("bke", receipt_id, ReceiptUnknown)
    key = None if command.key is None else command.key.key
    asked = suspicions.Suspicion(journal, entry, data.verdict, command.new_id(), key)
    outcome = await command.run(suspicions.DECIDE_SUSPICION, [asked], journal=journal)
    if "payload_hash" in outcome.single():
        return await awaiting(command, outcome, journal)
    return command.answer(outcome, SuspicionOut)


@get(
    "/suspected-receipts",
    operation_id="listSuspectedReceipts",
    summary="List receipts that may be money reported twice",
    opt=policy(*READERS, verb=Verb.READ_BOOKS),
    responses=refusing(),
)
async def list_suspected_receipts(
    *,
    caller: NamedDependency[Caller],
    store: NamedDependency[Store],
    suspicion_state: State = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> SuspicionPage:
    """List suspected duplicates in the caller's scope, by journal and id."""
    equal: dict[str, Any] = {"state": suspicion_state}
    async with store.reading(caller.context) as connection:
        found = await registry.page(
            connection,
            caller.context,
            SuspectedEntry,
            equal=equal,
            after=key_after(cursor, equal),
            limit=limit + 1,
        )
        shown, following = cut(found, limit, _KEY, equal)
        entries: dict[UUID, Record] = {}
        for journal in {row.journal_id for row in shown}:
            wanted = [row.bank_entry_id for row in shown if row.journal_id == journal]
            entries |= await registry.seen(connection, caller.context, BankEntry, journal, wanted)
    items = [
        SuspicionOut.model_validate(
            suspicions.answer(row.journal_id, row, entries[row.bank_entry_id])
        )
        for row in shown
    ]
    return SuspicionPage(items=items, next_cursor=following)
