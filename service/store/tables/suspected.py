"""Bank messages and what came of them: notifications, parts of batch debits, suspected entries."""

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import (
    Base,
    Code,
    Count,
    Digest,
    Fen,
    Id,
    Instant,
    JournalId,
    Key,
    Seq,
)


class SuspectedEntry(Base):
    """A bank entry held because another entry may have brought the same money (疑似重复).

    `closed_as` says of SAME what became of it: COUNTED_TWICE when the bank has the money once,
    BANK_ERROR when its statements show it twice.
    """

    __tablename__ = "suspected_entry"
    journal_id: Mapped[JournalId]
    bank_entry_id: Mapped[Key]
    other_entry_id: Mapped[Id]
    institution_id: Mapped[Id]
    custody_account_id: Mapped[Id]
    bank_code: Mapped[Code]
    state: Mapped[Code]
    closed_as: Mapped[Code | None]
    suspected_at: Mapped[Instant]
    decided_by: Mapped[Code | None]
    decided_at: Mapped[Instant | None]
    seq: Mapped[Seq]
    decided_seq: Mapped[Seq | None]
    __table_args__ = (
        Index(
            "ix_suspected_entry_open",
            "journal_id",
            "bank_entry_id",
            postgresql_where="state = 'OPEN'",
        ),
        CheckConstraint("state IN ('SAME', 'DIFFERENT', 'OPEN')", name="state"),
        CheckConstraint(
            "(closed_as IS NOT NULL) = (state = 'SAME')"
            " AND (closed_as IS NULL OR closed_as IN ('COUNTED_TWICE', 'BANK_ERROR'))",
            name="closed_as",
        ),
        CheckConstraint(
            "(state = 'OPEN') = (decided_seq IS NULL) AND (decided_by IS NULL) = (state = 'OPEN')"
            " AND (decided_at IS NULL) = (state = 'OPEN')",
            name="decided",
        ),
    )


class EntryPart(Base):
    """The part of one bank debit that paid one order: a batch is debited in a single line."""

    __tablename__ = "entry_part"
    journal_id: Mapped[JournalId]
    bank_entry_id: Mapped[Key]
    order_id: Mapped[Id] = mapped_column(primary_key=True)
    institution_id: Mapped[Id]
    bank_code: Mapped[Code]
    amount_fen: Mapped[Fen]
    __table_args__ = (
        Index(None, "journal_id", "order_id"),
        CheckConstraint("amount_fen > 0", name="amount"),
    )


class Notification(Base):
    """A bank's message of several facts at once (通知), under the bank's own reference.

    `items` is JSON: of each item its line, kind, custody account and bank reference; what became
    of it stands with the bank entry or restraint it named.
    """

    __tablename__ = "notification"
    journal_id: Mapped[JournalId]
    notification_id: Mapped[Key]
    bank_code: Mapped[Code]
    reference: Mapped[Code]
    content_hash: Mapped[Digest]
    item_count: Mapped[Count]
    items: Mapped[Code]
    received_at: Mapped[Instant]
    seq: Mapped[Seq]
    __table_args__ = (
        UniqueConstraint("journal_id", "bank_code", "reference"),
        CheckConstraint("item_count > 0", name="item_count"),
    )
