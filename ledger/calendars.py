"""Working days (工作日): weekends, State Council holidays, make-up days (调休), and deadlines.

A calendar is what it is told: Monday to Friday are worked unless a dated exception says otherwise.
A year for which the State Council has not yet published its notice is *provisional*: a deadline
that touches one is an estimate, and nothing may happen by itself on its strength. Business dates
are dates in Asia/Shanghai, which has no summer time.
"""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from types import MappingProxyType

from ledger.refusals import CalendarProvisional

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""China's one legal time, +08:00 all the year; needs no time-zone database."""

_DAY = timedelta(days=1)
_SATURDAY = 5
_NEW_YEAR_WINDOW = (12, 25)


def shanghai_date(instant: datetime) -> date:
    """Return the business date an aware instant falls on."""
    return shanghai_time(instant).date()


def shanghai_time(instant: datetime) -> datetime:
    """Return an aware instant as a date and time of day in Asia/Shanghai."""
    assert instant.tzinfo is not None, "an instant carries its offset"
    return instant.astimezone(SHANGHAI)


def midnight(on: date) -> datetime:
    """Return the first instant of a business date."""
    return datetime.combine(on, time.min, tzinfo=SHANGHAI)


def add_months(on: date, months: int) -> date:
    """Move a date by calendar months, back when negative, clamped to the end of the month."""
    year, month0 = divmod(on.year * 12 + on.month - 1 + months, 12)
    return date(year, month0 + 1, min(on.day, calendar.monthrange(year, month0 + 1)[1]))


@dataclass(frozen=True, slots=True)
class Deadline:
    """The last day somebody has to answer; what follows from silence happens at 00:00 after it.

    `provisional` says that the count touches a year without an official notice: it may still move.
    """

    on: date
    provisional: bool

    def runs_at(self) -> datetime:
        """Return the instant at which silence takes effect.

        Raises CalendarProvisional: nobody loses a right on an estimated count.
        """
        if self.provisional:
            raise CalendarProvisional(deadline_on=self.on.isoformat())
        return midnight(self.on + _DAY)

    def has_run(self, at: datetime) -> bool:
        """Tell whether silence has taken effect at an instant; never so of a provisional count."""
        return not self.provisional and at >= midnight(self.on + _DAY)


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """Which days are worked: Monday to Friday, corrected by dated exceptions.

    `exceptions` maps a date to whether it is worked: False a holiday on a weekday, True a make-up
    Saturday or Sunday. `provisional_years` are the years whose official notice is not known.
    """

    exceptions: Mapping[date, bool] = field(default_factory=dict)
    provisional_years: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        """Keep a private copy, so that nobody changes a calendar in use."""
        object.__setattr__(self, "exceptions", MappingProxyType(dict(self.exceptions)))

    def is_working_day(self, on: date) -> bool:
        """Tell whether a date is worked."""
        return self.exceptions.get(on, on.weekday() < _SATURDAY)

    def is_provisional(self, on: date) -> bool:
        """Tell whether a date's status may still change by notice.

        The notice for a year also moves the last days of the December before it (2018-12-29 was
        worked by the notice for 2019), so from 25 December a date waits for the next year's too.
        """
        if on.year in self.provisional_years:
            return True
        return (on.month, on.day) >= _NEW_YEAR_WINDOW and on.year + 1 in self.provisional_years

    def add_working_days(self, start: date, days: int) -> date:
        """Return the n-th working day after a date; day 1 is the first after it, 0 the date."""
        assert days >= 0, "working days are counted forwards"
        on = start
        while days:
            on += _DAY
            days -= self.is_working_day(on)
        return on

    def working_days_between(self, after: date, until: date) -> int:
        """Count the working days after one date, up to and including another; none backwards."""
        span = (until - after).days
        return sum(self.is_working_day(after + timedelta(days=n)) for n in range(1, span + 1))

    def deadline(self, delivered_at: datetime, working_days: int) -> Deadline:
        """Return the deadline of a notice: day 1 is the first working day after its delivery."""
        delivered_on = shanghai_date(delivered_at)
        on = self.add_working_days(delivered_on, working_days)
        days = (delivered_on + timedelta(days=n) for n in range(1, (on - delivered_on).days + 1))
        return Deadline(on, provisional=any(self.is_provisional(day) for day in days))
