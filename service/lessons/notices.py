"""Notices: delivered by the parent's own client or by a sender, and the silence they start.

Day 1 is the first working day after delivery. The days come from the rule pack in force then; a
count that touches a year without an official calendar gives no deadline until the notice for that
year is in (I-17), and then the deadlines are counted again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import parameters
from ledger.calendars import WorkingCalendar, shanghai_date
from ledger.parameters import Category
from ledger.policy import RulePack
from ledger.refusals import NoticeUnknown, PolicyMissing, Refusal, WrongState
from ledger.rules.places import references
from ledger.transactions import Transaction, TransactionKind
from service.store import ids, lesson_reads, reference
from service.store import notices as other_notices
from service.store.context import Context
from service.store.contracts import contract_of
from service.store.facts import Change, Decision, Facts, Record, Update
from service.store.tables import Enrolment, Lesson, Notice
from service.store.transact import UseCase
from service.store.unit import Unit

FETCHED: Final = "FETCHED"
LESSON_RECORDED: Final = "LESSON_RECORDED"
COUNTED: Final = "DEADLINE_COUNTED"


@dataclass(frozen=True, slots=True)
class FetchNotices:
    """A parent's client fetches its notices; what it fetches is delivered."""

    journal: int
    limit: int


@dataclass(frozen=True, slots=True)
class DeliverNotice:
    """A sender delivered a notice; `proof` is its code for that. None counts a deadline anew."""

    notice: UUID
    lesson: UUID
    enrolment: UUID
    proof: str | None


@dataclass(frozen=True, slots=True)
class DeliverOther:
    """A parent's client fetches a notice about something else than a lesson."""

    notice: UUID


@dataclass(frozen=True, slots=True)
class Told:
    """Notices to deliver together, with their lessons and enrolments."""

    notices: tuple[DeliverNotice | DeliverOther, ...]

    @property
    def of_lessons(self) -> list[DeliverNotice]:
        """Those that are about lessons."""
        return [notice for notice in self.notices if isinstance(notice, DeliverNotice)]


async def _find_own(
    connection: AsyncConnection, caller: Context, commands: Sequence[FetchNotices]
) -> list[Told | Refusal]:
    command = commands[0]
    if caller.parties is None or command.journal not in caller.journals:
        return [NoticeUnknown()]
    found = await lesson_reads.notices_to_fetch(
        connection, command.journal, caller.parties, command.limit
    )
    return [
        Told(
            tuple(
                DeliverOther(row.notice_id)
                if row.lesson_id is None
                else DeliverNotice(row.notice_id, row.lesson_id, row.enrolment_id, FETCHED)
                for row in found
            )
        )
    ]


async def _find_given(
    _connection: AsyncConnection, _caller: Context, commands: Sequence[DeliverNotice]
) -> list[Told]:
    return [Told((command,)) for command in commands]


async def _load(unit: Unit, found: Sequence[Told]) -> None:
    of_lessons = [notice for item in found for notice in item.of_lessons]
    await unit.lock(Enrolment, {notice.enrolment for notice in of_lessons}, share=True)
    await unit.lock(Lesson, {notice.lesson for notice in of_lessons})
    await unit.lock(Notice, {notice.notice for item in found for notice in item.notices})


async def _read(unit: Unit, _found: Sequence[Told]) -> None:
    extra = unit.facts.extra
    extra["calendar"] = await reference.calendar(unit.connection)
    extra["deadlines"] = {}
    try:
        pack = await reference.rule_pack(unit.connection, unit.facts.journal)
    except PolicyMissing:
        return
    extra["pack"] = pack
    extra["policy_version"] = pack.label


def _decide_fetch(facts: Facts, found: Told) -> Decision:
    transactions: list[Transaction] = []
    changes: list[Change] = []
    notices: list[dict[str, Any]] = []
    for told in found.notices:
        if isinstance(told, DeliverOther):
            notice = facts.get(Notice, told.notice)
            assert notice is not None, "the notice was locked"
            if notice.delivered_at is None:
                arrived = other_notices.delivered(facts, notice, FETCHED)
                transactions += arrived.transactions
                changes += arrived.changes
                notice = Record({**notice, "delivered_at": facts.moment.now})
            notices.append(notice_answer(facts.journal, notice, None))
            continue
        notice, lesson, enrolment = _rows(facts, told)
        if notice.delivered_at is None:
            seq = facts.moment.next_seq + len(transactions)
            made = _delivered(facts, told, notice, lesson, enrolment, seq=seq)
            transactions.append(_fact(told, enrolment, reason=told.proof))
            changes += made
            for change in made:
                assert isinstance(change, Update), "a delivery changes what stands"
                if change.table is Notice:
                    notice = Record({**notice, **change.values})
                else:
                    lesson = Record({**lesson, **change.values})
        notices.append(notice_answer(facts.journal, notice, lesson))
    return Decision(
        answer={"items": notices}, transactions=tuple(transactions), changes=tuple(changes)
    )


def _decide_delivery(facts: Facts, found: Told) -> Decision:
    (told,) = found.of_lessons
    notice, lesson, enrolment = _rows(facts, told)
    if notice.delivered_at is not None:
        raise WrongState(object="notice", state="DELIVERED")
    changes = _delivered(facts, told, notice, lesson, enrolment, seq=facts.moment.next_seq)
    return Decision(
        answer={"id": ids.public("ntc", facts.journal, told.notice)},
        transactions=(_fact(told, enrolment, reason=told.proof),),
        changes=tuple(changes),
    )


def _decide_count(facts: Facts, found: Told) -> Decision:
    (told,) = found.of_lessons
    notice, lesson, enrolment = _rows(facts, told)
    answer = {"id": ids.public("ntc", facts.journal, told.notice)}
    if notice.delivered_at is None or lesson.state != "RECORDED":
        raise WrongState(object="lesson", state=lesson.state)
    due = silence_ends_on(facts, enrolment.category, notice.delivered_at)
    if due is None or lesson.confirm_due_on is not None:
        raise WrongState(object="lesson", state="NOT_COUNTABLE")
    values = {"confirm_due_on": due, "seq": facts.moment.next_seq}
    return Decision(
        answer=answer,
        transactions=(_fact(told, enrolment, reason=COUNTED),),
        changes=(Update(Lesson, (told.lesson,), values),),
    )


def silence_ends_on(facts: Facts, category: str, delivered_at: datetime) -> date | None:
    """Return the last day of the silence period, None while it cannot be counted for certain."""
    pack: RulePack | None = facts.extra.get("pack")
    if pack is None:
        return None
    delivered_on = shanghai_date(delivered_at)
    known: dict[tuple[str, date], date | None] = facts.extra["deadlines"]
    if (category, delivered_on) not in known:
        calendar: WorkingCalendar = facts.extra["calendar"]
        try:
            days = pack.value(
                parameters.SILENCE_WORKING_DAYS, on=delivered_on, category=Category(category)
            )
        except PolicyMissing:
            known[(category, delivered_on)] = None
        else:
            deadline = calendar.deadline(delivered_at, days)
            known[(category, delivered_on)] = None if deadline.provisional else deadline.on
    return known[(category, delivered_on)]


def notice_answer(journal: int, notice: Record, lesson: Record | None) -> dict[str, Any]:
    """Tell a notice, what it is about, and how long its lesson waits for an answer."""
    delivered, due = notice.delivered_at, None if lesson is None else lesson.confirm_due_on
    about = other_notices.subject_of(journal, notice)
    return {
        "id": ids.public("ntc", journal, notice.notice_id),
        "kind": notice.kind,
        "subject_id": about,
        "lesson_id": None if lesson is None else about,
        "lesson_state": None if lesson is None else lesson.state,
        "channel": notice.channel,
        "created_at": notice.created_at.isoformat(),
        "delivered_at": None if delivered is None else delivered.isoformat(),
        "confirm_due_on": None if due is None else due.isoformat(),
    }


def _delivered(  # noqa: PLR0913 - a delivery touches this many rows
    facts: Facts,
    told: DeliverNotice,
    notice: Record,
    lesson: Record,
    enrolment: Record,
    *,
    seq: int,
) -> list[Change]:
    now = facts.moment.now
    changes: list[Change] = [
        Update(Notice, (notice.notice_id,), {"delivered_at": now, "proof": told.proof})
    ]
    due = silence_ends_on(facts, enrolment.category, now)
    # A notice in a wind-down came with the last day to answer, whenever it is read.
    if due is not None and lesson.state == "RECORDED" and notice.kind == LESSON_RECORDED:
        values = {"confirm_due_on": due, "seq": seq}
        changes.append(Update(Lesson, (lesson.lesson_id,), values))
    return changes


def _fact(told: DeliverNotice, enrolment: Record, *, reason: str | None) -> Transaction:
    named = references(contract_of(enrolment), lesson=told.lesson, notice=told.notice)
    return Transaction(TransactionKind.NOTICE_DELIVERED, references=named, reason=reason)


def _rows(facts: Facts, told: DeliverNotice) -> tuple[Record, Record, Record]:
    notice = facts.get(Notice, told.notice)
    lesson = facts.get(Lesson, told.lesson)
    enrolment = facts.get(Enrolment, told.enrolment)
    assert notice is not None, "the notice was locked"
    assert lesson is not None, "the lesson was locked"
    assert enrolment is not None, "the enrolment was locked"
    return notice, lesson, enrolment


FETCH: Final = UseCase("fetch_notices", _find_own, _load, _decide_fetch, _read)
DELIVER: Final = UseCase("deliver_notice", _find_given, _load, _decide_delivery, _read)
COUNT_DEADLINE: Final = UseCase("count_deadline", _find_given, _load, _decide_count, _read)
