"""What nobody may keep goes back to its payer.

What came for an enrolment that lapsed (decisions.md, "Enrolment"), and what came after a freeze,
which never belongs to the pool (I-33).
"""

import time
from typing import Final
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from service.receipts.use_cases import RETURN, SendBack
from service.store import ids, rows
from service.store.context import Context
from service.store.tables import BankEntry, BankNarrative, Enrolment, WindDown
from service.store.transact import Mode, Request, Store

AT_ONCE: Final = 500
ACTOR: Final = "service.returns"


async def return_lapsed(store: Store, journal: int) -> int:
    """Instruct the return of everything held for lapsed enrolments; return how many orders.

    A receipt whose payer the bank did not name stays in suspense for a person to decide.
    """
    async with store.reading(Context((journal,))) as connection:
        found = await _held_for_lapsed(connection, journal)
    return await _send_back(store, journal, found)


async def return_after_freeze(store: Store, journal: int) -> int:
    """Instruct the return, in full, of what payers sent to frozen institutions since the freeze.

    A receipt whose payer the bank did not name stays in suspense for a person to decide.
    """
    async with store.reading(Context((journal,))) as connection:
        found = await _held_after_freeze(connection, journal)
    return await _send_back(store, journal, found)


async def _send_back(store: Store, journal: int, found: list[UUID]) -> int:
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
    return await _with_payer(connection, journal, due)


async def _held_after_freeze(connection: AsyncConnection, journal: int) -> list[UUID]:
    """Find what stands in suspense of a frozen institution and came after the freeze."""
    entry, case = rows.table_of(BankEntry), rows.table_of(WindDown)
    frozen = await rows.fetch(
        connection,
        select(case.c.institution_id, case.c.frozen_seq).where(
            case.c.journal_id == journal, case.c.state != "LIFTED"
        ),
    )
    since: dict[UUID, int] = {}
    for row in frozen:
        key = row["institution_id"]
        since[key] = min(row["frozen_seq"], since.get(key, row["frozen_seq"]))
    if not since:
        return []
    held = await rows.fetch(
        connection,
        rows.keyed(BankEntry, journal, since, "institution_id")
        .with_only_columns(entry.c.bank_entry_id, entry.c.institution_id, entry.c.seq)
        .where(
            entry.c.suspense_fen > 0,
            entry.c.suspense_reason.is_distinct_from("SUSPECTED_DUPLICATE"),
        ),
    )
    due = [row["bank_entry_id"] for row in held if row["seq"] > since[row["institution_id"]]]
    return await _with_payer(connection, journal, due)


async def _with_payer(connection: AsyncConnection, journal: int, due: list[UUID]) -> list[UUID]:
    """Keep the receipts whose payer the bank named."""
    told = rows.table_of(BankNarrative)
    named = await connection.scalars(
        rows.keyed(BankNarrative, journal, due, "bank_entry_id")
        .with_only_columns(told.c.bank_entry_id)
        .where(or_(told.c.payer_named, told.c.payer_account.is_not(None)))
        .order_by(told.c.bank_entry_id)
        .limit(AT_ONCE)
    )
    return list(named)
