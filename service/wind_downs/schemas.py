"""The JSON contract of wind-downs: cases, their timeline, figures and clocks."""

from typing import Annotated, Literal

from pydantic import Field

from service.web.wire import Amount, Day, Instant, Page, WireOut

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
