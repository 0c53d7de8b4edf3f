"""Money that comes in is always posted: to its enrolment, to what is owed, or to suspense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.rules import receipts
from ledger.rules.debts import Debt, make_good, owed
from ledger.rules.receipts import HeldReason
from ledger.transactions import Transaction
from tests.ledger.rules.facts import (
    ENTRY,
    PLACE,
    RECEIPT,
    amounts,
    balances,
    changes,
    contracts,
    debts,
    effects,
)


def _assert_split_at_the_price(
    transaction: Transaction,
    contract: Contract,
    *,
    source: Account,
    held: Account,
    amount: Money,
    before: Money,
) -> None:
    matched = min(amount, max(ZERO, contract.price - before))
    assert effects(transaction) == changes(
        (source, amount),
        (contract.prepaid, matched),
        (held, amount - matched),
    )
    assert transaction.reason == (HeldReason.EXCESS if amount > matched else None)


@given(contracts(), amounts, balances)
def test_receipt_matched_fills_the_price_and_holds_the_excess(
    contract: Contract, amount: Money, before: Money
) -> None:
    matched = receipts.receipt_matched(
        contract, bank_entry=ENTRY, amount=amount, received_before=before
    )

    _assert_split_at_the_price(
        matched,
        contract,
        source=PLACE.bank,
        held=PLACE.suspense(ENTRY),
        amount=amount,
        before=before,
    )
    assert matched.references["bank_entry"] == str(ENTRY)


@given(amounts, st.sampled_from(HeldReason))
def test_receipt_held_keeps_all_of_it_in_suspense_with_its_reason(
    amount: Money, reason: HeldReason
) -> None:
    held = receipts.receipt_held(PLACE, bank_entry=ENTRY, amount=amount, reason=reason)

    assert effects(held) == changes((PLACE.bank, amount), (PLACE.suspense(ENTRY), amount))
    assert held.reason == reason


@given(contracts(), amounts, balances)
def test_channel_captured_fills_the_price_from_the_channel(
    contract: Contract, amount: Money, before: Money
) -> None:
    captured = receipts.channel_captured(
        contract, capture=RECEIPT, channel=Reason.WECHAT, amount=amount, received_before=before
    )

    _assert_split_at_the_price(
        captured,
        contract,
        source=PLACE.channel_clearing(Reason.WECHAT),
        held=PLACE.suspense(RECEIPT),
        amount=amount,
        before=before,
    )


@given(amounts, st.sampled_from(HeldReason))
def test_capture_held_keeps_all_of_it_in_suspense_with_its_reason(
    amount: Money, reason: HeldReason
) -> None:
    held = receipts.capture_held(
        PLACE, capture=RECEIPT, channel=Reason.UNIONPAY, amount=amount, reason=reason
    )

    clearing, suspense = PLACE.channel_clearing(Reason.UNIONPAY), PLACE.suspense(RECEIPT)
    assert effects(held) == changes((clearing, amount), (suspense, amount))
    assert held.reason == reason


@given(amounts, st.sampled_from([PLACE.cash_undeposited, PLACE.channel_clearing(Reason.WECHAT)]))
def test_pending_cleared_takes_out_of_suspense_what_its_money_waited_for(
    amount: Money, pending: Account
) -> None:
    cleared = receipts.pending_cleared(PLACE, pending=pending, receipt=ENTRY, amount=amount)

    assert effects(cleared) == changes((PLACE.suspense(ENTRY), -amount), (pending, -amount))
    assert cleared.references["receipt"] == str(ENTRY)


@given(amounts, balances, balances)
def test_channel_settled_closes_what_was_captured_and_charges_the_fee_to_the_institution(
    settled: Money, fee: Money, clearing: Money
) -> None:
    posted = receipts.channel_settled(
        PLACE,
        channel=Reason.ALIPAY,
        bank_entry=ENTRY,
        settled=settled,
        fee=fee,
        clearing=clearing,
    )

    closed = min(settled + fee, clearing)
    assert effects(posted) == changes(
        (PLACE.bank, settled),
        (PLACE.due(Reason.BANK_CHARGE), fee),
        (PLACE.channel_clearing(Reason.ALIPAY), -closed),
        (PLACE.suspense(ENTRY), settled + fee - closed),
    )


@given(contracts(), amounts, balances)
def test_cash_reported_fills_the_price_from_the_till(
    contract: Contract, amount: Money, before: Money
) -> None:
    reported = receipts.cash_reported(
        contract, receipt=RECEIPT, amount=amount, received_before=before
    )

    _assert_split_at_the_price(
        reported,
        contract,
        source=PLACE.cash_undeposited,
        held=PLACE.suspense(RECEIPT),
        amount=amount,
        before=before,
    )


@given(amounts, balances)
def test_cash_paid_in_closes_what_was_reported_and_holds_what_was_not(
    amount: Money, undeposited: Money
) -> None:
    paid_in = receipts.cash_paid_in(PLACE, bank_entry=ENTRY, amount=amount, undeposited=undeposited)

    reported = min(amount, undeposited)
    assert effects(paid_in) == changes(
        (PLACE.bank, amount),
        (PLACE.cash_undeposited, -reported),
        (PLACE.suspense(ENTRY), amount - reported),
    )


@given(amounts, debts())
def test_top_up_received_closes_debts_first_and_only_the_rest_is_own_funds(
    amount: Money, found: list[Debt]
) -> None:
    topped_up = receipts.top_up_received(PLACE, bank_entry=ENTRY, amount=amount, debts=found)

    parts, rest = make_good(found, amount)
    assert effects(topped_up) == changes(
        (PLACE.bank, amount),
        *((account, -part) for account, part in parts),
        (PLACE.own_funds, rest),
    )
    assert not rest or amount - rest == owed(found)


@given(contracts(), balances)
def test_nothing_is_still_due_once_the_price_is_reached(contract: Contract, before: Money) -> None:
    due = receipts.still_due(contract, before)

    assert due == (contract.price - before if before < contract.price else ZERO)


@pytest.mark.parametrize(
    ("amount", "matched", "excess"),
    [("99.99", "99.99", "0.00"), ("100.00", "100.00", "0.00"), ("100.01", "100.00", "0.01")],
)
def test_one_fen_over_the_price_is_held(amount: str, matched: str, excess: str) -> None:
    contract = Contract(ENTRY, PLACE.institution, PLACE.custody, Money.of("100.00"), 1)

    posted = receipts.receipt_matched(
        contract, bank_entry=ENTRY, amount=Money.of(amount), received_before=ZERO
    )

    assert effects(posted) == changes(
        (PLACE.bank, Money.of(amount)),
        (contract.prepaid, Money.of(matched)),
        (PLACE.suspense(ENTRY), Money.of(excess)),
    )


@pytest.mark.parametrize("channel", [Reason.WECHAT, Reason.ALIPAY, Reason.UNIONPAY])
def test_what_every_channel_captured_may_have_come_before(channel: Reason) -> None:
    pending, amount = PLACE.channel_clearing(channel), Money.of("1.00")

    cleared = receipts.pending_cleared(PLACE, pending=pending, receipt=ENTRY, amount=amount)

    assert effects(cleared) == changes((PLACE.suspense(ENTRY), -amount), (pending, -amount))


def test_only_what_waits_for_a_channel_or_for_cash_is_cleared() -> None:
    with pytest.raises(AssertionError, match="A3 or A4"):
        receipts.pending_cleared(
            PLACE, pending=PLACE.own_funds, receipt=ENTRY, amount=Money.of("1.00")
        )
