"""What a rule pack can speak of: training categories (培训类别), departments, and rule parameters.

A parameter is a name and the type of its values; the values, their dates and their sources are in
rule packs (`ledger/policy.py`).
"""

from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from ledger.money import Money

T = TypeVar("T")


class Department(StrEnum):
    """A competent department (主管部门): who approves a category supervises it (谁审批,谁监管)."""

    EDUCATION = "education"
    CULTURE = "culture"
    SPORT = "sport"
    SCIENCE = "science"


class Scope(StrEnum):
    """The part of the field a value is for: 学科类 or 非学科类."""

    SUBJECT = "subject"
    NON_SUBJECT = "non_subject"


class Category(StrEnum):
    """What an institution or a course teaches (培训类别)."""

    SUBJECT = "subject"
    ART = "art"
    SPORT = "sport"
    SCIENCE = "science"
    OTHER = "other"

    @property
    def scope(self) -> Scope:
        """Subject tutoring (学科类) or everything else (非学科类)."""
        return Scope.SUBJECT if self is Category.SUBJECT else Scope.NON_SUBJECT

    @property
    def competent(self) -> Department:
        """The department that approves this category by default."""
        return _COMPETENT[self]


_COMPETENT: Final = {
    Category.SUBJECT: Department.EDUCATION,
    Category.ART: Department.CULTURE,
    Category.SPORT: Department.SPORT,
    Category.SCIENCE: Department.SCIENCE,
    Category.OTHER: Department.EDUCATION,
}


@dataclass(frozen=True, slots=True)
class GuidePrice:
    """One line of a guide-price table (政府指导价): yuan per student for `minutes` of teaching.

    It holds for classes up to `class_size_max` (None: any size).
    """

    online: bool
    class_size_max: int | None
    minutes: int
    base: Money


@dataclass(frozen=True, slots=True)
class GuidePrices:
    """A guide-price table, smallest classes first, and how far a price may float above it."""

    lines: tuple[GuidePrice, ...]
    float_percent_max: int

    def line_for(self, *, online: bool, class_size: int) -> GuidePrice | None:
        """Return the line for a form and class size, or None when the table has none."""
        for line in self.lines:
            fits = line.class_size_max is None or class_size <= line.class_size_max
            if line.online is online and fits:
                return line
        return None


@dataclass(frozen=True, slots=True)
class Parameter(Generic[T]):
    """The name of a rule parameter and the type of its values."""

    name: str
    kind: type[T]


AMOUNT_CAP: Final = Parameter("amount_cap", Money)
SPAN_MONTHS_MAX: Final = Parameter("span_months_max", int)
LESSONS_MAX: Final = Parameter("lessons_max", int)
EARLIEST_CHARGE_MONTHS: Final = Parameter("earliest_charge_months", int)
EARLIEST_CHARGE_LESSONS_LEFT: Final = Parameter("earliest_charge_lessons_left", int)
SILENCE_WORKING_DAYS: Final = Parameter("silence_working_days", int)
REFUND_SILENCE_WORKING_DAYS: Final = Parameter("refund_silence_working_days", int)
COOLING_OFF_DAYS: Final = Parameter("cooling_off_days", int)
REFUND_DAYS_COOLING_OFF: Final = Parameter("refund_days_cooling_off", int)
REFUND_DAYS_BEFORE_START: Final = Parameter("refund_days_before_start", int)
REFUND_DAYS_AFTER_START: Final = Parameter("refund_days_after_start", int)
REFUND_DAYS_INSTITUTION: Final = Parameter("refund_days_institution", int)
REFUND_IN_WORKING_DAYS: Final = Parameter("refund_in_working_days", bool)
REFUND_TWO_PERSON_ABOVE: Final = Parameter("refund_two_person_above", Money)
REFUND_DAY_SUM_ABOVE: Final = Parameter("refund_day_sum_above", Money)
PAYEE_COOL_OFF_DAYS: Final = Parameter("payee_cool_off_days", int)
REFUND_UNCLAIMED_DAYS: Final = Parameter("refund_unclaimed_days", int)
UNPAID_LAPSE_DAYS: Final = Parameter("unpaid_lapse_days", int)
SUSPENSE_TWO_PERSON_ABOVE: Final = Parameter("suspense_two_person_above", Money)
SUSPENSE_DAY_SUM_ABOVE: Final = Parameter("suspense_day_sum_above", Money)
ABSENCE_CONSUMES_LESSON: Final = Parameter("absence_consumes_lesson", bool)
OFFLINE_END_BY: Final = Parameter("offline_end_by", time)
ONLINE_END_BY: Final = Parameter("online_end_by", time)
SUBJECT_ON_REST_DAYS: Final = Parameter("subject_on_rest_days", bool)
SUBJECT_IN_BREAKS: Final = Parameter("subject_in_breaks", bool)
TERM_BREAK: Final = Parameter("term_break", bool)
GUIDE_PRICES: Final = Parameter("guide_prices", GuidePrices)
NEW_LICENCES: Final = Parameter("new_licences", bool)
CHANNEL_SETTLEMENT_WORKING_DAYS: Final = Parameter("channel_settlement_working_days", int)
TRANSFER_WORKING_DAYS: Final = Parameter("transfer_working_days", int)
CASH_DAYS: Final = Parameter("cash_days", int)
WIND_DOWN_LESSON_WORKING_DAYS: Final = Parameter("wind_down_lesson_working_days", int)
WIND_DOWN_OBJECTION_DAYS: Final = Parameter("wind_down_objection_days", int)
WIND_DOWN_OPEN_DAYS: Final = Parameter("wind_down_open_days", int)
WIND_DOWN_REGISTER_DAYS: Final = Parameter("wind_down_register_days", int)
WIND_DOWN_PLAN_DAYS: Final = Parameter("wind_down_plan_days", int)
WIND_DOWN_PAY_DAYS: Final = Parameter("wind_down_pay_days", int)
POOLED_DISTRIBUTION: Final = Parameter("pooled_distribution", bool)
STATEMENT_STALE_BANKING_DAYS: Final = Parameter("statement_stale_banking_days", int)

PARAMETERS: Final[dict[str, Parameter[Any]]] = {
    value.name: value for value in list(globals().values()) if isinstance(value, Parameter)
}
"""Every parameter there is, by name; a pack with another one is refused when it is read."""
