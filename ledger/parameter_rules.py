"""What may be said of each parameter: its name, unit, bounds, and which way is the stricter one.

A rule pack of a lower level may only be stricter than the national one where a parameter has a
stricter way; where it has none (a school's breaks, guide prices), each level says its own. A value
outside the bounds is refused, whoever proposes it.
"""

from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import Any, Final

from ledger import parameters as p
from ledger.money import Money
from ledger.parameters import PARAMETERS, GuidePrices, Parameter


class Stricter(StrEnum):
    """Which way a value is the stricter one."""

    LOWER = "LOWER"
    HIGHER = "HIGHER"
    FREE = "FREE"


class ValueUnit(StrEnum):
    """What a value counts."""

    YUAN = "CNY"
    MONTHS = "months"
    LESSONS = "lessons"
    DAYS = "days"
    WORKING_DAYS = "working days"
    TIME = "time of day"
    YES_NO = "yes or no"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Rule:
    """A parameter's names in Chinese and English, unit, stricter way and bounds (both included)."""

    zh: str
    en: str
    unit: ValueUnit
    stricter: Stricter
    least: Any = None
    most: Any = None


_LOWER, _HIGHER, _FREE = Stricter.LOWER, Stricter.HIGHER, Stricter.FREE
_DAYS_MAX: Final = 366


def _days(zh: str, en: str, way: Stricter, most: int = _DAYS_MAX) -> Rule:
    return Rule(zh, en, ValueUnit.DAYS, way, 0, most)


def _working(zh: str, en: str, way: Stricter) -> Rule:
    return Rule(zh, en, ValueUnit.WORKING_DAYS, way, 1, 60)


def _yuan(zh: str, en: str) -> Rule:
    return Rule(zh, en, ValueUnit.YUAN, _LOWER, Money.of("0.00"), Money.of("1000000.00"))


def _flag(zh: str, en: str, way: Stricter) -> Rule:
    return Rule(zh, en, ValueUnit.YES_NO, way, least=False, most=True)


RULES: Final[dict[str, Rule]] = {
    p.AMOUNT_CAP.name: _yuan("单次收费上限", "Cap of one charge"),
    p.SPAN_MONTHS_MAX.name: Rule(
        "收费时长上限", "Longest span charged at once", ValueUnit.MONTHS, _LOWER, 1, 12
    ),
    p.LESSONS_MAX.name: Rule(
        "收费课时上限", "Most lessons charged at once", ValueUnit.LESSONS, _LOWER, 1, 240
    ),
    p.EARLIEST_CHARGE_MONTHS.name: Rule(
        "最早提前收费", "Earliest charge before the course", ValueUnit.MONTHS, _LOWER, 0, 12
    ),
    p.EARLIEST_CHARGE_LESSONS_LEFT.name: Rule(
        "续费时剩余课时上限", "Lessons left at a further charge", ValueUnit.LESSONS, _LOWER, 0, 240
    ),
    p.SILENCE_WORKING_DAYS.name: _working("消课默认确认期", "Silence confirms a lesson", _HIGHER),
    p.REFUND_SILENCE_WORKING_DAYS.name: _working(
        "退费默认同意期", "Silence agrees to a refund", _LOWER
    ),
    p.COOLING_OFF_DAYS.name: _days("冷静期", "Cooling-off", _HIGHER, 60),
    p.REFUND_DAYS_COOLING_OFF.name: _days(
        "冷静期退费期限", "Term of a refund in cooling-off", _LOWER
    ),
    p.REFUND_DAYS_BEFORE_START.name: _days(
        "开课前退费期限", "Term of a refund before the start", _LOWER
    ),
    p.REFUND_DAYS_AFTER_START.name: _days(
        "开课后退费期限", "Term of a refund after the start", _LOWER
    ),
    p.REFUND_DAYS_INSTITUTION.name: _days(
        "机构原因退费期限", "Term of a refund at the institution's fault", _LOWER
    ),
    p.REFUND_IN_WORKING_DAYS.name: _flag(
        "退费期限按工作日", "Terms of refunds in working days", _LOWER
    ),
    p.REFUND_TWO_PERSON_ABOVE.name: _yuan("退费双人限额", "Refund: two people above"),
    p.REFUND_DAY_SUM_ABOVE.name: _yuan("退费日合计双人限额", "Refunds of a day: two people above"),
    p.PAYEE_COOL_OFF_DAYS.name: _days(
        "收款人变更冷静期", "Cool-off of a changed payee", _HIGHER, 60
    ),
    p.REFUND_UNCLAIMED_DAYS.name: _days(
        "无人认领期", "Refund counts as unclaimed after", _FREE, 3660
    ),
    p.UNPAID_LAPSE_DAYS.name: _days("未缴费失效期", "Unpaid enrolment lapses after", _FREE, 60),
    p.SUSPENSE_TWO_PERSON_ABOVE.name: _yuan("待核款双人限额", "Suspense: two people above"),
    p.SUSPENSE_DAY_SUM_ABOVE.name: _yuan(
        "待核款日合计双人限额", "Suspense of a day: two people above"
    ),
    p.ABSENCE_CONSUMES_LESSON.name: _flag("缺课消课", "Absence takes a lesson", _LOWER),
    p.OFFLINE_END_BY.name: Rule(
        "线下结束时间", "Offline lessons end by", ValueUnit.TIME, _LOWER, time(12), time(23, 59)
    ),
    p.ONLINE_END_BY.name: Rule(
        "线上结束时间", "Online lessons end by", ValueUnit.TIME, _LOWER, time(12), time(23, 59)
    ),
    p.SUBJECT_ON_REST_DAYS.name: _flag("学科类休息日培训", "Subject lessons on rest days", _LOWER),
    p.SUBJECT_IN_BREAKS.name: _flag("学科类寒暑假培训", "Subject lessons in breaks", _LOWER),
    p.TERM_BREAK.name: _flag("寒暑假", "Term break", _FREE),
    p.GUIDE_PRICES.name: Rule("政府指导价", "Guide prices", ValueUnit.TABLE, _FREE),
    p.NEW_LICENCES.name: _flag("新批许可", "New licences", _LOWER),
    p.CHANNEL_SETTLEMENT_WORKING_DAYS.name: _working(
        "渠道清算期", "Channels settle within", _LOWER
    ),
    p.TRANSFER_WORKING_DAYS.name: _working("划转到账期", "Transfers arrive within", _LOWER),
    p.CASH_DAYS.name: _days("现金归集期", "Cash is paid in within", _LOWER, 30),
    p.WIND_DOWN_LESSON_WORKING_DAYS.name: _working(
        "清算课时答复期", "Answer on a lesson in a wind-down", _FREE
    ),
    p.WIND_DOWN_OBJECTION_DAYS.name: _days("债权异议期", "Objections to the register", _HIGHER),
    p.WIND_DOWN_OPEN_DAYS.name: _days("立案期限", "Opening a case", _LOWER),
    p.WIND_DOWN_REGISTER_DAYS.name: _days("登记期限", "Publishing the register", _LOWER),
    p.WIND_DOWN_PLAN_DAYS.name: _days("方案期限", "Approving the plan", _LOWER),
    p.WIND_DOWN_PAY_DAYS.name: _days("清算支付期限", "Paying dividends", _LOWER),
    p.POOLED_DISTRIBUTION.name: _flag("合并分配", "Pooled distribution", _FREE),
    p.STATEMENT_STALE_BANKING_DAYS.name: _working("对账过期", "A statement is stale after", _LOWER),
}
"""What is said of every parameter there is."""

assert set(RULES) == set(PARAMETERS), "every parameter has its rule"


def within_bounds(parameter: Parameter[Any], value: object) -> bool:
    """Tell whether a value of the parameter's type lies within its bounds."""
    if isinstance(value, GuidePrices):
        return bool(value.lines) and 0 <= value.float_percent_max <= 100  # noqa: PLR2004 - percent
    rule = RULES[parameter.name]
    return bool(rule.least <= value <= rule.most)


def is_looser(parameter: Parameter[Any], value: Any, than: Any) -> bool:  # noqa: ANN401
    """Tell whether a value is looser than another, where the parameter has a stricter way."""
    way = RULES[parameter.name].stricter
    if way is Stricter.FREE:
        return False
    return bool(value > than if way is Stricter.LOWER else value < than)
