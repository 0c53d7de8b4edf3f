"""Limits: GCRA in one statement, against a plain model; leases; several processes, one limit."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ledger.refusals import RateLimited
from service.identity import limits
from service.identity.limits import Ceiling, CostClass, Kind, Limiter
from tests.fixtures.databases import Database

SECOND = 1_000_000
NOON = 1_800_000_000 * SECOND


@dataclass
class Bucket:
    """The plain model: a bucket of `burst` requests that fills up at the ceiling's rate."""

    ceiling: Ceiling
    full_at_us: int = 0
    moments: list[int] = field(default_factory=list)

    def take(self, at_us: int, least: int, most: int) -> int:
        """Take what there is of `most`, nothing if less than `least`."""
        missing = max(0, self.full_at_us - at_us)
        room = (self.ceiling.burst * self.ceiling.interval_us - missing) // self.ceiling.interval_us
        granted = min(most, room)
        if granted < least:
            return 0
        self.full_at_us = at_us + missing + granted * self.ceiling.interval_us
        self.moments += [at_us] * granted
        return granted


@pytest.fixture
async def engines(database: Database) -> AsyncIterator[list[AsyncEngine]]:
    """Connect twice, as two processes do."""
    made = [create_async_engine(database.url("escrow_app"), pool_size=5) for _ in range(2)]
    yield made
    for engine in made:
        await engine.dispose()


def subject() -> str:
    """Somebody who has not asked for anything yet."""
    return f"somebody-{uuid.uuid4().hex[:12]}"


ceilings = st.builds(
    Ceiling,
    count=st.integers(1, 50),
    seconds=st.integers(1, 60),
    burst=st.integers(1, 20),
)
steps = st.lists(
    st.tuples(st.integers(0, 30 * SECOND), st.integers(1, 20), st.integers(0, 20)), max_size=25
)


@settings(max_examples=25, deadline=None)
@given(ceiling=ceilings, asked=steps)
def test_the_statement_grants_what_a_bucket_that_fills_up_would(
    database: Database, ceiling: Ceiling, asked: list[tuple[int, int, int]]
) -> None:
    async def both() -> tuple[list[int], list[int], Bucket]:
        model, at_us, name = Bucket(ceiling), NOON, subject()
        granted, expected = [], []
        engine = create_async_engine(database.url("escrow_app"))
        async with engine.begin() as connection:
            for later_us, wanted, more in asked:
                at_us += later_us
                least = min(wanted, ceiling.burst)
                most = min(least + more, ceiling.burst)
                taken = await limits.take(
                    connection,
                    subject=name,
                    cost_class=CostClass.READ,
                    ceiling=ceiling,
                    least=least,
                    most=most,
                    at_us=at_us,
                )
                granted.append(taken.granted)
                expected.append(model.take(at_us, least, most))
                assert (taken.wait_us > 0) == (taken.granted == 0)
        await engine.dispose()
        return granted, expected, model

    granted, expected, model = asyncio.run(both())

    assert granted == expected
    for first, began in enumerate(model.moments):
        for count, ended in enumerate(model.moments[first:], start=1):
            assert count <= ceiling.burst + (ended - began) // ceiling.interval_us


async def test_what_is_refused_says_when_it_would_be_granted(engines: list[AsyncEngine]) -> None:
    ceiling = Ceiling(count=1, seconds=10, burst=2)
    values: dict[str, Any] = {
        "subject": subject(),
        "cost_class": CostClass.LOGIN,
        "ceiling": ceiling,
        "least": 1,
        "most": 1,
    }
    async with engines[0].begin() as connection:
        granted = [await limits.take(connection, at_us=NOON, **values) for _ in range(3)]
        wait_us = granted[2].wait_us
        early = await limits.take(connection, at_us=NOON + wait_us - 1, **values)
        then = await limits.take(connection, at_us=NOON + wait_us, **values)

    assert [each.granted for each in granted] == [1, 1, 0]
    assert wait_us == 10 * SECOND
    assert (early.granted, then.granted) == (0, 1)


async def test_spending_counts_at_once_and_refuses_with_the_seconds_to_wait(
    engines: list[AsyncEngine],
) -> None:
    name, ceiling = subject(), Ceiling(count=2, seconds=60, burst=2)

    async def spend() -> None:
        async with engines[0].begin() as connection:
            await limits.spend(connection, subject=name, cost_class=CostClass.CODE, ceiling=ceiling)

    await spend()
    await spend()

    with pytest.raises(RateLimited) as limited:
        await spend()
    assert limited.value.facts == {"retry_after_s": 30}


async def test_classes_and_subjects_are_counted_apart(engines: list[AsyncEngine]) -> None:
    one = {cost: Ceiling(1, 3600, 1) for cost in CostClass}
    limiter = Limiter(engines[0], {Kind.PERSON: one})
    first, second = subject(), subject()
    await limiter.spend(subject=first, kind=Kind.PERSON, cost_class=CostClass.READ)

    await limiter.spend(subject=first, kind=Kind.PERSON, cost_class=CostClass.COMMAND)
    await limiter.spend(subject=second, kind=Kind.PERSON, cost_class=CostClass.READ)
    await limiter.spend(subject=first, kind=Kind.SERVICE, cost_class=CostClass.READ)

    with pytest.raises(RateLimited):
        await limiter.spend(subject=first, kind=Kind.PERSON, cost_class=CostClass.READ)


async def spent(limiter: Limiter, name: str, times: int) -> int:
    """Ask as often at once; return how often it was granted."""

    async def once() -> bool:
        try:
            await limiter.spend(subject=name, kind=Kind.SERVICE, cost_class=CostClass.COMMAND)
        except RateLimited:
            return False
        return True

    return sum(await asyncio.gather(*(once() for _ in range(times))))


@pytest.mark.parametrize("lease", [1, 7, 50])
async def test_two_processes_spend_from_one_limit(engines: list[AsyncEngine], lease: int) -> None:
    ceiling = Ceiling(count=1, seconds=3600, burst=100, lease=lease)
    limiters = [Limiter(engine, {Kind.SERVICE: {CostClass.COMMAND: ceiling}}) for engine in engines]
    name = subject()

    granted = await asyncio.gather(*(spent(limiter, name, 150) for limiter in limiters))

    assert sum(granted) == 100


async def test_a_lease_costs_one_statement_for_all_its_requests(
    engines: list[AsyncEngine],
) -> None:
    ceiling = Ceiling(count=1, seconds=3600, burst=1_000, lease=100)
    limiter = Limiter(engines[0], {Kind.SERVICE: {CostClass.COMMAND: ceiling}})
    name = subject()
    await spent(limiter, name, 1)
    await engines[0].dispose()

    async with engines[1].begin() as connection:
        before = await connection.scalar(_FREE_AT, {"subject": name})
    granted = await spent(limiter, name, 99)
    async with engines[1].begin() as connection:
        after = await connection.scalar(_FREE_AT, {"subject": name})

    assert (granted, after) == (99, before)


async def test_limits_that_are_whole_again_are_cleared_away(engines: list[AsyncEngine]) -> None:
    past, ahead = subject(), subject()
    ceiling = Ceiling(count=1, seconds=3600, burst=1)
    async with engines[0].begin() as connection:
        for name, at_us in ((past, NOON - 10**15), (ahead, None)):
            await limits.take(
                connection,
                subject=name,
                cost_class=CostClass.READ,
                ceiling=ceiling,
                least=1,
                most=1,
                at_us=at_us,
            )

        await connection.execute(limits.CLEAR)

        assert await connection.scalar(_FREE_AT, {"subject": past}) is None
        assert await connection.scalar(_FREE_AT, {"subject": ahead}) is not None


def test_a_ceiling_that_lets_nothing_through_is_refused() -> None:
    with pytest.raises(ValueError, match="ceiling"):
        Ceiling(count=0, seconds=60, burst=1)
    with pytest.raises(ValueError, match="ceiling"):
        Ceiling(count=1, seconds=60, burst=1, lease=2)


_FREE_AT = text("SELECT free_at_us FROM escrow.limit_state WHERE subject = :subject")
