"""Breaks: whatever bank and ledger say, the named differences add up to the whole one."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.breaks import (
    BreakClass,
    Doubt,
    Item,
    Owner,
    Span,
    Subject,
    findings,
    level_of,
    owner_of,
    sub_ledger_finding,
)

FIRST = date(2026, 3, 2)
fen = st.integers(-500_000, 500_000)
days = st.integers(0, 9).map(lambda n: FIRST + timedelta(days=n))
items = st.builds(
    Item,
    subject=st.just(Subject.BANK_ENTRY),
    key=st.text("abc", min_size=1, max_size=3),
    day=days,
    doubt=st.sampled_from(Doubt),
    bank_fen=fen,
    ledger_fen=fen,
    fee=st.booleans(),
    age=st.integers(0, 30),
)


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    chosen = sorted(draw(st.sets(days, max_size=5)))
    return [Span(day, draw(fen), draw(fen), draw(st.booleans())) for day in chosen]


def item(doubt: Doubt, bank_fen: int, ledger_fen: int, *, fee: bool = False, age: int = 0) -> Item:
    return Item(Subject.BANK_ENTRY, "bke_1", FIRST, doubt, bank_fen, ledger_fen, fee, age)


@given(cut=spans(), doubtful=st.lists(items, max_size=6), books=fen)
def test_every_fen_of_difference_belongs_to_a_named_break(
    cut: list[Span], doubtful: list[Item], books: int
) -> None:
    difference = sum(each.bank_fen - each.ledger_fen for each in cut) + books

    found = findings(cut, doubtful, books_fen=books, on=FIRST)

    assert sum(each.amount_fen for each in found) == difference
    assert all(each.outside for each in found)


@given(cut=spans())
def test_nothing_is_named_where_every_closing_and_every_entry_agrees(cut: list[Span]) -> None:
    agreed = [Span(each.day, each.bank_fen, each.bank_fen, same_entries=True) for each in cut]

    assert findings(agreed, [], on=FIRST) == []


def test_equal_closings_over_other_entries_are_a_break_of_no_amount() -> None:
    [found] = findings([Span(FIRST, 100, 100, same_entries=False)], [], on=FIRST)

    assert (found.kind, found.amount_fen) == (BreakClass.AMOUNT, 0)
    assert (found.subject, found.key) == (Subject.STATEMENT_DAY, "2026-03-02")


def test_an_entry_of_a_day_without_a_statement_waits_for_one() -> None:
    late = Item(Subject.BANK_ENTRY, "bke_1", FIRST + timedelta(days=1), Doubt.KEPT, -500, 0)

    assert findings([Span(FIRST, 0, 0, same_entries=True)], [late], on=FIRST) == []
    assert findings([], [late], on=FIRST) == []


@pytest.mark.parametrize(
    ("doubtful", "kind"),
    [
        (item(Doubt.KEPT, -500, 0, fee=True), BreakClass.UNPOSTED_FEE),
        (item(Doubt.KEPT, -500, 0), BreakClass.UNMATCHED),
        (item(Doubt.UNPOSTED, 500, 0), BreakClass.UNMATCHED),
        (item(Doubt.UNCONFIRMED, 0, 500, age=1), BreakClass.TIMING),
        (item(Doubt.UNCONFIRMED, 0, 500, age=2), BreakClass.BANK_ERROR),
        (item(Doubt.SUSPECTED, 0, 500), BreakClass.DUPLICATE),
        (item(Doubt.CONTRADICTED, 400, 500), BreakClass.AMOUNT),
        (item(Doubt.CONTRADICTED, -500, 500), BreakClass.BANK_ERROR),
        (item(Doubt.CONTRADICTED, 500, 0), BreakClass.TIMING),
    ],
)
def test_an_entry_in_doubt_says_what_kind_of_break_it_is(doubtful: Item, kind: BreakClass) -> None:
    span = Span(FIRST, doubtful.bank_fen, doubtful.ledger_fen, same_entries=False)

    [found] = findings([span], [doubtful], on=FIRST)

    assert (found.kind, found.key) == (kind, "bke_1")
    assert found.amount_fen == doubtful.bank_fen - doubtful.ledger_fen


def test_what_the_books_themselves_miss_is_a_ledger_error() -> None:
    [outside] = findings([], [], books_fen=7, on=FIRST)
    [within] = sub_ledger_finding(7, on=FIRST)

    assert (outside.kind, outside.outside) == (BreakClass.LEDGER_ERROR, True)
    assert (within.kind, within.outside) == (BreakClass.LEDGER_ERROR, False)
    assert sub_ledger_finding(0, on=FIRST) == []


def test_a_break_climbs_as_it_ages_and_one_of_our_own_books_begins_above_the_ground() -> None:
    ages = (0, 1, 2, 5, 6, 20, 21)

    assert [level_of(BreakClass.TIMING, age) for age in ages] == [0, 0, 1, 1, 2, 2, 3]
    assert [level_of(BreakClass.LEDGER_ERROR, age) for age in ages] == [1, 1, 1, 1, 2, 2, 3]


def test_every_class_has_somebody_whose_turn_it_is() -> None:
    assert {owner_of(kind) for kind in BreakClass} == set(Owner)
