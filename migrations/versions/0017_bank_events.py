"""Bank events: court orders, backings that move, failed banks, and what only some lines say.

A bank entry may now also be money told of and not in the bank yet (PEND): captured by a payment
channel, or cash that an institution took.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

JOURNAL: Final = "journal_id = ANY ((SELECT escrow.journals())::int[])"
OWN: Final = "(SELECT escrow.own_institution())"
INSTITUTION: Final = f"({OWN} IS NULL OR institution_id = {OWN})"
BANK: Final = "((SELECT escrow.own_bank()) IS NULL OR bank_code = (SELECT escrow.own_bank()))"
NO_BANK: Final = "(SELECT escrow.own_bank()) IS NULL"
NO_PARTY: Final = "(SELECT escrow.own_parties()) IS NULL"
GUARDIAN: Final = f"({NO_PARTY} OR guardian_id = ANY ((SELECT escrow.own_parties())::uuid[]))"
WHOLE: Final = "NOT (SELECT escrow.is_narrowed())"
OF_INSTITUTION: Final = "escrow.sees_institution(journal_id, institution_id)"
OF_STUDENTS: Final = "escrow.sees_students_of(journal_id, institution_id)"

GUARDED: Final[dict[str, tuple[str, str]]] = {
    "bank_entry_detail": (f"{JOURNAL} AND {INSTITUTION} AND {BANK} AND {NO_PARTY}", OF_STUDENTS),
    "court_order": (f"{JOURNAL} AND {INSTITUTION} AND {BANK} AND {NO_PARTY}", OF_INSTITUTION),
    "backing_move": (f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {GUARDIAN}", OF_STUDENTS),
    "bank_failure": (f"{JOURNAL} AND {INSTITUTION} AND {BANK} AND {NO_PARTY}", OF_INSTITUTION),
    "bank_loss": (f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {GUARDIAN}", OF_STUDENTS),
}
"""Who reads a row, and how those are narrowed who see only a part of a journal."""

APPEND_ONLY: Final = ("bank_entry_detail", "bank_loss")


def upgrade() -> None:
    """Make the tables and guard them, and let a bank entry be pending; 0018 scans the old rows."""
    _tables()
    op.drop_constraint("ck_bank_entry_direction", "bank_entry", schema="escrow")
    op.create_check_constraint(
        op.f("ck_bank_entry_direction"),
        "bank_entry",
        "direction IN ('CRDT', 'DBIT', 'PEND')",
        schema="escrow",
        postgresql_not_valid=True,
    )
    op.create_index(
        "ix_bank_entry_detail_corrects",
        "bank_entry_detail",
        ["journal_id", "corrects_ref"],
        schema="escrow",
        postgresql_where="corrects_ref IS NOT NULL",
    )
    for name, (visible, narrowed) in GUARDED.items():
        _guard(
            f"escrow.{name}",
            visible,
            narrowed,
            writes="INSERT" if name in APPEND_ONLY else "INSERT, UPDATE",
        )
    for name in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow.{name}"
            " FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change()"
        )


def _guard(table: str, visible: str, narrowed: str, *, writes: str) -> None:
    writable = f"{JOURNAL} AND (SELECT escrow.is_writer())"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY reads ON {table} FOR SELECT TO escrow_app USING ({visible})")
    op.execute(
        f"CREATE POLICY narrows ON {table} AS RESTRICTIVE FOR SELECT TO escrow_app"
        f" USING ({WHOLE} OR {narrowed})"
    )
    op.execute(f"CREATE POLICY audits ON {table} FOR SELECT TO escrow_audit USING (true)")
    op.execute(f"CREATE POLICY inserts ON {table} FOR INSERT TO escrow_app WITH CHECK ({writable})")
    op.execute(
        f"CREATE POLICY updates ON {table} FOR UPDATE TO escrow_app"
        f" USING ({writable}) WITH CHECK ({writable})"
    )
    op.execute(f"REVOKE ALL ON {table} FROM PUBLIC")
    op.execute(f"GRANT SELECT ON {table} TO escrow_app, escrow_audit")
    op.execute(f"GRANT {writes} ON {table} TO escrow_app")


def _tables() -> None:
    op.create_table(
        "bank_entry_detail",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bank_entry_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("fee_fen", sa.BigInteger(), nullable=False),
        sa.Column("document_number", sa.Text(), nullable=True),
        sa.Column("corrects_ref", sa.Text(), nullable=True),
        sa.Column("failure_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("fee_fen >= 0", name=op.f("ck_bank_entry_detail_fee")),
        sa.PrimaryKeyConstraint("journal_id", "bank_entry_id", name=op.f("pk_bank_entry_detail")),
        schema="escrow",
    )
    op.create_table(
        "court_order",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("court_order_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("document_number", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("deducted_fen", sa.BigInteger(), nullable=False),
        sa.Column("ordered_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("restraint_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_on", sa.Date(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('HELD', 'DEDUCTED', 'RELEASED')", name=op.f("ck_court_order_state")
        ),
        sa.CheckConstraint(
            "amount_fen > 0 AND deducted_fen >= 0", name=op.f("ck_court_order_amounts")
        ),
        sa.PrimaryKeyConstraint("journal_id", "court_order_id", name=op.f("pk_court_order")),
        sa.UniqueConstraint(
            "journal_id",
            "custody_account_id",
            "document_number",
            name=op.f("uq_court_order_journal_id_custody_account_id_document_number"),
        ),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_court_order_journal_id_institution_id_court_order_id"),
        "court_order",
        ["journal_id", "institution_id", "court_order_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "backing_move",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("move_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("source_custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("target_custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("prepaid_fen", sa.BigInteger(), nullable=False),
        sa.Column("interest_fen", sa.BigInteger(), nullable=False),
        sa.Column("legacy_fen", sa.BigInteger(), nullable=False),
        sa.Column("diversion_fen", sa.BigInteger(), nullable=False),
        sa.Column("granted_paid", sa.Integer(), nullable=False),
        sa.Column("granted_gift", sa.Integer(), nullable=False),
        sa.Column("taken_paid", sa.Integer(), nullable=False),
        sa.Column("taken_gift", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('INSTRUCTED', 'MOVED', 'FAILED')", name=op.f("ck_backing_move_state")
        ),
        sa.CheckConstraint(
            "prepaid_fen >= 0 AND interest_fen >= 0 AND legacy_fen >= 0 AND diversion_fen >= 0",
            name=op.f("ck_backing_move_amounts"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "move_id", name=op.f("pk_backing_move")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_backing_move_journal_id_institution_id_move_id"),
        "backing_move",
        ["journal_id", "institution_id", "move_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        "ix_backing_move_order",
        "backing_move",
        ["journal_id", "order_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        "uq_backing_move_open",
        "backing_move",
        ["journal_id", "enrolment_id"],
        unique=True,
        schema="escrow",
        postgresql_where="state = 'INSTRUCTED'",
    )
    op.create_table(
        "bank_failure",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("failure_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("failed_on", sa.Date(), nullable=False),
        sa.Column("document_hash", sa.Text(), nullable=False),
        sa.Column("balance_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), nullable=False),
        sa.Column("lost_fen", sa.BigInteger(), nullable=False),
        sa.Column("target_custody_account_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('OPEN', 'CLOSED')", name=op.f("ck_bank_failure_state")),
        sa.CheckConstraint(
            "balance_fen > 0 AND paid_fen >= 0 AND lost_fen >= 0 AND paid_fen <= balance_fen AND lost_fen <= balance_fen",
            name=op.f("ck_bank_failure_amounts"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "failure_id", name=op.f("pk_bank_failure")),
        sa.UniqueConstraint(
            "journal_id",
            "custody_account_id",
            name=op.f("uq_bank_failure_journal_id_custody_account_id"),
        ),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_bank_failure_journal_id_institution_id_failure_id"),
        "bank_failure",
        ["journal_id", "institution_id", "failure_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "bank_loss",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("loss_id", sa.Uuid(), nullable=False),
        sa.Column("failure_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("prepaid_fen", sa.BigInteger(), nullable=False),
        sa.Column("interest_fen", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "prepaid_fen >= 0 AND interest_fen >= 0 AND prepaid_fen + interest_fen > 0",
            name=op.f("ck_bank_loss_amounts"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "loss_id", name=op.f("pk_bank_loss")),
        sa.UniqueConstraint(
            "journal_id",
            "failure_id",
            "enrolment_id",
            name=op.f("uq_bank_loss_journal_id_failure_id_enrolment_id"),
        ),
        schema="escrow",
    )


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
