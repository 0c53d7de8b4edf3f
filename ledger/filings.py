"""Filing a course (课程备案): what its price and lessons must keep before anybody pays (S5, S42).

The caps are those of a single charge, because a course is what one charge buys; span and dates are
judged at each charge, when they are known.
"""

from datetime import date

from ledger import parameters
from ledger.money import Money
from ledger.policy import Category, RulePack, check_price
from ledger.refusals import AmountOverCap, AmountZero, LessonsOverCap


def check_filing(  # noqa: PLR0913 - the facts of one course
    pack: RulePack,
    *,
    category: Category,
    online: bool,
    class_size: int,
    lesson_minutes: int,
    lessons: int,
    lessons_gift: int,
    price: Money,
    on: date,
) -> None:
    """Refuse a course that no charge for it could be within the rules in force at its filing.

    The guide price is compared over the lessons that are paid for. Order: PolicyMissing,
    AmountZero, AmountOverCap, LessonsOverCap, PriceOverGuide.
    """
    assert lessons > 0, "a course has a lesson"
    cap = pack.value(parameters.AMOUNT_CAP, on=on, category=category)
    lessons_max = pack.value(parameters.LESSONS_MAX, on=on, category=category)
    if not price:
        raise AmountZero
    if price > cap:
        raise AmountOverCap(amount=str(price), cap=str(cap))
    if lessons + lessons_gift > lessons_max:
        raise LessonsOverCap(lessons=lessons + lessons_gift, lessons_max=lessons_max)
    check_price(
        pack,
        category=category,
        online=online,
        class_size=class_size,
        lesson_minutes=lesson_minutes,
        lessons=lessons,
        price=price,
        on=on,
    )
