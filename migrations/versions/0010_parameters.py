"""Four eyes by kind, amount and sum; rule packs proposed and approved."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

JOURNAL: Final = "journal_id = ANY ((SELECT escrow.journals())::int[])"
STAFF: Final = (
    "(SELECT escrow.own_institution()) IS NULL AND (SELECT escrow.own_bank()) IS NULL"
    " AND (SELECT escrow.own_parties()) IS NULL"
)
APPEND_ONLY: Final = ("decided_alone", "rule_pack_assignment", "rule_pack_version")


def upgrade() -> None:
    """Make the tables, widen approvals and rule packs' versions, and guard what is new."""
    _tables()
    _columns()
    _guards()


def _tables() -> None:
    op.create_table(
        "decided_alone",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("maker", sa.Text(), nullable=False),
        sa.Column("payee_id", sa.Uuid(), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=True),
        sa.Column("at_once_fen", sa.BigInteger(), nullable=False),
        sa.Column("day_sum_fen", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "amount_fen BETWEEN 0 AND at_once_fen AND at_once_fen <= day_sum_fen",
            name=op.f("ck_decided_alone_amounts"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "seq", name=op.f("pk_decided_alone")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_decided_alone_journal_id_kind_decided_at"),
        "decided_alone",
        ["journal_id", "kind", "decided_at"],
        schema="escrow",
    )
    op.create_table(
        "rule_pack_proposal",
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("jurisdiction_code", sa.Text(), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=True),
        sa.Column("delta", sa.Text(), nullable=False),
        sa.Column("delta_hash", sa.LargeBinary(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("maker", sa.Text(), nullable=False),
        sa.Column("maker_presence", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("checker", sa.Text(), nullable=True),
        sa.Column("checker_presence", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("shown", sa.Text(), nullable=True),
        sa.Column("shown_hash", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "action IN ('CHANGE', 'ASSIGN')", name=op.f("ck_rule_pack_proposal_action")
        ),
        sa.CheckConstraint(
            "state IN ('PENDING', 'APPROVED', 'DECLINED', 'WITHDRAWN', 'EXPIRED')",
            name=op.f("ck_rule_pack_proposal_state"),
        ),
        sa.CheckConstraint(
            "state <> 'APPROVED' OR (checker IS NOT NULL AND checker <> maker"
            " AND shown_hash IS NOT NULL)",
            name=op.f("ck_rule_pack_proposal_two"),
        ),
        sa.PrimaryKeyConstraint("proposal_id", name=op.f("pk_rule_pack_proposal")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_rule_pack_proposal_code_proposal_id"),
        "rule_pack_proposal",
        ["code", "proposal_id"],
        schema="escrow",
    )
    op.create_index(
        "ix_rule_pack_proposal_pending",
        "rule_pack_proposal",
        ["expires_at"],
        schema="escrow",
        postgresql_where="state = 'PENDING'",
    )
    op.create_table(
        "rule_pack_assignment",
        sa.Column("jurisdiction_code", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("rule_pack", sa.Text(), nullable=False),
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "jurisdiction_code", "from_on", name=op.f("pk_rule_pack_assignment")
        ),
        schema="escrow",
    )


def _columns() -> None:
    for name in ("maker_presence", "checker_presence", "crossed", "shown"):
        op.add_column("approval", sa.Column(name, sa.Text(), nullable=True), schema="escrow")
    op.add_column(
        "approval", sa.Column("shown_hash", sa.LargeBinary(), nullable=True), schema="escrow"
    )
    op.create_index(
        "ix_approval_pending",
        "approval",
        ["journal_id", "expires_at", "approval_id"],
        schema="escrow",
        postgresql_where="state = 'PENDING'",
    )
    version = "rule_pack_version"
    op.add_column(version, sa.Column("effective_on", sa.Date(), nullable=True), schema="escrow")
    op.add_column(version, sa.Column("proposal_id", sa.Uuid(), nullable=True), schema="escrow")


def _guards() -> None:
    writable = f"{JOURNAL} AND (SELECT escrow.is_writer())"
    acts = "escrow.decided_alone"
    op.execute(f"ALTER TABLE {acts} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {acts} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY reads ON {acts} FOR SELECT TO escrow_app USING ({JOURNAL} AND {STAFF})"
    )
    op.execute(f"CREATE POLICY audits ON {acts} FOR SELECT TO escrow_audit USING (true)")
    op.execute(f"CREATE POLICY inserts ON {acts} FOR INSERT TO escrow_app WITH CHECK ({writable})")
    op.execute(
        f"CREATE POLICY updates ON {acts} FOR UPDATE TO escrow_app"
        f" USING ({writable}) WITH CHECK ({writable})"
    )
    for name in ("decided_alone", "rule_pack_proposal", "rule_pack_assignment"):
        op.execute(f"REVOKE ALL ON escrow.{name} FROM PUBLIC")
        op.execute(f"GRANT SELECT, INSERT ON escrow.{name} TO escrow_app")
        op.execute(f"GRANT SELECT ON escrow.{name} TO escrow_audit")
    op.execute("GRANT UPDATE ON escrow.rule_pack_proposal TO escrow_app")
    op.execute("REVOKE UPDATE ON escrow.rule_pack_version FROM escrow_app")
    for name in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow.{name}"
            " FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change()"
        )


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
