"""The unit of work: one effect a key, verdicts kept or not, retries, and nothing left behind."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import (
    Busy,
    CustodyAccountUnknown,
    DateInFuture,
    IdempotencyKeyReused,
    Refusal,
    RequestInvalid,
    WrongState,
)
from service.receipts.use_cases import RECEIVE
from service.store.context import Context
from service.store.facts import Decision, Facts
from service.store.tables import Institution
from service.store.transact import ATTEMPTS_MAX, Mode, Outcome, Request, UseCase
from service.store.unit import Unit
from tests.fixtures.service import fresh_id
from tests.fixtures.store import Books, key_of

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


class Asking:
    """A use case of one command that decides as it is told, and counts how often it was asked."""

    def __init__(self, *answers: Refusal | Decision) -> None:
        """Give these answers in turn, the last for ever."""
        self.answers = list(answers)
        self.asked = 0

    def use_case(self) -> UseCase[str, str]:
        """Make the use case."""
        return UseCase("ask", self._find, self._load, self._decide)

    async def _find(
        self, _connection: AsyncConnection, _caller: Context, commands: Sequence[str]
    ) -> list[str | Refusal]:
        return list(commands)

    async def _load(self, _unit: Unit, _found: Sequence[str]) -> None:
        """Nothing to lock."""

    def _decide(self, _facts: Facts, _found: str) -> Decision:
        self.asked += 1
        answer = self.answers[min(self.asked, len(self.answers)) - 1]
        if isinstance(answer, Refusal):
            raise answer
        return answer

    def request(self, books: Books, **values: Any) -> Request[str, str]:
        """Ask once."""
        given: dict[str, Any] = {"commands": ["?"], "caller": books.bank, "actor": "bank"}
        return Request(self.use_case(), journal=books.journal, **(given | values))


# --- one effect a key (I-08) --------------------------------------------------------------------


async def test_the_same_key_used_twice_at_once_has_one_effect(books: Books) -> None:
    fact, key = books.top_up("12.34"), key_of("twice")

    answers = await asyncio.gather(*(books.receive(fact, key=key) for _ in range(4)))

    assert sorted(answer.replayed for answer in answers) == [False, True, True, True]
    assert all(answer.single() == answers[0].single() for answer in answers)
    assert await books.count("escrow.journal_transaction") == 1
    assert await books.count("escrow.stored_answer") == 1


async def test_the_same_key_replays_the_answer_as_it_was_then(books: Books) -> None:
    fact, key = books.top_up("1.00"), key_of("then")
    first = await books.receive(fact, key=key)
    await books.receive(books.top_up("2.00"))

    again = await books.receive(fact, key=key)

    assert again.replayed
    assert again.single() == first.single()
    assert again.single()["balances"] == {"custody_bank": "1.00"}


async def test_the_same_key_with_another_body_is_refused(books: Books) -> None:
    await books.receive(books.top_up(), key=key_of("k", body=b"one"))

    with pytest.raises(IdempotencyKeyReused):
        await books.receive(books.top_up(), key=key_of("k", body=b"other"))

    assert await books.count("escrow.journal_transaction") == 1


async def test_a_key_belongs_to_its_caller(books: Books) -> None:
    await books.receive(books.top_up(), key=key_of("k", caller="one"))

    other = await books.receive(books.top_up(), key=key_of("k", caller="another"))

    assert not other.replayed
    assert await books.count("escrow.journal_transaction") == 2


async def test_a_batch_replays_every_verdict_in_its_order(books: Books) -> None:
    good, key = books.top_up("5.00"), key_of("batch")
    other = books.top_up("6.00", bank_ref=good.bank_ref)

    first = await books.receive(good, good, other, key=key)
    again = await books.receive(good, good, other, key=key)

    assert _told(first) == ["done", "duplicate", "bank_entry_contradicted"]
    assert again.replayed
    assert _told(again) == _told(first)
    assert [v.answer for v in again.verdicts] == [v.answer for v in first.verdicts]


# --- what is kept under a key -------------------------------------------------------------------


async def test_a_refusal_that_read_state_is_kept_and_replayed(books: Books) -> None:
    asking = Asking(WrongState(object="lesson", state="VOIDED"), Decision(answer={}))
    key = key_of("kept")

    first = await books.district.service.store.transact(asking.request(books, key=key))
    again = await books.district.service.store.transact(asking.request(books, key=key))

    assert asking.asked == 1
    assert again.replayed
    assert _told(first) == _told(again) == ["wrong_state"]
    assert again.verdicts[0].refusal is not None
    assert again.verdicts[0].refusal.facts == {"object": "lesson", "state": "VOIDED"}


@pytest.mark.parametrize("refusal", [CustodyAccountUnknown(), RequestInvalid(reason="later")])
async def test_a_refusal_that_may_pass_by_itself_is_not_kept(
    books: Books, refusal: Refusal
) -> None:
    asking = Asking(refusal, Decision(answer={"now": "it is there"}))
    key = key_of("not-kept")

    first = await books.district.service.store.transact(asking.request(books, key=key))
    again = await books.district.service.store.transact(asking.request(books, key=key))

    assert _told(first) == [refusal.code]
    assert again.single() == {"now": "it is there"}
    assert not again.replayed


async def test_a_foreign_object_is_unknown_and_its_key_is_free_again(books: Books) -> None:
    fact, key = books.top_up(), key_of("foreign")
    foreign = Context((books.journal,), bank="CMB")

    refused = await books.receive(fact, key=key, caller=foreign)
    mine = await books.receive(fact, key=key)

    assert _told(refused) == ["custody_account_unknown"]
    assert _told(mine) == ["done"]
    assert not mine.replayed


# --- retries ------------------------------------------------------------------------------------


async def test_a_lock_that_is_not_got_in_time_is_tried_again(books: Books) -> None:
    store, tries, trying = books.district.service.store, [], asyncio.Event()

    async def load(unit: Unit, _found: Sequence[str]) -> None:
        tries.append(1)
        trying.set()
        if len(tries) == 1:
            await unit.connection.execute(text("SET LOCAL lock_timeout = '20ms'"))
        await unit.lock(Institution, [books.institution])

    asking = Asking(Decision(answer={"done": "yes"}))
    use_case = UseCase("ask", asking._find, load, asking._decide)
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
        await trying.wait()
        await asyncio.sleep(0.1)
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
    use_case = UseCase("ask", asking._find, load, asking._decide)

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

        return UseCase("cross", asking._find, load, asking._decide)

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

    assert _told(tried) == ["done"]


async def test_all_or_nothing_with_one_refusal_writes_only_the_answer(books: Books) -> None:
    before = await everything(books)
    late = books.top_up(book_on=books.top_up().book_on.replace(year=2099))
    facts = [books.top_up("1.00"), late, books.top_up("2.00")]

    refused = await books.receive(*facts, mode=Mode.ALL_OR_NOTHING, key=key_of("all"))
    alone = await books.receive(facts[2])

    assert _told(refused) == ["batch_refused", "date_in_future", "batch_refused"]
    assert alone.single()["balances"] == {"custody_bank": "2.00"}
    assert await books.count("escrow.journal_transaction") == before[WRITTEN[0]] + 1
    assert await books.count("escrow.stored_answer") == before["escrow.stored_answer"] + 1


async def test_all_or_nothing_without_a_refusal_writes_all(books: Books) -> None:
    facts = [books.top_up("1.00"), books.top_up("2.00")]

    done = await books.receive(*facts, facts[0], mode=Mode.ALL_OR_NOTHING)

    assert _told(done) == ["done", "done", "duplicate"]
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


def _told(outcome: Outcome) -> list[str]:
    return [
        verdict.refusal.code
        if verdict.refusal is not None
        else ("duplicate" if verdict.duplicate else "done")
        for verdict in outcome.verdicts
    ]
