"""Cancelled at every await there is: no connection is poisoned, and the key still tells the truth.

Each work is cancelled at its first await, then at its second, and so on until one run ends
before it is cancelled. The pool has one connection, so that whoever comes next gets that very one.
"""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ledger.refusals import OutcomeUnknown
from service.bank_entries.receive import RECEIVE
from service.store.answers import Key
from service.store.context import Context
from service.store.facts import Verdict
from service.store.transact import Request, Store, writing
from tests.fixtures.databases import Database
from tests.fixtures.store import Books, key_of
from tests.fixtures.vaults import sealing

AWAITS_MAX = 500
"""More than any work here has: a sweep that does not end is a fault of the test."""

_STATE = text(
    "SELECT coalesce(current_setting('escrow.mode', true), '') AS mode,"
    " coalesce(current_setting('escrow.journals', true), '') AS journals,"
    " pg_current_xact_id_if_assigned() AS writing, now() AS began"
)


class CancelledAt:
    """A work whose own task is cancelled at the n-th time it waits for anything."""

    def __init__(self, work: Awaitable[Any], n: int) -> None:
        """Count the awaits of `work` from 1."""
        self.work, self.n, self.was_cancelled = work, n, False

    def __await__(self) -> Generator[Any, Any, Any]:
        """Wait as the work does; the future it waits for at the n-th time is cancelled."""
        waits = self.work.__await__()
        go_on = partial(next, waits)
        for count in itertools.count(1):
            try:
                waiting = go_on()
            except StopIteration as ended:
                return ended.value
            if count == self.n:
                task = asyncio.current_task()
                assert task is not None
                self.was_cancelled = task.cancel()
            try:
                yield waiting
                go_on = partial(next, waits)
            except BaseException as error:  # noqa: BLE001 - the work's to take
                go_on = partial(waits.throw, error)
        return None


@dataclass
class Narrow:
    """A store over one single connection, and what the server says of it."""

    store: Store
    name: str
    admin: AsyncEngine

    @property
    def engine(self) -> AsyncEngine:
        """The engine with the one connection."""
        return self.store.engine

    async def sweep(self, work: Callable[[int], Awaitable[Any]]) -> int:
        """Cancel the n-th run of a work at its n-th await until one ends first; return how many."""
        for n in range(1, AWAITS_MAX):
            attempt = CancelledAt(work(n), n)
            with suppress(asyncio.CancelledError, OutcomeUnknown):
                await asyncio.create_task(_awaited(attempt))
            await self.is_clean()
            if not attempt.was_cancelled:
                return n - 1
        raise AssertionError(f"still waiting at its {AWAITS_MAX}th await")

    async def is_clean(self) -> None:
        """Make sure that the next user of the pool finds nothing of the last one."""
        alone = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        async with asyncio.timeout(20), alone.connect() as connection:
            first, second = [(await connection.execute(_STATE)).one() for _ in range(2)]
        assert (first.mode, first.journals, first.writing) == ("", "", None)
        assert first.began < second.began, "no transaction is open"

    async def left_open(self) -> int:
        """Count the server's processes of ours that hold a transaction, given time."""
        held = text(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = :name"
            " AND xact_start IS NOT NULL"
        )
        found = 1
        for _ in range(100):
            async with self.admin.connect() as connection:
                found = int(await connection.scalar(held, {"name": self.name}) or 0)
            if not found:
                break
            await asyncio.sleep(0.05)
        return found


@pytest.fixture
async def narrow(database: Database) -> AsyncIterator[Narrow]:
    name = f"cancelled-{uuid.uuid4().hex[:8]}"
    engine = create_async_engine(
        database.url("escrow_app"),
        pool_size=1,
        max_overflow=0,
        pool_timeout=10,
        connect_args={"server_settings": {"application_name": name}},
    )
    admin = create_async_engine(database.admin_url)
    yield Narrow(Store(sealing(engine)), name, admin)
    await engine.dispose()
    await admin.dispose()


async def test_a_unit_of_work_cancelled_anywhere_poisons_nothing_and_its_key_tells(
    books: Books, narrow: Narrow
) -> None:
    requests = {n: _receipt(books, f"unit-{n}") for n in range(1, AWAITS_MAX)}

    awaits = await narrow.sweep(lambda n: narrow.store._attempt([requests[n]], waiting=True))

    sent = [requests[n] for n in range(1, awaits + 2)]
    outcomes = [await narrow.store.transact(request) for request in sent]
    assert awaits > 10
    assert await narrow.left_open() == 0
    assert [outcome.verdicts[0].refusal for outcome in outcomes] == [None] * len(sent)
    assert {outcome.replayed for outcome in outcomes} == {False, True}
    assert await books.count("escrow.journal_transaction") == len(sent)
    assert await books.count("escrow.stored_answer") == len(sent)


async def test_a_caller_that_goes_away_anywhere_stops_no_unit_of_work(
    books: Books, narrow: Narrow
) -> None:
    requests = {n: _receipt(books, f"caller-{n}") for n in range(1, AWAITS_MAX)}

    awaits = await narrow.sweep(lambda n: narrow.store.transact(requests[n]))
    await narrow.store.drain()
    stood = await books.count("escrow.journal_transaction")

    assert awaits >= 1
    assert stood == awaits + 1


async def test_a_reading_cancelled_anywhere_poisons_nothing(books: Books, narrow: Narrow) -> None:
    async def read(_n: int) -> int:
        async with narrow.store.reading(Context((books.journal,))) as connection:
            counted = text("SELECT count(*) FROM escrow.institution")
            return int(await connection.scalar(counted) or 0)

    awaits = await narrow.sweep(read)

    assert awaits > 3
    assert await narrow.left_open() == 0
    assert await read(0) == 1


async def test_reference_data_cancelled_anywhere_poisons_nothing_and_its_key_tells(
    narrow: Narrow,
) -> None:
    run = uuid.uuid4().hex[:6].upper()

    def refer(n: int) -> Callable[[AsyncConnection], Awaitable[Verdict]]:
        async def add(connection: AsyncConnection) -> Verdict:
            adding = (
                "INSERT INTO escrow.bank (code, bank_id, name, name_en)"
                " VALUES (:code, gen_random_uuid(), '新银行', 'New Bank')"
            )
            await connection.execute(text(adding), {"code": f"B{run}{n}"})
            return Verdict(answer={"code": f"B{run}{n}"})

        return add

    def key(n: int) -> Key:
        return key_of(f"{run}-{n}", caller="operator")

    awaits = await narrow.sweep(
        lambda n: narrow.store._referring(refer(n), key(n), None, dry_run=False)
    )

    outcomes = [await narrow.store.refer(refer(n), key=key(n)) for n in range(1, awaits + 2)]
    assert awaits > 10
    assert await narrow.left_open() == 0
    assert {outcome.replayed for outcome in outcomes} == {False, True}
    async with narrow.engine.connect() as connection:
        stood = await connection.scalar(
            text("SELECT count(*) FROM escrow.bank WHERE starts_with(code, :run)"),
            {"run": f"B{run}"},
        )
    assert stood == awaits + 1


async def test_what_no_journal_holds_is_written_whole_or_not_at_all(narrow: Narrow) -> None:
    async def write(_n: int) -> None:
        async with writing(narrow.engine) as connection:
            await connection.execute(text("SELECT pg_current_xact_id()"))

    awaits = await narrow.sweep(write)

    assert awaits > 3
    assert await narrow.left_open() == 0


async def test_a_clock_moved_and_cancelled_anywhere_poisons_nothing(
    books: Books, narrow: Narrow
) -> None:
    start = datetime.now(UTC) + timedelta(days=1)

    awaits = await narrow.sweep(
        lambda n: narrow.store.move_clock(books.journal, start + timedelta(hours=n))
    )

    assert awaits > 3
    assert await narrow.left_open() == 0


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work


def _receipt(books: Books, name: str) -> Request[Any, Any]:
    return Request(RECEIVE, [books.top_up()], books.bank, "bank", books.journal, key_of(name))
