"""Refund sweeps: whatever is owed to a known payee and backed by money becomes an order at once.

What waited for money is tried again when its account has moved since: after a top-up, a draw of
the deposit or a restraint that was lifted.
"""

import time
from typing import Final

from service.refunds.instruct import INSTRUCT, Instruct
from service.store import ids, refund_reads
from service.store.context import Context
from service.store.lesson_reads import business_today
from service.store.transact import Mode, Request, Store

AT_ONCE: Final = 4_000
"""The most refunds of one unit of work."""

ACTOR: Final = "service.refunds"


async def settle_refunds(store: Store, journal: int) -> int:
    """Instruct every refund of a journal that can be paid now; return how many orders were made."""
    done, after = 0, refund_reads.FIRST
    context = Context((journal,))
    while True:
        async with store.reading(context) as connection:
            today = await business_today(connection, journal)
            found = await refund_reads.due(
                connection, journal, today=today, after=after, most=AT_ONCE
            )
        if not found:
            return done
        after = found[-1]
        now = time.time_ns() // 1_000_000
        outcome = await store.transact(
            Request(
                use_case=INSTRUCT,
                commands=[Instruct(journal, refund, ids.new_id(now)) for _, refund in found],
                caller=context,
                actor=ACTOR,
                journal=journal,
                mode=Mode.INDEPENDENT,
            )
        )
        done += sum(1 for verdict in outcome.verdicts if "transaction_id" in (verdict.answer or {}))
