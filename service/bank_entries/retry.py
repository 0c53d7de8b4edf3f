"""Kept entries are tried again: after each later entry of their account, and by the worker.

Kept are debits without money behind them, and arrivals whose debit another bank has not told yet.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.bank_entries.batch_entries import NAME, parts_of
from service.bank_entries.entries import fact_of
from service.bank_entries.receive import RETRY, Kept
from service.store import rows
from service.store.context import Context
from service.store.facts import Record
from service.store.tables import BankEntry, BankEntryDetail
from service.store.transact import Mode, Request, Store

AT_ONCE: Final = 500
"""How many are tried in one unit of work."""
ACTOR: Final = "service.retry"


async def retry_kept(store: Store, journal: int, custodies: Iterable[UUID] | None = None) -> int:
    """Post the kept entries that can be posted now, each tried once; return how many were.

    `custodies` narrows to some custody accounts; what arrives by an order is always among them, as
    it waits for an entry of another account. Nothing is written when none is kept.
    """
    source = rows.table_of(BankEntry)
    statement = select(source).where(
        source.c.journal_id == journal,
        source.c.outcome == "KEPT",
        # What names no order waits for the bank to explain it, not for other entries.
        or_(source.c.kind != "OTHER", source.c.order_id.is_not(None)),
    )
    if custodies is not None:
        here = source.c.custody_account_id.in_(sorted(set(custodies)))
        statement = statement.where(or_(here, source.c.kind == "TRANSFER"))
    statement = statement.order_by(source.c.bank_entry_id).limit(AT_ONCE)
    posted = 0
    found = await _kept(store, journal, statement)
    while found:
        posted += await _retried(store, journal, found)
        if len(found) < AT_ONCE:
            break
        last = found[-1].bank_entry
        found = await _kept(store, journal, statement.where(source.c.bank_entry_id > last))
    return posted


async def _kept(store: Store, journal: int, statement: Select[Any]) -> list[Kept]:
    """Read kept entries with all that the bank said of them."""
    async with store.reading(Context((journal,))) as connection:
        found = [Record(row) for row in await rows.fetch(connection, statement)]
        details = await details_of(connection, journal, found)
        parts = await parts_of(
            connection, journal, (row.bank_entry_id for row in found if row.kind == NAME)
        )
    return [
        Kept(key, fact_of(row, details.get(key), parts.get(key, ())))
        for key, row in ((row.bank_entry_id, row) for row in found)
    ]


async def _retried(store: Store, journal: int, kept: Sequence[Kept]) -> int:
    outcome = await store.transact(
        Request(
            use_case=RETRY,
            commands=kept,
            caller=Context((journal,)),
            actor=ACTOR,
            journal=journal,
            mode=Mode.INDEPENDENT,
        )
    )
    return sum(1 for v in outcome.verdicts if v.refusal is None and not v.duplicate)


async def details_of(
    connection: AsyncConnection, journal: int, kept: Sequence[Record]
) -> dict[UUID, Record]:
    """Return what some of these entries said besides, by entry."""
    if not kept:
        return {}
    wanted = {row.bank_entry_id for row in kept}
    statement = rows.keyed(BankEntryDetail, journal, wanted, "bank_entry_id")
    found = await rows.fetch(connection, statement)
    return {row["bank_entry_id"]: Record(row) for row in found}
