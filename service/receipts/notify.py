"""Notifications of banks (通知): receipts, debits, returns and freezes in one message.

Each item is a bank fact of its own and has its own verdict; the message itself is kept under the
bank's reference, so that its state can be asked for. All of it is provisional until a statement
confirms it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.chain import canonical_json
from ledger.refusals import AlreadyExists, CustodyAccountUnknown, DateInFuture, Refusal
from ledger.transactions import Transaction, TransactionKind
from service.bank_entries import receive
from service.bank_entries.facts import EntryFact
from service.store import bank_events, ids, registry
from service.store.bank_events import FreezeNoticed
from service.store.context import Context
from service.store.facts import Decision, Facts, Insert, Record
from service.store.tables import CustodyAccount, Institution, Notification
from service.store.transact import UseCase
from service.store.unit import Unit

FREEZE: Final = "FREEZE"


@dataclass(frozen=True, slots=True)
class Envelope:
    """The message itself: the bank's reference, a hash of all it says, and what it is about."""

    journal: int
    notification: UUID
    bank: str
    reference: str
    content_hash: bytes
    items: Sequence[EntryFact | FreezeNoticed]


@dataclass(frozen=True, slots=True)
class Told:
    """One item of a message; the message itself where `item` is None, after all of them."""

    envelope: Envelope
    item: EntryFact | FreezeNoticed | None


def told(envelope: Envelope) -> list[Told]:
    """Make the commands of a message: its items in their order, then the message."""
    return [*(Told(envelope, item) for item in envelope.items), Told(envelope, None)]


def content_hash(body: str) -> bytes:
    """Hash what a message says, so that the same reference with other content is noticed."""
    return hashlib.sha256(body.encode()).digest()


async def find_told(
    connection: AsyncConnection, caller: Context, commands: Sequence[Told]
) -> list[Told | Refusal]:
    """Find each item's custody account among those of the calling bank.

    A message about none of them is not its bank's, and is unknown whole.
    """
    wanted = {_custody(c.item) for c in commands if c.item is not None}
    journal = commands[0].envelope.journal
    seen = await registry.seen(connection, caller, CustodyAccount, journal, wanted)
    return [
        c if (seen if c.item is None else _custody(c.item) in seen) else CustodyAccountUnknown()
        for c in commands
    ]


async def load_told(unit: Unit, commands: Sequence[Told]) -> None:
    """Lock what the items name: institutions and accounts of all, then what each is about."""
    wanted = {_custody(c.item) for c in commands if c.item is not None}
    accounts = await unit.read_keys(CustodyAccount, wanted)
    await unit.lock(Institution, {row.institution_id for row in accounts}, share=True)
    await unit.lock(CustodyAccount, wanted, share=True)
    await bank_events.lock_court_orders(unit, _documents(commands))
    await receive.load_entries(unit, _entries(commands))


async def read_told(unit: Unit, commands: Sequence[Told]) -> None:
    """Read under the head what the entries, the documents and the message itself meet."""
    await receive.read_entries(unit, _entries(commands))
    await bank_events.read_court_orders(unit, _documents(commands))
    named = {(c.envelope.bank, c.envelope.reference) for c in commands}
    await unit.read_pairs(Notification, named, ("bank_code", "reference"))


def decide_told(facts: Facts, command: Told) -> Decision:
    """Post an entry, hold what a court froze, or keep the message.

    Raises `AlreadyExists` for every item of a message whose reference stands with other content.
    """
    known = _known(facts, command.envelope)
    if command.item is None:
        return _kept(facts, command.envelope, known)
    if isinstance(command.item, FreezeNoticed):
        return _frozen(facts, command.item)
    return receive.decide(facts, command.item)


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of a message that was kept."""
    return {
        "id": ids.public("ntf", journal, row["notification_id"]),
        "reference": row["reference"],
        "item_count": row["item_count"],
        "received_at": row["received_at"].isoformat(),
    }


def _kept(facts: Facts, envelope: Envelope, known: Record | None) -> Decision:
    if known is not None:
        return Decision(answer=answer_of(facts.journal, known), duplicate=True)
    journal, moment = facts.journal, facts.moment
    row = Record(
        {
            "notification_id": envelope.notification,
            "bank_code": envelope.bank,
            "reference": envelope.reference,
            "content_hash": envelope.content_hash,
            "item_count": len(envelope.items),
            "items": canonical_json([_named(journal, item) for item in envelope.items]),
            "received_at": moment.now,
            "seq": moment.next_seq,
        }
    )
    noted = Transaction(
        TransactionKind.BANK_NOTIFIED,
        references={"notification": str(envelope.notification), "bank": envelope.bank},
    )
    return Decision(
        answer=answer_of(journal, row),
        transactions=(noted,),
        changes=(Insert(Notification, row),),
    )


def _frozen(facts: Facts, noticed: FreezeNoticed) -> Decision:
    if noticed.ordered_on > facts.moment.today:
        raise DateInFuture(ordered_on=noticed.ordered_on.isoformat())
    account = facts.get(CustodyAccount, noticed.custody)
    assert account is not None, "the custody account was found and locked"
    done = bank_events.freeze_noticed(facts, account, noticed)
    return Decision(
        answer=bank_events.answer_of(facts.journal, done.row),
        transactions=done.transactions,
        changes=done.changes,
        duplicate=done.duplicate,
    )


def _known(facts: Facts, envelope: Envelope) -> Record | None:
    named = (envelope.bank, envelope.reference)
    known = facts.by(Notification, ("bank_code", "reference"), *named)
    if known is not None and known.content_hash != envelope.content_hash:
        raise AlreadyExists(
            object="notification", id=ids.public("ntf", facts.journal, known.notification_id)
        )
    return known


def _named(journal: int, item: EntryFact | FreezeNoticed) -> dict[str, str]:
    """Say what an item is about, so that its state can be found again; of nobody's person."""
    custody = ids.public("cus", journal, _custody(item))
    if isinstance(item, FreezeNoticed):
        return {"kind": FREEZE, "custody_account_id": custody, "ref": item.document_number}
    return {"kind": item.kind, "custody_account_id": custody, "ref": item.bank_ref}


def _custody(item: EntryFact | FreezeNoticed) -> UUID:
    return item.custody if isinstance(item, FreezeNoticed) else item.custody_account


def _entries(commands: Sequence[Told]) -> list[EntryFact]:
    return [c.item for c in commands if isinstance(c.item, EntryFact)]


def _documents(commands: Sequence[Told]) -> set[tuple[UUID, str]]:
    items = [c.item for c in commands if isinstance(c.item, FreezeNoticed)]
    return {(item.custody, item.document_number) for item in items}


NOTIFY: Final[UseCase[Told, Told]] = UseCase("notify", find_told, load_told, decide_told, read_told)
