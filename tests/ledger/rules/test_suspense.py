"""Money in suspense goes to an enrolment or back to its payer, and comes back to where it was."""

from hypothesis import given

from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.rules import receipts, suspense
from ledger.rules.receipts import HeldReason
from tests.ledger.rules.facts import (
    ENTRY,
    ORDER,
    PLACE,
    RECEIPT,
    amounts,
    balances,
    changes,
    contracts,
    effects,
)

HELD, SENT = PLACE.suspense(RECEIPT), PLACE.refund_in_transit(ORDER)


@given(contracts(), amounts, balances)
def test_suspense_matched_fills_the_price_and_leaves_the_excess_held(
    contract: Contract, held: Money, before: Money
) -> None:
    matched = suspense.suspense_matched(
        contract, receipt=RECEIPT, held=held, received_before=before
    )

    part = min(held, max(ZERO, contract.price - before))
    assert effects(matched) == changes((HELD, -part), (contract.prepaid, part))


@given(amounts)
def test_suspense_return_instructed_puts_the_money_on_its_way(amount: Money) -> None:
    instructed = suspense.suspense_return_instructed(
        PLACE, receipt=RECEIPT, order=ORDER, amount=amount
    )

    assert effects(instructed) == changes((HELD, -amount), (SENT, amount))


@given(amounts)
def test_suspense_return_executed_takes_the_money_from_the_bank(amount: Money) -> None:
    executed = suspense.suspense_return_executed(
        PLACE, order=ORDER, bank_entry=ENTRY, amount=amount
    )

    assert effects(executed) == changes((SENT, -amount), (PLACE.bank, -amount))
    assert executed.references["bank_entry"] == str(ENTRY)


@given(amounts)
def test_suspense_return_rejected_holds_the_money_again(amount: Money) -> None:
    rejected = suspense.suspense_return_rejected(PLACE, receipt=RECEIPT, order=ORDER, amount=amount)

    assert effects(rejected) == changes((SENT, -amount), (HELD, amount))


@given(amounts)
def test_suspense_return_bounced_brings_the_money_back_to_where_it_was_held(amount: Money) -> None:
    bounced = suspense.suspense_return_bounced(
        PLACE, receipt=RECEIPT, order=ORDER, bank_entry=ENTRY, amount=amount
    )

    assert effects(bounced) == changes((PLACE.bank, amount), (HELD, amount))


@given(amounts)
def test_a_receipt_restated_leaves_the_bank_and_suspense_as_before_it_was_held(
    amount: Money,
) -> None:
    held = receipts.receipt_held(
        PLACE, bank_entry=ENTRY, amount=amount, reason=HeldReason.UNKNOWN_ENROLMENT
    )

    restated = suspense.receipt_restated(PLACE, bank_entry=ENTRY, amount=amount)

    assert effects(restated) == {account: -moved for account, moved in effects(held).items()}
    assert restated.references["bank_entry"] == str(ENTRY)
