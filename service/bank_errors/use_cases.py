"""Use cases of bank errors: an unexplained line is found to be the bank's mistake, by two people.

A credit in suspense becomes the bank's own money (E42), a debit that was kept is claimed back from
the bank (E41). What the bank itself calls an error comes as a line of that kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Account
from ledger.four_eyes import ActKind
from ledger.money import ZERO, Money
from ledger.refusals import BalanceTooLow, ReceiptUnknown, Refusal, WrongState
from ledger.rules import bank_errors as rules
from service.bank_entries import error_entries, suspected
from service.bank_entries.entries import answer_of
from service.bank_entries.facts import KEPT
from service.store import approvals, custodians, ids, registry
from service.store.approvals import Approvable, Payload, Wanted
from service.store.context import Context
from service.store.contracts import place_of
from service.store.facts import Decision, Facts, Record, Update
from service.store.tables import BankEntry, CustodyAccount, Institution
from service.store.transact import UseCase
from service.store.unit import Unit

SUSPENSE: Final = "SUSPENSE"


@dataclass(frozen=True, slots=True)
class Finding:
    """Say that a line is the bank's mistake; `approval` is for the second person."""

    journal: int
    bank_entry: UUID
    approval: UUID
    reason: str
    key: str | None


async def find_entries(
    connection: AsyncConnection, caller: Context, findings: Sequence[Finding]
) -> list[Finding | Refusal]:
    """Find the lines in the caller's scope."""
    wanted = {finding.bank_entry for finding in findings}
    seen = await registry.seen(connection, caller, BankEntry, findings[0].journal, wanted)
    return [f if f.bank_entry in seen else ReceiptUnknown() for f in findings]


async def load_entries(unit: Unit, findings: Sequence[Finding]) -> None:
    """Lock what the lines stand on, then the lines."""
    await _lock(unit, {finding.bank_entry for finding in findings})


async def read_entries(unit: Unit, _findings: Sequence[Finding]) -> None:
    """Read what would move."""
    await _read(unit)


def decide_request(facts: Facts, finding: Finding) -> Decision:
    """Let it wait for its second person, judged as it would be now. Raises `WrongState`."""
    entry = _entry(facts, finding.bank_entry)
    _found(facts, entry)
    payload = {
        "receipt_id": ids.public("bke", facts.journal, finding.bank_entry),
        "amount": str(_amount(entry)),
        "reason": finding.reason,
    }
    wanted = Wanted(finding.approval, payload, entry.institution_id, finding.key)
    return approvals.requested(facts, FIND_ERROR, wanted)


async def load_approved(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock what the approved findings name."""
    await _lock(unit, {_named(payload) for payload in payloads})


async def read_approved(unit: Unit, _payloads: Sequence[Payload]) -> None:
    """Read what moves."""
    await _read(unit)


def decide_approved(facts: Facts, payload: Payload) -> Decision:
    """Find the error on the facts as they are now."""
    return _found(facts, _entry(facts, _named(payload)))


FIND_ERROR: Final = approvals.approvable(
    Approvable(
        "find_bank_error",
        frozenset({"operator", "regulator"}),
        load_approved,
        decide_approved,
        read_approved,
        kind=ActKind.CORRECTION,
        title=("认定银行差错", "Find a line to be the bank's error"),
    )
)
REQUEST_FINDING: Final[UseCase[Finding, Finding]] = UseCase(
    "request_bank_error", find_entries, load_entries, decide_request, read_entries
)


def _found(facts: Facts, entry: Record) -> Decision:
    """Post the error.

    Raises `WrongState` for a line that is explained already or whose suspicion is to be decided
    first, `BalanceTooLow`.
    """
    suspected.require_judged(entry)
    if entry.direction == "CRDT" and entry.outcome == SUSPENSE:
        return _credit(facts, entry)
    if entry.direction == "DBIT" and entry.outcome == KEPT:
        return _debit(facts, entry)
    raise WrongState(object="receipt", state=entry.outcome)


def _credit(facts: Facts, entry: Record) -> Decision:
    place = place_of(_account(facts, entry))
    posted = rules.suspense_found_error(
        place,
        bank=custodians.bank_id(entry.bank_code),
        receipt=entry.bank_entry_id,
        amount=_amount(entry),
    )
    changed = {"outcome": error_entries.ERROR, "suspense_fen": 0}
    return Decision(
        answer=answer_of(facts.journal, Record({**entry, **changed})),
        transactions=(posted,),
        changes=(Update(BankEntry, (entry.bank_entry_id,), changed),),
        shows={"bank_error_credit": place.credited_in_error(entry.bank_entry_id)},
    )


def _debit(facts: Facts, entry: Record) -> Decision:
    place, bank = place_of(_account(facts, entry)), custodians.bank_id(entry.bank_code)
    missing = _amount(entry) - facts.book.balance(place.bank)
    if missing > ZERO:
        raise BalanceTooLow(account=place.bank.kind.value, missing=str(missing))
    posted = rules.bank_error_debited(
        place, bank=bank, bank_entry=entry.bank_entry_id, amount=_amount(entry)
    )
    changed = {"outcome": error_entries.ERROR, "posted_seq": facts.moment.next_seq}
    return Decision(
        answer=answer_of(facts.journal, Record({**entry, **changed})),
        transactions=(posted,),
        changes=(Update(BankEntry, (entry.bank_entry_id,), changed),),
        shows={"due_from_bank": place.debited_in_error(bank)},
    )


async def _lock(unit: Unit, wanted: set[UUID]) -> None:
    known = await unit.read_keys(BankEntry, wanted)
    await unit.lock(Institution, {row.institution_id for row in known}, share=True)
    await unit.lock(CustodyAccount, {row.custody_account_id for row in known}, share=True)
    await unit.lock(BankEntry, wanted)


async def _read(unit: Unit) -> None:
    accounts: list[Account] = []
    for entry in unit.facts.all(BankEntry):
        place = place_of(_account(unit.facts, entry))
        accounts += [
            place.bank,
            place.suspense(entry.bank_entry_id),
            place.credited_in_error(entry.bank_entry_id),
            place.debited_in_error(custodians.bank_id(entry.bank_code)),
        ]
    await unit.balances(accounts)


def _account(facts: Facts, entry: Record) -> Record:
    account = facts.get(CustodyAccount, entry.custody_account_id)
    assert account is not None, "the custody account was locked"
    return account


def _amount(entry: Record) -> Money:
    return Money.from_fen(entry.suspense_fen if entry.direction == "CRDT" else entry.amount_fen)


def _entry(facts: Facts, bank_entry: UUID) -> Record:
    entry = facts.get(BankEntry, bank_entry)
    assert entry is not None, "the line was found and locked"
    return entry


def _named(payload: Payload) -> UUID:
    return ids.parse("bke", str(payload["receipt_id"]))[1]
