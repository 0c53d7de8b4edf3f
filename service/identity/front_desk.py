"""The front desk: whose tokens they are, asked for all who come at once in one statement.

Who comes while the last were looked up waits for the next look-up, which begins after it came: a
token that was revoked before is refused. Nothing is remembered from one look-up to the next.
"""

import asyncio

from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.refusals import NotAuthenticated
from service.identity import tokens
from service.identity.callers import Caller


class FrontDesk:
    """Finds the callers of bearer tokens, as one process does."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Use an engine whose connections commit each statement by itself."""
        self._engine = engine
        self._waiting: dict[bytes, asyncio.Future[Caller]] = {}
        self._running: asyncio.Task[None] | None = None

    async def caller_of(self, token: str) -> Caller:
        """Return the caller a token belongs to; raises `NotAuthenticated`."""
        if not token.startswith(tokens.PREFIX):
            raise NotAuthenticated
        hashed = tokens.digest(token)
        found = self._waiting.get(hashed)
        if found is None:
            found = self._waiting[hashed] = asyncio.get_running_loop().create_future()
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().create_task(self._run())
        return await asyncio.shield(found)

    async def _run(self) -> None:
        while self._waiting:
            asked, self._waiting = self._waiting, {}
            try:
                async with self._engine.connect() as connection:
                    callers = await tokens.callers_of(connection, list(asked))
            except BaseException as error:
                for future in asked.values():
                    _tell(future, error)
                if not isinstance(error, Exception):
                    raise
                continue
            for hashed, future in asked.items():
                _tell(future, callers.get(hashed) or NotAuthenticated())


def _tell(future: "asyncio.Future[Caller]", result: Caller | BaseException) -> None:
    """Let all who wait know; whoever has gone away is no fault."""
    if future.done():
        return
    if isinstance(result, Caller):
        future.set_result(result)
    elif isinstance(result, Exception):
        future.set_exception(result)
        future.exception()
    else:
        future.cancel()
