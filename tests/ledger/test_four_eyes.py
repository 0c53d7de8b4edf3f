"""Four eyes: what one person may decide alone, and that no splitting gets round it."""

from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.four_eyes import ALWAYS, LIMITED, WINDOW, Act, ActKind, Crossed, Limits, crossing
from ledger.money import Money, total

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
LIMITS = Limits(Money.of("5000.00"), Money.of("20000.00"))
PAYEE, OTHER, SCHOOL = UUID(int=1), UUID(int=2), UUID(int=3)

pieces = st.lists(st.integers(1, 600_000), min_size=1, max_size=12)
gaps = st.lists(st.integers(0, 30 * 3600), min_size=12, max_size=12)


def refund(amount: str | int, **values: object) -> Act:
    facts: dict[str, object] = {
        "kind": ActKind.REFUND,
        "amount": Money.of(amount) if isinstance(amount, str) else Money.from_fen(amount),
        "maker": "regulator-li",
        "at": NOON,
        "payee": PAYEE,
        "institution": SCHOOL,
    }
    return Act(**(facts | values))  # type: ignore[arg-type]


def earlier(hours: int) -> datetime:
    return NOON - timedelta(hours=hours)


@pytest.mark.parametrize(("amount", "alone"), [("5000.00", True), ("5000.01", False)])
def test_one_person_decides_up_to_the_limit_and_not_a_fen_more(amount: str, *, alone: bool) -> None:
    crossed = crossing(refund(amount), [], LIMITS)

    assert (crossed is None) is alone
    assert alone or (crossed is not None and crossed.crossed is Crossed.AMOUNT)


def test_a_second_piece_to_the_same_payee_counts_with_the_first() -> None:
    first = refund("3000.00", at=earlier(3), maker="regulator-wang", institution=OTHER)

    crossed = crossing(refund("2000.01"), [first], LIMITS)

    assert crossed is not None
    assert (crossed.crossed, str(crossed.figure)) == (Crossed.PAYEE_SUM, "5000.01")
    assert crossing(refund("2000.00"), [first], LIMITS) is None


def test_a_days_pieces_to_many_payees_count_for_their_maker_and_their_institution() -> None:
    by_maker = [
        refund("4000.00", at=earlier(n), payee=UUID(int=90 + n), institution=UUID(int=50 + n))
        for n in range(1, 5)
    ]
    at_school = [
        refund("4000.00", at=earlier(n), payee=UUID(int=90 + n), maker=f"regulator-{n}")
        for n in range(1, 5)
    ]

    assert crossing(refund("4000.00"), by_maker, LIMITS) is None
    maker = crossing(refund("4000.01"), by_maker, LIMITS)
    school = crossing(refund("4000.01"), at_school, LIMITS)

    assert maker is not None
    assert school is not None
    assert maker.crossed is Crossed.MAKER_SUM
    assert school.crossed is Crossed.INSTITUTION_SUM


def test_what_is_a_day_old_of_another_kind_or_of_nobody_in_particular_does_not_count() -> None:
    others = [
        refund("5000.00", at=NOON - WINDOW),
        refund("5000.00", at=NOON + timedelta(seconds=1)),
        refund("5000.00", kind=ActKind.SUSPENSE_MATCH),
    ]
    nameless = [refund("4000.00", payee=None, institution=None, maker=f"r{n}") for n in range(9)]

    assert crossing(refund("5000.00"), others, LIMITS) is None
    assert crossing(refund("5000.00", payee=None, institution=None), nameless, LIMITS) is None


def test_a_days_sum_below_what_one_may_decide_at_once_is_no_limit() -> None:
    with pytest.raises(ValueError, match="at least"):
        Limits(Money.of("5000.00"), Money.of("4999.99"))


def test_a_kind_is_limited_or_always_needs_two() -> None:
    assert frozenset(ActKind) == LIMITED | ALWAYS
    assert ActKind.PAYEE_CHANGE in ALWAYS
    with pytest.raises(AssertionError):
        crossing(refund("1.00", kind=ActKind.CORRECTION), [], LIMITS)


@given(fen=pieces, limit=st.integers(1, 500_000))
def test_an_amount_over_the_limit_needs_two_at_the_piece_that_crosses_it(
    fen: list[int], limit: int
) -> None:
    limits = Limits(Money.from_fen(limit), Money.from_fen(limit))
    alone: list[Act] = []
    stopped = False

    for second, piece in enumerate(fen):
        act = refund(piece, at=NOON + timedelta(seconds=second))
        if crossing(act, alone, limits) is None:
            alone.append(act)
        else:
            stopped = True

    assert stopped is (sum(fen) > limit)


@given(
    fen=pieces,
    gaps=gaps,
    payees=st.lists(st.integers(1, 3), min_size=12, max_size=12),
    makers=st.lists(st.integers(1, 3), min_size=12, max_size=12),
)
def test_no_day_ever_holds_more_decided_alone_than_its_limits(
    fen: list[int], gaps: list[int], payees: list[int], makers: list[int]
) -> None:
    at, alone = NOON, list[Act]()

    for piece, gap, payee, maker in zip(fen, gaps, payees, makers, strict=False):
        at += timedelta(seconds=gap)
        act = refund(piece, at=at, payee=UUID(int=payee), maker=str(maker))
        if crossing(act, alone, LIMITS) is None:
            alone.append(act)

    for last in alone:
        day = [act for act in alone if last.at - WINDOW < act.at <= last.at]
        to_payee = [act.amount for act in day if act.payee == last.payee]
        by_maker = [act.amount for act in day if act.maker == last.maker]
        assert total(to_payee) <= LIMITS.at_once
        assert total(by_maker) <= LIMITS.day_sum
        assert total([act.amount for act in day]) <= LIMITS.day_sum


@given(fen=pieces, order=st.randoms(use_true_random=False))
def test_the_same_past_gives_the_same_verdict_in_whatever_order_it_is_read(
    fen: list[int], order: Random
) -> None:
    past = [refund(piece, at=earlier(1)) for piece in fen]
    shuffled = list(past)
    order.shuffle(shuffled)

    assert crossing(refund("10.00"), past, LIMITS) == crossing(refund("10.00"), shuffled, LIMITS)
