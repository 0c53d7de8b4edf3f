"""The worked cases of the domain, figure by figure, played through the posting rules.

Case 8.1 rounding, 8.2 the cap's edges and thirds, 8.4 legacy contracts, 8.9 two banks, 8.16 what a
regulator's scope adds up to. The caps themselves are judged in test_policy_charges.
"""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from ledger import coverage
from ledger.accounts import AccountKind
from ledger.coverage import Coverage, Position
from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.refusals import PayoutNotCovered
from ledger.rules import enrolments, lessons, payouts, receipts
from ledger.rules.places import Place
from tests.ledger.histories import Enrolment, History

SCHOOL = UUID(int=1)
ICBC = Place(institution=SCHOOL, custody=UUID(int=11))
CQRCB = Place(institution=SCHOOL, custody=UUID(int=12))


class Story(History):
    """A history told in yuan."""

    def enrol(
        self, place: Place, price: str, lessons_paid: int, *, since: date | None = None
    ) -> Contract:
        """Open an enrolment; with a contract date, as a legacy contract without money (E01)."""
        contract = Contract(
            enrolment=self.new_id(),
            institution=place.institution,
            custody=place.custody,
            price=Money.of(price),
            lessons_paid=lessons_paid,
        )
        self.enrolments[contract.enrolment] = Enrolment(contract, since or date(2025, 9, 1))
        opened = enrolments.enrolment_opened if since is None else enrolments.legacy_onboarded
        assert self.post(opened(contract))
        return contract

    def pay(self, contract: Contract) -> None:
        """Receive the whole price at the bank (E04)."""
        assert self.post(
            receipts.receipt_matched(
                contract,
                bank_entry=self.new_id(),
                amount=contract.price,
                received_before=ZERO,
            )
        )

    def top_up(self, place: Place, amount: str) -> None:
        """Receive the institution's own money (E02)."""
        assert self.post(
            receipts.top_up_received(
                place,
                bank_entry=self.new_id(),
                amount=Money.of(amount),
                debts=self.debts(place),
            )
        )

    def give(self, contract: Contract, first: int, last: int) -> None:
        """Record and confirm the lessons of some slots (E13, E14)."""
        for slot in range(first, last + 1):
            lesson, unfunded = self.new_id(), self.unfunded(contract)
            assert self.post(lessons.lesson_recorded(contract, lesson=lesson, slot=slot))
            assert self.post(
                lessons.lesson_confirmed(contract, lesson=lesson, slot=slot, unfunded=unfunded)
            )

    def pay_out(self, place: Place, amount: str) -> None:
        """Instruct a payout if coverage leaves room for it, and execute it (E17, E18)."""
        room = coverage.payout_room(Position.of_book(self.book, place.custody))
        payouts.check_payout(room=room, amount=Money.of(amount))
        order, entry, paid = self.new_id(), self.new_id(), Money.of(amount)
        assert self.post(payouts.payout_instructed(place, order=order, amount=paid))
        assert self.post(payouts.payout_executed(place, order=order, bank_entry=entry, amount=paid))

    def at_bank(self, place: Place) -> str:
        """A1."""
        return str(self.book.balance(place.bank))

    def earned(self, place: Place) -> str:
        """L4."""
        return str(self.book.balance(place.payable))

    def owed(self, place: Place) -> str:
        """A5."""
        return str(total([debt.amount for debt in self.debts(place)]))

    def prepaid(self, *contracts: Contract) -> str:
        """L1."""
        return str(total([self.book.balance(contract.prepaid) for contract in contracts]))

    def coverage(self, place: Place) -> Coverage:
        """Figures of one custody account."""
        return coverage.coverage(Position.of_book(self.book, place.custody), known=True)


def test_case_8_1_rounding_4999_99_over_48_lessons() -> None:
    story = Story()
    contract = story.enrol(ICBC, "4999.99", 48)
    story.pay(contract)
    seen = {}

    for lesson in range(1, 49):
        story.give(contract, lesson, lesson)
        seen[lesson] = (story.earned(ICBC), story.prepaid(contract))

    assert seen[1] == ("104.16", "4895.83")
    assert seen[2] == ("208.33", "4791.66")
    assert seen[17] == ("1770.82", "3229.17")
    assert seen[47] == ("4895.82", "104.17")
    assert seen[48] == ("4999.99", "0.00")


def test_case_8_2_5000_00_over_60_lessons_in_thirds() -> None:
    story = Story()
    contract = story.enrol(ICBC, "5000.00", 60)
    story.pay(contract)

    story.give(contract, 1, 20)

    assert [str(contract.slot_value(slot)) for slot in (1, 2, 3)] == ["83.33", "83.33", "83.34"]
    assert story.earned(ICBC) == "1666.66"
    assert story.prepaid(contract) == "3333.34"


def test_case_8_4_legacy_contracts_with_money_missing() -> None:
    story = Story()
    first = story.enrol(ICBC, "12000.00", 120, since=date(2024, 3, 1))
    second = story.enrol(ICBC, "6600.00", 66, since=date(2024, 6, 1))
    third = story.enrol(ICBC, "2400.00", 24, since=date(2024, 9, 1))

    story.top_up(ICBC, "9000.00")

    unfunded = [str(story.book.balance(c.legacy)) for c in (first, second, third)]
    assert unfunded == ["3000.00", "6600.00", "2400.00"]
    assert (story.at_bank(ICBC), story.owed(ICBC)) == ("9000.00", "12000.00")
    assert story.prepaid(first, second, third) == "21000.00"
    assert story.coverage(ICBC).shortfall == Money.of("12000.00")
    assert story.coverage(ICBC).hard_shortfall == Money.of("12000.00")
    assert story.coverage(ICBC).ratio == Decimal("42.85")

    story.give(third, 1, 1)

    assert story.earned(ICBC) == "0.00"
    assert story.prepaid(first, second, third) == "20900.00"
    assert story.coverage(ICBC).shortfall == Money.of("11900.00")

    for amount in ("4000.00", "4000.00", "3900.00"):
        story.top_up(ICBC, amount)

    assert (story.at_bank(ICBC), story.owed(ICBC)) == ("20900.00", "0.00")
    assert story.prepaid(first, second, third) == "20900.00"
    assert story.coverage(ICBC).shortfall == ZERO


def test_case_8_9_each_bank_pays_what_was_earned_in_it() -> None:
    story = _two_banks()

    story.pay_out(ICBC, "1770.82")
    story.pay_out(CQRCB, "600.00")

    assert (story.at_bank(ICBC), story.at_bank(CQRCB)) == ("6229.17", "3900.00")
    assert story.coverage(ICBC).shortfall == ZERO
    assert story.coverage(CQRCB).shortfall == ZERO


def test_case_8_9_one_bank_does_not_pay_what_was_earned_in_another() -> None:
    story = _two_banks()

    with pytest.raises(PayoutNotCovered) as refused:
        story.pay_out(ICBC, "2370.82")

    assert refused.value.facts == {"room": "1770.82", "amount": "2370.82"}
    assert (story.at_bank(ICBC), story.earned(ICBC)) == ("7999.99", "1770.82")
    assert (story.at_bank(CQRCB), story.earned(CQRCB)) == ("4500.00", "600.00")


@pytest.mark.parametrize(
    ("scope", "supervised"),
    [
        ("500106", "30000000.00"),
        ("500000", "43000000.00"),
        ("510500", "2000000.00"),
        ("000000", "45000000.00"),
    ],
)
def test_case_8_16_a_scope_adds_up_its_own_institutions(scope: str, supervised: str) -> None:
    story = Story()
    held = {
        "500106": "30000000.00",
        "500112": "12000000.00",
        "500229": "1000000.00",
        "510502": "2000000.00",
    }
    adcodes = {}
    for adcode, amount in held.items():
        school = story.new_id()
        adcodes[school] = adcode
        place = Place(institution=school, custody=story.new_id())
        story.pay(story.enrol(place, amount, 48))

    prefix = _prefix(scope)
    within = [
        story.book.balance(account)
        for account in story.book.accounts()
        if account.kind is AccountKind.STUDENT_PREPAID
        and account.institution is not None
        and adcodes[account.institution].startswith(prefix)
    ]

    assert str(total(within)) == supervised


def _two_banks() -> Story:
    story = Story()
    one = story.enrol(ICBC, "4999.99", 48)
    two = story.enrol(ICBC, "3000.00", 30)
    three = story.enrol(CQRCB, "4500.00", 60)
    for contract in (one, two, three):
        story.pay(contract)
    story.give(one, 1, 17)
    story.give(three, 1, 8)

    assert (story.at_bank(ICBC), story.prepaid(one, two), story.earned(ICBC)) == (
        "7999.99",
        "6229.17",
        "1770.82",
    )
    assert (story.at_bank(CQRCB), story.prepaid(three), story.earned(CQRCB)) == (
        "4500.00",
        "3900.00",
        "600.00",
    )
    return story


def _prefix(adcode: str) -> str:
    """A scope is its adcode without trailing pairs of zeros, so a county of 5002 is in 500000."""
    while adcode.endswith("00"):
        adcode = adcode[:-2]
    return adcode
