"""Suspected duplicates, parts of batch debits, and notifications of banks.

A bank entry keeps what it is like (`likeness`, a hash that the same money under another reference
shares) and by which way it came, so that the twin of a new one is found by one look into an index.
Entries of before have neither, and are not suspected.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

JOURNAL: Final = "journal_id = ANY ((SELECT escrow.journals())::int[])"
OWN: Final = "(SELECT escrow.own_institution())"
NO_INSTITUTION: Final = f"{OWN} IS NULL"
INSTITUTION: Final = f"({NO_INSTITUTION} OR institution_id = {OWN})"
BANK: Final = "((SELECT escrow.own_bank()) IS NULL OR bank_code = (SELECT escrow.own_bank()))"
NO_PARTY: Final = "(SELECT escrow.own_parties()) IS NULL"
WHOLE: Final = "NOT (SELECT escrow.is_narrowed())"
STUDENTS: Final = "escrow.sees_students_of(journal_id, institution_id)"

READS: Final = {
    "suspected_entry": f"{JOURNAL} AND {INSTITUTION} AND {BANK} AND {NO_PARTY}",
    "entry_part": f"{JOURNAL} AND {INSTITUTION} AND {BANK} AND {NO_PARTY}",
    "notification": f"{JOURNAL} AND {NO_INSTITUTION} AND {BANK} AND {NO_PARTY}",
}
NARROWS: Final = {
    "suspected_entry": f"{WHOLE} OR {STUDENTS}",
    "entry_part": f"{WHOLE} OR {STUDENTS}",
    # It is of many institutions at once: for the bank, and for those who see all of them.
    "notification": WHOLE,
}
RIGHTS: Final = {
    "suspected_entry": "INSERT, UPDATE",
    "entry_part": "INSERT",
    "notification": "INSERT",
}
FACTS: Final = ("entry_part", "notification")
"""Tables whose rows say what a bank said, and never change."""


def upgrade() -> None:
    """Make the tables and guard them; 0018 builds the index beside the running service."""
    op.add_column("bank_entry", sa.Column("likeness", sa.BigInteger()), schema="escrow")
    op.add_column("bank_entry", sa.Column("source", sa.Text()), schema="escrow")
    _suspected_entry()
    _entry_part()
    _notification()
    for table in READS:
        _guard(table)
    for table in FACTS:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change()"
        )


def _suspected_entry() -> None:
    op.create_table(
        "suspected_entry",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bank_entry_id", sa.Uuid(), nullable=False),
        sa.Column("other_entry_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("closed_as", sa.Text(), nullable=True),
        sa.Column("suspected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("decided_seq", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "state IN ('SAME', 'DIFFERENT', 'OPEN')", name=op.f("ck_suspected_entry_state")
        ),
        sa.CheckConstraint(
            "(closed_as IS NOT NULL) = (state = 'SAME')"
            " AND (closed_as IS NULL OR closed_as IN ('COUNTED_TWICE', 'BANK_ERROR'))",
            name=op.f("ck_suspected_entry_closed_as"),
        ),
        sa.CheckConstraint(
            "(state = 'OPEN') = (decided_seq IS NULL) AND (decided_by IS NULL) = (state = 'OPEN')"
            " AND (decided_at IS NULL) = (state = 'OPEN')",
            name=op.f("ck_suspected_entry_decided"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "bank_entry_id", name=op.f("pk_suspected_entry")),
        schema="escrow",
    )
    op.create_index(
        "ix_suspected_entry_open",
        "suspected_entry",
        ["journal_id", "bank_entry_id"],
        schema="escrow",
        postgresql_where="state = 'OPEN'",
    )


def _entry_part() -> None:
    op.create_table(
        "entry_part",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bank_entry_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_entry_part_amount")),
        sa.PrimaryKeyConstraint(
            "journal_id", "bank_entry_id", "order_id", name=op.f("pk_entry_part")
        ),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_entry_part_journal_id_order_id"),
        "entry_part",
        ["journal_id", "order_id"],
        schema="escrow",
    )


def _notification() -> None:
    op.create_table(
        "notification",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("notification_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("item_count", sa.Integer(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("item_count > 0", name=op.f("ck_notification_item_count")),
        sa.PrimaryKeyConstraint("journal_id", "notification_id", name=op.f("pk_notification")),
        sa.UniqueConstraint(
            "journal_id",
            "bank_code",
            "reference",
            name=op.f("uq_notification_journal_id_bank_code_reference"),
        ),
        schema="escrow",
    )


def _guard(table: str) -> None:
    writable = f"{JOURNAL} AND (SELECT escrow.is_writer())"
    name = f"escrow.{table}"
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY reads ON {name} FOR SELECT TO escrow_app USING ({READS[table]})")
    op.execute(f"CREATE POLICY audits ON {name} FOR SELECT TO escrow_audit USING (true)")
    op.execute(f"CREATE POLICY inserts ON {name} FOR INSERT TO escrow_app WITH CHECK ({writable})")
    op.execute(
        f"CREATE POLICY updates ON {name} FOR UPDATE TO escrow_app"
        f" USING ({writable}) WITH CHECK ({writable})"
    )
    op.execute(
        f"CREATE POLICY narrows ON {name} AS RESTRICTIVE FOR SELECT TO escrow_app"
        f" USING ({NARROWS[table]})"
    )
    op.execute(f"REVOKE ALL ON {name} FROM PUBLIC")
    op.execute(f"GRANT SELECT ON {name} TO escrow_app, escrow_audit")
    op.execute(f"GRANT {RIGHTS[table]} ON {name} TO escrow_app")


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
