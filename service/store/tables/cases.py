"""Cases: lessons, notices, bank entries, payment orders, statements, restraints and approvals."""

from sqlalchemy import Boolean, CheckConstraint, Index, Integer, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import (
    Base,
    Code,
    Count,
    Day,
    Digest,
    Fen,
    Id,
    Instant,
    JournalId,
    Key,
    Seq,
)


class Lesson(Base):
    """A lesson (课时) of one enrolment; `slot` and `value_fen` are set when it is recorded."""

    __tablename__ = "lesson"
    journal_id: Mapped[JournalId]
    lesson_id: Mapped[Key]
    enrolment_id: Mapped[Id]
    institution_id: Mapped[Id]
    guardian_id: Mapped[Id]
    reference: Mapped[Code]
    teacher_reference: Mapped[Code | None]
    online: Mapped[bool] = mapped_column(Boolean)
    starts_at: Mapped[Instant]
    ends_at: Mapped[Instant]
    state: Mapped[Code]
    attendance: Mapped[Code | None]
    evidence_hash: Mapped[Code | None]
    schedule_version: Mapped[Count] = mapped_column(server_default="1")
    slot: Mapped[int | None] = mapped_column(Integer)
    value_fen: Mapped[Fen | None]
    notice_id: Mapped[Id | None]
    confirm_due_on: Mapped[Day | None]
    confirmed_by: Mapped[Code | None]
    dispute_reason: Mapped[Code | None]
    recorded_seq: Mapped[Seq | None]
    confirmed_seq: Mapped[Seq | None]
    seq: Mapped[Seq]
    __table_args__ = (
        UniqueConstraint("journal_id", "enrolment_id", "reference"),
        Index(
            "uq_lesson_slot_of_version",
            "journal_id",
            "enrolment_id",
            "schedule_version",
            "slot",
            unique=True,
            postgresql_where="state IN ('RECORDED', 'DISPUTED', 'CONFIRMED')",
        ),
        Index(
            "ix_lesson_due",
            "journal_id",
            "confirm_due_on",
            "lesson_id",
            postgresql_where="state = 'RECORDED'",
        ),
        Index(None, "journal_id", "institution_id", "lesson_id"),
        Index(None, "journal_id", "guardian_id", "lesson_id"),
        CheckConstraint("ends_at > starts_at", name="span"),
        CheckConstraint(
            "state IN ('SCHEDULED', 'RECORDED', 'CONFIRMED', 'DISPUTED', 'VOIDED', 'CANCELLED',"
            " 'REVERSED')",
            name="state",
        ),
    )


class Notice(Base):
    """A notice to one party; a deadline runs only from `delivered_at`."""

    __tablename__ = "notice"
    journal_id: Mapped[JournalId]
    notice_id: Mapped[Key]
    institution_id: Mapped[Id]
    recipient_id: Mapped[Id]
    kind: Mapped[Code]
    subject_id: Mapped[Id]
    channel: Mapped[Code]
    created_at: Mapped[Instant]
    delivered_at: Mapped[Instant | None]
    proof: Mapped[Code | None]
    __table_args__ = (
        Index(
            "ix_notice_undelivered",
            "journal_id",
            "channel",
            "notice_id",
            postgresql_where="delivered_at IS NULL",
        ),
        Index(None, "journal_id", "recipient_id", "notice_id"),
        CheckConstraint("channel IN ('IN_APP', 'LOG', 'HTTP')", name="channel"),
    )


class BankEntry(Base):
    """What a bank saw on a custody account: unique by its reference, kept whatever it says.

    `outcome` says what it became: ENROLMENT, SUSPENSE, TOP_UP, CHARGE, CHARGE_REIMBURSED, ORDER,
    RETURN, REVERSAL, TRANSFER, RETURNED (suspense paid back), CHARGEBACK, INTEREST, DEPOSIT,
    ADVANCE, RECOVERY, SETTLEMENT, CASH, ERROR, ERROR_CORRECTED, COURT_DEDUCTION, BANK_FAILED,
    FAILED_BANK_PAYMENT, DUPLICATE (the same money as another), BANK_ERROR (credited twice by the
    bank) or KEPT (not yet posted, no `posted_seq`). `direction` PEND is money told of and not in
    the bank yet: captured by a channel, or cash that was taken. What may be the same money shares
    its `likeness`; `source` is PUSH or STATEMENT.
    """

    __tablename__ = "bank_entry"
    journal_id: Mapped[JournalId]
    bank_entry_id: Mapped[Key]
    custody_account_id: Mapped[Id]
    institution_id: Mapped[Id]
    bank_code: Mapped[Code]
    bank_ref: Mapped[Code]
    direction: Mapped[Code]
    amount_fen: Mapped[Fen]
    book_on: Mapped[Day]
    value_on: Mapped[Day]
    kind: Mapped[Code]
    payment_code: Mapped[Code | None]
    content_hash: Mapped[Digest]
    outcome: Mapped[Code]
    suspense_reason: Mapped[Code | None]
    suspense_fen: Mapped[Fen]
    enrolment_id: Mapped[Id | None]
    order_id: Mapped[Id | None]
    received_at: Mapped[Instant]
    seq: Mapped[Seq]
    posted_seq: Mapped[Seq | None]
    likeness: Mapped[Seq | None]
    source: Mapped[Code | None]
    __table_args__ = (
        UniqueConstraint("journal_id", "custody_account_id", "bank_ref"),
        Index(None, "journal_id", "custody_account_id", "book_on"),
        Index(None, "journal_id", "enrolment_id"),
        Index(
            "ix_bank_entry_late",
            "journal_id",
            "custody_account_id",
            postgresql_where="posted_seq IS NULL OR posted_seq > seq",
        ),
        Index(
            "ix_bank_entry_waiting",
            "journal_id",
            "custody_account_id",
            "bank_entry_id",
            postgresql_where="suspense_fen > 0 AND kind IN ('CHANNEL_SETTLEMENT', 'CASH')",
        ),
        Index(
            "ix_bank_entry_kept",
            "journal_id",
            "custody_account_id",
            "bank_entry_id",
            postgresql_where="outcome = 'KEPT'",
        ),
        Index(
            "ix_bank_entry_likeness",
            "journal_id",
            "likeness",
            postgresql_where="likeness IS NOT NULL",
        ),
        CheckConstraint("direction IN ('CRDT', 'DBIT', 'PEND')", name="direction"),
        CheckConstraint("amount_fen > 0 AND suspense_fen >= 0", name="amounts"),
    )


class PaymentOrder(Base):
    """Anything a bank must pay (付款指令); its kind says which account the money came from.

    A REFUND names its `refund_id`, a SUSPENSE_RETURN its receipt, a TRANSFER the account of one
    institution that it fills (`target_custody_account_id`, no payee party), a PORTING the
    receiving institution's; `purpose` says what a transfer is for. An order that was returned and
    issued again names the one it replaces.
    """

    __tablename__ = "payment_order"
    journal_id: Mapped[JournalId]
    order_id: Mapped[Key]
    institution_id: Mapped[Id]
    custody_account_id: Mapped[Id]
    bank_code: Mapped[Code]
    kind: Mapped[Code]
    amount_fen: Mapped[Fen]
    payee_party_id: Mapped[Id | None]
    bank_entry_id: Mapped[Id | None]
    refund_id: Mapped[Id | None]
    porting_id: Mapped[Id | None]
    target_custody_account_id: Mapped[Id | None]
    purpose: Mapped[Code | None]
    replaces_order_id: Mapped[Id | None]
    state: Mapped[Code]
    reason: Mapped[Code | None]
    requested_on: Mapped[Day]
    executed_entry_id: Mapped[Id | None]
    returned_entry_id: Mapped[Id | None]
    arrived_entry_id: Mapped[Id | None]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "institution_id", "order_id"),
        Index(None, "journal_id", "bank_code", "state", "order_id"),
        Index(
            "ix_payment_order_refund",
            "journal_id",
            "refund_id",
            postgresql_where="refund_id IS NOT NULL",
        ),
        Index(
            "ix_payment_order_payee",
            "journal_id",
            "payee_party_id",
            postgresql_where="payee_party_id IS NOT NULL",
        ),
        CheckConstraint(
            "kind IN ('EARNED', 'SURPLUS', 'DEPOSIT', 'REFUND', 'SUSPENSE_RETURN', 'LODGING',"
            " 'TRANSFER', 'PORTING')",
            name="kind",
        ),
        CheckConstraint(
            "(payee_party_id IS NULL) = (kind IN ('TRANSFER', 'PORTING'))"
            " AND (target_custody_account_id IS NULL) = (kind NOT IN ('TRANSFER', 'PORTING'))",
            name="payee",
        ),
        CheckConstraint(
            "state IN ('NEW', 'SENT', 'ACCEPTED', 'UNKNOWN', 'EXECUTED', 'REJECTED', 'RETURNED',"
            " 'REVERSED', 'CANCELLED')",
            name="state",
        ),
        CheckConstraint("amount_fen > 0", name="amount"),
    )


class StatementDay(Base):
    """A bank's day on one custody account: opening, closing, counts and sums.

    `agreed_seq` and `differed_seq` are the positions at which it last agreed with, or differed
    from, what the ledger has of that day, so that coverage known in the past stays known.
    """

    __tablename__ = "statement_day"
    journal_id: Mapped[JournalId]
    custody_account_id: Mapped[Key]
    day: Mapped[Day] = mapped_column(primary_key=True)
    institution_id: Mapped[Id]
    bank_code: Mapped[Code]
    opening_fen: Mapped[Fen]
    closing_fen: Mapped[Fen]
    credit_count: Mapped[Count]
    credit_fen: Mapped[Fen]
    debit_count: Mapped[Count]
    debit_fen: Mapped[Fen]
    state: Mapped[Code]
    ledger_closing_fen: Mapped[Fen | None]
    agreed_seq: Mapped[Seq | None]
    differed_seq: Mapped[Seq | None]
    delivered_at: Mapped[Instant]
    seq: Mapped[Seq]
    __table_args__ = (
        CheckConstraint("state IN ('DELIVERED', 'AGREED', 'DIFFERENT')", name="state"),
        CheckConstraint("opening_fen + credit_fen - debit_fen = closing_fen", name="chain"),
    )


class Restraint(Base):
    """Anything that stops money, on an institution, a custody account or an enrolment."""

    __tablename__ = "restraint"
    journal_id: Mapped[JournalId]
    restraint_id: Mapped[Key]
    institution_id: Mapped[Id]
    target_type: Mapped[Code]
    target_id: Mapped[Id]
    kind: Mapped[Code]
    amount_fen: Mapped[Fen | None]
    cause: Mapped[Code]
    placed_by: Mapped[Code]
    placed_at: Mapped[Instant]
    from_seq: Mapped[Seq]
    to_seq: Mapped[Seq | None]
    lifted_by: Mapped[Code | None]
    __table_args__ = (
        Index(
            "ix_restraint_in_force",
            "journal_id",
            "target_id",
            postgresql_where="to_seq IS NULL",
        ),
        Index(None, "journal_id", "institution_id"),
        CheckConstraint(
            "target_type IN ('INSTITUTION', 'CUSTODY_ACCOUNT', 'ENROLMENT')", name="target_type"
        ),
        CheckConstraint(
            "kind IN ('ENROL_STOP', 'PAYOUT_STOP', 'FREEZE', 'HOLD', 'FENCE')", name="kind"
        ),
    )


class Approval(Base):
    """A command that waits for a second person; it binds the hash of its payload.

    `crossed` says which limit it crosses, `shown` what the second person read, `shown_hash` what
    that person sent back: of the payload and of what was shown.
    """

    __tablename__ = "approval"
    journal_id: Mapped[JournalId]
    approval_id: Mapped[Key]
    institution_id: Mapped[Id | None]
    command: Mapped[Code]
    payload: Mapped[Code]
    payload_hash: Mapped[Digest]
    maker: Mapped[Code]
    checker: Mapped[Code | None]
    state: Mapped[Code]
    requested_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    decided_at: Mapped[Instant | None]
    outcome: Mapped[Code | None]
    seq: Mapped[Seq]
    maker_presence: Mapped[Code | None]
    checker_presence: Mapped[Code | None]
    crossed: Mapped[Code | None]
    shown: Mapped[Code | None]
    shown_hash: Mapped[Digest | None]
    __table_args__ = (
        CheckConstraint("state IN ('PENDING', 'EXECUTED', 'DECLINED', 'EXPIRED')", name="state"),
        Index(
            "ix_approval_pending",
            "journal_id",
            "expires_at",
            "approval_id",
            postgresql_where=text("state = 'PENDING'"),
        ),
    )
