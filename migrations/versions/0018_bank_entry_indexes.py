"""Indexes of bank entries and a check of those that exist, made while the service runs.

Each statement is a transaction of its own: indexes are built CONCURRENTLY, the constraint validated
under a lock that writers do not wait for. Run again after an interruption, it starts over: nothing
of the versions before is in the same step.
"""

from typing import Final

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

STATEMENTS: Final = (
    "SET lock_timeout = 0",
    "DROP INDEX CONCURRENTLY IF EXISTS escrow.ix_bank_entry_likeness",
    (
        "CREATE INDEX CONCURRENTLY ix_bank_entry_likeness ON escrow.bank_entry"
        " (journal_id, likeness) WHERE likeness IS NOT NULL"
    ),
    "DROP INDEX CONCURRENTLY IF EXISTS escrow.ix_bank_entry_waiting",
    (
        "CREATE INDEX CONCURRENTLY ix_bank_entry_waiting ON escrow.bank_entry"
        " (journal_id, custody_account_id, bank_entry_id)"
        " WHERE suspense_fen > 0 AND kind IN ('CHANNEL_SETTLEMENT', 'CASH')"
    ),
    "ALTER TABLE escrow.bank_entry VALIDATE CONSTRAINT ck_bank_entry_direction",
    "SET lock_timeout = '5s'",
)


def upgrade() -> None:
    """Build and validate."""
    with op.get_context().autocommit_block():
        for statement in STATEMENTS:
            op.execute(statement)


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
