"""Roll-ups that count active enrolments, and the indexes that a division's totals are read by.

An enrolment is active while prepaid money of its own is held (L1 above zero). The count is told by
the entries alone, so that of the past is worked out here, batch by batch, as the writer would have
appended it; everybody else waits meanwhile.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KIND: Final = "ACTIVE_ENROLMENTS"
CHUNK: Final = 5_000

JOURNALS: Final = sa.text("SELECT journal_id FROM escrow.journal_head ORDER BY journal_id")
READ: Final = ("journal_head", "journal_transaction", "account", "entry", "institution")
STANDING: Final = sa.text(
    "SELECT institution_id::text, area || '/' || department AS area FROM escrow.institution"
    " WHERE journal_id = :journal"
)
MOVES: Final = sa.text(
    "SELECT seq, refs::jsonb ->> 'institution' AS institution, refs::jsonb ->> 'before' AS before,"
    " refs::jsonb ->> 'after' AS after,"
    " (SELECT max(same.seq) FROM escrow.journal_transaction AS same"
    "  WHERE same.journal_id = moved.journal_id AND same.recorded_at = moved.recorded_at) AS last"
    " FROM escrow.journal_transaction AS moved"
    " WHERE journal_id = :journal AND kind = 'INSTITUTION_MOVED' ORDER BY seq"
)
# The last sequence number of a batch is where its roll-ups stand; all of it shares an instant.
TURNS: Final = sa.text(
    """
    SELECT held.last, account.institution_id::text AS institution,
           account.custody_account_id::text AS custody,
           sum((entry.balance_after > 0)::int - (entry.balance_after > entry.amount)::int) AS turned
    FROM escrow.account AS account
    JOIN escrow.entry AS entry
      ON entry.journal_id = account.journal_id AND entry.account_id = account.account_id
    JOIN (SELECT seq, max(seq) OVER (PARTITION BY recorded_at) AS last
          FROM escrow.journal_transaction WHERE journal_id = :journal) AS held
      ON held.seq = entry.seq
    WHERE account.journal_id = :journal AND account.kind = 'STUDENT_PREPAID'
      AND (entry.balance_after > 0) <> (entry.balance_after > entry.amount)
    GROUP BY held.last, account.institution_id, account.custody_account_id
    ORDER BY held.last, account.institution_id, account.custody_account_id
    """
)
APPEND: Final = sa.text(
    "INSERT INTO escrow.rollup (journal_id, unit_type, unit_id, kind, reason, seq, balance)"
    " VALUES (:journal, :unit_type, :unit, :kind, '', :seq, :balance)"
)

Row = dict[str, Any]


class Counts:
    """The running counts of one journal's units, and where its institutions stand."""

    def __init__(self, journal: int, areas: dict[str, str]) -> None:
        """Begin with the areas of the beginning."""
        self.journal = journal
        self.areas = areas
        self.held: dict[tuple[str, str], int] = {}
        self.touched: dict[tuple[str, str], int] = {}

    def move(self, move: Row) -> None:
        """Take what an institution had before this batch from one area into another."""
        counted = self.held.get(("INSTITUTION", move["institution"]))
        self.areas[move["institution"]] = move["after"]
        if counted is not None:
            self._add(("AREA", move["before"]), -counted)
            self._add(("AREA", move["after"]), counted)

    def turn(self, row: Row) -> None:
        """Count the enrolments that became active or ceased to be in a custody account."""
        area = self.areas[row["institution"]]
        for unit in (
            ("INSTITUTION", row["institution"]),
            ("CUSTODY_ACCOUNT", row["custody"]),
            ("AREA", area),
        ):
            self._add(unit, row["turned"])

    def flush(self, seq: int) -> Iterator[Row]:
        """End a batch: the rows to append at its last sequence number."""
        for (unit_type, unit), delta in sorted(self.touched.items()):
            balance = self.held.get((unit_type, unit), 0) + delta
            self.held[unit_type, unit] = balance
            yield {
                "journal": self.journal,
                "unit_type": unit_type,
                "unit": unit,
                "kind": KIND,
                "seq": seq,
                "balance": balance,
            }
        self.touched.clear()

    def _add(self, unit: tuple[str, str], delta: int) -> None:
        self.touched[unit] = self.touched.get(unit, 0) + delta


def appended(
    journal: int, areas: dict[str, str], moves: list[Row], turns: Iterable[Row]
) -> Iterator[Row]:
    """Yield the roll-ups of a journal, in order; `areas` are those of now."""
    for move in reversed(moves):
        areas[move["institution"]] = move["before"]
    counts, waiting, at = Counts(journal, areas), list(moves), 0
    for row in turns:
        if row["last"] != at:
            yield from counts.flush(at)
            while waiting and waiting[0]["last"] < row["last"]:
                move = waiting.pop(0)
                counts.move(move)
                yield from counts.flush(move["last"])
            at = row["last"]
            while waiting and waiting[0]["last"] == at:
                counts.move(waiting.pop(0))
        counts.turn(row)
    yield from counts.flush(at)
    for move in waiting:
        counts.move(move)
        yield from counts.flush(move["last"])


def count(connection: sa.Connection, journal: int) -> None:
    """Append the counts of one journal, every batch of it."""
    given = {"journal": journal}
    standing = connection.execute(STANDING, given)
    areas = {row.institution_id: row.area for row in standing}
    moves = [dict(row) for row in connection.execute(MOVES, given).mappings()]
    turns = (dict(row) for row in connection.execute(TURNS, given).mappings())
    rows: list[Row] = []
    for row in appended(journal, areas, moves, turns):
        rows.append(row)
        if len(rows) == CHUNK:
            connection.execute(APPEND, rows)
            rows.clear()
    if rows:
        connection.execute(APPEND, rows)


def upgrade() -> None:
    """Work out the counts of every journal, then build the index beside the running service."""
    connection = op.get_bind()
    if connection.execute(sa.text("SELECT 1 FROM escrow.jurisdiction LIMIT 1")).scalar():
        # The owner itself is under row-level security: it may look while this lasts.
        for table in READ:
            op.execute(
                f"CREATE POLICY counts ON escrow.{table} FOR SELECT TO escrow_owner USING (true)"
            )
        op.execute(
            "CREATE POLICY counts ON escrow.rollup FOR INSERT TO escrow_owner WITH CHECK (true)"
        )
        op.execute("LOCK TABLE escrow.journal_head IN SHARE MODE")
        for journal in connection.execute(JOURNALS).scalars().all():
            count(connection, journal)
        for table in (*READ, "rollup"):
            op.execute(f"DROP POLICY counts ON escrow.{table}")
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS escrow.ix_institution_area_area")
        op.execute(
            "CREATE INDEX CONCURRENTLY ix_institution_area_area ON escrow.institution_area"
            " (journal_id, area, department, institution_id)"
        )
        op.execute("SET lock_timeout = '5s'")


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
