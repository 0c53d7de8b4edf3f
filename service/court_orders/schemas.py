"""The JSON contract of court orders."""

from typing import Any, Final, Literal, Self

from pydantic import Field, model_validator

from service.store import ids
from service.store.bank_events import FreezeNoticed
from service.web.command import Command
from service.web.wire import (
    Amount,
    CustodyAccountId,
    Day,
    DocumentNumber,
    Page,
    WireIn,
    WireOut,
    example_id,
    examples,
    money,
)

EXAMPLE: Final[dict[str, Any]] = {
    "id": example_id("cto"),
    "institution_id": example_id("ins"),
    "custody_account_id": example_id("cus"),
    "bank": "ICBC",
    "document_number": "(2026)渝0106执123号",
    "amount": "20000.00",
    "deducted": "0.00",
    "ordered_on": "2026-03-02",
    "until_on": "2027-03-01",
    "restraint_id": example_id("rst"),
    "state": "HELD",
    "released_on": None,
}


class CourtOrderIn(WireIn):
    """A court froze so much of a custody account (司法冻结)."""

    model_config = examples(
        {
            "custody_account_id": example_id("cus"),
            "document_number": "(2026)渝0106执123号",
            "amount": "20000.00",
            "ordered_on": "2026-03-02",
            "until_on": "2027-03-01",
        }
    )

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

    def noticed(self, command: Command) -> FreezeNoticed:
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


class ReleaseIn(WireIn):
    """The court let go; nothing else is to be said."""

    model_config = examples({})


class CourtOrderOut(WireOut):
    """A court's order: what it holds, and what was taken of it."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: str
    institution_id: str
    custody_account_id: str
    bank: str
    document_number: str
    amount: Amount
    deducted: Amount = Field(description="What was taken under it (司法扣划)")
    ordered_on: Day | None = Field(
        default=None, description="None while only a deduction has told of it"
    )
    until_on: Day | None = None
    restraint_id: str | None = Field(default=None, description="The HOLD that stands for it")
    state: Literal["HELD", "DEDUCTED", "RELEASED"]
    released_on: Day | None = None
    transaction_id: str | None = None
    balances: dict[str, Amount] | None = None


class CourtOrderPage(Page[CourtOrderOut]):
    """A page of court orders."""
