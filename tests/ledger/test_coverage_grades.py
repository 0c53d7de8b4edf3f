"""Coverage as it is told: ratio, state, grade, and whether it is known."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.coverage import (
    Coverage,
    Grade,
    InTime,
    Position,
    State,
    coverage,
    is_known,
    summed,
)
from ledger.money import ZERO
from tests.ledger.positions import in_times, position, positions

# --- ratio, state, grade ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "required", "ratio", "grade"),
    [
        ("0.00", "0.00", "100.00", Grade.A),
        ("5.00", "0.00", "100.00", Grade.A),
        ("0.00", "7.00", "0.00", Grade.C),
        ("105.00", "100.00", "105.00", Grade.A),
        ("100.00", "100.00", "100.00", Grade.A),
        ("99999.99", "100000.00", "99.99", Grade.B),
        ("95.00", "100.00", "95.00", Grade.B),
        ("9499.99", "10000.00", "94.99", Grade.C),
        ("3.00", "7.00", "42.85", Grade.C),
    ],
)
def test_the_ratio_is_floored_and_graded(
    held: str, required: str, ratio: str, grade: Grade
) -> None:
    figures = coverage(position(A1=held, L1=required), known=True)

    assert str(figures.ratio) == ratio
    assert figures.grade is grade


@given(positions)
def test_an_account_is_covered_exactly_when_its_grade_is_a(subject: Position) -> None:
    figures = coverage(subject, known=True)

    assert (figures.state is State.COVERED) is (figures.grade is Grade.A)
    assert (figures.state is State.COVERED) is (figures.shortfall == ZERO)


@given(positions)
def test_the_ratio_is_within_a_hundredth_below_the_exact_one(subject: Position) -> None:
    figures = coverage(subject, known=True)

    if figures.requirement:
        exact = Decimal(figures.resource.fen) * 100 / Decimal(figures.requirement.fen)
        assert Decimal(0) <= exact - figures.ratio < Decimal("0.010001")
        assert figures.ratio.as_tuple().exponent == -2


@given(positions)
def test_what_is_not_known_has_no_grade(subject: Position) -> None:
    figures = coverage(subject, known=False)

    assert (figures.state, figures.grade, figures.grade.value) == (State.UNKNOWN, Grade.NONE, "-")


@pytest.mark.parametrize(
    ("days", "entries", "known"),
    [(0, 0, True), (1, 0, True), (2, 0, False), (None, 0, False), (0, 1, False)],
)
def test_a_balance_is_known_by_a_closing_of_the_last_banking_day_and_no_open_entry(
    days: int | None, entries: int, known: bool
) -> None:
    assert is_known(banking_days_since_closing=days, entries_unposted=entries) is known


@given(st.lists(st.tuples(positions, in_times, st.booleans()), max_size=6))
def test_several_accounts_are_added_up_and_never_netted(
    accounts: list[tuple[Position, InTime, bool]],
) -> None:
    parts = [coverage(one, in_time=excused, known=known) for one, excused, known in accounts]

    together = summed(parts)

    assert together.shortfall.fen == sum(part.shortfall.fen for part in parts)
    assert together.hard_shortfall.fen == sum(part.hard_shortfall.fen for part in parts)
    assert together.shortfall >= together.requirement - together.resource
    assert together.known is all(part.known for part in parts)
    assert (together.ratio >= 100) is (together.shortfall == ZERO)


def test_no_accounts_at_all_are_covered() -> None:
    assert summed([]) == Coverage(ZERO, ZERO, ZERO, ZERO, known=True)
    assert summed([]).state is State.COVERED
