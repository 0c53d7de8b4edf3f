"""Unpaid enrolments lapse: what came goes to suspense by the entry that brought it, then back."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Account, Reason
from ledger.money import Money
from ledger.refusals import WrongState
from ledger.rules import enrolments as rules
from ledger.rules.receipts import HeldReason
from service.enrolments.contracts import answer_of
from service.store import rows
from service.store.context import Context
from service.store.contracts import contract_of, place_of
from service.store.facts import Decision, Facts, Record, Update
from service.store.tables import BankEntry, Enrolment
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class LapseEnrolment:
    """An enrolment whose last day to be paid has passed."""

    enrolment: UUID


async def _find(
    _connection: AsyncConnection, _caller: Context, commands: Sequence[LapseEnrolment]
) -> list[LapseEnrolment]:
    return list(commands)


async def _load(unit: Unit, found: Sequence[LapseEnrolment]) -> None:
    enrolments = {item.enrolment for item in found}
    await unit.lock(Enrolment, enrolments)
    statement = rows.keyed(BankEntry, unit.facts.journal, enrolments, "enrolment_id")
    entries: dict[UUID, list[UUID]] = defaultdict(list)
    for row in await unit.lock_where(BankEntry, statement):
        entries[row.enrolment_id].append(row.bank_entry_id)
    unit.facts.extra["entries"] = entries


async def _read(unit: Unit, _found: Sequence[LapseEnrolment]) -> None:
    accounts: list[Account] = []
    for enrolment in unit.facts.all(Enrolment):
        contract = contract_of(enrolment)
        accounts.append(contract.prepaid)
        for reason in (Reason.PAID, Reason.GIFT):
            accounts += [contract.units_contracted(reason), contract.units_granted(reason)]
    for entry in unit.facts.all(BankEntry):
        accounts.append(place_of(entry).suspense(entry.bank_entry_id))
    await unit.balances(accounts)


def _decide(facts: Facts, found: LapseEnrolment) -> Decision:
    enrolment = facts.get(Enrolment, found.enrolment)
    assert enrolment is not None, "the enrolment was locked"
    due = enrolment.lapses_on
    if enrolment.state != "AWAITING_PAYMENT" or due is None or due >= facts.moment.today:
        raise WrongState(object="enrolment", state=enrolment.state)
    named = (facts.get(BankEntry, entry) for entry in facts.extra["entries"][found.enrolment])
    entries = [row for row in named if row is not None and row.amount_fen > row.suspense_fen]
    received = {
        row.bank_entry_id: Money.from_fen(row.amount_fen - row.suspense_fen) for row in entries
    }
    if sum(part.fen for part in received.values()) != enrolment.received_fen:
        raise WrongState(object="enrolment", state="RECEIPTS_UNCLEAR")
    values = {"state": "LAPSED", "received_fen": 0, "seq": facts.moment.next_seq}
    return Decision(
        answer=answer_of(facts.journal, Record({**enrolment, **values})),
        transactions=(rules.enrolment_lapsed(contract_of(enrolment), received=received),),
        changes=(
            Update(Enrolment, (found.enrolment,), values),
            *(_held(row) for row in entries),
        ),
    )


def _held(entry: Record) -> Update:
    return Update(
        BankEntry,
        (entry.bank_entry_id,),
        {
            "outcome": "SUSPENSE",
            "suspense_reason": HeldReason.ENROLMENT_CLOSED.value,
            "suspense_fen": entry.amount_fen,
        },
    )


LAPSE: Final = UseCase("lapse_enrolment", _find, _load, _decide, _read)
