"""Opening an enrolment: a filed course, a price and lessons within the caps of its charge date.

Caps are judged here, at the charge date, and never again (I-41). Lessons and span are judged over
everything the student still has open for this institution and subject, so that a charge cannot be
split: of an open contract counts what is not confirmed yet, from the charge date on.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import parameters, policy
from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.parameters import Category
from ledger.policy import RulePack
from ledger.refusals import (
    AgreementMissing,
    AmountZero,
    CourseNotFiled,
    CourseUnknown,
    CustodyAccountInvalid,
    DateInFuture,
    PriceOverGuide,
    Refusal,
)
from ledger.rules import enrolments as rules
from service.enrolments import contracts
from service.enrolments.people import People, added, require_known
from service.store import deposits, reference, registry, rows, standing
from service.store.context import Context
from service.store.contracts import confirmed_of, contract_of
from service.store.facts import Decision, Facts, Insert, Record
from service.store.tables import Agreement, Course, CustodyAccount, Enrolment, Institution
from service.store.transact import UseCase
from service.store.unit import Unit

REGULAR: Final = "REGULAR"
AWAITING: Final = "AWAITING_PAYMENT"
OPEN: Final = frozenset({AWAITING, "ACTIVE"})
DEPOSIT: Final = "DEPOSIT"
RISK_DEPOSIT: Final = "RISK_DEPOSIT"


@dataclass(frozen=True, slots=True)
class OpenEnrolment:
    """A contract for one filed course; price and lessons are those filed where left out."""

    journal: int
    enrolment: UUID
    course: UUID
    contract_number: str
    template_version: str
    people: People
    contract_on: date
    charged_on: date
    starts_on: date
    ends_on: date
    price: Money | None = None
    lessons_paid: int | None = None
    lessons_gift: int | None = None


@dataclass(frozen=True, slots=True)
class FoundCourse:
    """A command with the institution and custody account of the course it names."""

    command: OpenEnrolment
    institution: UUID
    custody: UUID | None


async def _find(
    connection: AsyncConnection, caller: Context, commands: Sequence[OpenEnrolment]
) -> list[FoundCourse | Refusal]:
    journal = commands[0].journal
    wanted = {command.course for command in commands if command.journal == journal}
    courses = await registry.seen(connection, caller, Course, journal, wanted)
    institutions = {row.institution_id for row in courses.values()}
    defaults = await registry.default_accounts(connection, journal, institutions)
    defaults |= await deposits.backing_accounts(connection, journal, institutions)
    found: list[FoundCourse | Refusal] = []
    for command in commands:
        row = courses.get(command.course) if command.journal == journal else None
        if row is None:
            found.append(CourseUnknown())
            continue
        custody = row.custody_account_id or defaults.get(row.institution_id)
        found.append(FoundCourse(command, row.institution_id, custody))
    return found


async def _load(unit: Unit, found: Sequence[FoundCourse]) -> None:
    await unit.lock(Institution, {item.institution for item in found}, share=True)
    await unit.lock(
        CustodyAccount, {item.custody for item in found if item.custody is not None}, share=True
    )


async def _read(unit: Unit, found: Sequence[FoundCourse]) -> None:
    facts, journal = unit.facts, unit.facts.journal
    institutions = {item.institution for item in found}
    courses = {item.command.course for item in found}
    await unit.read(Course, rows.keyed(Course, journal, courses, "course_id"))
    await unit.read(Agreement, rows.keyed(Agreement, journal, institutions, "institution_id"))
    await unit.restraints(institutions)
    pack = await reference.rule_pack(unit.connection, journal)
    facts.extra["pack"] = pack
    facts.extra["policy_version"] = pack.label
    await contracts.read_standing(unit, [(item.institution, item.command) for item in found])
    await _read_siblings(unit, found)
    await deposits.read_deposits(unit, _holding(facts, found))
    await unit.balances([account for item in found for account in _units(item)])


async def _read_siblings(unit: Unit, found: Sequence[FoundCourse]) -> None:
    """Note which enrolments a student has at an institution, those of this batch included."""
    siblings: dict[tuple[UUID, UUID], list[UUID]] = defaultdict(list)
    students = {(item.command.people.student.party, item.institution) for item in found}
    standing_rows = await unit.read_pairs(Enrolment, students, ("student_id", "institution_id"))
    for row in standing_rows:
        siblings[(row.student_id, row.institution_id)].append(row.enrolment_id)
    for item in found:
        student = item.command.people.student.party
        siblings[(student, item.institution)].append(item.command.enrolment)
    unit.facts.extra["siblings"] = siblings


def _holding(facts: Facts, found: Sequence[FoundCourse]) -> set[UUID]:
    """Return the institutions that hold the fees themselves, under a risk deposit."""
    accounts = (facts.get(CustodyAccount, item.custody) for item in found)
    return {row.institution_id for row in accounts if row is not None and row.purpose == DEPOSIT}


def _units(found: FoundCourse) -> list[Account]:
    if found.custody is None:
        return []
    contract = Contract(found.command.enrolment, found.institution, found.custody, ZERO, 1)
    return [
        account
        for reason in (Reason.PAID, Reason.GIFT)
        for account in (contract.units_contracted(reason), contract.units_granted(reason))
    ]


def _decide(facts: Facts, found: FoundCourse) -> Decision:
    command = found.command
    course = facts.get(Course, command.course)
    assert course is not None, "the course was found"
    stated = _stated(command, course)
    again = contracts.asked_again(facts, command, found.institution, stated)
    if again is not None:
        return again
    require_known(facts, command.people, found.institution)
    standing.require_enrolling(facts, found.institution)
    _require_account(facts, found, course)
    _check_dates(facts, command)
    pack: RulePack = facts.extra["pack"]
    _check_caps(facts, pack, found, stated)
    _check_filed_price(course, stated)
    _check_deposit(facts, found, stated)
    days = pack.value(
        parameters.UNPAID_LAPSE_DAYS, on=command.charged_on, category=Category(course.category)
    )
    row = contracts.row_of(
        facts,
        command,
        institution=found.institution,
        custody=found.custody,
        stated={
            **stated,
            "gift_in_schedule": course.gift_in_schedule,
            "absence_counts": course.absence_counts,
            "list_lesson_fen": _listed(course, stated),
            "materials_fen": course.materials_fen,
            "time_card": course.time_card,
            "lapses_on": facts.moment.today + timedelta(days=days),
            "received_fen": 0,
            "state": AWAITING,
            "policy_version": pack.label,
        },
    )
    return Decision(
        answer=contracts.answer_of(facts.journal, row),
        transactions=(rules.enrolment_opened(contract_of(Record(row))),),
        changes=(
            *added(command.people, found.institution, facts.moment.now),
            Insert(Enrolment, row),
        ),
    )


def _stated(command: OpenEnrolment, course: Record) -> dict[str, Any]:
    price = course.price_fen if command.price is None else command.price.fen
    paid, gift = command.lessons_paid, command.lessons_gift
    return {
        "course_id": command.course,
        "template_version": command.template_version,
        "origin": REGULAR,
        "category": course.category,
        "subject": course.subject,
        "price_fen": price,
        "lessons_paid": course.lessons if paid is None else paid,
        "lessons_gift": course.lessons_gift if gift is None else gift,
        "contract_on": command.contract_on,
        "charged_on": command.charged_on,
        "starts_on": command.starts_on,
        "ends_on": command.ends_on,
    }


def _require_account(facts: Facts, found: FoundCourse, course: Record) -> None:
    """Refuse a course that is not filed, and an account without an agreement in force."""
    if course.state != "FILED":
        raise CourseNotFiled(state=course.state)
    account = None if found.custody is None else facts.get(CustodyAccount, found.custody)
    if account is None or account.state != "ACTIVE":
        raise CustodyAccountInvalid
    today = facts.moment.today
    signed = any(
        row.institution_id == found.institution
        and row.bank_code == account.bank_code
        and (account.purpose != DEPOSIT or row.mode == RISK_DEPOSIT)
        and row.valid_from <= today
        and (row.valid_to is None or row.valid_to >= today)
        for row in facts.all(Agreement)
    )
    if not signed:
        raise AgreementMissing(bank=account.bank_code)


def _check_deposit(facts: Facts, found: FoundCourse, stated: dict[str, Any]) -> None:
    """Refuse a student whom the risk deposit would not cover (I-26)."""
    if found.institution in _holding(facts, [found]):
        price = Money.from_fen(stated["price_fen"])
        deposits.require_deposit_for(facts, found.institution, price)


def _check_dates(facts: Facts, command: OpenEnrolment) -> None:
    for name in ("contract_on", "charged_on"):
        day: date = getattr(command, name)
        if day > facts.moment.today:
            raise DateInFuture(field=name, date=day.isoformat())


def _check_caps(facts: Facts, pack: RulePack, found: FoundCourse, stated: dict[str, Any]) -> None:
    command = found.command
    if stated["price_fen"] == 0:
        raise AmountZero
    others = _open_siblings(facts, found, stated["subject"])
    left = sum(_lessons_left(row) for row in others)
    current = [row for row in others if row.ends_on >= command.charged_on]
    policy.check_charge(
        pack,
        price=Money.from_fen(stated["price_fen"]),
        lessons_paid=stated["lessons_paid"],
        lessons_gift=stated["lessons_gift"],
        starts_on=command.starts_on,
        ends_on=command.ends_on,
        charged_on=command.charged_on,
        category=Category(stated["category"]),
        open_lessons=left,
        open_span=None
        if not current
        else (
            max(min(row.starts_on for row in current), command.charged_on),
            max(row.ends_on for row in current),
        ),
        lessons_left_of_previous=left if others else None,
    )


def _open_siblings(facts: Facts, found: FoundCourse, subject: str) -> list[Record]:
    student = found.command.people.student.party
    ids: list[UUID] = facts.extra["siblings"][(student, found.institution)]
    known = (facts.get(Enrolment, enrolment) for enrolment in ids)
    return [
        row for row in known if row is not None and row.subject == subject and row.state in OPEN
    ]


def _lessons_left(row: Record) -> int:
    return contract_of(row).slots - confirmed_of(row)


def _listed(course: Record, stated: dict[str, Any]) -> int | None:
    """Price of a lesson before any discount: as filed, None where the price is not a discount."""
    if course.list_lesson_fen is not None:
        return int(course.list_lesson_fen)
    if stated["price_fen"] * course.lessons == course.price_fen * stated["lessons_paid"]:
        return None
    return int(course.price_fen // course.lessons)


def _check_filed_price(course: Record, stated: dict[str, Any]) -> None:
    """Refuse a lesson dearer than filed: price ÷ paid lessons, cut upwards to the fen."""
    filed, lessons = course.price_fen, stated["lessons_paid"]
    most = -(-filed * lessons // course.lessons)
    if stated["price_fen"] > most:
        raise PriceOverGuide(
            price=str(Money.from_fen(stated["price_fen"])),
            filed_price_max=str(Money.from_fen(most)),
        )


OPEN_ENROLMENT: Final = UseCase("open_enrolment", _find, _load, _decide, _read)
