"""Refund orders (退费指令): each step moves the ledger and the parts of its refund alike.

REFUND pays a payer, LODGING leaves with a notary what nobody claims (公证提存). What is instructed
stands in L7 of its order; it comes back to L6, or to L9 where the order issued a returned refund
again. A refund that was rejected or returned waits for another payee; a claim is PAID when nothing
of its refunds is left to pay.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from ledger.accounts import Account
from ledger.entitlement import Contract
from ledger.money import Money
from ledger.rules import refunds
from ledger.rules.refunds import RefundOrder
from service.store import claim_progress, rows
from service.store.contracts import place_of
from service.store.facts import Change, Facts, Insert, Record, Update
from service.store.order_steps import OrderRules, OrderState, Step, order_row
from service.store.tables import PaymentOrder, Refund
from service.store.unit import Unit

REFUND: Final = "REFUND"
LODGING: Final = "LODGING"
KINDS: Final = frozenset({REFUND, LODGING})

MONEY: Final = "MONEY"
PAYEE: Final = "PAYEE"
"""What a refund waits for: money behind its enrolment, or somebody to pay."""

_SETTLED: Final = ("payable_fen", "in_transit_fen", "returned_fen")


async def lock_behind(unit: Unit, orders: Iterable[UUID]) -> None:
    """Lock the refunds that these orders pay, and their claims; comes before the orders' own lock.

    Which refund an order pays never changes, so it may be read before.
    """
    wanted = sorted(set(orders))
    if not wanted:
        return
    source = rows.table_of(PaymentOrder)
    statement = rows.keyed(PaymentOrder, unit.facts.journal, wanted, "order_id")
    found = await rows.fetch(
        unit.connection,
        statement.with_only_columns(source.c.refund_id).where(source.c.refund_id.is_not(None)),
    )
    await lock_refunds(unit, {row["refund_id"] for row in found})


async def lock_new_of(unit: Unit, institutions: Iterable[UUID]) -> None:
    """Lock what stands behind the NEW refund orders of institutions that are locked themselves."""
    source = rows.table_of(PaymentOrder)
    found = await rows.fetch(
        unit.connection,
        select(source.c.refund_id).where(
            source.c.journal_id == unit.facts.journal,
            source.c.institution_id.in_(sorted(set(institutions))),
            source.c.state == OrderState.NEW.value,
            source.c.refund_id.is_not(None),
        ),
    )
    await lock_refunds(unit, {row["refund_id"] for row in found})


async def lock_refunds(unit: Unit, wanted: Iterable[UUID]) -> list[Record]:
    """Lock refunds, after the claims they were parted from with all their refunds."""
    keys = set(wanted)
    if not keys:
        return []
    source = rows.table_of(Refund)
    statement = rows.keyed(Refund, unit.facts.journal, keys, "refund_id")
    found = await rows.fetch(
        unit.connection,
        statement.with_only_columns(source.c.source_id).where(
            source.c.source == claim_progress.CLAIM
        ),
    )
    await claim_progress.lock_claims(unit, {row["source_id"] for row in found})
    return await unit.lock(Refund, keys)


def refund_order(  # noqa: PLR0913 - what is to be paid, to whom, by which order
    facts: Facts,
    refund: Record,
    account: Record,
    *,
    order: UUID,
    amount: Money,
    kind: str = REFUND,
    payee: UUID | None = None,
    reissued: UUID | None = None,
) -> Step:
    """Make a NEW order for part or all of what a refund still has to pay (E24, E26).

    `account` is the custody account's row; `reissued` the order that came back, so that the money
    is taken out of L9. What the order may be for is judged by whoever asks for it.
    """
    party = payee or refund["payee_party_id"]
    assert party is not None, "an order has a payee"
    made = RefundOrder(
        order=order, refund=refund["refund_id"], amount=amount, reissued=reissued is not None
    )
    rule = refunds.refund_instructed if reissued is None else refunds.refund_reissued
    row = order_row(
        facts,
        order=order,
        source=account,
        kind=kind,
        amount=amount,
        payee_party_id=party,
        refund_id=refund["refund_id"],
        replaces_order_id=reissued,
    )
    part = "payable_fen" if reissued is None else "returned_fen"
    changed = _moved(refund, {part: -amount.fen, "in_transit_fen": amount.fen})
    return Step(
        (rule(place_of(refund), made),),
        (Insert(PaymentOrder, row), Update(Refund, (refund["refund_id"],), changed)),
    )


def taken_back(refund: Record, contract: Contract) -> Step:
    """Put what was not sent of a refund back into its enrolment, before a wind-down: L6 | L1.

    The refund is a claim's and has something payable; its NEW orders were cancelled before.
    """
    amount = Money.from_fen(refund.payable_fen)
    posted = refunds.refund_taken_back(contract, refund=refund.refund_id, amount=amount)
    changed = _moved(
        refund, {"payable_fen": -refund.payable_fen, "taken_back_fen": refund.payable_fen}
    )
    changed |= {"waiting_for": PAYEE if refund.returned_fen else None}
    return Step((posted,), (Update(Refund, (refund.refund_id,), changed),))


def refund_of(facts: Facts, order: Record) -> Record:
    """Return the refund that an order pays; it was locked."""
    refund = facts.get(Refund, order.refund_id)
    assert refund is not None, "the refund was locked with its order"
    return refund


def _accounts(_facts: Facts, order: Record) -> Iterable[Account]:
    place = place_of(order)
    return (
        place.bank,
        place.refund_in_transit(order.order_id),
        place.refund_payable(order.refund_id),
        place.refund_returned(order.refund_id),
    )


def _executed(facts: Facts, order: Record, bank_entry: UUID, _amount: Money) -> Step:
    refund, place, made = refund_of(facts, order), place_of(order), _order(order)
    if order.kind == LODGING:
        posted = refunds.refund_lodged(place, made, bank_entry=bank_entry)
    else:
        posted = refunds.refund_executed(place, made, bank_entry=bank_entry)
    values = _moved(refund, {"in_transit_fen": -order.amount_fen, _gone(order): order.amount_fen})
    if not any(values.get(name, refund[name]) for name in _SETTLED):
        values["paid_on"] = facts.moment.today
    after = Record({**refund, **values})
    return Step(
        (posted,),
        (
            Update(Refund, (refund.refund_id,), values),
            *claim_progress.claim_paid_changes(facts, after),
        ),
    )


def _returned(facts: Facts, order: Record, bank_entry: UUID, _amount: Money) -> Step:
    """Keep what came back for another payee (E26); what was lodged comes back alike."""
    posted = refunds.refund_returned(place_of(order), _order(order), bank_entry=bank_entry)
    today = facts.moment.today
    changes = _back(facts, order, "returned_fen", waiting_for=PAYEE, returned_on=today)
    return Step((posted,), changes)


def _reversed(facts: Facts, order: Record, bank_entry: UUID, _amount: Money) -> Step:
    """Owe it to the same payee again (E21)."""
    posted = refunds.refund_reversed(place_of(order), _order(order), bank_entry=bank_entry)
    return Step((posted,), _back(facts, order, _part(order)))


def _undone(facts: Facts, order: Record, state: OrderState) -> Step:
    """Owe it again (E25); a bank that rejected it will not take the same payee again."""
    refund, place = refund_of(facts, order), place_of(order)
    rejected = state is OrderState.REJECTED
    rule = refunds.refund_rejected if rejected else refunds.refund_cancelled
    values = _moved(refund, {"in_transit_fen": -order.amount_fen, _part(order): order.amount_fen})
    if rejected and order.kind == REFUND:
        values["waiting_for"] = PAYEE
    return Step((rule(place, _order(order)),), (Update(Refund, (refund.refund_id,), values),))


def _back(facts: Facts, order: Record, part: str, **values: Any) -> tuple[Change, ...]:  # noqa: ANN401
    """Move what was paid, or lodged, back to a part that is still to pay."""
    refund = refund_of(facts, order)
    changed = _moved(refund, {_gone(order): -order.amount_fen, part: order.amount_fen})
    return (Update(Refund, (refund.refund_id,), changed | {"paid_on": None} | values),)


def _gone(order: Record) -> str:
    """Name the part that an executed order pays into."""
    return "lodged_fen" if order.kind == LODGING else "paid_fen"


def _part(order: Record) -> str:
    """Name the part that an order's money came from, and goes back to."""
    return "payable_fen" if order.replaces_order_id is None else "returned_fen"


def _order(order: Record) -> RefundOrder:
    return RefundOrder(
        order=order.order_id,
        refund=order.refund_id,
        amount=Money.from_fen(order.amount_fen),
        reissued=order.replaces_order_id is not None,
    )


def _moved(refund: Record, parts: Mapping[str, int]) -> dict[str, Any]:
    return {name: refund[name] + fen for name, fen in parts.items()}


RULES: Final[Mapping[str, OrderRules]] = dict.fromkeys(
    (REFUND, LODGING), OrderRules(_accounts, _executed, _returned, _undone, _reversed)
)
