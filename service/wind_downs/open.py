"""Opening a case (立案): two persons, one of a higher level; pending lessons get their last notice.

Every lesson that waits for confirmation gets one notice and some working days. Confirmed by the
parent it is released; denied, or met with silence, it goes back to the student: who cannot prove
delivery loses the point.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from ledger import parameters
from ledger.calendars import WorkingCalendar
from ledger.four_eyes import ActKind
from ledger.policy import Category, RulePack
from ledger.refusals import WrongState
from ledger.transactions import Transaction
from service.store import approvals, ids, lesson_reads, reference, rows, wind_down_reads
from service.store.approvals import Approvable, Payload, Wanted
from service.store.facts import Change, Decision, Facts, Insert, Record, Update
from service.store.levels import HIGHER_LEVEL, MAKER_PATH, require_higher_level
from service.store.tables import Institution, Lesson, Notice
from service.store.transact import UseCase
from service.store.unit import Unit
from service.store.wind_down_steps import advanced, case_of, lock_cases, require_state
from service.wind_downs.found import find_cases, institution_of

NOTICE: Final = "LESSON_IN_WIND_DOWN"
WAITING: Final = ("RECORDED", "DISPUTED")


@dataclass(frozen=True, slots=True)
class OpenCase:
    """Ask for a case to be opened; `maker_path` is the scope of who asks."""

    journal: int
    target: UUID
    approval: UUID
    reason: str
    maker_path: str
    key: str | None


async def load_request(unit: Unit, commands: Sequence[OpenCase]) -> None:
    """Lock the cases as they stand."""
    await lock_cases(unit, {command.target for command in commands}, share=True)


def decide_request(facts: Facts, command: OpenCase) -> Decision:
    """Let the opening wait for its second person. Raises `WrongState`."""
    case = case_of(facts, command.target)
    require_state(case, "FROZEN")
    payload = {
        "wind_down_id": ids.public("wdn", facts.journal, case.wind_down_id),
        "institution_id": ids.public("ins", facts.journal, case.institution_id),
        "reason": command.reason,
        MAKER_PATH: command.maker_path,
    }
    wanted = Wanted(command.approval, payload, case.institution_id, command.key)
    return approvals.requested(facts, OPEN, wanted)


async def load_open(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock institution and case to be changed, and the lessons that wait for an answer."""
    cases = await lock_cases(unit, _named(payloads), institutions=True)
    lesson = rows.table_of(Lesson)
    await unit.lock_where(
        Lesson,
        select(lesson)
        .where(
            lesson.c.journal_id == unit.facts.journal,
            lesson.c.institution_id.in_(sorted(row.institution_id for row in cases)),
            lesson.c.state.in_(WAITING),
        )
        .order_by(lesson.c.lesson_id),
    )
    unit.facts.extra["reachable"] = await lesson_reads.reachable(
        unit.connection,
        unit.facts.journal,
        {row.guardian_id for row in unit.facts.all(Lesson)},
    )


async def read_open(unit: Unit, _payloads: Sequence[Payload]) -> None:
    """Read how many working days the rules give, and the calendar to count them by."""
    pack = await reference.rule_pack(unit.connection, unit.facts.journal)
    unit.facts.extra["pack"] = pack
    unit.facts.extra["policy_version"] = pack.label
    unit.facts.extra["calendar"] = await reference.calendar(unit.connection)


def decide_open(facts: Facts, payload: Payload) -> Decision:
    """Open the case: the institution is WINDING_DOWN and every pending lesson gets its notice.

    With no lesson waiting the case is LESSONS_SETTLED at once. Raises `WrongState`, `LevelTooLow`.
    """
    case = case_of(facts, ids.parse("wdn", str(payload["wind_down_id"]))[1])
    require_state(case, "FROZEN")
    institution = institution_of(facts, case)
    if institution.state != "FROZEN":
        raise WrongState(object="institution", state=institution.state)
    require_higher_level(facts, payload, institution.area)
    waiting = [row for row in facts.all(Lesson) if row.institution_id == case.institution_id]
    pending = [row for row in waiting if row.state == "RECORDED"]
    due = _due_on(facts, institution)
    opened_on = facts.moment.today
    told = {"pending": str(len(pending)), "disputed": str(len(waiting) - len(pending))}
    said, opened = advanced(
        facts,
        case,
        "OPENED",
        reason=str(payload["reason"]),
        named=told,
        opened_on=opened_on,
        lessons_due_on=due,
    )
    transactions: list[Transaction] = [said]
    changes: list[Change] = [opened, _winding_down(institution)]
    case = Record({**case, **opened.values})
    if waiting:
        changes += [change for row in pending for change in _told(facts, row, due)]
    else:
        said, settled = advanced(facts, case, "LESSONS_SETTLED", at=1)
        transactions.append(said)
        changes.append(settled)
        case = Record({**case, **settled.values})
    return Decision(
        answer=wind_down_reads.answer_of(facts.journal, case),
        transactions=tuple(transactions),
        changes=tuple(changes),
    )


def _due_on(facts: Facts, institution: Record) -> date:
    """The last day to answer; day 1 is the first working day after today."""
    pack: RulePack = facts.extra["pack"]
    calendar: WorkingCalendar = facts.extra["calendar"]
    today = facts.moment.today
    days = pack.value(
        parameters.WIND_DOWN_LESSON_WORKING_DAYS, on=today, category=Category(institution.category)
    )
    return calendar.add_working_days(today, days)


def _told(facts: Facts, lesson: Record, due: date) -> tuple[Change, ...]:
    """Give a pending lesson its notice: by the sender where there is a phone, else in the app."""
    reachable: frozenset[UUID] = facts.extra["reachable"]
    notice = ids.derived(lesson.lesson_id, NOTICE)
    row = {
        "notice_id": notice,
        "institution_id": lesson.institution_id,
        "recipient_id": lesson.guardian_id,
        "kind": NOTICE,
        "subject_id": lesson.lesson_id,
        "channel": "LOG" if lesson.guardian_id in reachable else "IN_APP",
        "created_at": facts.moment.now,
        "delivered_at": None,
        "proof": None,
    }
    values: dict[str, Any] = {
        "notice_id": notice,
        "confirm_due_on": due,
        "seq": facts.moment.next_seq,
    }
    return Insert(Notice, row), Update(Lesson, (lesson.lesson_id,), values)


def _winding_down(institution: Record) -> Update:
    values: dict[str, Any] = {"state": "WINDING_DOWN", "version": institution.version + 1}
    return Update(Institution, (institution.institution_id,), values)


def _named(payloads: Sequence[Payload]) -> set[UUID]:
    return {ids.parse("wdn", str(payload["wind_down_id"]))[1] for payload in payloads}


OPEN: Final = approvals.approvable(
    Approvable(
        "open_wind_down",
        frozenset({"regulator"}),
        load_open,
        decide_open,
        read_open,
        kind=ActKind.WIND_DOWN,
        title=("清算立案", "Open a wind-down case"),
        consequence=HIGHER_LEVEL,
    )
)
REQUEST_OPEN: Final[UseCase[OpenCase, OpenCase]] = UseCase(
    "request_open_wind_down", find_cases, load_request, decide_request
)
