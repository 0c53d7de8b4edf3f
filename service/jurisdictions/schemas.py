"""The JSON contract of jurisdictions, their banks and their rules."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from ledger.parameters import Department
from service.jurisdictions.use_cases import AddJurisdiction, SelectBank
from service.store.reference import NewJurisdiction
from service.web.wire import Day, Label, Page, TransactionId, WireIn, WireOut, examples

NodeCode = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9A-Z][0-9A-Z-]{1,15}$")]
PackCode = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z0-9-]{1,63}$")]
CustodianCode = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z][A-Z0-9]{1,15}$")]


class JurisdictionIn(WireIn):
    """A jurisdiction to add: a division by its adcode, or a functional zone below a parent."""

    model_config = examples(
        {
            "code": "500106",
            "name": "沙坪坝区",
            "rule_pack": "chongqing-500106",
            "journal": 106,
            "banks": ["ICBC", "ABC", "CCB", "CMB", "CQRCB", "CQB"],
        }
    )

    code: NodeCode
    name: Label
    rule_pack: PackCode
    journal: Annotated[int, Field(strict=True, ge=1, le=65_535)] | None = Field(
        default=None, description="Number of its own journal; none inside another's or above all"
    )
    parent: NodeCode | None = Field(default=None, description="Needed for a zone")
    departments: list[Department] = Field(default_factory=lambda: list(Department), min_length=1)
    banks: list[CustodianCode] = Field(default_factory=list, max_length=100)

    def facts(self, scope: str, at: datetime) -> AddJurisdiction:
        """Make the command of it."""
        new = NewJurisdiction(
            code=self.code,
            name=self.name,
            rule_pack=self.rule_pack,
            journal=self.journal,
            parent=self.parent,
            departments=tuple(department.value for department in self.departments),
            banks=tuple(self.banks),
        )
        return AddJurisdiction(new, scope, at)


class BankSelectionIn(WireIn):
    """Select a bank as custodian, suspend it, or remove it."""

    model_config = examples({"bank": "ICBC", "state": "SUSPENDED"})

    bank: CustodianCode
    state: Literal["ACTIVE", "SUSPENDED", "REMOVED"] = "ACTIVE"

    def facts(self, code: str) -> SelectBank:
        """Make the command of it."""
        return SelectBank(code, self.bank, self.state)


class BankSelectionOut(WireOut):
    """How a bank stands in a jurisdiction."""

    bank: str
    state: str
    selected_on: Day
    until: Day | None = None
    transaction_id: TransactionId | None = None


class JurisdictionOut(WireOut):
    """A jurisdiction; `path` is the prefix of everything below it."""

    code: str
    name: str
    parent: str | None = None
    path: str
    journal: int | None = None
    departments: list[str]
    rule_pack: str
    banks: list[BankSelectionOut]
    transaction_id: TransactionId | None = None


class JurisdictionPage(Page[JurisdictionOut]):
    """A page of jurisdictions."""


class RuleOut(WireOut):
    """One value of a rule parameter, its days and its source."""

    parameter: str = Field(examples=["amount_cap"])
    scope: str | None = Field(default=None, description="subject, non_subject, or none for all")
    value: JsonValue = Field(examples=["5000.00"])
    effective_from: Day
    effective_to: Day | None = None
    source: str


class RulesOut(WireOut):
    """The rules of a jurisdiction in force at a date."""

    jurisdiction: str
    rule_pack: str = Field(examples=["chongqing-500106@1"])
    on: Day
    rules: list[RuleOut]
