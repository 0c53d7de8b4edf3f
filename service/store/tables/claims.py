"""Refunds: claims (退费申请) with their evidence, and what is owed to each payer."""

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped

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
    Pii,
    Seq,
)


class Claim(Base):
    """A refund claim (退费申请) on one enrolment; one is open at a time (I-28).

    `reason` is why, `scope` WHOLE or PARTIAL (then `lessons_given_up` of those that are left).
    `basis` names the pricing rule and its article, `breakdown` the computed figures as canonical
    JSON; both are set when the claim is priced at its approval (E23, E56). `pay_due_on` is the
    last day to pay, counted in natural or working days (`day_count`).
    """

    __tablename__ = "claim"
    journal_id: Mapped[JournalId]
    claim_id: Mapped[Key]
    enrolment_id: Mapped[Id]
    institution_id: Mapped[Id]
    custody_account_id: Mapped[Id]
    guardian_id: Mapped[Id]
    reason: Mapped[Code]
    scope: Mapped[Code]
    lessons_given_up: Mapped[Count | None]
    filed_by: Mapped[Code]
    filed_at: Mapped[Instant]
    filed_on: Mapped[Day]
    service_stopped_on: Mapped[Day | None]
    answer_due_on: Mapped[Day | None]
    answer: Mapped[Code | None]
    answered_on: Mapped[Day | None]
    contest_reason: Mapped[Code | None]
    materials_fen: Mapped[Fen]
    decision: Mapped[Code | None]
    decided_by: Mapped[Code | None]
    decided_on: Mapped[Day | None]
    state: Mapped[Code]
    basis: Mapped[Code | None]
    article: Mapped[Code | None]
    refund_fen: Mapped[Fen | None]
    institution_fen: Mapped[Fen | None]
    interest_fen: Mapped[Fen | None]
    breakdown: Mapped[Code | None]
    day_count: Mapped[Code | None]
    pay_due_on: Mapped[Day | None]
    approved_on: Mapped[Day | None]
    paid_on: Mapped[Day | None]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(
            "uq_claim_open",
            "journal_id",
            "enrolment_id",
            unique=True,
            postgresql_where="state IN ('FILED', 'AGREED', 'CONTESTED', 'DECIDED', 'APPROVED')",
        ),
        Index(None, "journal_id", "institution_id", "claim_id"),
        Index(None, "journal_id", "guardian_id", "claim_id"),
        Index(
            "ix_claim_answer_due",
            "journal_id",
            "answer_due_on",
            "claim_id",
            postgresql_where="state = 'FILED'",
        ),
        Index(
            "ix_claim_pay_due",
            "journal_id",
            "pay_due_on",
            "claim_id",
            postgresql_where="state IN ('AGREED', 'DECIDED', 'APPROVED')",
        ),
        CheckConstraint(
            "reason IN ('COOLING_OFF', 'BEFORE_START', 'CONSUMER', 'INSTITUTION',"
            " 'LAW_ENFORCEMENT', 'COLLAPSE', 'PORTING')",
            name="reason",
        ),
        CheckConstraint("scope IN ('WHOLE', 'PARTIAL')", name="scope"),
        CheckConstraint(
            "state IN ('FILED', 'AGREED', 'CONTESTED', 'DECIDED', 'APPROVED', 'PAID',"
            " 'WITHDRAWN', 'DISMISSED')",
            name="state",
        ),
        CheckConstraint(
            "materials_fen >= 0 AND refund_fen >= 0 AND institution_fen >= 0 AND interest_fen >= 0",
            name="amounts",
        ),
    )


class ClaimEvidence(Base):
    """A document that one side put before a claim, by its hash."""

    __tablename__ = "claim_evidence"
    journal_id: Mapped[JournalId]
    evidence_id: Mapped[Key]
    claim_id: Mapped[Id]
    institution_id: Mapped[Id]
    guardian_id: Mapped[Id]
    party: Mapped[Code]
    kind: Mapped[Code]
    document_hash: Mapped[Code]
    added_at: Mapped[Instant]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "claim_id", "evidence_id"),
        CheckConstraint("party IN ('GUARDIAN', 'INSTITUTION', 'REGULATOR')", name="party"),
    )


class Refund(Base):
    """What one payer of one enrolment gets back (应退费): owner of its L6 and L9.

    `source` says why it is owed: CLAIM (E23, E56), DIVIDEND (E49), RECOVERY (E50), PORTING (the
    part that no receiving institution took) or INTEREST (E35), and `source_id` names the claim,
    entitlement, porting or enrolment. The parts say where the amount stands: payable (L6), in
    transit (L7 of its payment orders), returned (L9), paid, lodged with a notary (E52), or taken
    back into an entitlement when a freeze came first. `receipt_entry_id` is the receipt it goes
    back on, None when no bank entry brought the money; `waiting_for` is MONEY or PAYEE while part
    of it cannot go out, and a payee that was changed is not paid before `payee_hold_until`.
    """

    __tablename__ = "refund"
    journal_id: Mapped[JournalId]
    refund_id: Mapped[Key]
    source: Mapped[Code]
    source_id: Mapped[Id]
    enrolment_id: Mapped[Id]
    institution_id: Mapped[Id]
    custody_account_id: Mapped[Id]
    guardian_id: Mapped[Id]
    receipt_entry_id: Mapped[Id | None]
    payee_party_id: Mapped[Id | None]
    channel: Mapped[Code | None]
    amount_fen: Mapped[Fen]
    payable_fen: Mapped[Fen]
    in_transit_fen: Mapped[Fen]
    returned_fen: Mapped[Fen]
    paid_fen: Mapped[Fen]
    lodged_fen: Mapped[Fen]
    taken_back_fen: Mapped[Fen]
    waiting_for: Mapped[Code | None]
    payee_hold_until: Mapped[Day | None]
    returned_on: Mapped[Day | None]
    created_on: Mapped[Day]
    paid_on: Mapped[Day | None]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "source_id", "refund_id"),
        Index(None, "journal_id", "enrolment_id", "refund_id"),
        Index(None, "journal_id", "institution_id", "refund_id"),
        Index(None, "journal_id", "guardian_id", "refund_id"),
        Index(
            "ix_refund_payee",
            "journal_id",
            "payee_party_id",
            postgresql_where="payee_party_id IS NOT NULL",
        ),
        Index(
            "ix_refund_payable",
            "journal_id",
            "custody_account_id",
            "refund_id",
            postgresql_where="payable_fen > 0",
        ),
        Index(
            "ix_refund_returned",
            "journal_id",
            "custody_account_id",
            "refund_id",
            postgresql_where="returned_fen > 0",
        ),
        CheckConstraint(
            "source IN ('CLAIM', 'DIVIDEND', 'RECOVERY', 'PORTING', 'INTEREST')", name="source"
        ),
        CheckConstraint("waiting_for IN ('MONEY', 'PAYEE')", name="waiting_for"),
        CheckConstraint(
            "payable_fen >= 0 AND in_transit_fen >= 0 AND returned_fen >= 0 AND paid_fen >= 0"
            " AND lodged_fen >= 0 AND taken_back_fen >= 0 AND amount_fen > 0 AND amount_fen ="
            " payable_fen + in_transit_fen + returned_fen + paid_fen + lodged_fen + taken_back_fen",
            name="parts",
        ),
    )


class InterestCredit(Base):
    """Interest that a bank credited (结息, E34), and the period it is allocated over."""

    __tablename__ = "interest_credit"
    journal_id: Mapped[JournalId]
    interest_id: Mapped[Key]
    custody_account_id: Mapped[Id]
    institution_id: Mapped[Id]
    bank_code: Mapped[Code]
    from_on: Mapped[Day]
    to_on: Mapped[Day]
    amount_fen: Mapped[Fen]
    allocated_fen: Mapped[Fen]
    state: Mapped[Code]
    credited_on: Mapped[Day]
    seq: Mapped[Seq]
    __table_args__ = (
        Index(None, "journal_id", "custody_account_id", "interest_id"),
        Index(None, "journal_id", "institution_id", "interest_id"),
        CheckConstraint("state IN ('CREDITED', 'ALLOCATED')", name="state"),
        CheckConstraint(
            "amount_fen > 0 AND allocated_fen BETWEEN 0 AND amount_fen", name="amounts"
        ),
    )


class ClaimNote(Pii):
    """Free text of a claim or objection, which may name people or tell of their health."""

    __tablename__ = "claim_note"
    journal_id: Mapped[JournalId]
    note_id: Mapped[Key]
    subject_id: Mapped[Id]
    institution_id: Mapped[Id]
    guardian_id: Mapped[Id]
    party: Mapped[Code]
    text: Mapped[Code | None]
    written_at: Mapped[Instant]
    sealed: Mapped[Digest | None]
    wrapped_key: Mapped[Digest | None]
    __table_args__ = (
        Index(None, "journal_id", "subject_id", "note_id"),
        Index(None, "journal_id", "guardian_id"),
        CheckConstraint("party IN ('GUARDIAN', 'INSTITUTION', 'REGULATOR')", name="party"),
    )
