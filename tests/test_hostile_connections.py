"""Hostile connections: smuggled requests, idle and slow clients (fault 61)."""

import asyncio
import resource
import time
from typing import ClassVar

import httpx
import pytest

from service.web.connections import BoundedConnection
from tests.test_request_limits import answered, hello, served

SMUGGLED = (
    b"POST / HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde",
    b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\nG",
    b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n-1\r\nG",
    b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +5\r\n\r\nabcde",
    b"GET / HTTP/1.1\r\nhost: x\r\nx: a\x00b\r\n\r\n",
    b"GET / HTTP/9.9\r\nhost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
)


@pytest.mark.parametrize("head", SMUGGLED)
async def test_a_request_that_two_servers_would_read_differently_is_refused(head: bytes) -> None:
    async with served(hello) as address:
        received = await answered(address, head, pause_s="0.01")

    assert not received or received.startswith(b"HTTP/1.1 400"), received


class Patient(BoundedConnection):
    """A connection whose first head has longer than a thousand need to connect."""

    head_within_s = 20


async def test_a_thousand_idle_connections_keep_nobody_waiting() -> None:
    async with served(hello, Patient) as address:
        host, port = address.removeprefix("http://").split(":")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        idle = [await asyncio.open_connection(host, int(port)) for _ in range(1_000)]
        async with httpx.AsyncClient(base_url=address) as client:
            began = time.monotonic()
            statuses = {(await client.get("/")).status_code for _ in range(50)}
            took = time.monotonic() - began
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        for _, writer in idle:
            writer.close()

    assert statuses == {204}
    assert took < 10
    assert grown < 100 * 1024


class Crowded(Patient):
    """A connection of a server that lets only five of them wait for their heads."""

    waiting_max = 5
    _waiting: ClassVar[dict[BoundedConnection, None]] = {}


async def test_who_only_opens_connections_closes_those_that_wait_longest() -> None:
    async with served(hello, Crowded) as address:
        host, port = address.removeprefix("http://").split(":")
        idle = [await asyncio.open_connection(host, int(port)) for _ in range(8)]
        async with httpx.AsyncClient(base_url=address) as client:
            status = (await client.get("/")).status_code
        closed = [await asyncio.wait_for(reader.read(), 10) for reader, _ in idle[:4]]
        left = len(Crowded._waiting)
        for _, writer in idle:
            writer.close()

    assert status == 204
    assert all(received.startswith(b"HTTP/1.1 408") for received in closed)
    assert left == 4


async def test_slow_clients_keep_nobody_waiting() -> None:
    async with served(hello, Patient) as address:
        host, port = address.removeprefix("http://").split(":")
        slow = [await asyncio.open_connection(host, int(port)) for _ in range(100)]
        for _ in range(5):
            for _, writer in slow:
                writer.write(b"G")
            await asyncio.sleep(0)
        async with httpx.AsyncClient(base_url=address) as client:
            statuses = {(await client.get("/")).status_code for _ in range(50)}
        for _, writer in slow:
            writer.close()

    assert statuses == {204}
