"""What goes on by itself once a plan is approved: chunks after the first, and the case's states."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Select, select

from service.store import rows
from service.store.context import Context
from service.store.tables import DistributionPlan, WindDown
from service.store.transact import Request, Store, UseCase
from service.wind_downs.found import CaseCommand
from service.wind_downs.pay import FOLLOW, PAYABLE
from service.wind_downs.post import POST_CHUNK

ACTOR: Final = "service.wind_downs"

log = structlog.get_logger("service.worker")


async def post_distributions(store: Store, journal: int) -> int:
    """Post the chunks that are left of plans whose posting has begun; return how many."""
    plan = rows.table_of(DistributionPlan)
    begun = select(plan.c.wind_down_id).where(
        plan.c.journal_id == journal, plan.c.state == "APPROVED", plan.c.posted_to > 0
    )
    done = 0
    for case in await _cases(store, journal, begun):
        while (posted := await _carry_out(store, POST_CHUNK, case, journal)) is not None:
            done += 1
            if posted["finished"]:
                break
    return done


async def follow_payments(store: Store, journal: int) -> int:
    """Move cases whose dividends are being paid; return how many moved."""
    source = rows.table_of(WindDown)
    paying = select(source.c.wind_down_id).where(
        source.c.journal_id == journal, source.c.state.in_(PAYABLE)
    )
    moved = 0
    for case in await _cases(store, journal, paying):
        moved += await _carry_out(store, FOLLOW, case, journal) is not None
    return moved


async def _cases(store: Store, journal: int, statement: Select[Any]) -> Sequence[UUID]:
    async with store.reading(Context((journal,))) as connection:
        return (await connection.scalars(statement)).all()


async def _carry_out(
    store: Store, use_case: UseCase[CaseCommand, CaseCommand], case: UUID, journal: int
) -> dict[str, Any] | None:
    """Carry out a command on a case; None when there is nothing to do, or it must wait."""
    outcome = await store.transact(
        Request(
            use_case=use_case,
            commands=[CaseCommand(journal, case)],
            caller=Context((journal,)),
            actor=ACTOR,
            journal=journal,
        )
    )
    refused = outcome.refused
    log.info("sweep.chunk", sweep=use_case.name, journal=journal, refused=refused)
    return None if refused else outcome.single()
