"""Settlement sweeps (一周一结): every custody account's earned money becomes an order at once.

The week's sweep (M1b) runs under a key of its own, so it pays once an ISO week however often it is
called.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import Refusal
from service.payouts.use_cases import PayoutRequest, decide_payout, load_accounts, read_accounts
from service.store import ids, payout_reads
from service.store.answers import Key
from service.store.context import Context
from service.store.facts import Decision, Facts
from service.store.lesson_reads import business_today
from service.store.transact import Request, Store, UseCase
from service.store.unit import Unit

SWEEP_MAX: Final = 2000
"""The most custody accounts of one sweep; another sweep takes the next."""

WEEK: Final = "WEEK"
ACTOR: Final = "service.settlement"


@dataclass(frozen=True, slots=True)
class Sweep:
    """Pay out all that was earned in a journal, of agreements with one cadence or of all.

    `new_id` makes the orders' ids.
    """

    journal: int
    new_id: Callable[[], UUID]
    cadence: str | None = None


@dataclass(frozen=True, slots=True)
class FoundSweep:
    """The custody accounts a sweep looks at, with an order id each."""

    requests: tuple[PayoutRequest, ...]


async def find_sweep(
    connection: AsyncConnection, caller: Context, sweeps: Sequence[Sweep]
) -> list[FoundSweep | Refusal]:
    """List the custody accounts with earned money in the caller's scope."""
    found: list[FoundSweep | Refusal] = []
    for sweep in sweeps:
        due = await payout_reads.earned_accounts(
            connection,
            sweep.journal,
            cadence=sweep.cadence,
            on=await business_today(connection, sweep.journal),
            most=SWEEP_MAX,
        )
        seen = await payout_reads.custody_accounts(connection, caller, sweep.journal, due)
        requests = [PayoutRequest(sweep.journal, sweep.new_id(), custody) for custody in seen]
        found.append(FoundSweep(tuple(requests)))
    return found


def decide_sweep(facts: Facts, found: FoundSweep) -> Decision:
    """Make an EARNED order for each custody account that may pay; name the others and why."""
    decisions: list[Decision] = []
    skipped: list[Mapping[str, Any]] = []
    for request in found.requests:
        try:
            decisions.append(decide_payout(facts, request))
        except Refusal as refusal:
            custody = ids.public("cus", facts.journal, request.custody_account)
            skipped.append({"custody_account_id": custody, "code": refusal.code})
    return Decision(
        answer={"orders": [dict(decision.answer) for decision in decisions], "skipped": skipped},
        transactions=tuple(t for decision in decisions for t in decision.transactions),
        changes=tuple(change for decision in decisions for change in decision.changes),
    )


async def load_sweeps(unit: Unit, found: Sequence[FoundSweep]) -> None:
    """Lock what every sweep looks at."""
    await load_accounts(unit, [r for sweep in found for r in sweep.requests])


async def read_sweeps(unit: Unit, found: Sequence[FoundSweep]) -> None:
    """Read what every sweep looks at."""
    await read_accounts(unit, [r for sweep in found for r in sweep.requests])


GENERATE_PAYOUTS = UseCase("generate_payouts", find_sweep, load_sweeps, decide_sweep, read_sweeps)


async def settle_week(store: Store, journal: int) -> int:
    """Pay out what agreements settled by the week earned, once an ISO week; return how many orders.

    For the worker; shaped as its other sweeps.
    """
    context = Context((journal,))
    async with store.reading(context) as connection:
        year, week, _ = (await business_today(connection, journal)).isocalendar()
    name = f"week-{year}-{week:02d}"
    sweep = Sweep(journal, lambda: ids.new_id(time.time_ns() // 1_000_000), WEEK)
    outcome = await store.transact(
        Request(
            use_case=GENERATE_PAYOUTS,
            commands=[sweep],
            caller=context,
            actor=ACTOR,
            journal=journal,
            key=Key(ACTOR, name, hashlib.sha256(name.encode()).digest()),
        )
    )
    return 0 if outcome.replayed else len(outcome.single()["orders"])
