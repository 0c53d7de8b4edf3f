"""What a bank entry becomes: the one function that says which transactions post it, and how."""

import hashlib
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

from ledger.accounts import Reason
from ledger.chain import canonical_json
from ledger.money import Money
from ledger.refusals import Refusal
from ledger.rules import custody as custody_rules
from ledger.rules import receipts as receipt_rules
from ledger.rules.debts import Debt
from ledger.rules.places import Place
from ledger.rules.receipts import HeldReason
from ledger.transactions import Transaction, TransactionKind
from service.store import custodians, orders
from service.store.contracts import contract_of, debts_of
from service.store.facts import Change, Facts, Record, Update
from service.store.tables import (
    Course,
    Enrolment,
    Institution,
    PaymentOrder,
)

FROZEN: Final = frozenset({"FROZEN", "WINDING_DOWN", "EXITED", "DEREGISTERED"})
TAKING_MONEY: Final = frozenset({"AWAITING_PAYMENT", "ACTIVE"})


@dataclass(frozen=True, slots=True)
class EntryFact:
    """One line as the bank saw it; `order` is the payment order its end-to-end id names."""

    bank_entry: UUID
    custody_account: UUID
    bank_ref: str
    direction: str
    kind: str
    amount: Money
    book_on: date
    value_on: date
    payment_code: str | None
    order: UUID | None
    payer_name: str | None = field(repr=False)
    payer_account: str | None = field(repr=False)
    purpose: str | None = field(repr=False)

    @property
    def content_hash(self) -> bytes:
        """What must not differ when the same reference comes again: amount, sign, payer, date."""
        content = canonical_json(
            [
                self.direction,
                self.amount.fen,
                self.book_on.isoformat(),
                self.payer_name,
                self.payer_account,
            ]
        )
        return hashlib.sha256(content.encode()).digest()


@dataclass(frozen=True, slots=True)
class Effect:
    """What an entry becomes: its outcome, the transactions that post it, the rows it changes."""

    outcome: str
    transactions: tuple[Transaction, ...] = ()
    changes: tuple[Change, ...] = ()
    suspense_reason: str | None = None
    suspense_fen: int = 0
    enrolment: UUID | None = None


def effect_of(facts: Facts, fact: EntryFact, account: Record) -> Effect:
    """Say what an entry becomes by its kind; a debit that cannot be posted yet is KEPT."""
    place = Place(institution=account.institution_id, custody=account.custody_account_id)
    if fact.direction == "DBIT":
        effect = _debit(facts, fact, place)
        return _kept(fact, place) if effect is None else effect
    if fact.kind == "TOP_UP":
        debts = debts_of(facts, place.custody)
        return Effect(
            "TOP_UP",
            (
                receipt_rules.top_up_received(
                    place, bank_entry=fact.bank_entry, amount=fact.amount, debts=debts
                ),
            ),
        )
    if fact.kind == "CHARGE_REIMBURSED":
        return _reimbursed(facts, fact, account, place)
    if fact.kind == "RETURN" and fact.order is not None:
        returned = _returned(facts, fact)
        if returned is not None:
            return returned
    return _payment(facts, fact, account, place)


def _payment(facts: Facts, fact: EntryFact, account: Record, place: Place) -> Effect:
    enrolment = None
    if fact.payment_code is not None:
        enrolment = facts.by(Enrolment, ("payment_code",), fact.payment_code)
    reason = _held_because(facts, fact, account, enrolment)
    if reason is not None or enrolment is None:
        held = receipt_rules.receipt_held(
            place,
            bank_entry=fact.bank_entry,
            amount=fact.amount,
            reason=reason or HeldReason.UNKNOWN_ENROLMENT,
        )
        return Effect(
            "SUSPENSE", (held,), (), (reason or HeldReason.UNKNOWN_ENROLMENT).value, fact.amount.fen
        )
    contract = contract_of(enrolment)
    received = Money.from_fen(enrolment.received_fen)
    matched = min(fact.amount, receipt_rules.still_due(contract, received))
    excess = fact.amount - matched
    return Effect(
        "ENROLMENT",
        (
            receipt_rules.receipt_matched(
                contract,
                bank_entry=fact.bank_entry,
                amount=fact.amount,
                received_before=received,
            ),
        ),
        (received_change(enrolment, matched),),
        HeldReason.EXCESS.value if excess else None,
        excess.fen,
        enrolment.enrolment_id,
    )


def received_change(enrolment: Record, matched: Money) -> Update:
    """Count what was received towards the price; at the whole price the enrolment is ACTIVE."""
    received = enrolment.received_fen + matched.fen
    values: dict[str, Any] = {"received_fen": received}
    if enrolment.state == "AWAITING_PAYMENT" and received >= enrolment.price_fen:
        values |= {"state": "ACTIVE", "lapses_on": None}
    return Update(Enrolment, (enrolment.enrolment_id,), values)


def _held_because(  # noqa: PLR0911 - one return a reason, in documented order
    facts: Facts, fact: EntryFact, account: Record, enrolment: Record | None
) -> HeldReason | None:
    """Say why a payment may not stand on the enrolment it names, or None when it may."""
    if enrolment is None:
        return HeldReason.UNKNOWN_ENROLMENT
    if enrolment.custody_account_id != account.custody_account_id:
        return HeldReason.WRONG_ACCOUNT
    institution = facts.get(Institution, account.institution_id)
    if institution is None or institution.state in FROZEN:
        return HeldReason.AFTER_FREEZE
    if enrolment.state not in TAKING_MONEY:
        return HeldReason.ENROLMENT_CLOSED
    if enrolment.received_fen >= enrolment.price_fen:
        return HeldReason.EXCESS
    course = facts.get(Course, enrolment.course_id) if enrolment.course_id else None
    if enrolment.origin == "REGULAR" and (course is None or course.state != "FILED"):
        return HeldReason.COURSE_NOT_FILED
    cap: Money | None = facts.extra.get("amount_cap")
    if enrolment.origin == "REGULAR" and (cap is None or fact.amount > cap):
        return HeldReason.OVER_CAP
    return None


def _reimbursed(facts: Facts, fact: EntryFact, account: Record, place: Place) -> Effect:
    """Close what the bank owes for a disputed fee, then whatever the institution owes (E33)."""
    disputed = place.fee_disputed(custodians.bank_id(account.bank_code))
    debts = [Debt(disputed, facts.book.balance(disputed)), *debts_of(facts, place.custody)]
    return Effect(
        "CHARGE_REIMBURSED",
        (
            custody_rules.bank_charge_reimbursed(
                place, bank_entry=fact.bank_entry, amount=fact.amount, debts=debts
            ),
        ),
    )


def _debit(facts: Facts, fact: EntryFact, place: Place) -> Effect | None:
    """Post a debit now, or return None when it must be kept."""
    if facts.book.balance(place.bank) < fact.amount:
        return None
    if fact.kind == "CHARGE":
        charged = custody_rules.bank_charge_debited(
            place, bank_entry=fact.bank_entry, amount=fact.amount
        )
        own = facts.book.balance(place.own_funds)
        if not own:
            return Effect("CHARGE", (charged,))
        debt = Debt(place.due(Reason.BANK_CHARGE), fact.amount)
        return Effect(
            "CHARGE",
            (charged, custody_rules.own_funds_applied(place, own_funds=own, debts=[debt])),
        )
    order = None if fact.order is None else facts.get(PaymentOrder, fact.order)
    if order is None:
        return None
    try:
        executed = orders.order_executed(
            order, bank_entry=fact.bank_entry, amount=fact.amount, custody=fact.custody_account
        )
    except Refusal:
        return None
    return Effect("ORDER", executed.transactions, executed.changes)


def _returned(facts: Facts, fact: EntryFact) -> Effect | None:
    order = facts.get(PaymentOrder, fact.order)
    if order is None:
        return None
    try:
        returned = orders.order_returned(
            order,
            bank_entry=fact.bank_entry,
            amount=fact.amount,
            custody=fact.custody_account,
            back=orders.back_to(facts, order),
        )
    except Refusal:
        return None
    return Effect("RETURN", returned.transactions, returned.changes)


def _kept(fact: EntryFact, place: Place) -> Effect:
    kept = Transaction(
        TransactionKind.BANK_ENTRY_KEPT,
        references={
            "bank_entry": str(fact.bank_entry),
            "custody": str(place.custody),
            "institution": str(place.institution),
        },
    )
    return Effect("KEPT", (kept,))
