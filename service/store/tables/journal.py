"""The journal (日记账): transactions, the entries and roll-ups projected from them, and heads.

`journal_transaction`, `entry` and `rollup` are partitioned by journal, a leaf each, and only ever
grow: the application role may insert into leaves and read through the parents.
"""

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import (
    Base,
    Code,
    Day,
    Digest,
    Fen,
    Id,
    Instant,
    JournalId,
    KeyText,
    Seq,
)


class JournalHead(Base):
    """Where a journal stands, and its audit trail; its row lock makes both single-writer."""

    __tablename__ = "journal_head"
    journal_id: Mapped[JournalId]
    seq: Mapped[Seq]
    hash: Mapped[Digest]
    recorded_at: Mapped[Instant]
    effective_on: Mapped[Day]
    closed_on: Mapped[Day | None]
    next_account_id: Mapped[int] = mapped_column(BigInteger)
    clock_offset_us: Mapped[int] = mapped_column(BigInteger)
    audit_seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    audit_hash: Mapped[Digest | None]


class JournalTransaction(Base):
    """A transaction as it was sealed: dense sequence, hash over every other column.

    `transfers` is JSON of [debit account id, credit account id, quantity]; `opened` lists the
    accounts that this transaction used first, so the table alone rebuilds the ledger.
    """

    __tablename__ = "journal_transaction"
    journal_id: Mapped[JournalId]
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[Code]
    transfers: Mapped[Code]
    opened: Mapped[Code]
    refs: Mapped[Code]
    actor: Mapped[Code]
    reason: Mapped[Code | None]
    policy_version: Mapped[Code | None]
    effective_on: Mapped[Day]
    recorded_at: Mapped[Instant]
    idempotency_key: Mapped[Code | None]
    previous_hash: Mapped[Digest]
    hash: Mapped[Digest]
    __table_args__ = (
        Index(None, "journal_id", "effective_on", "seq"),
        Index(None, "journal_id", "recorded_at", "seq"),
        {"postgresql_partition_by": "LIST (journal_id)"},
    )


class AccountRow(Base):
    """An account of the chart, opened by the batch that first used it; never changes."""

    __tablename__ = "account"
    journal_id: Mapped[JournalId]
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    kind: Mapped[Code]
    owner_id: Mapped[Id]
    custody_account_id: Mapped[Id]
    reason: Mapped[Code]
    institution_id: Mapped[Id]
    unit: Mapped[Code]
    __table_args__ = (
        UniqueConstraint("journal_id", "kind", "owner_id", "custody_account_id", "reason"),
        Index(None, "journal_id", "custody_account_id", "kind"),
        Index(None, "journal_id", "owner_id"),
    )


class Entry(Base):
    """One account's change by one transaction, and its balance after it, on its normal side."""

    __tablename__ = "entry"
    journal_id: Mapped[JournalId]
    account_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    amount: Mapped[int] = mapped_column(BigInteger)
    balance_after: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = (
        CheckConstraint("balance_after >= 0", name="not_negative"),
        {"postgresql_partition_by": "LIST (journal_id)"},
    )


class Rollup(Base):
    """Sum over the accounts of one kind and reason in a unit, after the batch that ended at `seq`.

    `unit_type` is INSTITUTION, CUSTODY_ACCOUNT or AREA; an area is "path/department".
    """

    __tablename__ = "rollup"
    journal_id: Mapped[JournalId]
    unit_type: Mapped[KeyText]
    unit_id: Mapped[KeyText]
    kind: Mapped[KeyText]
    reason: Mapped[KeyText]
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    balance: Mapped[Fen]
    __table_args__ = ({"postgresql_partition_by": "LIST (journal_id)"},)


class Reversal(Base):
    """Which transaction was reversed by which: at most once (I-07)."""

    __tablename__ = "reversal"
    journal_id: Mapped[JournalId]
    reversed_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    reversing_seq: Mapped[Seq]
    __table_args__ = (UniqueConstraint("journal_id", "reversing_seq"),)


class StoredAnswer(Base):
    """The outcome given under an idempotency key, kept for ever."""

    __tablename__ = "stored_answer"
    journal_id: Mapped[JournalId]
    caller_id: Mapped[KeyText]
    key: Mapped[KeyText]
    request_hash: Mapped[Digest]
    outcome: Mapped[Code]
    seq: Mapped[Seq]
    answered_at: Mapped[Instant]


class ClosedDay(Base):
    """A business date closed for ever, with its last sequence number (I-10)."""

    __tablename__ = "closed_day"
    journal_id: Mapped[JournalId]
    day: Mapped[Day] = mapped_column(primary_key=True)
    last_seq: Mapped[Seq]
    closed_at: Mapped[Instant]
    closed_by: Mapped[Code]
    state: Mapped[Code]
