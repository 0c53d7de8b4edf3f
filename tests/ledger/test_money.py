"""Money: exact to the fen or refused, and parted without losing one."""

from decimal import Decimal, FloatOperation, Inexact, InvalidOperation, localcontext
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import ZERO, Money, share, split, total

fens = st.integers(min_value=0, max_value=10**13)
signed_fens = st.integers(min_value=-(10**13), max_value=10**13)
weights = st.lists(st.integers(min_value=0, max_value=10**9), max_size=12)


@given(signed_fens)
def test_fen_survive_the_way_to_money_to_text_and_back(fen: int) -> None:
    money = Money.from_fen(fen)

    assert money.fen == fen
    assert Money.of(str(money)) == money
    assert str(money).rpartition(".")[2] == f"{abs(fen) % 100:02d}"


@given(signed_fens, signed_fens)
def test_sums_differences_and_order_are_those_of_the_fen(left: int, right: int) -> None:
    one, other = Money.from_fen(left), Money.from_fen(right)

    assert (one + other).fen == left + right
    assert (one - other).fen == left - right
    assert (-one).fen == -left
    assert (one < other) is (left < right)
    assert bool(one) is (left != 0)


def test_an_amount_of_one_place_is_shown_with_two() -> None:
    assert str(Money.of("4999.9")) == "4999.90"


def test_one_fen_less_than_nothing_has_a_sign() -> None:
    assert str(Money.from_fen(-1)) == "-0.01"
    assert str(Money.from_fen(1)) == "0.01"


def test_there_is_no_negative_zero() -> None:
    assert str(Money.of("-0.00")) == "0.00"
    assert str(-ZERO) == "0.00"


def test_a_third_decimal_place_is_refused() -> None:
    with pytest.raises(Inexact):
        Money.of("0.001")


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity", "", "12,00", "abc"])
def test_what_is_not_a_finite_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidOperation):
        Money.of(text)


@pytest.mark.parametrize("amount", [1.5, 2, "3.00"])
def test_only_decimals_make_money(amount: object) -> None:
    with pytest.raises(FloatOperation):
        Money(cast("Any", amount))


def test_float_fen_are_refused() -> None:
    with pytest.raises(FloatOperation):
        Money.from_fen(cast("Any", 100.0))


def test_a_callers_decimal_context_changes_no_amount() -> None:
    with localcontext() as context:
        context.prec = 2

        assert str(-Money.of("1234.56")) == "-1234.56"
        assert str(Money.of("1234.56") + Money.of("0.01")) == "1234.57"
        assert Money.from_fen(123456).yuan == Decimal("1234.56")


@given(st.lists(signed_fens, max_size=20))
def test_the_total_is_the_sum_of_the_fen(parts: list[int]) -> None:
    assert total([Money.from_fen(fen) for fen in parts]).fen == sum(parts)


@given(fens, st.integers(min_value=1, max_value=200))
def test_a_split_sums_to_the_whole_and_its_parts_differ_by_a_fen_at_most(
    fen: int, count: int
) -> None:
    parts = split(Money.from_fen(fen), count)

    assert len(parts) == count
    assert total(parts).fen == fen
    assert {part.fen for part in parts} <= {fen // count, -(-fen // count)}


@given(fens, st.integers(min_value=1, max_value=200), st.data())
def test_the_first_parts_of_a_split_come_to_the_floor_of_their_share(
    fen: int, count: int, data: st.DataObject
) -> None:
    taken = data.draw(st.integers(min_value=0, max_value=count))

    parts = split(Money.from_fen(fen), count)

    assert total(parts[:taken]).fen == taken * fen // count


def test_nothing_is_split_into_no_parts_and_no_debt_is_split() -> None:
    with pytest.raises(AssertionError, match="one part or more"):
        split(Money.of("1.00"), 0)
    with pytest.raises(AssertionError, match="zero or more"):
        split(Money.of("-1.00"), 2)


@given(fens, weights)
def test_a_share_gives_out_the_whole_pool_within_a_fen_of_each_due(
    fen: int, shares: list[int]
) -> None:
    parts = share(Money.from_fen(fen), shares)

    whole = sum(shares)
    assert len(parts) == len(shares)
    assert total(parts).fen == (fen if whole else 0)
    for part, weight in zip(parts, shares, strict=True):
        assert abs(part.fen * whole - fen * weight) < max(whole, 1)
        assert weight > 0 or part == ZERO


@given(fens, weights)
def test_a_greater_weight_never_gets_less(fen: int, shares: list[int]) -> None:
    parts = share(Money.from_fen(fen), shares)

    by_weight = sorted(zip(shares, parts, strict=True))
    assert [part for _, part in by_weight] == sorted(parts)


def test_a_tie_goes_to_the_earlier_weight() -> None:
    assert [str(part) for part in share(Money.of("0.05"), [1, 1, 1])] == ["0.02", "0.02", "0.01"]


def test_the_largest_remainder_gets_the_odd_fen() -> None:
    assert [str(part) for part in share(Money.of("0.10"), [1, 2])] == ["0.03", "0.07"]


def test_a_negative_pool_or_weight_is_our_mistake() -> None:
    with pytest.raises(AssertionError, match="pool"):
        share(Money.of("-0.01"), [1])
    with pytest.raises(AssertionError, match="weight"):
        share(Money.of("0.01"), [2, -1])


@pytest.mark.parametrize("digits", [28, 40])
def test_sums_in_fen_have_no_bound(digits: int) -> None:
    most = Money.from_fen(10**digits)

    assert (most + Money.from_fen(1)).fen == 10**digits + 1


def test_what_is_read_has_twenty_eight_digits_at_most() -> None:
    most = "9" * 26 + ".99"

    assert str(Money.of(most)) == most
    with pytest.raises(Inexact):
        Money.of("9" * 27 + ".99")
