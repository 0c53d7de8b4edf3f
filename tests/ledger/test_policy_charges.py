"""Charges against the caps: worked case 8.2 to the fen, the lesson and the day, and properties."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import parameters
from ledger.calendars import add_months
from ledger.money import Money
from ledger.policy import Category, Parameter, PolicyValue, check_charge
from ledger.refusals import (
    AmountOverCap,
    ChargedTooEarly,
    LessonsOverCap,
    PolicyMissing,
    SpanOverCap,
)
from tests.ledger.rule_packs import PACK, pack_of

LAWFUL: dict[str, Any] = {
    "price": Money.of("5000.00"),
    "lessons_paid": 60,
    "lessons_gift": 0,
    "starts_on": date(2025, 3, 1),
    "ends_on": date(2025, 5, 31),
    "charged_on": date(2025, 2, 1),
    "category": Category.ART,
}


def test_a_charge_at_every_edge_of_the_caps_is_lawful() -> None:
    check_charge(PACK, **LAWFUL)
    check_charge(PACK, **LAWFUL | {"lessons_paid": 55, "lessons_gift": 5})
    check_charge(PACK, **LAWFUL | {"charged_on": date(2025, 1, 31), "lessons_left_of_previous": 20})


@pytest.mark.parametrize(
    ("change", "refusal", "facts"),
    [
        (
            {"price": Money.of("5000.01")},
            AmountOverCap,
            {"amount": "5000.01", "cap": "5000.00"},
        ),
        ({"lessons_paid": 61}, LessonsOverCap, {"lessons": 61, "lessons_max": 60}),
        (
            {"lessons_paid": 56, "lessons_gift": 5},
            LessonsOverCap,
            {"lessons": 61, "lessons_max": 60},
        ),
        (
            {"ends_on": date(2025, 6, 1)},
            SpanOverCap,
            {"starts_on": "2025-03-01", "ends_on": "2025-06-01", "months_max": 3},
        ),
        (
            {"charged_on": date(2025, 1, 31)},
            ChargedTooEarly,
            {
                "charged_on": "2025-01-31",
                "earliest_on": "2025-02-01",
                "lessons_left": None,
                "lessons_left_max": 20,
            },
        ),
        (
            {"charged_on": date(2025, 1, 31), "lessons_left_of_previous": 21},
            ChargedTooEarly,
            {
                "charged_on": "2025-01-31",
                "earliest_on": "2025-02-01",
                "lessons_left": 21,
                "lessons_left_max": 20,
            },
        ),
    ],
)
def test_a_charge_one_fen_one_lesson_or_one_day_over_is_refused(
    change: dict[str, Any], refusal: type[Exception], facts: dict[str, Any]
) -> None:
    with pytest.raises(refusal) as refused:
        check_charge(PACK, **LAWFUL | change)

    assert getattr(refused.value, "facts", None) == facts


def test_refusals_of_a_charge_come_in_their_documented_order() -> None:
    wrong: dict[str, Any] = {
        "price": Money.of("9000.00"),
        "lessons_paid": 90,
        "ends_on": date(2025, 12, 31),
        "charged_on": date(2024, 1, 1),
    }
    order = [AmountOverCap, LessonsOverCap, SpanOverCap, ChargedTooEarly]

    for refusal, field in zip(order, wrong, strict=True):
        with pytest.raises(refusal):
            check_charge(PACK, **LAWFUL | wrong)
        wrong = wrong | {field: LAWFUL[field]}


def test_a_charge_split_over_two_enrolments_is_judged_as_one() -> None:
    half = LAWFUL | {"lessons_paid": 30}

    check_charge(PACK, **half, open_lessons=30)
    check_charge(PACK, **half, open_span=(date(2025, 3, 1), date(2025, 5, 31)))
    with pytest.raises(LessonsOverCap):
        check_charge(PACK, **half, open_lessons=31)
    with pytest.raises(SpanOverCap):
        check_charge(PACK, **half, open_span=(date(2025, 2, 28), date(2025, 4, 30)))
    with pytest.raises(SpanOverCap):
        check_charge(PACK, **half, open_span=(date(2025, 4, 1), date(2025, 6, 1)))


@given(
    starts_on=st.dates(date(2022, 1, 1), date(2030, 1, 1)),
    days=st.integers(0, 120),
    early=st.integers(0, 60),
)
def test_a_charge_is_lawful_exactly_within_three_months_and_one_month_ahead(
    starts_on: date, days: int, early: int
) -> None:
    ends_on, charged_on = starts_on + timedelta(days=days), starts_on - timedelta(days=early)
    lawful = ends_on < add_months(starts_on, 3) and charged_on >= add_months(starts_on, -1)
    charge = LAWFUL | {"starts_on": starts_on, "ends_on": ends_on, "charged_on": charged_on}

    try:
        check_charge(PACK, **charge)
    except (SpanOverCap, ChargedTooEarly):
        assert not lawful
    else:
        assert lawful


@given(
    fen=st.integers(1, 1_000_000),
    paid=st.integers(1, 90),
    gift=st.integers(0, 30),
    already=st.integers(0, 60),
)
def test_a_charge_is_lawful_exactly_up_to_the_amount_and_the_lessons(
    fen: int, paid: int, gift: int, already: int
) -> None:
    charge = LAWFUL | {
        "price": Money.from_fen(fen),
        "lessons_paid": paid,
        "lessons_gift": gift,
        "open_lessons": already,
    }

    try:
        check_charge(PACK, **charge)
    except AmountOverCap:
        assert fen > 500_000
    except LessonsOverCap:
        assert fen <= 500_000
        assert paid + gift + already > 60
    else:
        assert fen <= 500_000
        assert paid + gift + already <= 60


def test_a_charge_is_judged_by_the_cap_of_its_charge_date_for_ever() -> None:
    lower = PolicyValue(parameters.AMOUNT_CAP, Money.of("3000.00"), date(2025, 2, 2), "new notice")
    pack = pack_of(lower)

    check_charge(pack, **LAWFUL)
    with pytest.raises(AmountOverCap):
        check_charge(pack, **LAWFUL | {"charged_on": date(2025, 2, 2)})


@pytest.mark.parametrize(
    "parameter",
    [
        parameters.AMOUNT_CAP,
        parameters.LESSONS_MAX,
        parameters.SPAN_MONTHS_MAX,
        parameters.EARLIEST_CHARGE_MONTHS,
        parameters.EARLIEST_CHARGE_LESSONS_LEFT,
    ],
)
def test_a_charge_is_refused_when_a_cap_is_missing(parameter: Parameter[Any]) -> None:
    with pytest.raises(PolicyMissing) as refused:
        check_charge(pack_of(without=parameter), **LAWFUL | {"price": Money.of("9999.99")})

    assert refused.value.facts["parameter"] == parameter.name
