"""Statement files (对账单文件): what a bank sent, the statements in it, and each of their lines."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Index, Integer, text
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
    KeyText,
    Seq,
)


class StatementFile(Base):
    """A file as it came: taken whole, or refused whole with its reason.

    ACCEPTED while its lines are being posted, POSTED when the last one is; REFUSED when it cannot
    be right by itself, QUARANTINED when it contradicts what stands. The counters grow with
    `lines_done`; a file that was broken off is finished by sending it again, read with what it was
    accepted with: `mapping_version` and `account_number` of a CSV, `encoding`,
    `derives_references`.
    """

    __tablename__ = "statement_file"
    journal_id: Mapped[JournalId]
    statement_file_id: Mapped[Key]
    bank_code: Mapped[Code]
    content_sha256: Mapped[Digest]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    format: Mapped[Code | None]
    mapping_version: Mapped[int | None] = mapped_column(Integer)
    encoding: Mapped[Code]
    account_number: Mapped[Code]
    derives_references: Mapped[bool] = mapped_column(Boolean)
    state: Mapped[Code]
    reason: Mapped[Code | None]
    at_line: Mapped[int | None] = mapped_column(BigInteger)
    at_entry: Mapped[int | None] = mapped_column(BigInteger)
    statements: Mapped[Count]
    lines: Mapped[Count]
    lines_done: Mapped[Count]
    matched: Mapped[Count]
    posted: Mapped[Count]
    contradicted: Mapped[Count]
    received_by: Mapped[Code]
    received_at: Mapped[Instant]
    completed_at: Mapped[Instant | None]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "content_sha256"),
        Index(None, "journal_id", "bank_code", "statement_file_id"),
        Index(
            "ix_statement_file_open",
            "journal_id",
            "bank_code",
            postgresql_where=text("state = 'ACCEPTED'"),
        ),
        CheckConstraint("state IN ('ACCEPTED', 'POSTED', 'REFUSED', 'QUARANTINED')", name="state"),
        CheckConstraint("(reason IS NULL) = (state IN ('ACCEPTED', 'POSTED'))", name="reason"),
        CheckConstraint("lines_done = matched + posted + contradicted", name="done"),
    )


class BankStatement(Base):
    """One statement of an accepted file, with the figures that chained.

    `kind` is STATEMENT, REPORT or NOTIFICATION; only a statement must have balances and days.
    `after_gap` says that it did not continue the one before, of which something is missing.
    """

    __tablename__ = "bank_statement"
    journal_id: Mapped[JournalId]
    statement_file_id: Mapped[Key]
    number: Mapped[Count] = mapped_column(primary_key=True, autoincrement=False)
    custody_account_id: Mapped[Id]
    institution_id: Mapped[Id]
    bank_code: Mapped[Code]
    kind: Mapped[Code]
    reference: Mapped[Code]
    sequence: Mapped[int | None] = mapped_column(BigInteger)
    from_on: Mapped[Day | None]
    to_on: Mapped[Day | None]
    opening_fen: Mapped[Fen | None]
    closing_fen: Mapped[Fen | None]
    credit_count: Mapped[Count]
    credit_fen: Mapped[Fen]
    debit_count: Mapped[Count]
    debit_fen: Mapped[Fen]
    after_gap: Mapped[bool] = mapped_column(Boolean)
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "custody_account_id", "to_on"),
        Index(None, "journal_id", "reference"),
        CheckConstraint("kind IN ('STATEMENT', 'REPORT', 'NOTIFICATION')", name="kind"),
    )


class StatementLine(Base):
    """One line of a statement, and the bank entry it is.

    MATCHED was known by a push and is confirmed by this line, POSTED was not known before,
    CONTRADICTED was pushed with another amount, sign or date: `bank_entry_id` is what was pushed.
    `raw_hash` is keyed: what the bank wrote, with its names and accounts, is not to be guessed.
    """

    __tablename__ = "statement_line"
    journal_id: Mapped[JournalId]
    statement_file_id: Mapped[Key]
    line: Mapped[Count] = mapped_column(primary_key=True, autoincrement=False)
    statement: Mapped[Count]
    custody_account_id: Mapped[Id]
    institution_id: Mapped[Id]
    bank_code: Mapped[Code]
    bank_ref: Mapped[Code]
    direction: Mapped[Code]
    amount_fen: Mapped[Fen]
    book_on: Mapped[Day]
    value_on: Mapped[Day]
    raw_hash: Mapped[Digest]
    bank_entry_id: Mapped[Id | None]
    outcome: Mapped[Code]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "bank_entry_id"),
        Index(None, "journal_id", "custody_account_id", "book_on"),
        CheckConstraint("direction IN ('CRDT', 'DBIT')", name="direction"),
        CheckConstraint("outcome IN ('MATCHED', 'POSTED', 'CONTRADICTED')", name="outcome"),
    )


class StatementMapping(Base):
    """How a bank writes its CSV, as JSON; the newest version is the one that is read by."""

    __tablename__ = "statement_mapping"
    bank_code: Mapped[KeyText]
    version: Mapped[Count] = mapped_column(primary_key=True, autoincrement=False)
    mapping: Mapped[Code]
    set_by: Mapped[Code]
    set_at: Mapped[Instant]
