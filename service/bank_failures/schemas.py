"""The JSON contract of bank failures."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from service.web.wire import (
    Amount,
    CustodyAccountId,
    Day,
    Page,
    WireIn,
    WireOut,
    example_id,
    examples,
)

Digest = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]
EXAMPLE: Final[dict[str, Any]] = {
    "id": example_id("bkf"),
    "institution_id": example_id("ins"),
    "custody_account_id": example_id("cus"),
    "bank": "ICBC",
    "failed_on": "2026-03-02",
    "balance": "29062.50",
    "paid": "20345.73",
    "lost": "0.00",
    "target_custody_account_id": example_id("cus"),
    "state": "OPEN",
    "closed_on": None,
}


class FailureIn(WireIn):
    """A custody account's bank failed, by the document that says so."""

    model_config = examples(
        {
            "custody_account_id": example_id("cus"),
            "failed_on": "2026-03-02",
            "document_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        }
    )

    custody_account_id: CustodyAccountId
    failed_on: Day
    document_hash: Digest = Field(description="SHA-256 of the document that declares it")


class ClosingIn(WireIn):
    """Nothing more is paid; what is left is lost."""

    model_config = examples({"custody_account_id": example_id("cus")})

    custody_account_id: CustodyAccountId | None = Field(
        default=None, description="Where the enrolments go on, if nothing was ever paid"
    )


class FailureOut(WireOut):
    """A failed account: what it held, what was paid of the students' part, what was lost."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: str
    institution_id: str
    custody_account_id: str
    bank: str
    failed_on: Day
    balance: Amount = Field(description="What it held when it failed")
    paid: Amount = Field(description="What its receiver or insurer paid to students since")
    lost: Amount = Field(description="What students lost for good")
    target_custody_account_id: str | None = Field(
        default=None, description="Where payments come, and enrolments go on"
    )
    state: Literal["OPEN", "CLOSED"]
    closed_on: Day | None = None
    transaction_id: str | None = None
    balances: dict[str, Amount] | None = None


class FailurePage(Page[FailureOut]):
    """A page of failures."""
