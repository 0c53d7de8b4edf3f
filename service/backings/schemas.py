"""The JSON contract of moves of an enrolment's money between banks."""

from typing import Any, Final, Literal

from pydantic import Field

from service.web.wire import (
    Amount,
    CustodyAccountId,
    Day,
    EnrolmentId,
    Page,
    WireIn,
    WireOut,
    example_id,
    examples,
)

EXAMPLE: Final[dict[str, Any]] = {
    "id": example_id("bkm"),
    "institution_id": example_id("ins"),
    "enrolment_id": example_id("enr"),
    "source_custody_account_id": example_id("cus"),
    "target_custody_account_id": example_id("cus"),
    "order_id": example_id("ord"),
    "prepaid": "3229.17",
    "interest": "1.20",
    "legacy": "0.00",
    "diversion": "0.00",
    "state": "INSTRUCTED",
    "asked_on": "2026-03-02",
    "ended_on": None,
}


class MoveIn(WireIn):
    """Move an enrolment's money to another custody account of its institution."""

    model_config = examples(
        {"enrolment_id": example_id("enr"), "custody_account_id": example_id("cus")}
    )

    enrolment_id: EnrolmentId
    custody_account_id: CustodyAccountId = Field(description="Where it is to stand from then on")
    source_custody_account_id: CustodyAccountId | None = Field(
        default=None,
        description="An account that the enrolment left, for what has come there since",
    )


class MoveOut(WireOut):
    """A move: what stood behind the enrolment when it was instructed, and where it is."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: str
    institution_id: str
    enrolment_id: str
    source_custody_account_id: str
    target_custody_account_id: str
    order_id: str | None = Field(
        default=None, description="The transfer order; none where no money is behind it"
    )
    prepaid: Amount
    interest: Amount
    legacy: Amount = Field(description="What the institution owes on this very contract")
    diversion: Amount
    state: Literal["INSTRUCTED", "MOVED", "FAILED"]
    asked_on: Day
    ended_on: Day | None = None
    transaction_id: str | None = None
    balances: dict[str, Amount] | None = None


class MovePage(Page[MoveOut]):
    """A page of moves."""
