"""Filing a course: its price and lessons keep the caps and the guide price."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.filings import check_filing
from ledger.money import Money
from ledger.policy import Category
from ledger.refusals import (
    AmountOverCap,
    AmountZero,
    LessonsOverCap,
    PolicyMissing,
    PriceOverGuide,
    Refusal,
)
from tests.ledger.rule_packs import PACK

ON = date(2026, 2, 1)


def file(**changes: Any) -> None:
    course: dict[str, Any] = {
        "category": Category.ART,
        "online": False,
        "class_size": 12,
        "lesson_minutes": 45,
        "lessons": 48,
        "lessons_gift": 0,
        "price": Money.of("4999.99"),
        "on": ON,
    }
    check_filing(PACK, **(course | changes))


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"price": Money.of("5000.00")}, None),
        ({"price": Money.of("5000.01")}, AmountOverCap),
        ({"price": Money.of("0.00")}, AmountZero),
        ({"lessons": 60}, None),
        ({"lessons": 61}, LessonsOverCap),
        ({"lessons": 56, "lessons_gift": 4}, None),
        ({"lessons": 56, "lessons_gift": 5}, LessonsOverCap),
        ({"on": date(2021, 10, 20)}, PolicyMissing),
        # 33.00 a lesson of 45 minutes: 30.00 and ten in a hundred above.
        ({"category": Category.SUBJECT, "lessons": 30, "price": Money.of("990.00")}, None),
        (
            {"category": Category.SUBJECT, "lessons": 30, "price": Money.of("990.01")},
            PriceOverGuide,
        ),
    ],
)
def test_a_course_keeps_the_caps_of_one_charge_and_the_guide_price(
    changes: dict[str, Any], refusal: type[Refusal] | None
) -> None:
    if refusal is None:
        file(**changes)
        return

    with pytest.raises(refusal):
        file(**changes)


@given(paid=st.integers(1, 100), gift=st.integers(0, 100), fen=st.integers(0, 1_000_000))
def test_no_course_is_filed_that_no_charge_could_buy(paid: int, gift: int, fen: int) -> None:
    within = 0 < fen <= 500_000 and paid + gift <= 60

    try:
        file(lessons=paid, lessons_gift=gift, price=Money.from_fen(fen))
    except Refusal:
        filed = False
    else:
        filed = True

    assert filed is within
