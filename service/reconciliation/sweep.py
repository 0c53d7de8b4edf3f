"""Sweeps of reconciliation: every account once a day, and again where something was open and moved.

The day's run is made at 08:30 of the next day (T+1), when banks have sent their statements; one
that was missed is made up for at the next round, of the last day that is over.
"""

import time
from collections.abc import Sequence
from datetime import date, timedelta
from datetime import time as time_of_day
from typing import Final
from uuid import UUID

import structlog

from ledger.calendars import shanghai_time
from service.reconciliation.use_cases import RECONCILE, Reconcile
from service.store import approvals, ids, reconciliation_due
from service.store.context import Context
from service.store.transact import Mode, Request, Store

RUNS_AT: Final = time_of_day(8, 30)
"""When the day before is reconciled, in Shanghai."""
AT_ONCE: Final = 200
"""Accounts of one unit of work: it holds the journal's head while their rows are written."""
ACTOR: Final = "service.reconciliation"
_DAY: Final = timedelta(days=1)

log = structlog.get_logger("service.worker")


async def reconcile_days(store: Store, journal: int) -> int:
    """Reconcile every account for the day before, once; return how many were."""
    done, after = 0, None
    while True:
        async with store.reading(Context((journal,))) as connection:
            clocks = await approvals.business_clocks(connection, [journal])
            now = shanghai_time(clocks[journal])
            if now.time() < RUNS_AT:
                return done
            day = now.date() - _DAY
            found = await reconciliation_due.unreconciled(
                connection, journal, day=day, after=after, most=AT_ONCE
            )
        if not found:
            return done
        after = found[-1]
        done += await _reconciled(store, journal, found, day, "DAILY")


async def follow_open(store: Store, journal: int) -> int:
    """Reconcile accounts again of which something is open and has moved since; return how many."""
    done, after = 0, None
    while True:
        async with store.reading(Context((journal,))) as connection:
            found = await reconciliation_due.moved_since(
                connection, journal, after=after, most=AT_ONCE
            )
        if not found:
            return done
        after = found[-1].custody_account_id
        for day in sorted({row.day for row in found}):
            custodies = [row.custody_account_id for row in found if row.day == day]
            done += await _reconciled(store, journal, custodies, day, "FOLLOW_UP")


async def _reconciled(
    store: Store, journal: int, custodies: Sequence[UUID], day: date, cause: str
) -> int:
    at_ms = time.time_ns() // 1_000_000
    outcome = await store.transact(
        Request(
            use_case=RECONCILE,
            commands=[
                Reconcile(journal, ids.new_id(at_ms), custody, day, cause) for custody in custodies
            ],
            caller=Context((journal,)),
            actor=ACTOR,
            journal=journal,
            mode=Mode.INDEPENDENT,
            unread=True,
        )
    )
    done = sum(1 for verdict in outcome.verdicts if verdict.refusal is None)
    log.info("accounts.reconciled", journal=journal, cause=cause, count=done)
    return done
