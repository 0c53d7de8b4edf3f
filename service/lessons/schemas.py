"""The JSON contract of lessons and notices."""

from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from service.lessons.found import LessonKey
from service.lessons.record import RecordLesson
from service.lessons.schedule import ScheduleLesson
from service.store import ids
from service.web.command import Command
from service.web.wire import (
    Amount,
    BatchMode,
    Day,
    EnrolmentId,
    Instant,
    InstantIn,
    ItemResult,
    LessonId,
    Page,
    Reference,
    WireIn,
    WireOut,
    example_id,
    examples,
)

Digest = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of the attendance evidence (考勤凭证), in lower-case hexadecimal."""

LessonState = Literal[
    "SCHEDULED", "RECORDED", "CONFIRMED", "DISPUTED", "VOIDED", "CANCELLED", "REVERSED"
]
DisputeReason = Literal["NOT_HELD", "NOT_ATTENDED", "SHORTENED", "NOT_AS_CONTRACTED"]
ReversalReason = Literal["NOT_HELD", "RECORDED_IN_ERROR", "CONFIRMED_IN_ERROR", "FALSE_EVIDENCE"]
LONGEST: Final = timedelta(hours=24)

PLANNED = {
    "enrolment_id": example_id("enr"),
    "reference": "2026-03-02/1",
    "starts_at": "2026-03-02T16:30:00+08:00",
    "ends_at": "2026-03-02T17:30:00+08:00",
    "online": False,
    "teacher_reference": "T-0417",
}
HELD = {
    "attendance": "PRESENT",
    "evidence_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}


class LessonIn(WireIn):
    """A lesson (课时) to plan; `reference` is the institution's own, unique per enrolment."""

    model_config = examples(PLANNED)

    enrolment_id: EnrolmentId
    reference: Reference
    starts_at: InstantIn
    ends_at: InstantIn
    online: bool = False
    teacher_reference: Reference | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if not self.starts_at < self.ends_at <= self.starts_at + LONGEST:
            raise ValueError("a lesson ends after it starts, within a day")
        return self

    def facts(self, command: Command) -> ScheduleLesson:
        """Make the use case's command of it."""
        journal, enrolment = ids.parse("enr", self.enrolment_id)
        return ScheduleLesson(
            journal=journal,
            lesson=command.new_id(),
            enrolment=enrolment,
            reference=self.reference,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            online=self.online,
            teacher_reference=self.teacher_reference,
        )


class LessonBatchIn(BatchMode):
    """Up to 10,000 lessons to plan."""

    items: list[LessonIn] = Field(min_length=1)


class LessonNamed(WireIn):
    """A lesson, named by its id or by its enrolment and reference."""

    model_config = examples({"lesson_id": example_id("lsn")})

    lesson_id: LessonId | None = None
    enrolment_id: EnrolmentId | None = None
    reference: Reference | None = None

    @model_validator(mode="after")
    def _is_named_once(self) -> Self:
        by_reference = self.enrolment_id is not None and self.reference is not None
        by_id = self.lesson_id is not None and self.enrolment_id is self.reference is None
        if by_id == by_reference:
            raise ValueError("lesson_id, or enrolment_id and reference")
        return self

    @property
    def key(self) -> LessonKey:
        """The use case's key of it."""
        if self.lesson_id is not None:
            journal, lesson = ids.parse("lsn", self.lesson_id)
            return LessonKey(journal, lesson=lesson)
        assert self.enrolment_id is not None, "a lesson is named"
        journal, enrolment = ids.parse("enr", self.enrolment_id)
        return LessonKey(journal, enrolment=enrolment, reference=self.reference)


class RecordIn(WireIn):
    """A lesson that was held: who came, and a hash of the evidence."""

    model_config = examples(HELD)

    attendance: Literal["PRESENT", "ABSENT"]
    evidence_hash: Digest

    def facts(self, key: LessonKey, command: Command) -> RecordLesson:
        """Make the use case's command of it."""
        return RecordLesson(key, self.attendance, self.evidence_hash, notice=command.new_id())


class RecordItemIn(LessonNamed):
    """One lesson of a batch that was held."""

    model_config = examples({"lesson_id": example_id("lsn"), **HELD})

    attendance: Literal["PRESENT", "ABSENT"]
    evidence_hash: Digest

    def facts(self, command: Command) -> RecordLesson:
        """Make the use case's command of it."""
        return RecordLesson(self.key, self.attendance, self.evidence_hash, notice=command.new_id())


class RecordBatchIn(BatchMode):
    """Up to 10,000 lessons that were held."""

    items: list[RecordItemIn] = Field(min_length=1)


class ConfirmBatchIn(BatchMode):
    """Up to 10,000 lessons that the parent confirms."""

    items: list[LessonNamed] = Field(min_length=1)


class DisputeIn(WireIn):
    """Why the parent contests a lesson."""

    model_config = examples({"reason": "NOT_HELD"})

    reason: DisputeReason


class RulingIn(WireIn):
    """The regulator's ruling: UPHELD gives the lesson back, REJECTED releases it."""

    model_config = examples({"ruling": "UPHELD"})

    ruling: Literal["UPHELD", "REJECTED"]


class ReversalIn(WireIn):
    """Why a confirmation was wrong."""

    model_config = examples({"reason": "RECORDED_IN_ERROR"})

    reason: ReversalReason


class LessonOut(WireOut):
    """A lesson: its slot and value stand from when it was recorded."""

    id: str
    enrolment_id: str
    reference: str
    state: LessonState
    slot: int | None = None
    value: Amount | None = Field(default=None, description="R(k) − R(k−1) of its slot k")
    confirm_due_on: Day | None = Field(
        default=None, description="Last day to answer; silence confirms at 00:00 after it"
    )
    notice_id: str | None = None
    enrolment_state: str | None = None
    transaction_id: str | None = None
    balances: dict[str, Amount] | None = None


class LessonDetailOut(LessonOut):
    """A lesson with what was planned and recorded."""

    institution_id: str
    teacher_reference: str | None
    online: bool
    starts_at: Instant
    ends_at: Instant
    attendance: str | None
    evidence_hash: str | None
    confirmed_by: str | None = Field(description="PARENT, SILENCE or RULING")
    dispute_reason: str | None
    recorded_transaction_id: str | None
    confirmed_transaction_id: str | None


class LessonResult(ItemResult[LessonOut]):
    """One lesson's outcome."""


class LessonBatchOut(WireOut):
    """A result for each item, in the same order."""

    mode: str
    results: list[LessonResult]


class LessonPage(Page[LessonDetailOut]):
    """A page of lessons."""


class NoticesFetchIn(WireIn):
    """How many notices to fetch; what is fetched is delivered."""

    model_config = examples({"limit": 100})

    limit: Annotated[int, Field(strict=True, ge=1, le=500)] = 100


class NoticeOut(WireOut):
    """A notice: what it says, about what, and until when to answer where it is a lesson's."""

    id: str
    kind: str = Field(description="LESSON_RECORDED, CLAIM_AGREED and the like")
    subject_id: str | None = Field(description="What it is about")
    lesson_id: str | None
    lesson_state: LessonState | None
    channel: Literal["IN_APP", "LOG", "HTTP"]
    created_at: Instant
    delivered_at: Instant | None
    confirm_due_on: Day | None


class NoticesOut(WireOut):
    """What was fetched: first what was waiting, then the latest of before."""

    items: list[NoticeOut]
    transaction_id: str | None = None


class NoticePage(Page[NoticeOut]):
    """A page of notices."""
