"""Working-day exceptions of China by year, from the `holidays` library (国务院节假日安排).

A year is official when the State Council's notice for it is listed here: then the library's swaps
(调休) are the notice's. Any other year has the statutory feasts only and is provisional, so nothing
happens by silence on a count through it. The service keeps the result as rows an operator corrects.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

import holidays

NOTICES: Final = {
    2022: "国办发明电〔2021〕11号",
    2023: "国办发明电〔2022〕16号",
    2024: "国办发明电〔2023〕7号",
    2025: "国办发明电〔2024〕12号",
    2026: "国办发明电〔2025〕7号",
}
"""The State Council's notice by the year it arranges."""

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
        provisional_years=frozenset(year for year in wanted if year not in NOTICES),
    )


def _days_of(year: int) -> list[CalendarDay]:
    china = holidays.country_holidays("CN", years=[year], language="zh_CN")
    source = NOTICES.get(year, "provisional: no notice yet")
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
