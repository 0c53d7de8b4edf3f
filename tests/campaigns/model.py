"""`poe model`: random histories of schools, played to the store and to the pure Book, compared.

What is counted are operations: commands that both were asked, alone or several in one request.
Each task is a database of its own with some histories in it, verified at its end; `--workers`
tasks run at once. A difference is shrunk, told with the steps that lead to it, and ends it all.
"""

import asyncio
import multiprocessing
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice, takewhile
from typing import Final

import rich_click as click
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from service.store import postgres
from service.verify.report import Status
from service.verify.run import verify
from tests.campaigns.command import SEED, begin, end, tell
from tests.campaigns.ground import NAME, own_cluster, own_folder
from tests.fixtures import databases
from tests.store.life_of_schools import SchoolLife
from tests.store.school_ground import Ground

STEPS_A_HISTORY: Final = 200
HISTORIES_A_DATABASE: Final = 8
"""A journal has partitions of its own, and a database a limit to how many it carries well."""


@dataclass
class Figures:
    """What a campaign of histories against the model has to show."""

    answers: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    histories: int = 0
    transactions: int = 0
    wholes: int = 0
    databases: int = 0
    differences: list[str] = field(default_factory=list)
    unclean: list[str] = field(default_factory=list)
    """Databases that do not verify, and what was found in them."""
    workers: int = 1
    seconds: float = 0

    @property
    def operations(self) -> int:
        """How many commands both were asked."""
        return self.answers.total()

    @property
    def is_clean(self) -> bool:
        """Whether something was compared, and agreed."""
        return bool(self.operations and self.databases) and not (self.differences or self.unclean)

    def add(self, other: "Figures") -> None:
        """Take in what another has to show."""
        self.answers += other.answers
        self.steps += other.steps
        self.histories += other.histories
        self.transactions += other.transactions
        self.wholes += other.wholes
        self.databases += other.databases
        self.differences += other.differences
        self.unclean += other.unclean

    def lines(self) -> list[str]:
        """Write the figures for people."""
        told = ", ".join(f"{code} {times}" for code, times in self.answers.most_common())
        clean = self.databases - len(self.unclean)
        rate = self.operations / max(self.seconds, 0.001)
        return [
            f"operations    {self.operations} in {self.steps} steps of {self.histories} histories",
            f"rate          {rate:.0f} a second by {self.workers}, {self.seconds:.0f} s",
            f"answers       {told or 'none'}",
            f"transactions  {self.transactions} compared entry by entry",
            f"balances      {self.wholes} times compared whole",
            f"differences   {len(self.differences)}",
            f"verified      {clean} of {self.databases} databases clean",
        ]


def lived(server: postgres.Server, template: str, drawn: int, *, histories: int) -> Figures:
    """Live some histories in a database of their own, and verify it; differences are told."""
    figures = Figures()
    database = asyncio.run(databases.clone(server, template))
    with Ground(database) as ground:
        try:
            _live(ground, drawn, histories)
        except Exception:  # noqa: BLE001 - whatever it is: told with the steps that lead to it
            figures.differences.append(traceback.format_exc())
    if not figures.differences:
        report = asyncio.run(verify(database.url("escrow_audit")))
        figures.databases = 1
        figures.unclean = [] if report.status is Status.CLEAN else [str(report.as_json())[:4000]]
    asyncio.run(databases.drop(database))
    figures.answers, figures.steps = ground.answers, ground.steps
    figures.histories, figures.transactions = ground.histories, ground.transactions
    figures.wholes = ground.wholes
    return figures


def _live(ground: Ground, drawn: int, histories: int) -> None:
    class Life(SchoolLife):
        """The schools of one database."""

    Life.ground = ground
    run_state_machine_as_test(
        seed(drawn)(Life),
        settings=settings(
            max_examples=histories,
            stateful_step_count=STEPS_A_HISTORY,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )


def campaign(
    server: postgres.Server,
    template: str,
    *,
    operations: int,
    workers: int,
    drawn: int,
    histories: int = HISTORIES_A_DATABASE,
    tell: Callable[[str], None] = lambda _line: None,
) -> Figures:
    """Live histories, some a database, until both were asked so many operations."""
    figures, since = Figures(workers=workers), time.monotonic()

    def enough() -> bool:
        return figures.operations >= operations or bool(figures.differences)

    seeds = takewhile(lambda _: not enough(), count(drawn))
    live = partial(lived, server, template, histories=histories)
    for done in _lives(live, seeds, workers):
        figures.add(done)
        figures.seconds = time.monotonic() - since
        tell(f"{figures.operations} operations, {len(figures.differences)} differences")
    return figures


def _lives(live: Callable[[int], Figures], seeds: Iterator[int], workers: int) -> Iterator[Figures]:
    """Live with a seed after another, in this process or in several, and give what each shows."""
    if workers == 1:
        yield from map(live, seeds)
        return
    spawning = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawning) as pool:
        running = {pool.submit(live, each) for each in islice(seeds, workers)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for each in done:
                yield each.result()
                running |= {pool.submit(live, another) for another in islice(seeds, 1)}


@click.command()
@click.option("--operations", type=click.IntRange(1), default=2_000, show_default=True)
@click.option(
    "--workers", type=click.IntRange(1), default=1, show_default=True, envvar="ESCROW_MODEL_WORKERS"
)
@SEED
def main(operations: int, workers: int, seed: int | None) -> None:
    """Ask the store and the pure Book the same, at random; 0 differences is the only good one."""
    drawn = begin(seed)
    with own_folder() as folder:
        server = asyncio.run(own_cluster(folder))
        figures = campaign(
            server, NAME, operations=operations, workers=workers, drawn=drawn, tell=tell
        )
    differences = [f"difference    {each}" for each in figures.differences]
    end(figures, differences + [f"found         {each}" for each in figures.unclean])


if __name__ == "__main__":
    main()
