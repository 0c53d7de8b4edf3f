"""An enrolment moves to another bank only settled, and never at the cost of others."""

from uuid import UUID

import pytest
from hypothesis import given

from ledger.accounts import AccountKind, Reason
from ledger.book import Book
from ledger.coverage import InTime, Position, payout_room
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.refusals import (
    CustodyAccountInvalid,
    EnrolmentBlocked,
    PayoutNotCovered,
    Refusal,
)
from ledger.rules import backings
from ledger.rules.backings import Backing, Unsettled
from ledger.rules.places import Place
from tests.ledger.rules.backed import standing, stood
from tests.ledger.rules.facts import (
    CUSTODY,
    ENROLMENT,
    ENTRY,
    OTHER_PLACE,
    PLACE,
    SCHOOL,
    balances,
)

TARGET = OTHER_PLACE.custody
CONTRACT = Contract(ENROLMENT, SCHOOL, CUSTODY, Money.of("4999.99"), 48)
ONE = Money.of("1.00")

UNSETTLED = Unsettled(claim=True, refunds=ONE, porting=ONE, captured=ONE, held=ONE)
ANOTHERS = Place(institution=UUID(int=99), custody=TARGET)
DEPOSIT = Place(institution=SCHOOL, custody=TARGET, deposit=True)
SETTLED = Unsettled()


@pytest.mark.parametrize(
    ("unsettled", "target", "room", "refusal", "facts"),
    [
        (UNSETTLED, ANOTHERS, ZERO, EnrolmentBlocked, {"cause": "claim"}),
        (Unsettled(refunds=ONE, porting=ONE), PLACE, ZERO, EnrolmentBlocked, {"cause": "refund"}),
        (Unsettled(porting=ONE, captured=ONE), PLACE, ZERO, EnrolmentBlocked, {"cause": "porting"}),
        (Unsettled(captured=ONE, held=ONE), PLACE, ZERO, EnrolmentBlocked, {"cause": "receipt"}),
        (Unsettled(held=ONE), PLACE, ZERO, EnrolmentBlocked, {"cause": "held"}),
        (SETTLED, ANOTHERS, ZERO, CustodyAccountInvalid, {"custody": str(TARGET)}),
        (SETTLED, PLACE, ZERO, CustodyAccountInvalid, {"custody": str(CUSTODY)}),
        (SETTLED, DEPOSIT, ZERO, CustodyAccountInvalid, {"custody": str(TARGET)}),
        (SETTLED, OTHER_PLACE, ZERO, PayoutNotCovered, {"room": "0.00", "amount": "1.00"}),
    ],
)
def test_a_backing_that_may_not_move_is_refused_with_the_first_reason(
    unsettled: Unsettled,
    target: Place,
    room: Money,
    refusal: type[Refusal],
    facts: dict[str, str],
) -> None:
    backing = Backing(contract=CONTRACT, prepaid=ONE)

    with pytest.raises(refusal) as refused:
        backings.require_movable(backing, target, unsettled=unsettled, room=room)

    assert refused.value.facts == facts


@given(stood(), balances, balances, balances)
def test_a_backing_never_leaves_at_the_cost_of_others(
    backing: Backing, others: Money, own_funds: Money, missing: Money
) -> None:
    cash = max(backing.funded.fen + others.fen + own_funds.fen - missing.fen, 0)
    liabilities = backing.funded.fen + others.fen + own_funds.fen
    book = Book(
        {
            **standing(backing.contract, backing),
            PLACE.bank: cash,
            PLACE.suspense(ENTRY): others.fen,
            PLACE.own_funds: own_funds.fen,
            PLACE.due(Reason.COURT_DEDUCTION): liabilities - cash,
        }
    )
    position = Position.of_book(book, CUSTODY)

    room = backings.room_to_move(backing, position)

    assert room == max(ZERO, Money.from_fen(cash - others.fen))
    try:
        backings.require_movable(backing, OTHER_PLACE, unsettled=SETTLED, room=room)
    except PayoutNotCovered:
        assert cash < others.fen + backing.funded.fen
    else:
        assert cash >= others.fen + backing.funded.fen or not backing.funded


def test_held_money_does_not_leave_with_an_enrolment() -> None:
    backing = Backing(contract=CONTRACT, prepaid=ONE)
    position = Position({AccountKind.CUSTODY_BANK: 100, AccountKind.STUDENT_PREPAID: 100})

    held = backings.room_to_move(backing, position, holds_fen=1)

    assert str(held) == "0.99"
    assert payout_room(position) == ZERO


def test_a_claim_of_nothing_takes_no_room_and_gives_none() -> None:
    backing = Backing(contract=CONTRACT, prepaid=ONE)
    position = Position(
        {
            AccountKind.CUSTODY_BANK: 150,
            AccountKind.STUDENT_PREPAID: 100,
            AccountKind.SUSPENSE_RECEIPT: 50,
        }
    )

    room = backings.room_to_move(backing, position)

    assert room == ONE


def test_what_is_excused_of_this_enrolment_excuses_none_of_the_others() -> None:
    backing = Backing(contract=CONTRACT, prepaid=ONE, legacy=Money.of("0.40"))
    position = Position(
        {
            AccountKind.CUSTODY_BANK: 120,
            AccountKind.STUDENT_PREPAID: 200,
            AccountKind.DUE_FROM_INSTITUTION: 40,
        },
        legacy_fen=40,
    )

    room = backings.room_to_move(backing, position, in_time=InTime(legacy_fen=1000))

    assert str(room) == "0.20"
