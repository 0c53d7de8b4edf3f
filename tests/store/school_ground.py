"""What all the schools of one database share: one loop, one engine, and counts of what was asked.

An engine keeps its compiled statements and its connections their plans, so that a history costs
what its commands cost and no beginning of its own.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, Self, TypeVar

import httpx
import uvloop
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from service.store.transact import Store
from tests.fixtures.databases import Database
from tests.fixtures.service import Service
from tests.fixtures.vaults import sealing

T = TypeVar("T")


class Ground:
    """One database, and everything that is done on it."""

    def __init__(self, database: Database) -> None:
        """Connect to a database that nobody else writes to."""
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._stack = AsyncExitStack()
        quick = {"server_settings": {"synchronous_commit": "off"}}
        self._engine = sealing(
            create_async_engine(database.url("escrow_app"), pool_size=2, connect_args=quick)
        )
        self._looking = create_async_engine(database.admin_url, isolation_level="AUTOCOMMIT")
        self.service, self.looking = self.run(self._opened())
        self.steps = 0
        self.answers: Counter[str] = Counter()
        """What became of the commands that both were asked."""
        self.transactions = 0
        self.histories = 0
        self.wholes = 0
        """How often every balance was compared."""

    def __enter__(self) -> Self:
        """Use it."""
        return self

    def __exit__(self, *_raised: object) -> None:
        """Let go of the database."""
        self.run(self._stack.aclose())
        self.run(self._engine.dispose())
        self.run(self._looking.dispose())
        self._runner.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something asynchronous."""
        return self._runner.run(work)

    async def _opened(self) -> tuple[Service, AsyncConnection]:
        http = await self._stack.enter_async_context(httpx.AsyncClient())
        looking = await self._stack.enter_async_context(self._looking.connect())
        return Service(self._engine, Store(self._engine), http), looking
