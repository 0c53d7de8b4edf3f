"""Leases of payment orders, what banks report of them, and the terms on which banks pay.

A lease is changed when its order is handed over again; a report is a fact and only grows, as the
terms of a bank do. The terms are reference data, which no journal holds.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

JOURNAL: Final = "journal_id = ANY ((SELECT escrow.journals())::int[])"
WRITABLE: Final = f"{JOURNAL} AND (SELECT escrow.is_writer())"
READS: Final = (
    f"{JOURNAL}"
    " AND ((SELECT escrow.own_institution()) IS NULL"
    " OR institution_id = (SELECT escrow.own_institution()))"
    " AND ((SELECT escrow.own_bank()) IS NULL OR bank_code = (SELECT escrow.own_bank()))"
    " AND (SELECT escrow.own_parties()) IS NULL"
)
"""Who sees the order, sees its lease and what was reported of it."""

NARROWS: Final = (
    "NOT (SELECT escrow.is_narrowed()) OR escrow.sees_students_of(journal_id, institution_id)"
)
RIGHTS: Final = {"order_lease": "INSERT, UPDATE", "order_report": "INSERT"}


def upgrade() -> None:
    """Make the tables and guard them."""
    _leases()
    _reports()
    _terms()
    for table, rights in RIGHTS.items():
        _guard(f"escrow.{table}", rights)
    for table in ("order_report", "bank_terms"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change()"
        )
    op.execute("REVOKE ALL ON escrow.bank_terms FROM PUBLIC")
    op.execute("GRANT SELECT ON escrow.bank_terms TO escrow_app, escrow_audit")
    op.execute("GRANT INSERT ON escrow.bank_terms TO escrow_app")


def _leases() -> None:
    op.create_table(
        "order_lease",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("lease_id", sa.Uuid(), nullable=False),
        sa.Column("leased_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "expires_at > leased_at AND times > 0", name=op.f("ck_order_lease_lease")
        ),
        sa.PrimaryKeyConstraint("journal_id", "order_id", name=op.f("pk_order_lease")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_order_lease_journal_id_lease_id_order_id"),
        "order_lease",
        ["journal_id", "lease_id", "order_id"],
        schema="escrow",
    )
    op.create_index(
        "ix_order_lease_lapsing",
        "order_lease",
        ["journal_id", "bank_code", "expires_at"],
        schema="escrow",
        postgresql_where="acknowledged_at IS NULL",
    )


def _reports() -> None:
    op.create_table(
        "order_report",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("bank_status", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('ACCEPTED', 'PENDING', 'REJECTED', 'UNKNOWN', 'NOT_FOUND')",
            name=op.f("ck_order_report_status"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "order_id", "seq", name=op.f("pk_order_report")),
        schema="escrow",
    )


def _terms() -> None:
    op.create_table(
        "bank_terms",
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("opens_at", sa.Text(), nullable=True),
        sa.Column("cut_off_at", sa.Text(), nullable=True),
        sa.Column("working_days_only", sa.Boolean(), nullable=False),
        sa.Column("item_limit_fen", sa.BigInteger(), nullable=True),
        sa.Column("small_value_limit_fen", sa.BigInteger(), nullable=True),
        sa.Column("small_value_holiday_limit_fen", sa.BigInteger(), nullable=True),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bank_code", "effective_on", name=op.f("pk_bank_terms")),
        schema="escrow",
    )


def _guard(table: str, rights: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY reads ON {table} FOR SELECT TO escrow_app USING ({READS})")
    op.execute(f"CREATE POLICY audits ON {table} FOR SELECT TO escrow_audit USING (true)")
    op.execute(f"CREATE POLICY inserts ON {table} FOR INSERT TO escrow_app WITH CHECK ({WRITABLE})")
    op.execute(
        f"CREATE POLICY updates ON {table} FOR UPDATE TO escrow_app"
        f" USING ({WRITABLE}) WITH CHECK ({WRITABLE})"
    )
    op.execute(
        f"CREATE POLICY narrows ON {table} AS RESTRICTIVE FOR SELECT TO escrow_app"
        f" USING ({NARROWS})"
    )
    op.execute(f"REVOKE ALL ON {table} FROM PUBLIC")
    op.execute(f"GRANT SELECT ON {table} TO escrow_app, escrow_audit")
    op.execute(f"GRANT {rights} ON {table} TO escrow_app")


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
