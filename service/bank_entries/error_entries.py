"""Bank errors (银行差错, E41, E42): what a bank says it took or gave without a right to it.

A wrong debit is due from the bank, a wrong credit is its own money; the lines that correct them
close what stands open, and anything beyond is an error the other way round. Whichever of an error
and its correction is told first, the same stands in the end (I-39).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, bindparam, text

from ledger.accounts import Account
from ledger.money import Money
from ledger.rules import bank_errors as rules
from ledger.transactions import Transaction
from service.bank_entries.facts import Effect, EntryFact, Kind, open_own
from service.store import custodians
from service.store.contracts import place_of
from service.store.facts import Facts, Record
from service.store.tables import BankEntry
from service.store.unit import Unit

ERROR: Final = "ERROR"
CORRECTED: Final = "ERROR_CORRECTED"
_KEY: Final = ("custody_account_id", "bank_ref")
_OWN: Final = "banks_own_money"
_TOLD_BEFORE: Final = "taken_back_before"

_STANDING: Final = text(
    """
    SELECT account.custody_account_id, entry.bank_entry_id, entry.kind, entry.amount_fen,
           coalesce((SELECT sum(taken.amount_fen) FROM escrow.bank_entry_detail AS told
                     JOIN escrow.bank_entry AS taken ON taken.journal_id = :journal
                      AND taken.bank_entry_id = told.bank_entry_id
                      AND taken.outcome = 'ERROR_CORRECTED'
                      AND taken.custody_account_id = entry.custody_account_id
                     WHERE told.journal_id = :journal AND told.corrects_ref = entry.bank_ref), 0)
             AS taken_fen
    FROM escrow.account
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = :journal AND entry.account_id = account.account_id
        ORDER BY entry.seq DESC LIMIT 1) AS head
    JOIN escrow.bank_entry AS entry
      ON entry.journal_id = :journal AND entry.bank_entry_id = account.owner_id
    WHERE account.journal_id = :journal AND account.kind = 'BANK_ERROR_CREDIT'
      AND account.custody_account_id = ANY(:custodies) AND head.balance_after > 0
    ORDER BY entry.bank_entry_id
    """
).bindparams(bindparam("custodies", type_=ARRAY(Uuid)))
"""The banks' own money in these custody accounts, by the line that brought it."""

_TAKEN: Final = text(
    """
    SELECT taken.custody_account_id, told.corrects_ref, sum(taken.amount_fen) AS fen
    FROM escrow.bank_entry_detail AS told
    JOIN escrow.bank_entry AS taken
      ON taken.journal_id = :journal AND taken.bank_entry_id = told.bank_entry_id
     AND taken.outcome = 'ERROR_CORRECTED' AND taken.custody_account_id = ANY(:custodies)
    WHERE told.journal_id = :journal AND told.corrects_ref = ANY(:refs)
    GROUP BY 1, 2
    """
).bindparams(bindparam("custodies", type_=ARRAY(Uuid)), bindparam("refs", type_=ARRAY(Text)))
"""What banks took back of the credits with these references, told of or not."""


@dataclass(slots=True)
class _Own:
    """A bank's own money by one line: what it gave (0 for too much given back), what it took."""

    given: int
    taken: int = 0

    @property
    def stays(self) -> int:
        """What the bank may still take back; the rest of it stands against what is due from it."""
        return max(self.given - self.taken, 0)


def debited(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Claim back what the bank took (E41); kept while the money was never there."""
    place = place_of(account)
    if facts.book.balance(place.bank) < fact.amount:
        return None
    posted = rules.bank_error_debited(
        place, bank=_bank(account), bank_entry=fact.bank_entry, amount=fact.amount
    )
    return Effect(ERROR, _set_off(facts, account, posted))


def _debit_corrected(facts: Facts, fact: EntryFact, account: Record) -> Effect:
    place, bank = place_of(account), _bank(account)
    open_own(facts, place.credited_in_error(fact.bank_entry))
    _known(facts, fact.custody_account)[fact.bank_entry] = _Own(0)
    posted = rules.bank_error_debit_corrected(
        place,
        bank=bank,
        bank_entry=fact.bank_entry,
        amount=fact.amount,
        owed=facts.book.balance(place.debited_in_error(bank)),
    )
    return Effect(CORRECTED, _set_off(facts, account, posted))


def _credited(facts: Facts, fact: EntryFact, account: Record) -> Effect:
    place = place_of(account)
    open_own(facts, place.credited_in_error(fact.bank_entry))
    taken = facts.extra[_TOLD_BEFORE].get((fact.custody_account, fact.bank_ref), 0)
    _known(facts, fact.custody_account)[fact.bank_entry] = _Own(fact.amount.fen, taken)
    posted = rules.bank_error_credited(
        place, bank=_bank(account), bank_entry=fact.bank_entry, amount=fact.amount
    )
    return Effect(ERROR, _set_off(facts, account, posted))


def _credit_corrected(facts: Facts, fact: EntryFact, account: Record) -> Effect | None:
    """Let the bank take back what it credited; of a credit nobody knows, it took all wrongly."""
    place = place_of(account)
    if facts.book.balance(place.bank) < fact.amount:
        return None
    credit = _corrected(facts, fact)
    known = _known(facts, fact.custody_account).get(credit)
    if known is not None:
        known.taken += fact.amount.fen
    elif fact.detail is not None and fact.detail.corrects is not None:
        told, named = facts.extra[_TOLD_BEFORE], (fact.custody_account, fact.detail.corrects)
        told[named] = told.get(named, 0) + fact.amount.fen
    posted = rules.bank_error_credit_corrected(
        place,
        bank=_bank(account),
        credit=credit,
        bank_entry=fact.bank_entry,
        amount=fact.amount,
        held=facts.book.balance(place.credited_in_error(credit)),
    )
    return Effect(CORRECTED, _set_off(facts, account, posted))


def _set_off(facts: Facts, account: Record, posted: Transaction) -> tuple[Transaction, ...]:
    """Set what is due from the bank off against what it gave in the other order, or too much."""
    place, bank, after = place_of(account), _bank(account), posted.effects()
    claim = place.debited_in_error(bank)
    due = facts.book.quantity(claim) + after.get(claim, 0)
    netted: list[Transaction] = []
    for credit, own in _known(facts, account.custody_account_id).items():
        money = place.credited_in_error(credit)
        part = min(due, facts.book.quantity(money) + after.get(money, 0) - own.stays)
        if part > 0:
            due -= part
            amount = Money.from_fen(part)
            netted.append(rules.bank_errors_netted(place, bank=bank, credit=credit, amount=amount))
    return (posted, *netted)


def _known(facts: Facts, custody: UUID) -> dict[UUID, _Own]:
    known: dict[UUID, dict[UUID, _Own]] = facts.extra[_OWN]
    return known.setdefault(custody, {})


def _corrected(facts: Facts, fact: EntryFact) -> UUID:
    """Return the entry that brought the wrong credit; the line itself where none is known."""
    named = None if fact.detail is None else fact.detail.corrects
    known = facts.by(BankEntry, _KEY, fact.custody_account, named)
    return fact.bank_entry if known is None else known.bank_entry_id


def _bank(account: Record) -> UUID:
    return custodians.bank_id(account.bank_code)


def _accounts(facts: Facts, fact: EntryFact, account: Record) -> Iterable[Account]:
    place = place_of(account)
    own = (place.credited_in_error(credit) for credit in _known(facts, fact.custody_account))
    return (place.bank, place.debited_in_error(_bank(account)), *own)


def _corrected_accounts(facts: Facts, fact: EntryFact, account: Record) -> Iterable[Account]:
    return (
        *_accounts(facts, fact, account),
        place_of(account).credited_in_error(_corrected(facts, fact)),
    )


async def _read(unit: Unit, facts: Sequence[EntryFact]) -> None:
    """Read the banks' own money, the credits that are taken back, and what was told before."""
    journal, custodies = unit.facts.journal, sorted({f.custody_account for f in facts})
    known: dict[UUID, dict[UUID, _Own]] = unit.facts.extra.setdefault(_OWN, {})
    for row in await unit.query(_STANDING, journal=journal, custodies=custodies):
        given = 0 if row["kind"] == CORRECTED else row["amount_fen"]
        own = _Own(given, int(row["taken_fen"]))
        known.setdefault(row["custody_account_id"], {}).setdefault(row["bank_entry_id"], own)
    refs = sorted({fact.bank_ref for fact in facts})
    taken = await unit.query(_TAKEN, journal=journal, custodies=custodies, refs=refs)
    told: dict[tuple[UUID, str], int] = unit.facts.extra.setdefault(_TOLD_BEFORE, {})
    told |= {(row["custody_account_id"], row["corrects_ref"]): int(row["fen"]) for row in taken}
    named = {(f.custody_account, f.detail.corrects) for f in facts if f.detail is not None}
    await unit.read_pairs(BankEntry, {pair for pair in named if pair[1] is not None}, _KEY)


KINDS: Final = (
    Kind(ERROR, "DBIT", debited, _accounts, read=_read),
    Kind(CORRECTED, "CRDT", _debit_corrected, _accounts, read=_read),
    Kind(ERROR, "CRDT", _credited, _accounts, read=_read),
    Kind(CORRECTED, "DBIT", _credit_corrected, _corrected_accounts, read=_read),
)
