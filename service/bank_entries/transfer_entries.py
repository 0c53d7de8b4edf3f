"""Money that arrives by an order: a transfer between accounts, or a porting between institutions.

It may be seen before the debit that sent it, by another bank: then it is kept and tried again
after the next entry.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from ledger.accounts import Account
from service.bank_entries.facts import Effect, EntryFact, Kind, kept
from service.store import backing_moves, porting_arrivals, porting_orders, transfers
from service.store.contracts import place_of
from service.store.facts import Facts, Record
from service.store.tables import PaymentOrder, Porting
from service.store.unit import Unit

ARRIVING: Final = frozenset({transfers.TRANSFER, porting_orders.PORTING})


def _order(facts: Facts, fact: EntryFact) -> Record | None:
    """Return the order this entry may be the arrival of, None when there is none."""
    order = None if fact.order is None else facts.get(PaymentOrder, fact.order)
    if order is None or order.kind not in ARRIVING:
        return None
    return order if order.target_custody_account_id == fact.custody_account else None


def _arrived(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Book the arrival once its debit was seen; in suspense when it cannot be that at all."""
    order = _order(facts, fact)
    if order is None or order.amount_fen != fact.amount.fen:
        return None
    if order.state in transfers.OPEN:
        return kept(fact, account)
    if not transfers.on_its_way(facts, order):
        return None
    arrive = (
        porting_arrivals.porting_arrived
        if order.kind == porting_orders.PORTING
        else transfers.transfer_arrived
    )
    step = arrive(facts, order, bank_entry=fact.bank_entry, amount=fact.amount)
    return Effect("TRANSFER", step.transactions, step.changes)


def _accounts(facts: Facts, fact: EntryFact, account: Record) -> Iterable[Account]:
    order = _order(facts, fact)
    if order is None:
        return (place_of(account).bank,)
    if order.kind == porting_orders.PORTING:
        return porting_arrivals.accounts_of(facts, order)
    return transfers.arrival_accounts(facts, order)


async def _lock(unit: Unit, facts: Sequence[EntryFact]) -> None:
    named = {f.order for f in facts if f.order is not None}
    await backing_moves.lock_behind(unit, named)
    await porting_orders.lock_behind(unit, named)


async def _read(unit: Unit, _facts: Sequence[EntryFact]) -> None:
    await porting_arrivals.read_arrivals(unit, list(unit.facts.all(Porting)))


KINDS: Final = (Kind("TRANSFER", "CRDT", _arrived, _accounts, owes=True, lock=_lock, read=_read),)
