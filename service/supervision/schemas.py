"""The JSON contract of restraints."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from ledger.money import Money
from service.store import ids
from service.supervision.use_cases import PREFIXES, TARGETS, Placing
from service.web.command import Command
from service.web.wire import Amount, CodeText, Instant, Page, Reference, WireIn, WireOut

Kind = Literal["ENROL_STOP", "PAYOUT_STOP", "FREEZE", "HOLD", "FENCE"]
TargetType = Literal["INSTITUTION", "CUSTODY_ACCOUNT", "ENROLMENT"]

EXAMPLE: dict[str, Any] = {
    "id": "rst_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "institution_id": "ins_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "target_type": "CUSTODY_ACCOUNT",
    "target_id": "cus_aaaqdfmpfxuma4aaqaaaaaaaaaaac",
    "kind": "HOLD",
    "amount": "20000.00",
    "cause": "COURT_NOTICE",
    "placed_by": "regulator-li",
    "placed_at": "2026-03-02T09:30:00+00:00",
    "from_transaction_id": "txn_aaaqaaaaaaaaaabk",
    "to_transaction_id": None,
    "lifted_by": None,
    "in_force": True,
}


class RestraintIn(WireIn):
    """Stop money at an institution, a custody account or an enrolment.

    ENROL_STOP: institution. PAYOUT_STOP: institution or custody account. FREEZE: institution or
    enrolment. HOLD (with its amount) and FENCE: custody account.
    """

    model_config = WireIn.model_config | {
        "json_schema_extra": {
            "examples": [
                {
                    "target_type": "CUSTODY_ACCOUNT",
                    "target_id": EXAMPLE["target_id"],
                    "kind": "HOLD",
                    "amount": "20000.00",
                    "cause": "COURT_NOTICE",
                }
            ]
        }
    }

    target_type: TargetType
    target_id: Reference
    kind: Kind
    amount: Amount | None = Field(default=None, description="For a HOLD, and only there")
    cause: CodeText = Field(description="Why, as a code")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.target_type not in TARGETS[self.kind]:
            raise ValueError(f"{self.kind} is not for {self.target_type}")
        ids.parse(PREFIXES[self.target_type], self.target_id)
        if (self.amount is not None) is not (self.kind == "HOLD"):
            raise ValueError("a HOLD has an amount, and nothing else has")
        if self.amount == "0.00":
            raise ValueError("a HOLD is for more than 0.00")
        return self

    def placing(self, command: Command) -> Placing:
        """Make the use case's command of it."""
        journal, target = ids.parse(PREFIXES[self.target_type], self.target_id)
        return Placing(
            journal,
            command.new_id(),
            self.target_type,
            target,
            self.kind,
            self.cause,
            None if self.amount is None else Money.of(self.amount),
        )


class LiftIn(WireIn):
    """Ask for a restraint to be lifted; a second regulator decides."""

    model_config = WireIn.model_config | {
        "json_schema_extra": {"examples": [{"reason": "SETTLED"}]}
    }

    reason: CodeText


class RestraintOut(WireOut):
    """A restraint (限制措施): what stops which money, from which transaction to which."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [EXAMPLE]}}

    id: str
    institution_id: str
    target_type: str
    target_id: str
    kind: str
    amount: Amount | None = None
    cause: str
    placed_by: str
    placed_at: Instant
    from_transaction_id: str
    to_transaction_id: str | None = None
    lifted_by: str | None = None
    in_force: bool
    transaction_id: str | None = None


class RestraintPage(Page[RestraintOut]):
    """A page of restraints."""
