"""A standby that never answers: a COMMIT that waits for it is unknown, and so is one cancelled.

PostgreSQL has committed by then. Cancelled in its wait it answers as if all were well, but for a
warning: told as done, it could be lost with the primary.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from ledger.refusals import OutcomeUnknown
from service.store.transact import Store
from tests.campaigns.ground import NAME, own_cluster, own_folder
from tests.fixtures.databases import Database
from tests.fixtures.service import Service
from tests.fixtures.store import Books, key_of, open_books
from tests.fixtures.vaults import sealing

WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
CANCEL = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@dataclass
class Primary:
    """A cluster whose settings are this test's alone, with a school's books on it."""

    books: Books
    admin: AsyncEngine

    @property
    def store(self) -> Store:
        """The store over it."""
        return self.books.district.service.store

    async def waits_for(self, standby: str) -> None:
        """Let COMMIT wait for a standby of this name, or for none."""
        async with self.admin.connect() as connection:
            setting = f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'"
            await connection.execute(text(setting))
            await connection.execute(text("SELECT pg_reload_conf()"))
            shown = text("SELECT current_setting('synchronous_standby_names')")
            async with asyncio.timeout(20):
                while await connection.scalar(shown) != standby:  # noqa: ASYNC110 - asked over
                    await asyncio.sleep(0.02)

    async def count(self, statement: str) -> int:
        """Ask until something is found; return it."""
        async with asyncio.timeout(20), self.admin.connect() as connection:
            while not (found := await connection.scalar(text(statement))):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return int(found)


@pytest.fixture(scope="module")
async def primary() -> AsyncIterator[Primary]:
    with own_folder() as folder:
        database = Database(await own_cluster(folder), NAME)
        engine = sealing(create_async_engine(database.url("escrow_app"), poolclass=NullPool))
        admin = create_async_engine(
            database.admin_url, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        async with httpx.AsyncClient() as nobody:
            yield Primary(await open_books(Service(engine, Store(engine), nobody)), admin)
        await engine.dispose()
        await admin.dispose()


async def test_a_commit_cancelled_in_its_wait_for_the_standby_is_unknown(primary: Primary) -> None:
    books, key = primary.books, key_of("cancelled")
    fact = books.top_up("3.00")
    await primary.waits_for("ghost")

    receiving = asyncio.create_task(books.receive(fact, key=key))
    cancelled = await primary.count(CANCEL)
    with pytest.raises(OutcomeUnknown):
        await receiving
    await primary.waits_for("")
    truth = await books.receive(fact, key=key)

    assert cancelled == 1
    assert truth.replayed


async def test_a_commit_that_waits_too_long_for_the_standby_is_unknown_and_goes_on_waiting(
    primary: Primary,
) -> None:
    books, key = primary.books, key_of("waiting")
    fact, primary.store.commit_within_s = books.top_up("4.00"), 1
    await primary.waits_for("ghost")

    with pytest.raises(OutcomeUnknown):
        await books.receive(fact, key=key)
    still = await primary.count(WAITING)
    await primary.waits_for("")
    primary.store.commit_within_s = 30
    truth = await books.receive(fact, key=key)

    assert still > 0
    assert truth.replayed
