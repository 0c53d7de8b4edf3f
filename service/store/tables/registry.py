"""The registry: institutions, agreements, custody accounts, courses and enrolments."""

from sqlalchemy import Boolean, CheckConstraint, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import (
    Base,
    Code,
    Count,
    Day,
    Fen,
    Id,
    Instant,
    JournalId,
    Key,
    Seq,
)


class Institution(Base):
    """A training institution (培训机构); `area` is its jurisdiction's path."""

    __tablename__ = "institution"
    journal_id: Mapped[JournalId]
    institution_id: Mapped[Key]
    name: Mapped[Code]
    jurisdiction_code: Mapped[Code]
    area: Mapped[str] = mapped_column(Text(collation="C"))
    department: Mapped[Code]
    category: Mapped[Code]
    business_registration: Mapped[Code]
    school_licence: Mapped[Code | None]
    licence_valid_until: Mapped[Day | None]
    responsible_officer: Mapped[Code | None]
    settlement_party_id: Mapped[Id | None]
    state: Mapped[Code]
    version: Mapped[Count]
    registered_on: Mapped[Day]
    seq: Mapped[Seq]
    __table_args__ = (
        UniqueConstraint("journal_id", "business_registration"),
        CheckConstraint(
            "state IN ('REGISTERED', 'LICENSED', 'ENROLMENT_SUSPENDED', 'SUSPENDED', 'EXITING',"
            " 'EXITED', 'FROZEN', 'WINDING_DOWN', 'DEREGISTERED')",
            name="state",
        ),
        Index(None, "journal_id", "area", "department"),
    )


class InstitutionArea(Base):
    """Under which jurisdiction and department an institution stood, and since when."""

    __tablename__ = "institution_area"
    journal_id: Mapped[JournalId]
    institution_id: Mapped[Key]
    valid_from: Mapped[Day] = mapped_column(primary_key=True)
    valid_to: Mapped[Day | None]
    jurisdiction_code: Mapped[Code]
    area: Mapped[Code]
    department: Mapped[Code]
    __table_args__ = (
        Index("ix_institution_area_area", "journal_id", "area", "department", "institution_id"),
    )


class Agreement(Base):
    """A supervision agreement (监管协议) between institution, bank and regulator.

    `residual_interest` says whose the interest of a completed contract is (E35).
    """

    __tablename__ = "agreement"
    journal_id: Mapped[JournalId]
    agreement_id: Mapped[Key]
    institution_id: Mapped[Id]
    bank_code: Mapped[Code]
    mode: Mapped[Code]
    release_basis: Mapped[Code]
    settlement_cadence: Mapped[Code]
    residual_interest: Mapped[Code] = mapped_column(server_default="TO_STUDENT")
    document_hash: Mapped[Code]
    valid_from: Mapped[Day]
    valid_to: Mapped[Day | None]
    seq: Mapped[Seq]
    __table_args__ = (Index(None, "journal_id", "institution_id"),)


class CustodyAccount(Base):
    """An institution's custody account (托管专户) at a bank; its id tags everything it backs."""

    __tablename__ = "custody_account"
    journal_id: Mapped[JournalId]
    custody_account_id: Mapped[Key]
    institution_id: Mapped[Id]
    bank_code: Mapped[Code]
    purpose: Mapped[Code]
    account_name: Mapped[Code]
    account_number: Mapped[Code]
    is_default: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[Code]
    opened_on: Mapped[Day]
    seq: Mapped[Seq]
    __table_args__ = (
        UniqueConstraint("journal_id", "bank_code", "account_number"),
        Index(None, "journal_id", "institution_id"),
        CheckConstraint("purpose IN ('CUSTODY', 'DEPOSIT')", name="purpose"),
        CheckConstraint("state IN ('ACTIVE', 'CLOSED')", name="state"),
    )


class Course(Base):
    """A course as filed (备案课程); only a FILED one takes money.

    `list_lesson_fen` is the price of one lesson before any discount (None: the course's own),
    `materials_fen` what the contract itemises for materials; a `time_card` is used without limit
    in its span (限时不限次).
    """

    __tablename__ = "course"
    journal_id: Mapped[JournalId]
    course_id: Mapped[Key]
    institution_id: Mapped[Id]
    reference: Mapped[Code]
    name: Mapped[Code]
    category: Mapped[Code]
    subject: Mapped[Code]
    online: Mapped[bool] = mapped_column(Boolean)
    class_size: Mapped[Count]
    lesson_minutes: Mapped[Count]
    price_fen: Mapped[Fen]
    lessons: Mapped[Count]
    lessons_gift: Mapped[Count]
    gift_in_schedule: Mapped[bool] = mapped_column(Boolean)
    absence_counts: Mapped[bool] = mapped_column(Boolean)
    list_lesson_fen: Mapped[Fen | None]
    materials_fen: Mapped[Fen] = mapped_column(server_default="0")
    time_card: Mapped[bool] = mapped_column(Boolean, server_default="false")
    custody_account_id: Mapped[Id | None]
    state: Mapped[Code]
    review_reason: Mapped[Code | None]
    reviewed_on: Mapped[Day | None]
    version: Mapped[Count]
    seq: Mapped[Seq]
    __table_args__ = (
        UniqueConstraint("journal_id", "institution_id", "reference"),
        CheckConstraint("price_fen >= 0 AND lessons >= 1 AND lessons_gift >= 0", name="sizes"),
        CheckConstraint(
            "state IN ('SUBMITTED', 'FILED', 'REJECTED', 'SUSPENDED', 'WITHDRAWN')", name="state"
        ),
    )


class Enrolment(Base):
    """One charge (报名): one course, one price, N slots, one custody account, one schedule.

    `received_fen` is what receipts have added towards the price; `origin` is REGULAR, LEGACY or
    DIVERSION. Guardian and student are opaque ids of parties. From version 2 on, a schedule that
    was re-based (E56) has a price and lessons of its own, and counts what was confirmed under it.
    """

    __tablename__ = "enrolment"
    journal_id: Mapped[JournalId]
    enrolment_id: Mapped[Key]
    institution_id: Mapped[Id]
    course_id: Mapped[Id | None]
    custody_account_id: Mapped[Id]
    guardian_id: Mapped[Id]
    student_id: Mapped[Id]
    contract_number: Mapped[Code]
    template_version: Mapped[Code | None]
    payment_code: Mapped[Code]
    origin: Mapped[Code]
    category: Mapped[Code]
    subject: Mapped[Code]
    price_fen: Mapped[Fen]
    lessons_paid: Mapped[Count]
    lessons_gift: Mapped[Count]
    gift_in_schedule: Mapped[bool] = mapped_column(Boolean)
    absence_counts: Mapped[bool] = mapped_column(Boolean)
    list_lesson_fen: Mapped[Fen | None]
    materials_fen: Mapped[Fen] = mapped_column(server_default="0")
    time_card: Mapped[bool] = mapped_column(Boolean, server_default="false")
    schedule_version: Mapped[Count] = mapped_column(server_default="1")
    schedule_fen: Mapped[Fen | None]
    schedule_paid: Mapped[Count | None]
    schedule_gift: Mapped[Count | None]
    schedule_confirmed: Mapped[Count | None]
    contract_on: Mapped[Day]
    charged_on: Mapped[Day]
    starts_on: Mapped[Day]
    ends_on: Mapped[Day]
    lapses_on: Mapped[Day | None]
    received_fen: Mapped[Fen]
    lessons_confirmed: Mapped[Count]
    state: Mapped[Code]
    policy_version: Mapped[Code]
    opened_at: Mapped[Instant]
    seq: Mapped[Seq]
    __table_args__ = (
        UniqueConstraint("journal_id", "payment_code"),
        UniqueConstraint("journal_id", "institution_id", "contract_number"),
        Index(None, "journal_id", "guardian_id"),
        Index(None, "journal_id", "student_id", "institution_id"),
        Index(None, "journal_id", "institution_id", "enrolment_id"),
        Index(
            "ix_enrolment_lapsing",
            "journal_id",
            "lapses_on",
            postgresql_where="state = 'AWAITING_PAYMENT'",
        ),
        CheckConstraint("price_fen >= 0 AND lessons_paid + lessons_gift >= 1", name="sizes"),
        CheckConstraint("received_fen >= 0", name="received"),
        CheckConstraint("origin IN ('REGULAR', 'LEGACY', 'DIVERSION')", name="origin"),
        CheckConstraint(
            "state IN ('AWAITING_PAYMENT', 'ACTIVE', 'COMPLETED', 'REFUNDED', 'PORTED',"
            " 'IN_WIND_DOWN', 'LAPSED')",
            name="state",
        ),
    )
