"""Timetables and guide prices of subject tutoring; other categories are free of both."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import parameters
from ledger.calendars import SHANGHAI, WorkingCalendar
from ledger.money import Money
from ledger.policy import Category, PolicyValue, RulePack, check_price, check_timetable
from ledger.refusals import OutsideTimetable, PolicyMissing, PriceOverGuide
from tests.ledger.rule_packs import PACK, pack_of

CALENDAR = WorkingCalendar({date(2026, 2, 28): True, date(2026, 5, 1): False})


def lesson(on: date, start: time, end: time, *, days: int = 0, **change: Any) -> dict[str, Any]:
    return {
        "category": Category.SUBJECT,
        "online": False,
        "starts_at": datetime.combine(on, start, SHANGHAI),
        "ends_at": datetime.combine(on + timedelta(days=days), end, SHANGHAI),
    } | change


MONDAY = date(2026, 3, 2)
INSTANTS = st.integers(0, 10_000_000).map(
    lambda minutes: datetime(2020, 1, 1, tzinfo=SHANGHAI) + timedelta(minutes=minutes)
)


@pytest.mark.parametrize(
    "facts",
    [
        lesson(MONDAY, time(19, 0), time(20, 30)),
        lesson(MONDAY, time(19, 0), time(21, 0), online=True),
        lesson(date(2026, 2, 28), time(9, 0), time(10, 0)),
    ],
)
def test_a_subject_lesson_on_a_working_day_that_ends_in_time_is_lawful(
    facts: dict[str, Any],
) -> None:
    check_timetable(PACK, CALENDAR, **facts)


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        (lesson(MONDAY, time(19, 0), time(20, 30, 0, 1)), "hour"),
        (lesson(MONDAY, time(19, 0), time(21, 0, 1), online=True), "hour"),
        (lesson(MONDAY, time(23, 0), time(1, 0), days=1), "hour"),
        (lesson(date(2026, 3, 7), time(9, 0), time(10, 0)), "rest_day"),
        (lesson(date(2026, 5, 1), time(9, 0), time(10, 0)), "rest_day"),
    ],
)
def test_a_subject_lesson_outside_hours_or_working_days_is_refused(
    facts: dict[str, Any], wrong: str
) -> None:
    with pytest.raises(OutsideTimetable) as refused:
        check_timetable(PACK, CALENDAR, **facts)

    assert refused.value.facts["wrong"] == wrong


def test_a_subject_lesson_in_a_term_break_is_refused_unless_the_pack_allows_it() -> None:
    summer = PolicyValue(
        parameters.TERM_BREAK, value=True, effective_from=date(2026, 7, 13), source="term dates"
    )
    allowed = PolicyValue(
        parameters.SUBJECT_IN_BREAKS, value=True, effective_from=date(2026, 7, 14), source="pilot"
    )
    pack = pack_of(summer, allowed)

    check_timetable(pack, CALENDAR, **lesson(date(2026, 7, 14), time(9, 0), time(10, 0)))
    with pytest.raises(OutsideTimetable) as refused:
        check_timetable(pack, CALENDAR, **lesson(date(2026, 7, 13), time(9, 0), time(10, 0)))
    assert refused.value.facts == {"wrong": "break", "on": "2026-07-13"}


def test_a_pack_may_allow_subject_lessons_on_rest_days() -> None:
    pack = pack_of(
        PolicyValue(
            parameters.SUBJECT_ON_REST_DAYS, value=True, effective_from=MONDAY, source="pilot"
        )
    )

    check_timetable(pack, CALENDAR, **lesson(date(2026, 3, 7), time(9, 0), time(10, 0)))


@given(
    category=st.sampled_from([c for c in Category if c is not Category.SUBJECT]),
    starts_at=INSTANTS,
    minutes=st.integers(1, 600),
)
def test_other_categories_teach_at_any_hour_even_without_rules(
    category: Category, starts_at: datetime, minutes: int
) -> None:
    check_timetable(
        RulePack("empty", 1, ()),
        WorkingCalendar(),
        category=category,
        online=False,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes),
    )


COURSE: dict[str, Any] = {
    "category": Category.SUBJECT,
    "online": False,
    "class_size": 9,
    "lesson_minutes": 45,
    "lessons": 20,
    "price": Money.of("990.00"),
    "on": MONDAY,
}


@pytest.mark.parametrize(
    ("change", "most"),
    [
        ({}, "990.00"),
        ({"class_size": 10}, "660.00"),
        ({"online": True, "class_size": 500}, "660.00"),
        ({"lesson_minutes": 40}, "880.00"),
    ],
)
def test_a_subject_course_may_cost_the_guide_price_and_ten_percent(
    change: dict[str, Any], most: str
) -> None:
    course = COURSE | change | {"price": Money.of(most)}

    check_price(PACK, **course)
    with pytest.raises(PriceOverGuide) as refused:
        check_price(PACK, **course | {"price": Money.of(most) + Money.of("0.01")})
    if "online" not in change:
        assert refused.value.facts["guide_price_max"] == most


@given(fen=st.integers(1, 500_000), lessons=st.integers(1, 60), minutes=st.integers(20, 120))
def test_the_guide_price_is_compared_exactly(fen: int, lessons: int, minutes: int) -> None:
    course = COURSE | {
        "price": Money.from_fen(fen),
        "lessons": lessons,
        "lesson_minutes": minutes,
    }

    try:
        check_price(PACK, **course)
    except PriceOverGuide as refusal:
        assert fen * 4500 > 4500 * lessons * minutes * 110
        limit = Money.of(str(refusal.facts["guide_price_max"]))
        check_price(PACK, **course | {"price": limit})
    else:
        assert fen * 4500 <= 4500 * lessons * minutes * 110


def test_a_subject_course_without_a_guide_price_is_refused() -> None:
    with pytest.raises(PolicyMissing):
        check_price(PACK, **COURSE | {"class_size": 35})
    with pytest.raises(PolicyMissing):
        check_price(pack_of(without=parameters.GUIDE_PRICES), **COURSE)


def test_other_categories_have_market_prices() -> None:
    check_price(RulePack("empty", 1, ()), **COURSE | {"category": Category.SCIENCE})
