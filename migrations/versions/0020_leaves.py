"""A journal opens beside others at work: its leaves are attached, which locks out nobody.

Made as partitions at once they would lock each parent against every reader and writer, one after
the other, and so deadlock with whoever posts in another journal meanwhile.
"""

from typing import Final

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

MAKE_LEAF: Final = """
CREATE OR REPLACE FUNCTION escrow.make_leaf(parent text, new_journal int) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    leaf text := format('%s_%s', parent, new_journal);
BEGIN
    EXECUTE format('CREATE TABLE escrow.%I (LIKE escrow.%I INCLUDING ALL)', leaf, parent);
    EXECUTE format('ALTER TABLE escrow.%I ATTACH PARTITION escrow.%I FOR VALUES IN (%s)',
                   parent, leaf, new_journal);
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow.%I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change()', leaf);
    EXECUTE format('REVOKE ALL ON escrow.%I FROM PUBLIC', leaf);
    EXECUTE format('GRANT INSERT ON escrow.%I TO escrow_app', leaf);
END
$$
"""


def upgrade() -> None:
    """Attach the leaves of journals that are opened from now on."""
    op.execute(MAKE_LEAF)


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
