"""Payouts leave from what was earned or from surplus, and come back to where they came from."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ledger.accounts import Account, Reason
from ledger.money import ZERO, Money, total
from ledger.refusals import PayoutNotCovered
from ledger.rules import payouts
from ledger.rules.debts import Debt, in_order, owed
from ledger.rules.payouts import OrderKind
from ledger.transactions import TransactionKind
from tests.ledger.rules.facts import (
    ENTRY,
    ORDER,
    PLACE,
    amounts,
    balances,
    changes,
    debts,
    effects,
)

SENT = PLACE.payout_in_transit(ORDER)
SOURCES = {
    OrderKind.EARNED: PLACE.payable,
    OrderKind.SURPLUS: PLACE.own_funds,
    OrderKind.DEPOSIT: PLACE.deposit_held,
}
sources = st.sampled_from(list(SOURCES))


@given(balances, amounts)
def test_check_payout_refuses_one_fen_more_than_the_room(room: Money, amount: Money) -> None:
    if amount <= room:
        payouts.check_payout(room=room, amount=amount)
        return

    with pytest.raises(PayoutNotCovered) as refused:
        payouts.check_payout(room=room, amount=amount)
    assert refused.value.facts == {"room": str(room), "amount": str(amount)}


@given(amounts)
def test_payout_instructed_moves_what_was_earned_on_its_way(amount: Money) -> None:
    instructed = payouts.payout_instructed(PLACE, order=ORDER, amount=amount)

    assert effects(instructed) == changes((PLACE.payable, -amount), (SENT, amount))


@given(amounts, debts())
def test_surplus_instructed_needs_every_debt_of_the_account_made_good(
    amount: Money, found: list[Debt]
) -> None:
    if owed(found):
        with pytest.raises(PayoutNotCovered):
            payouts.surplus_instructed(PLACE, order=ORDER, amount=amount, debts=found)
        return

    instructed = payouts.surplus_instructed(PLACE, order=ORDER, amount=amount, debts=found)

    assert effects(instructed) == changes((PLACE.own_funds, -amount), (SENT, amount))


@given(amounts)
def test_payout_executed_takes_the_money_from_the_bank(amount: Money) -> None:
    executed = payouts.payout_executed(PLACE, order=ORDER, bank_entry=ENTRY, amount=amount)

    assert effects(executed) == changes((SENT, -amount), (PLACE.bank, -amount))
    assert executed.references["bank_entry"] == str(ENTRY)


@given(amounts, sources)
def test_payout_rejected_goes_back_to_where_it_came_from(amount: Money, source: OrderKind) -> None:
    rejected = payouts.payout_rejected(PLACE, order=ORDER, amount=amount, source=source)

    assert rejected.kind is TransactionKind.PAYOUT_REJECTED
    assert effects(rejected) == changes((SENT, -amount), (SOURCES[source], amount))


@given(amounts, sources)
def test_payout_cancelled_goes_back_to_where_it_came_from(amount: Money, source: OrderKind) -> None:
    cancelled = payouts.payout_cancelled(PLACE, order=ORDER, amount=amount, source=source)

    assert cancelled.kind is TransactionKind.PAYOUT_CANCELLED
    assert effects(cancelled) == changes((SENT, -amount), (SOURCES[source], amount))


@given(amounts, sources)
def test_payout_returned_comes_back_to_where_it_came_from(amount: Money, source: OrderKind) -> None:
    returned = payouts.payout_returned(
        PLACE, order=ORDER, bank_entry=ENTRY, amount=amount, source=source
    )

    assert effects(returned) == changes((PLACE.bank, amount), (SOURCES[source], amount))


@given(amounts, sources)
def test_payout_reversed_by_the_bank_goes_back_to_where_it_came_from(
    amount: Money, source: OrderKind
) -> None:
    undone = payouts.payout_reversed(
        PLACE, order=ORDER, bank_entry=ENTRY, amount=amount, source=source
    )

    assert undone.kind is TransactionKind.PAYOUT_REVERSED
    assert effects(undone) == changes((PLACE.bank, amount), (SOURCES[source], amount))


def test_a_refund_is_no_payout() -> None:
    with pytest.raises(AssertionError, match="earned, surplus or deposit"):
        payouts.payout_rejected(
            PLACE, order=ORDER, amount=Money.of("1.00"), source=OrderKind.REFUND
        )


@given(balances, balances, debts(minimum=1))
def test_debts_made_good_takes_own_funds_first_then_what_was_earned(
    own_funds: Money, payable: Money, found: list[Debt]
) -> None:
    assume(own_funds or payable)
    assume(owed(found))

    made_good = payouts.debts_made_good(PLACE, own_funds=own_funds, payable=payable, debts=found)

    change = made_good.effects()
    closed = min(owed(found), own_funds + payable)
    from_own = min(own_funds, closed)
    assert change.get(PLACE.own_funds, 0) == -from_own.fen
    assert change.get(PLACE.payable, 0) == -(closed - from_own).fen
    assert _closed_in_order(change, found) == closed


def test_debts_made_good_with_nothing_owed_is_our_mistake() -> None:
    with pytest.raises(AssertionError, match="something to make good"):
        payouts.debts_made_good(PLACE, own_funds=Money.of("1.00"), payable=ZERO, debts=())


def test_a_clawback_is_recovered_from_what_is_earned_next() -> None:
    clawback = Debt(PLACE.due(Reason.CLAWBACK), Money.of("104.17"))

    recovered = payouts.debts_made_good(
        PLACE, own_funds=Money.of("4.17"), payable=Money.of("120.00"), debts=[clawback]
    )

    assert effects(recovered) == changes(
        (PLACE.own_funds, -Money.of("4.17")),
        (PLACE.payable, -Money.of("100.00")),
        (clawback.account, -Money.of("104.17")),
    )


def _closed_in_order(change: dict[Account, int], found: list[Debt]) -> Money:
    """Return what was closed, having seen that no debt was touched before an earlier one closed."""
    ordered = in_order(found)
    parts = [Money.from_fen(-change.get(debt.account, 0)) for debt in ordered]
    for number, part in enumerate(parts):
        if part:
            earlier = zip(parts[:number], ordered[:number], strict=True)
            assert all(closed == debt.amount for closed, debt in earlier)
    return total(parts)
