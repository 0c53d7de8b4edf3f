"""Reconciliations (对账), the breaks they found, and what an institution was asked to make good."""

from sqlalchemy import BigInteger, CheckConstraint, Index
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


class Reconciliation(Base):
    """One custody account on one day: bank, ledger, requirement and single balances, side by side.

    `position_seq` is the day's last position, of which the figures are; `known_seq` the position up
    to which statements and bank entries were read. The closings are of `statement_on`, the last
    statement then, by the bank's booking dates; there is none without a statement. Of a deposit
    account (保证金专户) nothing is required here.
    """

    __tablename__ = "reconciliation"
    journal_id: Mapped[JournalId]
    reconciliation_id: Mapped[Key]
    custody_account_id: Mapped[Id]
    institution_id: Mapped[Id]
    bank_code: Mapped[Code]
    day: Mapped[Day]
    cause: Mapped[Code]
    position_seq: Mapped[Seq]
    known_seq: Mapped[Seq]
    external_state: Mapped[Code]
    statement_on: Mapped[Day | None]
    bank_closing_fen: Mapped[Fen | None]
    ledger_closing_fen: Mapped[Fen | None]
    bank_fen: Mapped[Fen]
    requirement_fen: Mapped[Fen]
    shortfall_fen: Mapped[Fen]
    hard_shortfall_fen: Mapped[Fen]
    sub_ledger_fen: Mapped[Fen]
    sub_ledger_gap_fen: Mapped[Fen]
    orders_fen: Mapped[Fen]
    channel_fen: Mapped[Fen]
    cash_fen: Mapped[Fen]
    transfer_fen: Mapped[Fen]
    due_fen: Mapped[Fen]
    due_from_bank_fen: Mapped[Fen]
    entries_unposted: Mapped[Count]
    breaks_open: Mapped[Count]
    coverage_state: Mapped[Code]
    run_at: Mapped[Instant]
    run_by: Mapped[Code]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "custody_account_id", "day", "reconciliation_id"),
        Index(None, "journal_id", "day", "custody_account_id"),
        CheckConstraint("cause IN ('DAILY', 'FOLLOW_UP', 'ON_DEMAND', 'DAY_CLOSE')", name="cause"),
        CheckConstraint(
            "external_state IN ('AGREED', 'DIFFERENT', 'MISSING', 'NOT_DUE')",
            name="external_state",
        ),
        CheckConstraint("coverage_state IN ('COVERED', 'SHORT', 'UNKNOWN')", name="coverage_state"),
        CheckConstraint(
            "(statement_on IS NULL) = (bank_closing_fen IS NULL)"
            " AND (statement_on IS NULL) = (ledger_closing_fen IS NULL)",
            name="closings",
        ),
        CheckConstraint(
            "shortfall_fen >= hard_shortfall_fen AND hard_shortfall_fen >= 0", name="shortfalls"
        ),
    )


class Break(Base):
    """A difference with a name (对账差异): fen bank less ledger, what about, whose turn it is.

    OPEN until a person signs it off, CLOSED by the reconciliation that no longer finds it, never by
    a person. `outside` says that it is part of the difference to the bank; the others are faults
    of the books, or CONTRADICTED. `level` is how far it was escalated.

    A CONTRADICTED one is opened by the message that says of an entry what it is not, and closed by
    the first reconciliation after its sign-off. `differs` says in what (of AMOUNT, DIRECTION, DATE
    and PAYER, in this order), `arose_on` is the day that was said, `amount_fen` what was said less
    what stands.
    """

    __tablename__ = "reconciliation_break"
    journal_id: Mapped[JournalId]
    break_id: Mapped[Key]
    custody_account_id: Mapped[Id]
    institution_id: Mapped[Id]
    bank_code: Mapped[Code]
    kind: Mapped[Code]
    subject: Mapped[Code]
    subject_key: Mapped[Code]
    arose_on: Mapped[Day]
    amount_fen: Mapped[Fen]
    outside: Mapped[bool]
    state: Mapped[Code]
    owner: Mapped[Code]
    assignee: Mapped[Code | None]
    level: Mapped[Count]
    opened_on: Mapped[Day]
    opened_at: Mapped[Instant]
    escalated_on: Mapped[Day | None]
    cause: Mapped[Code | None]
    signed_by: Mapped[Code | None]
    signed_at: Mapped[Instant | None]
    signed_seq: Mapped[int | None] = mapped_column(BigInteger)
    closed_at: Mapped[Instant | None]
    closed_seq: Mapped[int | None] = mapped_column(BigInteger)
    seq: Mapped[Seq]
    bank_ref: Mapped[Code | None]
    differs: Mapped[Code | None]
    __table_args__ = (
        Index(
            "uq_reconciliation_break_standing",
            "journal_id",
            "custody_account_id",
            "subject",
            "subject_key",
            "arose_on",
            unique=True,
            postgresql_where="state <> 'CLOSED' AND subject <> 'BANK_MESSAGE'",
        ),
        Index(
            "uq_reconciliation_break_contradicted",
            "journal_id",
            "subject_key",
            "arose_on",
            "amount_fen",
            "differs",
            unique=True,
            postgresql_where="subject = 'BANK_MESSAGE'",
        ),
        Index(None, "journal_id", "custody_account_id", "break_id"),
        CheckConstraint(
            "kind IN ('TIMING', 'UNPOSTED_FEE', 'UNMATCHED', 'DUPLICATE', 'AMOUNT', 'BANK_ERROR',"
            " 'LEDGER_ERROR', 'CONTRADICTED')",
            name="kind",
        ),
        CheckConstraint(
            "subject IN ('BANK_ENTRY', 'STATEMENT_LINE', 'STATEMENT_DAY', 'LEDGER',"
            " 'BANK_MESSAGE')",
            name="subject",
        ),
        CheckConstraint(
            "(kind = 'CONTRADICTED') = (subject = 'BANK_MESSAGE')"
            " AND (differs IS NOT NULL) = (kind = 'CONTRADICTED')"
            " AND (bank_ref IS NOT NULL) = (kind = 'CONTRADICTED')"
            " AND NOT (outside AND kind = 'CONTRADICTED')",
            name="contradicted",
        ),
        CheckConstraint("state IN ('OPEN', 'SIGNED_OFF', 'CLOSED')", name="state"),
        CheckConstraint("owner IN ('BANK', 'INSTITUTION', 'OPERATOR')", name="owner"),
        CheckConstraint(
            "(closed_seq IS NOT NULL) = (state = 'CLOSED')"
            " AND (closed_at IS NULL) = (closed_seq IS NULL)",
            name="closed",
        ),
        CheckConstraint(
            "(signed_seq IS NULL) = (signed_by IS NULL) AND (signed_seq IS NULL) = (cause IS NULL)"
            " AND (signed_seq IS NULL) = (signed_at IS NULL)"
            " AND (state <> 'SIGNED_OFF' OR signed_seq IS NOT NULL)",
            name="signed",
        ),
        CheckConstraint("level BETWEEN 0 AND 3", name="level"),
    )


class TopUpDemand(Base):
    """What an institution is to pay in the same day (补足通知), and the stop that stands meanwhile.

    OPEN until the gap is gone (MET) or another amount is asked for (SUPERSEDED).
    """

    __tablename__ = "top_up_demand"
    journal_id: Mapped[JournalId]
    demand_id: Mapped[Key]
    custody_account_id: Mapped[Id]
    institution_id: Mapped[Id]
    reconciliation_id: Mapped[Id]
    restraint_id: Mapped[Id]
    amount_fen: Mapped[Fen]
    due_on: Mapped[Day]
    state: Mapped[Code]
    demanded_at: Mapped[Instant]
    ended_at: Mapped[Instant | None]
    ended_seq: Mapped[int | None] = mapped_column(BigInteger)
    seq: Mapped[Seq]
    __table_args__ = (
        Index(
            "ix_top_up_demand_open",
            "journal_id",
            "custody_account_id",
            postgresql_where="state = 'OPEN'",
        ),
        Index(None, "journal_id", "institution_id", "demand_id"),
        CheckConstraint("state IN ('OPEN', 'MET', 'SUPERSEDED')", name="state"),
        CheckConstraint("amount_fen > 0", name="amount"),
        CheckConstraint(
            "(ended_seq IS NULL) = (state = 'OPEN') AND (ended_at IS NULL) = (state = 'OPEN')",
            name="ended",
        ),
    )
