"""Refund pricing (退费计价): what a parent gets back, by reason, with the article behind it.

The articles are those of the Supreme People's Court's interpretation on prepaid consumption
(法释〔2025〕4号), of the civil code where a contract is changed by agreement, and of the model
contract where a course has not begun. Values are exact fractions of a fen until the end, and what
is taken for delivered lessons is cut to whole fen, so that rounding is never against the student.

What the enrolment holds (L1) is parted into the student's refund r and the institution's share s:
r + s is always the whole of it, r is never negative and never more than was paid and not yet given
back, less what was delivered (I-27). The parent never owes anything (Art. 20).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Final

from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.refusals import CoolingOffPassed, CourseStarted, DeductionOverItemised

_INTERPRETATION: Final = "法释〔2025〕4号"


class RefundReason(StrEnum):
    """Why a contract is ended before its last lesson (退费原因)."""

    COOLING_OFF = "COOLING_OFF"
    BEFORE_START = "BEFORE_START"
    CONSUMER = "CONSUMER"
    INSTITUTION = "INSTITUTION"
    LAW_ENFORCEMENT = "LAW_ENFORCEMENT"
    COLLAPSE = "COLLAPSE"
    PORTING = "PORTING"


class Basis(StrEnum):
    """By what delivered lessons are priced (计价依据); `article` says where that stands."""

    PRINCIPAL = "PRINCIPAL"
    NOT_STARTED = "NOT_STARTED"
    LIST_PRICE = "LIST_PRICE"
    DISCOUNT_PRICE = "DISCOUNT_PRICE"
    PERIOD = "PERIOD"
    SCHEDULE = "SCHEDULE"
    LESSONS_GIVEN_UP = "LESSONS_GIVEN_UP"

    @property
    def article(self) -> str:
        """The rule this basis stands on, as a parent can look it up."""
        return _ARTICLES[self]


_ARTICLES: Final = {
    Basis.PRINCIPAL: f"{_INTERPRETATION} 第十四条",
    Basis.NOT_STARTED: "中小学生校外培训服务合同(示范文本) GF-2021-2604",
    Basis.LIST_PRICE: f"{_INTERPRETATION} 第十九条、第二十条",
    Basis.DISCOUNT_PRICE: f"{_INTERPRETATION} 第十八条、第二十条",
    Basis.PERIOD: f"{_INTERPRETATION} 第二十二条",
    Basis.SCHEDULE: f"{_INTERPRETATION} 第十五条",
    Basis.LESSONS_GIVEN_UP: "民法典第五百四十三条",
}

_AT_DISCOUNT: Final = (RefundReason.INSTITUTION, RefundReason.LAW_ENFORCEMENT)
_NOTHING_TAKEN: Final = {
    RefundReason.COOLING_OFF: Basis.PRINCIPAL,
    RefundReason.BEFORE_START: Basis.NOT_STARTED,
}
_DELIVERED: Final = {
    Basis.LIST_PRICE: ("按优惠前价格计已上课时", "Lessons delivered, at the price before discount"),
    Basis.DISCOUNT_PRICE: ("按折后价格计已上课时", "Lessons delivered, at the discounted price"),
    Basis.PERIOD: ("已使用期限", "Days of the period used"),
    Basis.SCHEDULE: ("已上课时", "Lessons delivered, as scheduled"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What was agreed: price in yuan, lessons paid and given, first and last day.

    `list_lesson` is the price of one lesson before any discount, None for price ÷ paid lessons;
    `materials` what the contract itemises for materials; a `time_card` is used without limit.
    """

    price: Money
    lessons_paid: int
    lessons_gift: int
    starts_on: date
    ends_on: date
    list_lesson: Money | None = None
    materials: Money = ZERO
    time_card: bool = False

    def __post_init__(self) -> None:
        """Hold what the formulas rely on."""
        assert self.price >= ZERO, "a price is zero or more"
        assert self.lessons_paid >= 1, "a contract has one paid lesson or more"
        assert self.lessons_gift >= 0, "gift lessons are zero or more"
        assert self.starts_on <= self.ends_on, "a contract ends on or after its first day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it stands: lessons delivered and what they released, what L1 and L11 hold now.

    Nothing is pending or disputed. What is missing to the price was given back before.
    """

    delivered: int
    released: Money
    held: Money
    interest: Money = ZERO

    def __post_init__(self) -> None:
        """Hold that nothing is negative."""
        assert self.delivered >= 0, "lessons delivered are zero or more"
        assert min(self.released, self.held, self.interest) >= ZERO, "balances are not negative"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a breakdown that a parent can read: an amount added (+) or taken (−)."""

    code: str
    zh: str
    en: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Price:
    """A refund priced: r to the student, s to the institution, i interest to the student.

    `steps` add up to r + i, in fen.
    """

    reason: RefundReason
    basis: Basis
    refund: Money
    institution_share: Money
    interest: Money
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        """Hold the promise of the class."""
        assert min(self.refund, self.institution_share, self.interest) >= ZERO, "never negative"
        assert total([s.amount for s in self.steps]) == self.refund + self.interest, "steps add up"

    @property
    def article(self) -> str:
        """The rule it was priced by."""
        return self.basis.article


def whole(
    reason: RefundReason,
    charge: Charge,
    standing: Standing,
    *,
    stopped_on: date,
    materials: Money = ZERO,
) -> Price:
    """Price the end of a contract, everything that L1 holds.

    `stopped_on` is the first day without service (time cards count from it); `materials` their
    actual cost. Raises `DeductionOverItemised`. That a reason applies is for `require_*` to say.
    """
    basis = _basis(reason, charge)
    given_back = charge.price - standing.released - standing.held
    lines = [Step("PAID", "已付预付款", "Paid", charge.price)]
    if given_back:
        lines.append(Step("GIVEN_BACK", "此前已退", "Given back before", -given_back))
    if reason not in _NOTHING_TAKEN:
        require_itemised(charge, materials)
        lines += _taken(basis, charge, standing, stopped_on, materials)
    lines += _bounded(total([line.amount for line in lines]), standing.held)
    refund = total([line.amount for line in lines])
    if standing.interest:
        lines.append(Step("INTEREST", "监管账户实际利息", "Interest", standing.interest))
    return Price(reason, basis, refund, standing.held - refund, standing.interest, tuple(lines))


def partial(reason: RefundReason, *, lessons: int, value: Money) -> Price:
    """Price lessons given up while the contract goes on (E56): what they are worth as scheduled.

    Nothing goes to the institution, and the interest stays with the contract.
    """
    assert lessons >= 1, "one lesson or more is given up"
    step = Step("GIVEN_UP", f"放弃{lessons}课时", f"{lessons} lessons given up", value)
    return Price(reason, Basis.LESSONS_GIVEN_UP, value, ZERO, ZERO, (step,))


def slots_given_up(contract: Contract, taken: Collection[int], lessons: int) -> tuple[int, ...]:
    """Return the last `lessons` paid slots that are free, all of them where there are fewer.

    What the student keeps is then what would have come next anyway.
    """
    occupied = frozenset(taken)
    free = [slot for slot in range(1, contract.lessons_paid + 1) if slot not in occupied]
    return tuple(free[-lessons:])


def require_applicable(  # noqa: PLR0913 - the facts that a reason is judged by
    reason: RefundReason,
    charge: Charge,
    *,
    delivered: int,
    paid_on: date,
    filed_on: date,
    cooling_off_days: int,
) -> None:
    """Refuse a reason whose conditions are not met on the day the claim is filed.

    Cooling-off is within its days from payment (day 1 is the day after) and before any lesson:
    `CoolingOffPassed`. Before the start is before the first day and any lesson: `CourseStarted`.
    """
    if reason is RefundReason.COOLING_OFF:
        passed = (filed_on - paid_on).days
        if passed > cooling_off_days or delivered:
            raise CoolingOffPassed(days=passed, days_max=cooling_off_days, lessons=delivered)
    if reason is RefundReason.BEFORE_START and (filed_on >= charge.starts_on or delivered):
        raise CourseStarted(starts_on=charge.starts_on.isoformat(), lessons=delivered)


def require_itemised(charge: Charge, materials: Money) -> None:
    """Refuse to take more for materials than the contract itemises: `DeductionOverItemised`."""
    if materials > charge.materials:
        raise DeductionOverItemised(amount=str(materials), itemised=str(charge.materials))


def _basis(reason: RefundReason, charge: Charge) -> Basis:
    if reason in _NOTHING_TAKEN:
        return _NOTHING_TAKEN[reason]
    if reason in (RefundReason.COLLAPSE, RefundReason.PORTING):
        return Basis.SCHEDULE
    if charge.time_card:
        return Basis.PERIOD
    return Basis.DISCOUNT_PRICE if reason in _AT_DISCOUNT else Basis.LIST_PRICE


def _taken(
    basis: Basis, charge: Charge, standing: Standing, stopped_on: date, materials: Money
) -> list[Step]:
    zh, en = _DELIVERED[basis]
    value = _value(basis, charge, standing, stopped_on)
    lines = [Step("DELIVERED", zh, en, -value)]
    if materials:
        lines.append(Step("MATERIALS", "合同列明的教材资料", "Materials itemised", -materials))
    return lines


def _value(basis: Basis, charge: Charge, standing: Standing, stopped_on: date) -> Money:
    """Return what was delivered, cut to whole fen."""
    if basis is Basis.SCHEDULE:
        return standing.released
    price = Fraction(charge.price.fen)
    if basis is Basis.PERIOD:
        used = min(max((stopped_on - charge.starts_on).days, 0), _days(charge))
        return _cut(price * used / _days(charge))
    paid_each = price / charge.lessons_paid
    if basis is Basis.LIST_PRICE:
        before = paid_each if charge.list_lesson is None else Fraction(charge.list_lesson.fen)
        return _cut(before * standing.delivered)
    # Art. 18: paid ÷ (paid + gift), both at the price of a paid lesson.
    ratio = Fraction(charge.lessons_paid, charge.lessons_paid + charge.lessons_gift)
    return _cut(paid_each * ratio * standing.delivered)


def _bounded(refund: Money, held: Money) -> list[Step]:
    """Say what keeps a refund between zero and what is held."""
    if refund < ZERO:
        return [Step("NO_CLAIM_ON_PARENT", "不向家长追偿", "No claim on the parent", -refund)]
    if refund > held:
        return [Step("NOT_HELD", "不在托管余额内", "Not held in custody", held - refund)]
    return []


def _days(charge: Charge) -> int:
    return (charge.ends_on - charge.starts_on).days + 1


def _cut(fen: Fraction) -> Money:
    return Money.from_fen(fen.numerator // fen.denominator)
