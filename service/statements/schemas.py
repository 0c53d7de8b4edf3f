"""The JSON contract of statements and of closed days."""

from typing import Annotated, Any, Literal

from pydantic import Field

from ledger.money import Money
from service.statements.use_cases import Statement
from service.store import ids
from service.web.wire import (
    Amount,
    BatchMode,
    CustodyAccountId,
    Day,
    Instant,
    ItemResult,
    Page,
    Reference,
    SignedAmount,
    WireIn,
    WireOut,
)

Entries = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]

EXAMPLE: dict[str, Any] = {
    "custody_account_id": "cus_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "day": "2026-03-02",
    "opening": "0.00",
    "closing": "4994.99",
    "credit_count": 1,
    "credit_sum": "4999.99",
    "debit_count": 1,
    "debit_sum": "5.00",
}


class BankStatementIn(WireIn):
    """A bank's day on one custody account; opening + credits − debits = closing."""

    model_config = WireIn.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}

    custody_account_id: CustodyAccountId
    day: Day = Field(description="The booking date the figures are of")
    opening: Amount
    closing: Amount
    credit_count: Entries
    credit_sum: Amount
    debit_count: Entries
    debit_sum: Amount

    def statement(self) -> Statement:
        """Make the use case's command of it."""
        journal, custody = ids.parse("cus", self.custody_account_id)
        return Statement(
            journal,
            custody,
            self.day,
            Money.of(self.opening),
            Money.of(self.closing),
            self.credit_count,
            Money.of(self.credit_sum),
            self.debit_count,
            Money.of(self.debit_sum),
        )


class BankStatementBatchIn(BatchMode):
    """Up to 10,000 statements of one journal, days of an account in order."""

    items: list[BankStatementIn] = Field(min_length=1)


class BookedOut(WireOut):
    """What the bank had reported of the day, entry by entry."""

    credit_count: int
    credit_sum: Amount
    debit_count: int
    debit_sum: Amount


class BankStatementOut(WireOut):
    """A bank's day beside the ledger's."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    **EXAMPLE,
                    "institution_id": "ins_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
                    "bank": "ICBC",
                    "state": "AGREED",
                    "ledger_closing": "4994.99",
                    "difference": "0.00",
                }
            ]
        }
    }

    custody_account_id: str
    institution_id: str
    bank: str
    day: Day
    opening: Amount
    closing: Amount
    credit_count: int
    credit_sum: Amount
    debit_count: int
    debit_sum: Amount
    state: Literal["DELIVERED", "AGREED", "DIFFERENT"]
    ledger_closing: SignedAmount | None = Field(
        default=None, description="A1 by the bank's booking dates up to that day"
    )
    difference: SignedAmount | None = Field(default=None, description="closing − ledger_closing")
    ledger_day: BookedOut | None = None
    transaction_id: str | None = None


class BankStatementResult(ItemResult[BankStatementOut]):
    """One statement's outcome."""


class BankStatementBatchOut(WireOut):
    """A result for each item, in the same order."""

    mode: str
    results: list[BankStatementResult]


class BankStatementPage(Page[BankStatementOut]):
    """A page of statements."""


class CloseDayIn(WireIn):
    """Close a business date of a jurisdiction's journal."""

    model_config = WireIn.model_config | {
        "json_schema_extra": {"examples": [{"jurisdiction": "500106", "day": "2026-03-02"}]}
    }

    day: Day
    jurisdiction: Reference | None = Field(
        default=None, description="Needed when the caller's scope holds several journals"
    )


class ClosedDayOut(WireOut):
    """A business date closed for ever, and how the banks' statements of it compared."""

    day: Day
    last_transaction_id: str | None = None
    state: Literal["AGREED", "DIFFERENT", "INCOMPLETE"]
    closed_at: Instant
    closed_by: str
    agreed: int | None = None
    different: list[str] | None = None
    missing: list[str] | None = None
    transaction_id: str | None = None


class ClosedDayPage(Page[ClosedDayOut]):
    """A page of closed days, newest first."""
