"""Pool bleed: requests of many tenants over a few connections, some cancelled at any moment.

Every house's texts bear its canary. A connection that kept a context, an answer that reached the
wrong caller or a cancelled transaction that went on would show a foreign one. ESCROW_BLEED_REQUESTS
says how many requests; `poe bleed` is the same with its own default.
"""

import asyncio
import os
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text

from service.store import postgres
from tests.fixtures.matrix import NEAR, OTHER, OWN, SIBLING, WOUND, World, opened
from tests.fixtures.operations import Operation
from tests.fixtures.tenants import Tenant, foreign_in, tenants_of

REQUESTS = int(os.environ.get("ESCROW_BLEED_REQUESTS", "500"))
AT_ONCE = 16
CANCELLED = 0.15


@dataclass
class Seen:
    """What the requests came to."""

    answered: int = 0
    cancelled: int = 0
    own: int = 0
    foreign: list[str] = field(default_factory=list)


async def test_no_request_sees_anything_of_another_tenant(
    postgres_server: postgres.Server,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder: Path = tmp_path_factory.mktemp("bleed")
    seen = Seen()

    async with opened(postgres_server, template_database, folder, pool=3) as world:
        tenants = await tenants_of(world)
        chance = random.Random(20260302)
        todo = iter(range(REQUESTS))
        await asyncio.gather(*(_worker(world, tenants, chance, todo, seen) for _ in range(AT_ONCE)))
        async with world.engine.connect() as connection:
            left = await connection.scalar(text("SELECT current_setting('escrow.journals', true)"))
    with capsys.disabled():
        told = f"{seen.answered} answered, {seen.cancelled} cancelled, {seen.own} own canaries"
        sys.stdout.write(f" {told}, {len(seen.foreign)} foreign ")

    assert not seen.foreign
    assert not left
    assert seen.answered + seen.cancelled == REQUESTS
    assert seen.own > REQUESTS / 10
    assert seen.cancelled > REQUESTS / 100


async def _worker(
    world: World, tenants: Sequence[Tenant], chance: random.Random, todo: Iterator[int], seen: Seen
) -> None:
    reads = [each for each in world.operations.values() if each.method == "GET"]
    for _ in todo:
        tenant = chance.choice(tenants)
        may = [each for each in reads if tenant.role in {role.value for role in each.policy.roles}]
        operation = chance.choice(may)
        house = world.houses[chance.choice([OWN, SIBLING, OTHER, WOUND, NEAR])]
        request = asyncio.ensure_future(world.call(operation, house, tenant.token))
        if chance.random() < CANCELLED:
            await asyncio.sleep(chance.random() * 0.02)
            request.cancel()
        try:
            answer = await request
        except asyncio.CancelledError:
            seen.cancelled += 1
            continue
        seen.answered += 1
        _look(world, tenant, operation, answer.text, seen)


def _look(world: World, tenant: Tenant, operation: Operation, answer: str, seen: Seen) -> None:
    shown = [name for name, house in world.houses.items() if house.mark in answer]
    seen.own += len(tenant.houses.intersection(shown))
    seen.foreign += foreign_in(world, tenant, operation, answer)
