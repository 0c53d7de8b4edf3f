"""The JSON contract of channel captures."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, field_validator

from ledger.accounts import Reason
from service.bank_entries.collection_entries import CAPTURE, PENDING
from service.bank_entries.facts import Detail, EntryFact
from service.bank_entries.schemas import EXAMPLE_ENTRY, BankEntryOut
from service.store import ids
from service.web.command import Command
from service.web.wire import (
    Amount,
    BatchMode,
    CustodyAccountId,
    Day,
    ItemResult,
    Text,
    WireIn,
    WireOut,
    example_id,
    examples,
    money,
)

PaymentCode = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9A-Z]{4,20}$")]
ChannelReference = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=52, pattern=r"^[!-~]+$")
]
EXAMPLE: Final[dict[str, Any]] = {
    "custody_account_id": example_id("cus"),
    "channel": "WECHAT",
    "reference": "4200002026030212345678",
    "amount": "4999.99",
    "captured_on": "2026-03-02",
    "payment_code": "TE23456789AA",
    "payer_name": "张三",
    "payer_account": "6222000000000000000",
}

EXAMPLE_ANSWER: Final = EXAMPLE_ENTRY | {
    "bank_ref": "WECHAT:4200002026030212345678",
    "direction": "PEND",
    "kind": CAPTURE,
}


class CaptureIn(WireIn):
    """What a payment channel took from a parent (渠道扣款), before it settles."""

    model_config = examples(EXAMPLE)

    custody_account_id: CustodyAccountId = Field(
        description="The custody account that the channel settles to"
    )
    channel: Literal["WECHAT", "ALIPAY", "UNIONPAY"]
    reference: ChannelReference = Field(
        description="The channel's own reference of the payment, unique for ever"
    )
    amount: Amount
    captured_on: Day
    payment_code: PaymentCode
    payer_name: Text | None = None
    payer_account: Text | None = Field(
        default=None, description="Where a refund can be sent back to"
    )

    @field_validator("amount")
    @classmethod
    def _is_something(cls, amount: str) -> str:
        """Refuse a capture of nothing."""
        if amount == "0.00":
            raise ValueError("a channel captures more than 0.00")
        return amount

    def fact(self, command: Command) -> EntryFact:
        """Make the ledger's fact of it: a bank entry that is pending."""
        return EntryFact(
            bank_entry=command.new_id(),
            custody_account=ids.parse("cus", self.custody_account_id)[1],
            bank_ref=f"{self.channel}:{self.reference}",
            direction=PENDING,
            kind=CAPTURE,
            amount=money(self.amount),
            book_on=self.captured_on,
            value_on=self.captured_on,
            payment_code=self.payment_code,
            order=None,
            payer_name=self.payer_name,
            payer_account=self.payer_account,
            purpose=None,
            detail=Detail(channel=Reason(self.channel)),
        )


class CaptureBatchIn(BatchMode):
    """Up to 10,000 captures, decided in order in one unit of work."""

    items: list[CaptureIn] = Field(min_length=1)


class CaptureOut(BankEntryOut):
    """What became of a capture: a bank entry that is pending until the channel settles."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE_ANSWER]}}

    bank_ref: str = Field(description="The channel and its reference")
    direction: Literal["PEND"]
    book_on: Day = Field(description="The day it was captured")
    outcome: str = Field(description="ENROLMENT, or SUSPENSE with a reason")


class CaptureResult(ItemResult[CaptureOut]):
    """One capture's outcome."""


class CaptureBatchOut(WireOut):
    """A result for each item, in the same order."""

    model_config = WireOut.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "mode": "independent",
                    "results": [{"status": 201, "code": "done", "result": EXAMPLE_ANSWER}],
                }
            ]
        }
    }

    mode: str
    results: list[CaptureResult]
