"""Judicial deductions (司法扣划, E47): what a court had the bank pay out of a custody account.

It is a fact. The institution must make it good; its own funds in the account do so at once. What
was held for the same document is held no longer.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from ledger.accounts import Account, Reason
from ledger.rules import court_orders
from ledger.rules.custody import own_funds_applied
from ledger.rules.debts import Debt
from ledger.transactions import Transaction
from service.bank_entries.facts import Effect, EntryFact, Kind
from service.store import bank_events
from service.store.contracts import place_of
from service.store.facts import Facts, Record
from service.store.unit import Unit


def _documents(facts: Sequence[EntryFact]) -> set[tuple[UUID, str]]:
    return {(fact.custody_account, _document(fact)) for fact in facts}


def _document(fact: EntryFact) -> str:
    """Return the court's document; a line that names none stands for itself."""
    named = None if fact.detail is None else fact.detail.document_number
    return named or fact.bank_ref


async def _lock(unit: Unit, facts: Sequence[EntryFact]) -> None:
    await bank_events.lock_court_orders(unit, _documents(facts))


async def _read(unit: Unit, facts: Sequence[EntryFact]) -> None:
    await bank_events.read_court_orders(unit, _documents(facts))


def _deducted(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Book a deduction, covered at once by own funds (E57); kept while the money is missing."""
    place = place_of(account)
    if facts.book.balance(place.bank) < fact.amount:
        return None
    posted = court_orders.court_deduction_debited(
        place, bank_entry=fact.bank_entry, amount=fact.amount
    )
    own, covered = facts.book.balance(place.own_funds), list[Transaction]()
    if own:
        debt = Debt(place.due(Reason.COURT_DEDUCTION), fact.amount)
        covered = [own_funds_applied(place, own_funds=own, debts=[debt])]
    noted = bank_events.deducted(
        facts,
        account,
        bank_entry=fact.bank_entry,
        document_number=_document(fact),
        amount=fact.amount,
        at=1 + len(covered),
    )
    return Effect("COURT_DEDUCTION", (posted, *covered, *noted.transactions), noted.changes)


def _accounts(_facts: Facts, _fact: EntryFact, account: Record) -> Iterable[Account]:
    place = place_of(account)
    return (place.bank, place.own_funds, place.due(Reason.COURT_DEDUCTION))


KINDS: Final = (
    Kind("COURT_DEDUCTION", "DBIT", _deducted, _accounts, owes=True, lock=_lock, read=_read),
)
