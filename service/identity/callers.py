"""Callers: a role, and the part of the world it may see.

The role says which verbs, the scope which objects: a jurisdiction's subtree (and departments), an
institution, a bank or one parent. `Caller.context` is what row-level security sees with.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from service.store.context import Context


class Role(StrEnum):
    """What a caller is (domain.md section 5.1)."""

    REGULATOR = "regulator"
    BANK = "bank"
    INSTITUTION = "institution"
    PARENT = "parent"
    OPERATOR = "operator"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller; `path` is the scope prefix of its jurisdiction ("" is the nation).

    `id` names the caller for ever (a system or a person), whatever token it carries.
    """

    id: str
    role: Role
    journals: tuple[int, ...]
    path: str = ""
    departments: tuple[str, ...] | None = None
    institution: UUID | None = None
    bank: str | None = None
    party: UUID | None = None

    @property
    def context(self) -> Context:
        """The eyes its reads see with."""
        return Context(
            self.journals,
            institution=self.institution,
            bank=self.bank,
            party=self.party,
            departments=self.departments,
        )

    @property
    def journal(self) -> int:
        """The one journal of a caller bound to an institution or a student's guardian."""
        assert len(self.journals) == 1, "only a bound caller has one journal"
        return self.journals[0]
