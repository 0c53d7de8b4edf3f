"""The institution's own money coming in, and the bank's charges taken and given back."""

from collections.abc import Iterable
from typing import Final

from ledger.accounts import Account, Reason
from ledger.rules import custody as custody_rules
from ledger.rules import receipts as receipt_rules
from ledger.rules.debts import Debt
from service.bank_entries.deposit_entries import lodged
from service.bank_entries.facts import Effect, EntryFact, Kind
from service.store import custodians
from service.store.contracts import debts_of, place_of
from service.store.facts import Facts, Record


def _topped_up(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Make good what is owed, the rest own funds (E02); in a deposit account it is the deposit."""
    place = place_of(account)
    if place.deposit:
        return lodged(facts, fact, account)
    received = receipt_rules.top_up_received(
        place,
        bank_entry=fact.bank_entry,
        amount=fact.amount,
        debts=debts_of(facts, place.custody),
    )
    return Effect("TOP_UP", (received,))


def _reimbursed(facts: Facts, fact: EntryFact, account: Record) -> Effect:
    """Close what the bank owes for a disputed fee, then whatever the institution owes (E33)."""
    place = place_of(account)
    disputed = place.fee_disputed(custodians.bank_id(account.bank_code))
    debts = [Debt(disputed, facts.book.balance(disputed)), *debts_of(facts, place.custody)]
    given_back = custody_rules.bank_charge_reimbursed(
        place, bank_entry=fact.bank_entry, amount=fact.amount, debts=debts
    )
    return Effect("CHARGE_REIMBURSED", (given_back,))


def _charged(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Book a charge, covered at once by own funds (E32, E57); kept while the money is missing."""
    place = place_of(account)
    if facts.book.balance(place.bank) < fact.amount:
        return None
    charged = custody_rules.bank_charge_debited(
        place, bank_entry=fact.bank_entry, amount=fact.amount
    )
    own = facts.book.balance(place.own_funds)
    if not own:
        return Effect("CHARGE", (charged,))
    debt = Debt(place.due(Reason.BANK_CHARGE), fact.amount)
    covered = custody_rules.own_funds_applied(place, own_funds=own, debts=[debt])
    return Effect("CHARGE", (charged, covered))


def _accounts(_facts: Facts, _fact: EntryFact, account: Record) -> Iterable[Account]:
    place = place_of(account)
    disputed = place.fee_disputed(custodians.bank_id(account.bank_code))
    return (
        place.bank,
        place.own_funds,
        place.due(Reason.BANK_CHARGE),
        place.deposit_held,
        disputed,
    )


KINDS: Final = (
    Kind("TOP_UP", "CRDT", _topped_up, _accounts, owes=True),
    Kind("CHARGE_REIMBURSED", "CRDT", _reimbursed, _accounts, owes=True),
    Kind("CHARGE", "DBIT", _charged, _accounts, owes=True),
)
