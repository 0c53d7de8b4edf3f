"""Where it is measured: a fresh database, the service as its users run it, and the references."""

import asyncio
import os
import platform
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
import httpx
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from service.demo.server import Ground, Server, prepare
from service.settings import Settings
from service.store.transact import Store
from service.store.vault_rows import with_vault
from service.vault_opening import load
from service.verify import Report, verify
from tests.fixtures.service import Service

DURABLE: Final = ("fsync", "synchronous_commit", "full_page_writes")
PATIENCE: Final = httpx.Timeout(120)


class NotDurable(RuntimeError):  # noqa: N818 - says why nothing is measured
    """A server that may lose what it acknowledged is no subject of a measurement."""


@dataclass
class Bench:
    """Everything a measurement needs."""

    ground: Ground
    address: str
    empty: str
    service: Service
    admin: Any
    size: int
    rounds: int

    @property
    def engine(self) -> AsyncEngine:
        """Connections as the application role."""
        return self.service.engine

    @property
    def store(self) -> Store:
        """The store in this process, for what no route carries out."""
        return self.service.store

    async def verified(self) -> Report:
        """Verify every journal, as the auditor."""
        return await verify(self.ground.audit_url)


@asynccontextmanager
async def opened(size: int, rounds: int) -> AsyncIterator[Bench]:
    """Open a fresh database with the service running on it; tidy up at the end."""
    ground = await asyncio.to_thread(prepare, Settings(bank_tokens=True))
    server = await asyncio.to_thread(Server.start, ground)
    empty = await asyncio.to_thread(_empty)
    try:
        assert empty.stdout is not None
        where = (await asyncio.to_thread(empty.stdout.readline)).split()[1]
        vault = load(ground.settings, ground.found)
        engine = with_vault(create_async_engine(ground.found.url, pool_size=10), vault)
        admin = await connect(ground.found.admin_url or ground.found.url)
        async with httpx.AsyncClient(base_url=server.address, timeout=PATIENCE) as client:
            service = Service(engine, Store(engine), client)
            yield Bench(ground, server.address, where, service, admin, size, rounds)
        await admin.close()
        await engine.dispose()
    finally:
        empty.terminate()
        empty.wait()
        server.stop()
        await asyncio.to_thread(ground.leave)


def _empty() -> subprocess.Popen[str]:
    """Start the reference of single requests."""
    command = [sys.executable, "-m", "tests.benchmarks.empty"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def connect(url: str) -> Any:
    """Connect to a SQLAlchemy address by the driver alone."""
    plain = make_url(url).set(drivername="postgresql")
    return await asyncpg.connect(plain.render_as_string(hide_password=False))


async def settings_of(admin: Any) -> dict[str, str]:
    """Read the durable settings and the version; raises `NotDurable`."""
    found = {name: await admin.fetchval(f"SHOW {name}") for name in DURABLE}
    if set(found.values()) != {"on"}:
        raise NotDurable(f"not every write is kept: {found}")
    return found | {"server_version": await admin.fetchval("SHOW server_version")}


def machine() -> dict[str, Any]:
    """Name the machine and how busy it is."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as listed:  # noqa: PTH123
        named = [line.split(":", 1)[1].strip() for line in listed if line.startswith("model name")]
    return named[0] if named else platform.processor()
