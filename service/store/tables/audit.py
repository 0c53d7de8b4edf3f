"""The audit trail (审计日志) with its heads, and what callers have left of their limits."""

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from service.store.tables.base import Base, Code, Digest, Instant, JournalId, KeyText, Seq


class AuditRow(Base):
    """One request, accepted or refused, as it was recorded: dense sequence, hash over the rest.

    `journal_id` is 0 for what happened in no journal; `in_journal` is then the one it concerns, if
    it is one. `details` is canonical JSON: how many items of a batch had which verdict, whose data
    were read, how many requests a counted row stands for.
    """

    __tablename__ = "audit"
    journal_id: Mapped[JournalId]
    audit_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    recorded_at: Mapped[Instant]
    kind: Mapped[Code]
    request_id: Mapped[Code | None]
    caller_id: Mapped[Code]
    role: Mapped[Code]
    duties: Mapped[Code]
    credential: Mapped[Code | None]
    source: Mapped[Code | None]
    operation: Mapped[Code]
    use_case: Mapped[Code | None]
    object: Mapped[Code | None]
    request_hash: Mapped[Digest | None]
    outcome: Mapped[Code]
    details: Mapped[Code | None]
    reason: Mapped[Code | None]
    purpose: Mapped[Code | None]
    approval: Mapped[Code | None]
    first_seq: Mapped[Seq | None]
    last_seq: Mapped[Seq | None]
    policy_version: Mapped[Code | None]
    in_journal: Mapped[int | None] = mapped_column(Integer)
    previous_hash: Mapped[Digest]
    hash: Mapped[Digest]
    __table_args__ = (
        CheckConstraint(
            "kind IN ('DECIDED', 'REFERENCE', 'ACT', 'READ', 'DENIED', 'COUNTED')", name="kind"
        ),
        Index(None, "journal_id", "caller_id", "audit_seq"),
        Index(
            "ix_audit_object",
            "journal_id",
            "object",
            "audit_seq",
            postgresql_where="object IS NOT NULL",
        ),
        {"postgresql_partition_by": "LIST (journal_id)"},
    )


class AuditHead(Base):
    """Where chain 0 of the trail stands; a journal's own is on its head."""

    __tablename__ = "audit_head"
    chain: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    seq: Mapped[Seq]
    hash: Mapped[Digest]


class LimitState(Base):
    """When a caller's limit is whole again: the theoretical arrival time of GCRA.

    Unlogged: it costs no write-ahead log, and a crash forgives what was spent. Microseconds since
    1970 on the machine's clock, which nothing moves.
    """

    __tablename__ = "limit_state"
    subject: Mapped[KeyText]
    cost_class: Mapped[KeyText]
    free_at_us: Mapped[int] = mapped_column(BigInteger)
    __table_args__ = ({"prefixes": ["UNLOGGED"]},)
