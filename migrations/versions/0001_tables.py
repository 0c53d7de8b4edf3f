"""Every table of the first version."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "access_token",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("caller_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_access_token")),
        schema="escrow",
    )
    op.create_table(
        "account",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "account_id", name=op.f("pk_account")),
        sa.UniqueConstraint(
            "journal_id",
            "kind",
            "owner_id",
            "custody_account_id",
            "reason",
            name=op.f("uq_account_journal_id_kind_owner_id_custody_account_id_reason"),
        ),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_account_journal_id_custody_account_id_kind"),
        "account",
        ["journal_id", "custody_account_id", "kind"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_account_journal_id_owner_id"),
        "account",
        ["journal_id", "owner_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "adcode",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("successor", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_adcode")),
        schema="escrow",
    )
    op.create_table(
        "agreement",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("release_basis", sa.Text(), nullable=False),
        sa.Column("settlement_cadence", sa.Text(), nullable=False),
        sa.Column("document_hash", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "agreement_id", name=op.f("pk_agreement")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_agreement_journal_id_institution_id"),
        "agreement",
        ["journal_id", "institution_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "approval",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=True),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("payload_hash", sa.LargeBinary(), nullable=False),
        sa.Column("maker", sa.Text(), nullable=False),
        sa.Column("checker", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('PENDING', 'EXECUTED', 'DECLINED', 'EXPIRED')",
            name=op.f("ck_approval_state"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "approval_id", name=op.f("pk_approval")),
        schema="escrow",
    )
    op.create_table(
        "bank",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("bank_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_bank")),
        sa.UniqueConstraint("bank_id", name=op.f("uq_bank_bank_id")),
        schema="escrow",
    )
    op.create_table(
        "bank_entry",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bank_entry_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("bank_ref", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("book_on", sa.Date(), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payment_code", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("suspense_reason", sa.Text(), nullable=True),
        sa.Column("suspense_fen", sa.BigInteger(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("posted_seq", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("direction IN ('CRDT', 'DBIT')", name=op.f("ck_bank_entry_direction")),
        sa.CheckConstraint(
            "amount_fen > 0 AND suspense_fen >= 0", name=op.f("ck_bank_entry_amounts")
        ),
        sa.PrimaryKeyConstraint("journal_id", "bank_entry_id", name=op.f("pk_bank_entry")),
        sa.UniqueConstraint(
            "journal_id",
            "custody_account_id",
            "bank_ref",
            name=op.f("uq_bank_entry_journal_id_custody_account_id_bank_ref"),
        ),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_bank_entry_journal_id_custody_account_id_book_on"),
        "bank_entry",
        ["journal_id", "custody_account_id", "book_on"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_bank_entry_journal_id_enrolment_id"),
        "bank_entry",
        ["journal_id", "enrolment_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        "ix_bank_entry_kept",
        "bank_entry",
        ["journal_id", "custody_account_id", "bank_entry_id"],
        unique=False,
        schema="escrow",
        postgresql_where="outcome = 'KEPT'",
    )
    op.create_index(
        "ix_bank_entry_late",
        "bank_entry",
        ["journal_id", "custody_account_id"],
        unique=False,
        schema="escrow",
        postgresql_where="posted_seq IS NULL OR posted_seq > seq",
    )
    op.create_table(
        "calendar_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("working", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_calendar_day")),
        schema="escrow",
    )
    op.create_table(
        "calendar_year",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("year", name=op.f("pk_calendar_year")),
        schema="escrow",
    )
    op.create_table(
        "closed_day",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "day", name=op.f("pk_closed_day")),
        schema="escrow",
    )
    op.create_table(
        "course",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("class_size", sa.Integer(), nullable=False),
        sa.Column("lesson_minutes", sa.Integer(), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("lessons", sa.Integer(), nullable=False),
        sa.Column("lessons_gift", sa.Integer(), nullable=False),
        sa.Column("gift_in_schedule", sa.Boolean(), nullable=False),
        sa.Column("absence_counts", sa.Boolean(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("review_reason", sa.Text(), nullable=True),
        sa.Column("reviewed_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('SUBMITTED', 'FILED', 'REJECTED', 'SUSPENDED', 'WITHDRAWN')",
            name=op.f("ck_course_state"),
        ),
        sa.CheckConstraint(
            "price_fen >= 0 AND lessons >= 1 AND lessons_gift >= 0", name=op.f("ck_course_sizes")
        ),
        sa.PrimaryKeyConstraint("journal_id", "course_id", name=op.f("pk_course")),
        sa.UniqueConstraint(
            "journal_id",
            "institution_id",
            "reference",
            name=op.f("uq_course_journal_id_institution_id_reference"),
        ),
        schema="escrow",
    )
    op.create_table(
        "custody_account",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("account_name", sa.Text(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "purpose IN ('CUSTODY', 'DEPOSIT')", name=op.f("ck_custody_account_purpose")
        ),
        sa.CheckConstraint("state IN ('ACTIVE', 'CLOSED')", name=op.f("ck_custody_account_state")),
        sa.PrimaryKeyConstraint(
            "journal_id", "custody_account_id", name=op.f("pk_custody_account")
        ),
        sa.UniqueConstraint(
            "journal_id",
            "bank_code",
            "account_number",
            name=op.f("uq_custody_account_journal_id_bank_code_account_number"),
        ),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_custody_account_journal_id_institution_id"),
        "custody_account",
        ["journal_id", "institution_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "enrolment",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=True),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("contract_number", sa.Text(), nullable=False),
        sa.Column("template_version", sa.Text(), nullable=True),
        sa.Column("payment_code", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("price_fen", sa.BigInteger(), nullable=False),
        sa.Column("lessons_paid", sa.Integer(), nullable=False),
        sa.Column("lessons_gift", sa.Integer(), nullable=False),
        sa.Column("gift_in_schedule", sa.Boolean(), nullable=False),
        sa.Column("absence_counts", sa.Boolean(), nullable=False),
        sa.Column("contract_on", sa.Date(), nullable=False),
        sa.Column("charged_on", sa.Date(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("lapses_on", sa.Date(), nullable=True),
        sa.Column("received_fen", sa.BigInteger(), nullable=False),
        sa.Column("lessons_confirmed", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "origin IN ('REGULAR', 'LEGACY', 'DIVERSION')", name=op.f("ck_enrolment_origin")
        ),
        sa.CheckConstraint(
            "state IN ('AWAITING_PAYMENT', 'ACTIVE', 'COMPLETED', 'REFUNDED', 'PORTED', 'IN_WIND_DOWN', 'LAPSED')",
            name=op.f("ck_enrolment_state"),
        ),
        sa.CheckConstraint(
            "price_fen >= 0 AND lessons_paid + lessons_gift >= 1", name=op.f("ck_enrolment_sizes")
        ),
        sa.CheckConstraint("received_fen >= 0", name=op.f("ck_enrolment_received")),
        sa.PrimaryKeyConstraint("journal_id", "enrolment_id", name=op.f("pk_enrolment")),
        sa.UniqueConstraint(
            "journal_id",
            "institution_id",
            "contract_number",
            name=op.f("uq_enrolment_journal_id_institution_id_contract_number"),
        ),
        sa.UniqueConstraint(
            "journal_id", "payment_code", name=op.f("uq_enrolment_journal_id_payment_code")
        ),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_enrolment_journal_id_guardian_id"),
        "enrolment",
        ["journal_id", "guardian_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_enrolment_journal_id_institution_id_enrolment_id"),
        "enrolment",
        ["journal_id", "institution_id", "enrolment_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_enrolment_journal_id_student_id_institution_id"),
        "enrolment",
        ["journal_id", "student_id", "institution_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        "ix_enrolment_lapsing",
        "enrolment",
        ["journal_id", "lapses_on"],
        unique=False,
        schema="escrow",
        postgresql_where="state = 'AWAITING_PAYMENT'",
    )
    op.create_table(
        "entry",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("balance_after >= 0", name=op.f("ck_entry_not_negative")),
        sa.PrimaryKeyConstraint("journal_id", "account_id", "seq", name=op.f("pk_entry")),
        schema="escrow",
        postgresql_partition_by="LIST (journal_id)",
    )
    op.create_table(
        "institution",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("jurisdiction_code", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(collation="C"), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("business_registration", sa.Text(), nullable=False),
        sa.Column("school_licence", sa.Text(), nullable=True),
        sa.Column("licence_valid_until", sa.Date(), nullable=True),
        sa.Column("responsible_officer", sa.Text(), nullable=True),
        sa.Column("settlement_party_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("registered_on", sa.Date(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('REGISTERED', 'LICENSED', 'ENROLMENT_SUSPENDED', 'SUSPENDED', 'EXITING', 'EXITED', 'FROZEN', 'WINDING_DOWN', 'DEREGISTERED')",
            name=op.f("ck_institution_state"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "institution_id", name=op.f("pk_institution")),
        sa.UniqueConstraint(
            "journal_id",
            "business_registration",
            name=op.f("uq_institution_journal_id_business_registration"),
        ),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_institution_journal_id_area_department"),
        "institution",
        ["journal_id", "area", "department"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "institution_area",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("jurisdiction_code", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "journal_id", "institution_id", "valid_from", name=op.f("pk_institution_area")
        ),
        schema="escrow",
    )
    op.create_table(
        "journal_head",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("next_account_id", sa.BigInteger(), nullable=False),
        sa.Column("clock_offset_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("journal_id", name=op.f("pk_journal_head")),
        schema="escrow",
    )
    op.create_table(
        "journal_transaction",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("transfers", sa.Text(), nullable=False),
        sa.Column("opened", sa.Text(), nullable=False),
        sa.Column("refs", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("policy_version", sa.Text(), nullable=True),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "seq", name=op.f("pk_journal_transaction")),
        schema="escrow",
        postgresql_partition_by="LIST (journal_id)",
    )
    op.create_index(
        op.f("ix_journal_transaction_journal_id_effective_on_seq"),
        "journal_transaction",
        ["journal_id", "effective_on", "seq"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_journal_transaction_journal_id_recorded_at_seq"),
        "journal_transaction",
        ["journal_id", "recorded_at", "seq"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "jurisdiction",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent_code", sa.Text(), nullable=True),
        sa.Column("path", sa.Text(collation="C"), nullable=False),
        sa.Column("journal_id", sa.Integer(), nullable=True),
        sa.Column("departments", sa.Text(), nullable=False),
        sa.Column("rule_pack", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_jurisdiction")),
        sa.UniqueConstraint("journal_id", name=op.f("uq_jurisdiction_journal_id")),
        sa.UniqueConstraint("path", name=op.f("uq_jurisdiction_path")),
        schema="escrow",
    )
    op.create_table(
        "jurisdiction_bank",
        sa.Column("jurisdiction_code", sa.Text(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("selected_on", sa.Date(), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('ACTIVE', 'SUSPENDED', 'REMOVED')", name=op.f("ck_jurisdiction_bank_state")
        ),
        sa.PrimaryKeyConstraint(
            "jurisdiction_code", "bank_code", name=op.f("pk_jurisdiction_bank")
        ),
        schema="escrow",
    )
    op.create_table(
        "lesson",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lesson_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("teacher_reference", sa.Text(), nullable=True),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attendance", sa.Text(), nullable=True),
        sa.Column("evidence_hash", sa.Text(), nullable=True),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("value_fen", sa.BigInteger(), nullable=True),
        sa.Column("notice_id", sa.Uuid(), nullable=True),
        sa.Column("confirm_due_on", sa.Date(), nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("dispute_reason", sa.Text(), nullable=True),
        sa.Column("recorded_seq", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_seq", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('SCHEDULED', 'RECORDED', 'CONFIRMED', 'DISPUTED', 'VOIDED', 'CANCELLED', 'REVERSED')",
            name=op.f("ck_lesson_state"),
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_lesson_span")),
        sa.PrimaryKeyConstraint("journal_id", "lesson_id", name=op.f("pk_lesson")),
        sa.UniqueConstraint(
            "journal_id",
            "enrolment_id",
            "reference",
            name=op.f("uq_lesson_journal_id_enrolment_id_reference"),
        ),
        schema="escrow",
    )
    op.create_index(
        "ix_lesson_due",
        "lesson",
        ["journal_id", "confirm_due_on", "lesson_id"],
        unique=False,
        schema="escrow",
        postgresql_where="state = 'RECORDED'",
    )
    op.create_index(
        op.f("ix_lesson_journal_id_guardian_id_lesson_id"),
        "lesson",
        ["journal_id", "guardian_id", "lesson_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_lesson_journal_id_institution_id_lesson_id"),
        "lesson",
        ["journal_id", "institution_id", "lesson_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        "uq_lesson_slot",
        "lesson",
        ["journal_id", "enrolment_id", "slot"],
        unique=True,
        schema="escrow",
        postgresql_where="state IN ('RECORDED', 'DISPUTED', 'CONFIRMED')",
    )
    op.create_table(
        "notice",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("notice_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.CheckConstraint("channel IN ('IN_APP', 'LOG', 'HTTP')", name=op.f("ck_notice_channel")),
        sa.PrimaryKeyConstraint("journal_id", "notice_id", name=op.f("pk_notice")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_notice_journal_id_recipient_id_notice_id"),
        "notice",
        ["journal_id", "recipient_id", "notice_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        "ix_notice_undelivered",
        "notice",
        ["journal_id", "channel", "notice_id"],
        unique=False,
        schema="escrow",
        postgresql_where="delivered_at IS NULL",
    )
    op.create_table(
        "payment_order",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("payee_party_id", sa.Uuid(), nullable=False),
        sa.Column("bank_entry_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_on", sa.Date(), nullable=False),
        sa.Column("executed_entry_id", sa.Uuid(), nullable=True),
        sa.Column("returned_entry_id", sa.Uuid(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('EARNED', 'SURPLUS', 'DEPOSIT', 'REFUND', 'SUSPENSE_RETURN')",
            name=op.f("ck_payment_order_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('NEW', 'SENT', 'ACCEPTED', 'UNKNOWN', 'EXECUTED', 'REJECTED', 'RETURNED', 'REVERSED', 'CANCELLED')",
            name=op.f("ck_payment_order_state"),
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_payment_order_amount")),
        sa.PrimaryKeyConstraint("journal_id", "order_id", name=op.f("pk_payment_order")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_payment_order_journal_id_bank_code_state_order_id"),
        "payment_order",
        ["journal_id", "bank_code", "state", "order_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_payment_order_journal_id_institution_id_order_id"),
        "payment_order",
        ["journal_id", "institution_id", "order_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "restraint",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("restraint_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("target_type", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("placed_by", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("from_seq", sa.BigInteger(), nullable=False),
        sa.Column("to_seq", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('ENROL_STOP', 'PAYOUT_STOP', 'FREEZE', 'HOLD', 'FENCE')",
            name=op.f("ck_restraint_kind"),
        ),
        sa.CheckConstraint(
            "target_type IN ('INSTITUTION', 'CUSTODY_ACCOUNT', 'ENROLMENT')",
            name=op.f("ck_restraint_target_type"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "restraint_id", name=op.f("pk_restraint")),
        schema="escrow",
    )
    op.create_index(
        "ix_restraint_in_force",
        "restraint",
        ["journal_id", "target_id"],
        unique=False,
        schema="escrow",
        postgresql_where="to_seq IS NULL",
    )
    op.create_index(
        op.f("ix_restraint_journal_id_institution_id"),
        "restraint",
        ["journal_id", "institution_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "reversal",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reversed_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reversing_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "reversed_seq", name=op.f("pk_reversal")),
        sa.UniqueConstraint(
            "journal_id", "reversing_seq", name=op.f("uq_reversal_journal_id_reversing_seq")
        ),
        schema="escrow",
    )
    op.create_table(
        "rollup",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("unit_type", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "journal_id", "unit_type", "unit_id", "kind", "reason", "seq", name=op.f("pk_rollup")
        ),
        schema="escrow",
        postgresql_partition_by="LIST (journal_id)",
    )
    op.create_table(
        "rule_pack_version",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("code", "version", name=op.f("pk_rule_pack_version")),
        schema="escrow",
    )
    op.create_table(
        "statement_day",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("opening_fen", sa.BigInteger(), nullable=False),
        sa.Column("closing_fen", sa.BigInteger(), nullable=False),
        sa.Column("credit_count", sa.Integer(), nullable=False),
        sa.Column("credit_fen", sa.BigInteger(), nullable=False),
        sa.Column("debit_count", sa.Integer(), nullable=False),
        sa.Column("debit_fen", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("ledger_closing_fen", sa.BigInteger(), nullable=True),
        sa.Column("agreed_seq", sa.BigInteger(), nullable=True),
        sa.Column("differed_seq", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('DELIVERED', 'AGREED', 'DIFFERENT')", name=op.f("ck_statement_day_state")
        ),
        sa.CheckConstraint(
            "opening_fen + credit_fen - debit_fen = closing_fen",
            name=op.f("ck_statement_day_chain"),
        ),
        sa.PrimaryKeyConstraint(
            "journal_id", "custody_account_id", "day", name=op.f("pk_statement_day")
        ),
        schema="escrow",
    )
    op.create_table(
        "stored_answer",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("caller_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "caller_id", "key", name=op.f("pk_stored_answer")),
        schema="escrow",
    )
    op.create_table(
        "bank_narrative",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bank_entry_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("payer_name", sa.Text(), nullable=True),
        sa.Column("payer_account", sa.Text(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("journal_id", "bank_entry_id", name=op.f("pk_bank_narrative")),
        schema="pii",
    )
    op.create_table(
        "party",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("account_number", sa.Text(), nullable=True),
        sa.Column("bank_name", sa.Text(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('GUARDIAN', 'STUDENT', 'PAYER', 'SETTLEMENT')", name=op.f("ck_party_kind")
        ),
        sa.PrimaryKeyConstraint("journal_id", "party_id", name=op.f("pk_party")),
        schema="pii",
    )


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
