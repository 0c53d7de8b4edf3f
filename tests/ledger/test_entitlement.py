"""Entitlement: slot values to the fen, never rounded against the student (I-11, I-12, I-15)."""

from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import CHART, Account, AccountKind, Reason
from ledger.entitlement import Contract, lowest_free_slot
from ledger.money import ZERO, Money, total

ENROLMENT, INSTITUTION, CUSTODY = UUID(int=1), UUID(int=2), UUID(int=3)


def contract(price: str, paid: int, gift: int = 0, *, gift_in_schedule: bool = False) -> Contract:
    return Contract(
        enrolment=ENROLMENT,
        institution=INSTITUTION,
        custody=CUSTODY,
        price=Money.of(price),
        lessons_paid=paid,
        lessons_gift=gift,
        gift_in_schedule=gift_in_schedule,
    )


contracts = st.builds(
    Contract,
    enrolment=st.just(ENROLMENT),
    institution=st.just(INSTITUTION),
    custody=st.just(CUSTODY),
    price=st.builds(Money.from_fen, st.integers(min_value=0, max_value=10**8)),
    lessons_paid=st.integers(min_value=1, max_value=120),
    lessons_gift=st.integers(min_value=0, max_value=20),
    gift_in_schedule=st.booleans(),
)


def values(subject: Contract) -> list[str]:
    return [str(subject.slot_value(slot)) for slot in range(1, subject.slots + 1)]


# --- worked case 8.1 ----------------------------------------------------------------------------


def test_4999_99_over_48_lessons_starts_with_these_values() -> None:
    first = values(contract("4999.99", 48))[:5]

    assert first == ["104.16", "104.17", "104.16", "104.17", "104.17"]


def test_4999_99_over_48_lessons_has_17_of_104_16_and_31_of_104_17() -> None:
    all_values = values(contract("4999.99", 48))

    assert all_values.count("104.16") == 17
    assert all_values.count("104.17") == 31


@pytest.mark.parametrize(
    ("lessons", "released", "refundable"),
    [
        (0, "0.00", "4999.99"),
        (1, "104.16", "4895.83"),
        (2, "208.33", "4791.66"),
        (17, "1770.82", "3229.17"),
        (47, "4895.82", "104.17"),
        (48, "4999.99", "0.00"),
    ],
)
def test_4999_99_over_48_lessons_releases_and_would_refund(
    lessons: int, released: str, refundable: str
) -> None:
    subject = contract("4999.99", 48)

    assert str(subject.released_after(lessons)) == released
    assert str(subject.refundable_after(lessons)) == refundable


# --- worked cases 8.2 and 8.3, the schedules ----------------------------------------------------


def test_5000_00_over_60_lessons_repeats_83_33_83_33_83_34() -> None:
    subject = contract("5000.00", 60)

    assert values(subject) == ["83.33", "83.33", "83.34"] * 20
    assert str(subject.released_after(20)) == "1666.66"
    assert str(subject.refundable_after(20)) == "3333.34"


def test_gift_lessons_in_the_schedule_share_the_price() -> None:
    subject = contract("3000.00", 20, 4, gift_in_schedule=True)

    assert values(subject) == ["125.00"] * 24
    assert str(subject.released_after(12)) == "1500.00"
    assert str(subject.refundable_after(12)) == "1500.00"


def test_gift_lessons_outside_the_schedule_are_worth_nothing() -> None:
    subject = contract("3000.00", 20, 4)

    assert values(subject) == ["150.00"] * 20 + ["0.00"] * 4
    assert subject.refundable_after(20) == ZERO


def test_a_price_of_nothing_is_nothing_in_every_slot() -> None:
    assert values(contract("0.00", 3)) == ["0.00"] * 3


# --- properties ---------------------------------------------------------------------------------


@given(contracts)
def test_slot_values_sum_to_the_price_and_differ_by_a_fen_at_most(subject: Contract) -> None:
    slots = [subject.slot_value(slot) for slot in range(1, subject.slots + 1)]

    each, rest = divmod(subject.price.fen, subject.slots_priced)
    priced = {value.fen for value in slots[: subject.slots_priced]}
    assert total(slots) == subject.price
    assert priced <= ({each, each + 1} if rest else {each})
    assert not any(slots[subject.slots_priced :])


@given(contracts, st.data())
def test_rounding_is_never_against_the_student_and_less_than_a_fen(
    subject: Contract, data: st.DataObject
) -> None:
    lessons = data.draw(st.integers(min_value=0, max_value=subject.slots_priced))

    refundable = subject.refundable_after(lessons).fen

    left = subject.slots_priced - lessons
    exact = Fraction(left * subject.price.fen, subject.slots_priced)
    assert exact <= refundable < exact + 1


@given(contracts, st.data())
def test_what_is_released_and_what_is_refundable_make_the_price(
    subject: Contract, data: st.DataObject
) -> None:
    lessons = data.draw(st.integers(min_value=0, max_value=subject.slots))

    slots = [subject.slot_value(slot) for slot in range(1, lessons + 1)]

    assert subject.released_after(lessons) == total(slots)
    assert subject.released_after(lessons) + subject.refundable_after(lessons) == subject.price


@given(contracts.filter(lambda subject: bool(subject.price)))
def test_money_is_left_exactly_while_priced_lessons_are_left(subject: Contract) -> None:
    left = [bool(subject.refundable_after(lessons)) for lessons in range(subject.slots + 1)]

    assert left == [lessons < subject.slots_priced for lessons in range(subject.slots + 1)]


@given(contracts)
def test_paid_lessons_come_first_and_gifts_after(subject: Contract) -> None:
    reasons = [subject.slot_reason(slot) for slot in range(1, subject.slots + 1)]

    assert reasons == [Reason.PAID] * subject.lessons_paid + [Reason.GIFT] * subject.lessons_gift


@given(st.sets(st.integers(min_value=1, max_value=30)), st.integers(min_value=0, max_value=30))
def test_a_lesson_takes_the_lowest_slot_that_nobody_has(taken: set[int], slots: int) -> None:
    slot = lowest_free_slot(taken, slots)

    if slot is None:
        assert set(range(1, slots + 1)) <= taken
    else:
        assert slot not in taken
        assert 1 <= slot <= slots
        assert set(range(1, slot)) <= taken


def test_a_freed_slot_is_taken_again_before_a_later_one() -> None:
    assert lowest_free_slot([1, 3], 48) == 2


# --- what is our own mistake --------------------------------------------------------------------


@pytest.mark.parametrize("slot", [0, 4])
def test_a_slot_outside_the_contract_is_our_mistake(slot: int) -> None:
    subject = contract("10.00", 3)

    with pytest.raises(AssertionError, match="slot"):
        subject.slot_value(slot)
    with pytest.raises(AssertionError, match="slot"):
        subject.slot_reason(slot)


@pytest.mark.parametrize("lessons", [-1, 4])
def test_lessons_outside_the_contract_are_our_mistake(lessons: int) -> None:
    with pytest.raises(AssertionError, match="within the contract"):
        contract("10.00", 3).released_after(lessons)


@pytest.mark.parametrize(
    ("price", "paid", "gift"), [("-0.01", 1, 0), ("1.00", 0, 1), ("1.00", 1, -1)]
)
def test_a_contract_cannot_be_built_wrong(price: str, paid: int, gift: int) -> None:
    with pytest.raises(AssertionError):
        contract(price, paid, gift)


# --- accounts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "code", "owner", "reason"),
    [
        ("prepaid", "L1", ENROLMENT, None),
        ("pending", "L2", ENROLMENT, None),
        ("disputed", "L3", ENROLMENT, None),
        ("payable", "L4", INSTITUTION, None),
        ("legacy", "A5", ENROLMENT, Reason.LEGACY),
        ("diversion", "A5", ENROLMENT, Reason.DIVERSION),
        ("held", "A7", ENROLMENT, None),
        ("interest", "L11", ENROLMENT, None),
    ],
)
def test_a_contract_names_its_money_accounts(
    name: str, code: str, owner: UUID, reason: Reason | None
) -> None:
    account: Account = getattr(contract("10.00", 3), name)

    assert CHART[account.kind].code == code
    assert (account.owner, account.custody, account.reason) == (owner, CUSTODY, reason)
    assert account.institution == INSTITUTION


@pytest.mark.parametrize("reason", [Reason.PAID, Reason.GIFT])
def test_a_contract_names_its_lesson_accounts(reason: Reason) -> None:
    subject = contract("10.00", 3, 1)

    accounts = [
        subject.units_contracted(reason),
        subject.units_granted(reason),
        subject.units_consumed(reason),
    ]

    assert [CHART[account.kind].code for account in accounts] == ["U0", "U1", "U2"]
    assert {(account.owner, account.custody, account.reason) for account in accounts} == {
        (ENROLMENT, CUSTODY, reason)
    }


def test_lessons_have_no_other_reason_than_paid_or_gift() -> None:
    with pytest.raises(AssertionError, match="paid or gift"):
        contract("10.00", 3).units_granted(Reason.LEGACY)


def test_two_contracts_of_one_institution_share_only_what_it_earned() -> None:
    one = contract("10.00", 3)
    other = Contract(UUID(int=9), INSTITUTION, CUSTODY, Money.of("10.00"), 3)

    assert one.payable == other.payable
    assert one.payable.kind is AccountKind.INSTITUTION_PAYABLE
    assert one.prepaid != other.prepaid


def test_an_account_of_a_contract_is_made_once() -> None:
    subject = contract("10.00", 3)

    assert subject.prepaid is subject.prepaid
    assert subject.legacy is not subject.diversion


def test_contracts_are_equal_however_many_of_their_accounts_were_asked_for() -> None:
    asked, unasked = contract("10.00", 3), contract("10.00", 3)

    assert asked.prepaid.owner == ENROLMENT

    assert asked == unasked
    assert hash(asked) == hash(unasked)
