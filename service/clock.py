"""The demonstration's clock: `POST /v1/clock` moves business time and runs what became due.

The route exists only with `ESCROW_DEMO=1`. Machine time (tokens, timeouts) never moves.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from litestar import Router, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import JSONBody
from pydantic import Field

from ledger.refusals import ClockBackwards, JurisdictionUnknown, RequestInvalid
from service import worker
from service.identity.callers import Caller, Role
from service.identity.verbs import Verb
from service.store import reference
from service.web.policy import policy
from service.web.problems import refusing
from service.web.wire import Instant, InstantIn, WireIn, WireOut, examples

FARTHEST: Final = timedelta(days=10 * 366)
"""Ahead of machine time: a clock near the end of the calendar would leave no day to count to."""


class ClockIn(WireIn):
    """Where to move a jurisdiction's business time."""

    model_config = examples({"jurisdiction": "500106", "to": "2026-03-30T00:05:00+08:00"})

    jurisdiction: str = Field(max_length=32, description="Code of a jurisdiction with a journal")
    to: InstantIn = Field(description="At most ten years ahead")


class ClockOut(WireOut):
    """The business time now, and what the sweeps did."""

    now: Instant
    done: dict[str, int] = Field(description="Commands carried out by each sweep")


@post(
    "/clock",
    operation_id="moveClock",
    summary="Move business time forward (demonstrations only)",
    opt=policy(Role.OPERATOR, verb=Verb.SET_UP),
    responses=refusing(JurisdictionUnknown, ClockBackwards),
    status_code=200,
)
async def move_clock(
    data: JSONBody[ClockIn], caller: NamedDependency[Caller], state: State
) -> ClockOut:
    """Move the clock of one journal, run the due sweeps, and answer when they are done."""
    if data.to > datetime.now(UTC) + FARTHEST:
        raise RequestInvalid(reason="too_far", pointer="/to")
    async with state.engine.connect() as connection:
        node = await reference.jurisdiction(connection, data.jurisdiction)
    if node is None or node.journal_id not in caller.journals:
        raise JurisdictionUnknown(code=data.jurisdiction)
    now = await state.store.move_clock(node.journal_id, data.to)
    return ClockOut(now=now, done=await worker.run_due(state.store, node.journal_id))


router = Router("/v1", route_handlers=[move_clock], tags=["clock"])
