"""What banks and courts do to a custody account beside its lines: orders, moves and failures."""

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from service.store.tables.base import Base, Code, Count, Day, Fen, Id, Instant, JournalId, Key, Seq


class BankEntryDetail(Base):
    """What only some kinds of bank entry say: never changed, like the entry it belongs to.

    `channel` and `fee_fen` of a settlement or capture, `document_number` of a court's deduction,
    `corrects_ref` the bank's reference of the wrong credit that it takes back, `failure_id` the
    failed account that a receiver pays for.
    """

    __tablename__ = "bank_entry_detail"
    journal_id: Mapped[JournalId]
    bank_entry_id: Mapped[Key]
    institution_id: Mapped[Id]
    bank_code: Mapped[Code]
    channel: Mapped[Code | None]
    fee_fen: Mapped[Fen]
    document_number: Mapped[Code | None]
    corrects_ref: Mapped[Code | None]
    failure_id: Mapped[Id | None]
    __table_args__ = (
        Index(
            "ix_bank_entry_detail_corrects",
            "journal_id",
            "corrects_ref",
            postgresql_where="corrects_ref IS NOT NULL",
        ),
        CheckConstraint("fee_fen >= 0", name="fee"),
    )


class CourtOrder(Base):
    """A court's order on a custody account as its bank noticed it (司法冻结、扣划).

    `amount_fen` is what it holds or takes, `deducted_fen` what was taken so far; `restraint_id` is
    the HOLD that stands for it, None where it came as a deduction only.
    """

    __tablename__ = "court_order"
    journal_id: Mapped[JournalId]
    court_order_id: Mapped[Key]
    institution_id: Mapped[Id]
    custody_account_id: Mapped[Id]
    bank_code: Mapped[Code]
    document_number: Mapped[Code]
    amount_fen: Mapped[Fen]
    deducted_fen: Mapped[Fen]
    ordered_on: Mapped[Day | None]
    until_on: Mapped[Day | None]
    restraint_id: Mapped[Id | None]
    state: Mapped[Code]
    noticed_at: Mapped[Instant]
    released_on: Mapped[Day | None]
    seq: Mapped[Seq]
    __table_args__ = (
        UniqueConstraint("journal_id", "custody_account_id", "document_number"),
        Index(None, "journal_id", "institution_id", "court_order_id"),
        CheckConstraint("amount_fen > 0 AND deducted_fen >= 0", name="amounts"),
        CheckConstraint("state IN ('HELD', 'DEDUCTED', 'RELEASED')", name="state"),
    )


class BackingMove(Base):
    """An enrolment's money on its way to another bank of its institution (E43).

    The amounts are what stood behind it when the move was instructed; `order_id` is None where no
    money is behind it and none had to move.
    """

    __tablename__ = "backing_move"
    journal_id: Mapped[JournalId]
    move_id: Mapped[Key]
    institution_id: Mapped[Id]
    enrolment_id: Mapped[Id]
    guardian_id: Mapped[Id]
    source_custody_account_id: Mapped[Id]
    target_custody_account_id: Mapped[Id]
    order_id: Mapped[Id | None]
    prepaid_fen: Mapped[Fen]
    interest_fen: Mapped[Fen]
    legacy_fen: Mapped[Fen]
    diversion_fen: Mapped[Fen]
    granted_paid: Mapped[Count]
    granted_gift: Mapped[Count]
    taken_paid: Mapped[Count]
    taken_gift: Mapped[Count]
    state: Mapped[Code]
    asked_on: Mapped[Day]
    ended_on: Mapped[Day | None]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "institution_id", "move_id"),
        Index(
            "uq_backing_move_open",
            "journal_id",
            "enrolment_id",
            unique=True,
            postgresql_where="state = 'INSTRUCTED'",
        ),
        Index("ix_backing_move_order", "journal_id", "order_id"),
        CheckConstraint(
            "prepaid_fen >= 0 AND interest_fen >= 0 AND legacy_fen >= 0 AND diversion_fen >= 0",
            name="amounts",
        ),
        CheckConstraint("state IN ('INSTRUCTED', 'MOVED', 'FAILED')", name="state"),
    )


class BankFailure(Base):
    """A custody account whose bank failed (E51): what it held, and what was paid of it since.

    `target_custody_account_id` is where payments go on, None until the first came.
    """

    __tablename__ = "bank_failure"
    journal_id: Mapped[JournalId]
    failure_id: Mapped[Key]
    institution_id: Mapped[Id]
    custody_account_id: Mapped[Id]
    bank_code: Mapped[Code]
    failed_on: Mapped[Day]
    document_hash: Mapped[Code]
    balance_fen: Mapped[Fen]
    paid_fen: Mapped[Fen]
    lost_fen: Mapped[Fen]
    target_custody_account_id: Mapped[Id | None]
    state: Mapped[Code]
    closed_on: Mapped[Day | None]
    seq: Mapped[Seq]
    __table_args__ = (
        UniqueConstraint("journal_id", "custody_account_id"),
        Index(None, "journal_id", "institution_id", "failure_id"),
        CheckConstraint(
            "balance_fen > 0 AND paid_fen >= 0 AND lost_fen >= 0"
            " AND paid_fen <= balance_fen AND lost_fen <= balance_fen",
            name="amounts",
        ),
        CheckConstraint("state IN ('OPEN', 'CLOSED')", name="state"),
    )


class BankLoss(Base):
    """What one student lost with a failed bank: the owner of the residual claim (L13)."""

    __tablename__ = "bank_loss"
    journal_id: Mapped[JournalId]
    loss_id: Mapped[Key]
    failure_id: Mapped[Id]
    institution_id: Mapped[Id]
    custody_account_id: Mapped[Id]
    enrolment_id: Mapped[Id]
    guardian_id: Mapped[Id]
    prepaid_fen: Mapped[Fen]
    interest_fen: Mapped[Fen]
    seq: Mapped[Seq]
    __table_args__ = (
        UniqueConstraint("journal_id", "failure_id", "enrolment_id"),
        CheckConstraint(
            "prepaid_fen >= 0 AND interest_fen >= 0 AND prepaid_fen + interest_fen > 0",
            name="amounts",
        ),
    )
