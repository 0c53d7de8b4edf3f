"""Wind-down (清算处置): the case, its register, plans, placements, assets and papers."""

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint
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


class WindDown(Base):
    """The wind-down of one institution (清算案), from its freeze to its closure.

    `basis` is POOLED or TRACED_FIRST by the jurisdiction's rules until a plan is approved;
    `plan_id` is the plan in force. The totals are cumulative over all rounds. `steps` is canonical
    JSON of every step taken: [state, sequence number, date, person].
    """

    __tablename__ = "wind_down"
    journal_id: Mapped[JournalId]
    wind_down_id: Mapped[Key]
    institution_id: Mapped[Id]
    state: Mapped[Code]
    basis: Mapped[Code]
    cause: Mapped[Code]
    frozen_at: Mapped[Instant]
    frozen_on: Mapped[Day]
    frozen_seq: Mapped[Seq]
    opened_on: Mapped[Day | None]
    lessons_due_on: Mapped[Day | None]
    published_on: Mapped[Day | None]
    objections_until: Mapped[Day | None]
    plan_id: Mapped[Id | None]
    closed_on: Mapped[Day | None]
    entitlements: Mapped[Count]
    claimed_fen: Mapped[Fen]
    distributed_fen: Mapped[Fen]
    residual_fen: Mapped[Fen]
    steps: Mapped[Code] = mapped_column(server_default="[]")
    seq: Mapped[Seq]
    __table_args__ = (
        Index(
            "uq_wind_down_open",
            "journal_id",
            "institution_id",
            unique=True,
            postgresql_where="state NOT IN ('CLOSED', 'LIFTED')",
        ),
        CheckConstraint(
            "state IN ('FROZEN', 'OPENED', 'LESSONS_SETTLED', 'REGISTER_PUBLISHED', 'SET_OFF',"
            " 'DEPOSIT_DRAWN', 'PLANNED', 'APPROVED', 'POSTED', 'PAYING', 'RESIDUAL', 'CLOSED',"
            " 'LIFTED')",
            name="state",
        ),
        CheckConstraint("basis IN ('POOLED', 'TRACED_FIRST')", name="basis"),
    )


class StatementRequest(Base):
    """What a bank was asked at the freeze: its balance of one account at that instant."""

    __tablename__ = "statement_request"
    journal_id: Mapped[JournalId]
    request_id: Mapped[Key]
    wind_down_id: Mapped[Id]
    institution_id: Mapped[Id]
    custody_account_id: Mapped[Id]
    bank_code: Mapped[Code]
    asked_at: Mapped[Instant]
    balance_at: Mapped[Instant]
    ledger_fen: Mapped[Fen]
    bank_fen: Mapped[Fen | None]
    answered_at: Mapped[Instant | None]
    document_hash: Mapped[Code | None]
    state: Mapped[Code]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "wind_down_id", "request_id"),
        Index(None, "journal_id", "bank_code", "state", "request_id"),
        CheckConstraint("state IN ('ASKED', 'AGREED', 'DIFFERENT')", name="state"),
    )


class Entitlement(Base):
    """What a parent is owed in a wind-down (权益), under its register number.

    Numbered by contract date, then contract number; late entries follow. `claimed_fen` is c,
    `unfunded_fen` what the institution still owed on this very contract, so `traced` = c −
    unfunded. `dividend_fen` and `residual_fen` are cumulative over the posted rounds; while it is
    posted, claimed = dividend + residual + written off.
    """

    __tablename__ = "entitlement"
    journal_id: Mapped[JournalId]
    entitlement_id: Mapped[Key]
    wind_down_id: Mapped[Id]
    register_number: Mapped[Count]
    enrolment_id: Mapped[Id]
    institution_id: Mapped[Id]
    custody_account_id: Mapped[Id]
    guardian_id: Mapped[Id]
    contract_on: Mapped[Day]
    contract_number: Mapped[Code]
    claimed_fen: Mapped[Fen]
    unfunded_fen: Mapped[Fen]
    dividend_fen: Mapped[Fen]
    residual_fen: Mapped[Fen]
    written_off_fen: Mapped[Fen]
    late: Mapped[bool]
    notice_id: Mapped[Id | None]
    state: Mapped[Code]
    posted_round: Mapped[Count]
    seq: Mapped[Seq]
    __table_args__ = (
        UniqueConstraint("journal_id", "wind_down_id", "register_number"),
        Index(
            "uq_entitlement_enrolment", "journal_id", "wind_down_id", "enrolment_id", unique=True
        ),
        Index(None, "journal_id", "guardian_id", "entitlement_id"),
        CheckConstraint(
            "state IN ('REGISTERED', 'OBJECTED', 'ADMITTED', 'POSTED', 'SETTLED')", name="state"
        ),
        CheckConstraint(
            "claimed_fen >= 0 AND unfunded_fen >= 0 AND dividend_fen >= 0 AND residual_fen >= 0"
            " AND written_off_fen >= 0",
            name="amounts",
        ),
    )


class Objection(Base):
    """A parent's objection (异议) to the register: another amount, or a missing contract.

    A missing one names the contract as the parent has it, and the student by an opaque id.
    """

    __tablename__ = "objection"
    journal_id: Mapped[JournalId]
    objection_id: Mapped[Key]
    wind_down_id: Mapped[Id]
    entitlement_id: Mapped[Id | None]
    enrolment_id: Mapped[Id | None]
    institution_id: Mapped[Id]
    guardian_id: Mapped[Id]
    kind: Mapped[Code]
    contract_number: Mapped[Code | None]
    contract_on: Mapped[Day | None]
    student_id: Mapped[Id | None]
    asked_fen: Mapped[Fen]
    document_hash: Mapped[Code]
    filed_at: Mapped[Instant]
    filed_on: Mapped[Day]
    state: Mapped[Code]
    decided_fen: Mapped[Fen | None]
    decision_reason: Mapped[Code | None]
    decided_by: Mapped[Code | None]
    decided_on: Mapped[Day | None]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "wind_down_id", "objection_id"),
        Index(None, "journal_id", "guardian_id", "objection_id"),
        CheckConstraint("kind IN ('AMOUNT', 'MISSING')", name="kind"),
        CheckConstraint("state IN ('FILED', 'UPHELD', 'REJECTED')", name="state"),
    )


class Asset(Base):
    """Something found that may bring money to the pool (追回资产)."""

    __tablename__ = "asset"
    journal_id: Mapped[JournalId]
    asset_id: Mapped[Key]
    wind_down_id: Mapped[Id]
    institution_id: Mapped[Id]
    kind: Mapped[Code]
    estimated_fen: Mapped[Fen]
    realized_fen: Mapped[Fen]
    document_hash: Mapped[Code | None]
    receipt_entry_id: Mapped[Id | None]
    state: Mapped[Code]
    found_on: Mapped[Day]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "wind_down_id", "asset_id"),
        CheckConstraint("state IN ('FOUND', 'REALIZED', 'ABANDONED')", name="state"),
    )


class DistributionPlan(Base):
    """A distribution plan (分配方案): one round, one basis, from inputs that anyone can replay.

    `inputs` is canonical JSON of all that went in (pool by custody account and entitlements by
    register number, no ids of people), `plan_hash` covers inputs and shares. Round 1 shares the
    pool over the entitlements, later rounds share recoveries over the residuals (I-31).
    """

    __tablename__ = "distribution_plan"
    journal_id: Mapped[JournalId]
    plan_id: Mapped[Key]
    wind_down_id: Mapped[Id]
    institution_id: Mapped[Id]
    round: Mapped[Count]
    basis: Mapped[Code]
    state: Mapped[Code]
    inputs: Mapped[Code]
    inputs_hash: Mapped[Digest]
    plan_hash: Mapped[Digest]
    entitlements: Mapped[Count]
    claimed_fen: Mapped[Fen]
    pool_fen: Mapped[Fen]
    distributed_fen: Mapped[Fen]
    residual_fen: Mapped[Fen]
    posted_to: Mapped[Count]
    orders_to: Mapped[Count]
    simulated_at: Mapped[Instant]
    approved_on: Mapped[Day | None]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "wind_down_id", "plan_id"),
        CheckConstraint("basis IN ('POOLED', 'TRACED_FIRST')", name="basis"),
        CheckConstraint("state IN ('SIMULATED', 'APPROVED', 'POSTED', 'SUPERSEDED')", name="state"),
        CheckConstraint("claimed_fen = distributed_fen + residual_fen", name="whole"),
    )


class PlanShare(Base):
    """What a plan gives one entitlement, to the fen."""

    __tablename__ = "plan_share"
    journal_id: Mapped[JournalId]
    plan_id: Mapped[Key]
    register_number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entitlement_id: Mapped[Id]
    institution_id: Mapped[Id]
    guardian_id: Mapped[Id]
    claim_fen: Mapped[Fen]
    tier_one_fen: Mapped[Fen]
    tier_two_fen: Mapped[Fen]
    dividend_fen: Mapped[Fen]
    residual_fen: Mapped[Fen]
    __table_args__ = (
        CheckConstraint(
            "dividend_fen = tier_one_fen + tier_two_fen"
            " AND claim_fen = dividend_fen + residual_fen"
            " AND tier_one_fen >= 0 AND tier_two_fen >= 0 AND residual_fen >= 0",
            name="whole",
        ),
    )


class ResolutionPack(Base):
    """A resolution pack (处置包) as it was made: one signed archive of one institution."""

    __tablename__ = "resolution_pack"
    journal_id: Mapped[JournalId]
    pack_id: Mapped[Key]
    institution_id: Mapped[Id]
    cause: Mapped[Code]
    made_at: Mapped[Instant]
    made_on: Mapped[Day]
    position_seq: Mapped[Seq]
    size_bytes: Mapped[Count]
    sha256: Mapped[Code]
    signature: Mapped[Code]
    key_id: Mapped[Code]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    __table_args__ = (
        Index(None, "journal_id", "institution_id", "pack_id"),
        CheckConstraint("cause IN ('NIGHTLY', 'ON_DEMAND', 'FREEZE')", name="cause"),
    )
