"""Authorization: one pure function over role, duty, verb, scope and state.

`authorize(caller, verb, target)` says allowed, forbidden (the verb is not the caller's: 403) or
hidden (the object is not in the caller's scope: 404, as one that does not exist). The guard asks
it of every request without an object; objects are loaded through the scope, which row-level
security draws again below the application by the same rules.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final
from uuid import UUID

from service.identity.callers import Caller, Role
from service.identity.verbs import MAY, Verb
from service.store import reference
from service.store.context import Sight

COLLAPSED: Final = frozenset({"FROZEN", "WINDING_DOWN"})
"""States of an institution in which a task force (风险处置专班) sees its file."""


class Ruling(Enum):
    """What becomes of a request."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Target:
    """What an object shows of itself to the policy.

    `area` is the path of the authority that approved the institution (谁审批,谁监管), never its
    address; `institutions` are those the object belongs to (a porting has two), `guardians` whose
    child it is about, `state` the institution's. Empty `banks` or `guardians` are an object that
    no bank, or no parent, has any part in. `about_students` marks an object that shows single
    students and payers.
    """

    journal: int
    area: str
    department: str
    state: str
    institutions: frozenset[UUID]
    banks: frozenset[str] = frozenset()
    guardians: frozenset[UUID] = frozenset()
    about_students: bool = False


def authorize(caller: Caller, verb: Verb, target: Target | None = None) -> Ruling:
    """Rule on a request: the verb first, then whether the object is in the caller's scope."""
    if not may(caller, verb):
        return Ruling.FORBIDDEN
    if target is not None and not in_scope(caller, target):
        return Ruling.HIDDEN
    return Ruling.ALLOWED


def may(caller: Caller, verb: Verb) -> bool:
    """Tell whether a verb is for the caller's role and, where it has duties, for one of them."""
    duties = MAY[verb].get(caller.role)
    if duties is None:
        return False
    return not caller.duties or bool(caller.duties & duties)


def in_scope(caller: Caller, target: Target) -> bool:
    """Tell whether the caller sees the object, whatever it wants with it."""
    return (
        target.journal in caller.journals
        and _in_jurisdiction(caller, target)
        and _is_bound_to(caller, target)
        and _has_business(caller, target)
    )


def _in_jurisdiction(caller: Caller, target: Target) -> bool:
    """By approving authority, and by competent department where the caller is of one."""
    departments = caller.departments
    return reference.in_areas(target.area, caller.areas) and (
        departments is None or target.department in departments
    )


def _is_bound_to(caller: Caller, target: Target) -> bool:
    """A bound caller sees what its one institution, bank or child has a part in."""
    if caller.role is Role.INSTITUTION:
        return caller.institution in target.institutions
    if caller.role is Role.BANK:
        return caller.bank in target.banks
    if caller.role is Role.PARENT:
        return not target.guardians.isdisjoint(caller.parties)
    return True


def _has_business(caller: Caller, target: Target) -> bool:
    """An observer never sees students, a task force only collapsed institutions."""
    eyes = caller.context
    sights = {eyes.institutions, eyes.students} if target.about_students else {eyes.institutions}
    if Sight.NONE in sights:
        return False
    return Sight.COLLAPSED not in sights or target.state in COLLAPSED
