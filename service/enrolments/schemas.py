"""The JSON contract of enrolments."""

from dataclasses import replace
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from ledger.money import Money
from ledger.parameters import Category
from service.enrolments.carried import CarriedContract
from service.enrolments.open import OpenEnrolment
from service.enrolments.people import People, Person
from service.store import ids
from service.store.parties import NewParty, PartyKind, guardian_payee
from service.web.command import Command
from service.web.wire import (
    Amount,
    BatchMode,
    CodeText,
    CourseId,
    CustodyAccountId,
    Day,
    InstitutionId,
    ItemResult,
    Label,
    Page,
    PartyId,
    Reference,
    WireIn,
    WireOut,
    example_id,
    examples,
)

Phone = Annotated[str, StringConstraints(strict=True, pattern=r"^\+?[0-9]{5,20}$")]
AccountNumber = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9A-Za-z-]{5,40}$")]
Lessons = Annotated[int, Field(strict=True, ge=1, le=10_000)]
LessonsGift = Annotated[int, Field(strict=True, ge=0, le=10_000)]
EnrolmentState = Literal[
    "AWAITING_PAYMENT", "ACTIVE", "COMPLETED", "REFUNDED", "PORTED", "IN_WIND_DOWN", "LAPSED"
]

PEOPLE = {
    "guardian": {"name": "张三", "phone": "13800000000"},
    "student": {"name": "张小三"},
}
TERMS = {
    "contract_number": "QM-2026-000017",
    "contract_on": "2026-02-20",
    "starts_on": "2026-03-02",
    "ends_on": "2026-05-31",
}


class PersonIn(WireIn):
    """A party by its id, or a person to write down; the name stays apart from everything else."""

    model_config = examples({"name": "张三", "phone": "13800000000"})

    party_id: PartyId | None = None
    name: Label | None = None
    phone: Phone | None = None

    @model_validator(mode="after")
    def _is_named_once(self) -> Self:
        if (self.party_id is None) is (self.name is None):
            raise ValueError("party_id, or a name")
        if self.party_id is not None and self.phone is not None:
            raise ValueError("a known party keeps its phone")
        return self

    def person(self, kind: PartyKind, journal: int, command: Command) -> Person:
        """Make the use case's person of it; a party of another journal is nobody here."""
        if self.party_id is not None:
            of, party = ids.parse("pty", self.party_id)
            return Person(party if of == journal else command.new_id(), kind)
        made = command.new_id()
        return Person(made, kind, NewParty(made, kind, name=self.name, phone=self.phone))


class GuardianIn(PersonIn):
    """A guardian, who may come with the account that refunds are paid to."""

    model_config = examples(
        {
            "name": "张三",
            "phone": "13800000000",
            "account_number": "6222000000000000000",
            "bank_name": "中国工商银行",
        }
    )

    account_number: AccountNumber | None = Field(
        default=None,
        description="Where refunds of money that no bank entry brought are paid; regulators only",
    )
    bank_name: Label | None = None

    @model_validator(mode="after")
    def _has_a_whole_account(self) -> Self:
        if (self.account_number is None) is not (self.bank_name is None):
            raise ValueError("an account has a number and a bank")
        if self.account_number is not None and self.name is None:
            raise ValueError("a known party keeps its account")
        return self

    def person(self, kind: PartyKind, journal: int, command: Command) -> Person:
        """Make the use case's person of it, with the account if one is given."""
        known = super().person(kind, journal, command)
        if self.account_number is None:
            return known
        payee = NewParty(
            guardian_payee(known.party),
            PartyKind.PAYEE,
            name=self.name,
            account_number=self.account_number,
            bank_name=self.bank_name,
        )
        return replace(known, payee=payee)


class ContractIn(WireIn):
    """What every contract says: its number, who it is between, and its dates."""

    contract_number: Reference = Field(description="The institution's own, unique for ever")
    guardian: PersonIn
    student: PersonIn
    contract_on: Day
    starts_on: Day
    ends_on: Day = Field(description="The last day of the contract")

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.ends_on < self.starts_on:
            raise ValueError("a contract ends on or after its first day")
        return self

    def people(self, journal: int, command: Command) -> People:
        """Make guardian and student of it."""
        return People(
            self.guardian.person(PartyKind.GUARDIAN, journal, command),
            self.student.person(PartyKind.STUDENT, journal, command),
        )


class EnrolmentIn(ContractIn):
    """One charge (报名): a filed course, its price and lessons as filed where left out."""

    model_config = examples(
        {
            "course_id": example_id("crs"),
            **TERMS,
            **PEOPLE,
            "template_version": "GF-2021-2604",
            "charged_on": "2026-02-20",
        }
    )

    course_id: CourseId
    template_version: Reference = Field(description="Version of the model contract (示范文本)")
    charged_on: Day
    price: Amount | None = None
    lessons_paid: Lessons | None = None
    lessons_gift: LessonsGift | None = None

    def facts(self, command: Command) -> OpenEnrolment:
        """Make the use case's command of it."""
        journal, course = ids.parse("crs", self.course_id)
        return OpenEnrolment(
            journal=journal,
            enrolment=command.new_id(),
            course=course,
            contract_number=self.contract_number,
            template_version=self.template_version,
            people=self.people(journal, command),
            contract_on=self.contract_on,
            charged_on=self.charged_on,
            starts_on=self.starts_on,
            ends_on=self.ends_on,
            price=None if self.price is None else Money.of(self.price),
            lessons_paid=self.lessons_paid,
            lessons_gift=self.lessons_gift,
        )


class CarriedIn(ContractIn):
    """A contract with money missing: its remaining value and lessons; no course is needed."""

    model_config = examples(
        {
            "institution_id": example_id("ins"),
            **TERMS,
            **PEOPLE,
            "category": "art",
            "subject": "DANCE",
            "remaining_value": "12000.00",
            "remaining_lessons": 80,
        }
    )

    institution_id: InstitutionId
    guardian: GuardianIn
    custody_account_id: CustodyAccountId | None = Field(
        default=None, description="The institution's default account when left out"
    )
    category: Category
    subject: CodeText
    remaining_value: Amount
    remaining_lessons: Lessons
    remaining_gift_lessons: LessonsGift = 0
    gift_in_schedule: bool = False
    absence_counts: bool = False

    def facts(self, command: Command, origin: str) -> CarriedContract:
        """Make the use case's command of it; an account of another journal is none."""
        journal, institution = ids.parse("ins", self.institution_id)
        custody = None
        if self.custody_account_id is not None:
            of, account = ids.parse("cus", self.custody_account_id)
            custody = account if of == journal else command.new_id()
        return CarriedContract(
            journal=journal,
            enrolment=command.new_id(),
            institution=institution,
            custody=custody,
            origin=origin,
            contract_number=self.contract_number,
            people=self.people(journal, command),
            category=self.category.value,
            subject=self.subject,
            value=Money.of(self.remaining_value),
            lessons_paid=self.remaining_lessons,
            lessons_gift=self.remaining_gift_lessons,
            gift_in_schedule=self.gift_in_schedule,
            absence_counts=self.absence_counts,
            contract_on=self.contract_on,
            starts_on=self.starts_on,
            ends_on=self.ends_on,
        )


class EnrolmentBatchIn(BatchMode):
    """Up to 10,000 enrolments to open."""

    items: list[EnrolmentIn] = Field(min_length=1)


class CarriedBatchIn(BatchMode):
    """Up to 10,000 contracts to take on."""

    items: list[CarriedIn] = Field(min_length=1)


class EnrolmentOut(WireOut):
    """An enrolment by ids, dates and amounts; `payment_code` is printed on the contract."""

    id: str
    institution_id: str
    course_id: str | None
    custody_account_id: str
    guardian_id: str
    student_id: str
    contract_number: str
    template_version: str | None
    payment_code: str
    origin: Literal["REGULAR", "LEGACY", "DIVERSION"]
    category: Category
    subject: str
    state: EnrolmentState
    price: Amount
    received: Amount
    list_lesson_price: Amount | None = Field(description="Of one lesson before any discount")
    materials: Amount = Field(description="What the contract itemises for materials")
    time_card: bool = Field(description="Used without limit in its span (限时不限次)")
    schedule_version: int = Field(description="Above 1 once lessons were given up")
    lessons_paid: int
    lessons_gift: int
    lessons_confirmed: int
    contract_on: Day
    charged_on: Day
    starts_on: Day
    ends_on: Day
    lapses_on: Day | None
    transaction_id: str | None = None
    balances: dict[str, Amount] | None = None


class EnrolmentMoney(WireOut):
    """Where the price of an enrolment stands now."""

    prepaid: Amount = Field(description="Paid, lessons not taken (L1)")
    pending: Amount = Field(description="Recorded, waiting for confirmation (L2)")
    disputed: Amount = Field(description="In dispute (L3)")
    released: Amount = Field(description="Confirmed lessons, the institution's (R of their slots)")
    refundable: Amount = Field(description="What the student still owns: L1, L2 and L3")
    unfunded: Amount = Field(description="What the institution still owes on this very contract")
    interest: Amount = Field(description="Interest that the student's money bore (L11)")
    held_by_institution: Amount = Field(
        description="What the institution itself holds of it, under a risk deposit (A7)"
    )


class SlotOut(WireOut):
    """One of the contract's numbered lessons and what it is worth for ever."""

    slot: int
    kind: Literal["PAID", "GIFT"]
    value: Amount
    refundable_after: Amount = Field(description="P − R(k), when slots 1…k are taken")
    lesson_id: str | None = None
    lesson_state: str | None = None


class EnrolmentDetailOut(EnrolmentOut):
    """An enrolment with its money and its slots."""

    money: EnrolmentMoney
    slots: list[SlotOut]


class EnrolmentResult(ItemResult[EnrolmentOut]):
    """One enrolment's outcome."""


class EnrolmentBatchOut(WireOut):
    """A result for each item, in the same order."""

    mode: str
    results: list[EnrolmentResult]


class EnrolmentPage(Page[EnrolmentOut]):
    """A page of enrolments."""
