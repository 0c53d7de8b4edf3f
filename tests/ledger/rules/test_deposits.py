"""A risk deposit backs what the institution holds, counts as far as it is there, and no further."""

import pytest
from hypothesis import example, given

from ledger.accounts import Reason
from ledger.money import ZERO, Money
from ledger.refusals import DepositBelow, DepositExceeded
from ledger.rules import deposits
from ledger.rules.debts import Debt, make_good, owed
from ledger.rules.deposits import DepositStatus, RiskDeposit
from ledger.rules.places import Place
from tests.ledger.rules.deposited import (
    KEPT,
    ON_ITS_WAY,
    book_with_deposit,
    deposit,
    risk_deposits,
)
from tests.ledger.rules.facts import (
    BANK,
    ENTRY,
    ORDER,
    PLACE,
    amounts,
    balances,
    changes,
    debts,
    effects,
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


@given(risk_deposits)
def test_what_may_be_applied_where_it_stands_is_bounded_by_the_books_alone(
    found: RiskDeposit,
) -> None:
    assert found.applicable == max(found.held - found.arriving - found.ordered, ZERO)
    assert found.drawable <= found.applicable


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


def test_a_deposit_is_not_applied_where_nothing_is_owed() -> None:
    nothing = [Debt(KEPT.due(Reason.CALLED), ZERO)]

    with pytest.raises(AssertionError, match="both a deposit and a debt"):
        deposits.deposit_applied(KEPT, amount=Money.of("1.00"), debts=nothing)


def test_money_that_is_leaving_the_deposit_account_is_not_drawn_again() -> None:
    leaving = RiskDeposit(
        held=Money.of("9.00"),
        in_bank=Money.of("10.00"),
        required=ZERO,
        leaving=Money.of("4.00"),
        ordered=Money.of("1.00"),
    )

    assert str(leaving.drawable) == "5.00"
