"""Refund pricing: worked case 8.3, and what holds for every price, reason and lesson count."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.refunds import (
    Basis,
    Charge,
    Price,
    RefundReason,
    Standing,
    partial,
    require_applicable,
    require_itemised,
    slots_given_up,
    whole,
)
from ledger.refusals import CoolingOffPassed, CourseStarted, DeductionOverItemised

START = date(2025, 3, 1)
NOBODY = UUID(int=1)


def charge(price: str = "3000.00", lessons: int = 20, gift: int = 4, **values: object) -> Charge:
    stated = {
        "price": Money.of(price),
        "lessons_paid": lessons,
        "lessons_gift": gift,
        "starts_on": START,
        "ends_on": date(2025, 5, 31),
    } | values
    return Charge(**stated)  # type: ignore[arg-type]


def standing(delivered: int, released: str, held: str, interest: str = "0.00") -> Standing:
    return Standing(
        delivered=delivered,
        released=Money.of(released),
        held=Money.of(held),
        interest=Money.of(interest),
    )


def shown(price: Price) -> list[tuple[str, str]]:
    return [(step.code, str(step.amount)) for step in price.steps]


AFTER_12 = standing(12, "1500.00", "1500.00")


# --- worked case 8.3 ----------------------------------------------------------------------------


def test_the_institutions_fault_takes_twelve_lessons_at_the_discounted_price() -> None:
    price = whole(RefundReason.INSTITUTION, charge(), AFTER_12, stopped_on=START)

    assert (str(price.refund), str(price.institution_share)) == ("1500.00", "0.00")
    assert shown(price) == [("PAID", "3000.00"), ("DELIVERED", "-1500.00")]
    assert "第十八条" in price.article


def test_the_parents_reason_takes_twelve_lessons_at_the_price_before_discount() -> None:
    listed = charge(list_lesson=Money.of("150.00"))

    price = whole(RefundReason.CONSUMER, listed, AFTER_12, stopped_on=START)
    same = whole(RefundReason.CONSUMER, charge(), AFTER_12, stopped_on=START)

    assert (str(price.refund), str(price.institution_share)) == ("1200.00", "300.00")
    assert same == price
    assert "第十九条" in price.article


def test_a_parent_never_owes_what_lessons_at_list_price_exceed() -> None:
    after_22 = standing(22, "2750.00", "250.00")

    price = whole(RefundReason.CONSUMER, charge(), after_22, stopped_on=START)

    assert (str(price.refund), str(price.institution_share)) == ("0.00", "250.00")
    assert shown(price)[1:] == [("DELIVERED", "-3300.00"), ("NO_CLAIM_ON_PARENT", "300.00")]


def test_an_unlimited_card_is_refunded_by_the_days_left() -> None:
    card = charge("2760.00", 1, 0, time_card=True)
    stopped_on = START + timedelta(days=31)

    price = whole(
        RefundReason.CONSUMER, card, standing(0, "0.00", "2760.00"), stopped_on=stopped_on
    )

    assert (card.ends_on - START).days + 1 == 92
    assert (str(price.refund), str(price.institution_share)) == ("1830.00", "930.00")
    assert "第二十二条" in price.article


# --- examples beyond it -------------------------------------------------------------------------


def test_the_used_part_of_a_card_is_cut_to_whole_fen() -> None:
    card = charge("100.00", 1, 0, time_card=True, ends_on=START + timedelta(days=2))
    day = timedelta(days=1)
    held = standing(0, "0.00", "100.00")

    refunds = [
        str(whole(RefundReason.INSTITUTION, card, held, stopped_on=START + day * days).refund)
        for days in (-1, 0, 1, 2, 3, 9)
    ]

    assert refunds == ["100.00", "100.00", "66.67", "33.34", "0.00", "0.00"]


@pytest.mark.parametrize("reason", [RefundReason.COOLING_OFF, RefundReason.BEFORE_START])
def test_before_anything_was_taken_the_whole_principal_goes_back(reason: RefundReason) -> None:
    price = whole(
        reason,
        charge(materials=Money.of("80.00")),
        standing(0, "0.00", "3000.00", "1.23"),
        stopped_on=START,
        materials=Money.of("80.00"),
    )

    assert (str(price.refund), str(price.interest)) == ("3000.00", "1.23")
    assert shown(price) == [("PAID", "3000.00"), ("INTEREST", "1.23")]


def test_materials_are_taken_at_cost_when_the_contract_itemises_them() -> None:
    itemised = charge(materials=Money.of("80.00"))

    price = whole(
        RefundReason.INSTITUTION,
        itemised,
        AFTER_12,
        stopped_on=START,
        materials=Money.of("79.50"),
    )

    assert (str(price.refund), str(price.institution_share)) == ("1420.50", "79.50")
    with pytest.raises(DeductionOverItemised):
        require_itemised(itemised, Money.of("80.01"))


def test_what_was_given_back_before_is_not_given_back_again() -> None:
    price = whole(
        RefundReason.INSTITUTION, charge(), standing(12, "1500.00", "500.00"), stopped_on=START
    )

    assert shown(price) == [
        ("PAID", "3000.00"),
        ("GIVEN_BACK", "-1000.00"),
        ("DELIVERED", "-1500.00"),
    ]
    assert str(price.refund) == "500.00"


def test_a_refund_is_never_more_than_what_custody_holds() -> None:
    gift_apart = standing(12, "1800.00", "1200.00")

    price = whole(RefundReason.LAW_ENFORCEMENT, charge(), gift_apart, stopped_on=START)

    assert (str(price.refund), str(price.institution_share)) == ("1200.00", "0.00")
    assert shown(price)[-1] == ("NOT_HELD", "-300.00")


@pytest.mark.parametrize("reason", [RefundReason.COLLAPSE, RefundReason.PORTING])
def test_collapse_and_porting_give_what_the_schedule_holds(reason: RefundReason) -> None:
    price = whole(reason, charge(), AFTER_12, stopped_on=START)

    assert (price.basis, str(price.refund)) == (Basis.SCHEDULE, "1500.00")


def test_lessons_given_up_are_the_last_free_paid_ones() -> None:
    contract = Contract(NOBODY, NOBODY, NOBODY, Money.of("100.00"), 6, lessons_gift=2)

    given_up = slots_given_up(contract, {1, 2, 6}, 2)
    value = total([contract.slot_value(slot) for slot in given_up])
    price = partial(RefundReason.CONSUMER, lessons=2, value=value)

    assert given_up == (4, 5)
    assert slots_given_up(contract, {1, 2, 6}, 9) == (3, 4, 5)
    assert (price.refund, price.institution_share, price.interest) == (value, ZERO, ZERO)
    assert price.article == "民法典第五百四十三条"


# --- when a reason applies ----------------------------------------------------------------------


def applies(reason: RefundReason, *, delivered: int = 0, days: int = 0) -> None:
    paid_on = START - timedelta(days=20)
    require_applicable(
        reason,
        charge(),
        delivered=delivered,
        paid_on=paid_on,
        filed_on=paid_on + timedelta(days=days),
        cooling_off_days=7,
    )


def test_cooling_off_ends_after_seven_days_or_the_first_lesson() -> None:
    applies(RefundReason.COOLING_OFF, days=7)

    with pytest.raises(CoolingOffPassed):
        applies(RefundReason.COOLING_OFF, days=8)
    with pytest.raises(CoolingOffPassed):
        applies(RefundReason.COOLING_OFF, delivered=1)


def test_before_the_start_ends_on_the_first_day_or_the_first_lesson() -> None:
    applies(RefundReason.BEFORE_START, days=19)

    with pytest.raises(CourseStarted):
        applies(RefundReason.BEFORE_START, days=20)
    with pytest.raises(CourseStarted):
        applies(RefundReason.BEFORE_START, delivered=1)


def test_other_reasons_apply_at_any_time() -> None:
    applies(RefundReason.CONSUMER, delivered=12, days=90)


# --- for every contract -------------------------------------------------------------------------


@st.composite
def contracts(draw: st.DrawFn) -> tuple[Contract, Charge]:
    """Draw a contract and what was charged for it."""
    contract = Contract(
        enrolment=NOBODY,
        institution=NOBODY,
        custody=NOBODY,
        price=Money.from_fen(draw(st.integers(0, 500_000))),
        lessons_paid=draw(st.integers(1, 60)),
        lessons_gift=draw(st.integers(0, 5)),
        gift_in_schedule=draw(st.booleans()),
    )
    listed = draw(st.none() | st.integers(0, 60_000).map(Money.from_fen))
    made = Charge(
        price=contract.price,
        lessons_paid=contract.lessons_paid,
        lessons_gift=contract.lessons_gift,
        starts_on=START,
        ends_on=START + timedelta(days=draw(st.integers(0, 120))),
        list_lesson=listed,
        materials=Money.from_fen(draw(st.integers(0, 30_000))),
        time_card=draw(st.booleans()),
    )
    return contract, made


def after(contract: Contract, lessons: int, interest: Money = ZERO) -> Standing:
    return Standing(
        delivered=lessons,
        released=contract.released_after(lessons),
        held=contract.refundable_after(lessons),
        interest=interest,
    )


@given(contracts(), st.sampled_from(RefundReason), st.data())
def test_a_price_parts_what_is_held_and_gives_the_student_all_interest(
    drawn: tuple[Contract, Charge], reason: RefundReason, data: st.DataObject
) -> None:
    contract, made = drawn
    lessons = data.draw(st.integers(0, contract.slots))
    materials = Money.from_fen(data.draw(st.integers(0, made.materials.fen)))
    days = data.draw(st.integers(-5, 130))
    held = after(contract, lessons, Money.from_fen(data.draw(st.integers(0, 999))))

    price = whole(reason, made, held, stopped_on=START + timedelta(days=days), materials=materials)

    assert price.refund + price.institution_share == held.held
    assert ZERO <= price.refund <= made.price
    assert price.interest == held.interest
    assert total([step.amount for step in price.steps]) == price.refund + price.interest
    assert price.article


@given(contracts(), st.sampled_from(RefundReason), st.data())
def test_another_lesson_delivered_never_raises_a_refund(
    drawn: tuple[Contract, Charge], reason: RefundReason, data: st.DataObject
) -> None:
    contract, made = drawn
    lessons = data.draw(st.integers(0, contract.slots - 1))

    before = whole(reason, made, after(contract, lessons), stopped_on=START)
    then = whole(reason, made, after(contract, lessons + 1), stopped_on=START)

    assert then.refund <= before.refund


@given(contracts(), st.data())
def test_total_principal_refunded_is_at_most_paid_less_delivered(
    drawn: tuple[Contract, Charge], data: st.DataObject
) -> None:
    contract, made = drawn
    assume(not made.time_card)
    lessons = data.draw(st.integers(0, contract.slots))
    held = after(contract, lessons)
    earlier = Money.from_fen(data.draw(st.integers(0, held.held.fen)))
    left = Standing(delivered=lessons, released=held.released, held=held.held - earlier)
    each = made.price.fen / made.lessons_paid if made.list_lesson is None else made.list_lesson.fen

    price = whole(RefundReason.CONSUMER, made, left, stopped_on=START)

    owed_at_most = made.price.fen - int(each * lessons)
    assert price.refund.fen == 0 or (earlier + price.refund).fen <= owed_at_most + 1


@given(contracts(), st.data())
def test_lessons_given_up_are_worth_at_least_their_part_of_the_price(
    drawn: tuple[Contract, Charge], data: st.DataObject
) -> None:
    contract, _ = drawn
    lessons = data.draw(st.integers(1, contract.lessons_paid))

    given_up = slots_given_up(contract, (), lessons)
    value = total([contract.slot_value(slot) for slot in given_up])

    assert len(given_up) == lessons
    assert value.fen * contract.slots_priced >= lessons * contract.price.fen - contract.slots_priced
    assert value <= contract.price
