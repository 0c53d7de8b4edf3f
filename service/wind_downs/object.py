"""Objections (异议): a parent asks for more than the register says, or for a contract not in it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from ledger.refusals import (
    AlreadyExists,
    AmountZero,
    DateInFuture,
    EntitlementUnknown,
    ObjectionTooLate,
    Refusal,
    WindDownUnknown,
    WrongState,
)
from ledger.transactions import Transaction, TransactionKind
from service.store import ids, registry, rows
from service.store.context import Context
from service.store.facts import Change, Decision, Facts, Insert, Record, Update
from service.store.parties import NewParty, PartyKind, party_added
from service.store.register_reads import objection_answer
from service.store.tables import ClaimNote, Enrolment, Entitlement, Objection, Party, WindDown
from service.store.transact import UseCase
from service.store.unit import Unit
from service.store.wind_down_steps import case_of, lock_cases, require_state

AMOUNT: Final = "AMOUNT"
MISSING: Final = "MISSING"
UNPLANNED: Final = ("REGISTER_PUBLISHED", "SET_OFF", "DEPOSIT_DRAWN")
"""States of a case in which its register may still grow."""


@dataclass(frozen=True, slots=True)
class Object:
    """A guardian asks for a higher amount; the note is personal data."""

    journal: int
    target: UUID
    objection: UUID
    asked: Money
    document_hash: str
    note: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Enter:
    """A guardian asks for a contract that is missing; `student` is the id its student may get.

    `guardians` are all that the caller is linked to, here and elsewhere.
    """

    journal: int
    target: UUID
    objection: UUID
    guardians: tuple[UUID, ...]
    student: UUID
    student_name: str = field(repr=False)
    contract_number: str
    contract_on: date
    asked: Money
    document_hash: str
    note: str | None = field(repr=False)


async def find_entitlements(
    connection: AsyncConnection, caller: Context, commands: Sequence[Object]
) -> list[Object | Refusal]:
    """Find the entitlements among the guardian's own."""
    return await registry.find_seen(connection, caller, commands, Entitlement, EntitlementUnknown)


async def load_object(unit: Unit, commands: Sequence[Object]) -> None:
    """Lock the cases as they stand, then the entitlements."""
    wanted = {command.target for command in commands}
    found = await unit.read(
        Entitlement, rows.keyed(Entitlement, unit.facts.journal, wanted, "entitlement_id")
    )
    await lock_cases(unit, {row.wind_down_id for row in found}, share=True)
    await unit.lock(Entitlement, wanted)


def decide_object(facts: Facts, command: Object) -> Decision:
    """File an objection. Raises `WrongState`, `ObjectionTooLate`, and `AmountZero` for no more."""
    entitlement = facts.get(Entitlement, command.target)
    assert entitlement is not None, "the entitlement was locked"
    case = case_of(facts, entitlement.wind_down_id)
    require_state(case, "REGISTER_PUBLISHED")
    if entitlement.state == "OBJECTED":
        raise WrongState(object="entitlement", state=entitlement.state)
    if facts.moment.today > case.objections_until:
        raise ObjectionTooLate(until=case.objections_until.isoformat())
    if command.asked.fen <= entitlement.claimed_fen:
        raise AmountZero(claimed=str(Money.from_fen(entitlement.claimed_fen)))
    row = _row(
        facts,
        case,
        command,
        {
            "kind": AMOUNT,
            "entitlement_id": entitlement.entitlement_id,
            "enrolment_id": entitlement.enrolment_id,
            "guardian_id": entitlement.guardian_id,
            "contract_number": entitlement.contract_number,
            "contract_on": entitlement.contract_on,
            "student_id": None,
        },
    )
    values = {"state": "OBJECTED", "seq": facts.moment.next_seq}
    changed = Update(Entitlement, (entitlement.entitlement_id,), values)
    return _filed(facts, row, command, (changed,))


async def find_named(
    _connection: AsyncConnection, caller: Context, commands: Sequence[Enter]
) -> list[Enter | Refusal]:
    """A guardian with no enrolment on file does not see the case; it is found by its id alone."""
    return [c if c.journal in caller.journals else WindDownUnknown() for c in commands]


async def load_enter(unit: Unit, commands: Sequence[Enter]) -> None:
    """Lock the cases as they stand."""
    await lock_cases(unit, {command.target for command in commands}, share=True)


async def read_enter(unit: Unit, commands: Sequence[Enter]) -> None:
    """Read what stands under the contract numbers already: enrolments and other objections."""
    pairs = set()
    for command in commands:
        case = unit.facts.get(WindDown, command.target)
        if case is not None:
            pairs.add((case.institution_id, command.contract_number))
    for table in (Enrolment, Objection):
        await unit.read_pairs(table, pairs, ("institution_id", "contract_number"))
    parties = {guardian for command in commands for guardian in command.guardians}
    await unit.read(Party, rows.keyed(Party, unit.facts.journal, parties, "party_id"))


def decide_enter(facts: Facts, command: Enter) -> Decision:
    """File a late entry.

    Raises `WindDownUnknown`, `WrongState`, `AlreadyExists` (the contract is on file, or this
    guardian already asked for it), `AmountZero` and `DateInFuture`.
    """
    case = facts.get(WindDown, command.target)
    if case is None:
        raise WindDownUnknown
    require_state(case, *UNPLANNED)
    number, guardian = command.contract_number, _guardian(facts, command, case)
    for row in facts.all(Enrolment):
        if (row.institution_id, row.contract_number) == (case.institution_id, number):
            raise AlreadyExists(object="enrolment", reference=number)
    for row in facts.all(Objection):
        same = (row.guardian_id, row.contract_number) == (guardian, number)
        if same and row.wind_down_id == case.wind_down_id and row.state == "FILED":
            raise AlreadyExists(object="objection", reference=number)
    if not command.asked:
        raise AmountZero
    if command.contract_on > facts.moment.today:
        raise DateInFuture(field="contract_on", date=command.contract_on.isoformat())
    filed = _row(
        facts,
        case,
        command,
        {
            "kind": MISSING,
            "entitlement_id": None,
            "enrolment_id": None,
            "guardian_id": guardian,
            "contract_number": number,
            "contract_on": command.contract_on,
            "student_id": command.student,
        },
    )
    student = NewParty(command.student, PartyKind.STUDENT, name=command.student_name)
    added = party_added(student, institution=case.institution_id, at=facts.moment.now)
    return _filed(facts, filed, command, (added,))


def _guardian(facts: Facts, command: Enter, case: Record) -> UUID:
    """As whom a parent asks: the guardian this institution knows, or one known beside it."""
    known = sorted(
        (row.institution_id != case.institution_id, guardian)
        for guardian in command.guardians
        if (row := facts.get(Party, guardian)) is not None
    )
    return known[0][1] if known else command.guardians[0]


def _row(
    facts: Facts, case: Record, command: Object | Enter, about: dict[str, Any]
) -> dict[str, Any]:
    moment = facts.moment
    return {
        "objection_id": command.objection,
        "wind_down_id": case.wind_down_id,
        "institution_id": case.institution_id,
        **about,
        "asked_fen": command.asked.fen,
        "document_hash": command.document_hash,
        "filed_at": moment.now,
        "filed_on": moment.today,
        "state": "FILED",
        "decided_fen": None,
        "decision_reason": None,
        "decided_by": None,
        "decided_on": None,
        "seq": moment.next_seq,
    }


def _filed(
    facts: Facts, row: dict[str, Any], command: Object | Enter, also: tuple[Change, ...]
) -> Decision:
    said = Transaction(
        TransactionKind.OBJECTION_FILED,
        references={
            "wind_down": str(row["wind_down_id"]),
            "institution": str(row["institution_id"]),
            "objection": str(row["objection_id"]),
            "asked_fen": str(row["asked_fen"]),
        },
        reason=row["kind"],
    )
    changes: list[Change] = [*also, Insert(Objection, row)]
    if command.note is not None:
        changes.append(Insert(ClaimNote, _note(facts, row, command.note)))
    return Decision(
        answer=objection_answer(facts.journal, Record(row)),
        transactions=(said,),
        changes=tuple(changes),
    )


def _note(facts: Facts, row: dict[str, Any], text: str) -> dict[str, Any]:
    return {
        "note_id": ids.derived(row["objection_id"], "NOTE"),
        "subject_id": row["objection_id"],
        "institution_id": row["institution_id"],
        "guardian_id": row["guardian_id"],
        "party": "GUARDIAN",
        "text": text,
        "written_at": facts.moment.now,
    }


OBJECT: Final[UseCase[Object, Object]] = UseCase(
    "object_to_register", find_entitlements, load_object, decide_object
)
ENTER: Final[UseCase[Enter, Enter]] = UseCase(
    "file_late_entry", find_named, load_enter, decide_enter, read_enter
)
