"""One performance: the service started on a fresh database, the play played, the books verified."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ledger.calendars import midnight
from service.demo import backlog, bank_keys, cast, figures, player, six_banks
from service.demo.client import Api, Unexpected
from service.demo.districts import backlog_of, calendar_of, district_of
from service.demo.figures import Told
from service.demo.server import Ground, NotServed, Server, prepare
from service.demo.stage import MORNING, Pace, Stage
from service.launch import engine_of
from service.settings import Settings
from service.vault_opening import load
from service.verify import PersonalData, Report, verify

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.ext.asyncio import AsyncEngine

    from seeds.records import District

NAMES: Final = {"500106": "沙坪坝区"}


@dataclass(frozen=True, slots=True)
class House:
    """Where the play is given: a fresh database and the service running on it."""

    ground: Ground
    server: Server
    started: float

    def wait(self) -> None:
        """Leave the service to its visitors until it ends or somebody interrupts."""
        with suppress(KeyboardInterrupt):
            self.server.process.wait()


@dataclass(frozen=True, slots=True)
class Performance:
    """What came of it: the stage as it was left, the figures, verify's report, the seconds."""

    stage: Stage
    told: Told
    report: Report
    seconds: float


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of a backlog: its cases, the figures at the end, verify's report, the seconds."""

    stage: Stage
    settled: backlog.Settled
    told: Told
    report: Report
    seconds: float


@dataclass(frozen=True, slots=True)
class Banking:
    """What came of some days of six banks: each account, verify's report, the seconds."""

    stage: Stage
    accounts: list[six_banks.Reconciled]
    report: Report
    seconds: float


@contextmanager
def staged(settings: Settings, *, keep: bool) -> Iterator[House]:
    """Prepare a fresh database and run the service on it; tidy up unless it is to be kept.

    Raises `NotServed`, also for what the play did not expect, with where the server's log is.
    """
    started = time.perf_counter()
    for told in (signal.SIGINT, signal.SIGTERM):
        # Also where a shell has its background jobs ignore an interrupt.
        signal.signal(told, _interrupted)
    ground, keep_log = prepare(settings), keep
    try:
        server = Server.start(ground)
        try:
            yield House(ground, server, started)
        except Unexpected as error:
            keep_log = True
            raise NotServed(f"{error} (the server's log: {server.log})") from error
        finally:
            server.stop()
            if not keep_log:
                server.log.unlink(missing_ok=True)
    finally:
        if not keep:
            ground.leave()


def _interrupted(_signal: int, _frame: object) -> None:
    """Leave as on Ctrl-C, so that nothing stays behind."""
    raise KeyboardInterrupt


def run_backlog(house: House, pace: Pace, *, seed: int | None, share: int) -> Settlement:
    """Settle a backlog from a command."""
    return asyncio.run(perform_backlog(house, pace, seed=seed, share=share))


def run(house: House, pace: Pace, script: player.Script) -> Performance:
    """Perform from a command."""
    return asyncio.run(perform(house, pace, script))


def run_banks(house: House, pace: Pace, *, seed: int | None, days: int) -> Banking:
    """Play six banks from a command."""
    return asyncio.run(perform_banks(house, pace, seed=seed, days=days))


async def perform_banks(house: House, pace: Pace, *, seed: int | None, days: int) -> Banking:
    """Play some days of six simulated banks, then verify the database."""
    async with Api.at(house.server.address) as api:
        engine = engine_of(house.ground.found.url, pool_size=1)
        try:
            district = district_of(seed, schools=six_banks.SCHOOLS)
            stage = await set_up(api, engine, district, pace)
            accounts = await six_banks.play(stage, engine, days=days, seed=seed or 1)
        finally:
            await engine.dispose()
    with stage.chapter("verify", 1) as bar:
        report = await verified(house.ground)
        bar()
    return Banking(stage, accounts, report, time.perf_counter() - house.started)


async def perform(house: House, pace: Pace, script: player.Script) -> Performance:
    """Play a term against the running service, then verify its database."""
    ready = time.perf_counter()
    async with Api.at(house.server.address) as api:
        engine = engine_of(house.ground.found.url, pool_size=1)
        try:
            stage = await set_up(
                api, engine, district_of(script.seed, schools=script.schools), pace
            )
            told = await player.play(stage, engine, script)
        finally:
            await engine.dispose()
    with stage.chapter("verify", 1) as bar:
        report = await verified(house.ground)
        bar()
    stage.phases["start"] = ready - house.started
    return Performance(stage, told, report, time.perf_counter() - house.started)


async def perform_backlog(house: House, pace: Pace, *, seed: int | None, share: int) -> Settlement:
    """Settle the backlog of failed institutions, then verify the database."""
    ready = time.perf_counter()
    failed = backlog_of(seed, share=share)
    async with Api.at(house.server.address) as api:
        engine = engine_of(house.ground.found.url, pool_size=1)
        try:
            stage = await set_up(api, engine, failed.district, pace, opens_on=failed.opens_on)
            settled = await backlog.play(stage, engine, failed)
            told = await figures.read_all(stage, await figures.read(stage))
        finally:
            await engine.dispose()
    with stage.chapter("verify", 1) as bar:
        report = await verified(house.ground)
        bar()
    stage.phases["start"] = ready - house.started
    return Settlement(stage, settled, told, report, time.perf_counter() - house.started)


async def verified(ground: Ground) -> Report:
    """Verify all there is, personal data too."""
    personal = PersonalData(ground.found.url, load(ground.settings, ground.found))
    return await verify(ground.audit_url, personal=personal)


async def set_up(
    api: Api,
    engine: AsyncEngine,
    district: District,
    pace: Pace,
    *,
    opens_on: date | None = None,
) -> Stage:
    """Open the district's journal, a month before its term, and put everything in hand."""
    opens_on = opens_on or player.opening_day(district.starts_on)
    staff = await cast.open_district(
        engine,
        district.adcode,
        NAMES.get(district.adcode, district.adcode),
        district.banks,
        at=midnight(opens_on) + MORNING,
    )
    stage = Stage(
        api=api,
        cast=staff,
        district=district,
        calendar=calendar_of(district.starts_on),
        pace=pace,
        today=opens_on,
    )
    await bank_keys.register_keys(stage)
    return stage
