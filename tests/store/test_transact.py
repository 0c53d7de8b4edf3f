"""The unit of work: tried again or given up, and nothing left behind."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from ledger.refusals import (
    Busy,
    DateInFuture,
)
from service.bank_entries.receive import RECEIVE
from service.store.context import Context
from service.store.facts import Decision
from service.store.tables import Institution
from service.store.transact import ATTEMPTS_MAX, Mode, Request, UseCase
from service.store.unit import Unit
from tests.fixtures.service import fresh_id
from tests.fixtures.store import Books, key_of
from tests.store.asking import Asking, told

WRITTEN = (
    "escrow.journal_transaction",
    "escrow.entry",
    "escrow.rollup",
    "escrow.account",
    "escrow.bank_entry",
    "escrow.stored_answer",
    "pii.bank_narrative",
)


async def everything(books: Books) -> dict[str, int]:
    """Rows of every table a receipt writes to."""
    return {table: await books.count(table) for table in WRITTEN}


# --- retries ------------------------------------------------------------------------------------


async def test_a_lock_that_is_not_got_in_time_is_tried_again(books: Books) -> None:
    store, tries, again = books.district.service.store, [], asyncio.Event()

    async def load(unit: Unit, _found: Sequence[str]) -> None:
        tries.append(1)
        if len(tries) == 1:
            await unit.connection.execute(text("SET LOCAL lock_timeout = '20ms'"))
        else:
            again.set()
        await unit.lock(Institution, [books.institution])

    asking = Asking(Decision(answer={"done": "yes"}))
    use_case = UseCase("ask", asking.find, load, asking.decide)
    async with books.district.service.engine.connect() as other:
        await other.begin()
        await Context.writer(books.journal).enter(other, statement_timeout="10s")
        await other.execute(
            text("SELECT FROM escrow.institution WHERE institution_id = :it FOR UPDATE"),
            {"it": books.institution},
        )
        waiting = asyncio.create_task(
            store.transact(Request(use_case, ["?"], books.bank, "bank", books.journal))
        )
        await again.wait()
        await other.rollback()

    answer = await waiting

    assert answer.single() == {"done": "yes"}
    assert len(tries) >= 2


async def test_what_collides_every_time_is_busy_in_the_end(books: Books) -> None:
    tries = []

    async def load(unit: Unit, _found: Sequence[str]) -> None:
        tries.append(1)
        await unit.connection.execute(
            text("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$")
        )

    asking = Asking(Decision(answer={}))
    use_case = UseCase("ask", asking.find, load, asking.decide)

    with pytest.raises(Busy):
        await books.district.service.store.transact(
            Request(use_case, ["?"], books.bank, "bank", books.journal)
        )

    assert len(tries) == ATTEMPTS_MAX


async def test_two_units_that_lock_across_each_other_both_end(books: Books) -> None:
    other = await books.district.plant_institution()
    asking, first_locks = Asking(Decision(answer={"done": "yes"})), asyncio.Barrier(2)

    def crossing(*order: Any) -> UseCase[str, str]:
        met = False

        async def load(unit: Unit, _found: Sequence[str]) -> None:
            nonlocal met
            await unit.lock(Institution, order[:1])
            if not met:
                met = True
                await first_locks.wait()
            await unit.lock(Institution, order[1:])

        return UseCase("cross", asking.find, load, asking.decide)

    answers = await asyncio.gather(
        *(
            books.district.service.store.transact(
                Request(crossing(*order), ["?"], books.bank, "bank", books.journal)
            )
            for order in ((books.institution, other), (other, books.institution))
        )
    )

    assert [answer.single() for answer in answers] == [{"done": "yes"}] * 2


# --- the caller goes away -----------------------------------------------------------------------


async def test_a_caller_who_goes_away_does_not_stop_the_unit(books: Books) -> None:
    store, loading, go_on = books.district.service.store, asyncio.Event(), asyncio.Event()

    async def slowly(unit: Unit, found: Sequence[Any]) -> None:
        await RECEIVE.load(unit, found)
        loading.set()
        await go_on.wait()

    slow = UseCase("receive", RECEIVE.find, slowly, RECEIVE.decide, RECEIVE.read)
    fact = books.top_up("7.00")
    caller = asyncio.create_task(
        store.transact(Request(slow, [fact], books.bank, "bank", books.journal, key_of("left")))
    )
    await loading.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()

    await store.drain()
    answer = await books.receive(fact, key=key_of("left"))

    assert answer.replayed
    assert answer.single()["balances"] == {"custody_bank": "7.00"}


# --- nothing left behind ------------------------------------------------------------------------


async def test_a_dry_run_answers_and_writes_nothing(books: Books) -> None:
    await books.receive(books.top_up("1.00"), key=key_of("before"))
    before = await everything(books)

    tried = await books.receive(books.top_up("2.00"), dry_run=True)

    assert tried.single()["balances"] == {"custody_bank": "3.00"}
    assert await everything(books) == before


async def test_a_dry_run_waits_for_nobody(books: Books) -> None:
    async with books.district.service.engine.connect() as writer:
        await writer.begin()
        await Context.writer(books.journal).enter(writer, statement_timeout="10s")
        await writer.execute(
            text("SELECT FROM escrow.journal_head WHERE journal_id = :it FOR UPDATE"),
            {"it": books.journal},
        )

        async with asyncio.timeout(2):
            tried = await books.receive(books.top_up("2.00"), dry_run=True)

    assert told(tried) == ["done"]


async def test_all_or_nothing_with_one_refusal_writes_only_the_answer(books: Books) -> None:
    before = await everything(books)
    late = books.top_up(book_on=books.top_up().book_on.replace(year=2099))
    facts = [books.top_up("1.00"), late, books.top_up("2.00")]

    refused = await books.receive(*facts, mode=Mode.ALL_OR_NOTHING, key=key_of("all"))
    alone = await books.receive(facts[2])

    assert told(refused) == ["batch_refused", "date_in_future", "batch_refused"]
    assert alone.single()["balances"] == {"custody_bank": "2.00"}
    assert await books.count("escrow.journal_transaction") == before[WRITTEN[0]] + 1
    assert await books.count("escrow.stored_answer") == before["escrow.stored_answer"] + 1


async def test_all_or_nothing_without_a_refusal_writes_all(books: Books) -> None:
    facts = [books.top_up("1.00"), books.top_up("2.00")]

    done = await books.receive(*facts, facts[0], mode=Mode.ALL_OR_NOTHING)

    assert told(done) == ["done", "done", "duplicate"]
    assert await books.count("escrow.journal_transaction") == 2


async def test_a_fault_in_the_middle_leaves_nothing(books: Books) -> None:
    before = await everything(books)

    async def faulty(unit: Unit, found: Sequence[Any]) -> None:
        await RECEIVE.read(unit, found)
        raise RuntimeError

    broken = UseCase("receive", RECEIVE.find, RECEIVE.load, RECEIVE.decide, faulty)
    with pytest.raises(RuntimeError):
        await books.district.service.store.transact(
            Request(broken, [books.top_up()], books.bank, "bank", books.journal, key_of("x"))
        )

    assert await everything(books) == before


async def test_the_answer_of_a_single_command_raises_its_refusal(books: Books) -> None:
    late = books.top_up(book_on=books.top_up().book_on.replace(year=2099))

    outcome = await books.receive(late)

    with pytest.raises(DateInFuture):
        outcome.single()


async def test_ids_that_the_edge_made_are_the_ids_that_stand(books: Books) -> None:
    wanted = fresh_id()

    outcome = await books.receive(books.top_up(bank_entry=wanted))

    assert outcome.single()["id"] == books.district.public("bke", wanted)
