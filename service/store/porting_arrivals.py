"""The end of a porting: money arrives at the receiving institution and becomes an enrolment (E44).

What the lessons there are not worth is owed to the student by a refund of its own, and what did
not go along from a live enrolment (its unfunded part, its interest) by another.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID, uuid5

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.rules import portings
from ledger.rules.places import Place
from ledger.transactions import Transaction
from service.store import refund_payers, rows
from service.store.contracts import place_of
from service.store.facts import Change, Facts, Insert, Record, Update
from service.store.order_steps import Step
from service.store.ported_enrolments import codes_of, enrolment_row
from service.store.porting_orders import (
    LIVE,
    PLACEMENT,
    carried,
    contract_left,
    porting_moved,
    porting_of,
)
from service.store.tables import Course, Enrolment, Refund
from service.store.transfers import arrived_by
from service.store.unit import Unit

SOURCE: Final = "PORTING"
"""Why a refund is owed: a porting did not take it along, or the receiver did not take it."""


async def read_arrivals(unit: Unit, arriving: Iterable[Record]) -> None:
    """Read, under the head, whom refunds would go to and what stands under the new codes.

    `arriving` are rows of portings that were locked.
    """
    known = [porting for porting in arriving if porting.to_enrolment_id is not None]
    if not known:
        return
    left = [unit.facts.get(Enrolment, porting.enrolment_id) for porting in known]
    await refund_payers.read_payers(unit, [row for row in left if row is not None])
    codes = {code for porting in known for code in codes_of(porting.to_enrolment_id)}
    await unit.read(Enrolment, rows.keyed(Enrolment, unit.facts.journal, codes, "payment_code"))


def receiving_contract(facts: Facts, porting: Record) -> Contract:
    """Return the contract at the receiving institution: what its lessons are worth there."""
    return Contract(
        enrolment=porting.to_enrolment_id,
        institution=porting.to_institution_id,
        custody=porting.to_custody_account_id,
        price=Money.from_fen(porting.worth_fen),
        lessons_paid=porting.granted_lessons,
        lessons_gift=porting.granted_gift,
        gift_in_schedule=_course(facts, porting).gift_in_schedule,
    )


def accounts_of(facts: Facts, order: Record) -> Sequence[Account]:
    """Every account that the arrival of a porting may read or touch."""
    porting, source = porting_of(facts, order), place_of(order)
    receiving, left = receiving_contract(facts, porting), contract_left(facts, porting)
    there = Place(institution=receiving.institution, custody=receiving.custody)
    units = (
        account
        for reason in (Reason.PAID, Reason.GIFT)
        for account in (receiving.units_contracted(reason), receiving.units_granted(reason))
    )
    return (
        there.bank,
        receiving.prepaid,
        there.refund_payable(_rest(porting)),
        *units,
        source.porting_in_transit(porting.porting_id),
        source.transfer_in_transit(order.order_id),
        left.prepaid,
        left.interest,
        source.refund_payable(_left_behind(porting)),
    )


def porting_arrived(facts: Facts, order: Record, *, bank_entry: UUID, amount: Money) -> Step:
    """Book the credit that an executed porting order has become at the receiving institution."""
    porting = porting_of(facts, order)
    contract = receiving_contract(facts, porting)
    before = facts.get(Enrolment, porting.enrolment_id)
    assert before is not None, "the enrolment was locked before its porting"
    arrived = portings.porting_arrived(
        contract,
        porting=porting.porting_id,
        order=order.order_id,
        bank_entry=bank_entry,
        refund=_rest(porting),
        amount=amount,
        source=place_of(order),
    )
    row = Record(enrolment_row(facts, contract, course=_course(facts, porting), before=before))
    rest = amount - min(amount, contract.price)
    left_behind, refunds = _left(facts, porting, before)
    return Step(
        (arrived, *left_behind),
        (
            Insert(Enrolment, row),
            *_owed(facts, porting, row, _rest(porting), rest),
            *refunds,
            *_paid(facts, porting),
            porting_moved(porting, "ARRIVED"),
            arrived_by(order, bank_entry),
        ),
    )


def _left(
    facts: Facts, porting: Record, before: Record
) -> tuple[tuple[Transaction, ...], Sequence[Change]]:
    """Owe the student what a live porting left behind: the unfunded part, and the interest."""
    contract = contract_left(facts, porting)
    prepaid, interest = facts.book.balance(contract.prepaid), facts.book.balance(contract.interest)
    if porting.kind != LIVE or prepaid + interest == ZERO:
        return (), ()
    refund = _left_behind(porting)
    owed = portings.left_behind_owed(
        contract, porting=porting.porting_id, refund=refund, prepaid=prepaid, interest=interest
    )
    return (owed,), _owed(facts, porting, before, refund, prepaid + interest)


def _owed(
    facts: Facts, porting: Record, enrolment: Record, refund: UUID, amount: Money
) -> tuple[Insert, ...]:
    if not amount:
        return ()
    share = refund_payers.guardian_share(facts, porting.guardian_id, amount)
    return refund_payers.new_refunds(
        facts,
        source=SOURCE,
        source_id=porting.porting_id,
        enrolment=enrolment,
        shares=[share],
        refund_ids=[refund],
    )


def _paid(facts: Facts, porting: Record) -> list[Change]:
    """What a placement carried of the refunds has come to the student in lessons."""
    if porting.kind != PLACEMENT:
        return []
    changes: list[Change] = []
    for refund_id, part in carried(facts, porting).items():
        refund = facts.get(Refund, refund_id)
        assert refund is not None, "the refund was locked before its porting"
        values = {
            "in_transit_fen": 0,
            "paid_fen": refund.paid_fen + part.fen,
            "paid_on": facts.moment.today,
        }
        changes.append(Update(Refund, (refund_id,), values))
    return changes


def _rest(porting: Record) -> UUID:
    return uuid5(porting.porting_id, "rest")


def _left_behind(porting: Record) -> UUID:
    return uuid5(porting.porting_id, "left behind")


def _course(facts: Facts, porting: Record) -> Record:
    course = facts.get(Course, porting.to_course_id)
    assert course is not None, "the receiving course was read"
    return course
