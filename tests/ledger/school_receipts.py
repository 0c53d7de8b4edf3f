"""What a school year brings in: enrolments, receipts of every kind, and money in suspense."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from ledger.accounts import Account, AccountKind, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.rules import custody, enrolments, receipts, suspense
from ledger.rules.payouts import OrderKind
from ledger.rules.places import Place
from ledger.rules.receipts import HeldReason
from ledger.transactions import Transaction
from tests.ledger.histories import Enrolment, History, Order

SCHOOL_X, SCHOOL_Y = UUID(int=1), UUID(int=2)
X1 = Place(institution=SCHOOL_X, custody=UUID(int=11))
X2 = Place(institution=SCHOOL_X, custody=UUID(int=12))
Y1 = Place(institution=SCHOOL_Y, custody=UUID(int=21))
PLACES = (X1, X2, Y1)

places = st.sampled_from(PLACES)
amounts = st.one_of(st.integers(1, 60), st.integers(1, 20_000)).map(Money.from_fen)
prices = st.one_of(st.integers(0, 10), st.integers(1, 20_000)).map(Money.from_fen)
fees = st.integers(0, 9).map(Money.from_fen)
contracts = st.builds(
    Contract,
    enrolment=st.just(UUID(int=0)),
    institution=st.just(SCHOOL_X),
    custody=st.just(X1.custody),
    price=prices,
    lessons_paid=st.integers(1, 4),
    lessons_gift=st.integers(0, 1),
    gift_in_schedule=st.booleans(),
)


class SchoolReceipts(RuleBasedStateMachine):
    """Any order of enrolments and receipts over two schools, one with two custody accounts."""

    def __init__(self) -> None:
        """Start the year with an empty book."""
        super().__init__()
        self.history = History()
        self.book = self.history.book

    def open(self) -> list[Enrolment]:
        """Return the enrolments that have not lapsed and were not reversed."""
        return [e for e in self.history.enrolments.values() if not e.closed]

    def unpaid(self) -> list[Enrolment]:
        """Return the enrolments that still miss a part of their price."""
        return [e for e in self.open() if e.received < e.contract.price]

    def outside_the_bank(self) -> list[Account]:
        """Return what stands with a channel or in a till."""
        kinds = (AccountKind.CHANNEL_CLEARING, AccountKind.CASH_UNDEPOSITED)
        return [a for a in self.book.accounts() if a.kind in kinds and self.book.quantity(a)]

    def place_of(self, account: Account) -> Place:
        """Return the place an account stands in."""
        return next(place for place in PLACES if place.custody == account.custody)

    @initialize(drawn=st.lists(contracts, min_size=3, max_size=5))
    def begin(self, drawn: list[Contract]) -> None:
        for number, terms in enumerate(drawn):
            self.enrol(PLACES[number % len(PLACES)], terms, "legacy" if number > 2 else "paid", 0)

    @rule(
        place=places,
        terms=contracts,
        funding=st.sampled_from(["paid", "legacy", "unpaid"]),
        day=st.integers(0, 3),
    )
    def enrol(self, place: Place, terms: Contract, funding: str, day: int) -> None:
        contract = replace(
            terms,
            enrolment=self.history.new_id(),
            institution=place.institution,
            custody=place.custody,
        )
        enrolment = Enrolment(contract, date(2025, 9, 1) + timedelta(days=day))
        self.history.enrolments[contract.enrolment] = enrolment
        if funding == "legacy":
            enrolment.brought[contract.enrolment] = contract.price
            enrolment.lapsable = False
            assert self.history.post(enrolments.legacy_onboarded(contract))
            return
        assert self.history.post(enrolments.enrolment_opened(contract))
        if funding == "paid":
            self.receive(enrolment, contract.price)

    def receive(self, enrolment: Enrolment, amount: Money) -> None:
        """Receive a bank transfer for an enrolment."""
        contract, before, entry = enrolment.contract, enrolment.received, self.history.new_id()
        enrolment.brought[entry] = min(amount, receipts.still_due(contract, before))
        assert self.history.post(
            receipts.receipt_matched(
                contract, bank_entry=entry, amount=amount, received_before=before
            )
        )

    @precondition(lambda self: self.unpaid())
    @rule(data=st.data(), amount=amounts)
    def discover_diversion(self, data: st.DataObject, amount: Money) -> None:
        enrolment = data.draw(st.sampled_from(self.unpaid()))
        contract, before = enrolment.contract, enrolment.received
        part = min(amount, contract.price - before)
        assert self.history.post(
            enrolments.diversion_discovered(contract, amount=part, received_before=before)
        )
        enrolment.brought[self.history.new_id()] = part
        enrolment.lapsable = False

    @precondition(lambda self: self.unpaid())
    @rule(data=st.data())
    def lapse(self, data: st.DataObject) -> None:
        enrolment = data.draw(st.sampled_from(self.unpaid()))
        if not enrolment.lapsable or enrolment.lessons:
            return
        assert self.history.post(
            enrolments.enrolment_lapsed(enrolment.contract, received=enrolment.brought)
        )
        enrolment.closed, enrolment.brought = True, {}

    @precondition(lambda self: self.open())
    @rule(data=st.data(), amount=amounts)
    def receive_transfer(self, data: st.DataObject, amount: Money) -> None:
        enrolment = data.draw(st.sampled_from(self.open()))
        self.receive(enrolment, amount)

    @precondition(lambda self: self.unpaid())
    @rule(data=st.data())
    def receive_the_rest(self, data: st.DataObject) -> None:
        enrolment = data.draw(st.sampled_from(self.unpaid()))
        self.receive(enrolment, enrolment.contract.price - enrolment.received)

    @precondition(lambda self: self.unpaid())
    @rule(data=st.data(), amount=amounts, cash=st.booleans())
    def receive_outside_the_bank(self, data: st.DataObject, amount: Money, *, cash: bool) -> None:
        enrolment = data.draw(st.sampled_from(self.unpaid()))
        contract, before, entry = enrolment.contract, enrolment.received, self.history.new_id()
        enrolment.brought[entry] = min(amount, receipts.still_due(contract, before))
        assert self.history.post(
            receipts.cash_reported(contract, receipt=entry, amount=amount, received_before=before)
            if cash
            else receipts.channel_captured(
                contract,
                capture=entry,
                channel=Reason.WECHAT,
                amount=amount,
                received_before=before,
            )
        )

    @precondition(lambda self: self.outside_the_bank())
    @rule(data=st.data(), beyond=fees, fee=fees)
    def bring_to_the_bank(self, data: st.DataObject, beyond: Money, fee: Money) -> None:
        account = data.draw(st.sampled_from(self.outside_the_bank()))
        place, held = self.place_of(account), self.book.balance(account)
        fee, entry, amount = min(fee, held), self.history.new_id(), held + beyond
        assert self.history.post(
            receipts.cash_paid_in(place, bank_entry=entry, amount=amount, undeposited=held)
            if account.kind is AccountKind.CASH_UNDEPOSITED
            else receipts.channel_settled(
                place,
                channel=Reason.WECHAT,
                bank_entry=entry,
                settled=amount - fee,
                fee=fee,
                clearing=held,
            )
        )

    @rule(place=places, amount=amounts, what=st.sampled_from(["own", "stray", "fee", "fee back"]))
    def bank_books(self, place: Place, amount: Money, what: str) -> None:
        entry, debts = self.history.new_id(), self.history.debts(place)
        facts: dict[str, Callable[[], Transaction]] = {
            "own": lambda: receipts.top_up_received(
                place, bank_entry=entry, amount=amount, debts=debts
            ),
            "stray": lambda: receipts.receipt_held(
                place, bank_entry=entry, amount=amount, reason=HeldReason.UNKNOWN_ENROLMENT
            ),
            "fee": lambda: custody.bank_charge_debited(place, bank_entry=entry, amount=amount),
            "fee back": lambda: custody.bank_charge_reimbursed(
                place, bank_entry=entry, amount=amount, debts=debts
            ),
        }
        assert self.history.post(facts[what]()) or what == "fee"

    @precondition(lambda self: self.history.held())
    @rule(data=st.data())
    def match_suspense(self, data: st.DataObject) -> None:
        account = data.draw(st.sampled_from(self.history.held()))
        here = [e for e in self.unpaid() if e.contract.custody == account.custody]
        if not here:
            return
        enrolment = data.draw(st.sampled_from(here))
        contract, before, held = enrolment.contract, enrolment.received, self.book.balance(account)
        assert self.history.post(
            suspense.suspense_matched(
                contract, receipt=account.owner, held=held, received_before=before
            )
        )
        part = min(held, contract.price - before)
        enrolment.brought[account.owner] = enrolment.brought.get(account.owner, ZERO) + part

    @precondition(lambda self: self.history.held())
    @rule(data=st.data())
    def instruct_suspense_return(self, data: st.DataObject) -> None:
        account = data.draw(st.sampled_from(self.history.held()))
        place = self.place_of(account)
        order = Order(
            self.history.new_id(),
            place,
            OrderKind.REFUND,
            self.book.balance(account),
            receipt=account.owner,
        )
        self.history.orders.append(order)
        assert self.history.post(
            suspense.suspense_return_instructed(
                place, receipt=account.owner, order=order.id, amount=order.amount
            )
        )
