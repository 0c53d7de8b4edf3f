"""Use cases of filing: an institution hands in a course, singly or many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.filings import check_filing
from ledger.money import Money
from ledger.parameters import Category
from ledger.refusals import (
    AlreadyExists,
    CategoryMismatch,
    CustodyAccountInvalid,
    CustodyAccountUnknown,
    InstitutionFrozen,
    InstitutionUnknown,
    Refusal,
    WrongState,
)
from ledger.transactions import Transaction, TransactionKind
from service.store import ids, reference, registry, standing
from service.store.context import Context
from service.store.facts import Decision, Facts, Insert, Record
from service.store.tables import Course, CustodyAccount, Institution
from service.store.transact import UseCase
from service.store.unit import Unit

FILING: Final = frozenset({"LICENSED", "ENROLMENT_SUSPENDED"})
"""States in which an institution may hand in courses."""

CONTENT: Final = (
    "name",
    "category",
    "subject",
    "online",
    "class_size",
    "lesson_minutes",
    "price_fen",
    "lessons",
    "lessons_gift",
    "gift_in_schedule",
    "absence_counts",
    "list_lesson_fen",
    "materials_fen",
    "time_card",
    "custody_account_id",
)
"""What a course handed in a second time must say again to be the same."""


@dataclass(frozen=True, slots=True)
class FileCourse:
    """A course as an institution hands it in; `reference` is its own name for it."""

    journal: int
    target: UUID
    course: UUID
    reference: str
    name: str
    category: Category
    subject: str
    online: bool
    class_size: int
    lesson_minutes: int
    price: Money
    lessons: int
    lessons_gift: int
    gift_in_schedule: bool
    absence_counts: bool
    list_lesson: Money | None
    materials: Money
    time_card: bool
    custody_account: UUID | None


async def find_filing(
    connection: AsyncConnection, caller: Context, commands: Sequence[FileCourse]
) -> list[FileCourse | Refusal]:
    """Find the institution, and the custody accounts that courses name, in the caller's scope."""
    journal = commands[0].journal
    named = {c.custody_account for c in commands if c.custody_account is not None}
    accounts = await registry.seen(connection, caller, CustodyAccount, journal, named)
    found = await registry.find_seen(connection, caller, commands, Institution, InstitutionUnknown)
    return [
        CustodyAccountUnknown()
        if not isinstance(item, Refusal)
        and item.custody_account is not None
        and item.custody_account not in accounts
        else item
        for item in found
    ]


async def load_filing(unit: Unit, commands: Sequence[FileCourse]) -> None:
    """Lock the institutions and custody accounts, which filing does not change."""
    await unit.lock(Institution, (c.target for c in commands), share=True)
    named = (c.custody_account for c in commands if c.custody_account is not None)
    await unit.lock(CustodyAccount, named, share=True)


async def read_filing(unit: Unit, commands: Sequence[FileCourse]) -> None:
    """Read courses of the same references, restraints and the rules, under the head."""
    pairs = {(command.target, command.reference) for command in commands}
    await unit.read_pairs(Course, pairs, ("institution_id", "reference"))
    await unit.restraints(command.target for command in commands)
    pack = await reference.rule_pack(unit.connection, unit.facts.journal)
    unit.facts.extra |= {"pack": pack, "policy_version": pack.label}


def decide_filing(facts: Facts, command: FileCourse) -> Decision:
    """Take in a course that keeps the caps and the guide price; a regulator reviews it next."""
    row = _row(facts, command)
    known = facts.by(Course, ("institution_id", "reference"), command.target, command.reference)
    if known is not None:
        if any(known[name] != row[name] for name in CONTENT):
            raise AlreadyExists(reference=command.reference)
        return Decision(answer=answer_of(facts.journal, known), duplicate=True)
    _require_filing(facts, command)
    check_filing(
        facts.extra["pack"],
        category=command.category,
        online=command.online,
        class_size=command.class_size,
        lesson_minutes=command.lesson_minutes,
        lessons=command.lessons,
        lessons_gift=command.lessons_gift,
        price=command.price,
        on=facts.moment.today,
    )
    filed = said(TransactionKind.COURSE_FILED, Record(row))
    return Decision(
        answer=answer_of(facts.journal, row),
        transactions=(filed,),
        changes=(Insert(Course, row),),
    )


def _require_filing(facts: Facts, command: FileCourse) -> None:
    """Refuse for the institution's state, then its restraints, category and account."""
    institution = facts.get(Institution, command.target)
    assert institution is not None, "the institution was found and locked"
    if institution.state not in FILING | standing.FROZEN:
        raise WrongState(object="institution", state=institution.state)
    frozen = institution.state in standing.FROZEN
    if frozen or standing.restrained(facts, command.target, "FREEZE"):
        raise InstitutionFrozen
    if institution.category != command.category:
        raise CategoryMismatch(category=institution.category)
    if command.custody_account is not None:
        account = facts.get(CustodyAccount, command.custody_account)
        assert account is not None, "the custody account was found and locked"
        usable = (account.institution_id, account.purpose, account.state)
        if usable != (command.target, "CUSTODY", "ACTIVE"):
            raise CustodyAccountInvalid(purpose=account.purpose, state=account.state)


def _row(facts: Facts, command: FileCourse) -> dict[str, Any]:
    return {
        "course_id": command.course,
        "institution_id": command.target,
        "reference": command.reference,
        "name": command.name,
        "category": command.category.value,
        "subject": command.subject,
        "online": command.online,
        "class_size": command.class_size,
        "lesson_minutes": command.lesson_minutes,
        "price_fen": command.price.fen,
        "lessons": command.lessons,
        "lessons_gift": command.lessons_gift,
        "gift_in_schedule": command.gift_in_schedule,
        "absence_counts": command.absence_counts,
        "list_lesson_fen": None if command.list_lesson is None else command.list_lesson.fen,
        "materials_fen": command.materials.fen,
        "time_card": command.time_card,
        "custody_account_id": command.custody_account,
        "state": "SUBMITTED",
        "review_reason": None,
        "reviewed_on": None,
        "version": 1,
        "seq": facts.moment.next_seq,
    }


def said(kind: TransactionKind, row: Record, reason: str | None = None) -> Transaction:
    """Say what became of a course."""
    return Transaction(
        kind,
        references={
            "institution": str(row.institution_id),
            "course": str(row.course_id),
            "state": row.state,
        },
        reason=reason,
    )


def answer_of(journal: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """Tell what a course is and how it stands."""
    account, reviewed_on = row["custody_account_id"], row["reviewed_on"]
    listed = row["list_lesson_fen"]
    return {
        "id": ids.public("crs", journal, row["course_id"]),
        "institution_id": ids.public("ins", journal, row["institution_id"]),
        "reference": row["reference"],
        "name": row["name"],
        "category": row["category"],
        "subject": row["subject"],
        "online": row["online"],
        "class_size": row["class_size"],
        "lesson_minutes": row["lesson_minutes"],
        "price": str(Money.from_fen(row["price_fen"])),
        "lessons": row["lessons"],
        "lessons_gift": row["lessons_gift"],
        "gift_in_schedule": row["gift_in_schedule"],
        "absence_counts": row["absence_counts"],
        "list_lesson_price": None if listed is None else str(Money.from_fen(listed)),
        "materials": str(Money.from_fen(row["materials_fen"])),
        "time_card": row["time_card"],
        "custody_account_id": None if account is None else ids.public("cus", journal, account),
        "state": row["state"],
        "review_reason": row["review_reason"],
        "reviewed_on": None if reviewed_on is None else reviewed_on.isoformat(),
        "version": row["version"],
    }


FILE: Final[UseCase[FileCourse, FileCourse]] = UseCase(
    "file_course", find_filing, load_filing, decide_filing, read_filing
)
