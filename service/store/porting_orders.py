"""Portings (转课) on their way: what the order of a porting posts, and the enrolment at its end.

A LIVE porting carries what is funded of an enrolment, a PLACEMENT the dividend of an entitlement
(E44). What the receiving institution does not take is the student's, and so is what was left
behind when the money has arrived. A porting that fails leaves the student as before (E59).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import Money
from ledger.refusals import WrongState
from ledger.rules import portings, transfers
from ledger.transactions import Transaction
from service.store import rows
from service.store.contracts import contract_of, place_of
from service.store.facts import Change, Facts, Insert, Record, Update
from service.store.order_steps import OrderRules, OrderState, Step, order_row
from service.store.tables import Course, Enrolment, PaymentOrder, Porting, Refund
from service.store.transfers import on_its_way
from service.store.unit import Unit

PORTING: Final = "PORTING"
LIVE: Final = "LIVE"
PLACEMENT: Final = "PLACEMENT"


async def lock_behind(unit: Unit, orders: Iterable[UUID]) -> None:
    """Lock the portings that these orders carry and whose money it is; before the orders' lock."""
    wanted = set(orders)
    if wanted:
        named = rows.keyed(PaymentOrder, unit.facts.journal, wanted, "order_id")
        await _lock_carried(unit, named)


async def lock_new_of(unit: Unit, institutions: Iterable[UUID]) -> None:
    """Lock what stands behind NEW porting orders of institutions that are locked themselves."""
    source = rows.table_of(PaymentOrder)
    named = rows.keyed(PaymentOrder, unit.facts.journal, institutions, "institution_id")
    await _lock_carried(unit, named.where(source.c.state == OrderState.NEW.value))


async def lock_portings(unit: Unit, wanted: Iterable[UUID]) -> list[Record]:
    """Lock portings, and before them the enrolments and refunds whose money they carry."""
    asked = set(wanted)
    if not asked:
        return []
    source, journal = rows.table_of(Porting), unit.facts.journal
    found = await unit.query(
        rows.keyed(Porting, journal, asked, "porting_id").with_only_columns(
            source.c.enrolment_id, source.c.entitlement_id, source.c.to_course_id
        )
    )
    await unit.lock(Enrolment, {row["enrolment_id"] for row in found})
    courses = {row["to_course_id"] for row in found}
    await unit.read(Course, rows.keyed(Course, journal, courses, "course_id"))
    entitlements = {row["entitlement_id"] for row in found} - {None}
    await unit.lock(Refund, entitlements, column="source_id")
    return await unit.lock(Porting, asked)


def porting_order(facts: Facts, porting: Record, *, order: UUID, account: Record) -> Insert:
    """Make the NEW order that carries a porting; `account` is the custody account it leaves."""
    row = order_row(
        facts,
        order=order,
        source=account,
        kind=PORTING,
        amount=Money.from_fen(porting.amount_fen),
        porting_id=porting.porting_id,
        target_custody_account_id=porting.to_custody_account_id,
    )
    return Insert(PaymentOrder, row)


def porting_of(facts: Facts, order: Record) -> Record:
    """Return the porting that an order carries; it was locked with the order."""
    porting = facts.get(Porting, order.porting_id)
    assert porting is not None, "the porting was locked before its order"
    return porting


def contract_left(facts: Facts, porting: Record) -> Contract:
    """Return the contract that a student leaves."""
    enrolment = facts.get(Enrolment, porting.enrolment_id)
    assert enrolment is not None, "the enrolment was locked before its porting"
    return contract_of(enrolment)


def units_taken(porting: Record) -> dict[Reason, int]:
    """Return the lessons that were taken back where the student left."""
    return {Reason.PAID: porting.taken_paid, Reason.GIFT: porting.taken_gift}


def carried(facts: Facts, porting: Record) -> dict[UUID, Money]:
    """Return what a placement carries of each refund while it is on its way."""
    return {
        refund.refund_id: Money.from_fen(refund.in_transit_fen)
        for refund in facts.each_by(Refund, "source_id", porting.entitlement_id)
        if refund.in_transit_fen
    }


def porting_moved(porting: Record, state: str, **values: object) -> Update:
    """Change a porting's own row."""
    return Update(Porting, (porting.porting_id,), {"state": state, **values})


async def _lock_carried(unit: Unit, orders: Select[Any]) -> None:
    carried_by = rows.table_of(PaymentOrder).c.porting_id
    found = await unit.query(orders.with_only_columns(carried_by).where(carried_by.is_not(None)))
    await lock_portings(unit, {row["porting_id"] for row in found})


def _accounts(facts: Facts, order: Record) -> Iterable[Account]:
    place, porting = place_of(order), porting_of(facts, order)
    known = [
        place.bank,
        place.transfer_in_transit(order.order_id),
        place.porting_in_transit(porting.porting_id),
    ]
    if porting.kind == PLACEMENT:
        return [*known, *(place.refund_payable(refund) for refund in carried(facts, porting))]
    left = contract_left(facts, porting)
    units = (
        account
        for reason in (Reason.PAID, Reason.GIFT)
        for account in (left.units_contracted(reason), left.units_granted(reason))
    )
    return [*known, left.prepaid, *units]


def _executed(facts: Facts, order: Record, bank_entry: UUID, amount: Money) -> Step:
    porting = porting_of(facts, order)
    sent = portings.porting_sent(
        place_of(order),
        porting=porting.porting_id,
        order=order.order_id,
        bank_entry=bank_entry,
        amount=amount,
    )
    return Step((sent,), (porting_moved(porting, "SENT"),))


def _returned(facts: Facts, order: Record, bank_entry: UUID, amount: Money) -> Step:
    """Bring the money back and undo the porting (E59); `WrongState` when it has arrived."""
    if not on_its_way(facts, order):
        raise WrongState(object="payment_order", state="ARRIVED", wanted="RETURNED")
    failed = transfers.transfer_failed(
        place_of(order), order=order.order_id, bank_entry=bank_entry, amount=amount
    )
    undone = _undone(facts, order, OrderState.RETURNED)
    return Step((failed, *undone.transactions), undone.changes)


def _undone(facts: Facts, order: Record, _state: OrderState) -> Step:
    """Leave the student as before: the enrolment goes on, or the dividend is payable again."""
    porting = porting_of(facts, order)
    posted, changes = (
        _placement_undone(facts, order, porting)
        if porting.kind == PLACEMENT
        else _live_undone(facts, porting)
    )
    return Step((posted,), (porting_moved(porting, "FAILED"), *changes))


def _live_undone(facts: Facts, porting: Record) -> tuple[Transaction, tuple[Change, ...]]:
    undone = portings.porting_undone(
        contract_left(facts, porting),
        porting=porting.porting_id,
        amount=Money.from_fen(porting.amount_fen),
        units=units_taken(porting),
    )
    return undone, (Update(Enrolment, (porting.enrolment_id,), {"state": "ACTIVE"}),)


def _placement_undone(
    facts: Facts, order: Record, porting: Record
) -> tuple[Transaction, tuple[Change, ...]]:
    dividends = carried(facts, porting)
    undone = portings.placement_undone(
        place_of(order), porting=porting.porting_id, dividends=dividends
    )
    return undone, tuple(_payable_again(facts, refund) for refund in dividends)


def _payable_again(facts: Facts, refund_id: UUID) -> Update:
    refund = facts.get(Refund, refund_id)
    assert refund is not None, "the refund was locked before its porting"
    again = refund.payable_fen + refund.in_transit_fen
    return Update(Refund, (refund_id,), {"payable_fen": again, "in_transit_fen": 0})


RULES: Final[Mapping[str, OrderRules]] = {
    PORTING: OrderRules(_accounts, _executed, _returned, _undone)
}
