"""What a bank says against an entry that stands is a break of its own: CONTRADICTED."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLE: Final = "reconciliation_break"
STANDING: Final = "uq_reconciliation_break_standing"
CONSTRAINTS: Final = {
    "kind": "kind IN ('TIMING', 'UNPOSTED_FEE', 'UNMATCHED', 'DUPLICATE', 'AMOUNT', 'BANK_ERROR',"
    " 'LEDGER_ERROR', 'CONTRADICTED')",
    "subject": "subject IN ('BANK_ENTRY', 'STATEMENT_LINE', 'STATEMENT_DAY', 'LEDGER',"
    " 'BANK_MESSAGE')",
    "contradicted": "(kind = 'CONTRADICTED') = (subject = 'BANK_MESSAGE')"
    " AND (differs IS NOT NULL) = (kind = 'CONTRADICTED')"
    " AND (bank_ref IS NOT NULL) = (kind = 'CONTRADICTED')"
    " AND NOT (outside AND kind = 'CONTRADICTED')",
}


def upgrade() -> None:
    """Let a break name a message of a bank, each contradiction of an entry once."""
    op.add_column(TABLE, sa.Column("bank_ref", sa.Text(), nullable=True), schema="escrow")
    op.add_column(TABLE, sa.Column("differs", sa.Text(), nullable=True), schema="escrow")
    for name in ("kind", "subject"):
        op.drop_constraint(f"ck_{TABLE}_{name}", TABLE, schema="escrow")
    for name, condition in CONSTRAINTS.items():
        op.create_check_constraint(op.f(f"ck_{TABLE}_{name}"), TABLE, condition, schema="escrow")
    op.drop_index(STANDING, TABLE, schema="escrow")
    op.create_index(
        STANDING,
        TABLE,
        ["journal_id", "custody_account_id", "subject", "subject_key", "arose_on"],
        unique=True,
        schema="escrow",
        postgresql_where="state <> 'CLOSED' AND subject <> 'BANK_MESSAGE'",
    )
    op.create_index(
        "uq_reconciliation_break_contradicted",
        TABLE,
        ["journal_id", "subject_key", "arose_on", "amount_fen", "differs"],
        unique=True,
        schema="escrow",
        postgresql_where="subject = 'BANK_MESSAGE'",
    )


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
