"""A failed bank's loss is borne by those whose money stood in it, rateably, and by nobody else."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.accounts import Account, AccountKind, Reason
from ledger.book import Book
from ledger.coverage import Position, identity_gap
from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.rules import backings, bank_failures
from ledger.rules.backings import Backing
from ledger.rules.bank_failures import Stake
from tests.ledger.rules.facts import (
    BANK,
    CUSTODY,
    ENTRY,
    ORDER,
    OTHER_PLACE,
    PLACE,
    SCHOOL,
    amounts,
    changes,
    effects,
)

CREDIT, ENTITLEMENT = UUID(int=43), UUID(int=44)
TARGET = OTHER_PLACE.custody
LOST, ON_ITS_WAY = PLACE.lost_with(BANK), PLACE.transfer_in_transit(ORDER)
few = st.integers(0, 3) | st.integers(0, 10**7)


def contract(number: int) -> Contract:
    return Contract(UUID(int=300 + number), SCHOOL, CUSTODY, Money.of("1.00"), 1)


@st.composite
def stakes(draw: st.DrawFn, *, minimum: int = 0) -> list[Stake]:
    """Draw enrolments of one custody account; equal stakes and wholly unfunded ones are common."""
    found = []
    for number in range(draw(st.integers(minimum, 6))):
        prepaid, interest = draw(few), draw(few)
        claim = prepaid + interest
        unfunded = draw(st.sampled_from([0, claim]) | st.integers(0, claim))
        legacy = draw(st.integers(0, unfunded))
        backing = Backing(
            contract=contract(number),
            prepaid=Money.from_fen(prepaid),
            interest=Money.from_fen(interest),
            legacy=Money.from_fen(legacy),
            diversion=Money.from_fen(unfunded - legacy),
            granted={Reason.PAID: draw(st.integers(0, 60))},
        )
        since = date(2025, 1, 1) + timedelta(days=draw(st.integers(0, 1)))
        found.append(Stake(backing, since, f"C{number}"))
    return found


def funded(found: list[Stake]) -> Money:
    return total([stake.backing.funded for stake in found])


@given(stakes(), few.map(Money.from_fen))
def test_shares_of_payment_give_out_all_of_it_rateably_and_nobody_more_than_was_lost(
    found: list[Stake], amount: Money
) -> None:
    shared = bank_failures.shares_of_payment(amount, found)

    assert len(shared) == len(found)
    whole = funded(found)
    assert total([share for _, share in shared]) == min(amount, whole)
    for stake, share in shared:
        assert ZERO <= share <= stake.backing.funded
        exact = Fraction(min(amount, whole).fen * stake.backing.funded.fen, max(whole.fen, 1))
        assert abs(share.fen - exact) < 1
    assert bank_failures.shares_of_payment(amount, found[::-1]) == shared


def test_a_tie_goes_to_the_earlier_contract_and_not_to_the_lower_id() -> None:
    older = Stake(Backing(contract=contract(9), prepaid=Money.of("0.01")), date(2024, 1, 1), "B")
    newer = Stake(Backing(contract=contract(1), prepaid=Money.of("0.01")), date(2025, 1, 1), "A")

    shared = bank_failures.shares_of_payment(Money.of("0.01"), [newer, older])

    assert shared == ((older, Money.of("0.01")), (newer, ZERO))


def test_a_loss_is_never_shared_over_two_custody_accounts() -> None:
    elsewhere = backings.moved_to(contract(1), TARGET)
    found = [
        Stake(Backing(contract=each, prepaid=ZERO), date(2025, 1, 1), "A")
        for each in (contract(0), elsewhere)
    ]

    with pytest.raises(AssertionError, match="one custody account only"):
        bank_failures.shares_of_payment(ZERO, found)


@given(amounts)
def test_bank_failed_turns_the_balance_into_a_claim_on_the_bank(balance: Money) -> None:
    failed = bank_failures.bank_failed(PLACE, bank=BANK, bank_entry=ENTRY, balance=balance)

    assert effects(failed) == changes((LOST, balance), (PLACE.bank, -balance))


@given(amounts)
def test_failed_bank_payment_sent_is_on_its_way(amount: Money) -> None:
    sent = bank_failures.failed_bank_payment_sent(PLACE, bank=BANK, order=ORDER, amount=amount)

    assert effects(sent) == changes((ON_ITS_WAY, amount), (LOST, -amount))


@given(stakes(minimum=1), st.data())
def test_a_backing_is_divided_without_losing_a_fen_and_lessons_are_filled_first(
    found: list[Stake], data: st.DataObject
) -> None:
    backing = found[0].backing
    share = Money.from_fen(data.draw(st.integers(0, backing.funded.fen)))

    going, left = bank_failures.divided(backing, share)

    assert going.funded == share
    assert going.prepaid + left.prepaid == backing.prepaid
    assert going.interest + left.interest == backing.interest
    assert going.unfunded == backing.unfunded
    assert left.funded == backing.funded - share
    assert not left.prepaid or not going.interest
    assert (going.granted, left.granted) == (backing.granted, {})


@given(stakes(), st.lists(few, min_size=1, max_size=3), few)
def test_after_every_payment_each_student_has_the_share_there_and_the_loss_here(
    found: list[Stake], payments: list[int], others: int
) -> None:
    lost = funded(found) + Money.from_fen(others)
    book, left = _opened(found, others), found

    book.post(bank_failures.bank_failed(PLACE, bank=BANK, bank_entry=ENTRY, balance=lost))
    for payment in payments:
        left = _paid(book, left, min(Money.from_fen(payment), funded(left)))
    for stake in left:
        book.post(
            bank_failures.failed_bank_loss_posted(stake.backing, entitlement=_entitled(stake))
        )

    paid = funded(found) - funded(left)
    assert book.balance(OTHER_PLACE.bank) == paid
    assert book.quantity(ON_ITS_WAY) == book.quantity(PLACE.bank) == 0
    assert book.balance(LOST) == lost - paid
    assert identity_gap(Position.of_book(book, TARGET)) == ZERO
    assert book.total([AccountKind.RESIDUAL_CLAIM]) + others == book.quantity(LOST)
    assert all(_kept(book, stake) for stake in found)


def test_of_a_failed_bank_that_pays_eighty_per_cent_each_loses_twenty() -> None:
    traced = ("4999.99", "3229.17", "0.01")
    found = [
        Stake(Backing(contract=contract(n), prepaid=Money.of(each)), date(2025, 1, 1), f"C{n}")
        for n, each in enumerate(traced, start=1)
    ]
    half = Backing(contract=contract(4), prepaid=Money.of("2500.00"), legacy=Money.of("1250.00"))
    found.append(Stake(half, date(2025, 1, 1), "C4"))
    payment = Money.of("7583.33")

    shared = bank_failures.shares_of_payment(payment, found)

    assert str(funded(found)) == "9479.17"
    assert [str(share) for _, share in shared] == ["3999.99", "2583.33", "0.01", "1000.00"]
    arrived = bank_failures.failed_bank_payment_arrived(
        half, TARGET, share=shared[3][1], order=ORDER, bank_entry=CREDIT
    )
    going_on = backings.moved_to(contract(4), TARGET)
    assert effects(arrived) == changes(
        (OTHER_PLACE.bank, Money.of("1000.00")),
        (going_on.legacy, Money.of("1250.00")),
        (going_on.prepaid, Money.of("2250.00")),
        (ON_ITS_WAY, -Money.of("1000.00")),
        (half.contract.legacy, -Money.of("1250.00")),
        (half.contract.prepaid, -Money.of("2250.00")),
    )
    _, left = bank_failures.divided(half, shared[3][1])
    loss = bank_failures.failed_bank_loss_posted(left, entitlement=ENTITLEMENT)
    assert effects(loss) == changes(
        (half.contract.prepaid, -Money.of("250.00")),
        (PLACE.residual_claim(ENTITLEMENT), Money.of("250.00")),
    )


def test_nobody_gets_more_than_is_lost() -> None:
    backing = Backing(contract=contract(1), prepaid=Money.of("1.00"))

    with pytest.raises(AssertionError, match="more than is lost"):
        bank_failures.divided(backing, Money.of("1.01"))


def test_what_was_never_paid_in_is_no_loss_of_the_bank() -> None:
    backing = Backing(contract=contract(1), prepaid=Money.of("2.00"), legacy=Money.of("1.00"))

    with pytest.raises(AssertionError, match="never paid in"):
        bank_failures.failed_bank_loss_posted(backing, entitlement=ENTITLEMENT)


def _opened(found: list[Stake], others: int) -> Book:
    """Open the books: every stake, the cash behind them, and `others` fen of unknown payers."""
    held: dict[Account, int] = {PLACE.suspense(ENTRY): others}
    for stake in found:
        backing = stake.backing
        held |= {
            backing.contract.prepaid: backing.prepaid.fen,
            backing.contract.interest: backing.interest.fen,
            backing.contract.legacy: backing.legacy.fen,
            backing.contract.diversion: backing.diversion.fen,
            backing.contract.units_granted(Reason.PAID): backing.granted[Reason.PAID],
            backing.contract.units_contracted(Reason.PAID): backing.granted[Reason.PAID],
        }
    held[PLACE.bank] = funded(found).fen + others
    return Book(held)


def _paid(book: Book, left: list[Stake], payment: Money) -> list[Stake]:
    """Post a payment of the receiver and every share of it; return what is still lost."""
    book.post(bank_failures.failed_bank_payment_sent(PLACE, bank=BANK, order=ORDER, amount=payment))
    still: list[Stake] = []
    for stake, share in bank_failures.shares_of_payment(payment, left):
        book.post(
            bank_failures.failed_bank_payment_arrived(
                stake.backing, TARGET, share=share, order=ORDER, bank_entry=CREDIT
            )
        )
        still.append(replace(stake, backing=bank_failures.divided(stake.backing, share)[1]))
    return still


def _kept(book: Book, stake: Stake) -> bool:
    """Tell whether a student's claim, debts and lessons are all there, and nothing else here."""
    here, before = stake.backing.contract, stake.backing
    there = backings.moved_to(here, TARGET)
    claim = (there.prepaid, there.interest, PLACE.residual_claim(_entitled(stake)))
    owed = (there.legacy, there.diversion)
    old = (here.prepaid, here.interest, here.legacy, here.diversion)
    return (
        sum(book.quantity(account) for account in claim) == (before.prepaid + before.interest).fen
        and [book.balance(account) for account in owed] == [before.legacy, before.diversion]
        and book.quantity(there.units_granted(Reason.PAID)) == before.granted[Reason.PAID]
        and not any(book.quantity(account) for account in old)
    )


def _entitled(stake: Stake) -> UUID:
    return UUID(int=1000 + stake.backing.contract.enrolment.int)
