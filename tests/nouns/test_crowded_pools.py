"""A pool whose every connection is held: commands are put off in time, and do nothing by halves."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from service.launch import engine_of
from tests.fixtures.academies import Academy
from tests.fixtures.beside import served_by, through
from tests.fixtures.databases import Database
from tests.fixtures.vaults import sealing

CONNECTIONS = 2
WAITS_S = 1
PATIENT_S = 60
AT_ONCE = 20


@pytest.fixture
async def narrow(database: Database, request: pytest.FixtureRequest) -> AsyncIterator[AsyncEngine]:
    """An engine of two connections, for which nobody waits longer than so many seconds."""
    engine = create_async_engine(
        database.url("escrow_app"),
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=request.param,
    )
    yield sealing(engine)
    await engine.dispose()


def receipt_of(academy: Academy) -> dict[str, str]:
    """Write a receipt as the bank would report it."""
    return {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": f"R-{next(academy.numbers)}",
        "amount": "3.00",
        "book_on": "2026-03-01",
        "value_on": "2026-03-01",
    }


@pytest.mark.parametrize("narrow", [WAITS_S], indirect=True)
async def test_while_every_connection_is_held_a_command_is_put_off_in_time_and_whole(
    academy: Academy, narrow: AsyncEngine
) -> None:
    body, bank = receipt_of(academy), academy.district.banks["ICBC"]
    async with served_by(narrow) as service:
        async with AsyncExitStack() as holding:
            for _ in range(CONNECTIONS):
                held = await holding.enter_async_context(narrow.connect())
                await held.execute(text("SELECT 1"))
            began = time.monotonic()
            put_off = await service.post("/v1/receipts", bank, body, key="crowded")
            ready = await service.http.get("/health/ready")
            alive = await service.http.get("/health/live")
            took = time.monotonic() - began
        stood = await academy.district.count("escrow.bank_entry")
        done = await service.post("/v1/receipts", bank, body, key="crowded")
        healthy = await service.http.get("/health/ready")

    assert (put_off.status_code, put_off.json()["code"]) == (503, "busy")
    assert int(put_off.headers["retry-after"]) >= 1
    assert took < 30 * WAITS_S
    assert (ready.status_code, alive.status_code) == (503, 200)
    assert stood == 0
    assert (done.status_code, healthy.status_code) == (201, 200), done.text
    assert await academy.district.count("escrow.bank_entry") == 1


@pytest.mark.parametrize("narrow", [PATIENT_S], indirect=True)
async def test_many_commands_at_once_share_few_connections(
    academy: Academy, narrow: AsyncEngine
) -> None:
    # Would one need a second connection while it holds the first, all would wait for each other.
    async with served_by(narrow) as service:
        beside = through(academy, service)
        bank = academy.district.banks["ICBC"]
        enrolling = [asyncio.create_task(beside.opened()) for _ in range(AT_ONCE)]
        answers = await asyncio.gather(
            *(service.post("/v1/receipts", bank, receipt_of(academy)) for _ in range(AT_ONCE))
        )
        await asyncio.gather(*enrolling)

    assert {answer.status_code for answer in answers} == {201}
    assert await academy.district.count("escrow.bank_entry") == AT_ONCE
    assert await academy.district.count("escrow.enrolment") == AT_ONCE


async def test_the_service_waits_for_a_connection_for_ten_seconds_at_most(
    database: Database,
) -> None:
    engine = engine_of(database.url("escrow_app"), pool_size=CONNECTIONS)

    pool = engine.pool

    assert isinstance(pool, QueuePool)
    assert (pool.size(), pool.timeout()) == (CONNECTIONS, 10)
    await engine.dispose()
