"""A correction is the exact mirror of one transaction, once, and never of what was earned."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import Account
from ledger.entitlement import Contract
from ledger.money import Money
from ledger.refusals import AlreadyReversed, NotReversible
from ledger.rules import custody, enrolments, lessons, payouts, receipts, suspense
from ledger.rules.corrections import REVERSIBLE, reversed_exactly
from ledger.rules.debts import Debt
from ledger.transactions import Transaction, TransactionKind, money_transfers
from tests.ledger.rules.facts import (
    CUSTODY,
    ENROLMENT,
    ENTRY,
    LESSON,
    ORDER,
    PLACE,
    SCHOOL,
    amounts,
    balances,
    contracts,
)

CONTRACT = Contract(ENROLMENT, SCHOOL, CUSTODY, Money.of("100.00"), 2)
NOT_BY_HAND = sorted(set(TransactionKind) - REVERSIBLE)


def _reversed(transaction: Transaction, reversed_by: str | None = None) -> Transaction:
    return reversed_exactly(
        transaction, reverses="17", reversed_by=reversed_by, reason="WRONG_ENROLMENT"
    )


@given(contracts(), amounts, balances)
def test_reversed_exactly_undoes_every_line_and_names_what_it_reverses(
    contract: Contract, amount: Money, before: Money
) -> None:
    wrong = receipts.receipt_matched(
        contract, bank_entry=ENTRY, amount=amount, received_before=before
    )

    mirror = _reversed(wrong)

    assert mirror.effects() == {account: -change for account, change in wrong.effects().items()}
    assert mirror.kind is TransactionKind.TRANSACTION_REVERSED
    assert mirror.references == {**wrong.references, "reverses": "17"}
    assert mirror.reason == "WRONG_ENROLMENT"


@given(contracts())
def test_reversed_exactly_takes_back_the_lessons_of_a_wrong_legacy_contract(
    contract: Contract,
) -> None:
    wrong = enrolments.legacy_onboarded(contract)

    mirror = _reversed(wrong)

    assert mirror.effects() == {account: -change for account, change in wrong.effects().items()}


def test_a_transaction_is_reversed_at_most_once() -> None:
    wrong = enrolments.legacy_onboarded(CONTRACT)

    with pytest.raises(AlreadyReversed) as refused:
        _reversed(wrong, reversed_by="18")

    assert refused.value.facts == {"transaction": "17", "reversed_by": "18"}


def test_a_reversal_is_not_reversed() -> None:
    mirror = _reversed(enrolments.legacy_onboarded(CONTRACT))

    with pytest.raises(NotReversible):
        _reversed(mirror)


@pytest.mark.parametrize(
    "transaction",
    [
        enrolments.enrolment_opened(CONTRACT),
        enrolments.enrolment_lapsed(CONTRACT, received={ENTRY: Money.of("1.00")}),
        suspense.suspense_return_instructed(
            PLACE, receipt=ENTRY, order=ORDER, amount=Money.of("1.00")
        ),
        custody.own_funds_sent(PLACE, order=ORDER, bank_entry=ENTRY, amount=Money.of("1.00")),
        custody.own_funds_applied(
            PLACE, own_funds=Money.of("1.00"), debts=[Debt(CONTRACT.legacy, Money.of("1.00"))]
        ),
        lessons.lesson_recorded(CONTRACT, lesson=LESSON, slot=1),
        lessons.lesson_confirmed(CONTRACT, lesson=LESSON, slot=1, unfunded=()),
        payouts.payout_instructed(PLACE, order=ORDER, amount=Money.of("1.00")),
        payouts.payout_executed(PLACE, order=ORDER, bank_entry=ENTRY, amount=Money.of("1.00")),
    ],
    ids=lambda transaction: transaction.kind,
)
def test_what_has_its_own_way_back_is_not_reversed_by_hand(transaction: Transaction) -> None:
    with pytest.raises(NotReversible):
        _reversed(transaction)


@given(st.sampled_from(NOT_BY_HAND), amounts)
def test_reversed_exactly_refuses_every_kind_it_was_not_told_of(
    kind: TransactionKind, amount: Money
) -> None:
    transaction = Transaction(kind, money_transfers((PLACE.bank, CONTRACT.prepaid, amount)))

    with pytest.raises(NotReversible):
        _reversed(transaction)


@pytest.mark.parametrize("account", [PLACE.payable, PLACE.payout_in_transit(ORDER)])
def test_a_reversible_kind_that_touches_what_was_earned_is_our_mistake(
    account: Account,
) -> None:
    crooked = Transaction(
        TransactionKind.RECEIPT_MATCHED,
        money_transfers((PLACE.bank, account, Money.of("1.00"))),
    )

    with pytest.raises(AssertionError, match="touches L4 or L5"):
        _reversed(crooked)


def test_only_facts_that_stand_alone_are_reversed_by_hand() -> None:
    money_in = {"TOP_UP_RECEIVED", "RECEIPT_MATCHED", "RECEIPT_HELD", "SUSPENSE_MATCHED"}
    other_ways_in = {"CHANNEL_CAPTURED", "CHANNEL_SETTLED", "CASH_REPORTED", "CASH_PAID_IN"}
    charges = {"BANK_CHARGE_DEBITED", "BANK_CHARGE_REIMBURSED"}
    without_money = {"LEGACY_ONBOARDED", "DIVERSION_DISCOVERED"}

    by_hand = {kind.value for kind in REVERSIBLE}

    assert by_hand == money_in | other_ways_in | charges | without_money
