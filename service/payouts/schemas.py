"""The JSON contract of payouts and payment orders."""

from typing import Any, Literal

from pydantic import Field

from ledger.money import Money
from ledger.rules.payouts import OrderKind
from service.payouts.use_cases import PayoutRequest
from service.store import ids
from service.web.command import Command
from service.web.wire import (
    Amount,
    BatchMode,
    CodeText,
    CustodyAccountId,
    Day,
    ItemResult,
    Reference,
    WireIn,
    WireOut,
)

EXAMPLE_ORDER: dict[str, Any] = {
    "id": "ord_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "institution_id": "ins_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "custody_account_id": "cus_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "bank": "ICBC",
    "kind": "EARNED",
    "amount": "1770.82",
    "state": "NEW",
    "reason": None,
    "requested_on": "2026-03-02",
    "receipt_id": None,
    "executed_by": None,
    "returned_by": None,
}


class PayoutIn(WireIn):
    """Ask for what was earned in one custody account, or for its surplus."""

    model_config = WireIn.model_config | {
        "json_schema_extra": {
            "examples": [
                {"custody_account_id": EXAMPLE_ORDER["custody_account_id"], "amount": "1770.82"}
            ]
        }
    }

    custody_account_id: CustodyAccountId
    kind: Literal["EARNED", "SURPLUS"] = "EARNED"
    amount: Amount | None = Field(default=None, description="All that may be paid when left out")

    def request(self, command: Command, journal: int) -> PayoutRequest:
        """Make the use case's command of it."""
        return PayoutRequest(
            journal,
            command.new_id(),
            ids.parse("cus", self.custody_account_id)[1],
            OrderKind(self.kind),
            None if self.amount is None else Money.of(self.amount),
        )


class PayoutBatchIn(BatchMode):
    """Up to 10,000 payouts of one journal, decided in order in one unit of work."""

    items: list[PayoutIn] = Field(min_length=1)


class CoverIn(WireIn):
    """Cover a gap in one custody account with own money in another of the same institution."""

    model_config = WireIn.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "source_custody_account_id": EXAMPLE_ORDER["custody_account_id"],
                    "amount": "600.00",
                }
            ]
        }
    }

    source_custody_account_id: CustodyAccountId = Field(description="Where the own money stands")
    amount: Amount | None = Field(
        default=None, description="All that is there and is lacking when left out"
    )


class RetainIn(WireIn):
    """Keep earned money in a custody account, to close its gap from before custody."""

    model_config = WireIn.model_config | {"json_schema_extra": {"examples": [{"amount": "600.00"}]}}

    amount: Amount | None = Field(
        default=None, description="All that was earned and closes the gap when left out"
    )


class SweepIn(WireIn):
    """Pay out all that was earned, of agreements with one settlement cadence or of all."""

    model_config = WireIn.model_config | {
        "json_schema_extra": {"examples": [{"jurisdiction": "500106", "cadence": "WEEK"}]}
    }

    jurisdiction: Reference | None = Field(
        default=None, description="Needed when the caller's scope holds several journals"
    )
    cadence: Literal["LESSON", "WEEK"] | None = None


class OrderOut(WireOut):
    """A payment order (付款指令): what a bank is to pay, and how far that is."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE_ORDER]}}

    id: str
    institution_id: str
    custody_account_id: str
    bank: str
    kind: str = Field(
        description="EARNED, SURPLUS, DEPOSIT, REFUND, LODGING, SUSPENSE_RETURN, TRANSFER, PORTING"
    )
    amount: Amount
    state: str = Field(
        description="NEW, SENT, ACCEPTED, UNKNOWN, EXECUTED, REJECTED, RETURNED, REVERSED or"
        " CANCELLED"
    )
    reason: str | None = None
    requested_on: Day
    receipt_id: str | None = None
    executed_by: str | None = Field(default=None, description="The bank entry of its debit")
    returned_by: str | None = Field(default=None, description="The bank entry of its return")
    arrived_by: str | None = Field(
        default=None, description="The bank entry of its arrival at another custody account"
    )
    refund_id: str | None = None
    porting_id: str | None = None
    target_custody_account_id: str | None = Field(
        default=None, description="The custody account that a TRANSFER or PORTING goes to"
    )
    purpose: str | None = Field(
        default=None, description="What a TRANSFER is for: OWN_FUNDS, DEPOSIT_DRAW or POOL"
    )
    transaction_id: str | None = None
    balances: dict[str, Amount] | None = None


class OrderResult(ItemResult[OrderOut]):
    """One order's outcome."""


class OrderBatchOut(WireOut):
    """A result for each item, in the same order."""

    mode: str
    results: list[OrderResult]


class SkippedOut(WireOut):
    """A custody account that a sweep left out, and the refusal it would have met."""

    custody_account_id: str
    code: str


class SweepOut(WireOut):
    """The orders that a sweep made, and the custody accounts that it left out."""

    orders: list[OrderOut]
    skipped: list[SkippedOut]
    transaction_id: str | None = None


class DebtOut(WireOut):
    """What the institution owes in a custody account, by reason."""

    reason: str
    amount: Amount


class StopOut(WireOut):
    """A restraint that bears on a payout."""

    id: str
    kind: str
    target_type: str
    cause: str


class PreviewOut(WireOut):
    """What could be paid from a custody account now, and why not more."""

    custody_account_id: str
    institution_id: str
    earned: Amount
    own_funds: Amount
    debts: list[DebtOut]
    earned_after_debts: Amount = Field(description="What is left once debts are made good")
    held: Amount = Field(description="What holds keep back")
    room: Amount = Field(description="What coverage leaves before holds")
    payable_now: Amount
    requirement: Amount
    resource: Amount
    shortfall: Amount
    restraints: list[StopOut]
    stopped_by: list[str] = Field(description="Codes of the refusals that a payout of all meets")


class CancelIn(WireIn):
    """Take an order back before its bank has fetched it."""

    model_config = WireIn.model_config | {
        "json_schema_extra": {"examples": [{"reason": "MISTAKEN"}]}
    }

    reason: CodeText | None = None
