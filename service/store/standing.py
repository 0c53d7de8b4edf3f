"""Whether an institution may enrol, teach and be confirmed: its state, and restraints on it.

A use case reads `unit.restraints(...)` of the institutions (and enrolments) under the head lock
and locks the institutions FOR SHARE; these checks then raise in the documented order, state
before restraint.
"""

from typing import Final
from uuid import UUID

from ledger.refusals import EnrolmentBlocked, EnrolmentStopped, InstitutionFrozen, WrongState
from service.store.claim_progress import require_no_claim
from service.store.facts import Facts, Record
from service.store.tables import Institution, Restraint

FROZEN: Final = frozenset({"FROZEN", "WINDING_DOWN"})
STOPPED: Final = frozenset({"ENROLMENT_SUSPENDED", "SUSPENDED"})
TEACHING: Final = frozenset({"LICENSED", "ENROLMENT_SUSPENDED", "EXITING"})
ANSWERABLE: Final = TEACHING | {"SUSPENDED"}
"""States in which lessons that were held may still be confirmed by the parent."""


def require_enrolling(facts: Facts, institution: UUID) -> None:
    """Refuse a new enrolment unless the institution is LICENSED and unrestrained.

    Raises `WrongState`, then `InstitutionFrozen` and `EnrolmentStopped`.
    """
    row = _institution(facts, institution)
    if row.state not in FROZEN | STOPPED | {"LICENSED"}:
        raise WrongState(object="institution", state=row.state)
    if row.state in FROZEN or restrained(facts, institution, "FREEZE"):
        raise InstitutionFrozen
    if row.state in STOPPED or restrained(facts, institution, "ENROL_STOP"):
        raise EnrolmentStopped


def require_teaching(facts: Facts, institution: UUID) -> None:
    """Refuse to record a lesson unless the institution may teach.

    Raises `WrongState`, then `InstitutionFrozen`.
    """
    _require(facts, institution, TEACHING)


def require_answerable(facts: Facts, institution: UUID) -> None:
    """Refuse to confirm a lesson while the institution is frozen or gone.

    Raises `WrongState`, then `InstitutionFrozen`.
    """
    _require(facts, institution, ANSWERABLE)


def require_unblocked(facts: Facts, enrolment: UUID) -> None:
    """Refuse what moves an enrolment's money while it is blocked itself: `EnrolmentBlocked`.

    A freeze of its own blocks it, and so does an open claim (I-17, I-28), which the use case reads
    by `claim_progress.open_claims`.
    """
    require_not_restrained(facts, enrolment)
    require_no_claim(facts, enrolment)


def require_not_restrained(facts: Facts, enrolment: UUID) -> None:
    """Refuse what moves the money of an enrolment that is frozen itself: `EnrolmentBlocked`."""
    if restrained(facts, enrolment, "FREEZE"):
        raise EnrolmentBlocked


def restrained(facts: Facts, target: UUID, kind: str) -> bool:
    """Tell whether a restraint of this kind is in force on a target."""
    return facts.by(Restraint, ("target_id", "kind"), target, kind) is not None


def _require(facts: Facts, institution: UUID, allowed: frozenset[str]) -> None:
    row = _institution(facts, institution)
    if row["state"] not in allowed | FROZEN:
        raise WrongState(object="institution", state=row["state"])
    if row["state"] in FROZEN or restrained(facts, institution, "FREEZE"):
        raise InstitutionFrozen


def _institution(facts: Facts, institution: UUID) -> Record:
    row = facts.get(Institution, institution)
    assert row is not None, "the institution was locked"
    return row
