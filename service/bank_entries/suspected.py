"""Suspected duplicates (疑似重复): the same money under two references of a bank.

A credit is like an earlier one of the same custody account, amount and payment code (or order, or
payer and purpose), booked at most two days apart. Of two pushes the payer's account must be the
same too. Of a push and a line of a statement nothing may contradict it, and the push must not
stand on a statement itself: two lines of the bank's own books are two payments. What is like
another is held in suspense and decided by a person; nothing else becomes of it by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from ledger.refusals import WrongState
from ledger.rules import receipts as receipt_rules
from ledger.rules.receipts import HeldReason
from service.bank_entries.facts import PUSH, Effect, EntryFact, open_own
from service.store import driver, statement_lines
from service.store.contracts import place_of
from service.store.facts import Facts, Insert, Record
from service.store.tables import BankEntry, BankNarrative, SuspectedEntry
from service.store.unit import Unit
from service.store.vault import Vault, normalised
from service.store.vault_rows import vault_of

DUPLICATE: Final = "DUPLICATE"
CREDITING: Final = frozenset(
    {"PAYMENT", "TOP_UP", "CHARGE_REIMBURSED", "DEPOSIT", "ADVANCE", "RECOVERY"}
)
"""Kinds that give somebody money; any other answers an order or closes what stands open, once."""
DAYS: Final = 2

_LIKENESS: Final = "likeness"
_CONFIRMED: Final = "confirmed_likes"
# By likeness alone is an index narrow: a plan kept from when the table was small would take one of
# all that came in those days.
ALIKE: Final = (
    "SELECT * FROM escrow.bank_entry WHERE journal_id = $1 AND likeness = ANY($2::bigint[])"
    " AND book_on + 0 BETWEEN $3 AND $4"
)


async def read_likes(unit: Unit, facts: Sequence[EntryFact]) -> None:
    """Read under the head what is like these entries: one look into an index for all of them.

    Only where something is found, also who paid it and whether a statement shows it; of two pushes
    only where it is told who paid.
    """
    vault, known = vault_of(unit.connection), unit.facts
    likeness = {}
    for fact in facts:
        found = likeness_of(vault, fact)
        if found is not None:
            likeness[fact.bank_entry] = found
    known.extra[_LIKENESS], known.extra[_CONFIRMED] = likeness, set()
    if not likeness:
        return
    near = timedelta(days=DAYS)
    alike = await driver.records(
        unit.connection,
        ALIKE,
        known.journal,
        list(set(likeness.values())),
        min(fact.book_on for fact in facts) - near,
        max(fact.book_on for fact in facts) + near,
    )
    if not alike:
        return
    known.take(BankEntry, alike)
    telling = {
        likeness[fact.bank_entry]
        for fact in facts
        if fact.bank_entry in likeness and (fact.payer_account or fact.source != PUSH)
    }
    wanted = {
        row["bank_entry_id"] for row in alike if row["likeness"] in telling or row["source"] != PUSH
    }
    if not wanted:
        return
    await unit.read_keys(BankNarrative, wanted)
    known.extra[_CONFIRMED] = await statement_lines.confirmed(
        unit.connection, known.journal, wanted
    )


def confirm(facts: Facts, bank_entries: Iterable[UUID]) -> None:
    """Take entries as shown by a statement that is being taken at this moment."""
    confirmed: set[UUID] = facts.extra.setdefault(_CONFIRMED, set())
    confirmed.update(bank_entries)


def likeness_of(vault: Vault, fact: EntryFact) -> int | None:
    """Return what entries of the same money share, None of what nothing can be like.

    The index of what people wrote is blind; codes and orders are no secret beside it.
    """
    if fact.direction != "CRDT" or fact.kind not in CREDITING:
        return None
    place = f"{fact.custody_account.int:x}/{fact.amount.fen}/"
    if fact.payment_code is not None:
        digest = sha256(f"{place}{fact.payment_code}".encode()).digest()
    elif fact.order is not None:
        digest = sha256(f"{place}{fact.order.int:x}".encode()).digest()
    elif fact.payer_account is not None and fact.purpose is not None:
        digest = vault.blind("account", f"{place}{fact.payer_account}/{fact.purpose}")
    else:
        return None
    return int.from_bytes(digest[:8], signed=True)


def own_likeness(facts: Facts, fact: EntryFact) -> int | None:
    """Return the likeness that was worked out for an entry of this batch."""
    return likenesses(facts).get(fact.bank_entry)


def likenesses(facts: Facts) -> Mapping[UUID, int]:
    """Return the likenesses of this batch by bank entry."""
    known: Mapping[UUID, int] = facts.extra.get(_LIKENESS, {})
    return known


def are_alike(facts: Facts, pushed: Sequence[EntryFact]) -> bool:
    """Tell whether any two of these, of which nothing is known yet, may bring the same money."""
    seen: dict[int, set[str | None]] = {}
    for fact in pushed:
        payer = _payer(fact.payer_account)
        likeness = None if payer is None else own_likeness(facts, fact)
        if likeness is None:
            continue
        if payer in seen.setdefault(likeness, set()):
            return True
        seen[likeness].add(payer)
    return False


def twin_of(facts: Facts, fact: EntryFact, own: Record | None = None) -> Record | None:
    """Return the earliest entry that may have brought the same money, None where there is none.

    `own` is the entry that the fact is of where it stands already: then a statement shows it.
    """
    likeness = own_likeness(facts, fact)
    if likeness is None:
        return None
    alike = facts.each_by(BankEntry, "likeness", likeness)
    if own is not None:
        others = (row for row in alike if row["bank_entry_id"] != own["bank_entry_id"])
        alike = [row for row in others if row["source"] == PUSH]
    twins = [row for row in alike if _is_like(facts, fact, row)] if alike else []
    return min(twins, key=lambda row: (row.seq, row.bank_entry_id), default=None)


def require_judged(entry: Record) -> None:
    """Refuse a receipt that waits for a person's verdict: `WrongState` SUSPECTED."""
    if entry.suspense_fen and entry.suspense_reason == HeldReason.SUSPECTED_DUPLICATE:
        raise WrongState(object="receipt", state="SUSPECTED")


def held(facts: Facts, fact: EntryFact, account: Record, twin: Record) -> Effect:
    """Hold an entry that is like another until a person has decided (E08)."""
    place, moment = place_of(account), facts.moment
    open_own(facts, place.suspense(fact.bank_entry))
    reason = HeldReason.SUSPECTED_DUPLICATE
    posted = receipt_rules.receipt_held(
        place, bank_entry=fact.bank_entry, amount=fact.amount, reason=reason
    )
    suspicion: dict[str, Any] = {
        "bank_entry_id": fact.bank_entry,
        "other_entry_id": twin.bank_entry_id,
        "institution_id": account["institution_id"],
        "custody_account_id": fact.custody_account,
        "bank_code": account["bank_code"],
        "state": "OPEN",
        "closed_as": None,
        "suspected_at": moment.now,
        "decided_by": None,
        "decided_at": None,
        "seq": moment.next_seq,
        "decided_seq": None,
    }
    changes = (Insert(SuspectedEntry, suspicion),)
    return Effect("SUSPENSE", (posted,), changes, reason.value, fact.amount.fen)


def _is_like(facts: Facts, fact: EntryFact, row: Record) -> bool:
    if (
        row["custody_account_id"] != fact.custody_account
        or row["amount_fen"] != fact.amount.fen
        or row["outcome"] == DUPLICATE
        or abs((row["book_on"] - fact.book_on).days) > DAYS
    ):
        return False
    pushed = fact.source == PUSH and row["source"] == PUSH
    paid_by = _payer(fact.payer_account)
    if pushed and paid_by is None:
        return False
    told = facts.get(BankNarrative, row["bank_entry_id"])
    payer = _payer(None if told is None else told["payer_account"])
    if pushed:
        return payer == paid_by
    if fact.source != PUSH and (row["source"] != PUSH or _is_confirmed(facts, row)):
        return False
    return None in {payer, paid_by} or payer == paid_by


def _payer(account: str | None) -> str | None:
    """Write an account as all write it who mean it; None of one that nobody told in full."""
    if account is None or "*" in account:
        return None
    return normalised("account", account)


def _is_confirmed(facts: Facts, row: Record) -> bool:
    confirmed: set[UUID] = facts.extra[_CONFIRMED]
    return row["bank_entry_id"] in confirmed
