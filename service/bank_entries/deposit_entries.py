"""A risk deposit (风险保证金) coming in; anywhere but in a deposit account it is suspense."""

from collections.abc import Iterable
from typing import Final

from ledger.accounts import Account
from ledger.rules import deposits
from service.bank_entries.facts import Effect, EntryFact, Kind
from service.store.contracts import debts_of, place_of
from service.store.facts import Facts, Record


def lodged(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Add to the deposit, what is owed in its account first (E37)."""
    place = place_of(account)
    if not place.deposit:
        return None
    posted = deposits.deposit_lodged(
        place,
        bank_entry=fact.bank_entry,
        amount=fact.amount,
        debts=debts_of(facts, place.custody),
    )
    return Effect("DEPOSIT", (posted,))


def deposit_accounts(_facts: Facts, _fact: EntryFact, account: Record) -> Iterable[Account]:
    """The accounts that a deposit, lodged, touches besides what is owed."""
    place = place_of(account)
    return (place.bank, place.deposit_held)


KINDS: Final = (Kind("DEPOSIT", "CRDT", lodged, deposit_accounts, owes=True),)
