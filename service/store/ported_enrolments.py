"""The enrolment that a porting arrives at: paid at once, by money that was a student's already.

It is no charge, so no cap on charges is judged again. Its number follows from its payment code.
"""

import hashlib
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from ledger.entitlement import Contract
from service.store import payment_codes
from service.store.contracts import FIRST_SCHEDULE
from service.store.facts import Facts, Record
from service.store.tables import Enrolment

CODES: Final = 3
"""How many payment codes are tried before a clash is our mistake."""


def codes_of(enrolment: UUID) -> tuple[str, ...]:
    """Make the payment codes that this enrolment may get, the same whenever asked."""
    digests = (
        hashlib.sha256(enrolment.bytes + attempt.to_bytes(1)).digest() for attempt in range(CODES)
    )
    return tuple(payment_codes.make(int.from_bytes(digest[:8])) for digest in digests)


def enrolment_row(
    facts: Facts, contract: Contract, *, course: Record, before: Record
) -> dict[str, Any]:
    """Make the row of the receiving enrolment; `before` is the one that the student comes from.

    It lasts as long as that one did, from today. What stands under its codes was read.
    """
    today = facts.moment.today
    code = free_code(facts, contract.enrolment)
    return {
        "enrolment_id": contract.enrolment,
        "institution_id": contract.institution,
        "course_id": course.course_id,
        "custody_account_id": contract.custody,
        "guardian_id": before.guardian_id,
        "student_id": before.student_id,
        "contract_number": f"PTG-{code}",
        "template_version": None,
        "payment_code": code,
        "origin": "REGULAR",
        "category": course.category,
        "subject": course.subject,
        "price_fen": contract.price.fen,
        "lessons_paid": contract.lessons_paid,
        "lessons_gift": contract.lessons_gift,
        "gift_in_schedule": contract.gift_in_schedule,
        "absence_counts": course.absence_counts,
        "list_lesson_fen": course.list_lesson_fen,
        "materials_fen": 0,
        "time_card": False,
        **FIRST_SCHEDULE,
        "contract_on": today,
        "charged_on": today,
        "starts_on": today,
        "ends_on": today + max(before.ends_on - before.starts_on, timedelta()),
        "lapses_on": None,
        "received_fen": contract.price.fen,
        "lessons_confirmed": 0,
        "state": "ACTIVE",
        "policy_version": before.policy_version,
        "opened_at": facts.moment.now,
        "seq": facts.moment.next_seq,
    }


def free_code(facts: Facts, enrolment: UUID) -> str:
    """Return the first of an enrolment's codes that nobody has; they were read."""
    for code in codes_of(enrolment):
        if facts.by(Enrolment, ("payment_code",), code) is None:
            return code
    raise AssertionError("three codes of 44 bits are not all taken")
