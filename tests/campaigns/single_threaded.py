"""The service as one thread with a Book would be it: what each call should do, here and now.

Pure: it is told deeds in the journal's order and says what the ledger's own rules make of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from uuid import UUID

from ledger.accounts import Account, AccountKind
from ledger.book import Book
from ledger.entitlement import Contract, lowest_free_slot
from ledger.money import ZERO, Money
from ledger.rules import enrolments, lessons, payouts, receipts
from ledger.rules.places import Place, references
from ledger.rules.receipts import HeldReason
from ledger.transactions import Transaction, TransactionKind
from tests.campaigns.recorded import DONE, DUPLICATE, Deed, named

CONTRADICTED: Final = "bank_entry_contradicted"
TAKEN: Final = frozenset({"RECORDED", "DISPUTED", "CONFIRMED"})


class Should(NamedTuple):
    """What a deed should be told here, what it should post, and what it then changes.

    `shows` names the balances of the answer, `says` other fields of it.
    """

    code: str
    transactions: tuple[Transaction, ...] = ()
    change: Callable[[], None] = lambda: None
    shows: Mapping[str, Account] = {}
    says: Mapping[str, Any] = {}


@dataclass
class Enrolment:
    """A contract on its way."""

    contract: Contract
    state: str = "AWAITING_PAYMENT"
    received: Money = ZERO
    confirmed: int = 0
    lessons: list["Lesson"] = field(default_factory=list)

    @property
    def shown(self) -> dict[str, Account]:
        """The balances that its lessons' answers show."""
        contract = self.contract
        return {
            "prepaid": contract.prepaid,
            "pending": contract.pending,
            "disputed": contract.disputed,
        }


@dataclass
class Lesson:
    """A lesson on its way."""

    id: UUID
    enrolment: Enrolment
    state: str = "SCHEDULED"
    slot: int = 0
    reason: str = ""


class Entry(NamedTuple):
    """What a bank reported."""

    id: str
    amount: str


@dataclass
class OneThread:
    """Everything that the recorded clients' calls are about."""

    place: Place
    book: Book = field(default_factory=Book)
    totals: dict[AccountKind, int] = field(default_factory=dict)
    enrolments: dict[str, Enrolment] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    """Enrolments by payment code."""
    lessons: dict[str, Lesson] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    """States of payment orders."""
    amounts: dict[str, Money] = field(default_factory=dict)

    def post(self, transaction: Transaction) -> None:
        """Post what stands in the journal; raises `BalanceTooLow`."""
        [entries] = self.book.post(transaction)
        for account, amount, _ in entries:
            self.totals[account.kind] = self.totals.get(account.kind, 0) + amount

    def should(self, deed: Deed) -> Should:
        """Say what a deed should be told and do, if it were decided now."""
        try:
            return _VERBS[deed.verb](self, deed)
        except KeyError:
            return Should("unknown")

    def _signed(self, deed: Deed) -> Should:
        place, answer = self.place, deed.answer
        price, count = Money.of(answer["price"]), int(answer["lessons_paid"])
        enrolment = named("enr", answer["id"])
        contract = Contract(enrolment, place.institution, place.custody, price, count)

        def change() -> None:
            self.enrolments[answer["id"]] = Enrolment(contract)
            self.codes[answer["payment_code"]] = answer["id"]

        return Should(DONE, (enrolments.enrolment_opened(contract),), change)

    def _paid(self, deed: Deed) -> Should:
        body, shows = deed.body, {"custody_bank": self.place.bank}
        known = self.entries.get(body["bank_ref"])
        if known is not None:
            if known.amount != body["amount"]:
                return Should(CONTRADICTED)
            return Should(DUPLICATE, shows=shows, says={"id": known.id})
        if not isinstance(deed.answer, dict) or "id" not in deed.answer:
            return Should(DONE)
        entry, amount = named("bke", deed.answer["id"]), Money.of(body["amount"])
        posted, matched = self._received(body.get("payment_code"), entry, amount)

        def change() -> None:
            self.entries[body["bank_ref"]] = Entry(deed.answer["id"], body["amount"])
            if matched is not None:
                matched.received = min(matched.received + amount, matched.contract.price)
                if matched.received == matched.contract.price:
                    matched.state = "ACTIVE"

        says = {
            "outcome": "SUSPENSE" if matched is None else "ENROLMENT",
            "suspense_reason": posted.reason,
        }
        return Should(DONE, (posted,), change, shows, says)

    def _received(
        self, code: str | None, entry: UUID, amount: Money
    ) -> tuple[Transaction, Enrolment | None]:
        enrolment = self.enrolments.get(self.codes.get(code or "", ""))
        reason = None
        if enrolment is None:
            reason = HeldReason.UNKNOWN_ENROLMENT
        elif enrolment.state not in {"AWAITING_PAYMENT", "ACTIVE"}:
            reason = HeldReason.ENROLMENT_CLOSED
        elif enrolment.received >= enrolment.contract.price:
            reason = HeldReason.EXCESS
        if reason is not None or enrolment is None:
            assert reason is not None, "nobody's enrolment is a reason"
            held = receipts.receipt_held(self.place, bank_entry=entry, amount=amount, reason=reason)
            return held, None
        before = enrolment.received
        return receipts.receipt_matched(
            enrolment.contract, bank_entry=entry, amount=amount, received_before=before
        ), enrolment

    def _planned(self, deed: Deed) -> Should:
        enrolment = self.enrolments[deed.body["enrolment_id"]]
        if enrolment.state not in {"AWAITING_PAYMENT", "ACTIVE"}:
            return Should("wrong_state")
        if "id" not in deed.answer:
            return Should(DONE)
        lesson = named("lsn", deed.answer["id"])
        planned = Transaction(
            TransactionKind.LESSON_SCHEDULED,
            references=references(enrolment.contract, lesson=lesson),
        )

        def change() -> None:
            self.lessons[deed.answer["id"]] = Lesson(lesson, enrolment)
            enrolment.lessons.append(self.lessons[deed.answer["id"]])

        return Should(DONE, (planned,), change, says={"state": "SCHEDULED"})

    def _recorded(self, deed: Deed) -> Should:
        lesson = self.lessons[deed.about]
        enrolment, contract = lesson.enrolment, lesson.enrolment.contract
        if lesson.state in TAKEN:
            return Should(DUPLICATE, says={"state": lesson.state, "slot": lesson.slot})
        if lesson.state != "SCHEDULED":
            return Should("wrong_state")
        if enrolment.state == "AWAITING_PAYMENT":
            return Should("enrolment_not_paid")
        if enrolment.state != "ACTIVE":
            return Should("wrong_state")
        taken = [each.slot for each in enrolment.lessons if each.state in TAKEN]
        slot = lowest_free_slot(taken, contract.slots)
        if slot is None:
            return Should("no_slot_left")
        posted = lessons.lesson_recorded(contract, lesson=lesson.id, slot=slot)

        def change() -> None:
            lesson.state, lesson.slot = "RECORDED", slot

        shows = {"prepaid": contract.prepaid, "pending": contract.pending}
        says = {"state": "RECORDED", "slot": slot, "value": str(contract.slot_value(slot))}
        return Should(DONE, (posted,), change, shows, says)

    def _confirmed(self, deed: Deed) -> Should:
        lesson = self.lessons[deed.about]
        if lesson.state == "CONFIRMED" and lesson.reason != "REJECTED":
            return Should(DUPLICATE, says={"state": "CONFIRMED", "slot": lesson.slot})
        if lesson.state != "RECORDED" or lesson.enrolment.state != "ACTIVE":
            return Should("wrong_state")
        return self._released(lesson, lessons.lesson_confirmed, "")

    def _disputed(self, deed: Deed) -> Should:
        lesson = self.lessons[deed.about]
        reason = deed.body["reason"]
        if (lesson.state, lesson.reason) == ("DISPUTED", reason):
            return Should(DUPLICATE, says={"state": "DISPUTED", "slot": lesson.slot})
        if lesson.state != "RECORDED" or lesson.enrolment.state != "ACTIVE":
            return Should("wrong_state")
        posted = lessons.lesson_disputed(
            lesson.enrolment.contract, lesson=lesson.id, slot=lesson.slot
        )
        return self._turned(lesson, "DISPUTED", posted, reason)

    def _ruled(self, deed: Deed) -> Should:
        lesson = self.lessons[deed.about]
        if lesson.state != "DISPUTED" or lesson.enrolment.state != "ACTIVE":
            return Should("wrong_state")
        if deed.body["ruling"] == "REJECTED":
            return self._released(lesson, lessons.dispute_rejected, "REJECTED")
        posted = lessons.dispute_upheld(
            lesson.enrolment.contract, lesson=lesson.id, slot=lesson.slot
        )
        return self._turned(lesson, "VOIDED", posted)

    def _voided(self, deed: Deed) -> Should:
        lesson = self.lessons[deed.about]
        if lesson.state != "RECORDED" or lesson.enrolment.state != "ACTIVE":
            return Should("wrong_state")
        posted = lessons.lesson_voided(
            lesson.enrolment.contract, lesson=lesson.id, slot=lesson.slot
        )
        return self._turned(lesson, "VOIDED", posted)

    def _turned(self, lesson: Lesson, state: str, posted: Transaction, reason: str = "") -> Should:
        def change() -> None:
            lesson.state, lesson.reason = state, reason

        says = {"state": state, "slot": lesson.slot}
        return Should(DONE, (posted,), change, lesson.enrolment.shown, says)

    def _released(self, lesson: Lesson, rule: Callable[..., Transaction], reason: str) -> Should:
        enrolment, contract = lesson.enrolment, lesson.enrolment.contract
        posted = [rule(contract, lesson=lesson.id, slot=lesson.slot, unfunded=())]
        completed = enrolment.confirmed + 1 == contract.slots
        if completed:
            kind = TransactionKind.ENROLMENT_COMPLETED
            posted.append(Transaction(kind, references=references(contract)))

        def change() -> None:
            lesson.state, lesson.reason = "CONFIRMED", reason
            enrolment.confirmed += 1
            enrolment.state = "COMPLETED" if completed else enrolment.state

        says = {
            "state": "CONFIRMED",
            "slot": lesson.slot,
            "enrolment_state": "COMPLETED" if completed else enrolment.state,
        }
        return Should(DONE, tuple(posted), change, enrolment.shown, says)

    def _paid_out(self, deed: Deed) -> Should:
        place, asked = self.place, deed.body["amount"]
        earned = self.book.balance(place.payable)
        amount = earned if asked is None else Money.of(asked)
        if amount > earned:
            return Should("balance_too_low")
        if not amount:
            return Should("amount_zero")
        if "id" not in deed.answer:
            return Should(DONE)
        order = named("ord", deed.answer["id"])
        posted = payouts.payout_instructed(place, order=order, amount=amount)

        def change() -> None:
            self.orders[deed.answer["id"]] = "NEW"
            self.amounts[deed.answer["id"]] = amount

        shows = {
            "earned": place.payable,
            "own_funds": place.own_funds,
            "in_transit": place.payout_in_transit(order),
        }
        return Should(DONE, (posted,), change, shows, {"state": "NEW", "amount": str(amount)})

    def _taken_back(self, deed: Deed) -> Should:
        if self.orders[deed.about] != "NEW":
            return Should("wrong_state")
        order, amount = named("ord", deed.about), self.amounts[deed.about]
        posted = payouts.payout_cancelled(
            self.place, order=order, amount=amount, source=payouts.OrderKind.EARNED
        )

        def change() -> None:
            self.orders[deed.about] = "CANCELLED"

        shows = {"earned": self.place.payable, "own_funds": self.place.own_funds}
        return Should(DONE, (posted,), change, shows, {"state": "CANCELLED"})


_VERBS: Final[dict[str, Callable[[OneThread, Deed], Should]]] = {
    "/v1/enrolments": OneThread._signed,
    "/v1/receipts": OneThread._paid,
    "/v1/lessons": OneThread._planned,
    "/v1/lessons/*/record": OneThread._recorded,
    "/v1/lessons/*/confirm": OneThread._confirmed,
    "/v1/lessons/*/dispute": OneThread._disputed,
    "/v1/lessons/*/rule": OneThread._ruled,
    "/v1/lessons/*/void": OneThread._voided,
    "/v1/payouts": OneThread._paid_out,
    "/v1/payment-orders/*/cancel": OneThread._taken_back,
}
