"""Reading one line of a bank's statement: what kind of fact it is, and whom or what it names.

A statement says less than a push: the kind is told from the direction, the order it names, the
bank's transaction code and, last, the bank's own words. What cannot be told is a payment in
suspense or a debit that is kept, never a guess that moves money.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from ledger.money import Money, total
from service.bank_entries.facts import PUSH, STATEMENT, EntryFact, Part
from service.statement_files.canonical import CanonicalEntry, Direction, Kind
from service.store import end_to_end_ids, payment_codes
from service.store.order_steps import OrderState

CHARGE_CODES: Final = frozenset({"CHRG", "COMM", "FEES", "CHG", "COM"})
"""Subfamilies of ISO 20022 and transaction types of SWIFT that are a bank's fee (手续费)."""
INTEREST_CODES: Final = frozenset({"INTR", "INT"})
"""The same for interest (结息)."""
CHARGE_WORDS: Final = ("手续费", "账户管理费", "工本费", "汇划费", "服务费")
INTEREST_WORDS: Final = ("结息", "利息", "存款息")
CALLED_OFF: Final = frozenset({OrderState.REJECTED, OrderState.CANCELLED})
"""States of an order that its bank did not pay; its debit of a whole lease leaves it out."""
INTEREST_MONTHS: Final = 3
"""A statement does not say what interest is for: demand deposits are settled by the quarter."""


@dataclass(frozen=True, slots=True)
class LineAccount:
    """The custody account a line stands on."""

    journal: int
    custody_account: UUID
    purpose: str
    """CUSTODY or DEPOSIT."""


@dataclass(frozen=True, slots=True)
class NamedOrder:
    """A payment order that a line may answer: where it pays from, and where it arrives.

    `lease` is the one it was handed out under last: a bank may debit all of a lease in one line.
    """

    order: UUID
    custody_account: UUID
    target_custody_account: UUID | None
    amount: Money
    lease: UUID | None = None
    state: str | None = None


def lease_named(entry: CanonicalEntry, journal: int) -> UUID | None:
    """Return the lease of this journal that a debit names instead of an order, if any."""
    found = end_to_end_ids.named_in(entry.end_to_end_id, end_to_end_ids.LEASE)
    is_debit = entry.direction is Direction.DEBIT and not entry.parts
    return found[1] if found is not None and found[0] == journal and is_debit else None


def orders_named(entry: CanonicalEntry, journal: int) -> set[UUID]:
    """Return the payment orders of this journal that an entry or one of its parts names."""
    ids_of = (entry.end_to_end_id, *(part.end_to_end_id for part in entry.parts))
    found = (end_to_end_ids.order_named(text) for text in ids_of)
    return {named[1] for named in found if named is not None and named[0] == journal}


def order_named(entry: CanonicalEntry, journal: int) -> UUID | None:
    """Return the payment order of this journal that an entry's end-to-end id names, if any.

    It stands there as the bank was handed it, in capitals, or as the order's public id; an id of
    another journal or of another form names nothing.
    """
    found = end_to_end_ids.order_named(entry.end_to_end_id)
    return None if found is None or found[0] != journal else found[1]


def read_entry(
    entry: CanonicalEntry,
    *,
    bank_entry: UUID,
    account: LineAccount,
    orders: Mapping[UUID, NamedOrder],
    of: Kind = Kind.STATEMENT,
) -> EntryFact:
    """Make the fact that a statement's line tells, to be received like a push of the bank.

    What a report of the day so far or a notification (`of`) tells is a push: the statement that
    follows may bring the same money under another reference.

    `bank_entry` is the id it gets, `orders` are those that lines of this list name, as far as they
    are known. Pure; the same line always gives the same fact.
    """
    named = order_named(entry, account.journal)
    order = orders.get(named) if named is not None else None
    parts = _parts(entry, account, orders)
    kind = "ORDERS" if parts else _kind(entry, account, order)
    from_on, to_on = _interest_period(entry.booked_on) if kind == "INTEREST" else (None, None)
    is_credit = entry.direction is Direction.CREDIT
    return EntryFact(
        bank_entry=bank_entry,
        custody_account=account.custody_account,
        bank_ref=entry.bank_ref,
        direction=entry.direction.value,
        kind=kind,
        amount=Money.from_fen(entry.amount_fen),
        book_on=entry.booked_on,
        value_on=entry.value_on,
        payment_code=payment_codes.found_in(entry.purpose) if kind == "PAYMENT" else None,
        order=None if order is None or parts else order.order,
        payer_name=(entry.counterparty_name or None) if is_credit else None,
        payer_account=(entry.counterparty_account or None) if is_credit else None,
        purpose=entry.purpose or None,
        from_on=from_on,
        to_on=to_on,
        source=STATEMENT if of is Kind.STATEMENT else PUSH,
        parts=parts,
    )


def _parts(
    entry: CanonicalEntry, account: LineAccount, orders: Mapping[UUID, NamedOrder]
) -> tuple[Part, ...]:
    """Return the orders that one debit paid together; none unless all of it is of our orders.

    Where the bank does not say how much a part was, the order's own amount decides.
    """
    if entry.direction is not Direction.DEBIT or entry.is_reversal:
        return ()
    lease = lease_named(entry, account.journal)
    if lease is not None:
        return _of_lease(entry, account, [o for o in orders.values() if o.lease == lease])
    if len(entry.parts) <= 1:
        return ()
    parts: list[Part] = []
    for part in entry.parts:
        found = end_to_end_ids.order_named(part.end_to_end_id)
        order = None if found is None else orders.get(found[1])
        if order is None or order.custody_account != account.custody_account:
            return ()
        told = order.amount if part.amount_fen is None else Money.from_fen(part.amount_fen)
        parts.append(Part(order.order, told))
    distinct = len({part.order for part in parts}) == len(parts)
    return tuple(parts) if distinct and _is_whole(entry, parts) else ()


def _of_lease(
    entry: CanonicalEntry, account: LineAccount, orders: Sequence[NamedOrder]
) -> tuple[Part, ...]:
    """Return the orders of a lease on this account that together are the debit.

    They are all of them or, where the bank left some out, those that were not called off.
    """
    mine = sorted(
        (order for order in orders if order.custody_account == account.custody_account),
        key=lambda order: order.order,
    )
    for paid in (mine, [order for order in mine if order.state not in CALLED_OFF]):
        parts = tuple(Part(order.order, order.amount) for order in paid)
        if _is_whole(entry, parts):
            return parts
    return ()


def _is_whole(entry: CanonicalEntry, parts: Sequence[Part]) -> bool:
    return total([part.amount for part in parts]).fen == entry.amount_fen


def _kind(entry: CanonicalEntry, account: LineAccount, order: NamedOrder | None) -> str:
    if entry.direction is Direction.DEBIT:
        return _kind_of_debit(entry, order)
    if order is not None and order.custody_account == account.custody_account:
        return "REVERSAL" if entry.is_reversal else "RETURN"
    if order is not None and order.target_custody_account == account.custody_account:
        return "TRANSFER"
    if _is_charge(entry):
        return "CHARGE_REIMBURSED"
    if _is_interest(entry):
        return "INTEREST"
    return "DEPOSIT" if account.purpose == "DEPOSIT" else "PAYMENT"


def _kind_of_debit(entry: CanonicalEntry, order: NamedOrder | None) -> str:
    """ORDER for one of ours, CHARGE for a fee; any other is kept until the bank explains it."""
    if order is not None and not entry.is_reversal:
        return "ORDER"
    return "CHARGE" if _is_charge(entry) and not entry.is_reversal else "OTHER"


def _is_charge(entry: CanonicalEntry) -> bool:
    return _is_of(entry, CHARGE_CODES, CHARGE_WORDS)


def _is_interest(entry: CanonicalEntry) -> bool:
    return _is_of(entry, INTEREST_CODES, INTEREST_WORDS)


def _is_of(entry: CanonicalEntry, codes: frozenset[str], words: tuple[str, ...]) -> bool:
    """Tell by the bank's code; where it gives none, by its words beside no other party."""
    if entry.code:
        return not codes.isdisjoint(entry.code.split("/"))
    if entry.counterparty_account or entry.end_to_end_id:
        return False
    return any(word in entry.purpose for word in words)


def _interest_period(booked_on: date) -> tuple[date, date]:
    """Return the quarter that ended on the day before interest was credited."""
    months = booked_on.year * 12 + booked_on.month - 1 - INTEREST_MONTHS
    first = date(months // 12, months % 12 + 1, min(booked_on.day, 28))
    return first, booked_on - timedelta(days=1)
