"""Admitting a contract that was missing from the register (补登记): what it is, and its row."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from service.store import ids, ported_enrolments
from service.store.contracts import FIRST_SCHEDULE, contract_of
from service.store.facts import Facts, Record
from service.store.tables import CustodyAccount, Enrolment
from service.wind_downs.found import institution_of
from service.wind_downs.register import IN_WIND_DOWN

LEGACY: Final = "LEGACY"


@dataclass(frozen=True, slots=True)
class Admission:
    """What the task force found of a missing contract."""

    origin: str
    subject: str
    lessons: int


def contract_behind(
    facts: Facts, row: Record, *, amount: Money | None, admission: Admission | None
) -> Contract | None:
    """Return the contract objected to; a missing one as it would be, None without an account."""
    if row.enrolment_id is not None:
        enrolment = facts.get(Enrolment, row.enrolment_id)
        assert enrolment is not None, "the enrolment was locked"
        return contract_of(enrolment)
    account = next(
        (
            account
            for account in facts.all(CustodyAccount)
            if account.institution_id == row.institution_id
            and account.is_default
            and account.purpose == "CUSTODY"
        ),
        None,
    )
    if account is None:
        return None
    return Contract(
        enrolment=enrolment_key(row),
        institution=row.institution_id,
        custody=account.custody_account_id,
        price=amount or ZERO,
        lessons_paid=1 if admission is None else admission.lessons,
    )


def enrolment_row(
    facts: Facts, case: Record, row: Record, contract: Contract, admission: Admission
) -> dict[str, Any]:
    """Make the row of an admitted contract: its price is what remained of it."""
    code = next(
        code
        for code in ported_enrolments.codes_of(contract.enrolment)
        if facts.by(Enrolment, ("payment_code",), code) is None
    )
    return {
        "enrolment_id": contract.enrolment,
        "institution_id": contract.institution,
        "course_id": None,
        "custody_account_id": contract.custody,
        "guardian_id": row.guardian_id,
        "student_id": row.student_id,
        "contract_number": row.contract_number,
        "template_version": None,
        "payment_code": code,
        "origin": admission.origin,
        "category": institution_of(facts, case).category,
        "subject": admission.subject,
        "price_fen": contract.price.fen,
        "lessons_paid": contract.lessons_paid,
        "lessons_gift": 0,
        "gift_in_schedule": False,
        "absence_counts": False,
        "list_lesson_fen": None,
        "materials_fen": 0,
        "time_card": False,
        **FIRST_SCHEDULE,
        **dict.fromkeys(("contract_on", "charged_on", "starts_on", "ends_on"), row.contract_on),
        "lapses_on": None,
        "received_fen": contract.price.fen,
        "lessons_confirmed": 0,
        "state": IN_WIND_DOWN,
        "policy_version": "none",
        "opened_at": facts.moment.now,
        "seq": facts.moment.next_seq,
    }


def enrolment_key(row: Record) -> UUID:
    """Return the id that an admitted contract gets; it follows from the objection."""
    return ids.derived(row.objection_id, "ENROLMENT")
