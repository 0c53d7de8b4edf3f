"""`poe crash`: kill -9 whatever there is, over and over, under load; count what that loses.

A cluster of its own, one service, a worker, six clients. The service dies at random moments and at
each failpoint, the worker in the middle of its sweeps, single backends and the postmaster at random
moments. At the end the clients' own log says what was acknowledged, and the books are verified.
"""

import asyncio
import json
import os
import random
import re
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import cycle
from pathlib import Path
from typing import Final

import httpx
import rich_click as click
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from service.failpoints import Point
from service.store.transact import Store
from service.verify.report import Status
from service.worker import run_due
from tests.campaigns.client_log import ClientLog
from tests.campaigns.clients import BANK, PATIENCE, Clients
from tests.campaigns.command import SEED, begin, end, tell
from tests.campaigns.figures import Figures
from tests.campaigns.ground import TOKENS_LAST, died, own_cluster, own_folder
from tests.campaigns.nursery import Nursery
from tests.campaigns.truth import judge
from tests.fixtures.databases import Database
from tests.fixtures.service import Service, open_district
from tests.fixtures.started import Machine, Serving
from tests.fixtures.vaults import sealing
from tests.processes.bank_load import line_to

CLIENTS: Final = 6
REPLAYS: Final = 100
DIES_WITHIN_S: Final = 12
BACK_WITHIN_S: Final = 60
STARTED_ANEW: Final = 6
"""Of so many services one is started as anybody would, the others are forked."""
DAYS_MOVED_MAX: Final = 180
DAYS_MOVED: Final = 9
"""As long as nobody pays and nobody answers, by far."""

_WORKERS: Final = (
    *(Point.SWEEP_CARRIED_OUT, Point.NOTICE_SENT, Point.JOURNAL_COPIED),
    *(Point.BEFORE_COMMIT, Point.AFTER_COMMIT),
)
_ELSEWHERE: Final = {Point.SWEEP_CARRIED_OUT, Point.NOTICE_SENT, Point.FILE_PART_TAKEN}
"""Only workers send and sweep; nobody uploads a file here but tests/processes/test_files_killed."""
_SERVICES: Final = tuple(set(Point) - _ELSEWHERE)
_ERROR: Final = re.compile(r"[\w.]+(Error|Exception|Refusal)\b")
_RARE: Final = frozenset({Point.REFERENCE_WRITTEN})


class Target(StrEnum):
    """What is killed."""

    SERVICE = "service"
    BACKEND = "backend"
    POSTMASTER = "postmaster"
    WORKER = "worker"


TURNS: Final = (
    *(Target.SERVICE, Target.BACKEND, Target.POSTMASTER, Target.WORKER, Target.BACKEND),
    *(Target.SERVICE, Target.BACKEND, Target.POSTMASTER, Target.SERVICE, Target.BACKEND),
)
"""Whose turn it is; the service dies twice in each of its own, the second time at a failpoint."""


@dataclass
class Campaign:
    """One campaign on its way."""

    machine: Machine
    clients: Clients
    http: httpx.AsyncClient
    admin: AsyncEngine
    chance: random.Random
    serving: Serving
    nursery: Nursery
    figures: Figures = field(default_factory=Figures)
    points: dict[bool, "cycle[Point]"] = field(default_factory=dict)
    days: int = 0

    async def kill(self, target: Target) -> None:
        """Let one turn kill what it kills, and wait until everything is back."""
        turns: dict[Target, Callable[[], Awaitable[None]]] = {
            Target.SERVICE: self._service,
            Target.BACKEND: self._backend,
            Target.POSTMASTER: self._postmaster,
            Target.WORKER: self._worker,
        }
        await turns[target]()

    async def _service(self) -> None:
        """Kill the service at a random moment; then let the next one die at a failpoint."""
        await asyncio.sleep(self.chance.uniform(0.05, 0.6))
        self.serving.kill()
        self.figures.kills["service"] += 1
        point = next(self.points[False])
        await self._serve_again(point)
        if await self._dies(self.serving):
            self.figures.fired[point] += 1
        self.figures.kills["service at a failpoint"] += 1
        await self._serve_again(None)

    async def _serve_again(self, point: Point | None) -> None:
        self.clients.serving.clear()
        since = time.monotonic()
        armed = {} if point is None else {"ESCROW_FAILPOINTS": self._armed(point)}
        starts = len(self.figures.restarts) + len(self.figures.forks)
        forked = starts % STARTED_ANEW != 0
        self.machine.spawn = self.nursery.spawn if forked else None
        self.serving = self.machine.start(workless=True, **armed)
        self.clients.address = await self.serving.address()
        times = self.figures.forks if forked else self.figures.restarts
        times.append(time.monotonic() - since)
        self.clients.serving.set()

    async def _dies(self, dying: Serving) -> bool:
        """Wait until a process dies by itself; kill it when it does not, and return False."""
        until = time.monotonic() + DIES_WITHIN_S
        while time.monotonic() < until:
            if dying.popen.poll() is not None:
                assert dying.popen.poll() == -signal.SIGKILL, dying.said
                return True
            await asyncio.sleep(0.01)
        dying.kill()
        return False

    def _armed(self, point: Point) -> str:
        return f"{point}=kill@{1 if point in _RARE else self.chance.randint(1, 10)}"

    async def _backend(self) -> None:
        """Kill one of the server's processes; the postmaster then ends and restarts them all."""
        await asyncio.sleep(self.chance.uniform(0.05, 0.6))
        busy = (
            "SELECT pid FROM pg_stat_activity WHERE usename = 'escrow_app'"
            " ORDER BY state = 'idle', random() LIMIT 1"
        )
        async with self.admin.connect() as connection:
            pid = await connection.scalar(text(busy))
        if pid is None:
            return
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:  # It has ended by itself meanwhile: another turn comes.
            return
        self.figures.kills["backend"] += 1
        await self._recovered()

    async def _postmaster(self) -> None:
        await asyncio.sleep(self.chance.uniform(0.05, 0.6))
        noted = self.machine.database.server.data / "postmaster.pid"
        pid = int(noted.read_text().split("\n", 1)[0])
        os.kill(pid, signal.SIGKILL)
        await died(pid)
        self.figures.kills["postmaster"] += 1
        await self._recovered(own_cluster(self.machine.folder))

    async def _recovered(self, starting: Awaitable[object] | None = None) -> None:
        """Wait until every client could have been answered again."""
        since, answered = time.monotonic(), self.clients.answered
        if starting is not None:
            await starting
        while self.clients.answered < answered + CLIENTS:
            if time.monotonic() > since + BACK_WITHIN_S:
                raise TimeoutError(f"nobody is answered any more:\n{self.serving.said[-4000:]}")
            await asyncio.sleep(0.01)
        self.figures.recoveries.append(time.monotonic() - since)

    async def _worker(self) -> None:
        """Let a week pass without its sweeps, and kill a worker in the middle of them."""
        if self.days < DAYS_MOVED_MAX:
            self.days += DAYS_MOVED
            district = self.machine.district
            to = datetime.now(UTC) + timedelta(days=self.days)
            await district.service.store.move_clock(district.journal, to)
        point = next(self.points[True])
        self.machine.spawn = self.nursery.spawn
        worker = self.machine.work(ESCROW_FAILPOINTS=f"{point}=kill@{self.chance.randint(1, 3)}")
        if await self._dies(worker):
            self.figures.fired[point] += 1
        self.figures.kills["worker"] += 1


async def campaign(
    folder: Path,
    *,
    runs: int,
    seed: int,
    seconds: int = 10**9,
    tell: Callable[[str], None] = lambda _line: None,
) -> Figures:
    """Kill at least `runs` times, or for so long; the cluster stays in `folder`."""
    started, server = time.monotonic(), await own_cluster(folder)
    database = Database(server, "escrow")
    # Each asks on a connection of its own: those of before a kill are of no use after it.
    engine = sealing(create_async_engine(database.url("escrow_app"), poolclass=NullPool))
    admin = create_async_engine(database.admin_url, poolclass=NullPool)
    async with httpx.AsyncClient(timeout=PATIENCE) as http:
        direct = Service(engine, Store(engine), http, tokens_last=TOKENS_LAST)
        district = await open_district(direct)
        machine = Machine(database, folder, district)
        chance = random.Random(seed)
        try:
            with ClientLog(folder / "clients.log") as log, Nursery() as nursery:
                going = await _opened(machine, nursery, log, http, admin, chance)
                await _fought(going, runs, started + seconds, tell)
                await _judged(going)
        finally:
            for each in machine.servings:
                if each.popen.poll() is None:
                    each.kill()
            await engine.dispose()
            await admin.dispose()
    going.figures.seconds = time.monotonic() - started
    return going.figures


async def _opened(
    machine: Machine,
    nursery: Nursery,
    log: ClientLog,
    http: httpx.AsyncClient,
    admin: AsyncEngine,
    chance: random.Random,
) -> Campaign:
    """Start the service and open the school that everything is about."""
    serving = machine.start(workless=True)
    async with line_to(machine, serving) as line:
        school = await line.story.school_opens(BANK)
        course = await school.files("1100.00", 10)
    clients = Clients(machine.district, school, course, log, chance)
    clients.address = await serving.address()
    clients.serving.set()
    services = list(_SERVICES)
    chance.shuffle(services)
    points = {False: cycle(services), True: cycle(_WORKERS)}
    return Campaign(machine, clients, http, admin, chance, serving, nursery, points=points)


async def _fought(going: Campaign, runs: int, until: float, tell: Callable[[str], None]) -> None:
    """Kill under load; whatever a client finds wrong ends it at once."""
    living = [asyncio.create_task(going.clients.live(going.http)) for _ in range(CLIENTS)]
    turns = cycle(TURNS)
    while (killed := sum(going.figures.kills.values())) < runs and time.monotonic() < until:
        await going.kill(next(turns))
        for each in living:
            if each.done():
                each.result()
        tell(f"{killed} of {runs} kills, {going.clients.answered} calls answered")
    going.clients.ending = True
    await asyncio.gather(*living)


async def _judged(going: Campaign) -> None:
    """Finish what is due, then hold the log against the books and verify them."""
    district, figures = going.machine.district, going.figures
    for _ in range(20):
        if not any((await run_due(district.service.store, district.journal)).values()):
            break
    figures.told, figures.silent = going.clients.told, going.clients.silent
    for each in going.machine.servings:
        for line in each.said.splitlines():
            if '"request.failed"' in line:
                said = str(json.loads(line)["exception"]).splitlines()
                named = [each for each in said if _ERROR.match(each)]
                figures.failed[named[-1] if named else said[-1]] += 1
    figures.judged = await judge(going.clients, going.http, REPLAYS)
    report = await going.machine.verified()
    figures.verified = report.status
    if report.status is not Status.CLEAN:
        figures.broken = [str(report.as_json())[:4000]]


@click.command()
@click.option("--runs", type=click.IntRange(1), default=20, show_default=True, help="Kills.")
@click.option("--seconds", type=click.IntRange(1), default=10**9, help="End killing by then.")
@SEED
def main(runs: int, seconds: int, seed: int | None) -> None:
    """Kill -9 service, worker, backends and postmaster under load; 0 is the only good figure."""
    drawn = begin(seed)
    with own_folder() as folder:
        figures = asyncio.run(campaign(folder, runs=runs, seed=drawn, seconds=seconds, tell=tell))
    end(figures, [f"fault         {fault}" for fault in figures.judged.faults[:20]])


if __name__ == "__main__":
    main()
