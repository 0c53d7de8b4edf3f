"""Room in the pages of enrolments: with every payment and lesson one is updated in place.

Where its page has room for the new version of a row, none of the table's seven indexes hears of it.
"""

from typing import Final

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

ROOM: Final = "ALTER TABLE escrow.enrolment SET (fillfactor = 60)"


def upgrade() -> None:
    """Leave room in pages that are filled from now on; nothing that stands is rewritten."""
    op.execute(ROOM)


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
