"""The JSON contract of institutions, their agreements and their states."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from ledger.parameters import Category, Department
from service.institutions.commands import (
    ChangeSettlement,
    ChangeState,
    License,
    Move,
    Register,
    SignAgreement,
)
from service.institutions.credit_codes import is_valid
from service.store.parties import NewParty, PartyKind
from service.web.command import Command
from service.web.wire import (
    VERSION_MAX,
    AgreementId,
    CodeText,
    Day,
    InstitutionId,
    Label,
    Page,
    PartyId,
    TransactionId,
    WireIn,
    WireOut,
    examples,
)


def _credit_code(text: str) -> str:
    if not is_valid(text):
        raise ValueError("not a unified social credit code (GB 32100)")
    return text


CreditCode = Annotated[
    str,
    StringConstraints(strict=True, min_length=18, max_length=18),
    AfterValidator(_credit_code),
]
JurisdictionCode = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[0-9A-Z][0-9A-Z-]{1,15}$")
]
AccountNumber = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9A-Z-]{5,40}$")]
BankCode = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z][A-Z0-9]{1,15}$")]
DocumentHash = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]
Version = Annotated[int, Field(strict=True, ge=1, le=VERSION_MAX)]


class InstitutionVersion(WireIn):
    """The version the caller has seen; another one is 409 `version_stale`."""

    version: Version


class SettlementAccountIn(WireIn):
    """The institution's own account (结算账户), to which what it earned is paid."""

    name: Label
    account_number: AccountNumber
    bank_name: Label

    def party(self, command: Command) -> NewParty:
        """Make the party it becomes."""
        return NewParty(
            party=command.new_id(),
            kind=PartyKind.SETTLEMENT,
            name=self.name,
            account_number=self.account_number,
            bank_name=self.bank_name,
        )


SETTLEMENT_EXAMPLE = {
    "name": "示例青禾艺术培训有限公司",
    "account_number": "999900000000000001",
    "bank_name": "重庆农村商业银行",
}

INSTITUTION_EXAMPLE = {
    "name": "示例青禾艺术培训有限公司",
    "jurisdiction_code": "500106",
    "category": "art",
    "business_registration": "91500106DEM0000141",
    "school_licence": "示例许可5001060001号",
    "responsible_officer": "文旅委第1责任区包保责任人",
    "settlement_account": SETTLEMENT_EXAMPLE,
}


class InstitutionIn(WireIn):
    """A training institution (培训机构) to enter; the department follows from the category."""

    model_config = examples(INSTITUTION_EXAMPLE)

    name: Label
    jurisdiction_code: JurisdictionCode
    category: Category
    department: Department | None = None
    business_registration: CreditCode = Field(description="统一社会信用代码")
    school_licence: Label | None = Field(default=None, description="Number of the 办学许可证")
    licence_valid_until: Day | None = None
    responsible_officer: Label | None = Field(default=None, description="A role, not a person")
    registered_on: Day | None = None
    settlement_account: SettlementAccountIn | None = None

    def facts(self, command: Command, journal: int) -> Register:
        """Make the command of it."""
        account = self.settlement_account
        return Register(
            journal=journal,
            institution=command.new_id(),
            name=self.name,
            jurisdiction_code=self.jurisdiction_code,
            category=self.category,
            department=(self.department or self.category.competent).value,
            business_registration=self.business_registration,
            school_licence=self.school_licence,
            licence_valid_until=self.licence_valid_until,
            responsible_officer=self.responsible_officer,
            registered_on=self.registered_on,
            settlement=None if account is None else account.party(command),
        )


class InstitutionCommandIn(WireIn):
    """A command on an institution, with the version it was made for."""

    expect: InstitutionVersion | None = None

    @property
    def version(self) -> int | None:
        """The version expected, None for any."""
        return None if self.expect is None else self.expect.version


class LicenceIn(InstitutionCommandIn):
    """A school licence given or renewed."""

    model_config = examples(
        {
            "school_licence": "示例许可5001060001号",
            "licensed_on": "2019-06-01",
            "valid_until": "2028-12-31",
        }
    )

    school_licence: Label
    licensed_on: Day = Field(description="The day it was granted; the rules of that day judge it")
    valid_until: Day

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_until < self.licensed_on:
            raise ValueError("a licence ends on or after the day it was granted")
        return self

    def facts(self, journal: int, target: UUID) -> License:
        """Make the command of it."""
        return License(
            journal=journal,
            target=target,
            school_licence=self.school_licence,
            licensed_on=self.licensed_on,
            valid_until=self.valid_until,
            version=self.version,
        )


class StateIn(InstitutionCommandIn):
    """A step to another state; the reason is a code and stands in the journal."""

    model_config = examples({"reason": "OWN_REQUEST", "expect": {"version": 3}})

    reason: CodeText

    def step(self, journal: int, target: UUID, state: str) -> ChangeState:
        """Make the command that brings the institution into a state."""
        return ChangeState(journal, target, state, self.reason, self.version)


class SuspensionIn(StateIn):
    """Stop enrolment (停止招生), then everything: one step after the other."""

    model_config = examples({"to": "ENROLMENT_SUSPENDED", "reason": "RED_CARD"})

    to: Literal["ENROLMENT_SUSPENDED", "SUSPENDED"]


class ResumptionIn(StateIn):
    """Lift a suspension: one step after the other."""

    model_config = examples({"to": "LICENSED", "reason": "RECTIFIED"})

    to: Literal["ENROLMENT_SUSPENDED", "LICENSED"]


class ExitIn(StateIn):
    """Begin to leave (EXITING), and have left (EXITED) when nothing is owed."""

    model_config = examples({"to": "EXITING", "reason": "OWN_REQUEST"})

    to: Literal["EXITING", "EXITED"]


class MoveIn(InstitutionCommandIn):
    """Another jurisdiction of the same journal, or another competent department."""

    model_config = examples({"jurisdiction_code": "500106", "department": "culture"})

    jurisdiction_code: JurisdictionCode
    department: Department | None = None

    def facts(self, journal: int, target: UUID) -> Move:
        """Make the command of it."""
        department = None if self.department is None else self.department.value
        return Move(journal, target, self.jurisdiction_code, department, self.version)


class SettlementChangeIn(InstitutionCommandIn):
    """Another settlement account, as the regulator confirmed it."""

    model_config = examples({"settlement_account": SETTLEMENT_EXAMPLE})

    settlement_account: SettlementAccountIn

    def facts(self, command: Command, journal: int, target: UUID) -> ChangeSettlement:
        """Make the command of it."""
        return ChangeSettlement(
            journal,
            target,
            command.new_id(),
            self.settlement_account.party(command),
            self.version,
            None if command.key is None else command.key.key,
        )


class AgreementIn(WireIn):
    """A supervision agreement (监管协议) as signed; the document is kept by its hash."""

    model_config = examples(
        {"bank": "CQRCB", "document_hash": "9f" * 32, "valid_from": "2026-01-15"}
    )

    bank: BankCode
    mode: CodeText = Field(default="LESSON_BY_LESSON", examples=["LESSON_BY_LESSON"])
    release_basis: CodeText = Field(default="LESSON", examples=["LESSON"])
    settlement_cadence: Literal["LESSON", "WEEK"] = "LESSON"
    residual_interest: Literal["TO_STUDENT", "TO_INSTITUTION"] = Field(
        default="TO_STUDENT", description="Whose the interest of a completed contract is"
    )
    document_hash: DocumentHash = Field(description="SHA-256 of the signed file, in hex")
    valid_from: Day
    valid_to: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError("an agreement ends on or after its first day")
        return self

    def facts(self, command: Command, journal: int, target: UUID) -> SignAgreement:
        """Make the command of it."""
        return SignAgreement(
            journal=journal,
            target=target,
            agreement=command.new_id(),
            bank=self.bank,
            mode=self.mode,
            release_basis=self.release_basis,
            settlement_cadence=self.settlement_cadence,
            residual_interest=self.residual_interest,
            document_hash=self.document_hash,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
        )


class AgreementOut(WireOut):
    """A supervision agreement."""

    id: AgreementId
    institution_id: InstitutionId
    bank: str
    mode: str
    release_basis: str
    settlement_cadence: str
    residual_interest: str
    document_hash: str
    valid_from: Day
    valid_to: Day | None = None
    transaction_id: TransactionId | None = None


class InstitutionOut(WireOut):
    """What an institution is; its settlement account by opaque id only."""

    id: InstitutionId
    name: str
    jurisdiction_code: str
    department: str
    category: str
    business_registration: str
    school_licence: str | None = None
    licence_valid_until: Day | None = None
    responsible_officer: str | None = None
    settlement_party_id: PartyId | None = None
    state: str
    version: int
    registered_on: Day
    transaction_id: TransactionId | None = None


class InstitutionArea(WireOut):
    """Where an institution stood, and until which day."""

    jurisdiction_code: str
    department: str
    valid_from: Day
    valid_to: Day | None = None


class InstitutionDetail(InstitutionOut):
    """An institution with its history of places and its agreements."""

    areas: list[InstitutionArea]
    agreements: list[AgreementOut]


class InstitutionPage(Page[InstitutionOut]):
    """A page of institutions."""
