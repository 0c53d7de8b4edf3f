"""A hold keeps money where it is and posts nothing; a deduction must be made good."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import Reason
from ledger.book import Book
from ledger.coverage import Position, payout_room
from ledger.money import ZERO, Money, total
from ledger.rules import court_orders, custody
from ledger.rules.court_orders import Hold
from ledger.rules.debts import Debt
from tests.ledger.rules.facts import (
    CUSTODY,
    ENTRY,
    PLACE,
    amounts,
    balances,
    changes,
    effects,
)

holds = st.lists(amounts, max_size=4).map(
    lambda held: [Hold(UUID(int=60 + number), amount) for number, amount in enumerate(held)]
)


@given(amounts)
def test_court_deduction_debited_is_due_from_the_institution(amount: Money) -> None:
    deducted = court_orders.court_deduction_debited(PLACE, bank_entry=ENTRY, amount=amount)

    assert effects(deducted) == changes(
        (PLACE.due(Reason.COURT_DEDUCTION), amount), (PLACE.bank, -amount)
    )


@given(balances, holds)
def test_holds_leave_available_what_they_do_not_hold(amount: Money, held: list[Hold]) -> None:
    left = court_orders.available(amount, held)

    assert ZERO <= left <= amount
    assert left == ZERO or left + total([hold.amount for hold in held]) == amount


@given(holds, balances)
def test_a_deduction_uses_up_the_holds_in_turn_and_never_more_than_they_hold(
    held: list[Hold], deducted: Money
) -> None:
    left = court_orders.holds_left(held, deducted=deducted)

    before = total([hold.amount for hold in held])
    assert total([hold.amount for hold in left]) == max(before - deducted, ZERO)
    untouched = held[len(held) - len(left) + 1 :]
    assert list(left[1:]) == untouched
    assert [hold.restraint for hold in left] == [
        hold.restraint for hold in held[len(held) - len(left) :]
    ]


@given(balances, amounts, st.data())
def test_a_deduction_out_of_a_hold_takes_nothing_more_from_what_may_leave(
    own_funds: Money, amount: Money, data: st.DataObject
) -> None:
    beyond = Money.from_fen(data.draw(st.integers(0, 10**9)))
    own = own_funds + amount + beyond
    book = Book({PLACE.bank: own.fen, PLACE.own_funds: own.fen})
    hold = [Hold(UUID(int=60), amount)]
    before = payout_room(Position.of_book(book, CUSTODY), holds_fen=amount.fen)

    book.post(court_orders.court_deduction_debited(PLACE, bank_entry=ENTRY, amount=amount))
    owed = [Debt(PLACE.due(Reason.COURT_DEDUCTION), amount)]
    book.post(custody.own_funds_applied(PLACE, own_funds=own, debts=owed))

    left = court_orders.holds_left(hold, deducted=amount)
    room = payout_room(Position.of_book(book, CUSTODY))
    assert left == ()
    assert court_orders.available(room, left) == room == before


def test_the_deduction_of_the_collapse_case_is_a_shortfall_of_its_amount() -> None:
    taken = Money.of("4511.77")
    book = Book({PLACE.bank: 1_985_750, PLACE.suspense(ENTRY): 1_985_750})

    book.post(court_orders.court_deduction_debited(PLACE, bank_entry=ENTRY, amount=taken))

    assert str(book.balance(PLACE.bank)) == "15345.73"
    assert str(book.balance(PLACE.due(Reason.COURT_DEDUCTION))) == "4511.77"


def test_nothing_is_held_by_a_hold_of_nothing() -> None:
    with pytest.raises(AssertionError, match="a hold is for more"):
        Hold(UUID(int=60), ZERO)
