"""Bank messages as they are found: by an id of ours, or by what a bank calls them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import ids, rows, statement_lines
from service.store.context import Context
from service.store.enrolment_reads import in_departments
from service.store.facts import Record
from service.store.tables import (
    BankEntry,
    BankStatement,
    CourtOrder,
    CustodyAccount,
    EntryPart,
    Notification,
    PaymentOrder,
    StatementFile,
)

FOUND_MAX: Final = 50
"""How many messages one reference may stand for; a bank's are unique per account."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: an id with its journal, or, without any, a bank's own reference."""

    ref: str
    journal: int | None = None
    entry: UUID | None = None
    order: UUID | None = None
    notification: UUID | None = None
    file: UUID | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One fact of a notification and what it became; without a row when it was refused."""

    named: Mapping[str, str]
    row: Record | None

    @property
    def state(self) -> str | None:
        """The outcome of an entry, the state of a court order."""
        if self.row is None:
            return None
        state: str = self.row["state"] if "court_order_id" in self.row else self.row["outcome"]
        return state

    def public(self, journal: int) -> str | None:
        """Return the public id of what it became."""
        if self.row is None:
            return None
        if "court_order_id" in self.row:
            return ids.public("cto", journal, self.row["court_order_id"])
        return ids.public("bke", journal, self.row["bank_entry_id"])


@dataclass(frozen=True, slots=True)
class Message:
    """A message's row with what belongs to it."""

    kind: str
    row: Record
    confirmed: bool | None = None
    orders: Sequence[UUID] = ()
    items: Sequence[Item] = ()


async def messages(connection: AsyncConnection, caller: Context, wanted: Wanted) -> list[Message]:
    """Return what the caller sees of this name, entries first."""
    return [
        *await _entries(connection, caller, wanted),
        *await _orders(connection, caller, wanted),
        *await _notifications(connection, wanted),
        *await _files(connection, wanted),
    ]


async def _entries(connection: AsyncConnection, caller: Context, wanted: Wanted) -> list[Message]:
    source, account = rows.table_of(BankEntry), rows.table_of(CustodyAccount)
    statement = in_departments(select(source), BankEntry, caller)
    if wanted.journal is None:
        # Account by account, as references are unique: each is one look into their index.
        own = select(account.c.custody_account_id).where(
            account.c.journal_id == source.c.journal_id
        )
        statement = statement.where(
            source.c.bank_ref == wanted.ref, source.c.custody_account_id.in_(own)
        )
    elif wanted.entry is None:
        return []
    else:
        statement = _of(statement, source.c.journal_id, wanted.journal).where(
            source.c.bank_entry_id == wanted.entry
        )
    found = await _fetched(connection, statement)
    told: list[Message] = []
    for journal in {row.journal_id for row in found}:
        mine = [row for row in found if row.journal_id == journal]
        keys = [row.bank_entry_id for row in mine]
        confirmed = await statement_lines.confirmed(connection, journal, keys)
        parts = await rows.fetch(connection, rows.keyed(EntryPart, journal, keys, "bank_entry_id"))
        told += [
            Message(
                "ENTRY",
                row,
                row.bank_entry_id in confirmed,
                [p["order_id"] for p in parts if p["bank_entry_id"] == row.bank_entry_id],
            )
            for row in mine
        ]
    return told


async def _orders(connection: AsyncConnection, caller: Context, wanted: Wanted) -> list[Message]:
    if wanted.order is None:
        return []
    source = rows.table_of(PaymentOrder)
    statement = in_departments(select(source), PaymentOrder, caller).where(
        source.c.journal_id == wanted.journal, source.c.order_id == wanted.order
    )
    return [Message("ORDER", row) for row in await _fetched(connection, statement)]


async def _notifications(connection: AsyncConnection, wanted: Wanted) -> list[Message]:
    source = rows.table_of(Notification)
    if wanted.journal is None:
        statement = select(source).where(source.c.reference == wanted.ref)
    elif wanted.notification is None:
        return []
    else:
        statement = _of(select(source), source.c.journal_id, wanted.journal).where(
            source.c.notification_id == wanted.notification
        )
    found = await _fetched(connection, statement)
    return [Message("NOTIFICATION", row, items=await _items(connection, row)) for row in found]


async def _items(connection: AsyncConnection, row: Record) -> list[Item]:
    """Return what stands for each item of a notification, in its order."""
    named: list[dict[str, str]] = json.loads(row["items"])
    keys = [(ids.parse("cus", item["custody_account_id"])[1], item["ref"]) for item in named]
    journal = row.journal_id
    entries = rows.paired(BankEntry, journal, keys, ("custody_account_id", "bank_ref"))
    orders = rows.paired(CourtOrder, journal, keys, ("custody_account_id", "document_number"))
    known = {
        ("ENTRY", found["custody_account_id"], found["bank_ref"]): Record(found)
        for found in await rows.fetch(connection, entries)
    } | {
        ("FREEZE", found["custody_account_id"], found["document_number"]): Record(found)
        for found in await rows.fetch(connection, orders)
    }
    return [
        Item(item, known.get(("FREEZE" if item["kind"] == "FREEZE" else "ENTRY", *key)))
        for item, key in zip(named, keys, strict=True)
    ]


async def _files(connection: AsyncConnection, wanted: Wanted) -> list[Message]:
    source, stated = rows.table_of(StatementFile), rows.table_of(BankStatement)
    if wanted.journal is None:
        of_statement = select(stated.c.statement_file_id).where(
            stated.c.journal_id == source.c.journal_id, stated.c.reference == wanted.ref
        )
        statement = select(source).where(source.c.statement_file_id.in_(of_statement))
    elif wanted.file is None:
        return []
    else:
        statement = _of(select(source), source.c.journal_id, wanted.journal).where(
            source.c.statement_file_id == wanted.file
        )
    return [Message("STATEMENT_FILE", row) for row in await _fetched(connection, statement)]


def _of(statement: Select[Any], column: ColumnElement[Any], journal: int) -> Select[Any]:
    return statement.where(column == journal)


async def _fetched(connection: AsyncConnection, statement: Select[Any]) -> list[Record]:
    return [Record(row) for row in await rows.fetch(connection, statement.limit(FOUND_MAX))]
