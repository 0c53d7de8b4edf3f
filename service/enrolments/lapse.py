"""Unpaid enrolments lapse: what came goes to suspense by the entry that brought it, then back."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Account, Reason
from ledger.money import ZERO, Money, total
from ledger.refusals import InstitutionFrozen, WrongState
from ledger.rules import enrolments as rules
from ledger.rules.receipts import HeldReason
from service.enrolments.contracts import answer_of
from service.store import rows, standing
from service.store.context import Context
from service.store.contracts import contract_of, place_of
from service.store.facts import Decision, Facts, Record, Update
from service.store.tables import BankEntry, Enrolment, Institution
from service.store.transact import UseCase
from service.store.unit import Unit

_BROUGHT: Final = text(
    """
    SELECT prepaid.owner_id AS enrolment_id,
           coalesce(named.refs ->> 'bank_entry', named.refs ->> 'receipt')::uuid AS bank_entry_id,
           sum(step.amount) AS fen
    FROM escrow.account AS prepaid
    JOIN escrow.entry AS step
      ON step.journal_id = prepaid.journal_id AND step.account_id = prepaid.account_id
    JOIN escrow.journal_transaction AS sealed
      ON sealed.journal_id = step.journal_id AND sealed.seq = step.seq
    CROSS JOIN LATERAL (SELECT sealed.refs::jsonb AS refs) AS named
    WHERE prepaid.journal_id = :journal AND prepaid.kind = 'STUDENT_PREPAID'
      AND prepaid.owner_id = ANY(:enrolments)
      AND (named.refs ? 'bank_entry' OR named.refs ? 'receipt')
    GROUP BY 1, 2 HAVING sum(step.amount) <> 0
    """
).bindparams(bindparam("enrolments", type_=ARRAY(Uuid)))
"""What each bank entry brought to an enrolment: an entry may have been parted over several."""


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
    known = await unit.read(
        Enrolment, rows.keyed(Enrolment, unit.facts.journal, enrolments, "enrolment_id")
    )
    await unit.lock(Institution, {row.institution_id for row in known}, share=True)
    await unit.lock(Enrolment, enrolments)
    brought: dict[UUID, dict[UUID, Money]] = defaultdict(dict)
    # Whatever brings money to an enrolment locks it first, so this stands until the commit.
    for row in await unit.query(
        _BROUGHT, journal=unit.facts.journal, enrolments=sorted(enrolments)
    ):
        brought[row["enrolment_id"]][row["bank_entry_id"]] = Money.from_fen(int(row["fen"]))
    unit.facts.extra["brought"] = brought
    await unit.lock(BankEntry, {entry for parts in brought.values() for entry in parts})


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
    institution = facts.get(Institution, enrolment.institution_id)
    if institution is None or institution.state in standing.FROZEN:
        raise InstitutionFrozen
    received = _left(facts.extra["brought"].get(found.enrolment, {}))
    if total([*received.values()]).fen != enrolment.received_fen:
        raise WrongState(object="enrolment", state="RECEIPTS_UNCLEAR")
    values = {"state": "LAPSED", "received_fen": 0, "seq": facts.moment.next_seq}
    return Decision(
        answer=answer_of(facts.journal, Record({**enrolment, **values})),
        transactions=(rules.enrolment_lapsed(contract_of(enrolment), received=received),),
        changes=(
            Update(Enrolment, (found.enrolment,), values),
            *(_held(facts, entry, part) for entry, part in received.items()),
        ),
    )


def _left(brought: Mapping[UUID, Money]) -> dict[UUID, Money]:
    """Return what is left of each receipt; a chargeback took from the newest first (E31)."""
    taken = -sum((part for part in brought.values() if part < ZERO), ZERO)
    left: dict[UUID, Money] = {}
    for entry, part in sorted(brought.items(), reverse=True):
        if part > ZERO:
            gone = min(part, taken)
            taken -= gone
            left[entry] = part - gone
    return {entry: part for entry, part in sorted(left.items()) if part}


def _held(facts: Facts, entry: UUID, part: Money) -> Update:
    """Let the part of a bank entry that came to the enrolment stand in suspense again."""
    row = facts.get(BankEntry, entry)
    assert row is not None, "the bank entry was locked"
    values = {
        "outcome": "SUSPENSE",
        "suspense_reason": HeldReason.ENROLMENT_CLOSED.value,
        "suspense_fen": row.suspense_fen + part.fen,
    }
    return Update(BankEntry, (entry,), values)


LAPSE: Final = UseCase("lapse_enrolment", _find, _load, _decide, _read)
