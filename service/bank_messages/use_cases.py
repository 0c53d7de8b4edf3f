"""What stands under a name a bank asks for: an id of ours, or a reference of its own."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from ledger.money import Money
from service.store import bank_message_reads as reads
from service.store import end_to_end_ids, ids
from service.store.bank_message_reads import Message, Wanted
from service.store.context import Context
from service.store.facts import Record
from service.store.transact import Store

_ENTRY: Final = "bke"
_NOTIFICATION: Final = "ntf"
_FILE: Final = "stf"


async def messages_of(store: Store, caller: Context, ref: str) -> list[Message]:
    """Return everything of this name that the caller sees; nothing of a foreign one."""
    wanted = _wanted(ref)
    if wanted.journal is not None and wanted.journal not in caller.journals:
        return []
    async with store.reading(caller) as connection:
        return await reads.messages(connection, caller, wanted)


def shown(message: Message) -> dict[str, Any]:
    """Tell of a message as it stands."""
    tell = {
        "ENTRY": _entry,
        "ORDER": _order,
        "NOTIFICATION": _notification,
        "STATEMENT_FILE": _file,
    }[message.kind]
    row = message.row
    return {"kind": message.kind, "bank": row.bank_code} | tell(row.journal_id, row, message)


def _wanted(ref: str) -> Wanted:
    """Read a name: an id of ours in either form of an order's, else a reference of a bank."""
    named = end_to_end_ids.order_named(ref)
    if named is not None:
        return Wanted(ref, journal=named[0], order=named[1])
    for prefix, column in ((_ENTRY, "entry"), (_NOTIFICATION, "notification"), (_FILE, "file")):
        try:
            journal, key = ids.parse(prefix, ref)
        except ValueError:
            continue
        return Wanted(ref, journal=journal, **{column: key})
    return Wanted(ref)


def _entry(journal: int, row: Record, message: Message) -> dict[str, Any]:
    return {
        "id": ids.public(_ENTRY, journal, row.bank_entry_id),
        "ref": row.bank_ref,
        "state": row.outcome,
        "reason": row.suspense_reason,
        "confirmed": message.confirmed,
        "custody_account_id": ids.public("cus", journal, row.custody_account_id),
        "amount": str(Money.from_fen(row.amount_fen)),
        "book_on": row.book_on,
        "received_at": row.received_at,
        "related_ids": _public("ord", journal, [row.order_id, *message.orders]),
    }


def _order(journal: int, row: Record, _message: Message) -> dict[str, Any]:
    entries = [row.executed_entry_id, row.returned_entry_id, row.arrived_entry_id]
    return {
        "id": ids.public("ord", journal, row.order_id),
        "ref": end_to_end_ids.written(journal, row.order_id),
        "state": row.state,
        "reason": row.reason,
        "custody_account_id": ids.public("cus", journal, row.custody_account_id),
        "amount": str(Money.from_fen(row.amount_fen)),
        "related_ids": _public(_ENTRY, journal, entries),
    }


def _notification(journal: int, row: Record, message: Message) -> dict[str, Any]:
    return {
        "id": ids.public(_NOTIFICATION, journal, row.notification_id),
        "ref": row.reference,
        "state": "KEPT",
        "received_at": row.received_at,
        "items": [
            {**item.named, "id": item.public(journal), "state": item.state}
            for item in message.items
        ],
    }


def _file(journal: int, row: Record, _message: Message) -> dict[str, Any]:
    return {
        "id": ids.public(_FILE, journal, row.statement_file_id),
        "state": row.state,
        "reason": row.reason,
        "received_at": row.received_at,
    }


def _public(prefix: str, journal: int, keys: Sequence[UUID | None]) -> list[str]:
    return [ids.public(prefix, journal, key) for key in keys if key is not None]
