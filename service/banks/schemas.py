"""The JSON contract of banks and custody accounts."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from service.banks.use_cases import OpenAccount
from service.web.command import Command
from service.web.wire import (
    CustodyAccountId,
    Day,
    InstitutionId,
    Label,
    Page,
    TransactionId,
    WireIn,
    WireOut,
    example_id,
    examples,
)

Custodian = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Z][A-Z0-9]{1,15}$")]
BankAccountNumber = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9A-Za-z-]{5,40}$")]


class BankIn(WireIn):
    """A bank to enter in the registry; its code is its name everywhere."""

    model_config = examples({"code": "CQB", "name": "重庆银行", "name_en": "Bank of Chongqing"})

    code: Custodian
    name: Label
    name_en: Label


class BankOut(WireOut):
    """A bank of the registry."""

    code: str
    name: str
    name_en: str


class BankList(WireOut):
    """Every bank of the registry."""

    items: list[BankOut]


class CustodyAccountIn(WireIn):
    """A custody account (托管专户) to register, under an agreement in force."""

    model_config = examples(
        {
            "institution_id": example_id("ins"),
            "bank": "CQRCB",
            "account_name": "示例青禾艺术培训有限公司预收费托管专户",
            "account_number": "500100000000000001",
        }
    )

    institution_id: InstitutionId
    bank: Custodian
    purpose: Literal["CUSTODY", "DEPOSIT"] = "CUSTODY"
    account_name: Label
    account_number: BankAccountNumber
    is_default: bool = Field(
        default=False, strict=True, description="New enrolments are backed by it; the first is"
    )
    opened_on: Day | None = None

    def facts(self, command: Command, journal: int, institution: UUID) -> OpenAccount:
        """Make the command of it."""
        return OpenAccount(
            journal=journal,
            target=institution,
            account=command.new_id(),
            bank=self.bank,
            purpose=self.purpose,
            account_name=self.account_name,
            account_number=self.account_number,
            is_default=self.is_default,
            opened_on=self.opened_on,
        )


class CustodyAccountOut(WireOut):
    """A custody account; purpose DEPOSIT is the risk deposit's (风险保证金专户)."""

    id: CustodyAccountId
    institution_id: InstitutionId
    bank: str
    purpose: str
    account_name: str
    account_number: str
    is_default: bool
    state: str
    opened_on: Day
    transaction_id: TransactionId | None = None


class CustodyAccountPage(Page[CustodyAccountOut]):
    """A page of custody accounts."""
