"""Debts are made good in one order, each at most its balance."""

import random
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import Account, AccountKind, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.rules.debts import Debt, in_order, make_good, owed
from tests.ledger.rules.facts import BANK, CUSTODY, PLACE, SCHOOL, balances, debts


def _contract(number: int) -> Contract:
    return Contract(UUID(int=number), SCHOOL, CUSTODY, Money.of("1.00"), 1)


def test_debts_stand_in_the_order_in_which_they_are_made_good() -> None:
    one = Money.of("1.00")
    older, newer = _contract(100), _contract(101)
    expected = [
        Debt(PLACE.fee_disputed(BANK), one),
        Debt(PLACE.due(Reason.BANK_CHARGE), one),
        Debt(PLACE.due(Reason.CLAWBACK), one),
        Debt(PLACE.due(Reason.CHARGEBACK), one),
        Debt(PLACE.due(Reason.COURT_DEDUCTION), one),
        Debt(PLACE.due(Reason.CALLED), one),
        Debt(older.legacy, one, date(2021, 1, 1)),
        Debt(older.diversion, one, date(2021, 1, 1)),
        Debt(newer.legacy, one, date(2021, 2, 1)),
    ]

    ordered = in_order(expected[::-1])

    assert list(ordered) == expected


def test_a_contract_of_unknown_date_comes_before_those_of_a_known_one() -> None:
    one = Money.of("1.00")
    undated = Debt(_contract(101).legacy, one)
    dated = Debt(_contract(100).legacy, one, date(2021, 1, 1))

    assert in_order([dated, undated]) == (undated, dated)


@given(debts(), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_debts_were_listed(
    found: list[Debt], chance: random.Random
) -> None:
    shuffled = found.copy()
    chance.shuffle(shuffled)

    assert in_order(found) == in_order(shuffled)


@given(debts(), balances)
def test_money_closes_debts_in_order_and_the_rest_is_left(found: list[Debt], amount: Money) -> None:
    balance = {debt.account: debt.amount for debt in found}

    parts, rest = make_good(found, amount)

    assert total([part for _, part in parts]) + rest == amount
    assert rest == max(ZERO, amount - owed(found))
    assert all(ZERO < part <= balance[account] for account, part in parts)
    closed = [account for account, part in parts if part == balance[account]]
    in_turn = [debt.account for debt in in_order(found) if debt.amount]
    assert [account for account, _ in parts] == in_turn[: len(parts)]
    assert len(closed) >= len(parts) - 1


def test_only_what_is_due_from_institution_or_bank_is_a_debt() -> None:
    with pytest.raises(AssertionError, match="due from"):
        Debt(PLACE.own_funds, Money.of("1.00"))


def test_a_debt_is_never_negative() -> None:
    with pytest.raises(AssertionError, match="not negative"):
        Debt(PLACE.due(Reason.CALLED), Money.of("-0.01"))


def test_a_debt_without_a_reason_has_no_place_in_the_order() -> None:
    unreasoned = Account(AccountKind.DUE_FROM_INSTITUTION, SCHOOL, CUSTODY)

    with pytest.raises(AssertionError, match="has a reason"):
        in_order([Debt(unreasoned, ZERO)])
