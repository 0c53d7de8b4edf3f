"""Many who only keep the service busy: what others notice of it, and what memory it takes."""

import asyncio
import resource
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.fixtures.started import Machine, Serving

IDLE = 3_000
MEBIBYTE = 1024 * 1024


def resident(serving: Serving) -> int:
    """Return the bytes of memory that a process has."""
    assert isinstance(serving.popen, subprocess.Popen)
    statm = Path("/proc", str(serving.popen.pid), "statm")
    return int(statm.read_text().split()[1]) * resource.getpagesize()


@asynccontextmanager
async def served(machine: Machine) -> AsyncIterator[tuple[Serving, str]]:
    """Start a service that may have as many connections as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * IDLE:
        pytest.skip(f"only {hard} open files are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2 * IDLE), hard))
    serving = machine.start(workless=True)
    yield serving, await serving.address()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def asked(address: str, token: str, times: int) -> tuple[set[int], float]:
    """Read as somebody else, each time over a new connection: the statuses, the slowest answer."""
    statuses, slowest = set(), 0.0
    for _ in range(times):
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            since = time.monotonic()
            answer = await client.get(
                "/v1/institutions", headers={"Authorization": f"Bearer {token}"}
            )
            slowest = max(slowest, time.monotonic() - since)
            statuses.add(answer.status_code)
    return statuses, slowest


def head(token: str, length: int) -> bytes:
    """Write the head of a command whose body is so long."""
    return (
        "POST /v1/restraints HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {token}\r\nidempotency-key: crowd\r\n"
        f"content-length: {length}\r\n\r\n"
    ).encode()


@pytest.mark.timeout(300)
async def test_thousands_of_idle_connections_keep_nobody_out(machine: Machine) -> None:
    async with served(machine) as (serving, address):
        await asked(address, machine.district.regulator, 3)
        before = resident(serving)
        host, port = address.removeprefix("http://").split(":")
        idle = [await asyncio.open_connection(host, int(port)) for _ in range(IDLE)]

        statuses, slowest = await asked(address, machine.district.regulator, 30)

        grown = resident(serving) - before
        for _, writer in idle:
            writer.close()

    assert statuses == {200}
    assert slowest < 20
    assert grown < 100 * MEBIBYTE


@pytest.mark.timeout(300)
async def test_slow_and_oversized_bodies_keep_nobody_out(machine: Machine) -> None:
    token = machine.district.regulator
    async with served(machine) as (serving, address):
        await asked(address, token, 3)
        before = resident(serving)
        host, port = address.removeprefix("http://").split(":")
        slow = [await asyncio.open_connection(host, int(port)) for _ in range(300)]
        for _, writer in slow:
            writer.write(head(token, 60_000) + b'{"cause": "')
        large = [await asyncio.open_connection(host, int(port)) for _ in range(20)]
        for _, writer in large:
            writer.write(head(token, 100 * MEBIBYTE) + b"[" * MEBIBYTE)

        statuses, slowest = await asked(address, token, 30)
        refused = [await asyncio.wait_for(reader.readline(), 60) for reader, _ in large]

        grown = resident(serving) - before
        for _, writer in (*slow, *large):
            writer.close()

    assert statuses == {200}
    assert slowest < 20
    assert {line.split()[1] for line in refused} == {b"413"}
    assert grown < 100 * MEBIBYTE
