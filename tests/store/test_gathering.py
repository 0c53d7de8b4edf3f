"""Requests gathered into one batch: each with its own verdict, key and actor, harming no other."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from ledger.refusals import IdempotencyKeyReused
from service.bank_entries.facts import EntryFact
from service.bank_entries.receive import RECEIVE
from service.store.context import Context
from service.store.facts import Decision, Facts
from service.store.transact import Mode, Outcome, Request, Store, UseCase
from service.store.unit import Unit
from tests.fixtures.service import fresh_id
from tests.fixtures.store import Books, key_of, open_books
from tests.store.asking import told

ONE_BY_ONE, GATHERED = "one by one", "gathered"


async def journal_of(books: Books) -> list[Any]:
    """The journal's transactions in order."""
    async with books.district.service.engine.begin() as connection:
        await Context.writer(books.journal).enter(connection, statement_timeout="10s")
        found = await connection.execute(
            text(
                "SELECT seq, recorded_at, actor, idempotency_key FROM escrow.journal_transaction"
                " WHERE journal_id = :journal ORDER BY seq"
            ),
            {"journal": books.journal},
        )
        return list(found)


def receive(books: Books, use_case: Any, *facts: EntryFact, **values: Any) -> Any:
    """Let the bank report entries by a use case of a test's own."""
    mode = Mode.SINGLE if len(facts) == 1 else Mode.INDEPENDENT
    given: dict[str, Any] = {"caller": books.bank, "actor": "bank", "mode": mode} | values
    request = Request(use_case, facts, journal=books.journal, **given)
    return books.district.service.store.transact(request)


# --- one batch ----------------------------------------------------------------------------------


async def test_what_comes_at_once_is_one_batch_and_each_has_its_own_key_and_actor(
    books: Books,
) -> None:
    facts = [books.top_up("1.00") for _ in range(20)]

    answers = await asyncio.gather(
        *(
            books.receive(fact, key=key_of(f"k{n}", caller=f"c{n}"), actor=f"c{n}")
            for n, fact in enumerate(facts)
        )
    )

    stood = await journal_of(books)
    assert [row.seq for row in stood] == list(range(1, 21))
    assert len({row.recorded_at for row in stood}) == 1
    assert {(row.actor, row.idempotency_key) for row in stood} == {
        (f"c{n}", f"k{n}") for n in range(20)
    }
    shown = [answer.single()["balances"]["custody_bank"] for answer in answers]
    assert shown == [f"{n}.00" for n in range(1, 21)]


async def test_nobody_waits_to_gather(books: Books) -> None:
    for _ in range(3):
        await books.receive(books.top_up("1.00"))

    assert len({row.recorded_at for row in await journal_of(books)}) == 3


@pytest.mark.parametrize("seed", range(4))
async def test_gathered_requests_end_as_they_would_one_by_one(books: Books, seed: int) -> None:
    twin = await open_books(books.district.service)
    asked = {name: _requests(each, seed) for name, each in ((ONE_BY_ONE, books), (GATHERED, twin))}

    one_by_one = [await each for each in asked[ONE_BY_ONE]]
    gathered = await asyncio.gather(*asked[GATHERED])

    assert [_seen(each) for each in gathered] == [_seen(each) for each in one_by_one]
    stood, again = await journal_of(books), await journal_of(twin)
    assert len({row.recorded_at for row in again}) < len({row.recorded_at for row in stood})
    assert [row[2:] for row in again] == [row[2:] for row in stood]


def _requests(books: Books, seed: int) -> list[Any]:
    """Ask for new entries, old ones again, contradictions, strangers', late ones, and lists."""
    chance, facts, asked = random.Random(seed), [books.top_up("9.99")], []
    for number in range(25):
        fact = books.top_up(f"{chance.randint(1, 999)}.00")
        choice = chance.randrange(7)
        values: dict[str, Any] = {"key": key_of(f"k{number}"), "actor": f"bank-{number % 3}"}
        given = [fact]
        if choice == 1:
            given = [chance.choice(facts)]
        elif choice == 2:
            given = [books.top_up("0.07", bank_ref=chance.choice(facts).bank_ref)]
        elif choice == 3:
            values["caller"] = Context((books.journal,), bank="CMB")
        elif choice == 4:
            given = [books.top_up(book_on=fact.book_on.replace(year=2099))]
        elif choice == 5:
            given = [fact, chance.choice(facts), books.top_up(kind="PAYMENT")]
        elif choice == 6 and number % 2:
            given = [fact, books.top_up(book_on=fact.book_on.replace(year=2099))]
            values["mode"] = Mode.ALL_OR_NOTHING
        if choice in {0, 5}:
            facts.append(fact)
        asked.append(books.receive(*given, **values))
    return asked


def _seen(outcome: Outcome) -> Any:
    shown = [
        {name: (v.answer or {}).get(name) for name in ("bank_ref", "outcome", "balances")}
        for v in outcome.verdicts
    ]
    return told(outcome), shown, outcome.replayed


# --- keys ---------------------------------------------------------------------------------------


async def test_a_key_used_for_two_requests_at_once_refuses_the_second_only(books: Books) -> None:
    facts = [books.top_up("1.00") for _ in range(3)]
    keys = [key_of("k", body=b"one"), key_of("k", body=b"other"), key_of("mine")]

    answers = await asyncio.gather(
        *(books.receive(fact, key=key) for fact, key in zip(facts, keys, strict=True)),
        return_exceptions=True,
    )

    assert isinstance(answers[1], IdempotencyKeyReused)
    assert [type(answer) for answer in answers] == [Outcome, IdempotencyKeyReused, Outcome]
    assert await books.count("escrow.journal_transaction") == 2


async def test_an_answer_given_before_is_replayed_among_new_requests(books: Books) -> None:
    old, new = books.top_up("1.00"), books.top_up("2.00")
    first = await books.receive(old, key=key_of("old"))

    again, fresh = await asyncio.gather(
        books.receive(old, key=key_of("old")), books.receive(new, key=key_of("new"))
    )

    assert (again.replayed, fresh.replayed) == (True, False)
    assert again.single() == first.single()
    assert fresh.single()["balances"] == {"custody_bank": "3.00"}


# --- faults and absent neighbours ---------------------------------------------------------------


async def test_a_fault_of_one_request_is_its_own(books: Books) -> None:
    facts = [books.top_up("1.00") for _ in range(5)]

    def decide(known: Facts, fact: EntryFact) -> Decision:
        if fact is facts[2]:
            raise RuntimeError("ours")
        return RECEIVE.decide(known, fact)

    broken = UseCase("receive", RECEIVE.find, RECEIVE.load, decide, RECEIVE.read, gathers=True)
    answers = await asyncio.gather(
        *(receive(books, broken, fact) for fact in facts), return_exceptions=True
    )

    assert isinstance(answers[2], RuntimeError)
    done = [told(answer) for answer in answers if isinstance(answer, Outcome)]
    assert done == [["done"]] * 4
    assert await books.count("escrow.journal_transaction") == 4


async def test_a_caller_who_goes_away_harms_no_neighbour(books: Books) -> None:
    loading, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(unit: Unit, found: Sequence[EntryFact]) -> None:
        await RECEIVE.load(unit, found)
        loading.set()
        await go_on.wait()

    slow = UseCase("receive", RECEIVE.find, slowly, RECEIVE.decide, RECEIVE.read, gathers=True)
    callers = [
        asyncio.create_task(receive(books, slow, books.top_up("1.00"), key=key_of(f"k{n}")))
        for n in range(4)
    ]
    await loading.wait()
    callers[1].cancel()
    go_on.set()
    answers = await asyncio.gather(*callers, return_exceptions=True)

    assert isinstance(answers[1], asyncio.CancelledError)
    done = [told(answer) for answer in answers if isinstance(answer, Outcome)]
    assert done == [["done"]] * 3
    assert await books.count("escrow.journal_transaction") == 4


async def test_a_row_that_somebody_holds_keeps_up_only_those_who_want_it(books: Books) -> None:
    other_custody = await books.district.plant_custody_account(
        await books.district.plant_institution(), bank="ICBC"
    )
    held, free = books.top_up("1.00"), books.top_up("2.00", custody_account=other_custody)
    async with books.district.service.engine.connect() as holder:
        await holder.begin()
        await Context.writer(books.journal).enter(holder, statement_timeout="10s")
        await holder.execute(
            text("SELECT FROM escrow.institution WHERE institution_id = :it FOR UPDATE"),
            {"it": books.institution},
        )
        waits = asyncio.create_task(books.receive(held))
        served = await asyncio.wait_for(books.receive(free), 9)
        later = await asyncio.wait_for(
            books.receive(books.top_up(custody_account=other_custody)), 9
        )
        waited = not waits.done()
        await holder.rollback()
    answer = await waits

    assert waited
    assert [told(each) for each in (served, later, answer)] == [["done"]] * 3


# --- two processes ------------------------------------------------------------------------------


async def test_two_stores_on_one_journal_keep_one_set_of_books(books: Books) -> None:
    price = "100.00"
    enrolment = await books.district.plant_enrolment(
        books.institution, books.custody, books.course, price=price
    )
    code = enrolment["payment_code"]
    stores = [Store(books.district.service.engine) for _ in range(2)]
    facts = [
        books.top_up("1.00", kind="PAYMENT", payment_code=code, bank_entry=fresh_id())
        for _ in range(60)
    ]

    answers = await asyncio.gather(
        *(
            books.receive(fact, key=key_of(f"k{n}"), store=stores[(n + twice) % 2])
            for n, fact in enumerate(facts)
            for twice in (0, 1)
        )
    )

    assert [told(answer) for answer in answers] == [["done"]] * 120
    assert sum(answer.replayed for answer in answers) == 60
    stood = await journal_of(books)
    assert [row.seq for row in stood] == list(range(1, 61))
    assert len({row.recorded_at for row in stood}) < 60
    last = await books.receive(books.top_up("1.00"))
    assert last.single()["balances"] == {"custody_bank": "61.00"}
