"""The JSON contract of suspected duplicates."""

from typing import Literal

from pydantic import Field

from service.bank_entries.schemas import EXAMPLE_ENTRY
from service.receipts.entry_schemas import EntryOut
from service.web.wire import Amount, Instant, Page, WireIn, WireOut, example_id, examples


class SuspicionIn(WireIn):
    """What a person found out about a receipt that looks like another."""

    model_config = examples({"verdict": "SAME"}, {"verdict": "DIFFERENT"})

    verdict: Literal["SAME", "DIFFERENT"] = Field(
        description="SAME money as the other receipt's, or DIFFERENT: a payment of its own"
    )


class SuspicionOut(WireOut):
    """A receipt held because another may have brought the same money (疑似重复)."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "receipt": EXAMPLE_ENTRY
                    | {
                        "outcome": "SUSPENSE",
                        "suspense_reason": "SUSPECTED_DUPLICATE",
                        "suspense": "4999.99",
                        "enrolment_id": None,
                    },
                    "other_receipt_id": example_id("bke"),
                    "state": "OPEN",
                    "suspected_at": "2026-03-02T10:15:00+08:00",
                }
            ]
        }
    }

    receipt: EntryOut
    other_receipt_id: str = Field(description="The earlier receipt that it is like")
    state: Literal["OPEN", "SAME", "DIFFERENT"]
    closed_as: Literal["COUNTED_TWICE", "BANK_ERROR"] | None = Field(
        default=None,
        description="Of SAME: COUNTED_TWICE when the bank has the money once, BANK_ERROR when its"
        " statements show it twice and it is the bank's own",
    )
    suspected_at: Instant
    decided_by: str | None = None
    decided_at: Instant | None = None
    transaction_id: str | None = None
    balances: dict[str, Amount] | None = None


class SuspicionPage(Page[SuspicionOut]):
    """A page of suspected duplicates."""
