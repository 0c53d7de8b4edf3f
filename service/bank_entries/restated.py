"""Entries told of twice, once in more words: what they become by all that the bank said (I-39).

A push and a line of a statement tell of the same entry, and either may say more: what kind it is,
its payment code or its order. Where the first could be no more than a receipt in suspense or a
kept debit, and nobody has decided on it since, the fuller word undoes that and is posted instead,
so that the order of the two makes no difference. What already became something else stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from ledger.money import Money
from ledger.rules import suspense as rules
from ledger.rules.receipts import HeldReason
from ledger.transactions import Transaction
from service.bank_entries import suspected
from service.bank_entries.batch_entries import NAME as ORDERS
from service.bank_entries.effects import effect_of
from service.bank_entries.facts import KEPT, PUSH, STATEMENT, Effect, EntryFact
from service.store.contracts import place_of
from service.store.facts import Facts, Record, Update
from service.store.tables import BankEntry, BankNarrative, CustodyAccount, SuspectedEntry
from service.store.unit import Unit

_BUSINESS_KEY: Final = ("custody_account_id", "bank_ref")
_READ: Final = "restated_entries"
_UNEXPLAINED: Final = frozenset({"PAYMENT", "OTHER"})
"""Kinds that say of money no more than that it came or went."""


@dataclass(frozen=True, slots=True)
class Restated:
    """What an entry becomes by the fuller word, and how its rows change."""

    effect: Effect
    transactions: tuple[Transaction, ...]
    entry: dict[str, Any]
    narrative: Update


def says_the_same(known: Record, fact: EntryFact) -> bool:
    """Tell whether sign, amount and date agree: all that a push and a statement both say."""
    said = (known.direction, known.amount_fen, known.book_on)
    return said == (fact.direction, fact.amount.fen, fact.book_on)


def fuller(known: Record, fact: EntryFact) -> EntryFact | None:
    """Return the fact as an entry that is still open is now known, None of one that stays.

    One of the two came by push, the other by statement. A push's word of what it is goes before
    a statement's reading; a statement only adds what the push left out.
    """
    ways = {known.source, fact.source}
    if ways != {PUSH, STATEMENT} or known.kind == ORDERS or not says_the_same(known, fact):
        return None
    if not _is_open(known) or not _says_more(known, fact):
        return None
    return fact._replace(bank_entry=known.bank_entry_id)


async def read_restated(unit: Unit, facts: Sequence[EntryFact]) -> list[EntryFact]:
    """Return the facts as they may be posted; take in and lock the entries that they restate.

    They are locked under the head, and so not waited for: whoever holds one may wait for the head.
    """
    if not unit.facts.knows_any(BankEntry):
        return list(facts)
    told: list[EntryFact] = []
    found: set[UUID] = set()
    for fact in facts:
        known = unit.facts.by(BankEntry, _BUSINESS_KEY, fact.custody_account, fact.bank_ref)
        more = None if known is None else fuller(known, fact)
        told.append(more or fact)
        if more is not None:
            found.add(more.bank_entry)
    if not found:
        return told
    entries = await unit.lock(BankEntry, found, waiting=False)
    await unit.lock(BankNarrative, found, waiting=False)
    await unit.read_keys(SuspectedEntry, found)
    await unit.balances(place_of(row).suspense(row.bank_entry_id) for row in entries)
    unit.facts.extra[_READ] = found
    return told


def restated(facts: Facts, known: Record, fact: EntryFact) -> Restated | None:
    """Post an open entry as the fuller word says, and undo its holding; None where nothing does."""
    more = fuller(known, fact)
    if more is None or known.bank_entry_id not in facts.extra.get(_READ, ()):
        return None
    account = facts.get(CustodyAccount, known.custody_account_id)
    assert account is not None, "the custody account was found and locked"
    effect = _effect(facts, known, fact, more)
    undone = _undone(known, account)
    posted = known.posted_seq or facts.moment.next_seq
    pushed = fact.content_hash if fact.source == PUSH else known.content_hash
    entry = {
        "kind": more.kind,
        "payment_code": more.payment_code,
        "order_id": more.order,
        "content_hash": pushed,
        "outcome": effect.outcome,
        "suspense_reason": effect.suspense_reason,
        "suspense_fen": effect.suspense_fen,
        "enrolment_id": effect.enrolment,
        "posted_seq": None if effect.outcome == KEPT else posted,
        "likeness": suspected.own_likeness(facts, fact),
        "source": PUSH,
    }
    # What it becomes goes first, so that the bank is never short of what is undone after it.
    return Restated(effect, (*effect.transactions, *undone), entry, _narrative(facts, known, fact))


def _is_open(known: Record) -> bool:
    """Tell whether an entry is as it came: kept, or wholly in suspense with nothing decided."""
    if known.outcome == KEPT:
        return True
    whole = known.outcome == "SUSPENSE" and known.suspense_fen == known.amount_fen
    free = known.enrolment_id is None and known.suspense_reason != HeldReason.SUSPECTED_DUPLICATE
    return bool(whole and free)


def _says_more(known: Record, fact: EntryFact) -> bool:
    is_push = fact.source == PUSH
    if fact.kind != known.kind:
        return fact.kind not in _UNEXPLAINED and (is_push or known.kind in _UNEXPLAINED)
    told = ((fact.payment_code, known.payment_code), (fact.order, known.order_id))
    return any(new is not None and new != old and (is_push or old is None) for new, old in told)


def _effect(facts: Facts, known: Record, fact: EntryFact, more: EntryFact) -> Effect:
    account = facts.get(CustodyAccount, known.custody_account_id)
    assert account is not None, "the custody account was found and locked"
    judged = facts.get(SuspectedEntry, known.bank_entry_id) is not None
    twin = None if judged else suspected.twin_of(facts, fact, known)
    if twin is None:
        return effect_of(facts, more, account)
    return suspected.held(facts, more, account, twin)


def _undone(known: Record, account: Record) -> tuple[Transaction, ...]:
    if not known.suspense_fen:
        return ()
    amount = Money.from_fen(known.suspense_fen)
    place = place_of(account)
    return (rules.receipt_restated(place, bank_entry=known.bank_entry_id, amount=amount),)


def _narrative(facts: Facts, known: Record, fact: EntryFact) -> Update:
    """Keep what the push says of the payer, and what only the statement says beside it."""
    row = facts.get(BankNarrative, known.bank_entry_id)
    assert row is not None, "its narrative was locked with it"
    told = {name: getattr(fact, name) for name in ("payer_name", "payer_account", "purpose")}
    before = {name: row[name] for name in told}
    first, second = (told, before) if fact.source == PUSH else (before, told)
    values = {name: first[name] if first[name] is not None else second[name] for name in told}
    return Update(BankNarrative, (known.bank_entry_id,), values)
