"""Interest goes to those whose money bore it, to the fen; an advance closes what is owed."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.rules import interest
from ledger.rules.debts import Debt, make_good
from ledger.rules.interest import DayProduct
from ledger.rules.places import Place
from tests.ledger.rules.facts import (
    ENTRY,
    PLACE,
    RECEIPT,
    SCHOOL,
    amounts,
    balances,
    changes,
    debts,
    effects,
)


def contract_of(number: int, place: Place = PLACE) -> Contract:
    """Return one of several contracts of a place."""
    return Contract(UUID(int=200 + number), SCHOOL, place.custody, Money.of("1000.00"), 10)


@st.composite
def products(draw: st.DrawFn) -> list[DayProduct]:
    """Draw day-products of several contracts, in any order and with ties of every kind."""
    found = [
        DayProduct(
            contract_of(number),
            draw(st.one_of(st.just(0), st.integers(1, 5), st.integers(0, 10**12))),
            date(2025, 9, 1) + timedelta(days=draw(st.integers(0, 2))),
            f"HT-{number:03d}",
        )
        for number in range(draw(st.integers(1, 8)))
    ]
    return draw(st.permutations(found))


@given(amounts)
def test_interest_credited_waits_to_be_allocated(amount: Money) -> None:
    credited = interest.interest_credited(PLACE, bank_entry=ENTRY, amount=amount)

    assert effects(credited) == changes((PLACE.bank, amount), (PLACE.interest_unallocated, amount))


@given(amounts, products())
def test_interest_allocated_adds_up_and_is_in_proportion(
    amount: Money, found: list[DayProduct]
) -> None:
    whole = sum(product.fen_days for product in found)

    shares = interest.shares_of_interest(amount, found)

    given_to = dict(shares)
    assert total([part for _, part in shares]) == (amount if whole else ZERO)
    for product in found:
        part = given_to.get(product.contract, ZERO)
        exact = amount.fen * product.fen_days
        assert whole == 0 or abs(part.fen * whole - exact) < whole
    if shares:
        allocated = interest.interest_allocated(PLACE, credit=RECEIPT, shares=shares)
        assert effects(allocated) == changes(
            (PLACE.interest_unallocated, -amount),
            *((contract.interest, part) for contract, part in shares),
        )


@given(amounts, products(), st.data())
def test_the_order_in_which_contracts_are_read_changes_nothing(
    amount: Money, found: list[DayProduct], data: st.DataObject
) -> None:
    again = data.draw(st.permutations(found))

    shares = interest.shares_of_interest(amount, found)

    assert interest.shares_of_interest(amount, again) == shares


def test_a_tie_goes_to_the_earlier_contract_then_to_the_lower_number() -> None:
    day = date(2025, 9, 1)
    tied = [
        DayProduct(contract_of(1), 100, day, "B"),
        DayProduct(contract_of(2), 100, day, "A"),
        DayProduct(contract_of(3), 100, day + timedelta(days=1), "0"),
    ]

    shares = interest.shares_of_interest(Money.of("0.02"), tied)

    assert shares == (
        (contract_of(2), Money.of("0.01")),
        (contract_of(1), Money.of("0.01")),
    )


def test_interest_of_one_account_is_not_given_out_of_another() -> None:
    elsewhere = contract_of(1, Place(institution=SCHOOL, custody=ENTRY))

    shares = [(contract_of(2), Money.of("1.00")), (elsewhere, Money.of("1.00"))]

    with pytest.raises(AssertionError, match="one account"):
        interest.interest_allocated(PLACE, credit=RECEIPT, shares=shares)


@given(st.lists(amounts, min_size=1, max_size=3))
def test_interest_settled_to_student_is_owed_to_each_payer(parts: list[Money]) -> None:
    contract = contract_of(1)
    refunds = [(UUID(int=300 + number), part) for number, part in enumerate(parts)]

    settled = interest.interest_settled_to_student(contract, refunds=refunds)

    assert effects(settled) == changes(
        (contract.interest, -total(parts)),
        *((PLACE.refund_payable(refund), part) for refund, part in refunds),
    )


@given(amounts, balances, balances)
def test_interest_settled_to_institution_first_closes_what_it_owes_on_this_contract(
    amount: Money, legacy: Money, diversion: Money
) -> None:
    contract = contract_of(1)
    unfunded = [Debt(contract.legacy, legacy), Debt(contract.diversion, diversion)]

    settled = interest.interest_settled_to_institution(contract, amount=amount, unfunded=unfunded)

    parts, rest = make_good(unfunded, amount)
    assert effects(settled) == changes(
        (contract.interest, -amount),
        *((account, -part) for account, part in parts),
        (contract.payable, rest),
    )


def test_interest_closes_nothing_of_another_contract() -> None:
    with pytest.raises(AssertionError, match="this contract"):
        interest.interest_settled_to_institution(
            contract_of(1),
            amount=Money.of("1.00"),
            unfunded=[
                Debt(contract_of(1).legacy, Money.of("1.00")),
                Debt(contract_of(2).legacy, Money.of("1.00")),
            ],
        )


@given(amounts, debts())
def test_advance_received_closes_debts_in_their_order_and_the_rest_is_own_funds(
    amount: Money, found: list[Debt]
) -> None:
    advanced = interest.advance_received(PLACE, bank_entry=ENTRY, amount=amount, debts=found)

    parts, rest = make_good(found, amount)
    assert effects(advanced) == changes(
        (PLACE.bank, amount),
        *((account, -part) for account, part in parts),
        (PLACE.own_funds, rest),
    )


def test_money_never_stands_in_an_account_for_less_than_no_time() -> None:
    with pytest.raises(AssertionError, match="zero or more"):
        DayProduct(contract_of(1), -1, date(2025, 1, 1), "A-1")
