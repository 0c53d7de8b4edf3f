"""Bank errors (银行差错, E41, E42): what a bank says it took or gave without a right to it.

A wrong debit is due from the bank, a wrong credit is its own money; the lines that correct them
close what stands open, and anything beyond is an error the other way round.
"""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from ledger.accounts import Account
from ledger.rules import bank_errors as rules
from service.bank_entries.facts import Effect, EntryFact, Kind
from service.store import custodians
from service.store.contracts import place_of
from service.store.facts import Facts, Record
from service.store.tables import BankEntry
from service.store.unit import Unit

ERROR: Final = "ERROR"
CORRECTED: Final = "ERROR_CORRECTED"
_KEY: Final = ("custody_account_id", "bank_ref")


def debited(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Claim back what the bank took (E41); kept while the money was never there."""
    place = place_of(account)
    if facts.book.balance(place.bank) < fact.amount:
        return None
    posted = rules.bank_error_debited(
        place, bank=_bank(account), bank_entry=fact.bank_entry, amount=fact.amount
    )
    return Effect(ERROR, (posted,))


def _debit_corrected(facts: Facts, fact: EntryFact, account: Record) -> Effect:
    place, bank = place_of(account), _bank(account)
    _open(facts, place.credited_in_error(fact.bank_entry))
    posted = rules.bank_error_debit_corrected(
        place,
        bank=bank,
        bank_entry=fact.bank_entry,
        amount=fact.amount,
        owed=facts.book.balance(place.debited_in_error(bank)),
    )
    return Effect(CORRECTED, (posted,))


def _credited(facts: Facts, fact: EntryFact, account: Record) -> Effect:
    place = place_of(account)
    _open(facts, place.credited_in_error(fact.bank_entry))
    posted = rules.bank_error_credited(
        place, bank=_bank(account), bank_entry=fact.bank_entry, amount=fact.amount
    )
    return Effect(ERROR, (posted,))


def _credit_corrected(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Let the bank take back what it credited; of a credit nobody knows, it took all wrongly."""
    place = place_of(account)
    if facts.book.balance(place.bank) < fact.amount:
        return None
    credit = _corrected(facts, fact)
    posted = rules.bank_error_credit_corrected(
        place,
        bank=_bank(account),
        credit=credit,
        bank_entry=fact.bank_entry,
        amount=fact.amount,
        held=facts.book.balance(place.credited_in_error(credit)),
    )
    return Effect(CORRECTED, (posted,))


def _corrected(facts: Facts, fact: EntryFact) -> UUID:
    """Return the entry that brought the wrong credit; the line itself where none is known."""
    named = None if fact.detail is None else fact.detail.corrects
    known = facts.by(BankEntry, _KEY, fact.custody_account, named)
    return fact.bank_entry if known is None else known.bank_entry_id


def _bank(account: Record) -> UUID:
    return custodians.bank_id(account.bank_code)


def _open(facts: Facts, account: Account) -> None:
    """Open an account of an entry's own; what was read of one that stands already stays."""
    if account not in facts.loaded:
        facts.open_new(account)


def _accounts(_facts: Facts, _fact: EntryFact, account: Record) -> Iterable[Account]:
    place = place_of(account)
    return (place.bank, place.debited_in_error(_bank(account)))


def _corrected_accounts(facts: Facts, fact: EntryFact, account: Record) -> Iterable[Account]:
    return (
        *_accounts(facts, fact, account),
        place_of(account).credited_in_error(_corrected(facts, fact)),
    )


async def _read(unit: Unit, facts: Sequence[EntryFact]) -> None:
    """Read the credits that are taken back."""
    named = {(f.custody_account, f.detail.corrects) for f in facts if f.detail is not None}
    await unit.read_pairs(BankEntry, {pair for pair in named if pair[1] is not None}, _KEY)


KINDS: Final = (
    Kind(ERROR, "DBIT", debited, _accounts),
    Kind(CORRECTED, "CRDT", _debit_corrected, _accounts),
    Kind(ERROR, "CRDT", _credited, _accounts),
    Kind(CORRECTED, "DBIT", _credit_corrected, _corrected_accounts, read=_read),
)
