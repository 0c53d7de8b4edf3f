"""Wind-downs as every noun reads them: cases in scope, and how one is told."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from service.store import ids, registry
from service.store.context import Context
from service.store.facts import Record
from service.store.tables import WindDown


async def cases(
    connection: AsyncConnection, caller: Context, journal: int, wanted: Sequence[UUID]
) -> dict[UUID, Record]:
    """Return the wind-downs of these ids that the caller sees, by id."""
    return await registry.seen(connection, caller, WindDown, journal, wanted)


def answer_of(journal: int, row: Record) -> dict[str, Any]:
    """Tell of a case by states, dates and totals."""
    plan = row.plan_id
    return {
        "id": ids.public("wdn", journal, row.wind_down_id),
        "institution_id": ids.public("ins", journal, row.institution_id),
        "state": row.state,
        "basis": row.basis,
        "cause": row.cause,
        "frozen_at": row.frozen_at.isoformat(),
        "frozen_on": row.frozen_on.isoformat(),
        "opened_on": _day(row.opened_on),
        "lessons_due_on": _day(row.lessons_due_on),
        "published_on": _day(row.published_on),
        "objections_until": _day(row.objections_until),
        "plan_id": None if plan is None else ids.public("pln", journal, plan),
        "closed_on": _day(row.closed_on),
        "entitlements": row.entitlements,
        "claimed": str(Money.from_fen(row.claimed_fen)),
        "distributed": str(Money.from_fen(row.distributed_fen)),
        "residual": str(Money.from_fen(row.residual_fen)),
    }


def _day(on: Any) -> str | None:  # noqa: ANN401 - a date or nothing
    return None if on is None else str(on.isoformat())
