"""Sweeps of interest: periods that are over are allocated, contracts that ended are settled."""

from collections.abc import Sequence
from typing import Any, Final

from service.interest.settle import SETTLE, SettleInterest
from service.interest.use_cases import ALLOCATE, Allocate
from service.store import interest_reads, lesson_reads
from service.store.context import Context
from service.store.transact import Mode, Request, Store, UseCase

AT_ONCE: Final = 500
ACTOR: Final = "service.interest"


async def allocate_due(store: Store, journal: int) -> int:
    """Allocate the credits whose period is over, each in a unit of work of its own."""
    async with store.reading(Context((journal,))) as connection:
        today = await lesson_reads.business_today(connection, journal)
        due = await interest_reads.credits_due(connection, journal, today=today, most=AT_ONCE)
    return sum(
        [
            await _carried_out(store, journal, ALLOCATE, [Allocate(journal, interest)])
            for interest in due
        ]
    )


async def settle_ended(store: Store, journal: int) -> int:
    """Settle the interest of contracts that ended; return how many were."""
    done, after = 0, None
    while True:
        async with store.reading(Context((journal,))) as connection:
            found = await interest_reads.ended_with_interest(
                connection, journal, after=after, most=AT_ONCE
            )
        if not found:
            return done
        after = found[-1]
        commands = [SettleInterest(enrolment) for enrolment in found]
        done += await _carried_out(store, journal, SETTLE, commands)


async def _carried_out(
    store: Store, journal: int, use_case: UseCase[Any, Any], commands: Sequence[Any]
) -> int:
    outcome = await store.transact(
        Request(
            use_case=use_case,
            commands=commands,
            caller=Context((journal,)),
            actor=ACTOR,
            journal=journal,
            mode=Mode.INDEPENDENT,
        )
    )
    return sum(1 for v in outcome.verdicts if v.refusal is None and not v.duplicate)
