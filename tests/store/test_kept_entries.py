"""Kept entries tried again: all of them in one go, however many cannot be posted yet."""

import pytest

from service.bank_entries import retry
from service.bank_entries.facts import EntryFact
from service.bank_entries.retry import retry_kept
from tests.fixtures.service import fresh_id
from tests.fixtures.store import Books


def debits(books: Books, kind: str, *amounts: str) -> list[EntryFact]:
    """Make debits, in the order of their ids, for which there is no money."""
    keys = sorted(fresh_id() for _ in amounts)
    return [
        books.top_up(amount, bank_entry=key, direction="DBIT", kind=kind)
        for key, amount in zip(keys, amounts, strict=True)
    ]


async def test_what_cannot_be_posted_keeps_nothing_behind_it_waiting(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "AT_ONCE", 2)
    large = ["900.00"] * 4
    outcome = await books.receive(*debits(books, "CHARGE", *large, "5.00", *large, "5.00"))
    kept = {verdict.answer["outcome"] for verdict in outcome.verdicts if verdict.answer}
    await books.receive(books.top_up("10.00"))

    posted = await retry_kept(books.district.service.store, books.journal)

    assert (kept, posted) == ({"KEPT"}, 2)


async def test_what_the_bank_has_not_explained_is_not_tried_again(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    await books.receive(*debits(books, "OTHER", "1.00", "2.00"))
    monkeypatch.setattr(retry, "RETRY", None)

    posted = await retry_kept(books.district.service.store, books.journal)

    assert posted == 0
