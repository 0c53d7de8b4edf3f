"""The JSON contract of notifications."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from service.bank_entries.schemas import EXAMPLE_ENTRY
from service.receipts.entry_schemas import EntryOut
from service.receipts.schemas import EXAMPLE, DebitIn, ReceiptIn
from service.store import ids
from service.store.bank_events import FreezeNoticed
from service.web.command import Command
from service.web.wire import (
    BATCH_MAX,
    Amount,
    CustodyAccountId,
    Day,
    DocumentNumber,
    Instant,
    ItemResult,
    Reference,
    WireIn,
    WireOut,
    example_id,
    examples,
    money,
)

FREEZE_EXAMPLE: dict[str, Any] = {
    "custody_account_id": example_id("cus"),
    "document_number": "(2026)渝0106执123号",
    "amount": "20000.00",
    "ordered_on": "2026-03-02",
}


class FreezeIn(WireIn):
    """A court froze so much of a custody account (司法冻结)."""

    model_config = examples(FREEZE_EXAMPLE)

    custody_account_id: CustodyAccountId
    document_number: DocumentNumber = Field(description="The court's document number (文书号)")
    amount: Amount
    ordered_on: Day
    until_on: Day | None = Field(default=None, description="The last day it holds, where it says")

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        """Require an amount, and days in order."""
        if self.amount == "0.00":
            raise ValueError("a court holds more than 0.00")
        if self.until_on is not None and self.until_on < self.ordered_on:
            raise ValueError("it holds until a day that is not before its own")
        return self

    def fact(self, command: Command) -> FreezeNoticed:
        """Make the store's fact of it."""
        journal, custody = ids.parse("cus", self.custody_account_id)
        return FreezeNoticed(
            journal,
            court_order=command.new_id(),
            restraint=command.new_id(),
            custody=custody,
            document_number=self.document_number,
            amount=money(self.amount),
            ordered_on=self.ordered_on,
            until_on=self.until_on,
        )


class NotifiedIn(WireIn):
    """One fact of a notification: a receipt (a return too), a debit, or a court's freeze."""

    model_config = examples({"receipt": EXAMPLE}, {"freeze": FREEZE_EXAMPLE})

    receipt: ReceiptIn | None = None
    debit: DebitIn | None = None
    freeze: FreezeIn | None = None

    @model_validator(mode="after")
    def _is_one_fact(self) -> Self:
        """Require exactly one of the three."""
        if sum(fact is not None for fact in (self.receipt, self.debit, self.freeze)) != 1:
            raise ValueError("an item is a receipt, a debit or a freeze")
        return self

    @property
    def said(self) -> ReceiptIn | DebitIn | FreezeIn:
        """The one fact it is."""
        found = self.receipt or self.debit or self.freeze
        assert found is not None, "an item is one of the three"
        return found


class NotificationIn(WireIn):
    """Up to 10,000 facts of one bank and one journal, under the bank's own reference."""

    model_config = examples({"reference": "N-20260302-0007", "items": [{"receipt": EXAMPLE}]})

    reference: Reference = Field(description="The bank's reference of this notification, for ever")
    items: list[NotifiedIn] = Field(min_length=1, max_length=BATCH_MAX)


class FrozenOut(WireOut):
    """What a court's freeze holds."""

    id: str
    institution_id: str
    custody_account_id: str
    bank: str
    document_number: str
    amount: Amount
    deducted: Amount
    ordered_on: Day
    until_on: Day | None = None
    restraint_id: str | None = Field(default=None, description="The HOLD that stands for it")
    state: Literal["HELD", "DEDUCTED", "RELEASED"]
    released_on: Day | None = None
    transaction_id: str | None = None


class NotifiedResult(ItemResult[EntryOut | FrozenOut]):
    """What became of one item."""


class NotificationOut(WireOut):
    """A notification as it was kept, with a result for each item in the same order."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "id": example_id("ntf"),
                    "reference": "N-20260302-0007",
                    "item_count": 1,
                    "received_at": "2026-03-02T10:15:00+08:00",
                    "duplicate": False,
                    "results": [{"status": 201, "code": "done", "result": EXAMPLE_ENTRY}],
                }
            ]
        }
    }

    id: str
    reference: str
    item_count: int
    received_at: Instant
    duplicate: bool = Field(description="Whether the same notification was here before")
    results: list[NotifiedResult]
