"""What a school year pays out: orders and what the bank does with them, transfers, corrections."""

from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ledger.accounts import AccountKind, Reason
from ledger.coverage import InTime, Position, payout_room
from ledger.money import Money
from ledger.refusals import AlreadyReversed, NotReversible, PayoutNotCovered
from ledger.rules import corrections, custody, payouts, suspense
from ledger.rules.debts import Debt, owed
from ledger.rules.payouts import OrderKind
from ledger.rules.places import Place
from ledger.transactions import Transaction, TransactionKind
from tests.ledger.histories import Order
from tests.ledger.school_lessons import SchoolLessons
from tests.ledger.school_receipts import PLACES, X1, X2, amounts


def in_time(position: Position) -> InTime:
    """Count channel money and cash as on their way in time; own transfers excuse nothing."""
    return InTime(
        channel_fen=position.fen(AccountKind.CHANNEL_CLEARING),
        cash_fen=position.fen(AccountKind.CASH_UNDEPOSITED),
    )


class SchoolYear(SchoolLessons):
    """Any order of the facts of two schools over a year."""

    def __init__(self) -> None:
        """Start the year with nothing on its way and nothing reversed."""
        super().__init__()
        self.transfers: list[tuple[UUID, Place, Place, Money]] = []
        self.reversed: dict[int, int] = {}

    def room(self, place: Place) -> Money:
        """Return what coverage leaves for an outgoing order (I-22)."""
        position = Position.of_book(self.book, place.custody)
        return payout_room(position, in_time=in_time(position))

    def orders(self, *states: str) -> list[Order]:
        """Return the orders in some states."""
        return [order for order in self.history.orders if order.state in states]

    def sources(self) -> list[tuple[Place, OrderKind, Money]]:
        """Return from where something could be paid out, and how much stands there."""
        found = [
            (place, kind, self.book.balance(account))
            for place in PLACES
            for kind, account in (
                (OrderKind.EARNED, place.payable),
                (OrderKind.SURPLUS, place.own_funds),
            )
        ]
        return [source for source in found if source[2]]

    @precondition(lambda self: self.sources())
    @rule(data=st.data(), part=st.one_of(st.none(), amounts))
    def instruct_payout(self, data: st.DataObject, part: Money | None) -> None:
        place, kind, held = data.draw(st.sampled_from(self.sources()))
        order = Order(self.history.new_id(), place, kind, part or held)
        room, debts = self.room(place), self.history.debts(place)
        try:
            payouts.check_payout(room=room, amount=order.amount)
            instructed = (
                payouts.surplus_instructed(place, order=order.id, amount=order.amount, debts=debts)
                if kind is OrderKind.SURPLUS
                else payouts.payout_instructed(place, order=order.id, amount=order.amount)
            )
        except PayoutNotCovered:
            assert order.amount > room or owed(debts)
            return
        if self.history.post(instructed):
            assert order.amount <= held
            self.history.orders.append(order)
            assert self.covers_students(place)

    def covers_students(self, place: Place) -> bool:
        """Tell whether what stays after every payout on its way covers the students (I-22)."""
        position = Position.of_book(self.book, place.custody)
        stays = position.fen(AccountKind.CUSTODY_BANK) - position.fen(AccountKind.PAYOUT_IN_TRANSIT)
        owned = (
            AccountKind.STUDENT_PREPAID,
            AccountKind.LESSON_PENDING,
            AccountKind.LESSON_DISPUTED,
            AccountKind.REFUND_IN_TRANSIT,
            AccountKind.SUSPENSE_RECEIPT,
        )
        return stays >= max(0, position.fen(*owned) - in_time(position).fen(position))

    @precondition(lambda self: self.orders("NEW"))
    @rule(data=st.data())
    def execute_order(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.orders("NEW")))
        executed = (
            suspense.suspense_return_executed
            if order.kind is OrderKind.REFUND
            else payouts.payout_executed
        )
        entry = self.history.new_id()
        if self.history.post(
            executed(order.place, order=order.id, bank_entry=entry, amount=order.amount)
        ):
            order.state = "EXECUTED"

    @precondition(lambda self: self.orders("NEW"))
    @rule(data=st.data(), sent=st.booleans())
    def reject_order(self, data: st.DataObject, *, sent: bool) -> None:
        order = data.draw(st.sampled_from(self.orders("NEW")))
        undone = payouts.payout_rejected if sent else payouts.payout_cancelled
        order.state = "REJECTED"
        assert self.history.post(
            undone(order.place, order=order.id, amount=order.amount, source=order.kind)
            if order.receipt is None
            else suspense.suspense_return_rejected(
                order.place, receipt=order.receipt, order=order.id, amount=order.amount
            )
        )

    @precondition(lambda self: self.orders("EXECUTED"))
    @rule(data=st.data())
    def return_order(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(self.orders("EXECUTED")))
        entry, amount = self.history.new_id(), order.amount
        order.state = "RETURNED"
        assert self.history.post(
            payouts.payout_returned(
                order.place, order=order.id, bank_entry=entry, amount=amount, source=order.kind
            )
            if order.receipt is None
            else suspense.suspense_return_bounced(
                order.place,
                receipt=order.receipt,
                order=order.id,
                bank_entry=entry,
                amount=amount,
            )
        )

    def clawbacks(self) -> list[tuple[Place, Money, list[Debt]]]:
        """Return what can be recovered where from what was earned since."""
        found = [
            (place, self.book.balance(place.payable), self.history.debts(place, Reason.CLAWBACK))
            for place in PLACES
        ]
        return [clawback for clawback in found if clawback[1] and clawback[2]]

    @precondition(lambda self: self.clawbacks())
    @rule(data=st.data())
    def recover_clawback(self, data: st.DataObject) -> None:
        place, payable, debts = data.draw(st.sampled_from(self.clawbacks()))
        own_funds = self.book.balance(place.own_funds)
        assert self.history.post(
            payouts.debts_made_good(place, own_funds=own_funds, payable=payable, debts=debts)
        )

    @rule(amount=amounts, there_and_back=st.permutations([X1, X2]))
    def send_own_funds(self, amount: Money, there_and_back: list[Place]) -> None:
        source, gap = there_and_back
        own = self.book.balance(source.own_funds) + self.book.balance(source.payable)
        amount = min(amount, own, self.room(source))
        if not amount:
            return
        order, entry = self.history.new_id(), self.history.new_id()
        assert self.history.post(
            custody.own_funds_sent(source, order=order, bank_entry=entry, amount=amount)
        )
        self.transfers.append((order, source, gap, amount))

    @precondition(lambda self: self.transfers)
    @rule()
    def receive_own_funds(self) -> None:
        order, source, gap, amount = self.transfers.pop(0)
        assert self.history.post(
            custody.own_funds_arrived(
                source,
                gap,
                order=order,
                bank_entry=self.history.new_id(),
                amount=amount,
                own_funds=self.book.balance(source.own_funds),
                payable=self.book.balance(source.payable),
                debts=self.history.debts(gap),
            )
        )

    @precondition(lambda self: self.history.log)
    @rule(data=st.data())
    def reverse_by_hand(self, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(self.history.log) - 1))
        wrong, before = self.history.log[at], self.reversed.get(at)
        if before is not None or wrong.kind not in corrections.REVERSIBLE:
            with pytest.raises((AlreadyReversed, NotReversible)):
                _mirror(wrong, at, before)
            return
        named = wrong.references.get("enrolment")
        enrolment = self.history.enrolments[UUID(named)] if named else None
        onboarded = wrong.kind is TransactionKind.LEGACY_ONBOARDED
        if onboarded and enrolment is not None and enrolment.lessons:
            return
        position = len(self.history.log)
        if not self.history.post(_mirror(wrong, at, None)):
            return
        self.reversed[at] = position
        if enrolment is not None:
            taken = wrong.effects().get(enrolment.contract.prepaid, 0)
            enrolment.brought[self.history.new_id()] = Money.from_fen(-taken)
            enrolment.lapsable, enrolment.closed = False, enrolment.closed or onboarded


def _mirror(wrong: Transaction, at: int, before: int | None) -> Transaction:
    return corrections.reversed_exactly(
        wrong,
        reverses=str(at),
        reversed_by=None if before is None else str(before),
        reason="MISTYPED",
    )
