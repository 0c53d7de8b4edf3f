"""Idempotency: one effect a key, and which verdicts are kept under it for ever (I-08)."""

import asyncio

import pytest

from ledger.refusals import (
    CustodyAccountUnknown,
    IdempotencyKeyReused,
    Refusal,
    RequestInvalid,
    WrongState,
)
from service.store.context import Context
from service.store.facts import Decision
from tests.fixtures.store import Books, key_of
from tests.store.asking import Asking, told


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

    assert told(first) == ["done", "duplicate", "bank_entry_contradicted"]
    assert again.replayed
    assert told(again) == told(first)
    assert [v.answer for v in again.verdicts] == [v.answer for v in first.verdicts]


# --- what is kept under a key -------------------------------------------------------------------


async def test_a_refusal_that_read_state_is_kept_and_replayed(books: Books) -> None:
    asking = Asking(WrongState(object="lesson", state="VOIDED"), Decision(answer={}))
    key = key_of("kept")

    first = await books.district.service.store.transact(asking.request(books, key=key))
    again = await books.district.service.store.transact(asking.request(books, key=key))

    assert asking.asked == 1
    assert again.replayed
    assert told(first) == told(again) == ["wrong_state"]
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

    assert told(first) == [refusal.code]
    assert again.single() == {"now": "it is there"}
    assert not again.replayed


async def test_a_foreign_object_is_unknown_and_its_key_is_free_again(books: Books) -> None:
    fact, key = books.top_up(), key_of("foreign")
    foreign = Context((books.journal,), bank="CMB")

    refused = await books.receive(fact, key=key, caller=foreign)
    mine = await books.receive(fact, key=key)

    assert told(refused) == ["custody_account_unknown"]
    assert told(mine) == ["done"]
    assert not mine.replayed
