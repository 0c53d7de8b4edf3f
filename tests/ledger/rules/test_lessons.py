"""A lesson's value moves from the student to the institution by confirmation alone."""

import pytest
from hypothesis import given

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.rules import lessons
from ledger.rules.debts import Debt
from ledger.transactions import TransactionKind
from tests.ledger.rules.facts import (
    ENTRY,
    LESSON,
    PLACE,
    balances,
    changes,
    effects,
    slots,
)


def _unit(contract: Contract, slot: int, sign: int = 1) -> list[tuple[Account, Money | int]]:
    reason = contract.slot_reason(slot)
    return [(contract.units_granted(reason), -sign), (contract.units_consumed(reason), sign)]


def _unfunded(contract: Contract, legacy: Money, diversion: Money) -> list[Debt]:
    return [Debt(contract.diversion, diversion), Debt(contract.legacy, legacy)]


@given(slots())
def test_lesson_recorded_sets_the_slots_value_aside(drawn: tuple[Contract, int]) -> None:
    contract, slot = drawn
    value = contract.slot_value(slot)

    recorded = lessons.lesson_recorded(contract, lesson=LESSON, slot=slot)

    assert effects(recorded) == changes((contract.prepaid, -value), (contract.pending, value))
    assert (recorded.references["lesson"], recorded.references["slot"]) == (str(LESSON), str(slot))


@given(slots(), balances, balances)
def test_lesson_confirmed_closes_what_is_unfunded_before_anything_is_earned(
    drawn: tuple[Contract, int], legacy: Money, diversion: Money
) -> None:
    contract, slot = drawn
    value = contract.slot_value(slot)

    confirmed = lessons.lesson_confirmed(
        contract, lesson=LESSON, slot=slot, unfunded=_unfunded(contract, legacy, diversion)
    )

    to_legacy = min(value, legacy)
    to_diversion = min(value - to_legacy, diversion)
    assert effects(confirmed) == changes(
        (contract.pending, -value),
        (contract.legacy, -to_legacy),
        (contract.diversion, -to_diversion),
        (contract.payable, value - to_legacy - to_diversion),
        *_unit(contract, slot),
    )


@given(slots())
def test_lesson_confirmed_of_a_funded_contract_is_earned_in_full(
    drawn: tuple[Contract, int],
) -> None:
    contract, slot = drawn
    value = contract.slot_value(slot)

    confirmed = lessons.lesson_confirmed(contract, lesson=LESSON, slot=slot, unfunded=())

    assert effects(confirmed) == changes(
        (contract.pending, -value), (contract.payable, value), *_unit(contract, slot)
    )


@given(slots())
def test_lesson_disputed_blocks_the_value(drawn: tuple[Contract, int]) -> None:
    contract, slot = drawn
    value = contract.slot_value(slot)

    disputed = lessons.lesson_disputed(contract, lesson=LESSON, slot=slot)

    assert effects(disputed) == changes((contract.pending, -value), (contract.disputed, value))


@given(slots())
def test_dispute_upheld_gives_the_value_back(drawn: tuple[Contract, int]) -> None:
    contract, slot = drawn
    value = contract.slot_value(slot)

    upheld = lessons.dispute_upheld(contract, lesson=LESSON, slot=slot)

    assert effects(upheld) == changes((contract.disputed, -value), (contract.prepaid, value))


@given(slots(), balances)
def test_dispute_rejected_releases_the_value_as_a_confirmation_would(
    drawn: tuple[Contract, int], legacy: Money
) -> None:
    contract, slot = drawn
    value = contract.slot_value(slot)

    rejected = lessons.dispute_rejected(
        contract, lesson=LESSON, slot=slot, unfunded=_unfunded(contract, legacy, ZERO)
    )

    to_legacy = min(value, legacy)
    assert effects(rejected) == changes(
        (contract.disputed, -value),
        (contract.legacy, -to_legacy),
        (contract.payable, value - to_legacy),
        *_unit(contract, slot),
    )


@given(slots())
def test_lesson_voided_gives_the_value_back(drawn: tuple[Contract, int]) -> None:
    contract, slot = drawn
    value = contract.slot_value(slot)

    voided = lessons.lesson_voided(contract, lesson=LESSON, slot=slot)

    assert effects(voided) == changes((contract.pending, -value), (contract.prepaid, value))


@given(slots(), balances, balances, balances)
def test_lesson_reversed_mirrors_its_confirmation_and_claws_back_what_was_paid_out(
    drawn: tuple[Contract, int], legacy: Money, diversion: Money, payable: Money
) -> None:
    contract, slot = drawn
    value = contract.slot_value(slot)
    confirming = lessons.lesson_confirmed(
        contract, lesson=LESSON, slot=slot, unfunded=_unfunded(contract, legacy, diversion)
    )

    undone = lessons.lesson_reversed(
        contract, confirming=confirming, reverses="17", payable=payable
    )

    to_legacy = min(value, legacy)
    to_diversion = min(value - to_legacy, diversion)
    earned = value - to_legacy - to_diversion
    held = min(earned, payable)
    assert effects(undone) == changes(
        (contract.prepaid, value),
        (contract.legacy, to_legacy),
        (contract.diversion, to_diversion),
        (contract.payable, -held),
        (PLACE.due(Reason.CLAWBACK), earned - held),
        *_unit(contract, slot, -1),
    )
    assert undone.references == {**confirming.references, "reverses": "17"}


@given(slots(), balances)
def test_lesson_reversed_undoes_a_ruling_as_well(
    drawn: tuple[Contract, int], payable: Money
) -> None:
    contract, slot = drawn
    ruling = lessons.dispute_rejected(contract, lesson=LESSON, slot=slot, unfunded=())

    undone = lessons.lesson_reversed(contract, confirming=ruling, reverses="17", payable=payable)

    assert undone.kind is TransactionKind.LESSON_REVERSED
    assert undone.effects().get(contract.prepaid, 0) == contract.slot_value(slot).fen
    assert contract.disputed not in undone.effects()


def test_a_gift_lesson_outside_the_schedule_moves_its_unit_and_no_money() -> None:
    contract = Contract(
        ENTRY, PLACE.institution, PLACE.custody, Money.of("100.00"), 2, lessons_gift=1
    )

    recorded = lessons.lesson_recorded(contract, lesson=LESSON, slot=3)
    confirmed = lessons.lesson_confirmed(contract, lesson=LESSON, slot=3, unfunded=())

    assert recorded.transfers == ()
    assert effects(confirmed) == changes(
        (contract.units_granted(Reason.GIFT), -1), (contract.units_consumed(Reason.GIFT), 1)
    )


def test_only_a_confirmation_is_reversed_as_a_lesson() -> None:
    contract = Contract(ENTRY, PLACE.institution, PLACE.custody, Money.of("100.00"), 2)
    recorded = lessons.lesson_recorded(contract, lesson=LESSON, slot=1)

    with pytest.raises(AssertionError, match="confirmation"):
        lessons.lesson_reversed(contract, confirming=recorded, reverses="17", payable=ZERO)


def test_debts_of_another_enrolment_are_not_closed_by_a_lesson() -> None:
    contract = Contract(ENTRY, PLACE.institution, PLACE.custody, Money.of("100.00"), 2)
    other = Contract(LESSON, PLACE.institution, PLACE.custody, Money.of("100.00"), 2)

    with pytest.raises(AssertionError, match="this contract"):
        lessons.lesson_confirmed(
            contract, lesson=LESSON, slot=1, unfunded=[Debt(other.legacy, Money.of("1.00"))]
        )
