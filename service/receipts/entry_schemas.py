"""What is told of bank entries, and what is done with money in suspense, as JSON."""

from typing import Any, Final, Literal

from pydantic import Field

from service.store import ids
from service.web.wire import (
    Amount,
    Day,
    EnrolmentId,
    ItemResult,
    Page,
    WireIn,
    WireOut,
    example_id,
    examples,
)

EXAMPLE_ENTRY: Final[dict[str, Any]] = {
    "id": example_id("bke"),
    "custody_account_id": example_id("cus"),
    "bank_ref": "20260302-000017",
    "direction": "CRDT",
    "amount": "4999.99",
    "book_on": "2026-03-02",
    "value_on": "2026-03-02",
    "kind": "PAYMENT",
    "outcome": "ENROLMENT",
    "suspense_reason": None,
    "suspense": "0.00",
    "enrolment_id": example_id("enr"),
    "order_id": None,
    "transaction_id": ids.public_transaction(1, 42),
}


class EntryOut(WireOut):
    """What became of a bank entry."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE_ENTRY]}}

    id: str
    custody_account_id: str
    bank_ref: str
    direction: Literal["CRDT", "DBIT", "PEND"] = Field(
        description="PEND: told of, and not in the bank yet"
    )
    amount: Amount
    book_on: Day
    value_on: Day
    kind: str
    outcome: str = Field(
        description="What it became: ENROLMENT, SUSPENSE, TOP_UP, CHARGE, ORDER, RETURN,"
        " REVERSAL, CHARGEBACK, INTEREST, DEPOSIT, ADVANCE, DUPLICATE (the same money as another),"
        " KEPT (not posted yet) and so on"
    )
    suspense_reason: str | None = None
    suspense: Amount = Field(description="How much of it stands in suspense (待核款)")
    enrolment_id: str | None = None
    order_id: str | None = None
    confirmed: bool | None = Field(
        default=None,
        description="Whether a statement file (对账单) shows it; until then it is provisional."
        " Told when it is read",
    )
    transaction_id: str | None = None
    balances: dict[str, Amount] | None = None


class EntryResult(ItemResult[EntryOut]):
    """One entry's outcome."""


class EntryBatchOut(WireOut):
    """A result for each item, in the same order."""

    mode: str
    results: list[EntryResult]


class EntryPage(Page[EntryOut]):
    """A page of bank entries."""


class MatchIn(WireIn):
    """The enrolment that money in suspense belongs to."""

    model_config = examples({"enrolment_id": example_id("enr")})

    enrolment_id: EnrolmentId


class ReturnIn(WireIn):
    """Send money in suspense back to the payer the bank named."""

    model_config = examples({})


class ReturnOut(WireOut):
    """The payment order that sends it back."""

    id: str
    receipt_id: str
    amount: Amount
    state: str
    transaction_id: str | None = None
    balances: dict[str, Amount] | None = None
