"""Rule packs (规则包): every cap, silence period and deadline as dated data, and their checks.

A jurisdiction has one pack. Each value in it says from when to when it is in force, for which
category of training, and where it comes from. A value is judged at the date of the fact it governs
(a charge at its charge date) and never again (I-41). What is not in force is not allowed: a missing
value is the refusal PolicyMissing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from ledger import parameters
from ledger.calendars import WorkingCalendar, add_months, shanghai_time
from ledger.money import Money
from ledger.parameters import Category, Department, Parameter, Scope
from ledger.refusals import (
    AmountOverCap,
    ChargedTooEarly,
    LessonsOverCap,
    OutsideTimetable,
    PolicyMissing,
    PriceOverGuide,
    SpanOverCap,
)

__all__ = [
    "Category",
    "Department",
    "Parameter",
    "PolicyValue",
    "RulePack",
    "Scope",
    "check_charge",
    "check_price",
    "check_timetable",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """One value of a parameter: for whom, from when to when (both days included), and its source.

    Raises ValueError when the value is not of the parameter's type, the period is empty, or no
    source is given.
    """

    parameter: Parameter[Any]
    value: object
    effective_from: date
    source: str
    effective_to: date | None = None
    scope: Scope | None = None

    def __post_init__(self) -> None:
        """Refuse a value that could not be used."""
        if type(self.value) is not self.parameter.kind:
            raise ValueError(f"{self.parameter.name} is a {self.parameter.kind.__name__}")
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise ValueError(f"{self.parameter.name} ends before it begins")
        if not self.source.strip():
            raise ValueError(f"{self.parameter.name} needs a source")

    def governs(self, on: date, category: Category | None) -> bool:
        """Tell whether this value is in force at a date for a category."""
        started = self.effective_from <= on
        ended = self.effective_to is not None and on > self.effective_to
        ours = self.scope is None or (category is not None and category.scope is self.scope)
        return started and not ended and ours


@dataclass(frozen=True, slots=True)
class RulePack:
    """A jurisdiction's rules: a code, a version (1, 2, 3 …) and dated values.

    `jurisdiction` is the code of the level that says them, None where the document names none.
    Raises ValueError when two values of one parameter and scope begin on the same day.
    """

    code: str
    version: int
    values: tuple[PolicyValue, ...]
    jurisdiction: str | None = None

    def __post_init__(self) -> None:
        """Refuse a pack in which two values claim the same days."""
        keys = [(value.parameter.name, value.scope, value.effective_from) for value in self.values]
        if len(set(keys)) < len(keys):
            raise ValueError(f"{self.label} gives one parameter two values from the same day")

    @property
    def label(self) -> str:
        """Code and version, as stored with every transaction judged by this pack."""
        return f"{self.code}@{self.version}"

    def value(self, parameter: Parameter[T], *, on: date, category: Category | None = None) -> T:
        """Return the value in force at a date: of the category before the general, latest first.

        Raises PolicyMissing when there is none: no rule means no permission.
        """
        found: PolicyValue | None = None
        for value in self.values:
            if (
                value.parameter.name == parameter.name
                and value.governs(on, category)
                and (found is None or _rank(value) > _rank(found))
            ):
                found = value
        if found is None:
            raise PolicyMissing(
                parameter=parameter.name, on=on.isoformat(), category=category, pack=self.label
            )
        assert isinstance(found.value, parameter.kind)
        return found.value


def _rank(value: PolicyValue) -> tuple[bool, date]:
    return value.scope is not None, value.effective_from


def check_charge(  # noqa: PLR0913 - a charge has this many facts
    pack: RulePack,
    *,
    price: Money,
    lessons_paid: int,
    lessons_gift: int,
    starts_on: date,
    ends_on: date,
    charged_on: date,
    category: Category,
    open_lessons: int = 0,
    open_span: tuple[date, date] | None = None,
    lessons_left_of_previous: int | None = None,
) -> None:
    """Refuse a charge over a cap in force at its charge date (I-41).

    `ends_on` is the last day of the contract. `open_lessons` and `open_span` (earliest start,
    latest end) are those of the student's other open enrolments for the same institution and
    subject, so that a charge cannot be split. `lessons_left_of_previous` is None when there is none
    to follow on. Order: PolicyMissing, AmountOverCap, LessonsOverCap, SpanOverCap, ChargedTooEarly.
    """
    assert starts_on <= ends_on, "a contract ends on or after its first day"
    rule = _in_force(pack, on=charged_on, category=category)
    cap, lessons_max = rule(parameters.AMOUNT_CAP), rule(parameters.LESSONS_MAX)
    months_max = rule(parameters.SPAN_MONTHS_MAX)
    months_early = rule(parameters.EARLIEST_CHARGE_MONTHS)
    left_max = rule(parameters.EARLIEST_CHARGE_LESSONS_LEFT)
    first, last = open_span or (starts_on, ends_on)
    first, last = min(first, starts_on), max(last, ends_on)
    over_from, earliest_on = add_months(first, months_max), add_months(starts_on, -months_early)
    left = lessons_left_of_previous

    if price > cap:
        raise AmountOverCap(amount=str(price), cap=str(cap))
    if (lessons := lessons_paid + lessons_gift + open_lessons) > lessons_max:
        raise LessonsOverCap(lessons=lessons, lessons_max=lessons_max)
    if last >= over_from:
        raise SpanOverCap(
            starts_on=first.isoformat(), ends_on=last.isoformat(), months_max=months_max
        )
    if charged_on < earliest_on and (left is None or left > left_max):
        raise ChargedTooEarly(
            charged_on=charged_on.isoformat(),
            earliest_on=earliest_on.isoformat(),
            lessons_left=left,
            lessons_left_max=left_max,
        )


def check_timetable(  # noqa: PLR0913 - the facts of one lesson
    pack: RulePack,
    calendar: WorkingCalendar,
    *,
    category: Category,
    online: bool,
    starts_at: datetime,
    ends_at: datetime,
) -> None:
    """Refuse a subject lesson (学科类) outside the hours and days allowed (S27).

    It ends on its own Shanghai day by 20:30, online by 21:00, on a working day (a make-up Saturday
    is one) and not in a term break. Other categories are free. The rules are those of the lesson's
    date. Raises PolicyMissing, then OutsideTimetable with what is wrong: hour, rest_day or break.
    """
    assert starts_at < ends_at, "a lesson ends after it starts"
    if category is not Category.SUBJECT:
        return
    start, end = shanghai_time(starts_at), shanghai_time(ends_at)
    on = start.date()
    rule = _in_force(pack, on=on, category=category)
    end_by = rule(parameters.ONLINE_END_BY if online else parameters.OFFLINE_END_BY)
    rest_days, breaks = rule(parameters.SUBJECT_ON_REST_DAYS), rule(parameters.SUBJECT_IN_BREAKS)
    in_break = rule(parameters.TERM_BREAK)

    if end.date() != on or end.time() > end_by:
        raise OutsideTimetable(wrong="hour", on=on.isoformat(), end_by=end_by.isoformat("minutes"))
    if not rest_days and not calendar.is_working_day(on):
        raise OutsideTimetable(wrong="rest_day", on=on.isoformat())
    if in_break and not breaks:
        raise OutsideTimetable(wrong="break", on=on.isoformat())


def check_price(  # noqa: PLR0913 - the facts of one filed price
    pack: RulePack,
    *,
    category: Category,
    online: bool,
    class_size: int,
    lesson_minutes: int,
    lessons: int,
    price: Money,
    on: date,
) -> None:
    """Refuse a subject course priced above the guide price and its float (S42).

    The base is cut to the lesson's real minutes; compared exactly, over the whole price. Other
    categories have market prices. Raises PolicyMissing (no table or no line), then PriceOverGuide.
    """
    if category is not Category.SUBJECT:
        return
    table = pack.value(parameters.GUIDE_PRICES, on=on, category=category)
    line = table.line_for(online=online, class_size=class_size)
    if line is None:
        raise PolicyMissing(
            parameter=parameters.GUIDE_PRICES.name, on=on.isoformat(), pack=pack.label
        )
    most = line.base.fen * lessons * lesson_minutes * (100 + table.float_percent_max)
    if price.fen * line.minutes * 100 > most:
        limit = Money.from_fen(most // (line.minutes * 100))
        raise PriceOverGuide(price=str(price), guide_price_max=str(limit))


def _in_force(pack: RulePack, *, on: date, category: Category) -> Callable[[Parameter[T]], T]:
    def rule(parameter: Parameter[T]) -> T:
        return pack.value(parameter, on=on, category=category)

    return rule
