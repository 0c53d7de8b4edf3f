"""What is told of bank entries, and what is done with money in suspense, as JSON."""

from pydantic import Field

from service.bank_entries.schemas import EXAMPLE_ENTRY, BankEntryOut
from service.web.wire import (
    Amount,
    EnrolmentId,
    ItemResult,
    Page,
    WireIn,
    WireOut,
    example_id,
    examples,
)


class EntryOut(BankEntryOut):
    """What became of a bank entry."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE_ENTRY]}}

    outcome: str = Field(
        description="What it became: ENROLMENT, SUSPENSE, TOP_UP, CHARGE, ORDER, RETURN,"
        " REVERSAL, CHARGEBACK, INTEREST, DEPOSIT, ADVANCE, DUPLICATE (the same money as another),"
        " KEPT (not posted yet) and so on"
    )
    confirmed: bool | None = Field(
        default=None,
        description="Whether a statement file (对账单) shows it; until then it is provisional."
        " Told when it is read",
    )


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
