"""What stands around a payment order: its lease, what its bank said of it, and banks' terms."""

from sqlalchemy import Boolean, CheckConstraint, Index
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
    KeyText,
    Seq,
)


class OrderLease(Base):
    """Under which lease (租约) a bank holds a payment order it fetched; the last one counts.

    Until `acknowledged_at` a lease that has lapsed lets the order be handed over again, under the
    same order id. Instants are machine time; `times` counts how often it was handed over.
    """

    __tablename__ = "order_lease"
    journal_id: Mapped[JournalId]
    order_id: Mapped[Key]
    institution_id: Mapped[Id]
    custody_account_id: Mapped[Id]
    bank_code: Mapped[Code]
    lease_id: Mapped[Id]
    leased_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    acknowledged_at: Mapped[Instant | None]
    times: Mapped[Count]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "lease_id", "order_id"),
        Index(
            "ix_order_lease_lapsing",
            "journal_id",
            "bank_code",
            "expires_at",
            postgresql_where="acknowledged_at IS NULL",
        ),
        CheckConstraint("expires_at > leased_at AND times > 0", name="lease"),
    )


class OrderReport(Base):
    """What a bank said of an order, as it said it; `seq` is the transaction that notes it.

    `status` is ACCEPTED, PENDING, REJECTED, UNKNOWN or NOT_FOUND, `bank_status` the bank's own
    word where it differs (ACSP, RJCT …), `message_id` the bank's message it came in, `state` the
    order's afterwards. `reported_at` is machine time.
    """

    __tablename__ = "order_report"
    journal_id: Mapped[JournalId]
    order_id: Mapped[Key]
    seq: Mapped[Seq] = mapped_column(primary_key=True, autoincrement=False)
    institution_id: Mapped[Id]
    custody_account_id: Mapped[Id]
    bank_code: Mapped[Code]
    status: Mapped[Code]
    bank_status: Mapped[Code | None]
    reason: Mapped[Code | None]
    message_id: Mapped[Code | None]
    state: Mapped[Code]
    reported_at: Mapped[Instant]
    __table_args__ = (
        CheckConstraint(
            "status IN ('ACCEPTED', 'PENDING', 'REJECTED', 'UNKNOWN', 'NOT_FOUND')", name="status"
        ),
    )


class BankTerms(Base):
    """When a bank carries out orders and how large one may be, from a date on; never edited.

    Times of day are "HH:MM" in Asia/Shanghai; limits are fen, None where there is none.
    """

    __tablename__ = "bank_terms"
    bank_code: Mapped[KeyText]
    effective_on: Mapped[Day] = mapped_column(primary_key=True)
    opens_at: Mapped[Code | None]
    cut_off_at: Mapped[Code | None]
    working_days_only: Mapped[bool] = mapped_column(Boolean)
    item_limit_fen: Mapped[Fen | None]
    small_value_limit_fen: Mapped[Fen | None]
    small_value_holiday_limit_fen: Mapped[Fen | None]
    set_by: Mapped[Code]
    set_at: Mapped[Instant]
