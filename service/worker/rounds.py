"""Rounds of sweeps: over one journal when its clock moved, or over all of them for ever."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.refusals import JournalRestored, Unavailable
from service.identity import sessions
from service.store import evidence, reference, server_epochs
from service.store.transact import Store, writing
from service.worker.sweeps import SWEEPS, Sweep

WORKER_LOCK: Final = 4_711_009
"""Advisory lock: one worker at a time works on a database."""

log = structlog.get_logger("service.worker")


async def run_due(
    store: Store, journal: int, sweeps: Mapping[str, Sweep] = SWEEPS
) -> dict[str, int]:
    """Run every sweep over one journal, in order; return how many commands each carried out."""
    return {name: await sweep(store, journal) for name, sweep in sweeps.items()}


async def run_round(
    engine: AsyncEngine, sweeps: Mapping[str, Sweep] = SWEEPS
) -> dict[int, dict[str, int]]:
    """Run every sweep over every journal; a journal that is busy waits for the next round.

    Nothing is done, and nobody told anything, where the journals were restored.
    """
    store = Store(engine)
    async with engine.connect() as connection:
        try:
            await server_epochs.require_open(connection)
        except JournalRestored as refusal:
            log.warning("worker.journal_restored", **refusal.facts)
            return {}
        journals = await reference.journals_in(connection, "")
    done: dict[int, dict[str, int]] = {}
    for journal in journals:
        try:
            done[journal] = await run_due(store, journal, sweeps)
        except Unavailable as refusal:
            log.warning("sweep.put_off", journal=journal, code=refusal.code)
    await _forget_nonces(engine)
    async with writing(engine) as connection:
        await sessions.forget_expired(connection)
    return done


async def _forget_nonces(engine: AsyncEngine) -> None:
    """Forget the nonces of signatures that have long expired, whatever journal they spoke of."""
    gone = evidence.FORGOTTEN_AT_ONCE
    while gone == evidence.FORGOTTEN_AT_ONCE:
        async with writing(engine) as connection:
            gone = await evidence.forget(connection)


async def run_forever(
    engine: AsyncEngine,
    interval: int,
    sweeps: Mapping[str, Sweep] = SWEEPS,
    *,
    once: bool = False,
) -> None:
    """Run rounds with `interval` seconds between them, while no other worker does.

    The lock is the session's: it is free again however this process ends. A database that cannot
    be reached is asked again after the interval.
    """
    while True:
        try:
            await _rounds(engine, interval, sweeps, once=once)
        except (DBAPIError, PoolTimeout, OSError) as error:
            if once:
                raise
            log.warning("worker.interrupted", error=type(error).__name__)
            await asyncio.sleep(interval)
        else:
            return


async def _rounds(
    engine: AsyncEngine, interval: int, sweeps: Mapping[str, Sweep], *, once: bool
) -> None:
    watching = engine.execution_options(isolation_level="AUTOCOMMIT")
    async with watching.connect() as connection:
        while True:
            taken = await connection.scalar(
                text("SELECT pg_try_advisory_lock(:lock)"), {"lock": WORKER_LOCK}
            )
            if taken:
                await run_round(engine, sweeps)
                await connection.execute(
                    text("SELECT pg_advisory_unlock(:lock)"), {"lock": WORKER_LOCK}
                )
            if once:
                return
            await asyncio.sleep(interval)
