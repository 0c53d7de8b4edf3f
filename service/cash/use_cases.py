"""Use case of cash: a school reports what it took for an enrolment (E07).

Unlike a bank's line it is a command: what may not stand on the enrolment is refused, not held.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from ledger.refusals import (
    AmountOverCap,
    CourseNotFiled,
    CustodyAccountInvalid,
    DateInFuture,
    EnrolmentUnknown,
    InstitutionFrozen,
    Refusal,
    WrongState,
)
from ledger.rules.receipts import HeldReason
from service.bank_entries import payments
from service.bank_entries.collection_entries import CASH_REPORT, PENDING
from service.bank_entries.entries import decide_entry
from service.bank_entries.facts import EntryFact
from service.bank_entries.receive import load_entries, read_entries
from service.store import registry
from service.store.context import Context
from service.store.facts import Decision, Facts, Record
from service.store.tables import BankEntry, CustodyAccount, Enrolment
from service.store.transact import UseCase

_RULES: Final[Mapping[HeldReason, type[Refusal]]] = {
    HeldReason.WRONG_ACCOUNT: CustodyAccountInvalid,
    HeldReason.AFTER_FREEZE: InstitutionFrozen,
    HeldReason.COURSE_NOT_FILED: CourseNotFiled,
    HeldReason.OVER_CAP: AmountOverCap,
}


@dataclass(frozen=True, slots=True)
class TakeCash:
    """Cash taken for an enrolment, under the school's own reference."""

    journal: int
    bank_entry: UUID
    target: UUID
    reference: str
    amount: Money
    taken_on: date
    payer_name: str | None = field(repr=False)


async def find_enrolments(
    connection: AsyncConnection, caller: Context, commands: Sequence[TakeCash]
) -> list[EntryFact | Refusal]:
    """Find the enrolments in the caller's scope; each gives account and code."""
    wanted = {command.target for command in commands}
    seen = await registry.seen(connection, caller, Enrolment, commands[0].journal, wanted)
    return [
        _fact(command, seen[command.target]) if command.target in seen else EnrolmentUnknown()
        for command in commands
    ]


def decide_cash(facts: Facts, fact: EntryFact) -> Decision:
    """Credit the enrolment at once (E07); the same reference with the same content is a duplicate.

    Raises in order: `DateInFuture`, `BankEntryContradicted`, `CustodyAccountInvalid`,
    `InstitutionFrozen`, `WrongState` (closed or paid), `CourseNotFiled`, `AmountOverCap`.
    """
    if fact.book_on > facts.moment.today:
        raise DateInFuture(taken_on=fact.book_on.isoformat())
    known = facts.by(
        BankEntry, ("custody_account_id", "bank_ref"), fact.custody_account, fact.bank_ref
    )
    if known is None:
        _require_takes(facts, fact)
    decision = decide_entry(facts, fact)
    if decision.refusal is not None:
        # It is the school that says two things, and no bank: a command is only refused.
        raise decision.refusal
    return decision


TAKE_CASH: Final[UseCase[TakeCash, EntryFact]] = UseCase(
    "take_cash", find_enrolments, load_entries, decide_cash, read_entries
)


def _require_takes(facts: Facts, fact: EntryFact) -> None:
    account = facts.get(CustodyAccount, fact.custody_account)
    enrolment = facts.by(Enrolment, ("payment_code",), fact.payment_code)
    assert account is not None, "the custody account was locked"
    assert enrolment is not None, "the enrolment was locked"
    reason = payments.held_because(facts, fact, account, enrolment)
    if reason is None:
        return
    if reason not in _RULES:
        state = "PAID" if reason is HeldReason.EXCESS else enrolment.state
        raise WrongState(object="enrolment", state=state)
    raise _RULES[reason]


def _fact(command: TakeCash, enrolment: Record) -> EntryFact:
    return EntryFact(
        bank_entry=command.bank_entry,
        custody_account=enrolment.custody_account_id,
        bank_ref=f"CASH:{command.reference}",
        direction=PENDING,
        kind=CASH_REPORT,
        amount=command.amount,
        book_on=command.taken_on,
        value_on=command.taken_on,
        payment_code=enrolment.payment_code,
        order=None,
        payer_name=command.payer_name,
        payer_account=None,
        purpose=None,
    )
