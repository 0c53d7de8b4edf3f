"""Recording lessons (E13): held, attended, given the lowest free slot, and told to the guardian."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from ledger import policy
from ledger.calendars import WorkingCalendar
from ledger.entitlement import Contract, lowest_free_slot
from ledger.parameters import Category
from ledger.policy import RulePack
from ledger.refusals import (
    AbsenceNotCharged,
    DateInFuture,
    EnrolmentNotPaid,
    LessonAlreadyRecorded,
    NoSlotLeft,
    WrongState,
)
from ledger.rules import lessons as rules
from service.lessons.found import Found, LessonKey, answer_of, find, lock, rows_of
from service.store import enrolment_reads, lesson_reads, reference, standing
from service.store.claim_progress import open_claims
from service.store.contracts import contract_of
from service.store.facts import Decision, Facts, Insert, Record, Update
from service.store.lesson_reads import TAKEN
from service.store.tables import Enrolment, Lesson, Notice
from service.store.transact import UseCase
from service.store.unit import Unit

PRESENT: Final = "PRESENT"
LESSON_RECORDED: Final = "LESSON_RECORDED"
IN_APP: Final = "IN_APP"
LOG: Final = "LOG"


@dataclass(frozen=True, slots=True)
class RecordLesson:
    """Who came, with a hash of the evidence; `notice` is the id the guardian's notice gets."""

    key: LessonKey
    attendance: str
    evidence_hash: str
    notice: UUID


async def _load(unit: Unit, found: Sequence[Found[RecordLesson]]) -> None:
    await lock(unit, found)
    enrolments = {item.enrolment for item in found}
    journal, extra = unit.facts.journal, unit.facts.extra
    # Every change of a slot locks its enrolment first, so these stand until the commit.
    extra["slots"] = await enrolment_reads.slots_taken(unit.connection, journal, enrolments)
    batch: dict[UUID, list[UUID]] = defaultdict(list)
    for item in found:
        batch[item.enrolment].append(item.lesson)
    extra["batch"] = batch
    guardians = {row.guardian_id for row in unit.facts.all(Lesson)}
    extra["reachable"] = await lesson_reads.reachable(unit.connection, journal, guardians)


async def _read(unit: Unit, found: Sequence[Found[RecordLesson]]) -> None:
    facts = unit.facts
    enrolments = list(facts.all(Enrolment))
    await unit.restraints(
        {item.institution for item in found} | {row.enrolment_id for row in enrolments}
    )
    await open_claims(unit, [row.enrolment_id for row in enrolments])
    if any(row.category == Category.SUBJECT for row in enrolments):
        pack = await reference.rule_pack(unit.connection, facts.journal)
        facts.extra["pack"] = pack
        facts.extra["policy_version"] = pack.label
        facts.extra["calendar"] = await reference.calendar(unit.connection)
    contracts = [contract_of(row) for row in enrolments]
    await unit.balances([a for c in contracts for a in (c.prepaid, c.pending)])


def _decide(facts: Facts, found: Found[RecordLesson]) -> Decision:
    command = found.command
    lesson, enrolment = rows_of(facts, found)
    if lesson.state != "SCHEDULED":
        return _again(facts, command, lesson)
    contract = contract_of(enrolment)
    slot = _free_slot(facts, enrolment, contract)
    standing.require_teaching(facts, found.institution)
    standing.require_unblocked(facts, found.enrolment)
    _check_rules(facts, command, lesson, enrolment)
    return _recorded(facts, command, lesson, enrolment, slot)


def _again(facts: Facts, command: RecordLesson, lesson: Record) -> Decision:
    if lesson.state not in TAKEN:
        raise WrongState(object="lesson", state=lesson.state)
    same = (lesson.attendance, lesson.evidence_hash) == (command.attendance, command.evidence_hash)
    if not same:
        raise LessonAlreadyRecorded(state=lesson.state)
    return Decision(answer=answer_of(facts.journal, lesson), duplicate=True)


def _free_slot(facts: Facts, enrolment: Record, contract: Contract) -> int:
    charged_back = (
        enrolment["state"] == "ACTIVE" and enrolment["received_fen"] < enrolment["price_fen"]
    )
    if enrolment["state"] == "AWAITING_PAYMENT" or charged_back:
        raise EnrolmentNotPaid
    if enrolment["state"] != "ACTIVE":
        raise WrongState(object="enrolment", state=enrolment["state"])
    before: frozenset[int] = facts.extra["slots"].get(contract.enrolment, frozenset())
    batch = [facts.get(Lesson, lesson) for lesson in facts.extra["batch"][contract.enrolment]]
    now = {
        row["slot"]
        for row in batch
        if row is not None
        and row["state"] in TAKEN
        and row["schedule_version"] == enrolment["schedule_version"]
    }
    slot = lowest_free_slot(before | now, contract.slots)
    if slot is None:
        raise NoSlotLeft(slots=contract.slots)
    return slot


def _check_rules(facts: Facts, command: RecordLesson, lesson: Record, enrolment: Record) -> None:
    if command.attendance != PRESENT and not enrolment["absence_counts"]:
        raise AbsenceNotCharged
    if lesson["ends_at"] > facts.moment.now:
        raise DateInFuture(ends_at=lesson["ends_at"].isoformat())
    category = Category(enrolment["category"])
    if category is Category.SUBJECT:
        pack: RulePack = facts.extra["pack"]
        calendar: WorkingCalendar = facts.extra["calendar"]
        policy.check_timetable(
            pack,
            calendar,
            category=category,
            online=lesson["online"],
            starts_at=lesson["starts_at"],
            ends_at=lesson["ends_at"],
        )


def _recorded(
    facts: Facts, command: RecordLesson, lesson: Record, enrolment: Record, slot: int
) -> Decision:
    contract = contract_of(enrolment)
    recorded = rules.lesson_recorded(contract, lesson=lesson["lesson_id"], slot=slot)
    values: dict[str, Any] = {
        "state": "RECORDED",
        "attendance": command.attendance,
        "evidence_hash": command.evidence_hash,
        "schedule_version": enrolment["schedule_version"],
        "slot": slot,
        "value_fen": contract.slot_value(slot).fen,
        "notice_id": command.notice,
        "recorded_seq": facts.moment.next_seq,
        "seq": facts.moment.next_seq,
    }
    return Decision(
        answer=answer_of(facts.journal, Record({**lesson, **values})),
        transactions=(recorded,),
        changes=(
            Update(Lesson, (lesson["lesson_id"],), values),
            Insert(Notice, _notice(facts, command, lesson)),
        ),
        shows={"prepaid": contract.prepaid, "pending": contract.pending},
    )


def _notice(facts: Facts, command: RecordLesson, lesson: Record) -> dict[str, Any]:
    """Tell the guardian: by the sender where there is a phone, else when the app fetches it."""
    reachable: frozenset[UUID] = facts.extra["reachable"]
    return {
        "notice_id": command.notice,
        "institution_id": lesson["institution_id"],
        "recipient_id": lesson["guardian_id"],
        "kind": LESSON_RECORDED,
        "subject_id": lesson["lesson_id"],
        "channel": LOG if lesson["guardian_id"] in reachable else IN_APP,
        "created_at": facts.moment.now,
        "delivered_at": None,
        "proof": None,
    }


RECORD: Final = UseCase("record_lesson", find, _load, _decide, _read, gathers=True)
