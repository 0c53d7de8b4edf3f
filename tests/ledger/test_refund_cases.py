"""Worked case 8.5 through the posting rules: payout, fee, 退汇 or 冲账, and the parent's refund."""

from uuid import UUID

import pytest

from ledger.accounts import Account, Reason
from ledger.book import Book
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.rules import custody, enrolments, lessons, payouts, receipts, refunds
from ledger.rules.debts import Debt
from ledger.rules.payouts import OrderKind
from ledger.rules.places import Place
from ledger.rules.refunds import RefundOrder
from ledger.transactions import Transaction, TransactionKind, money_transfers

PLACE = Place(institution=UUID(int=1), custody=UUID(int=2))
CONTRACT = Contract(UUID(int=3), PLACE.institution, PLACE.custody, Money.of("4999.99"), 48)
PAYOUT, REFUND_ORDER, REFUND, ENTRY = (UUID(int=number) for number in range(4, 8))
EARNED = Money.of("1770.82")
FEE = Money.of("5.00")
DUE = PLACE.due(Reason.BANK_CHARGE)


@pytest.fixture
def paid_out() -> Book:
    """The first case after 17 lessons: paid out, and the bank took 5.00."""
    book = Book()
    book.post(
        enrolments.enrolment_opened(CONTRACT),
        receipts.receipt_matched(
            CONTRACT, bank_entry=ENTRY, amount=CONTRACT.price, received_before=ZERO
        ),
    )
    for slot in range(1, 18):
        lesson = UUID(int=100 + slot)
        book.post(
            lessons.lesson_recorded(CONTRACT, lesson=lesson, slot=slot),
            lessons.lesson_confirmed(CONTRACT, lesson=lesson, slot=slot, unfunded=()),
        )
    book.post(
        payouts.payout_instructed(PLACE, order=PAYOUT, amount=EARNED),
        payouts.payout_executed(PLACE, order=PAYOUT, bank_entry=ENTRY, amount=EARNED),
        custody.bank_charge_debited(PLACE, bank_entry=ENTRY, amount=FEE),
    )
    return book


def test_a_fee_on_a_payout_is_missing_until_the_institution_makes_it_good(paid_out: Book) -> None:
    assert _figures(paid_out) == {"A1": "3224.17", "A5": "5.00", "L1": "3229.17", "L4": "0.00"}


def test_a_returned_payout_is_earned_again_and_its_fee_still_missing(paid_out: Book) -> None:
    paid_out.post(_returned())

    assert _figures(paid_out) == {"A1": "4994.99", "A5": "5.00", "L1": "3229.17", "L4": "1770.82"}


def test_a_reversed_payout_never_happened_and_gives_its_fee_back(paid_out: Book) -> None:
    paid_out.post(
        payouts.payout_reversed(
            PLACE, order=PAYOUT, bank_entry=ENTRY, amount=EARNED, source=OrderKind.EARNED
        ),
        custody.bank_charge_reimbursed(
            PLACE, bank_entry=ENTRY, amount=FEE, debts=[Debt(DUE, paid_out.balance(DUE))]
        ),
    )

    assert _figures(paid_out) == {"A1": "4999.99", "A5": "0.00", "L1": "3229.17", "L4": "1770.82"}


def test_a_fee_made_good_already_and_then_given_back_is_the_institutions(paid_out: Book) -> None:
    paid_out.post(_reimbursed(paid_out))

    paid_out.post(
        custody.bank_charge_reimbursed(
            PLACE, bank_entry=ENTRY, amount=FEE, debts=[Debt(DUE, paid_out.balance(DUE))]
        )
    )

    assert paid_out.balance(PLACE.own_funds) == FEE


def test_the_parents_refund_leaves_what_the_institution_earned(paid_out: Book) -> None:
    paid_out.post(_returned(), _reimbursed(paid_out))
    owed = RefundOrder(order=REFUND_ORDER, refund=REFUND, amount=Money.of("3229.17"))

    paid_out.post(
        _approved(owed.amount),
        refunds.refund_instructed(PLACE, owed),
        refunds.refund_executed(PLACE, owed, bank_entry=ENTRY),
    )

    assert _figures(paid_out) == {"A1": "1770.82", "A5": "0.00", "L1": "0.00", "L4": "1770.82"}


def _returned() -> Transaction:
    return payouts.payout_returned(
        PLACE, order=PAYOUT, bank_entry=ENTRY, amount=EARNED, source=OrderKind.EARNED
    )


def _reimbursed(book: Book) -> Transaction:
    debts = [Debt(DUE, book.balance(DUE))]
    return receipts.top_up_received(PLACE, bank_entry=ENTRY, amount=FEE, debts=debts)


def _approved(amount: Money) -> Transaction:
    return Transaction(
        TransactionKind.REFUND_APPROVED,
        money_transfers((CONTRACT.prepaid, PLACE.refund_payable(REFUND), amount)),
    )


def _figures(book: Book) -> dict[str, str]:
    accounts: dict[str, Account] = {
        "A1": PLACE.bank,
        "A5": DUE,
        "L1": CONTRACT.prepaid,
        "L4": PLACE.payable,
    }
    return {code: str(book.balance(account)) for code, account in accounts.items()}
