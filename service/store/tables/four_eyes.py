"""Four eyes and rule packs: what was decided under a limit, and rules proposed, changed, assigned.

Acts belong to a journal; rule packs are reference data that all journals share.
"""

from sqlalchemy import CheckConstraint, Index, Integer, text
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


class DecidedAlone(Base):
    """What one person decided alone, under the limits it was judged by; `seq` is its transaction.

    Only kinds that have a limit; what two people decided is in its approval.
    """

    __tablename__ = "decided_alone"
    journal_id: Mapped[JournalId]
    seq: Mapped[Seq] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[Code]
    amount_fen: Mapped[Fen]
    maker: Mapped[Code]
    payee_id: Mapped[Id | None]
    institution_id: Mapped[Id | None]
    at_once_fen: Mapped[Fen]
    day_sum_fen: Mapped[Fen]
    decided_at: Mapped[Instant]
    __table_args__ = (
        CheckConstraint(
            "amount_fen BETWEEN 0 AND at_once_fen AND at_once_fen <= day_sum_fen", name="amounts"
        ),
        Index(None, "journal_id", "kind", "decided_at"),
    )


class RulePackProposal(Base):
    """A change of a rule pack, or its assignment to a jurisdiction, that waits for or had its yes.

    `origin` is the pack that a new one begins from. `delta` is canonical JSON: the values that are
    to hold from `effective_on` on. `shown` is what the second person read, as canonical JSON, and
    `shown_hash` what that person sent back.
    """

    __tablename__ = "rule_pack_proposal"
    proposal_id: Mapped[Id] = mapped_column(primary_key=True)
    action: Mapped[Code]
    code: Mapped[Code]
    jurisdiction_code: Mapped[Code]
    base_version: Mapped[int] = mapped_column(Integer)
    origin: Mapped[Code | None]
    delta: Mapped[Code]
    delta_hash: Mapped[Digest]
    effective_on: Mapped[Day]
    reason: Mapped[Code]
    document_id: Mapped[Code]
    maker: Mapped[Code]
    maker_presence: Mapped[Code]
    proposed_at: Mapped[Instant]
    expires_at: Mapped[Instant]
    state: Mapped[Code]
    checker: Mapped[Code | None]
    checker_presence: Mapped[Code | None]
    decided_at: Mapped[Instant | None]
    decision: Mapped[Code | None]
    shown: Mapped[Code | None]
    shown_hash: Mapped[Digest | None]
    version: Mapped[int | None] = mapped_column(Integer)
    __table_args__ = (
        CheckConstraint("action IN ('CHANGE', 'ASSIGN')", name="action"),
        CheckConstraint(
            "state IN ('PENDING', 'APPROVED', 'DECLINED', 'WITHDRAWN', 'EXPIRED')", name="state"
        ),
        CheckConstraint(
            "state <> 'APPROVED' OR (checker IS NOT NULL AND checker <> maker"
            " AND shown_hash IS NOT NULL)",
            name="two",
        ),
        Index(None, "code", "proposal_id"),
        Index(
            "ix_rule_pack_proposal_pending",
            "expires_at",
            postgresql_where=text("state = 'PENDING'"),
        ),
    )


class RulePackAssignment(Base):
    """From which day a jurisdiction has which rule pack; before that, the one it began with."""

    __tablename__ = "rule_pack_assignment"
    jurisdiction_code: Mapped[KeyText]
    from_on: Mapped[Day] = mapped_column(primary_key=True)
    rule_pack: Mapped[Code]
    proposal_id: Mapped[Id]
    assigned_at: Mapped[Instant]
