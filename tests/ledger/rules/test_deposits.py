"""A risk deposit backs what the institution holds, counts as far as it is there, and no further."""

from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.accounts import Account, Reason
from ledger.book import Book
from ledger.coverage import Position, identity_gap
from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.refusals import DepositBelow, DepositExceeded
from ledger.rules import deposits, lessons
from ledger.rules.debts import Debt, make_good, owed
from ledger.rules.deposits import DepositStatus, RiskDeposit
from ledger.rules.places import Place
from ledger.transactions import Transaction, TransactionKind, money_transfers
from tests.ledger.rules.facts import (
    BANK,
    ENTRY,
    LESSON,
    ORDER,
    PLACE,
    SCHOOL,
    amounts,
    balances,
    changes,
    debts,
    effects,
    slots,
)

KEPT = Place(institution=SCHOOL, custody=UUID(int=9), deposit=True)
ON_ITS_WAY = KEPT.transfer_in_transit(ORDER)
PROOF = "ab" * 32
CLAIM = UUID(int=77)

risk_deposits = st.builds(
    RiskDeposit,
    held=balances,
    in_bank=balances,
    required=balances,
    arriving=balances,
    leaving=balances,
    ordered=balances,
)


def held_contract(number: int, price: Money) -> Contract:
    """Return a contract whose fee the institution holds itself."""
    return Contract(UUID(int=number), SCHOOL, KEPT.custody, price, 10)


def deposit(held: str, required: str, *, in_bank: str | None = None) -> RiskDeposit:
    """Return a deposit with nothing on its way."""
    return RiskDeposit(
        held=Money.of(held), in_bank=Money.of(in_bank or held), required=Money.of(required)
    )


@given(amounts, debts(place=KEPT))
def test_deposit_lodged_is_the_deposit_once_what_is_owed_there_is_made_good(
    amount: Money, found: list[Debt]
) -> None:
    lodged = deposits.deposit_lodged(KEPT, bank_entry=ENTRY, amount=amount, debts=found)

    parts, rest = make_good(found, amount)
    assert effects(lodged) == changes(
        (KEPT.deposit_bank, amount),
        *((account, -part) for account, part in parts),
        (KEPT.deposit_held, rest),
    )
    assert KEPT.bank == KEPT.deposit_bank


@given(amounts)
def test_deposit_drawn_leaves_the_bank_and_is_still_the_deposit(amount: Money) -> None:
    drawn = deposits.deposit_drawn(KEPT, order=ORDER, bank_entry=ENTRY, amount=amount)

    assert effects(drawn) == changes((ON_ITS_WAY, amount), (KEPT.deposit_bank, -amount))


@given(amounts, balances, debts())
def test_deposit_arrived_closes_gaps_in_custody_out_of_the_deposit(
    amount: Money, held: Money, found: list[Debt]
) -> None:
    arrived = deposits.deposit_arrived(
        KEPT, PLACE, order=ORDER, bank_entry=ENTRY, amount=amount, held=held, debts=found
    )

    parts, rest = make_good(found, amount)
    assert effects(arrived) == changes(
        (PLACE.bank, amount),
        *((account, -part) for account, part in parts),
        (PLACE.own_funds, rest),
        (ON_ITS_WAY, -amount),
        (KEPT.deposit_held, -min(amount, held)),
        (KEPT.due(Reason.CLAWBACK), amount - min(amount, held)),
    )


def test_one_institutions_deposit_never_covers_anothers_gap() -> None:
    stranger = Place(institution=BANK, custody=PLACE.custody)

    with pytest.raises(AssertionError, match="its own gap"):
        deposits.deposit_arrived(
            KEPT,
            stranger,
            order=ORDER,
            bank_entry=ENTRY,
            amount=Money.of("1.00"),
            held=ZERO,
            debts=(),
        )


@given(amounts)
def test_deposit_release_instructed_is_on_its_way_to_the_institution(amount: Money) -> None:
    instructed = deposits.deposit_release_instructed(KEPT, order=ORDER, amount=amount)

    assert effects(instructed) == changes(
        (KEPT.deposit_held, -amount), (KEPT.payout_in_transit(ORDER), amount)
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


@given(amounts, balances)
def test_held_refund_paid_ends_what_the_institution_held_of_it(
    refund: Money, institution: Money
) -> None:
    contract = held_contract(1, refund + institution)

    paid = deposits.held_refund_paid(
        contract, claim=CLAIM, proof=PROOF, refund=refund, institution=institution
    )

    whole = refund + institution
    assert effects(paid) == changes((contract.prepaid, -whole), (contract.held, -whole))


@given(st.lists(amounts, min_size=1, max_size=5))
def test_held_fees_called_are_due_from_the_institution(fees: list[Money]) -> None:
    held = [(held_contract(number, fee), fee) for number, fee in enumerate(fees, start=1)]

    called = deposits.held_fees_called(KEPT, held=held)

    assert effects(called) == changes(
        (KEPT.due(Reason.CALLED), total(fees)), *((contract.held, -fee) for contract, fee in held)
    )


def test_fees_are_called_in_one_deposit_account_at_a_time() -> None:
    elsewhere = Contract(ENTRY, SCHOOL, PLACE.custody, Money.of("1.00"), 1)

    with pytest.raises(AssertionError, match="one deposit account"):
        deposits.held_fees_called(KEPT, held=[(elsewhere, Money.of("1.00"))])


@given(amounts, debts(place=KEPT, minimum=1))
def test_deposit_applied_leaves_either_no_deposit_or_no_debt(
    amount: Money, found: list[Debt]
) -> None:
    if not owed(found):
        with pytest.raises(AssertionError, match="both a deposit and a debt"):
            deposits.deposit_applied(KEPT, amount=amount, debts=found)
        return

    applied = deposits.deposit_applied(KEPT, amount=amount, debts=found)

    parts, rest = make_good(found, amount)
    assert effects(applied) == changes(
        (KEPT.deposit_held, rest - amount), *((account, -part) for account, part in parts)
    )
    assert not rest or amount - rest == owed(found)


@given(risk_deposits)
def test_a_deposit_counts_as_far_as_it_is_both_held_and_in_the_bank(found: RiskDeposit) -> None:
    assert found.counted == min(found.held, found.in_bank)
    assert (found.status is DepositStatus.BELOW) == (found.counted < found.required)
    assert found.counted - found.required == found.surplus - found.missing
    assert not (found.surplus and found.missing)


@given(risk_deposits, amounts)
@example(deposit("10.00", "1.00"), Money.of("10.00"))
@example(deposit("10.00", "1.00"), Money.of("10.01"))
def test_a_draw_never_takes_what_is_on_its_way_already(found: RiskDeposit, amount: Money) -> None:
    free = min(found.held - found.arriving, found.in_bank - found.leaving) - found.ordered

    if amount > free:
        with pytest.raises(DepositExceeded):
            deposits.check_draw(found, amount)
    else:
        deposits.check_draw(found, amount)


@given(risk_deposits, amounts)
@example(deposit("10.00", "1.00"), Money.of("9.00"))
@example(deposit("10.00", "1.00"), Money.of("9.01"))
def test_a_release_leaves_what_the_formula_requires(found: RiskDeposit, amount: Money) -> None:
    if amount > found.releasable:
        with pytest.raises(DepositExceeded):
            deposits.check_release(found, amount)
    else:
        deposits.check_release(found, amount)
        assert found.counted - amount >= found.required


@given(risk_deposits, amounts)
@example(deposit("162240.00", "157440.00"), Money.of("4800.00"))
@example(deposit("162239.99", "157440.00"), Money.of("4800.00"))
def test_a_student_is_taken_on_only_while_the_deposit_covers_them_all(
    found: RiskDeposit, fee: Money
) -> None:
    if found.counted < found.required + fee:
        with pytest.raises(DepositBelow):
            deposits.check_enrolment(found, fee)
    else:
        deposits.check_enrolment(found, fee)


def test_eighteen_fourteen_and_eight_students_require_what_one_cycle_of_them_costs() -> None:
    fees = [Money.of("4800.00")] * 18 + [Money.of("3600.00")] * 14 + [Money.of("2580.00")] * 8

    required = deposits.deposit_required(fees)
    lodged = RiskDeposit(
        held=Money.of("160000.00"), in_bank=Money.of("160000.00"), required=required
    )

    assert required == Money.of("157440.00")
    assert lodged.status is DepositStatus.OK
    assert lodged.surplus == lodged.releasable == Money.of("2560.00")
    assert deposits.deposit_required([*fees, Money.of("4800.00")]) == Money.of("162240.00")


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


def test_a_draw_counts_no_more_before_it_arrives_and_is_not_drawn_twice() -> None:
    book, _ = book_with_deposit("5000.00", [])
    book.post(
        deposits.deposit_drawn(KEPT, order=ORDER, bank_entry=ENTRY, amount=Money.of("3000.00"))
    )

    found = RiskDeposit(
        held=book.balance(KEPT.deposit_held),
        in_bank=book.balance(KEPT.deposit_bank),
        required=ZERO,
        arriving=book.balance(ON_ITS_WAY),
    )

    assert found.held == Money.of("5000.00")
    assert found.counted == found.drawable == Money.of("2000.00")


def test_what_is_released_leaves_both_sides_once() -> None:
    book, _ = book_with_deposit("5000.00", [])
    book.post(deposits.deposit_release_instructed(KEPT, order=ORDER, amount=Money.of("2000.00")))

    found = RiskDeposit(
        held=book.balance(KEPT.deposit_held),
        in_bank=book.balance(KEPT.deposit_bank),
        required=Money.of("1000.00"),
        leaving=book.balance(KEPT.payout_in_transit(ORDER)),
    )

    assert (found.drawable, found.releasable) == (Money.of("3000.00"), Money.of("2000.00"))


def test_a_deposit_account_that_was_charged_counts_for_less() -> None:
    charged = deposit("160000.00", "157440.00", in_bank="157000.00")

    assert charged.status is DepositStatus.BELOW
    assert (charged.missing, charged.surplus) == (Money.of("440.00"), ZERO)


def book_with_deposit(lodged: str, fees: list[str]) -> tuple[Book, list[Contract]]:
    """Lodge a deposit and recognize fees that the institution holds."""
    book, contracts = Book(), []
    if Money.of(lodged):
        book.post(
            deposits.deposit_lodged(KEPT, bank_entry=ENTRY, amount=Money.of(lodged), debts=())
        )
    for number, fee in enumerate(fees, start=1):
        contract = held_contract(number, Money.of(fee))
        contracts.append(contract)
        book.post(
            deposits.fee_held_by_institution(
                contract, proof=PROOF, amount=contract.price, received_before=ZERO
            )
        )
    return book, contracts


def refunds_paid(contracts: list[Contract]) -> list[Transaction]:
    """Pay every contract back in full from the bank of the deposit account (L1, L6, L7, A2)."""
    way: list[tuple[Account, Account, Money]] = []
    for contract in contracts:
        owner = contract.enrolment
        payable, sent = KEPT.refund_payable(owner), KEPT.refund_in_transit(owner)
        for debit, credit in ((contract.prepaid, payable), (payable, sent), (sent, KEPT.bank)):
            way.append((debit, credit, contract.price))
    return [Transaction(TransactionKind.REFUND_EXECUTED, money_transfers(*way))]
