"""Over any history of a school year, the ledger keeps every invariant that applies to it.

Two schools, one with two custody accounts, live through any order of receipts, lessons, disputes,
payouts, bank charges and corrections; after every step the invariants of the domain are looked at,
at the end the log is replayed. I-01, I-02, I-16, I-23 and I-24 are seen on each transaction.
"""

from collections.abc import Callable, Iterator
from functools import partial
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant

from ledger import coverage
from ledger.accounts import ASSETS, AccountKind, Reason, Unit
from ledger.book import Book
from ledger.coverage import Position
from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.rules import enrolments, lessons, receipts
from ledger.rules.debts import Debt, owed
from ledger.rules.payouts import OrderKind
from ledger.transactions import Transaction
from tests.ledger.histories import Enrolment, LessonState, Order, contributed, replayed
from tests.ledger.school_payouts import SchoolYear
from tests.ledger.school_receipts import PLACES, SCHOOL_X, SCHOOL_Y, X1

_K = AccountKind
_MISSING = tuple(kind for kind in ASSETS if kind is not _K.CUSTODY_BANK)


class LawfulSchoolYear(SchoolYear):
    """A school year, looked at after every step."""

    @invariant()
    def books_balance_in_both_units(self) -> None:
        """I-03."""
        for unit in Unit:
            debited, credited = self.book.trial_balance(unit)
            assert debited == credited

    @invariant()
    def nothing_is_below_zero(self) -> None:
        """I-05, and with it I-20: no student's money is netted against another's."""
        assert all(self.book.quantity(account) >= 0 for account in self.book.accounts())

    @invariant()
    def every_fen_of_an_enrolment_is_somewhere(self) -> None:
        """I-11, I-12, I-13: free slots are L1, recorded L2, disputed L3, confirmed released."""
        for enrolment in self.history.enrolments.values():
            contract = enrolment.contract
            released = enrolment.value(LessonState.CONFIRMED)
            pending = enrolment.value(LessonState.RECORDED)
            disputed = enrolment.value(LessonState.DISPUTED)
            assert self.book.balance(contract.pending) == pending
            assert self.book.balance(contract.disputed) == disputed
            rest = enrolment.received - released - pending - disputed
            assert self.book.balance(contract.prepaid) == rest

    @invariant()
    def lessons_left_and_money_left_agree(self) -> None:
        """I-15, where every priced slot is worth a fen; with cheaper slots from left to right."""
        for enrolment in self.history.enrolments.values():
            if enrolment.is_paid and enrolment.contract.price:
                lessons_left, money_left = self._left(enrolment)
                cheap = enrolment.contract.price.fen < enrolment.contract.slots_priced
                assert not money_left or lessons_left
                assert not lessons_left or money_left or cheap

    @invariant()
    def an_enrolment_that_ended_has_nothing_left(self) -> None:
        """What lapsed or was reversed keeps neither money nor lessons."""
        for enrolment in self.history.enrolments.values():
            if enrolment.closed:
                gifts = self.book.quantity(enrolment.contract.units_granted(Reason.GIFT))
                assert (*self._left(enrolment), gifts) == (0, ZERO, 0)

    def _left(self, enrolment: Enrolment) -> tuple[int, Money]:
        contract = enrolment.contract
        reasons = (Reason.PAID, Reason.GIFT) if contract.gift_in_schedule else (Reason.PAID,)
        money = (contract.prepaid, contract.pending, contract.disputed)
        return (
            sum(self.book.quantity(contract.units_granted(reason)) for reason in reasons),
            total([self.book.balance(account) for account in money]),
        )

    @invariant()
    def payouts_never_exceed_what_was_earned(self) -> None:
        """I-18, with what is on its way and what is still payable besides."""
        for school in (SCHOOL_X, SCHOOL_Y):
            paid = total([o.amount for o in self._earned(school, "EXECUTED")])
            sent = total([o.amount for o in self._earned(school, "NEW")])
            here = [self.book.balance(p.payable) for p in PLACES if p.institution == school]
            assert paid.fen <= self.history.earned_fen(school)
            assert paid + sent + total(here) == Money.from_fen(self.history.earned_fen(school))

    def _earned(self, school: UUID, state: str) -> list[Order]:
        return [
            order
            for order in self.orders(state)
            if order.kind is OrderKind.EARNED and order.place.institution == school
        ]

    @invariant()
    def what_is_missing_is_named(self) -> None:
        """I-19, I-20: the shortfall is what stands in A3…A8, less own funds."""
        for place in PLACES:
            position = Position.of_book(self.book, place.custody)
            own_funds = self.book.balance(place.own_funds)
            missing = Money.from_fen(position.fen(*_MISSING))
            assert coverage.identity_gap(position) == ZERO
            assert coverage.shortfall(position) == max(ZERO, missing - own_funds)

    @invariant()
    def own_funds_never_stand_beside_a_gap(self) -> None:
        """I-25."""
        for place in PLACES:
            own_funds = self.book.balance(place.own_funds)
            assert not (own_funds and owed(self.history.debts(place)))

    def teardown(self) -> None:
        """I-04, I-14: balances follow from the log; a lesson counts at most once."""
        for recomputed, stored in zip(
            replayed(self.history.log), self.history.prefixes, strict=True
        ):
            assert {a: n for a, n in recomputed.items() if n} == {
                a: n for a, n in stored.items() if n
            }
        confirmed = {
            (str(lesson.id), str(lesson.slot)): enrolment.contract.slot_value(lesson.slot).fen
            for enrolment in self.history.enrolments.values()
            for lesson in enrolment.lessons.values()
            if lesson.state is LessonState.CONFIRMED
        }
        for lesson, moved in contributed(self.history.log).items():
            assert moved == confirmed.get(lesson, 0)


TestSchoolYear = LawfulSchoolYear.TestCase
TestSchoolYear.settings = settings(max_examples=80, stateful_step_count=60, deadline=None)


def _term(number: int, price: Money, lessons_given: int) -> Iterator[Callable[[Book], Transaction]]:
    """Facts of one enrolment in their order, each reading only its own balances."""
    contract = Contract(UUID(int=number), X1.institution, X1.custody, price, 4)
    if number % 2:
        yield lambda _: enrolments.legacy_onboarded(contract)
    else:
        yield lambda _: enrolments.enrolment_opened(contract)
        yield lambda _: receipts.receipt_matched(
            contract, bank_entry=UUID(int=100 + number), amount=price, received_before=ZERO
        )
    for slot in range(1, lessons_given + 1):
        lesson = UUID(int=1000 * number + slot)
        yield partial(_recorded, contract, lesson, slot)
        yield partial(_confirmed, contract, lesson, slot)


def _recorded(contract: Contract, lesson: UUID, slot: int, _: Book) -> Transaction:
    return lessons.lesson_recorded(contract, lesson=lesson, slot=slot)


def _confirmed(contract: Contract, lesson: UUID, slot: int, book: Book) -> Transaction:
    unfunded = [Debt(contract.legacy, book.balance(contract.legacy))]
    return lessons.lesson_confirmed(contract, lesson=lesson, slot=slot, unfunded=unfunded)


@given(
    terms=st.lists(
        st.tuples(st.integers(0, 500_000).map(Money.from_fen), st.integers(0, 4)),
        min_size=2,
        max_size=4,
    ),
    data=st.data(),
)
def test_facts_of_different_enrolments_commute(
    terms: list[tuple[Money, int]], data: st.DataObject
) -> None:
    """I-09."""
    facts = [list(_term(number, *term)) for number, term in enumerate(terms)]
    turns = [number for number, own in enumerate(facts) for _ in own]

    one_by_one = _played(facts, turns)
    mixed = _played(facts, data.draw(st.permutations(turns)))

    assert {a: mixed.quantity(a) for a in mixed.accounts()} == {
        a: one_by_one.quantity(a) for a in one_by_one.accounts()
    }


def _played(facts: list[list[Callable[[Book], Transaction]]], turns: list[int]) -> Book:
    book, waiting = Book(), [iter(own) for own in facts]
    for number in turns:
        book.post(next(waiting[number])(book))
    return book
