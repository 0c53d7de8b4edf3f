"""Use cases of live portings: a parent asks, the receiving institution accepts (E44).

The parent consents to a course and to the least lessons it must give; the receiving institution
sees the amount and states what it grants for it, at least that. Accepting sets the money aside at
the institution left, takes its lessons back and orders its bank to pay. No charge is made, so no
cap on charges is judged again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Reason
from ledger.money import Money
from ledger.refusals import (
    ConsentMissing,
    CourseUnknown,
    EnrolmentUnknown,
    PortingUnknown,
    Refusal,
    VerbForbidden,
    VersionStale,
    WrongState,
)
from ledger.rules import portings as rules
from ledger.rules.places import references
from ledger.transactions import Transaction, TransactionKind
from service.portings.answers import answer_of
from service.portings.standing import Ends, lock_ends, read_ends, require_portable, units_left
from service.store import registry, rows
from service.store.context import Context
from service.store.contracts import contract_of, place_of
from service.store.enrolment_reads import in_departments
from service.store.facts import Decision, Facts, Insert, Record, Update
from service.store.porting_orders import LIVE, porting_moved, porting_order
from service.store.tables import Course, CustodyAccount, Enrolment, Porting
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class AskPorting:
    """A parent wants the rest of an enrolment to go on in another institution's course."""

    journal: int
    porting: UUID
    enrolment: UUID
    course: UUID
    lessons: int
    consent_hash: str


@dataclass(frozen=True, slots=True)
class AcceptPorting:
    """The receiving institution takes the student for `amount`, granting `lessons`."""

    journal: int
    porting: UUID
    order: UUID
    enrolment: UUID
    amount: Money
    lessons: int


@dataclass(frozen=True, slots=True)
class FoundAsk:
    """What was asked for, and its two ends."""

    command: AskPorting
    ends: Ends


@dataclass(frozen=True, slots=True)
class FoundAccept:
    """What is accepted, and its two ends."""

    command: AcceptPorting
    ends: Ends


async def find_asked(
    connection: AsyncConnection, caller: Context, asked: Sequence[AskPorting]
) -> list[FoundAsk | Refusal]:
    """Find the parent's enrolments and the courses they want."""
    journal = asked[0].journal
    enrolments = await _by_id(
        connection, caller, journal, Enrolment, {each.enrolment for each in asked}
    )
    courses = await _by_id(connection, caller, journal, Course, {each.course for each in asked})
    defaults = await registry.default_accounts(
        connection, journal, {row.institution_id for row in courses.values()}
    )
    found: list[FoundAsk | Refusal] = []
    for each in asked:
        enrolment, course = enrolments.get(each.enrolment), courses.get(each.course)
        if enrolment is None:
            found.append(EnrolmentUnknown())
        elif course is None:
            found.append(CourseUnknown())
        else:
            custody = course.custody_account_id or defaults.get(course.institution_id)
            found.append(FoundAsk(each, _ends(enrolment, course, custody)))
    return found


async def load_asked(unit: Unit, found: Sequence[FoundAsk]) -> None:
    """Lock both ends."""
    await lock_ends(unit, [each.ends for each in found])


async def read_asked(unit: Unit, found: Sequence[FoundAsk]) -> None:
    """Read what may stand in the way."""
    await read_ends(unit, [each.ends for each in found])


def decide_ask(facts: Facts, found: FoundAsk) -> Decision:
    """Note the parent's consent: the porting is CHOSEN, no money moves yet."""
    command, ends = found.command, found.ends
    amount = require_portable(facts, ends, porting=command.porting)
    row = _row(facts, found, amount)
    said = Transaction(
        TransactionKind.PORTING_REQUESTED,
        references=references(
            contract_of(_enrolment(facts, ends)), porting=command.porting, course=ends.course
        ),
    )
    return Decision(
        answer=answer_of(facts.journal, Record(row)),
        transactions=(said,),
        changes=(Insert(Porting, row),),
    )


async def find_accepted(
    connection: AsyncConnection, caller: Context, accepted: Sequence[AcceptPorting]
) -> list[FoundAccept | Refusal]:
    """Find the portings that come to the calling institution."""
    journal = accepted[0].journal
    known = await _by_id(connection, caller, journal, Porting, {each.porting for each in accepted})
    found: list[FoundAccept | Refusal] = []
    for each in accepted:
        row = known.get(each.porting)
        if row is None:
            found.append(PortingUnknown())
        elif row.to_institution_id != caller.institution:
            found.append(VerbForbidden(side="LEFT"))
        else:
            found.append(FoundAccept(each, _ends_of(row)))
    return found


async def load_accepted(unit: Unit, found: Sequence[FoundAccept]) -> None:
    """Lock both ends, then the portings."""
    await lock_ends(unit, [each.ends for each in found])
    await unit.lock(Porting, {each.command.porting for each in found})


async def read_accepted(unit: Unit, found: Sequence[FoundAccept]) -> None:
    """Read what may stand in the way, and the account that the money is set aside in."""
    await read_ends(unit, [each.ends for each in found])
    await unit.balances(
        place_of(_enrolment(unit.facts, each.ends)).porting_in_transit(each.command.porting)
        for each in found
    )


def decide_accept(facts: Facts, found: FoundAccept) -> Decision:
    """Set the money aside, take the lessons back, and order the bank to pay (E44).

    Refused in order: `WrongState`, what `require_portable` refuses, `VersionStale` (another amount
    by now), `ConsentMissing` (fewer lessons than the parent consented to).
    """
    command, ends = found.command, found.ends
    porting = facts.get(Porting, command.porting)
    assert porting is not None, "the porting was found and locked"
    if porting.state != "CHOSEN" or porting.kind != LIVE:
        raise WrongState(object="porting", state=porting.state)
    amount = require_portable(facts, ends, porting=command.porting)
    if amount != command.amount:
        raise VersionStale(amount=str(amount))
    if command.lessons < porting.granted_lessons:
        raise ConsentMissing(lessons=porting.granted_lessons)
    enrolment = _enrolment(facts, ends)
    units = units_left(facts, enrolment)
    values = {
        "amount_fen": amount.fen,
        "granted_lessons": command.lessons,
        "granted_gift": 0,
        "worth_fen": _worth(facts, ends, command.lessons, amount).fen,
        "taken_paid": units[Reason.PAID],
        "taken_gift": units[Reason.GIFT],
        "to_enrolment_id": command.enrolment,
        "order_id": command.order,
    }
    now = Record({**porting, **values, "state": "INSTRUCTED"})
    account = facts.get(CustodyAccount, ends.custody)
    assert account is not None, "the custody account was locked"
    contract = contract_of(enrolment)
    set_aside = rules.porting_instructed(
        contract, porting=command.porting, amount=amount, units=units
    )
    return Decision(
        answer=answer_of(facts.journal, now),
        transactions=(set_aside,),
        changes=(
            porting_moved(porting, "INSTRUCTED", **values),
            porting_order(facts, now, order=command.order, account=account),
            Update(Enrolment, (ends.enrolment,), {"state": "PORTED"}),
        ),
        shows={
            "prepaid": contract.prepaid,
            "in_transit": place_of(enrolment).porting_in_transit(command.porting),
        },
    )


ASK: Final = UseCase[AskPorting, FoundAsk](
    "ask_porting", find_asked, load_asked, decide_ask, read_asked
)
ACCEPT: Final = UseCase[AcceptPorting, FoundAccept](
    "accept_porting", find_accepted, load_accepted, decide_accept, read_accepted
)


async def _by_id(
    connection: AsyncConnection, caller: Context, journal: int, table: type[Any], wanted: set[UUID]
) -> dict[UUID, Record]:
    key = rows.key_columns(table)[0]
    statement = in_departments(rows.keyed(table, journal, wanted, key), table, caller)
    return {row[key]: Record(row) for row in await rows.fetch(connection, statement)}


def _ends(enrolment: Record, course: Record, custody: UUID | None) -> Ends:
    return Ends(
        enrolment=enrolment.enrolment_id,
        institution=enrolment.institution_id,
        custody=enrolment.custody_account_id,
        guardian=enrolment.guardian_id,
        course=course.course_id,
        to_institution=course.institution_id,
        to_custody=custody,
    )


def _ends_of(porting: Record) -> Ends:
    return Ends(
        enrolment=porting.enrolment_id,
        institution=porting.institution_id,
        custody=porting.custody_account_id,
        guardian=porting.guardian_id,
        course=porting.to_course_id,
        to_institution=porting.to_institution_id,
        to_custody=porting.to_custody_account_id,
    )


def _worth(facts: Facts, ends: Ends, lessons: int, amount: Money) -> Money:
    """What these lessons cost as filed, cut to the fen, and at most what comes."""
    course = facts.get(Course, ends.course)
    assert course is not None, "the course was found"
    return min(amount, Money.from_fen(course.price_fen * lessons // course.lessons))


def _enrolment(facts: Facts, ends: Ends) -> Record:
    row = facts.get(Enrolment, ends.enrolment)
    assert row is not None, "the enrolment was found and locked"
    return row


def _row(facts: Facts, found: FoundAsk, amount: Money) -> dict[str, Any]:
    command, ends, moment = found.command, found.ends, facts.moment
    return {
        "porting_id": command.porting,
        "kind": LIVE,
        "enrolment_id": ends.enrolment,
        "entitlement_id": None,
        "offer_id": None,
        "institution_id": ends.institution,
        "custody_account_id": ends.custody,
        "guardian_id": ends.guardian,
        "student_id": _enrolment(facts, ends).student_id,
        "to_institution_id": ends.to_institution,
        "to_custody_account_id": ends.to_custody,
        "to_course_id": ends.course,
        "to_enrolment_id": None,
        "consent_hash": command.consent_hash,
        "amount_fen": amount.fen,
        "granted_lessons": command.lessons,
        "granted_gift": 0,
        "worth_fen": 0,
        "taken_paid": 0,
        "taken_gift": 0,
        "order_id": None,
        "state": "CHOSEN",
        "chosen_on": moment.today,
        "seq": moment.next_seq,
    }
