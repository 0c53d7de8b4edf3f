"""The nightly sweep: a new pack of every institution of which anything moved since its last one.

A freeze does not wait for the night: an institution that was frozen after its last pack gets one
at the next round. A round makes a few packs only, so that nothing else waits long for it.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from service.resolution.sealing import Keys
from service.resolution.use_cases import KEEP, KeepPack, made
from service.store import ids, lesson_reads, pack_reads
from service.store.context import Context
from service.store.transact import Request, Store

AT_ONCE: Final = 4
ACTOR: Final = "service.packs"

log = structlog.get_logger("service.worker")

Due = tuple[UUID, str]
"""An institution, and why a pack of it is due."""


def packs_made(keys: Keys) -> Callable[[Store, int], Awaitable[int]]:
    """Return the sweep that signs with these keys; it remembers which day it is done with."""
    done_with: dict[int, date] = {}

    async def make_due(store: Store, journal: int) -> int:
        """Make the packs that are due in a journal, a few at a time; return how many."""
        async with store.reading(Context((journal,))) as connection:
            today = await lesson_reads.business_today(connection, journal)
            due = await _frozen(connection, journal)
            if done_with.get(journal) != today:
                due += await _nightly(connection, journal, today, {each for each, _ in due})
        for institution, cause in due[:AT_ONCE]:
            await _make(store, journal, institution, cause, keys)
        if len(due) <= AT_ONCE:
            done_with[journal] = today
        return min(len(due), AT_ONCE)

    return make_due


async def _frozen(connection: AsyncConnection, journal: int) -> list[Due]:
    found = await pack_reads.standing(connection, journal)
    return [(row.institution_id, "FREEZE") for row in found if row.frozen]


async def _nightly(
    connection: AsyncConnection, journal: int, today: date, besides: set[UUID]
) -> list[Due]:
    """Find the institutions without a pack of today of which anything moved since their last."""
    since = {
        row.institution_id: row.position_seq or 0
        for row in await pack_reads.standing(connection, journal)
        if row.institution_id not in besides and (row.made_on is None or row.made_on < today)
    }
    moved = await pack_reads.changed(connection, journal, since) if since else frozenset()
    return [(institution, "NIGHTLY") for institution in since if institution in moved]


async def _make(store: Store, journal: int, institution: UUID, cause: str, keys: Keys) -> None:
    pack = ids.new_id(time.time_ns() // 1_000_000)
    kept = KeepPack(
        journal, pack, institution, cause, await made(store, journal, institution, keys)
    )
    outcome = await store.transact(
        Request(
            use_case=KEEP, commands=[kept], caller=Context((journal,)), actor=ACTOR, journal=journal
        )
    )
    told = outcome.single()
    log.info("pack.made", journal=journal, cause=cause, bytes=told["size_bytes"])
