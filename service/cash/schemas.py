"""The JSON contract of cash."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints

from service.bank_entries.schemas import EXAMPLE_ENTRY, BankEntryOut
from service.cash.use_cases import TakeCash
from service.store import ids
from service.web.command import Command
from service.web.wire import (
    Amount,
    Day,
    EnrolmentId,
    Text,
    WireIn,
    WireOut,
    example_id,
    examples,
    money,
)

CashReference = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=52, pattern=r"^[!-~]+$")
]


def _something(amount: str) -> str:
    if amount == "0.00":
        raise ValueError("cash is more than 0.00")
    return amount


class CashIn(WireIn):
    """Cash that the school took from a parent (现金收款)."""

    model_config = examples(
        {
            "enrolment_id": example_id("enr"),
            "reference": "SJ-2026-0017",
            "amount": "1200.00",
            "taken_on": "2026-03-02",
            "payer_name": "张三",
        }
    )

    enrolment_id: EnrolmentId
    reference: CashReference = Field(
        description="The school's own receipt number (收据号), unique per account"
    )
    amount: Annotated[Amount, AfterValidator(_something)]
    taken_on: Day
    payer_name: Text | None = None

    def taken(self, command: Command) -> TakeCash:
        """Make the use case's command of it."""
        journal, enrolment = ids.parse("enr", self.enrolment_id)
        return TakeCash(
            journal,
            command.new_id(),
            enrolment,
            self.reference,
            money(self.amount),
            self.taken_on,
            self.payer_name,
        )


_EXAMPLE: Final = EXAMPLE_ENTRY | {
    "bank_ref": "CASH:SJ-2026-0017",
    "direction": "PEND",
    "amount": "1200.00",
    "kind": "CASH_REPORT",
}


class CashOut(BankEntryOut):
    """What became of it: a bank entry that is pending until the school pays the cash in."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [_EXAMPLE]}}

    bank_ref: str = Field(description="CASH and the school's receipt number")
    direction: Literal["PEND"]
    book_on: Day = Field(description="The day it was taken")
    suspense: Amount = Field(description="What was taken beyond the price; it goes back")
