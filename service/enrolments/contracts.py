"""What every way of taking on a contract shares: its row, its answer, and asking twice.

A contract number is the institution's own and stands once: with the same content it is answered
with what stands, with other content it is refused.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

from ledger.money import Money
from ledger.refusals import AlreadyExists
from service.enrolments.people import People, is_same, read_people
from service.store import ids, payment_codes, rows
from service.store.contracts import FIRST_SCHEDULE
from service.store.facts import Decision, Facts, Record
from service.store.tables import Enrolment
from service.store.unit import Unit

CODES: Final = 3
"""How many payment codes are tried for one enrolment before a clash is our mistake."""

_STATED: Final = (
    "course_id",
    "template_version",
    "origin",
    "category",
    "subject",
    "price_fen",
    "lessons_paid",
    "lessons_gift",
    "contract_on",
    "charged_on",
    "starts_on",
    "ends_on",
)


class Taken(Protocol):
    """A contract somebody asks to take on."""

    @property
    def enrolment(self) -> UUID:
        """The id it may get."""

    @property
    def contract_number(self) -> str:
        """The institution's own number of it."""

    @property
    def people(self) -> People:
        """Guardian and student."""


async def read_standing(unit: Unit, taken: Sequence[tuple[UUID, Taken]]) -> list[Record]:
    """Read, under the head, what already stands under these contract numbers and payment codes."""
    pairs = {(institution, contract.contract_number) for institution, contract in taken}
    known = await unit.read_pairs(Enrolment, pairs, ("institution_id", "contract_number"))
    codes = {code for _, contract in taken for code in _codes(contract.enrolment)}
    await unit.read(Enrolment, rows.keyed(Enrolment, unit.facts.journal, codes, "payment_code"))
    also = {party for row in known for party in (row.guardian_id, row.student_id)}
    await read_people(unit, [contract.people for _, contract in taken], also)
    return known


def row_of(
    facts: Facts,
    contract: Taken,
    *,
    institution: UUID,
    custody: UUID | None,
    stated: Mapping[str, Any],
) -> dict[str, Any]:
    """Make the row of a new enrolment; `stated` is what the contract says of itself."""
    return {
        "enrolment_id": contract.enrolment,
        "institution_id": institution,
        "custody_account_id": custody,
        "guardian_id": contract.people.guardian.party,
        "student_id": contract.people.student.party,
        "contract_number": contract.contract_number,
        "payment_code": _free_code(facts, contract.enrolment),
        "lessons_confirmed": 0,
        **FIRST_SCHEDULE,
        "opened_at": facts.moment.now,
        "seq": facts.moment.next_seq,
        **stated,
    }


def asked_again(
    facts: Facts, contract: Taken, institution: UUID, stated: Mapping[str, Any]
) -> Decision | None:
    """Answer a contract number that stands with the same content; None when it is free.

    Raises `AlreadyExists` when it stands with other content.
    """
    number = contract.contract_number
    known = facts.by(Enrolment, ("institution_id", "contract_number"), institution, number)
    if known is None:
        return None
    people = contract.people
    same = (
        all(known[name] == stated[name] for name in _STATED)
        and is_same(facts, people.guardian, known.guardian_id)
        and is_same(facts, people.student, known.student_id)
    )
    if not same:
        raise AlreadyExists(object="enrolment", reference=number)
    return Decision(answer=answer_of(facts.journal, known), duplicate=True)


def answer_of(journal: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """Tell an enrolment by ids, dates and amounts; never who it is about."""
    course, lapses_on, listed = row["course_id"], row["lapses_on"], row["list_lesson_fen"]
    return {
        "id": ids.public("enr", journal, row["enrolment_id"]),
        "institution_id": ids.public("ins", journal, row["institution_id"]),
        "course_id": None if course is None else ids.public("crs", journal, course),
        "custody_account_id": ids.public("cus", journal, row["custody_account_id"]),
        "guardian_id": ids.public("pty", journal, row["guardian_id"]),
        "student_id": ids.public("pty", journal, row["student_id"]),
        "contract_number": row["contract_number"],
        "template_version": row["template_version"],
        "payment_code": row["payment_code"],
        "origin": row["origin"],
        "category": row["category"],
        "subject": row["subject"],
        "state": row["state"],
        "price": str(Money.from_fen(row["price_fen"])),
        "list_lesson_price": None if listed is None else str(Money.from_fen(listed)),
        "materials": str(Money.from_fen(row["materials_fen"])),
        "time_card": row["time_card"],
        "schedule_version": row["schedule_version"],
        "received": str(Money.from_fen(row["received_fen"])),
        "lessons_paid": row["lessons_paid"],
        "lessons_gift": row["lessons_gift"],
        "lessons_confirmed": row["lessons_confirmed"],
        "contract_on": row["contract_on"].isoformat(),
        "charged_on": row["charged_on"].isoformat(),
        "starts_on": row["starts_on"].isoformat(),
        "ends_on": row["ends_on"].isoformat(),
        "lapses_on": None if lapses_on is None else lapses_on.isoformat(),
    }


def _free_code(facts: Facts, enrolment: UUID) -> str:
    for code in _codes(enrolment):
        if facts.by(Enrolment, ("payment_code",), code) is None:
            return code
    raise AssertionError("three codes of 44 bits are not all taken")


def _codes(enrolment: UUID) -> tuple[str, ...]:
    """Make the codes an enrolment may get from its id, so that deciding draws no chance."""
    digests = (
        hashlib.sha256(enrolment.bytes + attempt.to_bytes(1)).digest() for attempt in range(CODES)
    )
    return tuple(payment_codes.make(int.from_bytes(digest[:8])) for digest in digests)
