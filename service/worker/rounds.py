"""Rounds of sweeps: over one journal when its clock moved, or over all of them for ever."""

import asyncio
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.refusals import JournalRestored, Unavailable
from service.identity import sessions
from service.store import evidence, reference, server_epochs
from service.store.driver import is_lost
from service.store.transact import Store, writing
from service.worker.sweeps import SWEEPS, Sweep

WORKER_LOCK: Final = 4_711_009
"""Advisory lock: one worker at a time works on a database."""

log = structlog.get_logger("service.worker")


class SweepsFailedError(Exception):
    """Some sweeps of a round met a fault of ours; the others were carried out."""


async def run_due(
    store: Store, journal: int, sweeps: Mapping[str, Sweep] = SWEEPS
) -> dict[str, int]:
    """Run every sweep over one journal, in order; return how many commands each carried out.

    A sweep at fault is told in the log, the others go on, and then `SweepsFailedError` is raised.
    Raises at once `Unavailable` and what says that the database is gone, for which every sweep
    has to wait.
    """
    done: dict[str, int] = {}
    failed: dict[str, Exception] = {}
    for name, sweep in sweeps.items():
        try:
            done[name] = await sweep(store, journal)
        except (Unavailable, PoolTimeout):
            raise
        except Exception as error:
            if is_lost(error):
                raise
            log.error("sweep.failed", sweep=name, journal=journal, **_fault(error))  # noqa: TRY400
            failed[name] = error
    if failed:
        raise SweepsFailedError(", ".join(failed)) from next(iter(failed.values()))
    return done


def _fault(error: Exception) -> dict[str, str]:
    """Say which fault it was and where, without its words, in which personal data may stand."""
    frames = traceback.extract_tb(error.__traceback__)
    at = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return {"error": type(error).__name__, "at": at}


async def run_round(
    engine: AsyncEngine, sweeps: Mapping[str, Sweep] = SWEEPS
) -> dict[int, dict[str, int]]:
    """Run every sweep over every journal; one that is busy or at fault waits for the next round.

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
        except SweepsFailedError:
            continue  # told in the log
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
