"""What stands in the way of a live porting: at the institution left, and at the receiving one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import select

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.refusals import (
    CourseNotFiled,
    CustodyAccountInvalid,
    EnrolmentBlocked,
    NothingToRefund,
    WrongState,
)
from ledger.rules import claims, portings
from ledger.rules.debts import Debt
from service.store import claim_progress, rows, standing
from service.store.contracts import contract_of
from service.store.facts import Facts, Record
from service.store.tables import Course, CustodyAccount, Enrolment, Institution, Porting
from service.store.unit import Unit

OPEN: Final = frozenset({"CHOSEN", "INSTRUCTED", "SENT"})
"""States of a porting that has not ended."""

UNITS: Final = (Reason.PAID, Reason.GIFT)


@dataclass(frozen=True, slots=True)
class Ends:
    """The two ends of a live porting: the enrolment left, and the course it goes to."""

    enrolment: UUID
    institution: UUID
    custody: UUID
    guardian: UUID
    course: UUID
    to_institution: UUID
    to_custody: UUID | None


async def lock_ends(unit: Unit, ends: Sequence[Ends]) -> None:
    """Lock both institutions and custody accounts, shared, and the enrolments left."""
    both = {i for end in ends for i in (end.institution, end.to_institution)}
    await unit.lock(Institution, both, share=True)
    accounts = {c for end in ends for c in (end.custody, end.to_custody) if c is not None}
    await unit.lock(CustodyAccount, accounts, share=True)
    await unit.lock(Enrolment, {end.enrolment for end in ends})


async def read_ends(unit: Unit, ends: Sequence[Ends]) -> None:
    """Read restraints, claims, portings and balances under the head."""
    journal = unit.facts.journal
    await unit.read(Course, rows.keyed(Course, journal, {e.course for e in ends}, "course_id"))
    await unit.restraints(
        {t for end in ends for t in (end.enrolment, end.institution, end.to_institution)}
    )
    await claim_progress.open_claims(unit, {end.enrolment for end in ends})
    source = rows.table_of(Porting)
    await unit.read(
        Porting,
        select(source).where(
            source.c.journal_id == journal,
            source.c.guardian_id.in_(sorted({end.guardian for end in ends})),
            source.c.state.in_(sorted(OPEN)),
        ),
    )
    await unit.balances(
        account for row in unit.facts.all(Enrolment) for account in _accounts(contract_of(row))
    )


def require_portable(facts: Facts, ends: Ends, *, porting: UUID) -> Money:
    """Return what would be carried, all that is funded of the enrolment.

    Refused in order: `WrongState`, `InstitutionFrozen`, `EnrolmentStopped`, `EnrolmentBlocked` (a
    claim, or another porting), `LessonsUnsettled`, `CourseNotFiled`, `CustodyAccountInvalid`,
    `NothingToRefund`.
    """
    enrolment = _enrolment(facts, ends)
    if enrolment.state != "ACTIVE":
        raise WrongState(object="enrolment", state=enrolment.state)
    if ends.institution == ends.to_institution:
        raise WrongState(object="course", state="OWN_INSTITUTION")
    standing.require_answerable(facts, ends.institution)
    standing.require_enrolling(facts, ends.to_institution)
    standing.require_unblocked(facts, ends.enrolment)
    claim_progress.require_no_claim(facts, ends.enrolment)
    if _others(facts, ends, porting):
        raise EnrolmentBlocked(cause="porting")
    contract = contract_of(enrolment)
    balance = facts.book.balance
    claims.require_settled(balance(contract.pending), balance(contract.disputed))
    _require_receiving(facts, ends)
    carried = _funded(facts, contract)
    if carried == ZERO:
        raise NothingToRefund
    return carried


def units_left(facts: Facts, enrolment: Record) -> dict[Reason, int]:
    """Return the lessons left of an enrolment, paid and gift."""
    contract = contract_of(enrolment)
    return {reason: facts.book.quantity(contract.units_granted(reason)) for reason in UNITS}


def _require_receiving(facts: Facts, ends: Ends) -> None:
    course = facts.get(Course, ends.course)
    assert course is not None, "the course was found"
    if course.state != "FILED":
        raise CourseNotFiled(state=course.state)
    account = None if ends.to_custody is None else facts.get(CustodyAccount, ends.to_custody)
    if account is None or account.state != "ACTIVE" or account.purpose != "CUSTODY":
        raise CustodyAccountInvalid


def _funded(facts: Facts, contract: Contract) -> Money:
    """L1 without what the institution still owes on this contract, or holds itself (A7)."""
    unfunded = [
        Debt(account, facts.book.balance(account))
        for account in (contract.legacy, contract.diversion)
    ]
    backed = portings.funded_part(
        contract, prepaid=facts.book.balance(contract.prepaid), unfunded=unfunded
    )
    return max(backed - facts.book.balance(contract.held), ZERO)


def _others(facts: Facts, ends: Ends, porting: UUID) -> list[Record]:
    return [
        row
        for row in facts.all(Porting)
        if row.enrolment_id == ends.enrolment and row.state in OPEN and row.porting_id != porting
    ]


def _accounts(contract: Contract) -> Iterable[Account]:
    return (
        contract.prepaid,
        contract.pending,
        contract.disputed,
        contract.legacy,
        contract.diversion,
        contract.held,
        *(contract.units_granted(reason) for reason in UNITS),
        *(contract.units_contracted(reason) for reason in UNITS),
    )


def _enrolment(facts: Facts, ends: Ends) -> Record:
    row = facts.get(Enrolment, ends.enrolment)
    assert row is not None, "the enrolment was found and locked"
    return row
