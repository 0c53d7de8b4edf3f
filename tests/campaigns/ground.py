"""A cluster of a campaign's own, which may be killed: started, migrated and seeded."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
from sqlalchemy.ext.asyncio import create_async_engine

from service import launch
from service.store import migrate, postgres
from service.store.transact import Store
from tests.fixtures.databases import Database, data_of
from tests.fixtures.service import Service, open_district
from tests.fixtures.started import Machine
from tests.fixtures.vaults import sealing

NAME = "escrow"
DIES_WITHIN_S = 10
TOKENS_LAST = timedelta(days=2)
"""Longer than any campaign: who is who in it is not what it is about."""


async def own_cluster(folder: Path) -> postgres.Server:
    """Start the cluster in a folder, or start it again after a kill."""
    data = data_of(folder)
    fresh = not (data / "PG_VERSION").exists()
    server = await asyncio.to_thread(postgres.start, data)
    if fresh:
        await migrate.ensure_database(server.url("postgres", postgres.SUPERUSER), NAME)
        await migrate.upgrade(server.url(NAME, postgres.SUPERUSER))
        await launch.seed(launch.Database(server.url(NAME, launch.APP_ROLE), None))
    return server


@asynccontextmanager
async def own_machine(folder: Path) -> AsyncIterator[Machine]:
    """Give a machine on a cluster of its own in a folder, with a district opened directly.

    What it serves with is killed at the end.
    """
    database = Database(await own_cluster(folder), NAME)
    engine = sealing(create_async_engine(database.url(launch.APP_ROLE)))
    async with httpx.AsyncClient() as nobody:
        direct = Service(engine, Store(engine), nobody, tokens_last=TOKENS_LAST)
        try:
            machine = Machine(database, folder, await open_district(direct))
            try:
                yield machine
            finally:
                for each in machine.servings:
                    if each.popen.poll() is None:
                        each.kill()
        finally:
            await engine.dispose()


@contextmanager
def own_folder() -> Iterator[Path]:
    """Make a folder for a cluster; both are gone at the end."""
    with tempfile.TemporaryDirectory(prefix="escrow-crash-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o755)  # As root, the account that runs PostgreSQL has to get in.
        try:
            yield folder
        finally:
            if (server := postgres.running(data_of(folder))) is not None:
                postgres.stop(server, "immediate")


async def died(pid: int) -> None:
    """Wait until a process that was killed is dead: until then it may still answer."""
    async with asyncio.timeout(DIES_WITHIN_S):
        while is_alive(pid):  # noqa: ASYNC110 - nobody tells of the death of what is no child
            await asyncio.sleep(0.005)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs: one that was killed and waits to be reaped does not."""
    try:
        state = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in {"Z", "X"}
