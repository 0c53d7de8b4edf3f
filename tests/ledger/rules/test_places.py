"""A place's accounts are those of the chart that their names promise, and nobody else's."""

from uuid import UUID

import pytest

from ledger.accounts import CHART, Reason
from ledger.rules.places import Place, place_at, place_of, references
from tests.ledger.rules.facts import CUSTODY, ENROLMENT, PLACE, SCHOOL
from tests.ledger.test_entitlement import contract

SUBJECT = UUID(int=77)
DEPOSIT = Place(institution=SCHOOL, custody=CUSTODY, deposit=True)


@pytest.mark.parametrize(
    ("name", "code", "owner"),
    [
        ("bank", "A1", CUSTODY),
        ("custody_bank", "A1", CUSTODY),
        ("deposit_bank", "A2", CUSTODY),
        ("cash_undeposited", "A4", SCHOOL),
        ("payable", "L4", SCHOOL),
        ("interest_unallocated", "L10", CUSTODY),
        ("deposit_held", "L12", SCHOOL),
        ("own_funds", "L16", SCHOOL),
    ],
)
def test_an_account_of_the_place_itself_has_its_code_and_owner(
    name: str, code: str, owner: UUID
) -> None:
    account = getattr(PLACE, name)

    assert (CHART[account.kind].code, account.owner, account.reason) == (code, owner, None)
    assert (account.custody, account.institution) == (CUSTODY, SCHOOL)


@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("fee_disputed", "A6", Reason.FEE_DISPUTED),
        ("debited_in_error", "A6", Reason.ERROR_DEBIT),
        ("lost_with", "A6", Reason.FAILED_BANK),
        ("transfer_in_transit", "A8", None),
        ("payout_in_transit", "L5", None),
        ("refund_payable", "L6", None),
        ("refund_in_transit", "L7", None),
        ("suspense", "L8", None),
        ("refund_returned", "L9", None),
        ("residual_claim", "L13", None),
        ("credited_in_error", "L14", None),
        ("porting_in_transit", "L15", None),
    ],
)
def test_an_account_of_something_in_the_place_is_owned_by_it(
    name: str, code: str, reason: Reason | None
) -> None:
    account = getattr(PLACE, name)(SUBJECT)

    assert (CHART[account.kind].code, account.owner, account.reason) == (code, SUBJECT, reason)
    assert (account.custody, account.institution) == (CUSTODY, SCHOOL)


@pytest.mark.parametrize(("name", "code"), [("channel_clearing", "A3"), ("due", "A5")])
def test_an_account_by_reason_is_the_institutions(name: str, code: str) -> None:
    account = getattr(PLACE, name)(Reason.CALLED)

    assert (CHART[account.kind].code, account.owner, account.reason) == (
        code,
        SCHOOL,
        Reason.CALLED,
    )
    assert (account.custody, account.institution) == (CUSTODY, SCHOOL)


def test_the_bank_of_a_deposit_account_is_its_own() -> None:
    assert DEPOSIT.bank == DEPOSIT.deposit_bank
    assert place_at(SCHOOL, CUSTODY, deposit=True).bank == DEPOSIT.deposit_bank
    assert place_at(SCHOOL, CUSTODY).bank == PLACE.custody_bank


def test_a_place_is_the_same_whatever_its_account_is_for() -> None:
    assert DEPOSIT == PLACE
    assert place_at(SCHOOL, CUSTODY) is place_at(SCHOOL, CUSTODY)


def test_a_reference_to_a_contract_names_its_place_and_enrolment() -> None:
    subject = contract("1.00", 1)

    assert references(subject, slot=3) == {
        "institution": str(subject.institution),
        "custody": str(subject.custody),
        "enrolment": str(subject.enrolment),
        "slot": "3",
    }
    assert references(place_of(subject)) == {
        "institution": str(subject.institution),
        "custody": str(subject.custody),
    }
    assert place_of(subject) == Place(institution=subject.institution, custody=subject.custody)
    assert subject.enrolment != ENROLMENT
