"""Histories of concurrent clients against two processes, judged; and the judge, by its mutants."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from service.store import postgres
from service.store.transact import Store
from service.verify.report import Status
from tests.campaigns.history import PROCESSES, Figures, recorded
from tests.campaigns.history_checker import check
from tests.campaigns.history_mutants import MUTANTS, Mutant
from tests.campaigns.recorded import History
from tests.campaigns.wire import PATIENCE_S, Wire
from tests.fixtures import databases
from tests.fixtures.service import Service, open_district
from tests.fixtures.started import Machine
from tests.fixtures.vaults import sealing

OPERATIONS = 400
SEED = 20260302
TRIES = 5
"""How often a mutant is made of the same history, each time elsewhere."""

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
async def ground(
    postgres_server: postgres.Server,
    template_database: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Machine, History]]:
    """Record one history, of a database of its own."""
    database = await databases.clone(postgres_server, template_database)
    engine = sealing(create_async_engine(database.url("escrow_app")))
    folder: Path = tmp_path_factory.mktemp("history")
    async with AsyncExitStack() as stack:
        nobody = await stack.enter_async_context(httpx.AsyncClient())
        district = await open_district(Service(engine, Store(engine), nobody))
        machine = Machine(database, folder, district)
        for _ in range(PROCESSES):
            machine.start(workless=True)
        addresses = [await process.address() for process in machine.servings]
        line = httpx.AsyncClient(base_url=addresses[0], timeout=PATIENCE_S)
        await stack.enter_async_context(line)
        wires = [await stack.enter_async_context(Wire(each)) for each in addresses]
        history, _ = await recorded(machine, line, wires, operations=OPERATIONS, seed=SEED)
        yield machine, history
    for process in machine.servings:
        process.kill()
    await engine.dispose()
    await databases.drop(database)


@pytest.fixture(scope="module")
def history(ground: tuple[Machine, History]) -> History:
    """What was recorded."""
    return ground[1]


async def test_concurrent_clients_are_told_what_one_thread_would_tell_them(
    ground: tuple[Machine, History],
) -> None:
    machine, history = ground

    report = await machine.verified()

    assert len(history.calls) >= OPERATIONS
    assert [str(anomaly) for anomaly in check(history)] == []
    assert report.status is Status.CLEAN, report.as_json()


def test_a_campaign_that_recorded_nothing_is_not_clean() -> None:
    assert not Figures(histories=1, verified=Status.CLEAN).is_clean
    assert Figures(histories=1, calls=1, verified=Status.CLEAN).is_clean


def test_the_history_has_what_could_go_wrong(history: History) -> None:
    codes = {deed.code for call in history.calls for deed in call.deeds}

    assert codes >= {"done", "duplicate", "wrong_state", "enrolment_not_paid"}
    assert {call.process for call in history.calls} == {0, 1}
    assert any(call.replayed for call in history.calls)
    assert sum(1 for _ in history.reads()) > OPERATIONS // 20


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_whatever_is_done_to_a_history_is_found(history: History, mutant: Mutant) -> None:
    for number in range(TRIES):
        changed = mutant(history, random.Random(number))

        faults = {anomaly.fault for anomaly in check(changed)}

        assert faults & MUTANTS[mutant], (mutant.__name__, number, faults)
