"""A history for tests: a Book with its log, and what every accepted transaction must be like."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum, auto
from itertools import count
from uuid import UUID

from ledger.accounts import Account, AccountKind, Reason, Side, Unit
from ledger.book import Book
from ledger.entitlement import Contract
from ledger.money import Money, total
from ledger.refusals import BalanceTooLow
from ledger.rules.custody import own_funds_applied
from ledger.rules.debts import Debt, owed
from ledger.rules.payouts import OrderKind
from ledger.rules.places import Place
from ledger.transactions import Transaction, TransactionKind

_K = AccountKind
_RELEASING = (TransactionKind.LESSON_CONFIRMED, TransactionKind.DISPUTE_REJECTED)
_PAYOUT_BACK = (
    TransactionKind.PAYOUT_REJECTED,
    TransactionKind.PAYOUT_CANCELLED,
    TransactionKind.PAYOUT_RETURNED,
)
_SETTING_OFF = (TransactionKind.DEBTS_MADE_GOOD, TransactionKind.OWN_FUNDS_ARRIVED)


class LessonState(StrEnum):
    """States of a lesson that took a slot."""

    RECORDED = auto()
    DISPUTED = auto()
    CONFIRMED = auto()


@dataclass
class Lesson:
    """A lesson that holds a slot, and the position that confirmed it."""

    id: UUID
    slot: int
    state: LessonState = LessonState.RECORDED
    confirmed_at: int = -1


@dataclass
class Enrolment:
    """A contract, what each receipt brought, and its lessons by slot."""

    contract: Contract
    contract_on: date
    brought: dict[UUID, Money] = field(default_factory=dict)
    lessons: dict[int, Lesson] = field(default_factory=dict)
    closed: bool = False
    lapsable: bool = True

    @property
    def received(self) -> Money:
        """What L1 has received in all."""
        return total([*self.brought.values()])

    @property
    def is_paid(self) -> bool:
        """Lessons can be recorded only when the whole price has been received."""
        return not self.closed and self.received == self.contract.price

    def value(self, *states: LessonState) -> Money:
        """Sum of the slots whose lessons are in one of the states."""
        held = [lesson.slot for lesson in self.lessons.values() if lesson.state in states]
        return total([self.contract.slot_value(slot) for slot in held])


@dataclass
class Order:
    """An outgoing order: what it pays, from where, and how far it is."""

    id: UUID
    place: Place
    kind: OrderKind
    amount: Money
    state: str = "NEW"
    receipt: UUID | None = None


class History:
    """The Book, every transaction it accepted, and the balances after each."""

    def __init__(self) -> None:
        """Open an empty history."""
        self.book = Book()
        self.log: list[Transaction] = []
        self.prefixes: list[dict[Account, int]] = []
        self.enrolments: dict[UUID, Enrolment] = {}
        self.orders: list[Order] = []
        self._ids: Iterator[int] = count(1000)

    def new_id(self) -> UUID:
        """Make the next id."""
        return UUID(int=next(self._ids))

    def post(self, transaction: Transaction) -> bool:
        """Post a transaction and cover gaps with own funds at once (E57); tell if it was accepted.

        What the Book refuses must have changed nothing.
        """
        before = self._balances()
        try:
            self.book.post(transaction)
        except BalanceTooLow:
            assert self._balances() == before
            return False
        assert_lawful(transaction)
        self.log.append(transaction)
        self.prefixes.append(self._balances())
        self._cover_gaps()
        return True

    def debts(self, place: Place, reason: Reason | None = None) -> list[Debt]:
        """Return what the institution owes in one custody account, of one reason or of all."""
        return [
            Debt(account, self.book.balance(account), self._contract_on(account))
            for account in self.book.accounts()
            if account.kind is _K.DUE_FROM_INSTITUTION
            and account.custody == place.custody
            and reason in {None, account.reason}
            and self.book.quantity(account)
        ]

    def unfunded(self, contract: Contract) -> list[Debt]:
        """Return what the institution owes on one contract."""
        own = (contract.legacy, contract.diversion)
        return [Debt(account, self.book.balance(account)) for account in own]

    def held(self) -> list[Account]:
        """Return every receipt in suspense."""
        return [
            account
            for account in self.book.accounts()
            if account.kind is _K.SUSPENSE_RECEIPT and self.book.quantity(account)
        ]

    def places(self) -> list[Place]:
        """Return every place that was used."""
        used = {
            (account.institution, account.custody)
            for account in self.book.accounts()
            if account.institution is not None
        }
        return [Place(institution=school, custody=custody) for school, custody in sorted(used)]

    def moved(self, institution: UUID, kinds: Sequence[TransactionKind], account: _K) -> int:
        """Net change in fen of an institution's account kind by some kinds of transaction."""
        return sum(
            change
            for transaction in self.log
            if transaction.kind in kinds
            for touched, change in transaction.effects().items()
            if touched.kind is account and touched.institution == institution
        )

    def earned_fen(self, institution: UUID) -> int:
        """Confirmed lesson value that became L4, net of reversals and set-offs (I-18)."""
        kinds = (*_RELEASING, TransactionKind.LESSON_REVERSED, *_SETTING_OFF)
        return self.moved(institution, kinds, _K.INSTITUTION_PAYABLE)

    def _cover_gaps(self) -> None:
        for place in self.places():
            own_funds, debts = self.book.balance(place.own_funds), self.debts(place)
            if own_funds and owed(debts):
                self.post(own_funds_applied(place, own_funds=own_funds, debts=debts))

    def _contract_on(self, account: Account) -> date | None:
        enrolment = self.enrolments.get(account.owner)
        return enrolment.contract_on if enrolment else None

    def _balances(self) -> dict[Account, int]:
        return {account: self.book.quantity(account) for account in self.book.accounts()}


def assert_lawful(transaction: Transaction) -> None:
    """See that one accepted transaction is lawful by itself (I-01, I-02, I-16, I-23, I-24)."""
    sums: dict[tuple[UUID, Unit], int] = {}
    for transfer in transaction.transfers:
        assert transfer.quantity > 0
        for account, sign in ((transfer.debit, 1), (transfer.credit, -1)):
            tag = account.custody, account.unit
            sums[tag] = sums.get(tag, 0) + sign * transfer.quantity
        _assert_lawful_move(transaction.kind, transfer.debit, transfer.credit)
    assert set(sums.values()) <= {0}
    assert len({account.institution for account in transaction.effects()}) <= 1


def replayed(log: Sequence[Transaction]) -> Iterator[dict[Account, int]]:
    """Recompute the balances after each transaction from the debits and credits alone."""
    balances: dict[Account, int] = {}
    for transaction in log:
        for transfer in transaction.transfers:
            for account, side in ((transfer.debit, Side.DEBIT), (transfer.credit, Side.CREDIT)):
                sign = 1 if account.side is side else -1
                balances[account] = balances.get(account, 0) + sign * transfer.quantity
        yield balances.copy()


def contributed(log: Sequence[Transaction]) -> dict[tuple[str, str], int]:
    """Return by lesson and slot what it moved out of L1, L2 and L3 in all, net, in fen (I-14)."""
    students = (_K.STUDENT_PREPAID, _K.LESSON_PENDING, _K.LESSON_DISPUTED)
    sums: dict[tuple[str, str], int] = {}
    for transaction in log:
        if "lesson" in transaction.references:
            lesson = transaction.references["lesson"], transaction.references["slot"]
            moved = sum(n for a, n in transaction.effects().items() if a.kind in students)
            sums[lesson] = sums.get(lesson, 0) - moved
    return sums


def _assert_lawful_move(kind: TransactionKind, debit: Account, credit: Account) -> None:
    if credit.kind is _K.INSTITUTION_PAYABLE:
        confirmed = debit.kind in {_K.LESSON_PENDING, _K.LESSON_DISPUTED} and kind in _RELEASING
        assert confirmed or kind in _PAYOUT_BACK, "L4 grows by confirmation or by money come back"
    if debit.kind is _K.INSTITUTION_PAYABLE and credit.kind is _K.PAYOUT_IN_TRANSIT:
        assert kind is TransactionKind.PAYOUT_INSTRUCTED
    if credit.kind is _K.PAYOUT_IN_TRANSIT:
        assert debit.kind in {_K.INSTITUTION_PAYABLE, _K.INSTITUTION_OWN_FUNDS}
    if debit.kind is _K.INSTITUTION_OWN_FUNDS:
        assert credit.kind is not _K.INSTITUTION_PAYABLE, "own funds never become earned money"
    if kind is TransactionKind.TRANSACTION_REVERSED:
        touched = {debit.kind, credit.kind}
        assert touched.isdisjoint({_K.INSTITUTION_PAYABLE, _K.PAYOUT_IN_TRANSIT})
