"""Server epochs: which server the journals may be written on, and who opened it again.

The server of the migration is the first. A restored, promoted or copied one is another.
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, guard it, and open the server that is migrated."""
    op.create_table(
        "server_epoch",
        sa.Column("epoch", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("system_identifier", sa.BigInteger(), nullable=False),
        sa.Column("timeline", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=True),
        sa.Column("agreed_by", sa.Text(), nullable=True),
        sa.Column("report_sha256", sa.LargeBinary(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('OPEN', 'DOUBTED')", name=op.f("ck_server_epoch_state")),
        sa.CheckConstraint(
            "cause IN ('INSTALLED', 'ACCEPTED', 'HEADS_MISSING')",
            name=op.f("ck_server_epoch_cause"),
        ),
        sa.CheckConstraint(
            "(cause = 'ACCEPTED') = (opened_by IS NOT NULL AND agreed_by IS NOT NULL"
            " AND report_sha256 IS NOT NULL AND opened_by <> agreed_by)",
            name=op.f("ck_server_epoch_people"),
        ),
        sa.PrimaryKeyConstraint("epoch", name=op.f("pk_server_epoch")),
        schema="escrow",
    )
    op.execute("REVOKE ALL ON escrow.server_epoch FROM PUBLIC")
    op.execute("GRANT SELECT ON escrow.server_epoch TO escrow_app, escrow_audit")
    op.execute("GRANT INSERT ON escrow.server_epoch TO escrow_app")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow.server_epoch"
        " FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change()"
    )
    op.execute(
        "INSERT INTO escrow.server_epoch SELECT 1, control.system_identifier,"
        " ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint,"
        " 'OPEN', 'INSTALLED', NULL, NULL, NULL, now() FROM pg_control_system() AS control"
    )
