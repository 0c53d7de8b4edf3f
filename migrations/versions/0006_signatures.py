"""Signed requests: banks' keys, nonces, and the messages kept as evidence."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

JOURNAL: Final = "journal_id = ANY ((SELECT escrow.journals())::int[])"
NO_INSTITUTION: Final = "(SELECT escrow.own_institution()) IS NULL"
NO_PARTY: Final = "(SELECT escrow.own_party()) IS NULL"
BANK: Final = "((SELECT escrow.own_bank()) IS NULL OR bank_code = (SELECT escrow.own_bank()))"
VISIBLE: Final = f"{JOURNAL} AND {BANK} AND {NO_PARTY} AND {NO_INSTITUTION}"

SPEND: Final = """
CREATE FUNCTION escrow.spend_nonces(
    kids text[], nonces text[], until timestamptz[], durable boolean
) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    verdicts text[];
BEGIN
    IF NOT durable THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
    -- Rows locked FOR SHARE are shared with newcomers before whoever waits to revoke the key. This
    -- queue is fair: a revocation waits for those who came before it, and later ones wait for it.
    PERFORM pg_advisory_xact_lock_shared(4711, lane)
    FROM (SELECT DISTINCT hashtext(kid) AS lane FROM unnest(kids) AS kid ORDER BY 1) AS queue;
    WITH given AS MATERIALIZED (
        SELECT kid, nonce, until_at, place,
               row_number() OVER (PARTITION BY kid, nonce ORDER BY place) AS copy
        FROM unnest(kids, nonces, until) WITH ORDINALITY AS one(kid, nonce, until_at, place)
    ), valid AS MATERIALIZED (
        SELECT held.kid FROM escrow.bank_key AS held
        WHERE held.kid = ANY (kids) AND held.revoked_at IS NULL
          AND clock_timestamp() BETWEEN held.not_before AND held.not_after
        FOR SHARE
    ), spent AS (
        INSERT INTO escrow.signature_nonce (kid, nonce, kept_until)
        SELECT given.kid, given.nonce, given.until_at FROM given JOIN valid USING (kid)
        WHERE given.copy = 1
        ORDER BY given.kid, given.nonce
        ON CONFLICT DO NOTHING
        RETURNING kid, nonce
    )
    SELECT array_agg(CASE
        WHEN NOT EXISTS (SELECT 1 FROM valid WHERE valid.kid = given.kid) THEN 'revoked'
        WHEN given.copy = 1 AND EXISTS (
            SELECT 1 FROM spent WHERE (spent.kid, spent.nonce) = (given.kid, given.nonce))
            THEN 'spent'
        ELSE 'replayed' END ORDER BY given.place)
    INTO verdicts FROM given;
    RETURN verdicts;
END
$$
"""

SWEEP: Final = """
CREATE FUNCTION escrow.forget_nonces(most int) RETURNS int
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH due AS (
        SELECT kid, nonce FROM escrow.signature_nonce WHERE kept_until < clock_timestamp()
        ORDER BY kept_until LIMIT most FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM escrow.signature_nonce AS held USING due
        WHERE (held.kid, held.nonce) = (due.kid, due.nonce) RETURNING 1
    )
    SELECT count(*)::int FROM gone
$$
"""
"""A nonce whose signature has long expired refuses nothing any more."""


def upgrade() -> None:
    """Make the tables and guard them."""
    _keys()
    _messages()
    _guards()


def _keys() -> None:
    at = sa.DateTime(timezone=True)
    op.create_table(
        "bank_key",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("journal_id", sa.Integer(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("jurisdiction_code", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("parent_kid", sa.Text(), nullable=True),
        sa.Column("not_before", at, nullable=False),
        sa.Column("not_after", at, nullable=False),
        sa.Column("registered_by", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("revoked_at", at, nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.Column("revoked_for", sa.Text(), nullable=True),
        sa.CheckConstraint("not_before < not_after", name=op.f("ck_bank_key_validity")),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_by IS NULL)", name=op.f("ck_bank_key_revoked")
        ),
        sa.CheckConstraint(
            "algorithm IN ('ed25519', 'sm2-sm3')", name=op.f("ck_bank_key_algorithm")
        ),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_bank_key")),
        schema="escrow",
    )
    for columns in (["bank_code", "jurisdiction_code"], ["parent_kid"]):
        op.create_index(
            op.f(f"ix_bank_key_{'_'.join(columns)}"), "bank_key", columns, schema="escrow"
        )
    op.create_table(
        "service_key",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("public", sa.LargeBinary(), nullable=False),
        sa.Column("signs_from", at, nullable=False),
        sa.Column("published_at", at, nullable=False),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_service_key")),
        schema="escrow",
    )
    op.create_table(
        "signature_nonce",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("kept_until", at, nullable=False),
        sa.PrimaryKeyConstraint("kid", "nonce", name=op.f("pk_signature_nonce")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_signature_nonce_kept_until"), "signature_nonce", ["kept_until"], schema="escrow"
    )


def _messages() -> None:
    op.create_table(
        "signed_message",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("caller_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("base", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("has_body", sa.Boolean(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "caller_id", "key", name=op.f("pk_signed_message")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_signed_message_journal_id_seq"),
        "signed_message",
        ["journal_id", "seq"],
        schema="escrow",
    )
    op.create_table(
        "signed_body",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("bank_code", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("journal_id", "message_id", name=op.f("pk_signed_body")),
        schema="pii",
    )


def _guards() -> None:
    for table in ("bank_key", "service_key", "signature_nonce", "signed_message"):
        op.execute(f"REVOKE ALL ON escrow.{table} FROM PUBLIC")
        op.execute(f"GRANT SELECT ON escrow.{table} TO escrow_app, escrow_audit")
    op.execute("GRANT INSERT, UPDATE ON escrow.bank_key TO escrow_app")
    for table in ("service_key", "signature_nonce", "signed_message"):
        op.execute(f"GRANT INSERT ON escrow.{table} TO escrow_app")
    op.execute("REVOKE ALL ON pii.signed_body FROM PUBLIC")
    op.execute("GRANT SELECT, INSERT, UPDATE ON pii.signed_body TO escrow_pii")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow.signed_message"
        " FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change()"
    )
    writable = f"{JOURNAL} AND (SELECT escrow.is_writer())"
    for table in ("escrow.signed_message", "pii.signed_body"):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY reads ON {table} FOR SELECT TO escrow_app USING ({VISIBLE})")
        op.execute(f"CREATE POLICY audits ON {table} FOR SELECT TO escrow_audit USING (true)")
        op.execute(
            f"CREATE POLICY inserts ON {table} FOR INSERT TO escrow_app WITH CHECK ({writable})"
        )
        op.execute(
            f"CREATE POLICY updates ON {table} FOR UPDATE TO escrow_app"
            f" USING ({writable}) WITH CHECK ({writable})"
        )
    op.execute(SPEND)
    op.execute(SWEEP)
    for function in (
        "spend_nonces(text[], text[], timestamptz[], boolean)",
        "forget_nonces(int)",
    ):
        op.execute(f"REVOKE ALL ON FUNCTION escrow.{function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION escrow.{function} TO escrow_app")


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
