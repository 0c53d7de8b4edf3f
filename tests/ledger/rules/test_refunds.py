"""Refunds move from owed to on their way to paid, and come back to the account they came from."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.rules import refunds
from ledger.rules.refunds import RefundOrder
from ledger.transactions import TransactionKind
from tests.ledger.rules.facts import (
    ENTRY,
    ORDER,
    PLACE,
    amounts,
    balances,
    changes,
    contracts,
    effects,
)

REFUND = UUID(int=70)
OWED, RETURNED = PLACE.refund_payable(REFUND), PLACE.refund_returned(REFUND)
SENT = PLACE.refund_in_transit(ORDER)
orders = st.builds(
    RefundOrder,
    order=st.just(ORDER),
    refund=st.just(REFUND),
    amount=amounts,
    reissued=st.booleans(),
)


def _source(order: RefundOrder) -> Account:
    return RETURNED if order.reissued else OWED


@given(st.lists(balances, max_size=5), st.lists(balances, max_size=2))
def test_an_enrolment_is_funded_with_what_it_has_less_what_was_never_paid_in(
    claims: list[Money], unfunded: list[Money]
) -> None:
    held = refunds.funded(claims=claims, unfunded=unfunded)

    assert held == max(total(claims) - total(unfunded), ZERO)


@given(orders)
def test_an_order_takes_the_money_from_where_it_is_owed_or_was_returned(order: RefundOrder) -> None:
    rule = refunds.refund_reissued if order.reissued else refunds.refund_instructed

    instructed = rule(PLACE, order)

    assert effects(instructed) == changes((_source(order), -order.amount), (SENT, order.amount))
    assert instructed.references["refund"] == str(REFUND)


@given(orders)
def test_an_order_is_issued_by_the_rule_of_its_own(order: RefundOrder) -> None:
    wrong = refunds.refund_instructed if order.reissued else refunds.refund_reissued

    with pytest.raises(AssertionError):
        wrong(PLACE, order)


@given(orders, st.sampled_from([None, Reason.WECHAT, Reason.ALIPAY]))
def test_a_refund_is_paid_from_the_bank_or_by_a_channel_that_has_not_settled(
    order: RefundOrder, channel: Reason | None
) -> None:
    executed = refunds.refund_executed(PLACE, order, bank_entry=ENTRY, channel=channel)

    source = PLACE.bank if channel is None else PLACE.channel_clearing(channel)
    assert effects(executed) == changes((SENT, -order.amount), (source, -order.amount))
    assert executed.references["bank_entry"] == str(ENTRY)


@given(orders, st.booleans())
def test_an_order_undone_before_its_debit_goes_back_to_where_it_came_from(
    order: RefundOrder, rejected: bool
) -> None:
    rule = refunds.refund_rejected if rejected else refunds.refund_cancelled

    undone = rule(PLACE, order)

    assert effects(undone) == changes((SENT, -order.amount), (_source(order), order.amount))


@given(orders)
def test_a_paid_refund_that_comes_back_waits_for_another_payee(order: RefundOrder) -> None:
    returned = refunds.refund_returned(PLACE, order, bank_entry=ENTRY)

    assert effects(returned) == changes((PLACE.bank, order.amount), (RETURNED, order.amount))


@given(orders)
def test_a_refund_the_bank_reverses_is_owed_to_the_same_payee_again(order: RefundOrder) -> None:
    undone = refunds.refund_reversed(PLACE, order, bank_entry=ENTRY)

    assert effects(undone) == changes((PLACE.bank, order.amount), (_source(order), order.amount))


@given(orders)
def test_an_unclaimed_refund_is_lodged_from_the_bank(order: RefundOrder) -> None:
    lodged = refunds.refund_lodged(PLACE, order, bank_entry=ENTRY)

    assert effects(lodged) == changes((SENT, -order.amount), (PLACE.bank, -order.amount))
    assert lodged.kind is TransactionKind.REFUND_LODGED


@given(contracts(), amounts)
def test_a_refund_not_sent_goes_back_into_its_enrolment(contract: Contract, amount: Money) -> None:
    taken = refunds.refund_taken_back(contract, refund=REFUND, amount=amount)

    assert effects(taken) == changes((OWED, -amount), (contract.prepaid, amount))
