"""`poe history`: concurrent clients against two processes, recorded call by call, then judged.

Each history is of a journal of its own. What is printed is every anomaly; none is the only good
figure. `--keep` writes the calls of a history that has any beside it, a line of JSON each.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

import httpx
import rich_click as click
import uvloop

from ledger.rules.places import place_at
from service.verify.report import Status
from tests.campaigns.command import SEED, begin, end, tell
from tests.campaigns.ground import own_folder, own_machine
from tests.campaigns.history_checker import Anomaly, check
from tests.campaigns.history_clients import BANK, LESSONS, PRICE, Clients
from tests.campaigns.read_back import read_back
from tests.campaigns.recorded import History, named
from tests.campaigns.wire import PATIENCE_S, Wire
from tests.fixtures.service import open_district
from tests.fixtures.started import Machine
from tests.fixtures.story import Story

CLIENTS: Final = 16
PROCESSES: Final = 2


@dataclass
class Figures:
    """What a campaign of histories has to show."""

    histories: int = 0
    calls: int = 0
    replays: int = 0
    transactions: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    anomalies: list[Anomaly] = field(default_factory=list)
    verified: Status = Status.INCOMPLETE
    recording: float = 0
    """Seconds, and so are these:"""
    judging: float = 0
    seconds: float = 0

    @property
    def is_clean(self) -> bool:
        """Whether something was recorded, and nobody was told anything wrong."""
        return self.calls > 0 and not self.anomalies and self.verified is Status.CLEAN

    def lines(self) -> list[str]:
        """Write the figures for people."""
        told = ", ".join(f"{code} {times}" for code, times in self.answers.most_common())
        rate = self.calls / max(self.recording, 0.001)
        return [
            f"histories     {self.histories} in {self.seconds:.0f} s",
            f"calls         {self.calls}, {self.replays} of them sent again",
            f"recorded      {rate:.0f} calls a second; judged in {self.judging:.0f} s",
            f"transactions  {self.transactions} replayed through the Book",
            f"answers       {told}",
            f"anomalies     {len(self.anomalies)}",
            f"verified      {self.verified.value}",
        ]


async def recorded(
    machine: Machine,
    line: httpx.AsyncClient,
    wires: Sequence[Wire],
    *,
    operations: int,
    seed: int,
) -> tuple[History, Clients]:
    """Open a journal, let the clients be busy in it, and read it back."""
    direct = machine.district.service
    district = await open_district(direct)
    district.service = replace(direct, http=line)
    school = await Story(district).school_opens(BANK)
    course = await school.files(PRICE, LESSONS)
    since = len(await read_back(direct.engine, district.journal))
    clients = Clients(school, course, wires, random.Random(seed), operations)
    await asyncio.gather(*(clients.live(client) for client in range(CLIENTS)))
    place = place_at(named("ins", school.id), named("cus", school.accounts[BANK]))
    journal = await read_back(direct.engine, district.journal)
    return History(since, place, clients.board.calls, journal), clients


async def campaign(
    machine: Machine,
    *,
    histories: int,
    operations: int,
    seed: int,
    seconds: int = 10**9,
    keep: Path | None = None,
    tell: Callable[[str], None] = lambda _line: None,
) -> Figures:
    """Record and judge so many histories, or as many as begin in so long."""
    figures, since = Figures(), time.monotonic()
    processes = [machine.start(workless=True) for _ in range(PROCESSES)]
    async with AsyncExitStack() as stack:
        addresses = [await process.address() for process in processes]
        line = httpx.AsyncClient(base_url=addresses[0], timeout=PATIENCE_S)
        await stack.enter_async_context(line)
        wires = [await stack.enter_async_context(Wire(each)) for each in addresses]
        for number in range(histories):
            if number and time.monotonic() - since > seconds:
                break
            begun = time.monotonic()
            history, clients = await recorded(
                machine, line, wires, operations=operations, seed=seed + number
            )
            judging = time.monotonic()
            found = check(history)
            figures.recording += judging - begun
            figures.judging += time.monotonic() - judging
            figures.histories += 1
            figures.calls += len(history.calls)
            figures.replays += clients.replays
            figures.transactions += len(history.journal) - history.since
            figures.answers.update(d.code for call in history.calls for d in call.deeds)
            figures.answers["read"] += sum(1 for _ in history.reads())
            figures.anomalies += found
            if found and keep is not None:
                _keep(history, keep / f"history-{seed + number}.jsonl")
            tell(f"{figures.histories} histories, {figures.calls} calls, {len(found)} anomalies")
    figures.verified = (await machine.verified()).status
    figures.seconds = time.monotonic() - since
    return figures


def _keep(history: History, path: Path) -> None:
    lines = [json.dumps(asdict(call), ensure_ascii=False) for call in history.calls]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@click.command()
@click.option("--histories", type=click.IntRange(1), default=2, show_default=True)
@click.option("--operations", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--seconds", type=click.IntRange(1), default=10**9, help="Begin none after that.")
@SEED
@click.option("--keep", type=click.Path(path_type=Path), default=None, help="Folder for evidence.")
def main(
    histories: int, operations: int, seconds: int, seed: int | None, keep: Path | None
) -> None:
    """Record concurrent clients and judge what they were told; 0 anomalies is the only good one."""
    drawn = begin(seed)

    async def run(folder: Path) -> Figures:
        async with own_machine(folder) as machine:
            return await campaign(
                machine,
                histories=histories,
                operations=operations,
                seed=drawn,
                seconds=seconds,
                keep=keep,
                tell=tell,
            )

    with own_folder() as folder:
        figures = uvloop.run(run(folder))
    end(figures, [f"anomaly       {anomaly}" for anomaly in figures.anomalies[:20]])


if __name__ == "__main__":
    main()
