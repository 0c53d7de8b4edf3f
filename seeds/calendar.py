"""Working-day exceptions of China by year, from the `holidays` library (国务院节假日安排).

A year is official when the State Council's notice for it is out and the library has its swaps
(调休). Any other year has the statutory feasts only and is provisional, so nothing happens by
silence on a count through it. The service keeps the result as rows an operator corrects.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

import holidays

OFFICIAL_YEARS: Final = frozenset(range(2022, 2027))
"""Years whose notice is out and whose swaps the library has; add a year when its notice comes."""

_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """One exception: a weekday that is not worked, or a Saturday or Sunday that is."""

    on: date
    working: bool
    name: str
    source: str


@dataclass(frozen=True, slots=True)
class CalendarSeed:
    """The exceptions of some years, and which of the years have no official notice yet."""

    days: tuple[CalendarDay, ...]
    provisional_years: frozenset[int]

    @property
    def exceptions(self) -> dict[date, bool]:
        """The exceptions as `ledger.calendars.WorkingCalendar` takes them."""
        return {day.on: day.working for day in self.days}


def calendar_of(years: Iterable[int]) -> CalendarSeed:
    """Return every exception of the years asked for, in order of date."""
    wanted = sorted(set(years))
    # One library object per year: it swaps days only for the years it was asked for.
    days = [day for year in wanted for day in _days_of(year)]
    return CalendarSeed(
        days=tuple(sorted(days, key=lambda day: day.on)),
        provisional_years=frozenset(year for year in wanted if year not in OFFICIAL_YEARS),
    )


def _days_of(year: int) -> list[CalendarDay]:
    china = holidays.country_holidays("CN", years=[year], language="zh_CN")
    source = _source(year)
    off = [
        CalendarDay(on, working=False, name=name, source=source)
        for on, name in china.items()
        if on.year == year and on.weekday() < _SATURDAY
    ]
    made_up = [
        CalendarDay(on, working=True, name="调休上班", source=source)
        for on in china.weekend_workdays
        if on.year == year and on.weekday() >= _SATURDAY
    ]
    return off + made_up


def _source(year: int) -> str:
    if year in OFFICIAL_YEARS:
        return f"国务院办公厅关于{year}年部分节假日安排的通知"
    return "provisional: no notice yet"
