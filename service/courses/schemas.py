"""The JSON contract of courses and their reviews."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from ledger.money import Money
from ledger.parameters import Category
from service.courses.review import ReviewCourse, WithdrawCourse
from service.courses.use_cases import FileCourse
from service.store import ids
from service.web.command import Command
from service.web.wire import (
    VERSION_MAX,
    Amount,
    BatchMode,
    CodeText,
    CourseId,
    CustodyAccountId,
    Day,
    InstitutionId,
    ItemResult,
    Label,
    Page,
    Reference,
    TransactionId,
    WireIn,
    WireOut,
    example_id,
    examples,
)

COURSE_EXAMPLE = {
    "reference": "C-2026-001",
    "name": "少儿书法初级班",
    "category": "art",
    "subject": "书法",
    "class_size": 12,
    "lesson_minutes": 45,
    "price": "4999.99",
    "lessons": 48,
}
REVIEW_EXAMPLE = {"decision": "REJECTED", "reason": "CONTENT_IS_SUBJECT_TUTORING"}


class CourseIn(WireIn):
    """A course (课程) to file: one price for all its lessons."""

    model_config = examples(COURSE_EXAMPLE)

    reference: Reference = Field(description="The institution's own name for it, unique for ever")
    name: Label
    category: Category
    subject: Label
    online: bool = Field(default=False, strict=True)
    class_size: Annotated[int, Field(strict=True, ge=1, le=1000)]
    lesson_minutes: Annotated[int, Field(strict=True, ge=1, le=600)]
    price: Amount
    lessons: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    lessons_gift: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 0
    gift_in_schedule: bool = Field(
        default=False, strict=True, description="Gift lessons share the price with paid ones"
    )
    absence_counts: bool = Field(
        default=False, strict=True, description="An absence takes a lesson under its contracts"
    )
    list_lesson_price: Amount | None = Field(
        default=None, description="Of one lesson before any discount; price ÷ lessons otherwise"
    )
    materials: Amount = Field(
        default="0.00", description="What its contracts itemise for materials, within the price"
    )
    time_card: bool = Field(
        default=False, strict=True, description="Used without limit in its span (限时不限次)"
    )
    custody_account_id: CustodyAccountId | None = Field(
        default=None, description="Where its money goes; the institution's default otherwise"
    )

    def facts(self, command: Command, journal: int, institution: UUID) -> FileCourse:
        """Make the command of it."""
        account = self.custody_account_id
        return FileCourse(
            journal=journal,
            target=institution,
            course=command.new_id(),
            reference=self.reference,
            name=self.name,
            category=self.category,
            subject=self.subject,
            online=self.online,
            class_size=self.class_size,
            lesson_minutes=self.lesson_minutes,
            price=Money.of(self.price),
            lessons=self.lessons,
            lessons_gift=self.lessons_gift,
            gift_in_schedule=self.gift_in_schedule,
            absence_counts=self.absence_counts,
            list_lesson=(
                None if self.list_lesson_price is None else Money.of(self.list_lesson_price)
            ),
            materials=Money.of(self.materials),
            time_card=self.time_card,
            custody_account=None if account is None else ids.parse("cus", account)[1],
        )


class CourseBatchIn(BatchMode):
    """Up to 10,000 courses of the calling institution."""

    model_config = examples({"mode": "independent", "items": [COURSE_EXAMPLE]})

    items: list[CourseIn] = Field(min_length=1)


class CourseVersion(WireIn):
    """The version the caller has seen; another one is 409 `version_stale`."""

    version: Annotated[int, Field(strict=True, ge=1, le=VERSION_MAX)]


class CourseCommandIn(WireIn):
    """A command on a course, with the version it was made for."""

    expect: CourseVersion | None = None

    @property
    def version(self) -> int | None:
        """The version expected, None for any."""
        return None if self.expect is None else self.expect.version


class ReviewIn(CourseCommandIn):
    """A regulator's decision; to reject or suspend takes a reason code."""

    model_config = examples(REVIEW_EXAMPLE, {"decision": "FILED"})

    decision: Literal["FILED", "REJECTED", "SUSPENDED"]
    reason: CodeText | None = None

    @model_validator(mode="after")
    def _with_reason(self) -> Self:
        if self.decision != "FILED" and self.reason is None:
            raise ValueError("a reason is needed")
        return self

    def facts(self, journal: int, course: UUID) -> ReviewCourse:
        """Make the command of it."""
        return ReviewCourse(journal, course, self.decision, self.reason, self.version)


class ReviewItemIn(ReviewIn):
    """One decision of a batch."""

    model_config = examples({"course_id": example_id("crs"), "decision": "FILED"})

    course_id: CourseId


class ReviewBatchIn(BatchMode):
    """Up to 10,000 decisions on courses of one journal."""

    model_config = examples({"items": [{"course_id": example_id("crs"), "decision": "FILED"}]})

    items: list[ReviewItemIn] = Field(min_length=1)


class WithdrawalIn(CourseCommandIn):
    """Take a course back."""

    model_config = examples({"expect": {"version": 2}})

    def facts(self, journal: int, course: UUID) -> WithdrawCourse:
        """Make the command of it."""
        return WithdrawCourse(journal, course, self.version)


class CourseOut(WireOut):
    """A course and how it stands; only a FILED one takes money."""

    id: CourseId
    institution_id: InstitutionId
    reference: str
    name: str
    category: str
    subject: str
    online: bool
    class_size: int
    lesson_minutes: int
    price: Amount
    lessons: int
    lessons_gift: int
    gift_in_schedule: bool
    absence_counts: bool
    list_lesson_price: Amount | None = None
    materials: Amount
    time_card: bool
    custody_account_id: CustodyAccountId | None = None
    state: str
    review_reason: str | None = None
    reviewed_on: Day | None = None
    version: int
    transaction_id: TransactionId | None = None


class CourseResult(ItemResult[CourseOut]):
    """One course's outcome."""


class CourseBatchOut(WireOut):
    """A result for each item, in the same order."""

    mode: str
    results: list[CourseResult]


class CoursePage(Page[CourseOut]):
    """A page of courses."""
