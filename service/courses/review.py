"""Reviewing and withdrawing courses: what a regulator decides, and what an institution takes back.

A course takes money only while it is FILED; contracts that stand are not touched by what becomes
of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import CourseUnknown, Refusal, WrongState
from ledger.transactions import TransactionKind
from service.courses.use_cases import answer_of, said
from service.store import registry
from service.store.context import Context
from service.store.facts import Decision, Facts, Record, Update
from service.store.registry import P
from service.store.tables import Course
from service.store.transact import UseCase
from service.store.unit import Unit

REVIEWS: Final = frozenset(
    {
        ("SUBMITTED", "FILED"),
        ("SUBMITTED", "REJECTED"),
        ("FILED", "SUSPENDED"),
        ("SUSPENDED", "FILED"),
        ("SUSPENDED", "REJECTED"),
    }
)
"""From which state to which a review can bring a course."""

WITHDRAWABLE: Final = frozenset({"SUBMITTED", "FILED", "SUSPENDED", "REJECTED"})


@dataclass(frozen=True, slots=True)
class ReviewCourse:
    """A regulator's decision on a course: FILED, REJECTED or SUSPENDED, with a reason code."""

    journal: int
    target: UUID
    decision: str
    reason: str | None
    version: int | None


@dataclass(frozen=True, slots=True)
class WithdrawCourse:
    """An institution takes a course back."""

    journal: int
    target: UUID
    version: int | None


async def find_courses(
    connection: AsyncConnection, caller: Context, commands: Sequence[P]
) -> list[P | Refusal]:
    """Find the courses in the caller's scope."""
    return await registry.find_seen(connection, caller, commands, Course, CourseUnknown)


async def load_courses(unit: Unit, commands: Sequence[ReviewCourse | WithdrawCourse]) -> None:
    """Lock the courses."""
    await unit.lock(Course, (command.target for command in commands))


def decide_review(facts: Facts, command: ReviewCourse) -> Decision:
    """File, reject or suspend a course."""
    row = _course(facts, command.target)
    registry.require_version(row, command.version)
    if (row.state, command.decision) not in REVIEWS:
        raise WrongState(state=row.state)
    values = {
        "state": command.decision,
        "review_reason": command.reason,
        "reviewed_on": facts.moment.today,
    }
    return _changed(facts, row, values, TransactionKind.COURSE_REVIEWED, command.reason)


def decide_withdrawal(facts: Facts, command: WithdrawCourse) -> Decision:
    """Take a course back for good; its reference stays taken."""
    row = _course(facts, command.target)
    registry.require_version(row, command.version)
    if row.state not in WITHDRAWABLE:
        raise WrongState(state=row.state)
    return _changed(facts, row, {"state": "WITHDRAWN"}, TransactionKind.COURSE_WITHDRAWN, None)


def _course(facts: Facts, course: UUID) -> Record:
    row = facts.get(Course, course)
    assert row is not None, "the course was found and locked"
    return row


def _changed(
    facts: Facts, row: Record, values: dict[str, Any], kind: TransactionKind, reason: str | None
) -> Decision:
    values = {**values, "version": row.version + 1, "seq": facts.moment.next_seq}
    after = Record({**row, **values})
    return Decision(
        answer=answer_of(facts.journal, after),
        transactions=(said(kind, after, reason),),
        changes=(Update(Course, (row.course_id,), values),),
    )


REVIEW: Final[UseCase[ReviewCourse, ReviewCourse]] = UseCase(
    "review_course", find_courses, load_courses, decide_review
)
WITHDRAW: Final[UseCase[WithdrawCourse, WithdrawCourse]] = UseCase(
    "withdraw_course", find_courses, load_courses, decide_withdrawal
)
