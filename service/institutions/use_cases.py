"""Use cases of the register: enter an institution, and tell what it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import (
    AlreadyExists,
    DateInFuture,
    DepartmentNotCompetent,
    JurisdictionUnknown,
    Refusal,
    VerbForbidden,
)
from ledger.transactions import Transaction, TransactionKind
from service.institutions.commands import Register
from service.store import ids, reference
from service.store.context import Context
from service.store.facts import Change, Decision, Facts, Insert, Record
from service.store.parties import party_added
from service.store.tables import Institution, InstitutionArea
from service.store.transact import UseCase
from service.store.unit import Unit

STATED = ("name", "category", "jurisdiction_code", "department")
"""What an institution entered a second time must say again to be the same."""


@dataclass(frozen=True, slots=True)
class Registering:
    """A registration with the path of the jurisdiction it is for."""

    command: Register
    area: str


async def jurisdiction_in_scope(
    connection: AsyncConnection, caller: Context, code: str
) -> tuple[Record, int]:
    """Return a jurisdiction and the journal its institutions belong to.

    Raises `JurisdictionUnknown` when there is none or its journal is not in the caller's scope.
    """
    node = await reference.jurisdiction(connection, code)
    journal = None if node is None else await reference.journal_of(connection, node.path)
    if node is None or journal is None or journal not in caller.journals:
        raise JurisdictionUnknown(code=code)
    if not reference.in_areas(node.path, caller.areas):
        raise JurisdictionUnknown(code=code)
    return node, journal


def require_competent(node: Record, department: str, caller: Context) -> None:
    """Refuse a department the caller does not speak for, or the jurisdiction does not have."""
    if caller.departments is not None and department not in caller.departments:
        raise VerbForbidden(department=department)
    if department not in reference.departments_of(node):
        raise DepartmentNotCompetent(department=department)


async def find_registering(
    connection: AsyncConnection, caller: Context, commands: Sequence[Register]
) -> list[Registering | Refusal]:
    """Find the jurisdiction each registration is for."""
    found: list[Registering | Refusal] = []
    for command in commands:
        try:
            node, journal = await jurisdiction_in_scope(
                connection, caller, command.jurisdiction_code
            )
            require_competent(node, command.department, caller)
        except Refusal as refusal:
            found.append(refusal)
            continue
        assert journal == command.journal, "the route asked for the journal of this jurisdiction"
        found.append(Registering(command, node.path))
    return found


async def load_nothing(_unit: Unit, _found: Sequence[Any]) -> None:
    """For what is new: there is nothing to lock."""


async def read_registrations(unit: Unit, found: Sequence[Registering]) -> None:
    """Read the institutions that have these business registrations."""
    codes = {(item.command.business_registration,) for item in found}
    await unit.read_pairs(Institution, codes, ("business_registration",))


def decide_registering(facts: Facts, found: Registering) -> Decision:
    """Enter an institution once for its business registration (统一社会信用代码)."""
    command, today = found.command, facts.moment.today
    code = command.business_registration
    standing = facts.by(Institution, ("business_registration",), code)
    if standing is not None:
        if any(standing[name] != getattr(command, name) for name in STATED):
            raise AlreadyExists(business_registration=code)
        return Decision(answer=answer_of(facts.journal, standing), duplicate=True)
    registered_on = command.registered_on or today
    if registered_on > today:
        raise DateInFuture(registered_on=registered_on.isoformat())
    party = command.settlement
    row = {
        "institution_id": command.institution,
        "name": command.name,
        "jurisdiction_code": command.jurisdiction_code,
        "area": found.area,
        "department": command.department,
        "category": command.category.value,
        "business_registration": code,
        "school_licence": command.school_licence,
        "licence_valid_until": command.licence_valid_until,
        "responsible_officer": command.responsible_officer,
        "settlement_party_id": None if party is None else party.party,
        "state": "REGISTERED",
        "version": 1,
        "registered_on": registered_on,
        "seq": facts.moment.next_seq,
    }
    changes: list[Change] = [Insert(Institution, row), Insert(InstitutionArea, _area(facts, row))]
    if party is not None:
        owner = command.institution
        changes.append(party_added(party, institution=owner, at=facts.moment.now))
    return Decision(
        answer=answer_of(facts.journal, Record(row)),
        transactions=(registered(row),),
        changes=tuple(changes),
    )


def _area(facts: Facts, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "institution_id": row["institution_id"],
        "valid_from": facts.moment.today,
        "valid_to": None,
        "jurisdiction_code": row["jurisdiction_code"],
        "area": row["area"],
        "department": row["department"],
    }


def registered(row: Mapping[str, Any]) -> Transaction:
    """Say that an institution was entered, and where."""
    return Transaction(
        TransactionKind.INSTITUTION_REGISTERED,
        references={
            "institution": str(row["institution_id"]),
            "jurisdiction": row["jurisdiction_code"],
            "department": row["department"],
        },
    )


def changed(institution: UUID, reason: str | None = None, **facts: str) -> Transaction:
    """Say what of an institution changed."""
    return Transaction(
        TransactionKind.INSTITUTION_CHANGED,
        references={"institution": str(institution), **facts},
        reason=reason,
    )


def answer_of(journal: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """Tell what an institution is; its settlement account by opaque id only."""
    until, party = row["licence_valid_until"], row["settlement_party_id"]
    return {
        "id": ids.public("ins", journal, row["institution_id"]),
        "name": row["name"],
        "jurisdiction_code": row["jurisdiction_code"],
        "department": row["department"],
        "category": row["category"],
        "business_registration": row["business_registration"],
        "school_licence": row["school_licence"],
        "licence_valid_until": None if until is None else until.isoformat(),
        "responsible_officer": row["responsible_officer"],
        "settlement_party_id": None if party is None else ids.public("pty", journal, party),
        "state": row["state"],
        "version": row["version"],
        "registered_on": row["registered_on"].isoformat(),
    }


REGISTER = UseCase(
    "register_institution",
    find_registering,
    load_nothing,
    decide_registering,
    read_registrations,
)
