"""Statement files, the statements and lines in them, and how each bank writes its CSV.

A file's row counts on while its lines are posted; statements and lines are facts and only grow.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

JOURNAL: Final = "journal_id = ANY ((SELECT escrow.journals())::int[])"
OWN: Final = "(SELECT escrow.own_institution())"
NO_INSTITUTION: Final = f"{OWN} IS NULL"
INSTITUTION: Final = f"({NO_INSTITUTION} OR institution_id = {OWN})"
BANK: Final = "((SELECT escrow.own_bank()) IS NULL OR bank_code = (SELECT escrow.own_bank()))"
NO_PARTY: Final = "(SELECT escrow.own_parties()) IS NULL"
WHOLE: Final = "NOT (SELECT escrow.is_narrowed())"

READS: Final[dict[str, str]] = {
    "statement_file": f"{JOURNAL} AND {BANK} AND {NO_PARTY} AND {NO_INSTITUTION}",
    "bank_statement": f"{JOURNAL} AND {INSTITUTION} AND {BANK} AND {NO_PARTY}",
    "statement_line": f"{JOURNAL} AND {INSTITUTION} AND {BANK} AND {NO_PARTY}",
}
"""Who reads a row, by table. The application narrows further; this is what holds without it."""

NARROWS: Final[dict[str, str]] = {
    "statement_file": (
        "EXISTS (SELECT 1 FROM escrow.bank_statement AS own WHERE"
        " own.journal_id = statement_file.journal_id"
        " AND own.statement_file_id = statement_file.statement_file_id)"
    ),
    "bank_statement": "escrow.sees_institution(journal_id, institution_id)",
    "statement_line": "escrow.sees_students_of(journal_id, institution_id)",
}
"""What narrowed callers see of what they would otherwise: a file by the statements in it."""

APPEND_ONLY: Final = ("bank_statement", "statement_line", "statement_mapping")


def upgrade() -> None:
    """Make the tables and guard them."""
    _files()
    _statements()
    _lines()
    _mappings()
    _guards()


def _files() -> None:
    op.create_table(
        "statement_file",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("statement_file_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("format", sa.Text(), nullable=True),
        sa.Column("mapping_version", sa.Integer(), nullable=True),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("account_number", sa.Text(), nullable=False),
        sa.Column("derives_references", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at_line", sa.BigInteger(), nullable=True),
        sa.Column("at_entry", sa.BigInteger(), nullable=True),
        sa.Column("statements", sa.Integer(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("lines_done", sa.Integer(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("posted", sa.Integer(), nullable=False),
        sa.Column("contradicted", sa.Integer(), nullable=False),
        sa.Column("received_by", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('ACCEPTED', 'POSTED', 'REFUSED', 'QUARANTINED')",
            name=op.f("ck_statement_file_state"),
        ),
        sa.CheckConstraint(
            "(reason IS NULL) = (state IN ('ACCEPTED', 'POSTED'))",
            name=op.f("ck_statement_file_reason"),
        ),
        sa.CheckConstraint(
            "lines_done = matched + posted + contradicted", name=op.f("ck_statement_file_done")
        ),
        sa.PrimaryKeyConstraint("journal_id", "statement_file_id", name=op.f("pk_statement_file")),
        schema="escrow",
    )
    for columns in (
        ["journal_id", "content_sha256"],
        ["journal_id", "bank_code", "statement_file_id"],
    ):
        _index("statement_file", columns)
    op.create_index(
        "ix_statement_file_open",
        "statement_file",
        ["journal_id", "bank_code"],
        schema="escrow",
        postgresql_where="state = 'ACCEPTED'",
    )


def _statements() -> None:
    op.create_table(
        "bank_statement",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("statement_file_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("opening_fen", sa.BigInteger(), nullable=True),
        sa.Column("closing_fen", sa.BigInteger(), nullable=True),
        sa.Column("credit_count", sa.Integer(), nullable=False),
        sa.Column("credit_fen", sa.BigInteger(), nullable=False),
        sa.Column("debit_count", sa.Integer(), nullable=False),
        sa.Column("debit_fen", sa.BigInteger(), nullable=False),
        sa.Column("after_gap", sa.Boolean(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('STATEMENT', 'REPORT', 'NOTIFICATION')", name=op.f("ck_bank_statement_kind")
        ),
        sa.PrimaryKeyConstraint(
            "journal_id", "statement_file_id", "number", name=op.f("pk_bank_statement")
        ),
        schema="escrow",
    )
    for columns in (["journal_id", "custody_account_id", "to_on"], ["journal_id", "reference"]):
        _index("bank_statement", columns)


def _lines() -> None:
    op.create_table(
        "statement_line",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("statement_file_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("statement", sa.Integer(), nullable=False),
        sa.Column("custody_account_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("bank_ref", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("book_on", sa.Date(), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=False),
        sa.Column("raw_hash", sa.LargeBinary(), nullable=False),
        sa.Column("bank_entry_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "direction IN ('CRDT', 'DBIT')", name=op.f("ck_statement_line_direction")
        ),
        sa.CheckConstraint(
            "outcome IN ('MATCHED', 'POSTED', 'CONTRADICTED')",
            name=op.f("ck_statement_line_outcome"),
        ),
        sa.PrimaryKeyConstraint(
            "journal_id", "statement_file_id", "line", name=op.f("pk_statement_line")
        ),
        schema="escrow",
    )
    for columns in (
        ["journal_id", "bank_entry_id"],
        ["journal_id", "custody_account_id", "book_on"],
    ):
        _index("statement_line", columns)


def _mappings() -> None:
    op.create_table(
        "statement_mapping",
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bank_code", "version", name=op.f("pk_statement_mapping")),
        schema="escrow",
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
            f" USING ({WHOLE} OR {NARROWS[table]})"
        )
    for table in (*READS, "statement_mapping"):
        op.execute(f"REVOKE ALL ON escrow.{table} FROM PUBLIC")
        op.execute(f"GRANT SELECT ON escrow.{table} TO escrow_app, escrow_audit")
        op.execute(f"GRANT INSERT ON escrow.{table} TO escrow_app")
    op.execute("GRANT UPDATE ON escrow.statement_file TO escrow_app")
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow.{table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change()"
        )


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
