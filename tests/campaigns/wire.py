"""A way to one process of the service that costs its callers next to nothing.

Campaigns share their cores with what they ask: a client library would take a fourth of them. One
request is on a connection at a time; connections are kept, and let go before the service does.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import urlsplit

_END: Final = b"\r\n\r\n"
_KEPT_S: Final = 1.0
"""The service hangs up after some seconds of silence, and would not say whether it had heard."""
PATIENCE_S: Final = 60
_LIMIT: Final = 16 * 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    """By their names in small letters."""
    content: bytes

    def json(self) -> Any:
        """Read it."""
        return json.loads(self.content)


@dataclass
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    since: float = 0


@dataclass
class Wire:
    """Every connection to one process."""

    address: str
    patience_s: float = PATIENCE_S
    _idle: list[_Connection] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        """Use it; it connects when it is asked."""
        return self

    async def __aexit__(self, *_raised: object) -> None:
        """Hang up."""
        for each in self._idle:
            each.writer.close()

    async def request(
        self, method: str, path: str, *, body: Any, headers: Mapping[str, str]
    ) -> Answer:
        """Send a request, with a body as JSON where there is one, and wait for the answer."""
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(self.address).netloc}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if method != "GET":
            lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
        async with asyncio.timeout(self.patience_s):
            connection = await self._free()
            connection.writer.write("\r\n".join(lines).encode() + _END + content)
            answer = await _read(connection.reader)
        connection.since = time.monotonic()
        self._idle.append(connection)
        return answer

    async def _free(self) -> _Connection:
        """Return the connection that was used last, or a new one."""
        while self._idle:
            connection = self._idle.pop()
            if time.monotonic() - connection.since < _KEPT_S:
                return connection
            connection.writer.close()
        parts = urlsplit(self.address)
        return _Connection(*await asyncio.open_connection(parts.hostname, parts.port, limit=_LIMIT))


async def _read(reader: asyncio.StreamReader) -> Answer:
    status, *lines = (await reader.readuntil(_END)).decode("latin-1").rstrip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    content = await reader.readexactly(int(headers["content-length"]))
    return Answer(int(status.split()[1]), headers, content)
