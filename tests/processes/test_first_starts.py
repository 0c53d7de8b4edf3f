"""Processes that are started together on a database that is not there yet."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from service.identity.service_keys import make_signing_key
from service.resolution.sealing import make_keys
from service.store import postgres
from tests.fixtures.databases import Database, drop
from tests.fixtures.started import Serving, spawned
from tests.fixtures.vaults import key_folder


@pytest.fixture
def unmade(postgres_server: postgres.Server) -> Iterator[Database]:
    """Name a database that nobody has made."""
    named = Database(postgres_server, f"escrow_{uuid.uuid4().hex[:12]}")
    yield named
    asyncio.run(drop(named))


@pytest.mark.timeout(240)
async def test_services_and_a_worker_started_together_on_nothing_all_come_up(
    unmade: Database, tmp_path: Path
) -> None:
    make_keys(tmp_path / "packs")
    make_signing_key(tmp_path / "answers")
    environment = {
        "ESCROW_DATA": str(unmade.server.data),
        "ESCROW_DATABASE": unmade.name,
        "ESCROW_KEYS": str(key_folder(tmp_path / "vault")),
        "ESCROW_PACK_KEYS": str(tmp_path / "packs"),
        "ESCROW_SIGNING_KEYS": str(tmp_path / "answers"),
        "ESCROW_HEADS": str(tmp_path / "heads.json"),
        "ESCROW_LOG_LEVEL": "WARNING",
    }

    def started(name: str, *command: str) -> Serving:
        output = tmp_path / f"{name}.txt"
        return Serving(spawned(list(command), environment, output), output)

    services = [started(f"serve-{n}", "serve", "--port", "0", "--workless") for n in range(3)]
    worker = started("worker", "worker", "--once")
    try:
        addresses = [await service.address() for service in services]
        worked = await worker.ended()
    finally:
        for process in (*services, worker):
            if process.popen.poll() is None:
                process.kill()

    assert len(set(addresses)) == 3
    assert worked == 0, worker.said
    engine = create_async_engine(unmade.admin_url)
    async with engine.connect() as connection:
        generations = await connection.scalars(text("SELECT generation FROM pii.vault_key"))
        assert generations.all() == [1]
    await engine.dispose()


async def test_databases_of_one_cluster_are_brought_up_together(
    unmade: Database, tmp_path: Path
) -> None:
    other = Database(unmade.server, f"{unmade.name}_other")
    begun = []
    for number, name in enumerate([unmade.name, other.name] * 2):
        environment = {"ESCROW_DATA": str(unmade.server.data), "ESCROW_DATABASE": name}
        output = tmp_path / f"migrate-{number}.txt"
        begun.append(Serving(spawned(["migrate"], environment, output), output))
    try:
        ended = [await process.ended() for process in begun]
    finally:
        await drop(other)

    assert ended == [0] * 4, "\n".join(process.said for process in begun)
