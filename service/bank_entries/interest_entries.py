"""Interest that a bank credits (结息), and what others advance for an institution (垫付)."""

from collections.abc import Iterable
from typing import Final

from ledger.accounts import Account
from ledger.rules import interest
from service.bank_entries.deposit_entries import deposit_accounts, lodged
from service.bank_entries.facts import Effect, EntryFact, Kind
from service.store.contracts import debts_of, place_of
from service.store.facts import Facts, Insert, Record
from service.store.tables import InterestCredit


def _credited(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Let interest wait for its allocation (E34); that of a deposit is added to the deposit."""
    place = place_of(account)
    if place.deposit:
        return lodged(facts, fact, account)
    posted = interest.interest_credited(place, bank_entry=fact.bank_entry, amount=fact.amount)
    return Effect("INTEREST", (posted,), (Insert(InterestCredit, _row(facts, fact, account)),))


def _advanced(facts: Facts, fact: EntryFact, account: Record) -> Effect:
    """Close what the institution owes with an advance, the rest its own funds (E45)."""
    place = place_of(account)
    posted = interest.advance_received(
        place,
        bank_entry=fact.bank_entry,
        amount=fact.amount,
        debts=debts_of(facts, place.custody),
    )
    return Effect("ADVANCE", (posted,))


def _row(facts: Facts, fact: EntryFact, account: Record) -> dict[str, object]:
    """Make the credit's row; it has the id of the bank entry that brought it."""
    return {
        "interest_id": fact.bank_entry,
        "custody_account_id": account.custody_account_id,
        "institution_id": account.institution_id,
        "bank_code": account.bank_code,
        "from_on": fact.from_on or fact.book_on,
        "to_on": fact.to_on or fact.book_on,
        "amount_fen": fact.amount.fen,
        "allocated_fen": 0,
        "state": "CREDITED",
        "credited_on": facts.moment.today,
        "seq": facts.moment.next_seq,
    }


def _interest_accounts(facts: Facts, fact: EntryFact, account: Record) -> Iterable[Account]:
    return (place_of(account).interest_unallocated, *deposit_accounts(facts, fact, account))


def _advance_accounts(_facts: Facts, _fact: EntryFact, account: Record) -> Iterable[Account]:
    place = place_of(account)
    return (place.bank, place.own_funds)


KINDS: Final = (
    Kind("INTEREST", "CRDT", _credited, _interest_accounts, owes=True),
    Kind("ADVANCE", "CRDT", _advanced, _advance_accounts, owes=True),
)
