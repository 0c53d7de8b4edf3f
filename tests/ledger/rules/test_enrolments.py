"""Enrolments grant lessons, and say what money is missing from the first day."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import Money, split
from ledger.rules import enrolments
from ledger.transactions import TransactionKind
from tests.ledger.rules.facts import CUSTODY, ENROLMENT, PLACE, SCHOOL, changes, contracts, effects


def _units(contract: Contract, sign: int = 1) -> list[tuple[Account, Money | int]]:
    lessons = {Reason.PAID: contract.lessons_paid, Reason.GIFT: contract.lessons_gift}
    return [
        (account, sign * number)
        for reason, number in lessons.items()
        for account in (contract.units_contracted(reason), contract.units_granted(reason))
    ]


@given(contracts())
def test_enrolment_opened_grants_paid_and_gift_lessons_and_moves_no_money(
    contract: Contract,
) -> None:
    opened = enrolments.enrolment_opened(contract)

    assert opened.kind is TransactionKind.ENROLMENT_OPENED
    assert effects(opened) == changes(*_units(contract))


@given(contracts())
def test_legacy_onboarded_credits_the_student_with_what_the_institution_owes(
    contract: Contract,
) -> None:
    onboarded = enrolments.legacy_onboarded(contract)

    assert effects(onboarded) == changes(
        (contract.legacy, contract.price),
        (contract.prepaid, contract.price),
        *_units(contract),
    )


@given(contracts(), st.data())
def test_diversion_discovered_credits_the_student_with_what_was_kept_away(
    contract: Contract, data: st.DataObject
) -> None:
    before = data.draw(st.integers(0, contract.price.fen), "received before")
    amount = Money.from_fen(data.draw(st.integers(0, contract.price.fen - before), "diverted"))

    discovered = enrolments.diversion_discovered(
        contract, amount=amount, received_before=Money.from_fen(before)
    )

    assert effects(discovered) == changes((contract.diversion, amount), (contract.prepaid, amount))


def test_diversion_beyond_the_price_is_our_mistake() -> None:
    contract = Contract(ENROLMENT, SCHOOL, CUSTODY, Money.of("100.00"), 1)

    with pytest.raises(AssertionError, match="than is due"):
        enrolments.diversion_discovered(
            contract, amount=Money.of("0.02"), received_before=Money.of("99.99")
        )


@given(contracts(), st.integers(1, 4))
def test_enrolment_lapsed_gives_each_receipt_back_to_suspense_and_takes_the_lessons_back(
    contract: Contract, receipts: int
) -> None:
    parts = split(contract.price, receipts)
    received = {UUID(int=1000 + number): part for number, part in enumerate(parts)}

    lapsed = enrolments.enrolment_lapsed(contract, received=received)

    assert effects(lapsed) == changes(
        (contract.prepaid, -contract.price),
        *((PLACE.suspense(entry), part) for entry, part in received.items()),
        *_units(contract, -1),
    )


def test_an_enrolments_transactions_name_it_by_id() -> None:
    contract = Contract(ENROLMENT, SCHOOL, CUSTODY, Money.of("100.00"), 1)

    opened = enrolments.enrolment_opened(contract)

    assert opened.references == {
        "institution": str(SCHOOL),
        "custody": str(CUSTODY),
        "enrolment": str(ENROLMENT),
    }


def test_no_more_lapses_than_was_due() -> None:
    contract = Contract(ENROLMENT, SCHOOL, CUSTODY, Money.of("1.00"), 1)
    received = {UUID(int=1): Money.of("0.60"), UUID(int=2): Money.of("0.41")}

    with pytest.raises(AssertionError, match="than was due"):
        enrolments.enrolment_lapsed(contract, received=received)
