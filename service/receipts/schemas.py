"""The JSON contract of bank entries."""

from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from ledger.accounts import Reason
from ledger.money import total
from service.bank_entries.facts import Detail, EntryFact, Part
from service.store import ids, payment_codes
from service.web.command import Command
from service.web.wire import (
    Amount,
    BatchMode,
    CustodyAccountId,
    Day,
    DocumentNumber,
    EndToEndId,
    IdOf,
    Reference,
    Text,
    WireIn,
    example_id,
    examples,
    money,
)

Channel = Literal["WECHAT", "ALIPAY", "UNIONPAY"]
PaymentCode = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9A-Z]{4,20}$")]

EXAMPLE = {
    "custody_account_id": example_id("cus"),
    "bank_ref": "20260302-000017",
    "amount": "4999.99",
    "book_on": "2026-03-02",
    "value_on": "2026-03-02",
    "payment_code": "TE23456789AA",
    "payer_name": "张三",
    "payer_account": "6222000000000000000",
    "purpose": "TE23456789AA 学费",
}


class EntryIn(WireIn):
    """One line of a custody account as the bank saw it."""

    custody_account_id: CustodyAccountId
    bank_ref: Reference = Field(description="The bank's own reference, unique per account for ever")
    amount: Amount
    book_on: Day = Field(description="The bank's booking date (记账日)")
    value_on: Day = Field(description="The bank's value date (起息日)")
    purpose: Text | None = Field(default=None, description="What the payer or bank wrote (摘要)")
    end_to_end_id: EndToEndId | None = Field(
        default=None, description="The payment order this line answers"
    )


class ReceiptIn(EntryIn):
    """Money in (入账): a parent's payment, the institution's own money, or money that came back."""

    model_config = examples(EXAMPLE)

    kind: Literal[
        "PAYMENT",
        "TOP_UP",
        "CHARGE_REIMBURSED",
        "RETURN",
        "REVERSAL",
        "INTEREST",
        "DEPOSIT",
        "ADVANCE",
        "RECOVERY",
        "TRANSFER",
        "CHANNEL_SETTLEMENT",
        "CASH",
        "ERROR",
        "ERROR_CORRECTED",
        "FAILED_BANK_PAYMENT",
    ] = "PAYMENT"
    channel: Channel | None = Field(
        default=None, description="Whose settlement a CHANNEL_SETTLEMENT is, net of its fee"
    )
    fee: Amount | None = Field(default=None, description="What the channel kept of it")
    failure_id: Annotated[str, IdOf("bkf")] | None = Field(
        default=None, description="The failed account that a FAILED_BANK_PAYMENT is for"
    )
    from_on: Day | None = Field(default=None, description="First day that INTEREST is for")
    to_on: Day | None = Field(default=None, description="Last day that INTEREST is for")
    payment_code: PaymentCode | None = Field(
        default=None, description="The code printed on the contract, where the bank could tell it"
    )
    payer_name: Text | None = None
    payer_account: Text | None = None

    @model_validator(mode="after")
    def _has_its_period(self) -> Self:
        """Require a period of interest, and of nothing else."""
        days = (self.from_on, self.to_on)
        if self.kind != "INTEREST":
            if days != (None, None):
                raise ValueError("only interest has a period")
        elif self.from_on is None or self.to_on is None or self.from_on > self.to_on:
            raise ValueError("interest has a first and a last day, in order")
        return self

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        """Require channel and fee of a settlement, the failed account of a payment for it."""
        settles = self.kind == "CHANNEL_SETTLEMENT"
        if (self.channel is not None, self.fee is not None) != (settles, settles):
            raise ValueError("a settlement says its channel and fee, and nothing else does")
        if (self.failure_id is not None) is not (self.kind == "FAILED_BANK_PAYMENT"):
            raise ValueError("a failed bank's payment names the failed account")
        return self

    def _detail(self) -> Detail | None:
        if self.channel is not None and self.fee is not None:
            return Detail(channel=Reason(self.channel), fee=money(self.fee))
        if self.failure_id is not None:
            return Detail(failure=ids.parse("bkf", self.failure_id)[1])
        return None

    def fact(self, command: Command) -> EntryFact:
        """Make the ledger's fact of it."""
        return self.fact_of(command.new_id())

    def fact_of(self, bank_entry: UUID) -> EntryFact:
        """Make the ledger's fact of it, an entry of this id."""
        return _fact(
            self,
            bank_entry,
            "CRDT",
            detail=self._detail(),
            payer_name=self.payer_name,
            payer_account=self.payer_account,
            from_on=self.from_on,
            to_on=self.to_on,
        )


class PartIn(WireIn):
    """One payment of a batch that the bank debited in a single line."""

    end_to_end_id: EndToEndId
    amount: Amount


class DebitIn(EntryIn):
    """Money out (出账): a payment order executed, a fee, or what the bank cannot explain yet."""

    model_config = examples(
        {
            "custody_account_id": example_id("cus"),
            "bank_ref": "20260309-000003",
            "amount": "1770.82",
            "book_on": "2026-03-09",
            "value_on": "2026-03-09",
            "kind": "ORDER",
            "end_to_end_id": example_id("ord"),
        }
    )

    kind: Literal[
        "ORDER",
        "ORDERS",
        "CHARGE",
        "CHARGEBACK",
        "COURT_DEDUCTION",
        "ERROR",
        "ERROR_CORRECTED",
        "OTHER",
    ]
    parts: list[PartIn] | None = Field(
        default=None,
        min_length=1,
        max_length=1_000,
        description="The orders that one debit of ORDERS paid, with how much of it each took",
    )
    document_number: DocumentNumber | None = Field(
        default=None, description="The court's document that a COURT_DEDUCTION carries out"
    )
    corrects_ref: Reference | None = Field(
        default=None, description="The bank's reference of the wrong credit that it takes back"
    )
    payment_code: PaymentCode | None = Field(
        default=None, description="The code of the enrolment that a CHARGEBACK takes back from"
    )

    @model_validator(mode="after")
    def _is_of_a_chargeback(self) -> Self:
        """Require a payment code of a chargeback, and of nothing else."""
        if (self.payment_code is not None) is not (self.kind == "CHARGEBACK"):
            raise ValueError("a chargeback names its payment code, and nothing else does")
        return self

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        """Require the document of a deduction, and the wrong credit of what takes it back."""
        if (self.document_number is not None) is not (self.kind == "COURT_DEDUCTION"):
            raise ValueError("a deduction names the court's document, and nothing else does")
        if (self.corrects_ref is not None) is not (self.kind == "ERROR_CORRECTED"):
            raise ValueError("a correction names the credit it takes back, and nothing else does")
        return self

    @model_validator(mode="after")
    def _has_its_parts(self) -> Self:
        """Require parts of a debit of many orders, which add up to it, and of nothing else."""
        if (self.parts is not None) is not (self.kind == "ORDERS"):
            raise ValueError("a debit of ORDERS has its parts, and nothing else does")
        if self.parts is not None:
            if total([money(part.amount) for part in self.parts]) != money(self.amount):
                raise ValueError("the parts add up to the amount")
            if len({part.end_to_end_id for part in self.parts}) != len(self.parts):
                raise ValueError("each order is paid by one part")
        return self

    def _detail(self) -> Detail | None:
        if self.document_number is None and self.corrects_ref is None:
            return None
        return Detail(document_number=self.document_number, corrects=self.corrects_ref)

    def fact(self, command: Command) -> EntryFact:
        """Make the ledger's fact of it."""
        return self.fact_of(command.new_id())

    def fact_of(self, bank_entry: UUID) -> EntryFact:
        """Make the ledger's fact of it, an entry of this id."""
        fact = _fact(self, bank_entry, "DBIT", detail=self._detail())
        if self.parts is None:
            return fact
        parts = (
            Part(ids.parse("ord", part.end_to_end_id)[1], money(part.amount)) for part in self.parts
        )
        return fact._replace(parts=tuple(parts))


class ReceiptBatchIn(BatchMode):
    """Up to 10,000 receipts, decided in order in one unit of work."""

    items: list[ReceiptIn] = Field(min_length=1)


class DebitBatchIn(BatchMode):
    """Up to 10,000 debits, decided in order in one unit of work."""

    items: list[DebitIn] = Field(min_length=1)


def _fact(  # noqa: PLR0913 - what only money that comes in says
    entry: ReceiptIn | DebitIn,
    bank_entry: UUID,
    direction: str,
    *,
    payer_name: str | None = None,
    payer_account: str | None = None,
    from_on: date | None = None,
    to_on: date | None = None,
    detail: Detail | None = None,
) -> EntryFact:
    return EntryFact(
        bank_entry=bank_entry,
        custody_account=ids.parse("cus", entry.custody_account_id)[1],
        bank_ref=entry.bank_ref,
        direction=direction,
        kind=entry.kind,
        amount=money(entry.amount),
        book_on=entry.book_on,
        value_on=entry.value_on,
        payment_code=entry.payment_code or code_in(entry.purpose),
        order=None if entry.end_to_end_id is None else ids.parse("ord", entry.end_to_end_id)[1],
        payer_name=payer_name,
        payer_account=payer_account,
        purpose=entry.purpose,
        from_on=from_on,
        to_on=to_on,
        detail=detail,
    )


def code_in(purpose: str | None) -> str | None:
    """Find a payment code in what the payer wrote; none when there is none or more than one."""
    return None if purpose is None else payment_codes.found_in(purpose)
