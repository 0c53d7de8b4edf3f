"""Suspected duplicates decided by a person: the same money as another's, or money of its own.

SAME closes the report: it is undone when the bank has the money once, and is the bank's own when
its statements show it twice. DIFFERENT lets it become what it would have been. What was undone
before a statement showed it is decided anew. Above the limits of suspense a second person decides
with the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.four_eyes import ActKind
from ledger.money import Money
from ledger.policy import Category
from ledger.refusals import ReceiptUnknown, Refusal, WrongState
from ledger.rules import suspected as rules
from ledger.rules.receipts import HeldReason, receipt_held
from ledger.transactions import Transaction
from service.bank_entries.effects import effect_of
from service.bank_entries.entries import answer_of, fact_of
from service.bank_entries.facts import EntryFact
from service.bank_entries.receive import load_entries, read_again
from service.bank_entries.suspected import DUPLICATE
from service.store import approval_acts, approvals, custodians, ids, registry, statement_lines
from service.store.approval_acts import Deed
from service.store.approvals import Approvable, Payload, Wanted
from service.store.context import Context
from service.store.contracts import place_of
from service.store.facts import Decision, Facts, Record, Update
from service.store.tables import (
    BankEntry,
    BankEntryDetail,
    CustodyAccount,
    Enrolment,
    SuspectedEntry,
)
from service.store.transact import UseCase
from service.store.unit import Unit

BANK_ERROR: Final = "BANK_ERROR"
COUNTED_TWICE: Final = "COUNTED_TWICE"
OPEN: Final = "OPEN"
_CONFIRMED: Final = "confirmed_suspects"

Verdict = Literal["SAME", "DIFFERENT"]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A person's verdict on a held receipt; `approval` is for a second person."""

    journal: int
    bank_entry: UUID
    verdict: Verdict
    approval: UUID
    key: str | None = None


async def find_suspicions(
    connection: AsyncConnection, caller: Context, wanted: Sequence[Suspicion]
) -> list[Suspicion | Refusal]:
    """Find the receipts in the caller's scope."""
    entries = [suspicion.bank_entry for suspicion in wanted]
    seen = await registry.seen(connection, caller, BankEntry, wanted[0].journal, entries)
    return [s if s.bank_entry in seen else ReceiptUnknown() for s in wanted]


async def load_suspicions(unit: Unit, wanted: Sequence[Suspicion]) -> None:
    """Lock what the receipts would become, then the receipts and what is suspected of them."""
    entries = {suspicion.bank_entry for suspicion in wanted}
    await unit.read_keys(BankEntryDetail, entries)
    told = [_fact(unit.facts, row) for row in await unit.read_keys(BankEntry, entries)]
    await load_entries(unit, told)
    await unit.lock(BankEntry, entries)
    await unit.lock(SuspectedEntry, entries)


async def read_suspicions(unit: Unit, wanted: Sequence[Suspicion]) -> None:
    """Read balances, the limits of one person, and what the bank's statements show."""
    facts = unit.facts
    entries = [_entry(facts, suspicion.bank_entry) for suspicion in wanted]
    await approval_acts.read_limits(
        unit,
        ActKind.SUSPENSE_MATCH,
        institutions={entry.institution_id for entry in entries},
        payees={payee for e in entries if (payee := _payee(facts, e)) is not None},
    )
    await read_again(unit, [_fact(facts, entry) for entry in entries])
    for entry in entries:
        place = place_of(_account(facts, entry))
        held, owed = place.suspense(entry.bank_entry_id), place.credited_in_error
        await unit.balances([held, place.bank, owed(entry.bank_entry_id)])
    pairs = {e.bank_entry_id for e in entries}
    pairs |= {row.other_entry_id for row in facts.all(SuspectedEntry)}
    found = await statement_lines.confirmed(unit.connection, facts.journal, pairs)
    facts.extra[_CONFIRMED] = found


def decide_suspicion(facts: Facts, suspicion: Suspicion) -> Decision:
    """Carry out the verdict up to the limits of one person; above one, wait for a second."""
    decision = decided(facts, suspicion)
    entry = _entry(facts, suspicion.bank_entry)
    deed = Deed(
        ActKind.SUSPENSE_MATCH,
        Money.from_fen(entry.amount_fen),
        entry.institution_id,
        Category.OTHER,
        payee=_payee(facts, entry),
    )
    crossing = approval_acts.crossing_of(facts, deed)
    if crossing is None:
        alone = approval_acts.decided_alone(facts, deed)
        return replace(decision, changes=(*decision.changes, alone))
    payload = {
        "receipt_id": ids.public("bke", facts.journal, suspicion.bank_entry),
        "verdict": suspicion.verdict,
        "amount": str(Money.from_fen(entry.amount_fen)),
    }
    wanted = Wanted(suspicion.approval, payload, entry.institution_id, suspicion.key, crossing)
    return approvals.requested(facts, SUSPICION_APPROVED, wanted)


def decided(facts: Facts, suspicion: Suspicion) -> Decision:
    """Close the receipt as the same money, or let it become what it would have been.

    What was closed before a statement showed it is held again first (E08), then decided anew.
    """
    row = facts.get(SuspectedEntry, suspicion.bank_entry)
    entry = _entry(facts, suspicion.bank_entry)
    anew = row is not None and _is_open_again(facts, row, suspicion.verdict)
    if row is None or (row.state != OPEN and not anew):
        raise WrongState(object="suspicion", state="NONE" if row is None else row.state)
    if not anew and entry.suspense_fen != entry.amount_fen:
        raise WrongState(object="receipt", state=entry.outcome)
    decision = (_same if suspicion.verdict == "SAME" else _different)(facts, entry, row)
    held = (_held_again(facts, entry),) if anew else ()
    return replace(decision, transactions=(*held, *decision.transactions))


def answer(journal: int, row: Record, entry: Record) -> dict[str, Any]:
    """Tell of a suspicion, and of the receipt as it stands."""
    return {
        "receipt": answer_of(journal, entry),
        "other_receipt_id": ids.public("bke", journal, row["other_entry_id"]),
        "state": row["state"],
        "closed_as": row["closed_as"],
        "suspected_at": row["suspected_at"].isoformat(),
        "decided_by": row["decided_by"],
        "decided_at": None if row["decided_at"] is None else row["decided_at"].isoformat(),
    }


def _is_open_again(facts: Facts, row: Record, verdict: Verdict) -> bool:
    """Tell whether the bank's statements have shown a report that was undone as counted twice.

    SAME says anything new only when they show both.
    """
    confirmed: set[UUID] = facts.extra[_CONFIRMED]
    shown = {row.bank_entry_id} if verdict == "DIFFERENT" else _twins(row)
    return row.closed_as == COUNTED_TWICE and shown <= confirmed


def _held_again(facts: Facts, entry: Record) -> Transaction:
    return receipt_held(
        place_of(_account(facts, entry)),
        bank_entry=entry.bank_entry_id,
        amount=Money.from_fen(entry.amount_fen),
        reason=HeldReason.SUSPECTED_DUPLICATE,
    )


def _twins(row: Record) -> set[UUID]:
    return {row.bank_entry_id, row.other_entry_id}


def _same(facts: Facts, entry: Record, row: Record) -> Decision:
    """Undo the report (E30); both on the bank's statements, it is the bank's own money (E42)."""
    place, amount = place_of(_account(facts, entry)), Money.from_fen(entry.amount_fen)
    if _twins(row) <= facts.extra[_CONFIRMED]:
        posted = rules.bank_duplicate_recognised(
            place,
            bank=custodians.bank_id(entry.bank_code),
            bank_entry=entry.bank_entry_id,
            other=row.other_entry_id,
            amount=amount,
        )
        return _closed(facts, entry, row, posted, BANK_ERROR)
    posted = rules.duplicate_closed(
        place, bank_entry=entry.bank_entry_id, other=row.other_entry_id, amount=amount
    )
    return _closed(facts, entry, row, posted, COUNTED_TWICE)


def _closed(
    facts: Facts, entry: Record, row: Record, posted: Transaction, closed_as: str
) -> Decision:
    outcome = BANK_ERROR if closed_as == BANK_ERROR else DUPLICATE
    changed = {"outcome": outcome, "suspense_fen": 0}
    told = _decided_row(facts) | {"state": "SAME", "closed_as": closed_as}
    return _decision(facts, entry, row, posted=(posted,), changed=changed, told=told)


def _different(facts: Facts, entry: Record, row: Record) -> Decision:
    """Undo the holding, and post the receipt as its kind says."""
    account = _account(facts, entry)
    lifted = rules.suspicion_lifted(
        place_of(account),
        bank_entry=entry.bank_entry_id,
        other=row.other_entry_id,
        amount=Money.from_fen(entry.amount_fen),
    )
    effect = effect_of(facts, _fact(facts, entry), account)
    changed = {
        "outcome": effect.outcome,
        "suspense_reason": effect.suspense_reason,
        "suspense_fen": effect.suspense_fen,
        "enrolment_id": effect.enrolment,
    }
    told = _decided_row(facts) | {"state": "DIFFERENT", "closed_as": None}
    posted = (lifted, *effect.transactions)
    decision = _decision(facts, entry, row, posted=posted, changed=changed, told=told)
    return replace(decision, changes=(*decision.changes, *effect.changes))


def _decision(  # noqa: PLR0913 - the rows before, and what changes of them
    facts: Facts,
    entry: Record,
    row: Record,
    *,
    posted: tuple[Transaction, ...],
    changed: dict[str, Any],
    told: dict[str, Any],
) -> Decision:
    key = (entry.bank_entry_id,)
    return Decision(
        answer=answer(facts.journal, Record({**row, **told}), Record({**entry, **changed})),
        transactions=posted,
        changes=(Update(BankEntry, key, changed), Update(SuspectedEntry, key, told)),
        shows={"custody_bank": place_of(_account(facts, entry)).bank},
    )


def _decided_row(facts: Facts) -> dict[str, Any]:
    moment = facts.moment
    return {
        "decided_by": moment.actor,
        "decided_at": moment.now,
        "decided_seq": moment.next_seq,
    }


def _entry(facts: Facts, bank_entry: UUID) -> Record:
    entry = facts.get(BankEntry, bank_entry)
    assert entry is not None, "the receipt was found and locked"
    return entry


def _fact(facts: Facts, entry: Record) -> EntryFact:
    """Return what the bank said, a channel's part of it as well."""
    return fact_of(entry, facts.get(BankEntryDetail, entry.bank_entry_id))


def _account(facts: Facts, entry: Record) -> Record:
    account = facts.get(CustodyAccount, entry.custody_account_id)
    assert account is not None, "its custody account was locked"
    return account


def _payee(facts: Facts, entry: Record) -> UUID | None:
    """Return whom it would be credited for, where it names a contract."""
    if entry.payment_code is None:
        return None
    enrolment = facts.by(Enrolment, ("payment_code",), entry.payment_code)
    return None if enrolment is None else enrolment.guardian_id


async def _load_approved(unit: Unit, payloads: Sequence[Payload]) -> None:
    await load_suspicions(unit, [_named(payload) for payload in payloads])


async def _read_approved(unit: Unit, payloads: Sequence[Payload]) -> None:
    await read_suspicions(unit, [_named(payload) for payload in payloads])


def _decide_approved(facts: Facts, payload: Payload) -> Decision:
    return decided(facts, _named(payload))


def _named(payload: Payload) -> Suspicion:
    journal, entry = ids.parse("bke", str(payload["receipt_id"]))
    verdict: Verdict = "SAME" if payload["verdict"] == "SAME" else "DIFFERENT"
    return Suspicion(journal, entry, verdict, approval=entry)


SUSPICION_APPROVED: Final = approvals.approvable(
    Approvable(
        "decide_suspicion",
        frozenset({"operator", "regulator"}),
        _load_approved,
        _decide_approved,
        _read_approved,
        kind=ActKind.SUSPENSE_MATCH,
        title=("疑似重复入账裁定", "Decide whether money was reported twice"),
    )
)
DECIDE_SUSPICION: Final[UseCase[Suspicion, Suspicion]] = UseCase(
    "decide_suspicion", find_suspicions, load_suspicions, decide_suspicion, read_suspicions
)
