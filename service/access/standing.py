"""What a caller is to see and do, and who may say so: administrators, each for their own body.

An institution's owner administers its own staff and systems, a regulator's security officer those
of the own scope, an operator's everybody below the own scope, with a second operator.
"""

import json
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.chain import canonical_json
from ledger.refusals import (
    ClientUnknown,
    DepartmentNotCompetent,
    DutiesApart,
    InstitutionUnknown,
    JurisdictionUnknown,
    PersonUnknown,
    RequestInvalid,
    VerbForbidden,
)
from service.identity.callers import DUTIES, Caller, Duty, Role, may_hold
from service.store import ids, reference, rows
from service.store.facts import Record
from service.store.tables import Institution

OPERATORS: Final = frozenset({Role.OPERATOR.value})
"""Who approves what an operator asks for."""

ADMINISTRATORS: Final = frozenset({Duty.OWNER, Duty.SECURITY})
"""Duties of who administers callers; no system has them."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A role with its scope and duties; `institution` of an institution's people and systems."""

    role: Role
    jurisdiction: str
    departments: tuple[str, ...] | None
    institution: UUID | None
    duties: frozenset[Duty]

    def columns(self) -> dict[str, Any]:
        """Return it as the columns of a person or client."""
        departments = None if self.departments is None else canonical_json(list(self.departments))
        return {
            "role": self.role.value,
            "jurisdiction_code": self.jurisdiction,
            "departments": departments,
            "institution_id": self.institution,
            "duties": canonical_json(sorted(self.duties)),
        }

    def said(self, journal: int) -> dict[str, Any]:
        """Return it as a second person reads it."""
        institution = None
        if self.institution is not None:
            institution = ids.public("ins", journal, self.institution)
        return {
            "role": self.role.value,
            "jurisdiction": self.jurisdiction,
            "departments": None if self.departments is None else list(self.departments),
            "institution_id": institution,
            "duties": sorted(self.duties),
        }


def standing_of(row: Record) -> Standing:
    """Return what a person's or client's row says."""
    departments = None if row.departments is None else tuple(json.loads(row.departments))
    duties = frozenset(Duty(duty) for duty in json.loads(row.duties))
    return Standing(Role(row.role), row.jurisdiction_code, departments, row.institution_id, duties)


def needs_two(by: Caller) -> bool:
    """Tell whether a second person approves: operators are nobody's own body."""
    return by.role is Role.OPERATOR


async def place(
    connection: AsyncConnection, by: Caller, wanted: Standing, journal: int | None = None
) -> tuple[Standing, int]:
    """Return what somebody is to be, checked, and the journal they stand in.

    An institution's people stand in its journal (`journal`, as its id says) and under its
    jurisdiction, whatever is asked.
    Raises `VerbForbidden` for a role that is not theirs to give, `JurisdictionUnknown`,
    `InstitutionUnknown`, `DepartmentNotCompetent`.
    """
    if by.role is not Role.OPERATOR and wanted.role is not by.role:
        raise VerbForbidden(role=by.role.value, gives=wanted.role.value)
    if wanted.role is Role.INSTITUTION:
        return await _at_institution(connection, by, wanted, journal)
    if wanted.institution is not None:
        raise RequestInvalid(reason="role_has_no_institution", pointer="/institution_id")
    node = await reference.jurisdiction(connection, wanted.jurisdiction)
    if node is None or not _within(by, node.path):
        raise JurisdictionUnknown(code=wanted.jurisdiction)
    if not _within_departments(by, wanted.departments):
        raise DepartmentNotCompetent(departments=sorted(wanted.departments or ()))
    below = await reference.journals_in(connection, node.path)
    home = below[0] if below else await reference.journal_of(connection, node.path)
    if home is None or home not in by.journals:
        raise JurisdictionUnknown(code=wanted.jurisdiction)
    return wanted, home


def require_duties(standing: Standing, *, system: bool) -> None:
    """Refuse duties that are not the role's, or that nobody holds together; raises `DutiesApart`.

    A system has no other eyes beside its own, so what is kept apart in people is not in it; but
    none administers callers.
    """
    duties, role = standing.duties, standing.role
    if system:
        fits = duties <= DUTIES[role] - ADMINISTRATORS and bool(duties or not DUTIES[role])
    else:
        fits = may_hold(role, duties)
    if not fits:
        raise DutiesApart(role=role.value, duties=sorted(duties))


async def require_administers(
    connection: AsyncConnection,
    by: Caller,
    row: Record,
    unknown: type[PersonUnknown] | type[ClientUnknown],
) -> None:
    """Refuse what is not the caller's to administer as if it were not there.

    Nobody administers themselves: raises `VerbForbidden`.
    """
    if row.caller_id == by.id:
        raise VerbForbidden(role=by.role.value, reason="own_access")
    standing = standing_of(row)
    if by.role is not Role.OPERATOR and standing.role is not by.role:
        raise unknown
    if by.role is Role.INSTITUTION:
        if standing.institution != by.institution:
            raise unknown
        return
    node = await reference.jurisdiction(connection, standing.jurisdiction)
    inside = node is not None and _within(by, node.path)
    if not inside or not _within_departments(by, standing.departments):
        raise unknown


async def _at_institution(
    connection: AsyncConnection, by: Caller, wanted: Standing, journal: int | None
) -> tuple[Standing, int]:
    institution = wanted.institution or by.institution
    journal = journal or (by.journal if by.institution is not None else None)
    if institution is None or journal not in by.journals:
        raise InstitutionUnknown
    if by.institution not in (None, institution):
        raise InstitutionUnknown
    if wanted.departments is not None:
        raise RequestInvalid(reason="institution_has_no_departments", pointer="/departments")
    assert journal is not None, "it is among the caller's"
    seen = rows.keyed(Institution, journal, [institution], "institution_id")
    node = await reference.jurisdiction_of(connection, journal)
    if not await rows.fetch(connection, seen) or node is None:
        raise InstitutionUnknown
    return replace(wanted, jurisdiction=node.code, institution=institution), journal


def _within(by: Caller, path: str) -> bool:
    return any(reference.is_within(path, scope) for scope in by.paths or (by.path,))


def _within_departments(by: Caller, departments: tuple[str, ...] | None) -> bool:
    if by.departments is None:
        return True
    return departments is not None and set(departments) <= set(by.departments)
