"""Kept entries are tried again: after each later entry of their account, and by the worker.

Kept are debits without money behind them, and arrivals whose debit another bank has not told yet.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import or_, select
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
ACTOR: Final = "service.retry"


async def retry_kept(store: Store, journal: int, custodies: Iterable[UUID] | None = None) -> int:
    """Post the kept entries that can be posted now; return how many were.

    `custodies` narrows to some custody accounts; what arrives by an order is always among them, as
    it waits for an entry of another account. Nothing is written when none is kept.
    """
    source = rows.table_of(BankEntry)
    statement = select(source).where(source.c.journal_id == journal, source.c.outcome == "KEPT")
    if custodies is not None:
        here = source.c.custody_account_id.in_(sorted(set(custodies)))
        statement = statement.where(or_(here, source.c.kind == "TRANSFER"))
    statement = statement.order_by(source.c.bank_entry_id).limit(AT_ONCE)
    async with store.reading(Context((journal,))) as connection:
        found = [Record(row) for row in await rows.fetch(connection, statement)]
        details = await details_of(connection, journal, found)
        parts = await parts_of(
            connection, journal, (row.bank_entry_id for row in found if row.kind == NAME)
        )
    if not found:
        return 0
    outcome = await store.transact(
        Request(
            use_case=RETRY,
            commands=[
                Kept(key, fact_of(row, details.get(key), parts.get(key, ())))
                for key, row in ((row.bank_entry_id, row) for row in found)
            ],
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
