"""The JSON contract of deposits."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from ledger.money import Money
from service.deposits.call import Calling
from service.deposits.draw import Drawing
from service.deposits.fees import ReportFee
from service.deposits.release import Releasing
from service.store import ids
from service.web.command import Command
from service.web.wire import (
    Amount,
    CodeText,
    CustodyAccountId,
    WireIn,
    WireOut,
    example_id,
    examples,
)

Proof = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]

EXAMPLE: Final[dict[str, Any]] = {
    "institution_id": example_id("ins"),
    "status": "BELOW",
    "held": "148000.00",
    "in_bank": "148000.00",
    "counted": "148000.00",
    "required": "157440.00",
    "surplus": "0.00",
    "missing": "9440.00",
    "arriving": "0.00",
    "drawable": "148000.00",
    "releasable": "0.00",
    "accounts": [
        {
            "custody_account_id": example_id("cus"),
            "bank": "ICBC",
            "held": "148000.00",
            "in_bank": "148000.00",
            "drawable": "148000.00",
        }
    ],
}


class DepositAccountOut(WireOut):
    """What stands in one deposit account."""

    custody_account_id: str
    bank: str
    held: Amount
    in_bank: Amount
    drawable: Amount


class DepositOut(WireOut):
    """What stands of an institution's risk deposit (风险保证金), against what must."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}

    institution_id: str
    status: Literal["OK", "BELOW", "NONE"] = Field(
        description="BELOW when what counts is less than required; it stops new enrolments"
    )
    held: Amount = Field(description="The deposit by the books (L12)")
    in_bank: Amount = Field(description="The money in its accounts (A2)")
    counted: Amount = Field(description="What counts: the smaller of the two")
    required: Amount = Field(
        description="One charging cycle of every student whose fee the institution holds"
    )
    surplus: Amount
    missing: Amount
    arriving: Amount = Field(description="Drawn, debited, and not yet in custody")
    drawable: Amount = Field(description="What can be drawn beside what is on its way")
    releasable: Amount = Field(description="What can be given back beyond the requirement")
    accounts: list[DepositAccountOut]


class ReleaseIn(WireIn):
    """Give back part of the surplus to the institution's settlement account."""

    model_config = examples({"amount": "2560.00"})

    amount: Amount
    deposit_account_id: CustodyAccountId | None = Field(
        default=None, description="Out of which deposit account; else the one that holds most"
    )

    def facts(self, command: Command, journal: int, institution: UUID) -> Releasing:
        """Make the use case's facts of it."""
        return Releasing(
            journal,
            institution,
            approval=command.new_id(),
            order=command.new_id(),
            amount=Money.of(self.amount),
            account=_account(self.deposit_account_id),
            key=_key(command),
        )


class DrawIn(WireIn):
    """Draw the deposit to cover what the institution owes in a custody account."""

    model_config = examples({"custody_account_id": example_id("cus"), "amount": "12000.00"})

    custody_account_id: CustodyAccountId
    amount: Amount | None = Field(
        default=None, description="All that is missing there and can be drawn when left out"
    )
    deposit_account_id: CustodyAccountId | None = None

    def facts(self, command: Command, journal: int, institution: UUID) -> Drawing:
        """Make the use case's facts of it."""
        return Drawing(
            journal,
            institution,
            approval=command.new_id(),
            order=command.new_id(),
            custody=ids.parse("cus", self.custody_account_id)[1],
            amount=None if self.amount is None else Money.of(self.amount),
            account=_account(self.deposit_account_id),
            key=_key(command),
        )


class CallIn(WireIn):
    """Call the fees that a frozen institution holds, and apply its deposit to them."""

    model_config = examples({"reason": "COLLAPSE"})

    reason: CodeText

    def facts(self, command: Command, journal: int, institution: UUID) -> Calling:
        """Make the use case's facts of it."""
        return Calling(journal, institution, command.new_id(), self.reason, _key(command))


class HeldFeeIn(WireIn):
    """A fee that the institution took itself, with the hash of the receipt it gave."""

    model_config = examples({"amount": "4800.00", "proof": "ab" * 32})

    amount: Amount
    proof: Proof = Field(description="SHA-256 of the receipt")

    def facts(self, journal: int, enrolment: UUID) -> ReportFee:
        """Make the use case's facts of it."""
        return ReportFee(journal, enrolment, Money.of(self.amount), self.proof)


class HeldFeeOut(WireOut):
    """What an enrolment's price has received, all of it held by the institution."""

    enrolment_id: str
    institution_id: str
    price: Amount
    received: Amount
    state: str
    transaction_id: str | None = None
    balances: dict[str, Amount] | None = None


def _account(public: str | None) -> UUID | None:
    return None if public is None else ids.parse("cus", public)[1]


def _key(command: Command) -> str | None:
    return None if command.key is None else command.key.key
