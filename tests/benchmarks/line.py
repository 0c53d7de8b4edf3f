"""A client as thin as can be: keep-alive connections that write bytes and read an answer.

It measures the service, so it must not be what is measured: no client library stands between.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, ready to be written."""

    method: str
    path: str
    token: str = "none"
    key: str = ""
    body: bytes = b""

    def written(self, host: str) -> bytes:
        """Write it as HTTP/1.1."""
        head = (
            f"{self.method} {self.path} HTTP/1.1\r\nHost: {host}\r\n"
            f"Authorization: Bearer {self.token}\r\n"
        )
        if self.method == "POST":
            head += (
                f"Idempotency-Key: {self.key}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(self.body)}\r\n"
            )
        return head.encode() + b"\r\n" + self.body


class Line:
    """One connection, used for one request after the other."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        assert parts.hostname is not None
        assert parts.port is not None
        self.host, self.port = parts.hostname, parts.port
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection(
            self.host, self.port, limit=64 * 1024 * 1024
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Hang up."""
        self._writer.close()

    async def say(self, ask: Ask) -> bytes:
        """Send a request that is to succeed; return its body."""
        self._writer.write(ask.written(self.host))
        head = (await self._reader.readuntil(_END)).decode("latin-1")
        status, *fields = head.split("\r\n")
        length = next(int(f[15:]) for f in fields if f.lower().startswith("content-length:"))
        body = await self._reader.readexactly(length)
        assert status.split()[1] in {"200", "201"}, (status, body[:500])
        return body


async def say_all(address: str, asks: Iterable[Ask], callers: int) -> tuple[float, list[float]]:
    """Send requests from so many callers at once; return the seconds in all and for each."""
    waiting, took = iter(list(asks)), list[float]()

    async def one_after_the_other(line: Line) -> None:
        for ask in waiting:
            begun = time.perf_counter()
            await line.say(ask)
            took.append(time.perf_counter() - begun)

    async with AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(Line(address)) for _ in range(callers)]
        begun = time.perf_counter()
        await asyncio.gather(*(one_after_the_other(line) for line in lines))
        return time.perf_counter() - begun, took


def posts(path: str, token: str, bodies: Sequence[bytes], run: str) -> list[Ask]:
    """Make a POST of each body, each with a key of its own."""
    return [Ask("POST", path, token, f"{run}-{n}", body) for n, body in enumerate(bodies)]
