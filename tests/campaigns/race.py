"""`poe race`: rounds of races from behind a barrier, through two processes on one database.

Each kind of race has lanes of its own, which are run at once, so that every round also runs under
the load of all the others. Who wins is chance; what stands afterwards is not. The end is clean
books and not one deadlock.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import httpx
import rich_click as click
import uvloop
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from service.verify.report import Report, Status
from tests.campaigns.command import SEED, begin, end, tell
from tests.campaigns.ground import own_folder, own_machine
from tests.campaigns.racecourse import BANK, LESSONS, PRICE, Course, Lost
from tests.campaigns.races import RACES
from tests.fixtures.service import open_district
from tests.fixtures.started import Machine
from tests.fixtures.story import Refused, Story

PROCESSES: Final = 2
LANE_LASTS: Final = 50
"""Rounds until a lane has a new district: what one regulator refunds in a day stays below what
two must sign, and its clock has not run far ahead."""
OPENED_MAX: Final = 25
OPENED_EVERY_S: Final = 0.5
"""Districts that open their journals while others race, and how often."""
_PATIENCE: Final = httpx.Timeout(60)
_DEADLOCKS: Final = text("SELECT deadlocks FROM pg_stat_database WHERE datname = :name")
_OFFICIAL: Final = text(
    "INSERT INTO escrow.calendar_year (year, provisional)"
    " SELECT extract(year FROM now())::int + ahead, false FROM generate_series(0, 2) AS ahead"
    " ON CONFLICT (year) DO UPDATE SET provisional = false"
)
"""Silence only confirms where the calendar is official."""


@dataclass
class Figures:
    """What a campaign of races has to show."""

    won: dict[str, Counter[str]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    busy: Counter[str] = field(default_factory=Counter)
    opened: int = 0
    deadlocks: int = -1
    verified: Status = Status.INCOMPLETE
    report: Report | None = None
    seconds: float = 0

    @property
    def rounds(self) -> int:
        """How many races were run."""
        return sum(counter.total() for counter in self.won.values())

    @property
    def is_clean(self) -> bool:
        """Whether there were any, each ended as it may, and the books are right."""
        ran = self.rounds > 0 and not self.broken
        return ran and self.deadlocks == 0 and self.verified is Status.CLEAN

    def lines(self) -> list[str]:
        """Write the figures for people."""
        lines = [f"rounds        {self.rounds} in {self.seconds:.0f} s"]
        for name, counter in self.won.items():
            told = ", ".join(f"{who} {times}" for who, times in counter.most_common())
            lines.append(f"  {name}: {told or 'none'}")
        return [
            *lines,
            f"both          {len(self.broken)}",
            f"busy          {', '.join(f'{k} {n}' for k, n in self.busy.items()) or 'none'}",
            f"opened        {self.opened} journals meanwhile",
            f"deadlocks     {self.deadlocks}",
            f"verified      {self.verified.value}",
        ]


async def _lane(
    machine: Machine, lines: Sequence[httpx.AsyncClient], chance: random.Random
) -> Course:
    """Open a district with a school, for the races of one kind."""
    direct = machine.district.service
    district = await open_district(direct)
    district.service = replace(direct, http=chance.choice(lines))
    story = Story(district)
    school = await story.school_opens(BANK)
    course = await school.files(PRICE, LESSONS)
    return Course(district, direct.engine, lines, chance, story, school, course)


async def _open_others(machine: Machine, figures: Figures) -> None:
    """Let other districts open their journals meanwhile: that stops nobody either."""
    for _ in range(OPENED_MAX):
        await asyncio.sleep(OPENED_EVERY_S)
        opening = asyncio.create_task(open_district(machine.district.service))
        try:
            await asyncio.shield(opening)
        except asyncio.CancelledError:
            await opening
            raise
        except DBAPIError as error:
            figures.broken.append(f"a district opens: {error}"[:1000])
        figures.opened += 1


async def campaign(
    machine: Machine,
    *,
    rounds: int,
    seed: int,
    seconds: int = 10**9,
    only: Sequence[str] = (),
    tell: Callable[[str], None] = lambda _line: None,
) -> Figures:
    """Run so many rounds, shared out over the kinds of races, or as many as fit into so long."""
    figures, since = Figures(), time.monotonic()
    async with machine.district.service.engine.begin() as connection:
        await connection.execute(_OFFICIAL)
    kinds = list(only or RACES)
    processes = [machine.start(workless=True) for _ in range(PROCESSES)]
    async with AsyncExitStack() as stack:
        lines = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=await process.address(), timeout=_PATIENCE)
            )
            for process in processes
        ]

        async def run(name: str, number: int, lane: Course) -> None:
            won = figures.won.setdefault(name, Counter())
            share = rounds // len(kinds) + (number < rounds % len(kinds))
            for done in range(share):
                if done and time.monotonic() - since > seconds:
                    break
                if done and done % LANE_LASTS == 0:
                    lane = await _lane(machine, lines, lane.chance)
                try:
                    won[await RACES[name](lane)] += 1
                except (Lost, Refused) as error:
                    won["broken"] += 1
                    figures.broken.append(f"{name}: {error}"[:1000])
                figures.busy.update(lane.busy)
                lane.busy.clear()
                tell(f"{figures.rounds} rounds, {len(figures.broken)} broken")

        lanes = [
            await _lane(machine, lines, random.Random(seed * 100 + number))
            for number in range(len(kinds))
        ]
        opening = asyncio.create_task(_open_others(machine, figures))
        await asyncio.gather(*map(run, kinds, range(len(kinds)), lanes))
        opening.cancel()
        with suppress(asyncio.CancelledError):
            await opening
    for process in processes:
        process.stop()
    await _judge(machine, figures)
    figures.seconds = time.monotonic() - since
    return figures


async def _judge(machine: Machine, figures: Figures) -> None:
    figures.report = await machine.verified()
    figures.verified = figures.report.status
    admin = create_async_engine(machine.database.admin_url, poolclass=NullPool)
    async with admin.connect() as connection:
        asked = {"name": machine.database.name}
        figures.deadlocks = int(await connection.scalar(_DEADLOCKS, asked) or 0)
    await admin.dispose()


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=90, show_default=True)
@click.option("--seconds", type=click.IntRange(1), default=10**9, help="Begin none after that.")
@SEED
@click.option("--only", type=click.Choice(list(RACES)), multiple=True, help="These kinds alone.")
def main(rounds: int, seconds: int, seed: int | None, only: tuple[str, ...]) -> None:
    """Race for the same money from behind a barrier; both is never a good end."""
    drawn = begin(seed)

    async def run(folder: Path) -> Figures:
        async with own_machine(folder) as machine:
            return await campaign(
                machine, rounds=rounds, seed=drawn, seconds=seconds, only=only, tell=tell
            )

    with own_folder() as folder:
        figures = uvloop.run(run(folder))
    found = [f"broken        {each}" for each in figures.broken[:20]]
    if figures.report is not None and figures.verified is not Status.CLEAN:
        found.append(f"found         {str(figures.report.as_json())[:4000]}")
    end(figures, found)


if __name__ == "__main__":
    main()
