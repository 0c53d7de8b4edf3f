"""Chargebacks (拒付, E31): the bank's debit that gives a payer their money back by force.

It is a fact. Lessons that wait are voided and refund orders not sent are cancelled as far as the
money is needed; what an enrolment received counts down, so that no lesson is recorded until it is
paid again. An enrolment that nothing is left of has ended. One for more than the enrolment ever
received takes back a payment that is not told yet, and is kept until it is (I-39).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, select, text

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.rules import chargebacks
from ledger.rules import lessons as lesson_rules
from ledger.rules.chargebacks import Debit, Standing
from ledger.rules.custody import own_funds_applied
from ledger.rules.debts import Debt
from ledger.transactions import Transaction
from service.bank_entries.facts import Effect, EntryFact, Kind
from service.store import backing_moves, claim_progress, orders, refund_orders, rows
from service.store.contracts import contract_of, place_of
from service.store.facts import Change, Facts, Record, Update
from service.store.order_steps import OrderState
from service.store.tables import Claim, Enrolment, Lesson, PaymentOrder, Refund
from service.store.unit import Unit

_CONFIRMED: Final = "chargeback_confirmed"
_RECEIVED: Final = "chargeback_received"
_WAITING: Final = ("RECORDED", "DISPUTED")
_UNITS: Final = (Reason.PAID, Reason.GIFT)

_EARNED: Final = text(
    """
    SELECT enrolment.enrolment_id,
           coalesce((SELECT sum(value_fen) FROM escrow.lesson
                     WHERE lesson.journal_id = :journal AND lesson.state = 'CONFIRMED'
                       AND lesson.enrolment_id = enrolment.enrolment_id), 0)
           + coalesce((SELECT sum(entry.amount) FROM escrow.bank_entry AS before
                       JOIN escrow.account ON account.journal_id = :journal
                        AND account.kind = 'INSTITUTION_PAYABLE'
                        AND account.owner_id = enrolment.institution_id
                        AND account.custody_account_id = enrolment.custody_account_id
                       JOIN escrow.entry ON entry.journal_id = :journal
                        AND entry.account_id = account.account_id AND entry.seq >= before.posted_seq
                       JOIN escrow.journal_transaction AS sealed
                         ON sealed.journal_id = :journal AND sealed.seq = entry.seq
                        AND sealed.kind = 'CHARGEBACK_DEBITED'
                        AND sealed.refs::jsonb ->> 'bank_entry' = before.bank_entry_id::text
                       WHERE before.journal_id = :journal AND before.outcome = 'CHARGEBACK'
                         AND before.enrolment_id = enrolment.enrolment_id), 0) AS fen,
           greatest(
               (SELECT sum(came.fen) FROM (
                    SELECT sum(entry.amount) AS fen FROM escrow.account
                    JOIN escrow.entry ON entry.journal_id = :journal
                     AND entry.account_id = account.account_id
                    WHERE account.journal_id = :journal
                      AND account.owner_id = enrolment.enrolment_id
                      AND account.kind IN ('STUDENT_PREPAID', 'LESSON_PENDING', 'LESSON_DISPUTED')
                    GROUP BY entry.seq) AS came
                WHERE came.fen > 0),
               (SELECT sum(told.amount_fen) FROM escrow.bank_entry AS told
                WHERE told.journal_id = :journal AND told.direction <> 'DBIT'
                  AND told.enrolment_id = enrolment.enrolment_id),
               0)
           - coalesce((SELECT sum(before.amount_fen) FROM escrow.bank_entry AS before
                       WHERE before.journal_id = :journal AND before.outcome = 'CHARGEBACK'
                         AND before.enrolment_id = enrolment.enrolment_id), 0) AS received_fen
    FROM escrow.enrolment
    WHERE enrolment.journal_id = :journal AND enrolment.enrolment_id = ANY(:enrolments)
    """
).bindparams(bindparam("enrolments", type_=ARRAY(Uuid)))
"""What each enrolment's confirmed lessons brought, and all that it ever received with what was
beyond its price; less what chargebacks have taken of either."""


@dataclass(frozen=True, slots=True)
class _Borne:
    """What was done so that a chargeback can be borne: posted, changed, and standing after."""

    transactions: tuple[Transaction, ...]
    changes: tuple[Change, ...]
    freed: Money


async def _lock(unit: Unit, facts: Sequence[EntryFact]) -> None:
    """Lock the enrolments' lessons, then their refunds with the claims, then orders not sent."""
    codes = {fact.payment_code for fact in facts}
    journal = unit.facts.journal
    wanted = {e.enrolment_id for e in unit.facts.all(Enrolment) if e.payment_code in codes}
    source = rows.table_of(Lesson)
    await backing_moves.open_moves(unit, wanted)
    waiting = rows.keyed(Lesson, journal, wanted, "enrolment_id")
    await unit.lock_where(Lesson, waiting.where(source.c.state.in_(_WAITING)))
    owed = rows.table_of(Refund)
    found = await rows.fetch(
        unit.connection,
        rows.keyed(Refund, journal, wanted, "enrolment_id").with_only_columns(owed.c.refund_id),
    )
    refunds = {row["refund_id"] for row in found}
    await refund_orders.lock_refunds(unit, refunds)
    order = rows.table_of(PaymentOrder)
    await unit.lock_where(
        PaymentOrder,
        select(order)
        .where(
            order.c.journal_id == journal,
            order.c.refund_id.in_(sorted(refunds)),
            order.c.state == OrderState.NEW.value,
        )
        .order_by(order.c.order_id),
    )


async def _read(unit: Unit, facts: Sequence[EntryFact]) -> None:
    codes = {fact.payment_code for fact in facts}
    wanted = {e.enrolment_id for e in unit.facts.all(Enrolment) if e.payment_code in codes}
    found = await unit.query(_EARNED, journal=unit.facts.journal, enrolments=sorted(wanted))
    unit.facts.extra[_CONFIRMED] = {row["enrolment_id"]: int(row["fen"]) for row in found}
    received = {row["enrolment_id"]: int(row["received_fen"]) for row in found}
    unit.facts.extra[_RECEIVED] = received


def _charged_back(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Post a chargeback on the enrolment it names; kept while that, or the money, is missing.

    While the enrolment's money is on its way to another bank it is kept as well, and while it is
    for more than the enrolment has received: its payment is still to be told.
    """
    enrolment = facts.by(Enrolment, ("payment_code",), fact.payment_code)
    if enrolment is None or enrolment.custody_account_id != account.custody_account_id:
        return None
    if backing_moves.is_moving(facts, enrolment.enrolment_id):
        return None
    contract, place = contract_of(enrolment), place_of(account)
    received: dict[UUID, int] = facts.extra[_RECEIVED]
    there = min(facts.book.balance(place.bank).fen, received[enrolment.enrolment_id])
    if there < fact.amount.fen:
        return None
    received[enrolment.enrolment_id] -= fact.amount.fen
    voided = _voided(facts, fact, contract)
    prepaid = facts.book.balance(contract.prepaid) + voided.freed
    undone, refunds = _refunds(facts, enrolment, fact.amount - min(fact.amount, prepaid))
    standing = Standing(
        prepaid=prepaid,
        refunds=refunds,
        payable=facts.book.balance(contract.payable),
        confirmed=Money.from_fen(max(facts.extra[_CONFIRMED][enrolment.enrolment_id], 0)),
    )
    ends = enrolment.state == "ACTIVE" and not _left(facts, contract, prepaid, voided, fact.amount)
    units = {r: facts.book.quantity(contract.units_granted(r)) for r in _UNITS} if ends else {}
    posted = chargebacks.chargeback_debited(
        contract,
        amount=fact.amount,
        standing=standing,
        debit=Debit(entry=fact.bank_entry, units_left=units),
    )
    counted = enrolment.received_fen - min(fact.amount, prepaid).fen
    values: dict[str, Any] = {"received_fen": counted} | ({"state": "REFUNDED"} if ends else {})
    return Effect(
        "CHARGEBACK",
        (*voided.transactions, *undone.transactions, posted, *_covered(facts, account, posted)),
        (
            *voided.changes,
            *undone.changes,
            Update(Enrolment, (enrolment.enrolment_id,), values),
        ),
        enrolment=enrolment.enrolment_id,
    )


def _left(facts: Facts, contract: Contract, prepaid: Money, voided: _Borne, amount: Money) -> Money:
    """Return what is left for lessons after a chargeback: L1, L2 and L3."""
    waiting = facts.book.balance(contract.pending) + facts.book.balance(contract.disputed)
    return max(prepaid - amount, ZERO) + waiting - voided.freed


def _voided(facts: Facts, fact: EntryFact, contract: Contract) -> _Borne:
    """Void as many waiting lessons as the chargeback needs, the latest first (E16, E15)."""
    waiting = [
        lesson
        for lesson in facts.each_by(Lesson, "enrolment_id", contract.enrolment)
        if lesson.state in _WAITING
    ]
    waiting.sort(key=lambda lesson: (lesson.recorded_seq or 0, lesson.lesson_id), reverse=True)
    needed = chargebacks.lessons_to_void(
        fact.amount,
        prepaid=facts.book.balance(contract.prepaid),
        waiting=[(lesson.lesson_id, Money.from_fen(lesson.value_fen)) for lesson in waiting],
    )
    taken = waiting[: len(needed)]
    values = {"state": "VOIDED", "seq": facts.moment.next_seq}
    return _Borne(
        tuple(
            (
                lesson_rules.lesson_voided
                if lesson.state == "RECORDED"
                else lesson_rules.dispute_upheld
            )(contract, lesson=lesson.lesson_id, slot=lesson.slot)
            for lesson in taken
        ),
        tuple(Update(Lesson, (lesson.lesson_id,), values) for lesson in taken),
        Money.from_fen(sum(lesson.value_fen for lesson in taken)),
    )


def _refunds(
    facts: Facts, enrolment: Record, needed: Money
) -> tuple[_Borne, tuple[tuple[UUID, Money], ...]]:
    """Cancel orders not sent of refunds that must bear it, and take what they then owe (L6)."""
    transactions: list[Transaction] = []
    changes: list[Change] = []
    bearing: list[tuple[UUID, Money]] = []
    left: dict[UUID, int] = {}
    rest = needed
    for refund in facts.each_by(Refund, "enrolment_id", enrolment.enrolment_id):
        if not rest:
            break
        payable, in_transit = refund.payable_fen, refund.in_transit_fen
        for order in _not_sent(facts, refund) if payable < rest.fen else ():
            step = orders.order_undone(facts, order, OrderState.CANCELLED, reason="CHARGEBACK")
            transactions += step.transactions
            changes += [change for change in step.changes if change.table is PaymentOrder]
            payable, in_transit = payable + order.amount_fen, in_transit - order.amount_fen
        part = min(rest, Money.from_fen(payable))
        rest -= part
        bearing.append((refund.refund_id, Money.from_fen(payable)))
        values = {
            "payable_fen": payable - part.fen,
            "in_transit_fen": in_transit,
            "taken_back_fen": refund.taken_back_fen + part.fen,
        }
        left[refund.refund_id] = values["payable_fen"] + in_transit + refund.returned_fen
        changes.append(Update(Refund, (refund.refund_id,), values))
    changes += _paid_otherwise(facts, left)
    return _Borne(tuple(transactions), tuple(changes), ZERO), tuple(bearing)


def _paid_otherwise(facts: Facts, left: Mapping[UUID, int]) -> list[Change]:
    """Call a claim PAID of which nothing is left to pay: its payers have the money back.

    `left` is what the refunds that bore the chargeback still have to pay.
    """
    ended: list[Change] = []
    for claim in facts.all(Claim):
        own = list(facts.each_by(Refund, "source_id", claim.claim_id))
        touched = any(refund.refund_id in left for refund in own)
        open_fen = sum(
            left.get(r.refund_id, r.payable_fen + r.in_transit_fen + r.returned_fen) for r in own
        )
        if claim.state == "APPROVED" and touched and not open_fen:
            ended.append(Update(Claim, (claim.claim_id,), claim_progress.paid_values(facts)))
    return ended


def _not_sent(facts: Facts, refund: Record) -> list[Record]:
    """Return the refund's orders whose money would go back to L6, and that no bank has fetched."""
    return [
        order
        for order in facts.all(PaymentOrder)
        if order.refund_id == refund.refund_id
        and order.state == OrderState.NEW
        and order.replaces_order_id is None
    ]


def _covered(facts: Facts, account: Record, posted: Transaction) -> tuple[Transaction, ...]:
    """Let own funds make good at once what is due (E57)."""
    place = place_of(account)
    due, own = place.due(Reason.CHARGEBACK), facts.book.balance(place.own_funds)
    owed = Money.from_fen(posted.effects().get(due, 0))
    if not own or not owed:
        return ()
    return (own_funds_applied(place, own_funds=own, debts=[Debt(due, owed)]),)


def _accounts(facts: Facts, fact: EntryFact, account: Record) -> Iterable[Account]:
    place = place_of(account)
    yield from (place.bank, place.own_funds, place.due(Reason.CHARGEBACK))
    enrolment = facts.by(Enrolment, ("payment_code",), fact.payment_code)
    if enrolment is None:
        return
    contract = contract_of(enrolment)
    yield from (contract.prepaid, contract.pending, contract.disputed, contract.payable)
    for reason in _UNITS:
        yield from (contract.units_granted(reason), contract.units_contracted(reason))
    for refund in facts.each_by(Refund, "enrolment_id", enrolment.enrolment_id):
        yield place.refund_payable(refund.refund_id)
        for order in _not_sent(facts, refund):
            yield from orders.accounts_of(facts, order)


KINDS: Final = (
    Kind("CHARGEBACK", "DBIT", _charged_back, _accounts, owes=True, lock=_lock, read=_read),
)
