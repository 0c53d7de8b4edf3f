"""Reversing a transaction by maker and checker (E30, I-07): its exact mirror, then the right one.

A bank entry stays true whatever was made of it: what a wrong transaction made of a credit stands in
suspense afterwards, to be matched or returned; a wrong bank charge is booked on the other side.
Nothing by hand touches what an institution earned or is being paid (I-16).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import parameters
from ledger.accounts import Account, AccountKind, Reason
from ledger.four_eyes import ActKind
from ledger.money import Money
from ledger.policy import Category
from ledger.refusals import NotReversible, Refusal, TransactionUnknown, WrongState
from ledger.rules.corrections import REVERSIBLE, reversed_exactly
from ledger.rules.custody import bank_charge_debited, own_funds_applied
from ledger.rules.debts import Debt
from ledger.rules.places import Place
from ledger.rules.receipts import HeldReason, receipt_held
from ledger.transactions import Transaction, TransactionKind
from service.store import (
    approvals,
    custodians,
    enrolment_reads,
    ids,
    journal_reads,
    reference,
    rows,
)
from service.store.approvals import Approvable, Payload, Wanted
from service.store.claim_progress import open_claims, require_no_claim
from service.store.context import Context
from service.store.facts import Change, Decision, Facts, Insert, Record, Update
from service.store.tables import BankEntry, Enrolment, Institution, JournalTransaction, Reversal
from service.store.transact import UseCase
from service.store.unit import Unit

_K: Final = TransactionKind
_CREDITS: Final = frozenset(
    {
        _K.RECEIPT_MATCHED,
        _K.TOP_UP_RECEIVED,
        _K.BANK_CHARGE_REIMBURSED,
        _K.CHANNEL_SETTLED,
        _K.CASH_PAID_IN,
    }
)
"""Kinds that a bank's credit was taken for; reversed, the credit stands in suspense."""

_ENTRY: Final = ("bank_entry", "receipt")


@dataclass(frozen=True, slots=True)
class Reverse:
    """A transaction to reverse once another person agrees; `reason` is a code."""

    journal: int
    approval: UUID
    seq: int
    reason: str
    key: str | None


async def find_transactions(
    connection: AsyncConnection, _caller: Context, commands: Sequence[Reverse]
) -> list[Reverse | Refusal]:
    """Find the transactions in the caller's journals."""
    source = rows.table_of(JournalTransaction)
    statement = select(source.c.seq).where(
        source.c.journal_id == commands[0].journal,
        source.c.seq.in_([command.seq for command in commands]),
    )
    seen = set((await connection.scalars(statement)).all())
    return [command if command.seq in seen else TransactionUnknown() for command in commands]


async def load_commands(unit: Unit, commands: Sequence[Reverse]) -> None:
    """Lock what the transactions are about."""
    await _load(unit, {command.seq for command in commands})


async def read_commands(unit: Unit, _commands: Sequence[Reverse]) -> None:
    """Read under the head what a reversal touches."""
    await _read(unit)


def decide_request(facts: Facts, command: Reverse) -> Decision:
    """Ask for a reversal, refused at once when it could not be carried out now."""
    decide_reversal(facts, command.seq, command.reason)
    wrong = _sealed(facts)[command.seq]
    payload = {
        "transaction_id": ids.public_transaction(facts.journal, command.seq),
        "kind": wrong.kind.value,
        "reason": command.reason,
    }
    institution = UUID(wrong.references["institution"])
    wanted = Wanted(command.approval, payload, institution, command.key)
    return approvals.requested(facts, REVERSAL, wanted)


async def load_payloads(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock what the transactions of approved payloads are about."""
    await _load(unit, {_seq(payload) for payload in payloads})


async def read_payloads(unit: Unit, _payloads: Sequence[Payload]) -> None:
    """Read under the head what a reversal touches."""
    await _read(unit)


def decide_payload(facts: Facts, payload: Payload) -> Decision:
    """Reverse as approved."""
    return decide_reversal(facts, _seq(payload), payload["reason"])


def decide_reversal(facts: Facts, seq: int, reason: str) -> Decision:
    """Post the mirror and then the right one; both link to what they correct.

    Raises `WrongState` when lessons of the enrolment were taken, `AlreadyReversed`,
    `NotReversible`; and `BalanceTooLow` when the money has moved on.
    """
    journal, moment = facts.journal, facts.moment
    wrong, named = _sealed(facts)[seq], ids.public_transaction(facts.journal, seq)
    before = facts.get(Reversal, seq)
    mirror = reversed_exactly(
        wrong,
        reverses=named,
        reversed_by=(
            None if before is None else ids.public_transaction(journal, before.reversing_seq)
        ),
        reason=reason,
    )
    if wrong.kind is _K.RECEIPT_HELD:
        raise NotReversible(transaction=named, kind=wrong.kind.value)
    right = _right(facts, wrong)
    posted = (mirror, *right, *_covered(facts, wrong, (mirror, *right)))
    return Decision(
        answer={
            "reversed_transaction_id": named,
            "reversing_transaction_id": ids.public_transaction(journal, moment.next_seq),
        },
        transactions=posted,
        changes=(
            Insert(Reversal, {"reversed_seq": seq, "reversing_seq": moment.next_seq}),
            *_enrolment_changes(facts, wrong),
            *_entry_changes(facts, wrong),
        ),
    )


REVERSAL: Final = approvals.approvable(
    Approvable(
        "reverse_transaction",
        frozenset({"operator", "regulator"}),
        load_payloads,
        decide_payload,
        read_payloads,
        kind=ActKind.CORRECTION,
        title=("冲正凭证", "Reverse a transaction"),
    )
)
REQUEST_REVERSAL = UseCase(
    "request_reversal", find_transactions, load_commands, decide_request, read_commands
)


async def _load(unit: Unit, seqs: set[int]) -> None:
    facts = unit.facts
    sealed = await journal_reads.transactions(unit.connection, facts.journal, seqs)
    facts.extra["sealed"] = sealed
    named = [t.references for t in sealed.values() if t.kind in REVERSIBLE]
    institutions = {UUID(refs["institution"]) for refs in named}
    await unit.lock(Institution, institutions, share=True)
    await unit.lock(Enrolment, {UUID(r["enrolment"]) for r in named if "enrolment" in r})
    entries = {UUID(refs[name]) for refs in named for name in _ENTRY if name in refs}
    await unit.lock(BankEntry, entries)


async def _read(unit: Unit) -> None:
    facts, sealed = unit.facts, _sealed(unit.facts)
    await unit.read(Reversal, rows.keyed(Reversal, facts.journal, sealed, "reversed_seq"))
    facts.extra["pack"] = await reference.rule_pack(unit.connection, facts.journal)
    wanted: list[Account] = []
    for wrong in sealed.values():
        wanted += wrong.effects()
        if wrong.kind not in REVERSIBLE:
            continue
        place = _place(wrong)
        wanted += [place.bank, place.own_funds, place.due(Reason.BANK_CHARGE)]
        wanted += [
            place.suspense(UUID(wrong.references[n])) for n in _ENTRY if n in wrong.references
        ]
    # A slot may be worth nothing, so whether lessons were taken is told by their rows.
    enrolments = [row.enrolment_id for row in facts.all(Enrolment)]
    await open_claims(unit, enrolments)
    facts.extra["slots"] = await enrolment_reads.slots_taken(
        unit.connection, facts.journal, enrolments
    )
    for entry in facts.all(BankEntry):
        place = Place(institution=entry.institution_id, custody=entry.custody_account_id)
        wanted.append(place.fee_disputed(custodians.bank_id(entry.bank_code)))
    await unit.balances(wanted)


def _right(facts: Facts, wrong: Transaction) -> tuple[Transaction, ...]:
    """Say what the bank entry of a wrong transaction becomes instead."""
    place = _place(wrong)
    if wrong.kind in _CREDITS:
        entry = _entry(facts, wrong)
        held = receipt_held(
            place,
            bank_entry=entry.bank_entry_id,
            amount=Money.from_fen(entry.amount_fen),
            reason=HeldReason.UNKNOWN_ENROLMENT,
        )
        return (held,)
    if wrong.kind is _K.BANK_CHARGE_DEBITED:
        entry = _entry(facts, wrong)
        was_disputed = any(account.kind is AccountKind.DUE_FROM_BANK for account in wrong.effects())
        charged = bank_charge_debited(
            place,
            bank_entry=entry.bank_entry_id,
            amount=Money.from_fen(entry.amount_fen),
            disputed_with=None if was_disputed else custodians.bank_id(entry.bank_code),
        )
        return (charged,)
    return ()


def _covered(
    facts: Facts, wrong: Transaction, posted: Sequence[Transaction]
) -> tuple[Transaction, ...]:
    """Own funds that are left cover at once what the reversal opened (E57)."""
    place = _place(wrong)
    net: dict[Account, int] = {}
    for transaction in posted:
        for account, effect in transaction.effects().items():
            net[account] = net.get(account, 0) + effect
    own = facts.book.quantity(place.own_funds) + net.get(place.own_funds, 0)
    opened = [
        Debt(account, Money.from_fen(effect))
        for account, effect in net.items()
        if account.kind is AccountKind.DUE_FROM_INSTITUTION and effect > 0
    ]
    if own <= 0 or not opened:
        return ()
    return (own_funds_applied(place, own_funds=Money.from_fen(own), debts=opened),)


def _enrolment_changes(facts: Facts, wrong: Transaction) -> list[Change]:
    """Take back what counted towards the price; an enrolment no longer paid waits again."""
    changes: list[Change] = []
    for account, effect in wrong.effects().items():
        if account.kind is not AccountKind.STUDENT_PREPAID:
            continue
        row = facts.get(Enrolment, account.owner)
        assert row is not None, "the enrolment was locked"
        if facts.extra["slots"].get(row.enrolment_id):
            raise WrongState(object="enrolment", state="LESSONS_TAKEN")
        if row.schedule_version > 1:
            raise WrongState(object="enrolment", state="REFUNDED_IN_PART")
        require_no_claim(facts, row.enrolment_id)
        received = row.received_fen - effect
        values: dict[str, Any] = {"received_fen": received}
        if wrong.kind is _K.LEGACY_ONBOARDED:
            values |= {"state": "LAPSED"}
        elif row.state == "ACTIVE" and received < row.price_fen:
            values |= {"state": "AWAITING_PAYMENT", "lapses_on": _lapses_on(facts, row)}
        changes.append(Update(Enrolment, (row.enrolment_id,), values))
    return changes


def _lapses_on(facts: Facts, row: Record) -> Any:  # noqa: ANN401 - a date
    pack, today = facts.extra["pack"], facts.moment.today
    days = pack.value(parameters.UNPAID_LAPSE_DAYS, on=today, category=Category(row.category))
    return today + timedelta(days=days)


def _entry_changes(facts: Facts, wrong: Transaction) -> list[Change]:
    """Let the bank entry stand in suspense again, whole or by what was matched of it."""
    if wrong.kind in _CREDITS:
        entry = _entry(facts, wrong)
        values: dict[str, Any] = {
            "outcome": "SUSPENSE",
            "suspense_reason": HeldReason.UNKNOWN_ENROLMENT.value,
            "suspense_fen": entry.amount_fen,
            "enrolment_id": None,
        }
        return [Update(BankEntry, (entry.bank_entry_id,), values)]
    if wrong.kind is _K.SUSPENSE_MATCHED:
        entry = _entry(facts, wrong)
        matched = sum(transfer.quantity for transfer in wrong.transfers)
        held = entry.suspense_fen + matched
        values = {"outcome": "SUSPENSE", "suspense_fen": held}
        if held == entry.amount_fen:
            values["enrolment_id"] = None
        return [Update(BankEntry, (entry.bank_entry_id,), values)]
    return []


def _entry(facts: Facts, wrong: Transaction) -> Record:
    name = next(name for name in _ENTRY if name in wrong.references)
    row = facts.get(BankEntry, UUID(wrong.references[name]))
    assert row is not None, "the bank entry was locked"
    return row


def _sealed(facts: Facts) -> Mapping[int, Transaction]:
    sealed: Mapping[int, Transaction] = facts.extra["sealed"]
    return sealed


def _place(wrong: Transaction) -> Place:
    references = wrong.references
    return Place(institution=UUID(references["institution"]), custody=UUID(references["custody"]))


def _seq(payload: Payload) -> int:
    return ids.parse_transaction(payload["transaction_id"])[1]
