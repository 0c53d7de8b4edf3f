"""A refund approved parts what a contract holds between payers, what is owed on it, and L4."""

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.refunds import Basis, Charge, Price, RefundReason, Standing, Step, partial, whole
from ledger.refusals import LessonsUnsettled
from ledger.rules import claims
from ledger.rules.claims import RefundPart
from ledger.rules.debts import Debt
from ledger.transactions import TransactionKind
from tests.ledger.rules.facts import (
    CUSTODY,
    ENROLMENT,
    LESSON,
    PLACE,
    SCHOOL,
    balances,
    changes,
    contracts,
    effects,
)

CLAIM = UUID(int=77)


def priced(refund: Money, share: Money, interest: Money = ZERO) -> Price:
    step = Step("PAID", "已付", "Paid", refund + interest)
    return Price(RefundReason.CONSUMER, Basis.LIST_PRICE, refund, share, interest, steps=(step,))


@st.composite
def parted(draw: st.DrawFn, amount: Money) -> list[RefundPart]:
    """Draw refunds, one a payer, that sum to an amount."""
    left, parts = amount.fen, []
    for number in range(draw(st.integers(0, 3))):
        part = draw(st.integers(0, left))
        left -= part
        parts.append(RefundPart(UUID(int=200 + number), Money.from_fen(part)))
    return [*parts, RefundPart(UUID(int=300), Money.from_fen(left))]


def owed_to(parts: list[RefundPart]) -> list[tuple[Account, Money]]:
    return [(PLACE.refund_payable(part.refund), part.amount) for part in parts]


@given(contracts(), balances, balances, balances, balances, balances, st.data())
def test_refund_approved_pays_each_payer_and_closes_what_is_owed_on_the_contract_first(
    contract: Contract,
    refund: Money,
    share: Money,
    interest: Money,
    legacy: Money,
    diversion: Money,
    data: st.DataObject,
) -> None:
    parts = data.draw(parted(refund + interest))
    units = {Reason.PAID: data.draw(st.integers(0, 60)), Reason.GIFT: data.draw(st.integers(0, 5))}

    approved = claims.refund_approved(
        contract,
        claim=CLAIM,
        price=priced(refund, share, interest),
        parts=parts,
        unfunded=[Debt(contract.diversion, diversion), Debt(contract.legacy, legacy)],
        units=units,
    )

    to_legacy = min(share, legacy)
    to_diversion = min(share - to_legacy, diversion)
    assert effects(approved) == changes(
        (contract.prepaid, -(refund + share)),
        (contract.interest, -interest),
        *owed_to(parts),
        (contract.legacy, -to_legacy),
        (contract.diversion, -to_diversion),
        (contract.payable, share - to_legacy - to_diversion),
        *((contract.units_granted(reason), -units[reason]) for reason in units),
        *((contract.units_contracted(reason), -units[reason]) for reason in units),
    )
    assert (approved.reason, approved.references["claim"]) == ("CONSUMER", str(CLAIM))


@given(contracts(), st.sampled_from(RefundReason), balances, st.data())
def test_refund_approved_empties_what_the_contract_held(
    contract: Contract, reason: RefundReason, interest: Money, data: st.DataObject
) -> None:
    lessons = data.draw(st.integers(0, contract.slots))
    day = date(2025, 3, 1)
    held = contract.refundable_after(lessons)
    price = whole(
        reason,
        Charge(
            price=contract.price,
            lessons_paid=contract.lessons_paid,
            lessons_gift=contract.lessons_gift,
            starts_on=day,
            ends_on=day,
        ),
        Standing(
            delivered=lessons,
            released=contract.released_after(lessons),
            held=held,
            interest=interest,
        ),
        stopped_on=day,
    )
    parts = data.draw(parted(price.refund + interest))

    approved = claims.refund_approved(
        contract, claim=CLAIM, price=price, parts=parts, unfunded=(), units={}
    )

    assert approved.effects().get(contract.prepaid, 0) == -held.fen
    assert approved.effects().get(contract.interest, 0) == -interest.fen
    paid = sum(approved.effects().get(PLACE.refund_payable(part.refund), 0) for part in parts)
    assert paid == (price.refund + interest).fen


@given(contracts(), balances, st.integers(1, 59), st.data())
def test_schedule_rebased_gives_back_the_lessons_given_up_and_nothing_else(
    contract: Contract, value: Money, given_up: int, data: st.DataObject
) -> None:
    parts = data.draw(parted(value))

    cut = claims.schedule_rebased(
        contract,
        claim=CLAIM,
        price=partial(RefundReason.CONSUMER, lessons=given_up, value=value),
        parts=parts,
        lessons_given_up=given_up,
    )

    assert effects(cut) == changes(
        (contract.prepaid, -value),
        *owed_to(parts),
        (contract.units_granted(Reason.PAID), -given_up),
        (contract.units_contracted(Reason.PAID), -given_up),
    )
    assert cut.kind is TransactionKind.SCHEDULE_REBASED


@given(balances, balances, balances, balances, st.integers(0, 60), st.integers(0, 5))
def test_lessons_transferred_takes_money_interest_and_what_is_unfunded_along(
    amount: Money, interest: Money, legacy: Money, diversion: Money, paid: int, gift: int
) -> None:
    giver = Contract(ENROLMENT, SCHOOL, CUSTODY, Money.of("100.00"), 2)
    receiver = Contract(LESSON, SCHOOL, CUSTODY, Money.of("50.00"), 1)

    moved = claims.lessons_transferred(
        giver,
        receiver,
        amount=amount,
        interest=interest,
        unfunded=[Debt(giver.legacy, legacy), Debt(giver.diversion, diversion)],
        units={Reason.PAID: paid, Reason.GIFT: gift},
    )

    units = ((Reason.PAID, paid), (Reason.GIFT, gift))
    assert effects(moved) == changes(
        (giver.prepaid, -amount),
        (receiver.prepaid, amount),
        (giver.interest, -interest),
        (receiver.interest, interest),
        (giver.legacy, -legacy),
        (receiver.legacy, legacy),
        (giver.diversion, -diversion),
        (receiver.diversion, diversion),
        *((giver.units_granted(reason), -number) for reason, number in units),
        *((giver.units_contracted(reason), -number) for reason, number in units),
        *((receiver.units_granted(reason), number) for reason, number in units),
        *((receiver.units_contracted(reason), number) for reason, number in units),
    )


@given(contracts(), balances)
def test_what_goes_on_spreads_the_money_left_over_the_lessons_left(
    contract: Contract, left: Money
) -> None:
    after = claims.rebased(contract, left=left, lessons_paid=3, lessons_gift=1)

    assert (after.price, after.slots) == (left, 4)
    assert after.prepaid == contract.prepaid
    assert after.refundable_after(0) == left


def test_nothing_is_priced_while_lessons_wait() -> None:
    claims.require_settled(ZERO, ZERO)

    with pytest.raises(LessonsUnsettled):
        claims.require_settled(Money.of("0.01"), ZERO)
    with pytest.raises(LessonsUnsettled):
        claims.require_settled(ZERO, Money.of("0.01"))


def test_parts_that_are_not_the_whole_refund_are_our_mistake() -> None:
    contract = Contract(ENROLMENT, SCHOOL, CUSTODY, Money.of("100.00"), 2)

    with pytest.raises(AssertionError, match="whole refund"):
        claims.refund_approved(
            contract,
            claim=CLAIM,
            price=priced(Money.of("10.00"), ZERO),
            parts=[RefundPart(CLAIM, Money.of("9.99"))],
            unfunded=(),
            units={},
        )


def test_another_contracts_debt_is_not_made_good_by_a_refund() -> None:
    contract = Contract(ENROLMENT, SCHOOL, CUSTODY, Money.of("100.00"), 2)
    another = Contract(LESSON, SCHOOL, CUSTODY, Money.of("100.00"), 2)

    with pytest.raises(AssertionError, match="owed on this contract"):
        claims.refund_approved(
            contract,
            claim=CLAIM,
            price=priced(ZERO, Money.of("1.00")),
            parts=[],
            unfunded=[Debt(contract.legacy, ZERO), Debt(another.legacy, Money.of("1.00"))],
            units={},
        )


@pytest.mark.parametrize(
    ("price", "mistake"),
    [
        (priced(ZERO, Money.of("0.01")), "re-priced"),
        (priced(ZERO, ZERO, Money.of("0.01")), "interest stays"),
    ],
)
def test_a_contract_that_goes_on_keeps_its_price_and_its_interest(
    price: Price, mistake: str
) -> None:
    contract = Contract(ENROLMENT, SCHOOL, CUSTODY, Money.of("100.00"), 2)
    parts = [RefundPart(CLAIM, price.interest)]

    with pytest.raises(AssertionError, match=mistake):
        claims.schedule_rebased(contract, claim=CLAIM, price=price, parts=parts, lessons_given_up=1)


def test_lessons_are_not_handed_to_another_custody_account() -> None:
    giver = Contract(ENROLMENT, SCHOOL, CUSTODY, Money.of("100.00"), 2)
    elsewhere = Contract(LESSON, SCHOOL, UUID(int=9), Money.of("100.00"), 2)

    with pytest.raises(AssertionError, match="in one place"):
        claims.lessons_transferred(
            giver, elsewhere, amount=ZERO, interest=ZERO, unfunded=(), units={}
        )
