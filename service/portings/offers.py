"""Use cases of placement offers (接收要约): receiving institutions tell what a dividend buys."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.money import Money
from ledger.refusals import (
    AmountZero,
    CourseNotFiled,
    CourseUnknown,
    CustodyAccountInvalid,
    OfferFull,
    OfferUnknown,
    Refusal,
    VerbForbidden,
    WindDownUnknown,
    WrongState,
)
from ledger.transactions import Transaction, TransactionKind
from service.portings.answers import offer_answer
from service.store import registry, rows, standing
from service.store.context import Context
from service.store.enrolment_reads import in_departments
from service.store.facts import Decision, Facts, Insert, Record, Update
from service.store.tables import (
    Course,
    CustodyAccount,
    Institution,
    PlacementOffer,
    WindDown,
)
from service.store.transact import UseCase
from service.store.unit import Unit

BEFORE_POSTING: Final = frozenset(
    {
        "OPENED",
        "LESSONS_SETTLED",
        "REGISTER_PUBLISHED",
        "SET_OFF",
        "DEPOSIT_DRAWN",
        "PLANNED",
        "APPROVED",
    }
)
"""States of a case in which offers are made and chosen."""


@dataclass(frozen=True, slots=True)
class MakeOffer:
    """Offer `places` in a course at `lesson_fen` a lesson, with a bonus in whole per cent."""

    journal: int
    offer: UUID
    wind_down: UUID
    course: UUID
    lesson: Money
    bonus_percent: int
    places: int
    valid_until: date


@dataclass(frozen=True, slots=True)
class FoundOffer:
    """An offer to be made, and where its course stands."""

    command: MakeOffer
    receiving: UUID
    custody: UUID | None


@dataclass(frozen=True, slots=True)
class WithdrawOffer:
    """Take an offer back; what was chosen of it stands."""

    journal: int
    offer: UUID


async def find_making(
    connection: AsyncConnection, caller: Context, commands: Sequence[MakeOffer]
) -> list[FoundOffer | Refusal]:
    """Find the courses in the caller's scope: its own, or its district's."""
    journal = commands[0].journal
    statement = rows.keyed(Course, journal, {c.course for c in commands}, "course_id")
    seen = {
        row["course_id"]: Record(row)
        for row in await rows.fetch(connection, in_departments(statement, Course, caller))
    }
    defaults = await registry.default_accounts(
        connection, journal, {row.institution_id for row in seen.values()}
    )
    found: list[FoundOffer | Refusal] = []
    for command in commands:
        course = seen.get(command.course)
        if course is None:
            found.append(CourseUnknown())
            continue
        custody = course.custody_account_id or defaults.get(course.institution_id)
        found.append(FoundOffer(command, course.institution_id, custody))
    return found


async def load_making(unit: Unit, found: Sequence[FoundOffer]) -> None:
    """Lock the receiving institutions and accounts, shared; read the cases and courses."""
    await unit.lock(Institution, {each.receiving for each in found}, share=True)
    custodies = {each.custody for each in found} - {None}
    await unit.lock(CustodyAccount, custodies, share=True)
    await unit.lock(WindDown, {each.command.wind_down for each in found}, share=True)
    journal = unit.facts.journal
    courses = {each.command.course for each in found}
    await unit.read(Course, rows.keyed(Course, journal, courses, "course_id"))


async def read_making(unit: Unit, found: Sequence[FoundOffer]) -> None:
    """Read restraints on the receiving institutions."""
    await unit.restraints({each.receiving for each in found})


def decide_offer(facts: Facts, found: FoundOffer) -> Decision:
    """Make an OPEN offer.

    Refused in order: `WindDownUnknown`, `WrongState`, `InstitutionFrozen`, `EnrolmentStopped`,
    `CourseNotFiled`, `CustodyAccountInvalid`, `AmountZero`, `OfferFull`.
    """
    command = found.command
    case = facts.get(WindDown, command.wind_down)
    if case is None:
        raise WindDownUnknown
    if case.state not in BEFORE_POSTING or case.institution_id == found.receiving:
        raise WrongState(object="wind_down", state=case.state)
    standing.require_enrolling(facts, found.receiving)
    _require_course(facts, found)
    if not command.lesson:
        raise AmountZero
    if command.places == 0 or command.valid_until < facts.moment.today:
        raise OfferFull
    row = _row(facts, found, case)
    return Decision(
        answer=offer_answer(facts.journal, Record(row)),
        transactions=(_said(TransactionKind.PLACEMENT_OFFERED, Record(row)),),
        changes=(Insert(PlacementOffer, row),),
    )


async def find_withdrawing(
    connection: AsyncConnection, caller: Context, commands: Sequence[WithdrawOffer]
) -> list[WithdrawOffer | Refusal]:
    """Find the offers: a receiving institution's own, or those of the supervisor's district."""
    wanted = {command.offer for command in commands}
    statement = rows.keyed(PlacementOffer, commands[0].journal, wanted, "offer_id")
    statement = in_departments(statement, PlacementOffer, caller)
    seen = {row["offer_id"]: row for row in await rows.fetch(connection, statement)}
    found: list[WithdrawOffer | Refusal] = []
    for command in commands:
        row = seen.get(command.offer)
        if row is None:
            found.append(OfferUnknown())
        elif caller.institution not in (None, row["receiving_institution_id"]):
            found.append(VerbForbidden(side="LEFT"))
        else:
            found.append(command)
    return found


async def load_withdrawing(unit: Unit, commands: Sequence[WithdrawOffer]) -> None:
    """Lock the offers."""
    await unit.lock(PlacementOffer, {command.offer for command in commands})


def decide_withdraw(facts: Facts, command: WithdrawOffer) -> Decision:
    """Close an OPEN offer to new choices. Raises `WrongState`."""
    offer = facts.get(PlacementOffer, command.offer)
    assert offer is not None, "the offer was found and locked"
    if offer.state != "OPEN":
        raise WrongState(object="placement_offer", state=offer.state)
    return Decision(
        answer=offer_answer(facts.journal, Record({**offer, "state": "WITHDRAWN"})),
        transactions=(_said(TransactionKind.PLACEMENT_WITHDRAWN, offer),),
        changes=(Update(PlacementOffer, (offer.offer_id,), {"state": "WITHDRAWN"}),),
    )


OFFER: Final = UseCase[MakeOffer, FoundOffer](
    "offer_placement", find_making, load_making, decide_offer, read_making
)
WITHDRAW_OFFER: Final = UseCase[WithdrawOffer, WithdrawOffer](
    "withdraw_offer", find_withdrawing, load_withdrawing, decide_withdraw
)


def _require_course(facts: Facts, found: FoundOffer) -> None:
    course = facts.get(Course, found.command.course)
    assert course is not None, "the course was found"
    if course.state != "FILED":
        raise CourseNotFiled(state=course.state)
    account = None if found.custody is None else facts.get(CustodyAccount, found.custody)
    if account is None or account.state != "ACTIVE" or account.purpose != "CUSTODY":
        raise CustodyAccountInvalid


def _row(facts: Facts, found: FoundOffer, case: Record) -> dict[str, Any]:
    command, moment = found.command, facts.moment
    course = facts.get(Course, command.course)
    assert course is not None, "the course was found"
    return {
        "offer_id": command.offer,
        "wind_down_id": case.wind_down_id,
        "institution_id": case.institution_id,
        "receiving_institution_id": found.receiving,
        "course_id": command.course,
        "custody_account_id": found.custody,
        "subject": course.subject,
        "lesson_fen": command.lesson.fen,
        "bonus_percent": command.bonus_percent,
        "places": command.places,
        "places_taken": 0,
        "valid_until": command.valid_until,
        "state": "OPEN",
        "offered_on": moment.today,
        "seq": moment.next_seq,
    }


def _said(kind: TransactionKind, offer: Record) -> Transaction:
    return Transaction(
        kind,
        references={
            "institution": str(offer.institution_id),
            "receiving_institution": str(offer.receiving_institution_id),
            "wind_down": str(offer.wind_down_id),
            "offer": str(offer.offer_id),
        },
    )
