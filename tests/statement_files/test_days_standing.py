"""Files that tell the truth in any order, overlapping or apart, are never called a re-cut."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.statement_files.canonical import Kind, StatementSummary
from service.statements.days_standing import DaysStanding, segments_of
from service.statements.file_faults import Fault, FileUnfit
from service.statements.import_check import CheckedStatement, DayFigures, day_digest

ACCOUNT = UUID(int=7)
FIRST = date(2026, 3, 2)
Line = tuple[str, str, int]

amounts = st.lists(st.integers(1, 500), max_size=3)
truths = st.lists(amounts, min_size=1, max_size=8)


def days_of(truth: list[list[int]]) -> list[tuple[DayFigures, list[Line]]]:
    """Make the days of an account that only takes money in, from a balance of zero."""
    made, balance = [], 0
    for number, amounts_of_day in enumerate(truth):
        lines = [(f"R{number}-{at}", "CRDT", fen) for at, fen in enumerate(amounts_of_day)]
        total = sum(amounts_of_day)
        figures = DayFigures(
            FIRST + timedelta(days=number),
            balance,
            balance + total,
            len(lines),
            total,
            digest=day_digest(lines),
        )
        made.append((figures, lines))
        balance += total
    return made


def statement(days: list[DayFigures]) -> CheckedStatement:
    """Make the statement of these days, without a number."""
    summary = StatementSummary(
        Kind.STATEMENT,
        "6222",
        "",
        None,
        "CNY",
        days[0].day,
        days[-1].day,
        days[0].opening_fen,
        days[-1].closing_fen,
        sum(day.credit_count for day in days),
        sum(day.credit_fen for day in days),
        0,
        0,
    )
    return CheckedStatement(summary, tuple(days), days[-1].day)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[list[int]], list[tuple[int, int]]]:
    """Draw an account's days, and the ranges of them that files bring, in any order."""
    truth = draw(truths)
    at = st.integers(0, len(truth) - 1)
    ranges = draw(st.lists(st.tuples(at, at), min_size=1, max_size=6))
    return truth, [(min(pair), max(pair)) for pair in ranges]


@settings(max_examples=60, deadline=None)
@given(deliveries())
def test_whatever_order_true_files_come_in_each_of_their_days_stands_once_as_it_is(
    given_files: tuple[list[list[int]], list[tuple[int, int]]],
) -> None:
    truth, ranges = given_files
    days = days_of(truth)
    standing = DaysStanding()
    fresh: list[DayFigures] = []
    told: dict[tuple[UUID, date], list[Line]] = {}

    for first, last in ranges:
        told |= {(ACCOUNT, days[n][0].day): days[n][1] for n in range(first, last + 1)}
        standing.digests = {key: day_digest(lines) for key, lines in told.items()}
        file = statement([day for day, _ in days[first : last + 1]])
        [judged] = standing.judged(segments_of([(ACCOUNT, file)])).values()
        fresh += judged.fresh

    covered = {n for first, last in ranges for n in range(first, last + 1)}
    assert sorted(fresh, key=lambda one: one.day) == [days[n][0] for n in sorted(covered)]


@settings(max_examples=60, deadline=None)
@given(truths, st.lists(st.booleans(), min_size=8, max_size=8))
def test_statements_that_follow_in_one_file_are_one_run_of_days(
    truth: list[list[int]], cuts: list[bool]
) -> None:
    days = [day for day, _ in days_of(truth)]
    pieces: list[list[DayFigures]] = [[days[0]]]
    for day, cut in zip(days[1:], cuts, strict=False):
        if cut:
            pieces.append([])
        pieces[-1].append(day)

    [segment] = segments_of([(ACCOUNT, statement(piece)) for piece in pieces])

    assert list(segment.days) == days


@settings(max_examples=60, deadline=None)
@given(truths, st.data())
def test_one_fen_elsewhere_in_a_day_that_stands_is_a_recut(
    truth: list[list[int]], data: st.DataObject
) -> None:
    days = [day for day, _ in days_of([[100], *truth])]
    standing = DaysStanding()
    standing.judged(segments_of([(ACCOUNT, statement(days))]))
    changed = data.draw(st.integers(0, len(days) - 1))
    wrong = days_of([[101], *truth]) if changed == 0 else days_of([[100], *truth])
    other = [day for day, _ in wrong]
    if changed:
        other[changed] = DayFigures(
            other[changed].day, other[changed].opening_fen, other[changed].closing_fen + 1, 1, 1
        )

    with pytest.raises(FileUnfit) as refused:
        standing.judged(segments_of([(ACCOUNT, statement(other))]))

    assert refused.value.flaw.reason == Fault.RECUT
