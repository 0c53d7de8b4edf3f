"""The JSON contract of the register: entitlements, objections, late entries."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from service.web.wire import (
    Amount,
    CodeText,
    Day,
    Instant,
    Label,
    Page,
    Reference,
    Text,
    WireIn,
    WireOut,
    examples,
)
from service.wind_downs.schemas import Digest

DOCUMENT = {"document_hash": "ab" * 32}


class EntitlementOut(WireOut):
    """What a parent is owed (权益), under its register number."""

    id: str
    wind_down_id: str
    enrolment_id: str
    institution_id: str
    custody_account_id: str
    register_number: int
    contract_number: str
    contract_on: Day
    state: Literal["REGISTERED", "OBJECTED", "ADMITTED", "POSTED", "SETTLED"]
    late: bool
    claimed: Amount
    unfunded: Amount = Field(description="What of it the institution never put into custody")
    dividend: Amount
    residual: Amount
    written_off: Amount


class EntitlementPage(Page[EntitlementOut]):
    """A page of entitlements."""


class ObjectionIn(WireIn):
    """What the parent says is owed in full, and the SHA-256 of what proves it."""

    model_config = examples({"asked": "3600.00", **DOCUMENT, "note": "two receipts are missing"})

    asked: Amount
    document_hash: Digest
    note: Text | None = None


class LateEntryIn(WireIn):
    """A contract that is missing from the register (补登记), as the parent has it."""

    model_config = examples(
        {
            "contract_number": "K-2025-0417",
            "contract_on": "2025-09-01",
            "student_name": "张小三",
            "asked": "3600.00",
            **DOCUMENT,
        }
    )

    contract_number: Reference
    contract_on: Day
    student_name: Label
    asked: Amount
    document_hash: Digest
    note: Text | None = None


class AdmissionIn(WireIn):
    """What the task force found of a missing contract."""

    model_config = examples({"origin": "DIVERSION", "subject": "DANCE", "lessons": 20})

    origin: Literal["LEGACY", "DIVERSION"]
    subject: CodeText
    lessons: Annotated[int, Field(strict=True, ge=1, le=10_000)]


class DecisionIn(WireIn):
    """The task force's decision; an upheld one says what is owed in full."""

    model_config = examples(
        {"decision": "UPHELD", "reason": "RECEIPTS_PROVED", "amount": "3600.00"},
        {"decision": "REJECTED", "reason": "NOT_PROVED"},
    )

    decision: Literal["UPHELD", "REJECTED"]
    reason: CodeText
    amount: Amount | None = None
    admission: AdmissionIn | None = Field(
        default=None, description="Of a contract that was missing; only with UPHELD"
    )

    @model_validator(mode="after")
    def _says_what_is_owed(self) -> Self:
        upheld = self.decision == "UPHELD"
        if upheld != (self.amount is not None) or (self.admission is not None and not upheld):
            raise ValueError("an upheld objection says the amount, a rejected one does not")
        return self


class ObjectionOut(WireOut):
    """An objection (异议), without its note."""

    id: str
    wind_down_id: str
    entitlement_id: str | None
    kind: Literal["AMOUNT", "MISSING"]
    contract_number: str
    contract_on: Day
    asked: Amount
    document_hash: str
    filed_at: Instant
    state: Literal["FILED", "UPHELD", "REJECTED"]
    decided: Amount | None
    decision_reason: str | None
    decided_on: Day | None
    transaction_id: str | None = None


class ObjectionPage(Page[ObjectionOut]):
    """A page of objections."""
