"""Heads that the service keeps outside the database, so that a copy of old files is found out.

A restore to a point in time makes another timeline, which every server tells by itself; a folder or
a disk put back as it was yesterday does not. So a service that is given a file writes into it,
every few seconds, how far the journals and the audit trails reach, and before it does so looks
whether what it wrote the last time still stands. Where it does not, nothing is written any more
until two people open the journals again. A file from before such an opening has been judged by it.
"""

import asyncio
import json
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.recovery.reached import reached
from service.store import audit, driver, reference, server_epochs
from service.store.context import Context
from service.store.server_epochs import Standing
from service.store.transact import READ_TIMEOUT, writing
from service.verify.heads import KEPT, Heads, heads_json, not_standing

KEPT_EVERY_S: Final = 5

log = structlog.get_logger("service.recovery")


@dataclass(frozen=True, slots=True)
class Keeper:
    """A file outside the database, and the service's engine."""

    engine: AsyncEngine
    file: Path

    async def keep_forever(self) -> None:
        """Look and keep, over and over; a database or a disk that fails is asked again."""
        while True:
            try:
                await self.keep()
            except (DBAPIError, PoolTimeout, OSError) as error:
                log.warning("heads.not_kept", error=type(error).__name__)
            await asyncio.sleep(KEPT_EVERY_S)

    async def keep(self) -> bool:
        """Keep the heads as they are; return False, and stop writing, where kept ones are gone."""
        async with self.engine.connect() as connection:
            await Context(()).enter(connection, statement_timeout=READ_TIMEOUT)
            here = await server_epochs.standing(connection)
            journals = await reference.journals_in(connection, "")
            # Chain 0 has rows of no journal: unseen they would be gone.
            everything = Context((audit.APART, *journals))
            await everything.enter(connection, statement_timeout=READ_TIMEOUT)
            now = await reached(connection)
            stands = await self._stands(connection, here)
            await connection.rollback()
        if not here.is_open:
            return False
        if stands:
            identity = {"installed_at": str(here.installed_at), "epoch": here.epoch}
            await asyncio.to_thread(self._write, {**identity, **_written(now)})
            return True
        log.error("heads.missing", file=str(self.file))
        try:
            async with writing(self.engine) as connection:
                await server_epochs.doubt(connection, here)
        except IntegrityError:
            log.info("heads.doubted_before")
        await self.engine.dispose()
        return False

    async def _stands(self, connection: AsyncConnection, here: Standing) -> bool:
        """Tell whether the heads in the file are still there.

        A file of another database, or of before the last opening, is of no account.
        """
        if not self.file.exists():
            return True
        written = self.file.read_text(encoding="utf-8")
        try:
            told = json.loads(written)
            of, epoch = str(told["installed_at"]), int(told["epoch"])
            kept = Heads.of_report(written)
        except (ValueError, KeyError, TypeError):
            log.exception("heads.unreadable", file=str(self.file))
            return False
        if of != str(here.installed_at) or epoch != here.epoch:
            return of != str(here.installed_at) or epoch < here.epoch
        journals, trails = await not_standing(partial(driver.fetch, connection), kept)
        return not journals and not trails

    def _write(self, kept: dict[str, Any]) -> None:
        """Replace the file as a whole: whoever reads it meets the old or the new one."""
        growing = self.file.with_name(f"{self.file.name}.new")
        with growing.open("w", encoding="utf-8") as sink:
            json.dump(kept, sink)
            sink.flush()
            os.fsync(sink.fileno())
        growing.replace(self.file)


def _written(heads: Heads) -> dict[str, Any]:
    """Write heads in the shape of a verification's report."""
    return {
        "status": KEPT,
        "journals": heads_json(heads.journals),
        "audit": heads_json(heads.trails),
    }
