"""Indexes and constraints of refunds on tables that exist, made while the service runs.

Each statement is a transaction of its own: indexes are built CONCURRENTLY, constraints validated
under a lock that writers do not wait for. Run again after an interruption, it starts over.
"""

from typing import Final

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATEMENTS: Final = (
    "SET lock_timeout = 0",
    "DROP INDEX CONCURRENTLY IF EXISTS escrow.uq_lesson_slot_of_version",
    (
        "CREATE UNIQUE INDEX CONCURRENTLY uq_lesson_slot_of_version ON escrow.lesson"
        " (journal_id, enrolment_id, schedule_version, slot)"
        " WHERE state IN ('RECORDED', 'DISPUTED', 'CONFIRMED')"
    ),
    "DROP INDEX CONCURRENTLY IF EXISTS escrow.uq_lesson_slot",
    "DROP INDEX CONCURRENTLY IF EXISTS escrow.ix_payment_order_refund",
    (
        "CREATE INDEX CONCURRENTLY ix_payment_order_refund ON escrow.payment_order"
        " (journal_id, refund_id) WHERE refund_id IS NOT NULL"
    ),
    "ALTER TABLE escrow.payment_order VALIDATE CONSTRAINT ck_payment_order_kind",
    "ALTER TABLE escrow.payment_order VALIDATE CONSTRAINT ck_payment_order_payee",
    "ALTER TABLE pii.party VALIDATE CONSTRAINT ck_party_kind",
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
