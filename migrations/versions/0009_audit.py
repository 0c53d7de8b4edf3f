"""The audit trail with its chain, and the limits of callers.

The trail is partitioned as the journal is: a leaf for each journal, and leaf 0 for what happens in
none. A journal's head carries the head of its trail too, so one lock serves both; chain 0 has a
head of its own.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

JOURNAL: Final = "journal_id = ANY ((SELECT escrow.journals())::int[])"
UNBOUND: Final = (
    "(SELECT escrow.own_institution()) IS NULL AND (SELECT escrow.own_bank()) IS NULL"
    " AND (SELECT escrow.own_parties()) IS NULL"
)
WHOLE: Final = "(SELECT coalesce(current_setting('escrow.narrowing', true), '')) = '-'"
READS: Final = (
    f"({JOURNAL} OR (journal_id = 0 AND in_journal = ANY ((SELECT escrow.journals())::int[])))"
    f" AND {UNBOUND} AND {WHOLE}"
)
"""Who reads the trail: whoever sees the whole journal, and what concerns it in chain 0."""

CLEAR_LIMITS: Final = """
CREATE FUNCTION escrow.clear_limits(before_us bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM escrow.limit_state WHERE free_at_us < before_us
$$
"""
"""A limit that is whole again says nothing that a missing row does not."""

AUDIT_GENESIS: Final = """
CREATE FUNCTION escrow.audit_genesis(chain int) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT sha256('tuition-escrow/audit-genesis/1'::bytea || '\\x00'::bytea || int8send(chain))
$$
"""
"""What stands before the first row of a chain, as service/store/audit.py says it."""

AUDIT_LEAF: Final = """
CREATE FUNCTION escrow.make_leaf(parent text, new_journal int) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    leaf text := format('%s_%s', parent, new_journal);
BEGIN
    EXECUTE format('CREATE TABLE escrow.%I PARTITION OF escrow.%I FOR VALUES IN (%s)',
                   leaf, parent, new_journal);
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow.%I'
                   ' FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change()', leaf);
    EXECUTE format('REVOKE ALL ON escrow.%I FROM PUBLIC', leaf);
    EXECUTE format('GRANT INSERT ON escrow.%I TO escrow_app', leaf);
END
$$
"""

OPEN_JOURNAL: Final = """
CREATE OR REPLACE FUNCTION escrow.open_journal(
    new_journal int, genesis bytea, opened_at timestamptz, opened_on date
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent text;
BEGIN
    IF new_journal NOT BETWEEN 1 AND 65535 THEN
        RAISE EXCEPTION 'a journal number is 1 to 65535';
    END IF;
    FOREACH parent IN ARRAY ARRAY['journal_transaction', 'entry', 'rollup', 'audit'] LOOP
        PERFORM escrow.make_leaf(parent, new_journal);
    END LOOP;
    INSERT INTO escrow.journal_head
        (journal_id, seq, hash, recorded_at, effective_on, closed_on, next_account_id,
         clock_offset_us, audit_seq, audit_hash)
    VALUES (new_journal, 0, genesis, opened_at, opened_on, NULL, 1, 0, 0,
            escrow.audit_genesis(new_journal));
END
$$
"""

LEAVES: Final = """
DO $$
DECLARE
    number text;
BEGIN
    PERFORM escrow.make_leaf('audit', 0);
    FOR number IN
        SELECT substring(leaf.relname FROM 'journal_transaction_([0-9]+)$')
        FROM pg_inherits JOIN pg_class AS leaf ON leaf.oid = inhrelid
        WHERE inhparent = 'escrow.journal_transaction'::regclass
    LOOP
        PERFORM escrow.make_leaf('audit', number::int);
    END LOOP;
END
$$
"""


def upgrade() -> None:
    """Make the tables and guard them."""
    _limits()
    _trail()
    _heads()
    _guards()


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


def _trail() -> None:
    op.create_table(
        "audit",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("audit_seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("caller_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("duties", sa.Text(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("use_case", sa.Text(), nullable=True),
        sa.Column("object", sa.Text(), nullable=True),
        sa.Column("request_hash", sa.LargeBinary(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("purpose", sa.Text(), nullable=True),
        sa.Column("approval", sa.Text(), nullable=True),
        sa.Column("first_seq", sa.BigInteger(), nullable=True),
        sa.Column("last_seq", sa.BigInteger(), nullable=True),
        sa.Column("policy_version", sa.Text(), nullable=True),
        sa.Column("in_journal", sa.Integer(), nullable=True),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('DECIDED', 'REFERENCE', 'ACT', 'READ', 'DENIED', 'COUNTED')",
            name=op.f("ck_audit_kind"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "audit_seq", name=op.f("pk_audit")),
        schema="escrow",
        postgresql_partition_by="LIST (journal_id)",
    )
    op.create_index(
        op.f("ix_audit_journal_id_caller_id_audit_seq"),
        "audit",
        ["journal_id", "caller_id", "audit_seq"],
        schema="escrow",
    )
    op.create_index(
        "ix_audit_object",
        "audit",
        ["journal_id", "object", "audit_seq"],
        schema="escrow",
        postgresql_where="object IS NOT NULL",
    )
    op.create_table(
        "audit_head",
        sa.Column("chain", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("chain", name=op.f("pk_audit_head")),
        schema="escrow",
    )


def _heads() -> None:
    """Give every journal the head of its trail; one that stood before begins it without genesis."""
    for column in (
        sa.Column("audit_seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("audit_hash", sa.LargeBinary(), nullable=True),
    ):
        op.add_column("journal_head", column, schema="escrow")
    op.execute(AUDIT_GENESIS)
    op.execute(AUDIT_LEAF)
    op.execute(OPEN_JOURNAL)
    op.execute("INSERT INTO escrow.audit_head VALUES (0, 0, escrow.audit_genesis(0))")


def _guards() -> None:
    writable = f"{JOURNAL} AND (SELECT escrow.is_writer())"
    op.execute("ALTER TABLE escrow.audit ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE escrow.audit FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY reads ON escrow.audit FOR SELECT TO escrow_app USING ({READS})")
    op.execute("CREATE POLICY audits ON escrow.audit FOR SELECT TO escrow_audit USING (true)")
    op.execute(
        f"CREATE POLICY inserts ON escrow.audit FOR INSERT TO escrow_app WITH CHECK ({writable})"
    )
    op.execute(
        f"CREATE POLICY updates ON escrow.audit FOR UPDATE TO escrow_app"
        f" USING ({writable}) WITH CHECK ({writable})"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow.audit"
        " FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change()"
    )
    op.execute(LEAVES)
    op.execute("REVOKE ALL ON escrow.audit, escrow.audit_head FROM PUBLIC")
    op.execute("GRANT SELECT ON escrow.audit, escrow.audit_head TO escrow_app, escrow_audit")
    op.execute("GRANT UPDATE ON escrow.audit_head TO escrow_app")
    op.execute("GRANT UPDATE (audit_seq, audit_hash) ON escrow.journal_head TO escrow_app")
    for function in ("audit_genesis(int)", "make_leaf(text, int)"):
        op.execute(f"REVOKE ALL ON FUNCTION escrow.{function} FROM PUBLIC")


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
