"""What came for an enrolment that lapsed goes back to its payer (decisions.md, "Enrolment")."""

import time
from typing import Final

from sqlalchemy import select

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
    entry, enrolment = rows.table_of(BankEntry), rows.table_of(Enrolment)
    told = rows.table_of(BankNarrative)
    statement = (
        select(entry.c.bank_entry_id)
        .join(
            enrolment,
            (enrolment.c.journal_id == entry.c.journal_id)
            & (enrolment.c.enrolment_id == entry.c.enrolment_id),
        )
        .join(
            told,
            (told.c.journal_id == entry.c.journal_id)
            & (told.c.bank_entry_id == entry.c.bank_entry_id),
        )
        .where(
            enrolment.c.journal_id == journal,
            enrolment.c.state == "LAPSED",
            entry.c.suspense_fen > 0,
            told.c.payer_account.is_not(None),
        )
        .order_by(entry.c.bank_entry_id)
        .limit(AT_ONCE)
    )
    async with store.reading(Context((journal,))) as connection:
        found = (await connection.scalars(statement)).all()
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
