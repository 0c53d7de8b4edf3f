"""Working days and deadlines: properties of counting, and the swaps the State Council published."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.calendars import (
    SHANGHAI,
    Deadline,
    WorkingCalendar,
    add_months,
    midnight,
    shanghai_date,
)
from ledger.refusals import CalendarProvisional

NOTICE_2026 = {
    date(2026, 2, 14): True,
    date(2026, 2, 16): False,
    date(2026, 2, 17): False,
    date(2026, 2, 28): True,
    date(2026, 5, 1): False,
    date(2026, 10, 10): True,
}
OFFICIAL = WorkingCalendar(NOTICE_2026, frozenset({2027}))

dates = st.dates(date(2020, 1, 1), date(2030, 12, 31))
calendars = st.builds(
    WorkingCalendar,
    st.dictionaries(dates, st.booleans(), max_size=40),
    st.frozensets(st.integers(2020, 2031), max_size=3),
)
counts = st.integers(0, 40)


@given(calendar=calendars, start=dates, days=counts)
def test_adding_working_days_crosses_exactly_that_many(
    calendar: WorkingCalendar, start: date, days: int
) -> None:
    end = calendar.add_working_days(start, days)

    assert calendar.working_days_between(start, end) == days
    assert days == 0 or calendar.is_working_day(end)


@given(calendar=calendars, start=dates, later=st.integers(0, 30), days=counts, more=counts)
def test_a_later_start_or_a_longer_count_never_ends_earlier(
    calendar: WorkingCalendar, start: date, later: int, days: int, more: int
) -> None:
    end = calendar.add_working_days(start, days)

    assert calendar.add_working_days(start + timedelta(days=later), days) >= end
    assert calendar.add_working_days(start, days + more) >= end


@given(calendar=calendars, start=dates, days=counts, more=counts)
def test_counting_in_two_stretches_is_counting_once(
    calendar: WorkingCalendar, start: date, days: int, more: int
) -> None:
    halfway = calendar.add_working_days(start, days)

    assert calendar.add_working_days(halfway, more) == calendar.add_working_days(start, days + more)


@given(calendar=calendars, start=dates, back=st.integers(0, 400))
def test_no_working_day_lies_between_a_day_and_an_earlier_one(
    calendar: WorkingCalendar, start: date, back: int
) -> None:
    assert calendar.working_days_between(start, start - timedelta(days=back)) == 0


@pytest.mark.parametrize("on", [date(2026, 2, 14), date(2026, 2, 28), date(2026, 10, 10)])
def test_a_make_up_saturday_is_worked(on: date) -> None:
    assert on.weekday() == 5
    assert OFFICIAL.is_working_day(on)
    assert not WorkingCalendar().is_working_day(on)


def test_a_holiday_on_a_weekday_is_not_worked() -> None:
    assert not OFFICIAL.is_working_day(date(2026, 2, 17))
    assert WorkingCalendar().is_working_day(date(2026, 2, 17))


def test_a_calendar_does_not_change_with_the_mapping_it_was_made_from() -> None:
    exceptions = {date(2026, 2, 14): True}
    calendar = WorkingCalendar(exceptions)

    exceptions[date(2026, 2, 14)] = False

    assert calendar.is_working_day(date(2026, 2, 14))


def test_day_one_of_a_notice_is_the_first_working_day_after_its_delivery() -> None:
    delivered = datetime(2026, 2, 13, 10, 0, tzinfo=SHANGHAI)

    assert OFFICIAL.deadline(delivered, 1) == Deadline(date(2026, 2, 14), provisional=False)
    assert OFFICIAL.deadline(delivered, 2) == Deadline(date(2026, 2, 18), provisional=False)


def test_the_date_of_an_instant_is_the_one_in_shanghai() -> None:
    assert shanghai_date(datetime(2026, 3, 2, 15, 59, 59, tzinfo=UTC)) == date(2026, 3, 2)
    assert shanghai_date(datetime(2026, 3, 2, 16, 0, tzinfo=UTC)) == date(2026, 3, 3)
    assert midnight(date(2026, 3, 3)) == datetime(2026, 3, 2, 16, 0, tzinfo=UTC)


def test_an_instant_without_an_offset_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError):
        shanghai_date(datetime(2026, 3, 2, 12, 0))  # noqa: DTZ001 - the mistake itself


def test_silence_takes_effect_at_midnight_after_the_last_day() -> None:
    deadline = OFFICIAL.deadline(datetime(2026, 3, 2, 18, 0, tzinfo=SHANGHAI), 15)

    assert deadline.on == date(2026, 3, 23)
    assert deadline.runs_at() == midnight(date(2026, 3, 24))
    assert not deadline.has_run(midnight(date(2026, 3, 24)) - timedelta(microseconds=1))
    assert deadline.has_run(midnight(date(2026, 3, 24)))


def test_silence_never_takes_effect_on_a_provisional_count() -> None:
    deadline = OFFICIAL.deadline(datetime(2026, 12, 20, 9, 0, tzinfo=SHANGHAI), 15)

    assert deadline.provisional
    assert not deadline.has_run(midnight(date(2030, 1, 1)))
    with pytest.raises(CalendarProvisional) as refusal:
        deadline.runs_at()
    assert refusal.value.facts == {"deadline_on": "2027-01-08"}


def test_the_last_week_of_december_waits_for_the_notice_of_the_year_after() -> None:
    assert not OFFICIAL.is_provisional(date(2026, 12, 24))
    assert OFFICIAL.is_provisional(date(2026, 12, 25))
    assert OFFICIAL.is_provisional(date(2027, 6, 1))
    assert not OFFICIAL.is_provisional(date(2025, 12, 31))


@given(on=dates, months=st.integers(-60, 60))
def test_months_are_added_by_the_calendar_and_clamped_to_the_end_of_the_month(
    on: date, months: int
) -> None:
    moved = add_months(on, months)

    assert moved.year * 12 + moved.month == on.year * 12 + on.month + months
    assert moved.day == on.day or (
        moved.day < on.day and (moved + timedelta(days=1)).month != moved.month
    )


def test_a_month_before_the_end_of_march_is_the_end_of_february() -> None:
    assert add_months(date(2025, 3, 31), -1) == date(2025, 2, 28)
    assert add_months(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert add_months(date(2025, 12, 15), 1) == date(2026, 1, 15)


@given(calendar=calendars, on=dates, hour=st.integers(0, 23), days=counts)
def test_a_deadline_is_provisional_when_any_day_it_counts_is(
    calendar: WorkingCalendar, on: date, hour: int, days: int
) -> None:
    deadline = calendar.deadline(midnight(on) + timedelta(hours=hour), days)

    counted = {on + timedelta(days=n) for n in range(1, (deadline.on - on).days + 1)}
    assert deadline.provisional == any(calendar.is_provisional(day) for day in counted)
