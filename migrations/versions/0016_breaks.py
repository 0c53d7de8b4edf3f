"""Reconciliations, breaks and top-up demands.

A reconciliation is a fact and only grows; breaks are signed off and closed, demands are met.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

JOURNAL: Final = "journal_id = ANY ((SELECT escrow.journals())::int[])"
OWN: Final = "(SELECT escrow.own_institution())"
INSTITUTION: Final = f"({OWN} IS NULL OR institution_id = {OWN})"
NO_BANK: Final = "(SELECT escrow.own_bank()) IS NULL"
BANK: Final = f"({NO_BANK} OR bank_code = (SELECT escrow.own_bank()))"
NO_PARTY: Final = "(SELECT escrow.own_parties()) IS NULL"
WHOLE: Final = "NOT (SELECT escrow.is_narrowed())"

READS: Final[dict[str, str]] = {
    "reconciliation": f"{JOURNAL} AND {INSTITUTION} AND {BANK} AND {NO_PARTY}",
    "reconciliation_break": f"{JOURNAL} AND {INSTITUTION} AND {BANK} AND {NO_PARTY}",
    "top_up_demand": f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {NO_PARTY}",
}
"""Who reads a row, by table. The application narrows further; this is what holds without it."""

NARROWED: Final = "escrow.sees_institution(journal_id, institution_id)"


def upgrade() -> None:
    """Make the tables and guard them."""
    _reconciliation()
    _reconciliation_break()
    _top_up_demand()
    _guards()


def _reconciliation() -> None:
    op.create_table(
        "reconciliation",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reconciliation_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("position_seq", sa.BigInteger(), nullable=False),
        sa.Column("known_seq", sa.BigInteger(), nullable=False),
        sa.Column("external_state", sa.Text(), nullable=False),
        sa.Column("statement_on", sa.Date(), nullable=True),
        sa.Column("bank_closing_fen", sa.BigInteger(), nullable=True),
        sa.Column("ledger_closing_fen", sa.BigInteger(), nullable=True),
        sa.Column("bank_fen", sa.BigInteger(), nullable=False),
        sa.Column("requirement_fen", sa.BigInteger(), nullable=False),
        sa.Column("shortfall_fen", sa.BigInteger(), nullable=False),
        sa.Column("hard_shortfall_fen", sa.BigInteger(), nullable=False),
        sa.Column("sub_ledger_fen", sa.BigInteger(), nullable=False),
        sa.Column("sub_ledger_gap_fen", sa.BigInteger(), nullable=False),
        sa.Column("orders_fen", sa.BigInteger(), nullable=False),
        sa.Column("channel_fen", sa.BigInteger(), nullable=False),
        sa.Column("cash_fen", sa.BigInteger(), nullable=False),
        sa.Column("transfer_fen", sa.BigInteger(), nullable=False),
        sa.Column("due_fen", sa.BigInteger(), nullable=False),
        sa.Column("due_from_bank_fen", sa.BigInteger(), nullable=False),
        sa.Column("entries_unposted", sa.Integer(), nullable=False),
        sa.Column("breaks_open", sa.Integer(), nullable=False),
        sa.Column("coverage_state", sa.Text(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_by", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "cause IN ('DAILY', 'FOLLOW_UP', 'ON_DEMAND', 'DAY_CLOSE')",
            name=op.f("ck_reconciliation_cause"),
        ),
        sa.CheckConstraint(
            "external_state IN ('AGREED', 'DIFFERENT', 'MISSING', 'NOT_DUE')",
            name=op.f("ck_reconciliation_external_state"),
        ),
        sa.CheckConstraint(
            "coverage_state IN ('COVERED', 'SHORT', 'UNKNOWN')",
            name=op.f("ck_reconciliation_coverage_state"),
        ),
        sa.CheckConstraint(
            "(statement_on IS NULL) = (bank_closing_fen IS NULL)"
            " AND (statement_on IS NULL) = (ledger_closing_fen IS NULL)",
            name=op.f("ck_reconciliation_closings"),
        ),
        sa.CheckConstraint(
            "shortfall_fen >= hard_shortfall_fen AND hard_shortfall_fen >= 0",
            name=op.f("ck_reconciliation_shortfalls"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "reconciliation_id", name=op.f("pk_reconciliation")),
        schema="escrow",
    )
    _index("reconciliation", ["journal_id", "custody_account_id", "day", "reconciliation_id"])
    _index("reconciliation", ["journal_id", "day", "custody_account_id"])


def _reconciliation_break() -> None:
    op.create_table(
        "reconciliation_break",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("break_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_key", sa.Text(), nullable=False),
        sa.Column("arose_on", sa.Date(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("outside", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("escalated_on", sa.Date(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("signed_by", sa.Text(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_seq", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_seq", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('TIMING', 'UNPOSTED_FEE', 'UNMATCHED', 'DUPLICATE', 'AMOUNT', 'BANK_ERROR',"
            " 'LEDGER_ERROR')",
            name=op.f("ck_reconciliation_break_kind"),
        ),
        sa.CheckConstraint(
            "subject IN ('BANK_ENTRY', 'STATEMENT_LINE', 'STATEMENT_DAY', 'LEDGER')",
            name=op.f("ck_reconciliation_break_subject"),
        ),
        sa.CheckConstraint(
            "state IN ('OPEN', 'SIGNED_OFF', 'CLOSED')", name=op.f("ck_reconciliation_break_state")
        ),
        sa.CheckConstraint(
            "owner IN ('BANK', 'INSTITUTION', 'OPERATOR')",
            name=op.f("ck_reconciliation_break_owner"),
        ),
        sa.CheckConstraint(
            "(closed_seq IS NOT NULL) = (state = 'CLOSED')"
            " AND (closed_at IS NULL) = (closed_seq IS NULL)",
            name=op.f("ck_reconciliation_break_closed"),
        ),
        sa.CheckConstraint(
            "(signed_seq IS NULL) = (signed_by IS NULL) AND (signed_seq IS NULL) = (cause IS NULL)"
            " AND (signed_seq IS NULL) = (signed_at IS NULL)"
            " AND (state <> 'SIGNED_OFF' OR signed_seq IS NOT NULL)",
            name=op.f("ck_reconciliation_break_signed"),
        ),
        sa.CheckConstraint("level BETWEEN 0 AND 3", name=op.f("ck_reconciliation_break_level")),
        sa.PrimaryKeyConstraint("journal_id", "break_id", name=op.f("pk_reconciliation_break")),
        schema="escrow",
    )
    _index("reconciliation_break", ["journal_id", "custody_account_id", "break_id"])
    op.create_index(
        "uq_reconciliation_break_standing",
        "reconciliation_break",
        ["journal_id", "custody_account_id", "subject", "subject_key", "arose_on"],
        unique=True,
        schema="escrow",
        postgresql_where="state <> 'CLOSED'",
    )


def _top_up_demand() -> None:
    op.create_table(
        "top_up_demand",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("demand_id", sa.Uuid(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("reconciliation_id", sa.Uuid(), nullable=False),
        sa.Column("restraint_id", sa.Uuid(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("demanded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_seq", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('OPEN', 'MET', 'SUPERSEDED')", name=op.f("ck_top_up_demand_state")
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_top_up_demand_amount")),
        sa.CheckConstraint(
            "(ended_seq IS NULL) = (state = 'OPEN') AND (ended_at IS NULL) = (state = 'OPEN')",
            name=op.f("ck_top_up_demand_ended"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "demand_id", name=op.f("pk_top_up_demand")),
        schema="escrow",
    )
    _index("top_up_demand", ["journal_id", "institution_id", "demand_id"])
    op.create_index(
        "ix_top_up_demand_open",
        "top_up_demand",
        ["journal_id", "custody_account_id"],
        schema="escrow",
        postgresql_where="state = 'OPEN'",
    )


def _index(table: str, columns: list[str]) -> None:
    name = op.f(f"ix_{table}_{'_'.join(columns)}")
    op.create_index(name, table, columns, schema="escrow")


def _guards() -> None:
    writable = f"{JOURNAL} AND (SELECT escrow.is_writer())"
    for table, visible in READS.items():
        name = f"escrow.{table}"
        op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY reads ON {name} FOR SELECT TO escrow_app USING ({visible})")
        op.execute(f"CREATE POLICY audits ON {name} FOR SELECT TO escrow_audit USING (true)")
        op.execute(
            f"CREATE POLICY inserts ON {name} FOR INSERT TO escrow_app WITH CHECK ({writable})"
        )
        op.execute(
            f"CREATE POLICY updates ON {name} FOR UPDATE TO escrow_app"
            f" USING ({writable}) WITH CHECK ({writable})"
        )
        op.execute(
            f"CREATE POLICY narrows ON {name} AS RESTRICTIVE FOR SELECT TO escrow_app"
            f" USING ({WHOLE} OR {NARROWED})"
        )
        op.execute(f"REVOKE ALL ON {name} FROM PUBLIC")
        op.execute(f"GRANT SELECT ON {name} TO escrow_app, escrow_audit")
        op.execute(f"GRANT INSERT ON {name} TO escrow_app")
    for table in ("reconciliation_break", "top_up_demand"):
        op.execute(f"GRANT UPDATE ON escrow.{table} TO escrow_app")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow.reconciliation"
        " FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change()"
    )


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
