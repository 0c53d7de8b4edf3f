"""Whoever holds a lock and does nothing is ended by the server, and the next command goes on.

The limits are those that the service's own sessions have; the tests only make them shorter.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from ledger.refusals import Busy
from service.bank_entries.facts import EntryFact
from service.bank_entries.receive import RECEIVE
from service.store.batches import STATEMENT_TIMEOUT
from service.store.context import Context
from service.store.transact import READ_TIMEOUT, Request, UseCase
from service.store.unit import Unit
from tests.fixtures.store import Books, key_of

LIMITS = text(
    "SELECT array_agg(extract(epoch FROM current_setting(name)::interval)::int ORDER BY name)"
    " FROM unnest(ARRAY['idle_in_transaction_session_timeout', 'lock_timeout',"
    " 'statement_timeout']) AS name"
)
LONGEST_S = 60


def seconds(written: str) -> int:
    """Read a limit as the service writes it."""
    return int(written.removesuffix("s"))


async def held(books: Books, statement: str, **limits: str) -> None:
    """Take the head in a unit of work whose limits are shorter, and then run a statement or idle.

    Without a statement it idles until its connection is gone.
    """

    async def idle(unit: Unit, found: Sequence[EntryFact]) -> None:
        await RECEIVE.read(unit, found)
        for name, value in limits.items():
            await unit.connection.execute(text(f"SET LOCAL {name} = '{value}'"))
        if statement:
            await unit.connection.execute(text(statement))
        else:
            await _gone(books, await unit.connection.scalar(text("SELECT pg_backend_pid()")))

    idling = UseCase("receive", RECEIVE.find, RECEIVE.load, RECEIVE.decide, idle)
    await books.district.service.store.transact(
        Request(idling, [books.top_up()], books.bank, "bank", books.journal, key_of("idle"))
    )


async def _gone(books: Books, pid: Any) -> None:
    """Wait until the server has ended a session."""
    there = text("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = :pid)")
    async with asyncio.timeout(LONGEST_S), books.district.service.engine.connect() as other:
        # Within one transaction it would be asked once and remembered.
        await other.execution_options(isolation_level="AUTOCOMMIT")
        while await other.scalar(there, {"pid": pid}):  # noqa: ASYNC110 - nobody tells of its end
            await asyncio.sleep(0.02)


async def test_every_session_of_the_service_has_the_servers_limits(books: Books) -> None:
    seen: list[list[int]] = []

    async def look(unit: Unit, found: Sequence[EntryFact]) -> None:
        await RECEIVE.read(unit, found)
        seen.append(await unit.connection.scalar(LIMITS) or [])

    looking = UseCase("receive", RECEIVE.find, RECEIVE.load, RECEIVE.decide, look)
    store = books.district.service.store

    await store.transact(Request(looking, [books.top_up()], books.bank, "bank", books.journal))
    async with store.reading(books.bank) as connection:
        reading = await connection.scalar(LIMITS)
    async with store.engine.begin() as connection:
        await Context.doorkeeper().enter(connection, statement_timeout="5s")
        entering = await connection.scalar(LIMITS)

    assert seen == [[15, 5, seconds(STATEMENT_TIMEOUT)]]
    assert reading == [15, 5, seconds(READ_TIMEOUT)]
    assert entering == [15, 5, 5]


@pytest.mark.parametrize(
    ("statement", "limits"),
    [
        ("", {"idle_in_transaction_session_timeout": "200ms"}),
        ("SELECT pg_sleep(60)", {"statement_timeout": "200ms"}),
    ],
    ids=["idles", "never ends"],
)
async def test_who_holds_the_head_and_goes_no_further_is_ended_and_others_go_on(
    books: Books, statement: str, limits: dict[str, str]
) -> None:
    fact = books.top_up("3.00")

    async with asyncio.timeout(LONGEST_S):
        with pytest.raises(Busy):
            await held(books, statement, **limits)
        stood = await books.count("escrow.journal_transaction")
        done = await books.receive(fact)

    assert stood == 0
    assert done.single()["balances"] == {"custody_bank": "3.00"}


async def test_a_command_that_waits_for_an_idler_is_carried_out_when_it_is_ended(
    books: Books,
) -> None:
    engine = books.district.service.engine
    async with asyncio.timeout(LONGEST_S), engine.connect() as idler:
        await Context.writer(books.journal).enter(idler, statement_timeout="10s")
        await idler.execute(
            text("SELECT FROM escrow.journal_head WHERE journal_id = :journal FOR UPDATE"),
            {"journal": books.journal},
        )
        await idler.execute(text("SET LOCAL idle_in_transaction_session_timeout = '1s'"))

        done = await books.receive(books.top_up("3.00"))

        await idler.invalidate()

    assert done.single()["balances"] == {"custody_bank": "3.00"}
    assert await books.count("escrow.journal_transaction") == 1
