"""The trail of what happens in no journal, each row awaited, many of them in one transaction.

Whoever notes something waits until it is committed; what comes meanwhile goes together next.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import audit
from service.store.audit import Attempt, Noted

TOGETHER_MAX: Final = 500
_TIMEOUTS: Final = text(
    "SELECT set_config('statement_timeout', '10s', true), set_config('lock_timeout', '5s', true)"
)

_Waiting = tuple[Sequence[Noted], "asyncio.Future[None]"]


class Trail:
    """Chain 0 of the audit trail, as one process writes it."""

    def __init__(self, writing: Callable[[], AbstractAsyncContextManager[AsyncConnection]]) -> None:
        """Write in transactions that `writing` opens, as the application role."""
        self._writing = writing
        self._waiting: deque[_Waiting] = deque()
        self._running: asyncio.Task[None] | None = None

    async def note(self, *noted: Noted) -> None:
        """Record these rows; when it returns they are committed. Raises what the database does."""
        if not noted:
            return
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((noted, done))
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().create_task(self._run())
        await asyncio.shield(done)

    async def record_read(
        self,
        caller_id: str,
        attempt: Attempt,
        *,
        purpose: str,
        subjects: Sequence[str],
        journal: int | None = None,
    ) -> None:
        """Record that personal data of these subjects (public ids) are read, before they are."""
        await self.note(
            *audit.readings(caller_id, attempt, purpose=purpose, subjects=subjects, journal=journal)
        )

    async def drain(self) -> None:
        """Wait until everything that was noted is recorded."""
        while self._running is not None and not self._running.done():
            await asyncio.wait([self._running])

    async def _run(self) -> None:
        while self._waiting:
            taken = [self._waiting.popleft()]
            count = len(taken[0][0])
            while self._waiting and count + len(self._waiting[0][0]) <= TOGETHER_MAX:
                taken.append(self._waiting.popleft())
                count += len(taken[-1][0])
            await self._record(taken)

    async def _record(self, taken: Sequence[_Waiting]) -> None:
        try:
            async with self._writing() as connection:
                await connection.execute(_TIMEOUTS)
                await audit.append_apart(connection, [each for many, _ in taken for each in many])
        except BaseException as error:
            for _, done in taken:
                if not done.done():
                    done.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for _, done in taken:
            if not done.done():
                done.set_result(None)
