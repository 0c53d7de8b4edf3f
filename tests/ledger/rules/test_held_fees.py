"""Under a risk deposit the institution holds the fees, and what it holds is always somebody's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import Reason
from ledger.coverage import Position, identity_gap
from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.rules import deposits, lessons, refunds
from ledger.rules.debts import Debt
from ledger.rules.deposits import DepositStatus, RiskDeposit
from ledger.rules.refunds import RefundOrder
from ledger.transactions import Transaction, TransactionKind, money_transfers
from tests.ledger.rules.deposited import CLAIM, KEPT, PROOF, book_with_deposit, held_contract
from tests.ledger.rules.facts import (
    ENTRY,
    LESSON,
    PLACE,
    SCHOOL,
    amounts,
    balances,
    changes,
    effects,
    slots,
)


@given(slots())
def test_fee_held_by_institution_is_the_students_and_not_in_any_bank(
    drawn: tuple[Contract, int],
) -> None:
    contract, _ = drawn

    recognized = deposits.fee_held_by_institution(
        contract, proof=PROOF, amount=contract.price, received_before=ZERO
    )

    assert effects(recognized) == changes(
        (contract.held, contract.price), (contract.prepaid, contract.price)
    )


def test_no_more_than_the_price_is_recognized() -> None:
    contract = held_contract(1, Money.of("100.00"))

    with pytest.raises(AssertionError, match="than is due"):
        deposits.fee_held_by_institution(
            contract, proof=PROOF, amount=Money.of("60.00"), received_before=Money.of("40.01")
        )


@given(slots(), st.booleans(), balances)
def test_held_lesson_confirmed_leaves_the_money_where_it_is_and_a_reversal_brings_it_back(
    drawn: tuple[Contract, int], disputed: bool, payable: Money
) -> None:
    contract, slot = drawn
    value, reason = contract.slot_value(slot), contract.slot_reason(slot)
    unit = contract.units_granted(reason), contract.units_consumed(reason)
    source = contract.disputed if disputed else contract.pending

    confirmed = deposits.held_lesson_confirmed(
        contract, lesson=LESSON, slot=slot, disputed=disputed
    )
    undone = lessons.lesson_reversed(contract, confirming=confirmed, reverses="17", payable=payable)

    assert effects(confirmed) == changes(
        (source, -value), (contract.held, -value), (unit[0], -1), (unit[1], 1)
    )
    assert effects(undone) == changes(
        (contract.prepaid, value), (contract.held, value), (unit[0], 1), (unit[1], -1)
    )


@given(amounts, balances, st.integers(0, 60), st.integers(0, 5))
def test_held_refund_paid_ends_what_the_institution_held_of_it(
    refund: Money, institution: Money, paid_left: int, gift_left: int
) -> None:
    contract = held_contract(1, refund + institution)
    units = {Reason.PAID: paid_left, Reason.GIFT: gift_left}

    paid = deposits.held_refund_paid(
        contract, claim=CLAIM, proof=PROOF, refund=refund, institution=institution, units=units
    )

    whole = refund + institution
    assert effects(paid) == changes(
        (contract.prepaid, -whole),
        (contract.held, -whole),
        *((contract.units_granted(reason), -left) for reason, left in units.items()),
        *((contract.units_contracted(reason), -left) for reason, left in units.items()),
    )


@given(st.lists(amounts, min_size=1, max_size=5))
def test_held_fees_called_are_due_from_the_institution(fees: list[Money]) -> None:
    held = [(held_contract(number, fee), fee) for number, fee in enumerate(fees, start=1)]

    called = deposits.held_fees_called(KEPT, held=held)

    assert effects(called) == changes(
        (KEPT.due(Reason.CALLED), total(fees)), *((contract.held, -fee) for contract, fee in held)
    )


def test_fees_are_called_in_one_deposit_account_at_a_time() -> None:
    elsewhere = Contract(ENTRY, SCHOOL, PLACE.custody, Money.of("1.00"), 1)

    held = [(held_contract(1, Money.of("1.00")), Money.of("1.00"))]

    with pytest.raises(AssertionError, match="one deposit account"):
        deposits.held_fees_called(KEPT, held=[*held, (elsewhere, Money.of("1.00"))])


def test_a_refund_the_institution_could_not_pay_comes_out_of_the_deposit() -> None:
    book, contracts = book_with_deposit("160000.00", ["4800.00", "3600.00", "3600.00"])
    called = [(contract, contract.price) for contract in contracts]

    book.post(deposits.held_fees_called(KEPT, held=called))
    debt = Debt(KEPT.due(Reason.CALLED), book.balance(KEPT.due(Reason.CALLED)))
    book.post(deposits.deposit_applied(KEPT, amount=Money.of("160000.00"), debts=[debt]))
    book.post(*refunds_paid(contracts))

    held, in_bank = book.balance(KEPT.deposit_held), book.balance(KEPT.deposit_bank)
    left = RiskDeposit(held=held, in_bank=in_bank, required=Money.of("157440.00"))
    assert (held, in_bank) == (Money.of("148000.00"), Money.of("148000.00"))
    assert (left.status, left.missing) == (DepositStatus.BELOW, Money.of("9440.00"))
    assert all(book.balance(contract.prepaid) == ZERO for contract in contracts)


@given(st.lists(amounts, min_size=1, max_size=4), balances)
def test_fees_called_and_a_deposit_applied_keep_the_identity(
    fees: list[Money], lodged: Money
) -> None:
    book, contracts = book_with_deposit(str(lodged), [str(fee) for fee in fees])
    book.post(deposits.held_fees_called(KEPT, held=[(c, c.price) for c in contracts]))
    debt = Debt(KEPT.due(Reason.CALLED), total(fees))

    if lodged:
        book.post(deposits.deposit_applied(KEPT, amount=lodged, debts=[debt]))

    assert identity_gap(Position.of_book(book, KEPT.custody)) == ZERO
    assert book.balance(KEPT.deposit_held) == max(lodged - total(fees), ZERO)


def refunds_paid(contracts: list[Contract]) -> list[Transaction]:
    """Owe every contract back in full, and pay it from the bank of the deposit account."""
    posted: list[Transaction] = []
    for contract in contracts:
        owner, amount = contract.enrolment, contract.price
        order = RefundOrder(order=owner, refund=owner, amount=amount)
        owed = money_transfers((contract.prepaid, KEPT.refund_payable(owner), amount))
        posted += [
            Transaction(TransactionKind.DISTRIBUTION_POSTED, owed),
            refunds.refund_instructed(KEPT, order),
            refunds.refund_executed(KEPT, order, bank_entry=ENTRY),
        ]
    return posted


def test_a_held_lesson_was_waiting_unless_it_was_disputed() -> None:
    contract = held_contract(1, Money.of("100.00"))

    confirmed = deposits.held_lesson_confirmed(contract, lesson=LESSON, slot=1)

    assert confirmed.effects()[contract.pending] == -1000
