"""Opening restored journals again: two people, who have read what is missing, and fences first.

Whatever leaves a custody account may have left it before, in the hours that are missing: so the
accounts that something missing is about are fenced before anything else can be written. Each is let
go by two people, once what is missing of it stands again.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.recovery.missing import digest_of
from service.recovery.reached import reached
from service.store import audit, server_epochs
from service.store.context import Context
from service.store.transact import READ_TIMEOUT, Store, writing
from service.supervision.fences import place_fences
from service.verify.heads import heads_json


class NotOpened(RuntimeError):  # noqa: N818 - says why the journals stay closed
    """The journals are not opened; the message says why."""


@dataclass(frozen=True, slots=True)
class Read:
    """A report of `escrow recover --json` that two people have read."""

    told: Mapping[str, Any]

    @classmethod
    def of(cls, text: str) -> Self:
        """Take in a report; raises `NotOpened` for one that was changed or compared nothing."""
        try:
            told = json.loads(text)
            whole = told["sha256"] == digest_of(told)
            compared = any(told["compared"].values())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotOpened(f"not a report of `escrow recover --json`: {error!r}") from error
        if not whole:
            raise NotOpened("the report was changed after it was made")
        if not compared:
            raise NotOpened("the report compared nothing: give what others kept")
        return cls(told)

    @property
    def accounts(self) -> dict[int, list[UUID]]:
        """The custody accounts that something missing is about, by journal."""
        found: dict[int, list[UUID]] = {}
        for fence in self.told["fences"]:
            found.setdefault(fence["journal"], []).append(UUID(fence["custody_account_id"]))
        return found


@dataclass(frozen=True, slots=True)
class Opened:
    """The epoch that has begun, and on how many accounts a fence was placed for it."""

    epoch: int
    fenced: int


async def open_again(engine: AsyncEngine, report: Read, opened_by: str, agreed_by: str) -> Opened:
    """Fence what is in doubt, then open the journals; the audit trail tells who did.

    Raises `NotOpened` where they are open, or are not the journals that the report is about.
    """
    async with engine.connect() as connection:
        here = await server_epochs.standing(connection)
        journals = await _journals(connection, report)
    if here.is_open:
        raise NotOpened("the journals are open")
    if here.timeline is None:
        raise NotOpened("the server still recovers: promote it first")
    about = (report.told["system_identifier"], report.told["timeline"], report.told["epoch"])
    if about != (str(here.system), here.timeline, here.epoch) or not journals:
        raise NotOpened("the journals are not as the report found them: make it again")
    store, now = Store(engine, restored=True), time.time_ns() // 1_000_000
    fenced = [await place_fences(store, j, found, now) for j, found in report.accounts.items()]
    digest = bytes.fromhex(report.told["sha256"])
    by = server_epochs.Acceptance(opened_by, agreed_by, digest)
    async with writing(engine) as connection:
        epoch = await server_epochs.accept(connection, here, by)
        about_it = f"epoch {epoch}: {opened_by}, {agreed_by}; report {digest.hex()}"
        await audit.append_apart(connection, [audit.by_command("recover", about_it)])
    return Opened(epoch, sum(fenced))


async def _journals(connection: AsyncConnection, report: Read) -> bool:
    """Tell whether the journals reach as far as the report says, to the hash."""
    told = report.told["journals"]
    eyes = Context(tuple(head["journal"] for head in told))
    await eyes.enter(connection, statement_timeout=READ_TIMEOUT)
    here = await reached(connection)
    return bool(told == heads_json(here.journals))
