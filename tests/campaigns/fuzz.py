"""`poe fuzz`: hostile requests to every operation, made of its own example, by every caller.

The real application, in two grounds: the matrix's five houses, where whatever shows anything of
another house is told, and a district that is alive, where commands are carried out and second
persons decide. Whatever comes, the answer is an answer: never a fault of ours, and where it says
no, a problem that the catalogue knows. Several processes, each with databases of its own.
"""

import asyncio
import multiprocessing
import os
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, cast

import httpx
import pytest
import rich_click as click
from sqlalchemy.ext.asyncio import create_async_engine

from service import logs
from service.app import create_app
from service.identity.service_keys import make_signing_key
from service.resolution.sealing import make_keys
from service.settings import Settings
from service.store import postgres
from service.verify.run import verify
from service.verify.vault_checks import PersonalData
from service.web import problems
from tests.campaigns.asking import Asking, FailuresHeard
from tests.campaigns.command import SEED, begin, end, tell
from tests.campaigns.fuzz_decisions import Decisions
from tests.campaigns.fuzz_figures import Figures, resident
from tests.campaigns.fuzz_houses import Houses
from tests.campaigns.ground import NAME, own_cluster, own_folder
from tests.campaigns.populated import populate
from tests.fixtures import databases
from tests.fixtures.matrix import only_finding, opened, unheard
from tests.fixtures.operations import operations
from tests.fixtures.service import Service, open_district
from tests.fixtures.story import Story
from tests.fixtures.vaults import VAULT, sealing

AT_ONCE: Final = 8
PART: Final = 10_000
"""Requests to one database."""
ALIVE: Final = 5
"""Of so many requests, one goes to the district that is alive."""


class Ground(Protocol):
    """Where requests are sent."""

    async def work(self, todo: Iterator[int]) -> None:
        """Send one request after another."""
        ...


@dataclass(frozen=True)
class Part:
    """So many requests to a database of their own."""

    server: postgres.Server
    template: str
    folder: Path
    requests: int
    seed: int
    alive: bool


async def fuzz(part: Part) -> Figures:
    """Send one part of the requests."""
    figures, chance = Figures(), random.Random(part.seed)
    with unheard(), pytest.MonkeyPatch.context() as patched:
        heard: Any = FailuresHeard(figures.causes)
        patched.setattr(problems, "log", heard)
        ground = in_district if part.alive else in_houses
        async with ground(part, chance, figures) as asked:
            await _sent(asked, part.requests, figures)
    return figures


async def _sent(ground: Ground, requests: int, figures: Figures) -> None:
    """Send so many, several at once; look at the memory after a tenth and at the end."""
    first = max(1, requests // 10)
    before = 0
    for count in (first, requests - first):
        todo = iter(range(count))
        await asyncio.gather(*(ground.work(todo) for _ in range(AT_ONCE)))
        before = before or resident()
    figures.memory.append((before, resident()))


@asynccontextmanager
async def in_houses(part: Part, chance: random.Random, figures: Figures) -> AsyncIterator[Ground]:
    """Plant the five houses."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(only_finding())
        world = await stack.enter_async_context(
            opened(part.server, part.template, part.folder, pool=AT_ONCE)
        )
        yield await Houses.of(world, chance, Asking(world.http, figures, _codes()))


@asynccontextmanager
async def in_district(part: Part, chance: random.Random, figures: Figures) -> AsyncIterator[Ground]:
    """Let a district live; verify its books at the end."""
    database = await databases.clone(part.server, part.template)
    engine = sealing(
        create_async_engine(database.url("escrow_app"), pool_size=AT_ONCE, max_overflow=4)
    )
    app: Any = create_app(engine, _settings(part.folder))
    transport = httpx.ASGITransport(app=cast("Any", app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://escrow.test") as http:
        service = Service(engine, app.state.store, http)
        population = await populate(Story(await open_district(service)))
        asking = Asking(http, figures, _codes())
        ground = Decisions.of(population, operations(app), _of_two(app), chance, asking)
        await ground.look_around()
        yield ground
    personal = PersonalData(database.url("escrow_app"), VAULT)
    report = await verify(database.url("escrow_audit"), personal=personal)
    figures.verified[report.status.value] += 1
    figures.found += [str(finding)[:500] for finding in report.findings]
    await engine.dispose()
    await databases.drop(database)


def _settings(folder: Path) -> Settings:
    make_keys(folder / "packs")
    make_signing_key(folder / "answers")
    return Settings(
        demo=True,
        pack_keys=folder / "packs",
        signing_keys=folder / "answers",
        authorities=("escrow.test",),
        bank_tokens=True,
    )


def _of_two(app: Any) -> set[str]:
    """Name the operations that are described as waiting for a second person, some or all times."""
    paths = app.openapi_schema.to_schema()["paths"].values()
    told = [operation for methods in paths for operation in methods.values()]
    return {each["operationId"] for each in told if "202" in each["responses"]}


def _codes() -> frozenset[str]:
    return frozenset(told["code"] for told in problems.catalogue())


def parts(
    server: postgres.Server, folder: Path, requests: int, seed: int, size: int = PART
) -> list[Part]:
    """Cut the requests into parts, the largest first; one of them in so many is alive."""
    chance, alive = random.Random(seed), requests // ALIVE
    made = []
    for living, count in ((True, alive), (False, requests - alive)):
        for begun in range(0, count, size):
            (own := folder / uuid.uuid4().hex).mkdir()
            most = min(size, count - begun)
            made.append(Part(server, NAME, own, most, chance.getrandbits(32), living))
    return made


def in_a_process(part: Part) -> Figures:
    """Send one part of the requests from a process of its own."""
    logs.configure("CRITICAL", as_json=True)
    return asyncio.run(fuzz(part))


def campaign(
    folder: Path,
    requests: int,
    seed: int,
    processes: int,
    tell: Callable[[str], None] = lambda _line: None,
) -> Figures:
    """Send so many requests to a cluster of our own."""
    server = asyncio.run(own_cluster(folder))
    figures, since = Figures(), time.monotonic()
    # A process of its own each time would begin anew, and show nothing of memory that grows.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        going = [pool.submit(in_a_process, part) for part in parts(server, folder, requests, seed)]
        for done in as_completed(going):
            figures.add(done.result())
            tell(f"{figures.requests} of {requests} requests, {len(figures.faults)} faults")
    figures.seconds = time.monotonic() - since
    return figures


@click.command()
@click.option("--requests", type=click.IntRange(1), default=10_000, show_default=True)
@SEED
@click.option("--processes", type=click.IntRange(1), default=os.cpu_count(), show_default=True)
def main(requests: int, seed: int | None, processes: int) -> None:
    """Send hostile requests to every operation; no 5xx, nothing foreign, every no a problem."""
    drawn = begin(seed, level="CRITICAL")
    with own_folder() as folder:
        figures = campaign(folder, requests, drawn, processes, tell)
    end(figures)


if __name__ == "__main__":
    main()
