"""Placements (安置): parents of a wind-down who chose lessons elsewhere instead of their dividend.

From the choice until the porting ends, the dividend's refunds are not paid out in money.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import rows
from service.store.facts import Record
from service.store.tables import DistributionPlan, PlacementOffer, PlanShare
from service.store.unit import Unit

_PLACED: Final = text(
    """
    SELECT refund.refund_id FROM escrow.refund
    JOIN escrow.porting ON porting.journal_id = :journal
     AND porting.entitlement_id = refund.source_id AND porting.state = 'CHOSEN'
    WHERE refund.journal_id = :journal AND refund.refund_id = ANY(:refunds)
      AND refund.source = 'DIVIDEND'
    """
).bindparams(bindparam("refunds", type_=ARRAY(Uuid)))

_TO_CARRY: Final = text(
    """
    SELECT porting.porting_id FROM escrow.porting
    JOIN escrow.entitlement ON entitlement.journal_id = :journal
     AND entitlement.entitlement_id = porting.entitlement_id
    WHERE porting.journal_id = :journal AND porting.kind = 'PLACEMENT'
      AND porting.state = 'CHOSEN' AND entitlement.state IN ('POSTED', 'SETTLED')
    ORDER BY porting.porting_id LIMIT :most
    """
)

_PRICED: Final = ("SIMULATED", "APPROVED", "POSTED")


async def placed_refunds(unit: Unit, refunds: Iterable[UUID]) -> set[UUID]:
    """Return those of these refunds whose money a placement is going to carry."""
    found = await unit.query(_PLACED, journal=unit.facts.journal, refunds=sorted(set(refunds)))
    return {row["refund_id"] for row in found}


async def to_carry(connection: AsyncConnection, journal: int, most: int) -> Sequence[UUID]:
    """Return placements that were chosen and whose dividend has been posted, oldest first."""
    found = await connection.scalars(_TO_CARRY, {"journal": journal, "most": most})
    return list(found.all())


async def offers_of(connection: AsyncConnection, journal: int, wind_down: UUID) -> Sequence[Record]:
    """Return the offers to the students of a wind-down, oldest first."""
    source = rows.table_of(PlacementOffer)
    statement = rows.keyed(PlacementOffer, journal, [wind_down], "wind_down_id")
    found = await rows.fetch(connection, statement.order_by(source.c.offer_id))
    return [Record(row) for row in found]


async def dividends_of(
    connection: AsyncConnection, journal: int, wind_down: UUID
) -> Sequence[dict[str, Any]]:
    """Return what each plan gives each entitlement that the caller sees, of the first round."""
    plan, share = rows.table_of(DistributionPlan), rows.table_of(PlanShare)
    statement = (
        select(
            plan.c.plan_id,
            plan.c.basis,
            plan.c.state,
            share.c.entitlement_id,
            share.c.register_number,
            share.c.dividend_fen,
        )
        .join(
            share, (share.c.journal_id == plan.c.journal_id) & (share.c.plan_id == plan.c.plan_id)
        )
        .where(
            plan.c.journal_id == journal,
            plan.c.wind_down_id == wind_down,
            plan.c.round == 1,
            plan.c.state.in_(_PRICED),
        )
        .order_by(share.c.register_number, plan.c.plan_id)
    )
    return [dict(row) for row in await rows.fetch(connection, statement)]


def lessons_for(dividend_fen: int, lesson_fen: int, bonus_percent: int) -> tuple[int, int]:
    """Return the lessons that a dividend buys at an offer's price, and the bonus on top."""
    lessons = dividend_fen // lesson_fen
    return lessons, lessons * bonus_percent // 100
