"""A proxy between the store and PostgreSQL that loses the connection around COMMIT.

It reads the client's messages of the frontend protocol and acts exactly on the one that commits:
dropped before it or in the middle of it, nothing was committed; dropped once it had gone,
everything was, whatever the client heard of it.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from typing import Self

from service.store import postgres

_PREFACE = 4
_SIMPLE_QUERY, _COMMIT = b"Q", b"COMMIT"
_CANCEL = (80_877_102).to_bytes(4)
_WARNING = b"".join(
    (
        b"SWARNING\0VWARNING\0C01000\0",
        b"Mcanceling wait for synchronous replication due to user request\0\0",
    )
)


class Loss(StrEnum):
    """When the next connection that commits is lost."""

    NEVER = "never"
    BEFORE = "before the server saw it"
    HALF = "in the middle of it, on its way to the server"
    DURING = "while the server was at it"
    AFTER = "after the server did it"
    SILENT = "not at all, but the server is never heard of again"
    WARNED = "not at all, but the server warns that it may not be kept"
    KILLED = "the server's process was killed before it saw it"


_CUT_AT = {Loss.BEFORE: 0, Loss.HALF: 7, Loss.DURING: None}
"""How many bytes of the message still go through before the connection is lost; None is all."""


class CommitProxy:
    """Listens where a PostgreSQL server would, and passes everything on but what it must lose."""

    def __init__(self, upstream: Path) -> None:
        """Pass on to the server behind this socket."""
        self.loss = Loss.NEVER
        self.lost = 0
        self.cancels = 0
        """Requests to cancel a statement that came on a connection of their own."""
        self.kill: Callable[[], Awaitable[None]] | None = None
        """Kills the server's process that is about to commit."""
        self._upstream = upstream
        self._running: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def before(cls, server: postgres.Server, folder: Path) -> AsyncIterator[Self]:
        """Stand before a server, in a socket of its own folder."""
        name = f".s.PGSQL.{server.port}"
        proxy = cls(server.socket / name)
        listening = await asyncio.start_unix_server(proxy._accept, folder / name)
        try:
            yield proxy
        finally:
            listening.close()
            for task in proxy._running:
                task.cancel()
            await asyncio.gather(*proxy._running, return_exceptions=True)
            await listening.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_unix_connection(self._upstream)
        back = asyncio.create_task(self._back(behind_reader, writer))
        try:
            await self._forth(reader, behind_reader, behind_writer, writer, back)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            back.cancel()
            for end in (writer, behind_writer):
                end.transport.abort()

    async def _forth(
        self,
        reader: asyncio.StreamReader,
        behind_reader: asyncio.StreamReader,
        behind: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
        back: asyncio.Task[None],
    ) -> None:
        """Pass on the client's messages until the one at which the connection is to be lost."""
        length = await reader.readexactly(_PREFACE)
        opening = await reader.readexactly(int.from_bytes(length) - _PREFACE)
        self.cancels += opening.startswith(_CANCEL)
        behind.write(length + opening)
        while True:
            kind, length = await reader.readexactly(1), await reader.readexactly(_PREFACE)
            body = await reader.readexactly(int.from_bytes(length) - _PREFACE)
            commits = kind == _SIMPLE_QUERY and body.upper().startswith(_COMMIT)
            loss = self.loss if commits else Loss.NEVER
            if loss is not Loss.NEVER:
                self._note()
            if loss in _CUT_AT:
                behind.write((kind + length + body)[: _CUT_AT[loss]])
                await behind.drain()
                return
            if loss in {Loss.AFTER, Loss.SILENT}:
                back.cancel()
                await asyncio.gather(back, return_exceptions=True)
                behind.write(kind + length + body)
                await behind_reader.readexactly(1)  # the server has answered, so it is done
                if loss is Loss.SILENT:
                    await reader.read()  # until the client has had enough
                return
            if loss is Loss.KILLED:
                assert self.kill is not None, "somebody has to kill it"
                await self.kill()
            if loss is Loss.WARNED:
                client.write(b"N" + (len(_WARNING) + _PREFACE).to_bytes(4) + _WARNING)
            behind.write(kind + length + body)
            await behind.drain()

    def _note(self) -> None:
        self.loss = Loss.NEVER
        self.lost += 1

    @staticmethod
    async def _back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A server that ends with messages of ours unread resets the connection (ECONNRESET); the
        # client must see that end too, or it waits for ever.
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()
