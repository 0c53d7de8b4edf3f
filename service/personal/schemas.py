"""Wire shapes of parties, of reading them in plain, and of requests about one's own data."""

from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from service.store.data_requests import PREFIX
from service.web.wire import (
    CodeText,
    Day,
    Instant,
    Label,
    Page,
    Text,
    WireIn,
    WireOut,
    example_id,
    examples,
)

Phone = Annotated[
    str, StringConstraints(strict=True, min_length=5, max_length=20, pattern=r"^\+?[0-9 -]+$")
]
Purpose = Literal["CLAIM", "REFUND", "WIND_DOWN"]

PARTY: Final[dict[str, Any]] = {
    "id": example_id("pty"),
    "kind": "GUARDIAN",
    "institution_id": example_id("ins"),
    "name": "张*三",
    "phone": "138****5678",
    "account_number": "",
    "bank_name": "",
    "masked": True,
    "erased": False,
    "restricted": False,
    "plain_until": None,
}
REQUEST: Final[dict[str, Any]] = {
    "id": example_id(PREFIX),
    "kind": "ERASURE",
    "party_id": example_id("pty"),
    "guardian_id": example_id("pty"),
    "institution_id": example_id("ins"),
    "state": "REFUSED",
    "reason": "RETENTION",
    "earliest_on": "2029-05-31",
    "filed_at": "2026-06-02T09:30:00+08:00",
    "decided_at": "2026-06-02T09:30:00+08:00",
}
GRANT: Final[dict[str, Any]] = {
    "id": example_id("umk"),
    "party_id": example_id("pty"),
    "caller_id": "regulator-li",
    "role": "regulator",
    "purpose": "CLAIM",
    "case_id": example_id("clm"),
    "granted_at": "2026-03-02T09:30:00+08:00",
    "expires_at": "2026-03-02T09:45:00+08:00",
}


class PartyOut(WireOut):
    """A person or payee as the caller may see them; what is not there is an empty text."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [PARTY]}}

    id: str
    kind: str = Field(description="GUARDIAN, STUDENT, PAYER, PAYEE, SETTLEMENT or NOTARY")
    institution_id: str | None = None
    name: str
    phone: str
    account_number: str
    bank_name: str
    masked: bool = Field(description="Shown as 张*三, 138****5678, ****1234")
    erased: bool = Field(description="Its key was destroyed; nobody reads it again")
    restricted: bool = Field(description="Kept because the law says so, used for nothing else")
    plain_until: Instant | None = Field(
        default=None, description="Until when the caller reads it in plain, under a grant"
    )


class UnmaskIn(WireIn):
    """What a party is read in plain for: a purpose, the case it is about, and why."""

    model_config = examples(
        {"purpose": "CLAIM", "case_id": example_id("clm"), "reason": "核对收款人身份"}
    )

    purpose: Purpose
    case_id: Annotated[str, StringConstraints(strict=True, max_length=64)]
    reason: Text = Field(description="Sealed with the party's own data")


class GrantOut(WireOut):
    """Leave to read a party in plain for a quarter of an hour; the party itself is read by GET."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [GRANT]}}

    id: str
    party_id: str
    caller_id: str
    role: str
    purpose: str
    case_id: str
    granted_at: Instant | None = None
    expires_at: Instant | None = Field(description="None while a second person is waited for")
    reason: str | None = Field(default=None, description="Why, for whoever decides or audits")
    transaction_id: str | None = None


class GrantList(WireOut):
    """Grants in scope, newest first."""

    items: list[GrantOut]


class CorrectionIn(WireIn):
    """The name or phone as it should be; what is left out stays."""

    model_config = examples({"name": "张三", "phone": "13800005678"})

    name: Label | None = None
    phone: Phone | None = None

    @model_validator(mode="after")
    def _something(self) -> "CorrectionIn":
        if self.name is None and self.phone is None:
            raise ValueError("a name or a phone")
        return self


class DeclineIn(WireIn):
    """Why a correction is declined, as a code."""

    model_config = examples({"reason": "CONTRACT_SAYS_OTHERWISE"})

    reason: CodeText


class DataRequestOut(WireOut):
    """A guardian's request about their own data, and what became of it."""

    model_config = WireOut.model_config | {"json_schema_extra": {"examples": [REQUEST]}}

    id: str
    kind: str = Field(description="CORRECTION or ERASURE")
    party_id: str
    guardian_id: str
    institution_id: str | None = None
    state: str = Field(description="FILED, REFUSED or DONE")
    reason: str | None = Field(
        default=None,
        description="Why refused: OPEN_CONTRACT, OPEN_CASE, OPEN_MONEY, RETENTION, or a code",
    )
    earliest_on: Day | None = Field(default=None, description="The first day to ask again")
    filed_at: Instant
    decided_at: Instant | None = None
    transaction_id: str | None = None


class DataRequestPage(Page[DataRequestOut]):
    """Requests by journal and id."""


class GuardianDataOut(WireOut):
    """Everything about one guardian: people, contracts, lessons, receipts, cases, readings."""

    guardian_id: str
    people: list[dict[str, Any]]
    earlier: list[dict[str, Any]] = Field(description="How people were called before a correction")
    institutions: list[dict[str, Any]]
    courses: list[dict[str, Any]]
    contracts: list[dict[str, Any]]
    lessons: list[dict[str, Any]]
    receipts: list[dict[str, Any]]
    claims: list[dict[str, Any]]
    evidence: list[dict[str, Any]]
    notes: list[dict[str, Any]]
    refunds: list[dict[str, Any]]
    objections: list[dict[str, Any]]
    entitlements: list[dict[str, Any]]
    notices: list[dict[str, Any]]
    requests: list[dict[str, Any]]
    readings: list[dict[str, Any]] = Field(description="Who read the data in plain, and what for")


class OwnDataOut(WireOut):
    """A parent's data as they may take it with them (个人信息副本)."""

    made_at: Instant
    guardians: list[GuardianDataOut]
