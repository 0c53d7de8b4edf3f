"""The sweep of placements: what parents chose is carried as soon as the plan is posted."""

import time
from typing import Final

from service.portings.carry import CARRY, CarryPlacement
from service.store import ids, placements
from service.store.context import Context
from service.store.transact import Mode, Request, Store

AT_ONCE: Final = 2_000
"""The most placements of one unit of work."""

ACTOR: Final = "service.placements"


async def carry_placements(store: Store, journal: int) -> int:
    """Carry every chosen placement whose dividend was posted; return how many were decided.

    It comes before refunds are instructed, so that no dividend is paid in money that was to be
    carried.
    """
    done, context = 0, Context((journal,))
    while True:
        async with store.reading(context) as connection:
            found = await placements.to_carry(connection, journal, AT_ONCE)
        if not found:
            return done
        now = time.time_ns() // 1_000_000
        outcome = await store.transact(
            Request(
                use_case=CARRY,
                commands=[
                    CarryPlacement(journal, porting, ids.new_id(now), ids.new_id(now))
                    for porting in found
                ],
                caller=context,
                actor=ACTOR,
                journal=journal,
                mode=Mode.INDEPENDENT,
            )
        )
        carried = sum(1 for verdict in outcome.verdicts if verdict.refusal is None)
        done += carried
        if not carried:
            return done
