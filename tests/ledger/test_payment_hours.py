"""When a bank pays: cut-offs, working days and limits, as its terms say."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.calendars import SHANGHAI, WorkingCalendar
from ledger.money import Money
from ledger.payment_hours import ALWAYS, PaymentHours, Wait

HOLIDAY = date(2026, 10, 1)
MADE_UP = date(2026, 10, 10)
CALENDAR = WorkingCalendar({HOLIDAY: False, MADE_UP: True})
LARGE_VALUE = PaymentHours(
    opens_at=time(20, 30),
    cut_off_at=time(17, 30),
    working_days_only=True,
    item_limit=Money.of("10000000.00"),
    small_value_limit=Money.of("1000000.00"),
    small_value_holiday_limit=Money.of("50000.00"),
)
amounts = st.integers(1, 2_000_000_000).map(Money.from_fen)
instants = st.integers(0, 60 * 24 * 60).map(
    lambda minutes: datetime(2026, 9, 1, tzinfo=SHANGHAI) + timedelta(minutes=minutes)
)
hours = st.none() | st.times().map(lambda t: t.replace(second=0, microsecond=0))
terms = st.builds(
    PaymentHours,
    opens_at=hours,
    cut_off_at=hours.filter(lambda hour: hour is None or hour > time(0)),
    working_days_only=st.booleans(),
    item_limit=st.none() | amounts,
    small_value_limit=st.none() | amounts,
    small_value_holiday_limit=st.none() | amounts,
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}:00").replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("when", "amount", "waits"),
    [
        ("09-30T17:29", "1000000.01", None),
        ("09-30T17:30", "1000000.01", Wait.CUT_OFF),
        ("09-30T17:30", "1000000.00", None),
        ("09-30T20:30", "1000000.01", Wait.CUT_OFF),
        ("10-01T09:00", "50000.01", Wait.WORKING_DAY),
        ("10-01T09:00", "50000.00", None),
        ("10-01T20:30", "9999999.99", None),
        ("10-10T09:00", "9999999.99", None),
        ("09-30T09:00", "10000000.01", Wait.ITEM_LIMIT),
        ("10-01T09:00", "10000000.01", Wait.ITEM_LIMIT),
    ],
)
def test_large_payments_go_on_banking_days_and_small_ones_at_any_hour(
    when: str, amount: str, waits: Wait | None
) -> None:
    assert LARGE_VALUE.waits_for(Money.of(amount), at(when), CALENDAR) is waits


@pytest.mark.parametrize(
    ("when", "opens"),
    [
        ("09-30T09:00", "09-30T09:00"),
        ("09-30T18:00", "10-01T20:30"),
        ("10-02T18:00", "10-04T20:30"),
        ("10-09T19:00", "10-09T20:30"),
    ],
)
def test_a_banking_day_opens_in_the_evening_before_it(when: str, opens: str) -> None:
    assert LARGE_VALUE.opens_next(at(when), CALENDAR) == at(opens)


def test_without_an_hour_of_opening_a_banking_day_begins_at_midnight() -> None:
    until_five = PaymentHours(cut_off_at=time(17, 0), working_days_only=True)

    assert until_five.opens_next(at("09-30T17:00"), CALENDAR) == at("10-02T00:00")
    assert until_five.largest(at("09-30T17:00"), CALENDAR) == Money.of("0.00")


def test_a_bank_without_terms_takes_any_order_at_any_hour() -> None:
    assert ALWAYS.largest(at("10-01T03:00"), CALENDAR) is None


def test_a_bank_that_never_opens_is_a_mistake_of_ours() -> None:
    closed = WorkingCalendar({date(2026, 9, 1) + timedelta(days=n): False for n in range(99)})

    with pytest.raises(AssertionError, match="opens"):
        LARGE_VALUE.opens_next(at("09-01T18:00"), closed)


@given(terms=terms, amount=amounts, now=instants)
@settings(max_examples=200)
def test_an_order_goes_when_it_is_no_larger_than_what_goes(
    terms: PaymentHours, amount: Money, now: datetime
) -> None:
    most = terms.largest(now, CALENDAR)

    assert (terms.waits_for(amount, now, CALENDAR) is None) == (most is None or amount <= most)


@given(terms=terms, amount=amounts, now=instants)
@settings(max_examples=200)
def test_what_waits_for_the_hour_goes_when_the_bank_opens(
    terms: PaymentHours, amount: Money, now: datetime
) -> None:
    opening = terms.opens_next(now, CALENDAR)
    over = terms.item_limit is not None and amount > terms.item_limit

    assert terms.waits_for(amount, opening, CALENDAR) is (Wait.ITEM_LIMIT if over else None)
    assert opening >= now
