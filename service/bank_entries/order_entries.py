"""Bank entries that answer a payment order: its execution, and its money coming back.

What comes back may be told before the debit that sent it, and is kept until that is told (I-39).
"""

from collections.abc import Iterable, Sequence
from typing import Final

from ledger.accounts import Account
from ledger.refusals import Refusal
from service.bank_entries.facts import Effect, EntryFact, Kind, kept
from service.store import order_locks, orders, transfers
from service.store.contracts import place_of
from service.store.facts import Facts, Record
from service.store.tables import PaymentOrder
from service.store.unit import Unit


def _executed(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Execute the order a debit names; kept while there is none it can be, or no money for it."""
    order = None if fact.order is None else facts.get(PaymentOrder, fact.order)
    if order is None or facts.book.balance(place_of(account).bank) < fact.amount:
        return None
    try:
        executed = orders.order_executed(
            facts,
            order,
            bank_entry=fact.bank_entry,
            amount=fact.amount,
            custody=fact.custody_account,
        )
    except Refusal:
        return None
    return Effect("ORDER", executed.transactions, executed.changes)


def _returned(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Take back the money of the order a credit names; in suspense when it cannot be that."""
    order = None if fact.order is None else facts.get(PaymentOrder, fact.order)
    if order is None:
        return None
    if _is_before_its_debit(order, fact):
        return kept(fact, account)
    try:
        returned = orders.order_returned(
            facts,
            order,
            bank_entry=fact.bank_entry,
            amount=fact.amount,
            custody=fact.custody_account,
            back=orders.back_to(facts, order),
        )
    except Refusal:
        return None
    return Effect("RETURN", returned.transactions, returned.changes)


def _reversed(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Undo the order whose debit the bank itself reverses; in suspense when it cannot be that."""
    order = None if fact.order is None else facts.get(PaymentOrder, fact.order)
    if order is None:
        return None
    if _is_before_its_debit(order, fact):
        return kept(fact, account)
    try:
        undone = orders.order_reversed(
            facts,
            order,
            bank_entry=fact.bank_entry,
            amount=fact.amount,
            custody=fact.custody_account,
            back=orders.back_to(facts, order),
        )
    except Refusal:
        return None
    return Effect("REVERSAL", undone.transactions, undone.changes)


def _is_before_its_debit(order: Record, fact: EntryFact) -> bool:
    """Tell whether what comes back was told before the bank told of the payment."""
    fits = (order.custody_account_id, order.amount_fen) == (fact.custody_account, fact.amount.fen)
    return fits and order.state in transfers.OPEN


def _unexplained(_facts: Facts, _fact: EntryFact, _account: Record) -> Effect | None:
    """Keep a debit that the bank cannot explain yet."""
    return None


def _accounts(facts: Facts, fact: EntryFact, account: Record) -> Iterable[Account]:
    place = place_of(account)
    order = None if fact.order is None else facts.get(PaymentOrder, fact.order)
    return (
        place.bank,
        place.own_funds,
        *([] if order is None else orders.accounts_of(facts, order)),
    )


async def _lock(unit: Unit, facts: Sequence[EntryFact]) -> None:
    await order_locks.lock_behind(unit, {f.order for f in facts if f.order is not None})


KINDS: Final = (
    Kind("ORDER", "DBIT", _executed, _accounts, lock=_lock),
    Kind("OTHER", "DBIT", _executed, _accounts, lock=_lock),
    Kind("RETURN", "CRDT", _returned, _accounts, owes=True, lock=_lock),
    Kind("REVERSAL", "CRDT", _reversed, _accounts, owes=True, lock=_lock),
)
