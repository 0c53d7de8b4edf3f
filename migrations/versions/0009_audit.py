"""The audit trail with its chain, and the limits of callers."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

CLEAR_LIMITS: Final = """
CREATE FUNCTION escrow.clear_limits(before_us bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM escrow.limit_state WHERE free_at_us < before_us
$$
"""
"""The one deletion there is: a limit that is whole again says nothing that a missing row does not."""


def upgrade() -> None:
    """Make the tables and guard them."""
    _limits()


def _limits() -> None:
    op.create_table(
        "limit_state",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("cost_class", sa.Text(), nullable=False),
        sa.Column("free_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "cost_class", name=op.f("pk_limit_state")),
        schema="escrow",
        prefixes=["UNLOGGED"],
    )
    op.execute("ALTER TABLE escrow.limit_state SET (fillfactor = 50)")
    op.execute("REVOKE ALL ON escrow.limit_state FROM PUBLIC")
    op.execute("GRANT SELECT, INSERT, UPDATE ON escrow.limit_state TO escrow_app")
    op.execute("GRANT SELECT ON escrow.limit_state TO escrow_audit")
    op.execute(CLEAR_LIMITS)
    op.execute("REVOKE ALL ON FUNCTION escrow.clear_limits(bigint) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION escrow.clear_limits(bigint) TO escrow_app")


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
