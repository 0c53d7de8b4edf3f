"""One debit that pays many orders (批量代付): each part executes its own order, or none does.

The line stands in the books once; the parts say which order took how much of it. As long as one of
them cannot be its order's execution, the whole debit is kept and tried again.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Account
from ledger.money import Money, total
from ledger.refusals import Refusal
from ledger.transactions import Transaction
from service.bank_entries.facts import Effect, EntryFact, Kind, Part
from service.store import order_locks, orders, rows
from service.store.contracts import place_of
from service.store.facts import Change, Facts, Insert, Record
from service.store.order_steps import OrderState, require, require_match
from service.store.tables import EntryPart, PaymentOrder
from service.store.unit import Unit

NAME: Final = "ORDERS"


def part_rows(fact: EntryFact, account: Record) -> list[Insert]:
    """Write down the parts of a debit."""
    return [
        Insert(
            EntryPart,
            {
                "bank_entry_id": fact.bank_entry,
                "order_id": part.order,
                "institution_id": account["institution_id"],
                "bank_code": account["bank_code"],
                "amount_fen": part.amount.fen,
            },
        )
        for part in fact.parts
    ]


async def parts_of(
    connection: AsyncConnection, journal: int, entries: Iterable[UUID]
) -> Mapping[UUID, tuple[Part, ...]]:
    """Return the parts of those entries that have any, by entry."""
    wanted = set(entries)
    if not wanted:
        return {}
    statement = rows.keyed(EntryPart, journal, wanted, "bank_entry_id")
    parts: dict[UUID, tuple[Part, ...]] = {}
    for row in await rows.fetch(connection, statement):
        part = Part(row["order_id"], Money.from_fen(row["amount_fen"]))
        parts[row["bank_entry_id"]] = (*parts.get(row["bank_entry_id"], ()), part)
    return parts


def _executed(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Execute every order of a batch; kept while one of them, or the money, is missing."""
    found = _orders(facts, fact)
    if found is None or facts.book.balance(place_of(account).bank) < fact.amount:
        return None
    transactions: list[Transaction] = []
    changes: list[Change] = []
    for part, order in zip(fact.parts, found, strict=True):
        step = orders.order_executed(
            facts,
            order,
            bank_entry=fact.bank_entry,
            amount=part.amount,
            custody=fact.custody_account,
        )
        # Two orders may pay one claim: each part is decided on what the part before it left.
        facts.apply(step.changes)
        transactions += step.transactions
        changes += step.changes
    return Effect("ORDERS", tuple(transactions), tuple(changes))


def _orders(facts: Facts, fact: EntryFact) -> Sequence[Record] | None:
    """Return the orders of a batch, in its order; None when they cannot be what it pays."""
    named = [facts.get(PaymentOrder, part.order) for part in fact.parts]
    found = [order for order in named if order is not None]
    distinct = {part.order for part in fact.parts}
    whole = total([part.amount for part in fact.parts]) == fact.amount
    if not found or len(found) != len(named) or len(distinct) != len(named) or not whole:
        return None
    try:
        for part, order in zip(fact.parts, found, strict=True):
            require(order, OrderState.EXECUTED)
            require_match(order, part.amount, fact.custody_account)
    except Refusal:
        return None
    return found


def _accounts(facts: Facts, fact: EntryFact, account: Record) -> Iterable[Account]:
    place = place_of(account)
    yield from (place.bank, place.own_funds)
    for part in fact.parts:
        order = facts.get(PaymentOrder, part.order)
        if order is not None:
            yield from orders.accounts_of(facts, order)


async def _lock(unit: Unit, facts: Sequence[EntryFact]) -> None:
    await order_locks.lock_behind(unit, {part.order for fact in facts for part in fact.parts})


KINDS: Final = (Kind(NAME, "DBIT", _executed, _accounts, lock=_lock),)
