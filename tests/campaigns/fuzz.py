"""`poe fuzz`: hostile requests to every operation, made of its own example, by every caller.

The real application over the matrix's five houses; a command ends when it has found what it is
about, as the rows planted there are no books that it could decide on. Whatever comes, the answer is
an answer: never a fault of ours, never anything of another house, and where it says no, a problem
that the catalogue knows. Each part of the requests has a database of its own.
"""

import asyncio
import json
import os
import random
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import rich_click as click

from service import logs
from service.store import postgres
from service.web import problems
from tests.campaigns.ground import NAME, own_cluster, own_folder
from tests.campaigns.mutations import Draft, spoil
from tests.fixtures.matrix import NEAR, OTHER, OWN, SIBLING, WOUND, World, only_finding, opened
from tests.fixtures.operations import Operation
from tests.fixtures.tenants import Tenant, foreign_in, minted_again, tenants_of

AT_ONCE: Final = 8
PART: Final = 20_000
"""Requests to one database."""
STRANGERS: Final = 0.03
"""Of requests that bring no token."""
UNFIT: Final = 0.1
"""Of requests whose caller's role has no business with the operation."""
BARE: Final = frozenset({"HEAD", "OPTIONS"})
OAUTH: Final = "/oauth/"
"""Where errors are as OAuth has them, not as problems."""


@dataclass
class Figures:
    """What the requests came to."""

    statuses: Counter[int] = field(default_factory=Counter)
    operations: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    """Answers that were none: a fault of ours, no problem, or nothing at all."""
    foreign: list[str] = field(default_factory=list)
    causes: Counter[str] = field(default_factory=Counter)
    """What the service logged as failed."""

    @property
    def requests(self) -> int:
        """How many there were."""
        return self.statuses.total()

    @property
    def is_clean(self) -> bool:
        """Whether every answer was one."""
        return not self.faults and not self.foreign

    def lines(self) -> list[str]:
        """Write the figures for people."""
        by_status = ", ".join(f"{status} {n}" for status, n in sorted(self.statuses.items()))
        failed = sum(n for status, n in self.statuses.items() if status >= 500)
        return [
            f"requests      {self.requests} to {len(self.operations)} operations",
            f"answers       {by_status}",
            f"5xx           {failed}",
            f"foreign       {len(self.foreign)}",
            f"no answer     {len(self.faults)}",
            *(f"fault         {fault}" for fault in self.faults[:20]),
            *(f"foreign       {fault}" for fault in self.foreign[:20]),
            *(f"logged        {count} x {cause}" for cause, count in self.causes.most_common(20)),
        ]


@dataclass
class Fuzz:
    """One part of the requests, on its way."""

    world: World
    tenants: list[Tenant]
    chance: random.Random
    figures: Figures
    codes: frozenset[str]

    async def worker(self, todo: Iterator[int]) -> None:
        """Send one request after another."""
        for _ in todo:
            await self._one()

    async def _one(self) -> None:
        operation = self.chance.choice(self.operations)
        index = self._caller(operation)
        tenant = self.tenants[index]
        house = self.world.houses[self.chance.choice((OWN, OWN, SIBLING, OTHER, WOUND, NEAR))]
        draft = Draft(
            operation.method, operation.path_for(house), list(operation.query_for(house).items())
        )
        draft.headers["idempotency-key"] = uuid.UUID(int=self.chance.getrandbits(128)).hex
        if self.chance.random() >= STRANGERS:
            draft.headers["authorization"] = f"Bearer {tenant.token}"
        if operation.method == "POST":
            draft.headers["content-type"] = "application/json"
            # What a caller writes bears no house's mark, which its neighbours would seem to see.
            text = json.dumps(operation.body_for(house)).replace("canary-", "chance-")
            draft.document = json.loads(text)
            if self.chance.random() < 0.1:
                draft.query.append(("dry_run", "true"))
        spoil(draft, self.chance)
        answer = await self._sent(operation, draft)
        if answer is None:
            return
        self._look(operation, tenant, draft, answer)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self.tenants[index] = await minted_again(self.world, tenant)

    @property
    def operations(self) -> Sequence[Operation]:
        """Every operation of the application, in an order of its own."""
        return list(self.world.operations.values())

    def _caller(self, operation: Operation) -> int:
        roles = {role.value for role in operation.policy.roles}
        fit = [n for n, tenant in enumerate(self.tenants) if tenant.role in roles]
        if not fit or self.chance.random() < UNFIT:
            return self.chance.randrange(len(self.tenants))
        return self.chance.choice(fit)

    async def _sent(self, operation: Operation, draft: Draft) -> httpx.Response | None:
        headers = [
            (name.encode(), value.encode("latin-1", "replace"))
            for name, value in draft.headers.items()
        ]
        try:
            request = self.world.http.build_request(
                draft.method, draft.url, headers=headers, content=draft.sent
            )
        except (httpx.InvalidURL, ValueError):
            return None  # No client could send it.
        self.figures.operations.add(operation.name)
        return await self.world.http.send(request)

    def _look(
        self, operation: Operation, tenant: Tenant, draft: Draft, answer: httpx.Response
    ) -> None:
        figures, status = self.figures, answer.status_code
        figures.statuses[status] += 1
        if (wrong := self._wrong(draft, answer)) is not None:
            told = f"{status} {wrong}: {draft.method} {draft.url[:200]} {draft.sent[:300]!r}"
            figures.faults.append(f"{operation.name} {tenant.role} {told}")
        if not operation.policy.public:
            sent = draft.url + draft.sent.decode(errors="replace")
            figures.foreign += foreign_in(self.world, tenant, operation, answer.text, sent)

    def _wrong(self, draft: Draft, answer: httpx.Response) -> str | None:
        """Say what is wrong with an answer as such, whatever was asked."""
        status, media = answer.status_code, answer.headers.get("content-type", "")
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return "failed"
        if status < httpx.codes.BAD_REQUEST or draft.method in BARE:
            return None
        if draft.path.startswith(OAUTH) and media.startswith("application/json"):
            return None if "error" in answer.json() else "no OAuth error"
        if not media.startswith(problems.MEDIA_TYPE):
            return f"{media}, no problem"
        told = answer.json()
        if told["status"] != status or told["code"] not in self.codes or "title" not in told:
            return f"unknown problem {told}"
        return None


class FailuresHeard:
    """Stands where the service logs what failed, and counts the causes."""

    def __init__(self, causes: "Counter[str]") -> None:
        """Count into `causes`."""
        self.causes = causes

    def error(self, _event: str, *, path: str, exc_info: Exception) -> None:
        """Count a fault by where it came from."""
        trace = exc_info.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        at = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
        self.causes[f"{path} {type(exc_info).__name__} {str(exc_info)[:160]!r} {at}"] += 1

    def warning(self, event: str, **said: Any) -> None:
        """Count what the database could not do."""
        self.causes[f"{event} {said}"] += 1


async def fuzz(
    server: postgres.Server,
    template: str,
    folder: Path,
    *,
    requests: int,
    seed: int,
    figures: Figures,
) -> None:
    """Send one part of the requests to a database of its own."""
    chance = random.Random(seed)
    async with AsyncExitStack() as stack:
        heard: Any = FailuresHeard(figures.causes)
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(problems, "log", heard)
        await stack.enter_async_context(only_finding())
        world = await stack.enter_async_context(opened(server, template, folder, pool=AT_ONCE))
        codes = frozenset(told["code"] for told in problems.catalogue())
        going = Fuzz(world, await tenants_of(world), chance, figures, codes)
        todo = iter(range(requests))
        await asyncio.gather(*(going.worker(todo) for _ in range(AT_ONCE)))


async def campaign(folder: Path, requests: int, seed: int, tell: Callable[[str], None]) -> Figures:
    """Send so many requests to a cluster of our own, in parts."""
    server, figures = await own_cluster(folder), Figures()
    chance = random.Random(seed)
    while figures.requests < requests:
        part = min(PART, requests - figures.requests)
        (made := folder / uuid.uuid4().hex).mkdir()
        await fuzz(
            server,
            NAME,
            made,
            requests=part,
            seed=chance.getrandbits(32),
            figures=figures,
        )
        tell(f"{figures.requests} of {requests} requests, {len(figures.faults)} faults")
    return figures


@click.command()
@click.option("--requests", type=click.IntRange(1), default=10_000, show_default=True)
@click.option("--seed", type=int, default=None, help="Of what is drawn; told in any case.")
def main(requests: int, seed: int | None) -> None:
    """Send hostile requests to every operation; no 5xx, nothing foreign, every no a problem."""
    logs.configure("CRITICAL", as_json=True)
    drawn = int.from_bytes(os.urandom(4)) if seed is None else seed
    sys.stdout.write(f"seed          {drawn}\n")

    def tell(line: str) -> None:
        sys.stderr.write(f"\r{line} ")

    with own_folder() as folder:
        figures = asyncio.run(campaign(folder, requests, drawn, tell))
    sys.stderr.write("\n")
    sys.stdout.write("\n".join(figures.lines()) + "\n")
    sys.exit(0 if figures.is_clean else 1)


if __name__ == "__main__":
    main()
