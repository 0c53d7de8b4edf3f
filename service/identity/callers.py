"""Callers: a role, and the part of the world it may see.

The role says which verbs, the scope which objects: a jurisdiction's subtree (and departments), an
institution, a bank or one parent. `Caller.context` is what row-level security sees with.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from service.store.context import Context, Sight
from service.store.evidence import Evidence
from service.store.reference import in_areas


class Role(StrEnum):
    """What a caller is (domain.md section 5.1)."""

    REGULATOR = "regulator"
    BANK = "bank"
    INSTITUTION = "institution"
    PARENT = "parent"
    OPERATOR = "operator"
    AUDITOR = "auditor"


class Duty(StrEnum):
    """What a person does within their role; systems and whole offices have every duty of it."""

    OWNER = "owner"
    FINANCE = "finance"
    ACADEMIC = "academic"
    TEACHER = "teacher"
    OFFICER = "officer"
    OBSERVER = "observer"
    TASK_FORCE = "task_force"
    SECURITY = "security"
    SYSTEM = "system"
    SUPPORT = "support"


DUTIES: Final[Mapping[Role, frozenset[Duty]]] = {
    Role.INSTITUTION: frozenset({Duty.OWNER, Duty.FINANCE, Duty.ACADEMIC, Duty.TEACHER}),
    Role.REGULATOR: frozenset({Duty.OFFICER, Duty.OBSERVER, Duty.TASK_FORCE, Duty.SECURITY}),
    Role.OPERATOR: frozenset({Duty.SYSTEM, Duty.SECURITY, Duty.SUPPORT}),
    Role.BANK: frozenset(),
    Role.PARENT: frozenset(),
    Role.AUDITOR: frozenset(),
}
"""The duties there are in each role (domain.md section 5.1); a role without any is not divided."""

APART: Final = (
    frozenset({Duty.FINANCE, Duty.ACADEMIC}),
    frozenset({Duty.FINANCE, Duty.TEACHER}),
    frozenset({Duty.OWNER, Duty.ACADEMIC}),
    frozenset({Duty.OWNER, Duty.TEACHER}),
    frozenset({Duty.OFFICER, Duty.SECURITY}),
    frozenset({Duty.SYSTEM, Duty.SECURITY}),
    frozenset({Duty.SYSTEM, Duty.SUPPORT}),
    frozenset({Duty.SECURITY, Duty.SUPPORT}),
)
"""Duties that no one person holds together: who records lessons asks for no payout, who
administers callers is none of those whom they administer."""


def may_hold(role: Role, duties: Collection[Duty]) -> bool:
    """Tell whether one person of a role may hold these duties, at least one where it is divided."""
    held = frozenset(duties)
    if not held <= DUTIES[role] or (DUTIES[role] and not held):
        return False
    return not any(pair <= held for pair in APART)


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller; `path` is the scope prefix of its jurisdiction ("" is the nation).

    `id` names the caller for ever (a system or a person), whatever token it carries. `parties` are
    the guardians a parent is linked to; `parent` is the person itself. No `duties` are all duties
    of the role. `paths` are `path` and those of abolished codes that it succeeded; `areas` are the
    same where its journals hold institutions of other authorities too. `signature` is the proof
    that a bank signed this very request. A person comes in a `session`, on a `device`, and showed
    its second factor last at `authenticated_at`.
    """

    id: str
    role: Role
    journals: tuple[int, ...]
    path: str = ""
    departments: tuple[str, ...] | None = None
    institution: UUID | None = None
    bank: str | None = None
    parties: tuple[UUID, ...] = ()
    parent: UUID | None = None
    duties: frozenset[Duty] = frozenset()
    paths: tuple[str, ...] = ()
    areas: tuple[str, ...] | None = None
    signature: Evidence | None = None
    session: str | None = None
    device: str | None = None
    authenticated_at: datetime | None = None

    @property
    def context(self) -> Context:
        """The eyes its reads see with."""
        return Context(
            self.journals,
            institution=self.institution,
            bank=self.bank,
            parties=self.parties if self.role is Role.PARENT else None,
            parent=self.parent,
            departments=self.departments,
            areas=self.areas,
            institutions=Sight.COLLAPSED if self._sees(Duty.TASK_FORCE) else Sight.ALL,
            students=self._students,
            caller=self.id,
        )

    @property
    def _students(self) -> Sight:
        """Whose students it sees: an observer none, a task force those of collapsed ones."""
        if self.role is not Role.REGULATOR or not self.duties or Duty.OFFICER in self.duties:
            return Sight.ALL
        return Sight.COLLAPSED if Duty.TASK_FORCE in self.duties else Sight.NONE

    def _sees(self, *duties: Duty) -> bool:
        """Tell whether it sees by these duties of a regulator and by no other."""
        return self.role is Role.REGULATOR and self.duties == frozenset(duties)

    def covers(self, path: str) -> bool:
        """Tell whether a jurisdiction's path lies in the caller's, or in one that it succeeded."""
        return in_areas(path, self.paths or (self.path,))

    @property
    def journal(self) -> int:
        """The one journal of a caller bound to an institution."""
        assert len(self.journals) == 1, "only a bound caller has one journal"
        return self.journals[0]
