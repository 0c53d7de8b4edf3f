"""What a demonstration district consists of: plain immutable records, amounts in whole fen.

Records refer to each other by number (from 1) or contract number.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from ledger.policy import Category, Department


@dataclass(frozen=True, slots=True)
class Institution:
    """A training institution (培训机构), its licence, payee account and custody banks."""

    number: int
    name: str
    category: Category
    department: Department
    business_registration: str
    school_licence: str
    licensed_on: date
    licence_valid_until: date
    responsible_officer: str
    settlement_bank: str
    settlement_account: str
    custody_banks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """A course to file (备案课程): one price for all its lessons; `custody_bank` is printed on it.

    `pattern` is its week: day (0 Monday) and minute of the day at which each lesson starts.
    """

    number: int
    institution: int
    name: str
    category: Category
    subject: str
    price_fen: int
    lessons_paid: int
    lessons_gift: int
    lesson_minutes: int
    class_size: int
    online: bool
    custody_bank: str
    pattern: tuple[tuple[int, int], ...]
    popularity: int

    @property
    def lessons(self) -> int:
        """Paid and gift lessons."""
        return self.lessons_paid + self.lessons_gift

    @property
    def lesson_price_fen(self) -> int:
        """The price of one lesson, cut to whole fen."""
        return self.price_fen // self.lessons


@dataclass(frozen=True, slots=True)
class Family:
    """A student and the guardian who pays; names and phone are invented."""

    number: int
    student: str
    guardian: str
    phone: str


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One charge: a student on a course, paid in full on `charged_on`."""

    contract_no: str
    family: int
    institution: int
    course: int
    price_fen: int
    lessons_paid: int
    lessons_gift: int
    contracted_on: date
    charged_on: date
    starts_on: date
    ends_on: date

    @property
    def lessons(self) -> int:
        """Paid and gift lessons."""
        return self.lessons_paid + self.lessons_gift


@dataclass(frozen=True, slots=True)
class LegacyContract:
    """A contract from before custody (存量合同); `brought_fen` of its value has money behind it."""

    contract_no: str
    family: int
    institution: int
    course: int
    contracted_on: date
    remaining_fen: int
    remaining_lessons: int
    brought_fen: int


@dataclass(frozen=True, slots=True)
class StrayReceipt:
    """Money that fits no enrolment: kind `unmatched` (no contract) or `excess` (already paid)."""

    kind: str
    institution: int
    bank: str
    contract_no: str | None
    amount_fen: int
    received_on: date


class Reaction(StrEnum):
    """What a guardian does about a recorded lesson."""

    CONFIRMS = "confirms"
    SILENT = "silent"
    DISPUTES = "disputes"


@dataclass(frozen=True, slots=True)
class Lesson:
    """One planned lesson of one contract, what came of it and how the guardian reacts.

    `number` counts the contract's lessons held or missed, from 1. An absence takes no lesson. Of a
    dispute, `upheld` says that the ruling is for the guardian.
    """

    contract_no: str
    institution: int
    course: int
    number: int
    starts_at: datetime
    ends_at: datetime
    attended: bool
    reaction: Reaction
    upheld: bool


@dataclass(frozen=True, slots=True)
class District:
    """A district and one term of it."""

    seed: int
    adcode: str
    starts_on: date
    ends_on: date
    banks: tuple[str, ...]
    institutions: tuple[Institution, ...]
    courses: tuple[Course, ...]
    families: tuple[Family, ...]
    enrolments: tuple[Enrolment, ...]
    legacy: tuple[LegacyContract, ...]
    strays: tuple[StrayReceipt, ...]
    returned_payout_institution: int

    @property
    def charged_fen(self) -> int:
        """What all enrolments of the term cost together."""
        return sum(enrolment.price_fen for enrolment in self.enrolments)
