"""The JSON contract of wind-downs: cases, their timeline, figures and clocks."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from service.web.wire import Amount, CodeText, Day, Instant, Page, WireIn, WireOut, examples

Digest = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 of a document, in lower-case hexadecimal."""

WindDownState = Literal[
    "FROZEN",
    "OPENED",
    "LESSONS_SETTLED",
    "REGISTER_PUBLISHED",
    "SET_OFF",
    "DEPOSIT_DRAWN",
    "PLANNED",
    "APPROVED",
    "POSTED",
    "PAYING",
    "RESIDUAL",
    "CLOSED",
    "LIFTED",
]
Basis = Literal["POOLED", "TRACED_FIRST"]


class WindDownOut(WireOut):
    """A wind-down (清算案) as it stands."""

    id: str
    institution_id: str
    state: WindDownState
    basis: Basis = Field(description="How the pool is shared (分配方式) until a plan is approved")
    cause: str
    frozen_at: Instant
    frozen_on: Day
    opened_on: Day | None
    lessons_due_on: Day | None = Field(description="Last day to answer for pending lessons")
    published_on: Day | None
    objections_until: Day | None = Field(description="Last day to object to the register")
    plan_id: str | None
    closed_on: Day | None
    entitlements: int
    claimed: Amount
    distributed: Amount
    residual: Amount
    transaction_id: str | None = None


class WindDownPage(Page[WindDownOut]):
    """A page of wind-downs."""


class StepOut(WireOut):
    """One step of the timeline (进程), and the transaction that says so."""

    state: WindDownState
    on: Day
    transaction_id: str
    by: str | None = Field(description="Who took it; told to authorities only")


class ClockOut(WireOut):
    """How long one step may take, how long it took, and whether it is overdue (法定期限)."""

    state: WindDownState
    days_max: Annotated[int, Field(ge=0)]
    days_taken: int
    ended: bool
    overdue: bool


class PlaceOut(WireOut):
    """What stands in one custody account; `pool` is what a distribution could share."""

    custody_account_id: str
    bank: str
    purpose: str
    bank_balance: Amount
    pool: Amount
    owed_by_institution: Amount
    earned_unpaid: Amount
    own_funds: Amount
    bank_answer: Literal["ASKED", "AGREED", "DIFFERENT"] | None = None
    bank_said: Amount | None = None


class OpenPointOut(WireOut):
    """What still stops the next step, in words of both languages."""

    code: str
    count: int
    zh: str
    en: str


class WindDownDetailOut(WindDownOut):
    """A wind-down with its timeline, clocks, figures and what stops the next step."""

    timeline: list[StepOut]
    clocks: list[ClockOut]
    pool: Amount | None = Field(description="Over all custody accounts; told to authorities only")
    accounts: list[PlaceOut]
    open_points: list[OpenPointOut]


class OpenIn(WireIn):
    """Why a case is opened."""

    model_config = examples({"reason": "INSOLVENT"})

    reason: CodeText


class RulingIn(WireIn):
    """The task force's ruling: UPHELD gives the lesson back, REJECTED releases it."""

    model_config = examples({"ruling": "UPHELD"})

    ruling: Literal["UPHELD", "REJECTED"]


class LessonAnswerOut(WireOut):
    """What became of a lesson that waited when the case was opened."""

    lesson_id: str
    enrolment_id: str
    state: Literal["CONFIRMED", "VOIDED"]
    slot: int
    enrolment_state: str
    transaction_id: str | None = None


class StatementAnswerIn(WireIn):
    """A bank's balance at the instant it was asked about, and the SHA-256 of its document."""

    model_config = examples({"balance": "15345.73", "document_hash": "ab" * 32})

    balance: Amount
    document_hash: Digest


class StatementRequestOut(WireOut):
    """A request to a bank: what did this account hold at the freeze (冻结时点余额)?"""

    id: str
    institution_id: str
    custody_account_id: str
    bank: str
    asked_at: Instant
    balance_at: Instant
    state: Literal["ASKED", "AGREED", "DIFFERENT"]
    balance: Amount | None
    document_hash: str | None
    answered_at: Instant | None
    transaction_id: str | None = None


class StatementRequestPage(Page[StatementRequestOut]):
    """A page of requests."""
