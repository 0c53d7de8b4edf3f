"""What came for an enrolment that lapsed goes back to its payer (decisions.md, "Enrolment")."""

import time
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.receipts.suspense import RETURN, SendBack
from service.store import ids, rows
from service.store.context import Context
from service.store.tables import BankEntry, BankNarrative, Enrolment
from service.store.transact import Mode, Request, Store

AT_ONCE: Final = 500
ACTOR: Final = "service.returns"


async def return_lapsed(store: Store, journal: int) -> int:
    """Instruct the return of everything held for lapsed enrolments; return how many orders.

    A receipt whose payer the bank did not name stays in suspense for a person to decide.
    """
    async with store.reading(Context((journal,))) as connection:
        found = await _held_for_lapsed(connection, journal)
    if not found:
        return 0
    now = time.time_ns() // 1_000_000
    outcome = await store.transact(
        Request(
            use_case=RETURN,
            commands=[
                SendBack(journal, receipt, order=ids.new_id(now), party=ids.new_id(now))
                for receipt in found
            ],
            caller=Context((journal,)),
            actor=ACTOR,
            journal=journal,
            mode=Mode.INDEPENDENT,
        )
    )
    return sum(1 for verdict in outcome.verdicts if verdict.refusal is None)


async def _held_for_lapsed(connection: AsyncConnection, journal: int) -> list[UUID]:
    """Find the receipts to send back, key by key: a join would be planned before tables are known.

    What is held is little, and of that only what names its enrolment is asked about.
    """
    entry, enrolment = rows.table_of(BankEntry), rows.table_of(Enrolment)
    told = rows.table_of(BankNarrative)
    held = await rows.fetch(
        connection,
        select(entry.c.bank_entry_id, entry.c.enrolment_id)
        .where(
            entry.c.journal_id == journal,
            entry.c.suspense_fen > 0,
            entry.c.enrolment_id.is_not(None),
        )
        .order_by(entry.c.bank_entry_id),
    )
    wanted = {row["enrolment_id"] for row in held}
    lapsed = await connection.scalars(
        rows.keyed(Enrolment, journal, wanted, "enrolment_id")
        .with_only_columns(enrolment.c.enrolment_id)
        .where(enrolment.c.state == "LAPSED")
    )
    gone = set(lapsed)
    due = [row["bank_entry_id"] for row in held if row["enrolment_id"] in gone]
    named = await connection.scalars(
        rows.keyed(BankNarrative, journal, due, "bank_entry_id")
        .with_only_columns(told.c.bank_entry_id)
        .where(told.c.payer_account.is_not(None))
        .order_by(told.c.bank_entry_id)
        .limit(AT_ONCE)
    )
    return list(named)
