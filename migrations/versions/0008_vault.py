"""The vault: personal data sealed in place, keys by subject, blind indexes.

Only columns without a default are added, so no table is written anew. What stands in plain is
sealed afterwards, while the service runs, by `escrow seal`.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

JOURNAL: Final = "journal_id = ANY((SELECT escrow.journals())::int[])"
NO_INSTITUTION: Final = "(SELECT escrow.own_institution()) IS NULL"
NO_BANK: Final = "(SELECT escrow.own_bank()) IS NULL"
NO_PARTY: Final = "(SELECT escrow.own_parties()) IS NULL"
INSTITUTION: Final = f"({NO_INSTITUTION} OR institution_id = (SELECT escrow.own_institution()))"
OWN: Final = "ANY ((SELECT escrow.own_parties())::uuid[])"
INSIDE: Final = f"{JOURNAL} AND {NO_INSTITUTION} AND {NO_BANK}"

READ_POLICY: Final[dict[str, str]] = {
    "party_version": f"{INSIDE} AND ({NO_PARTY} OR party_id = {OWN})",
    "data_request": (
        f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND ({NO_PARTY} OR guardian_id = {OWN})"
    ),
    "destroyed_key": f"{INSIDE} AND {NO_PARTY}",
    "unmask_grant": f"{INSIDE} AND ({NO_PARTY} OR party_id = {OWN})",
}
"""Who reads a row, by table. The application narrows further; this is what holds without it."""

FORGOTTEN: Final = (
    "(SELECT escrow.is_writer()) AND EXISTS ("
    "SELECT 1 FROM escrow.guardian_link AS link WHERE link.parent_id = parent.parent_id)"
)
"""A journal's writer forgets the phone of a parent whose guardian is erased in it."""

INDEXES: Final = (
    (
        "pii",
        "ix_party_phone",
        "party (journal_id, phone_index) WHERE phone_index IS NOT NULL",
    ),
    (
        "pii",
        "ix_party_account",
        "party (journal_id, account_index) WHERE account_index IS NOT NULL",
    ),
    ("pii", "ix_claim_note_journal_id_guardian_id", "claim_note (journal_id, guardian_id)"),
    (
        "escrow",
        "ix_refund_payee",
        "refund (journal_id, payee_party_id) WHERE payee_party_id IS NOT NULL",
    ),
)

SEALED_TABLES: Final = ("party", "bank_narrative", "claim_note")


def _seal() -> list[sa.Column[bytes]]:
    return [sa.Column(name, sa.LargeBinary(), nullable=True) for name in ("sealed", "wrapped_key")]


def _journal() -> sa.Column[int]:
    return sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False)


def _columns() -> None:
    for table in SEALED_TABLES:
        for column in _seal():
            op.add_column(table, column, schema="pii")
    for name in ("phone_index", "account_index", "name_index"):
        op.add_column("party", sa.Column(name, sa.LargeBinary(), nullable=True), schema="pii")
    op.add_column(
        "party", sa.Column("restricted_at", sa.DateTime(timezone=True), nullable=True), schema="pii"
    )
    op.add_column(
        "bank_narrative", sa.Column("payer_named", sa.Boolean(), nullable=True), schema="pii"
    )
    op.alter_column("claim_note", "text", nullable=True, schema="pii")


def _indexes() -> None:
    with op.get_context().autocommit_block():
        for schema, name, described in INDEXES:
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {schema}.{name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {schema}.{described}")


def _tables() -> None:
    at = sa.DateTime(timezone=True)
    op.create_table(
        "party_version",
        _journal(),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        *_seal(),
        sa.Column("replaced_at", at, nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "version_id", name=op.f("pk_party_version")),
        schema="pii",
    )
    op.create_table(
        "data_request",
        _journal(),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("earliest_on", sa.Date(), nullable=True),
        *_seal(),
        sa.Column("filed_at", at, nullable=False),
        sa.Column("decided_at", at, nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('CORRECTION', 'ERASURE')", name=op.f("ck_data_request_kind")),
        sa.CheckConstraint(
            "state IN ('FILED', 'REFUSED', 'DONE')", name=op.f("ck_data_request_state")
        ),
        sa.PrimaryKeyConstraint("journal_id", "request_id", name=op.f("pk_data_request")),
        schema="pii",
    )
    op.create_table(
        "destroyed_key",
        _journal(),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("destroyed_at", at, nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "subject_id", name=op.f("pk_destroyed_key")),
        schema="pii",
    )
    op.create_table(
        "unmask_grant",
        _journal(),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=True),
        sa.Column("caller_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("case_ref", sa.Text(), nullable=False),
        *_seal(),
        sa.Column("granted_at", at, nullable=False),
        sa.Column("expires_at", at, nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "grant_id", name=op.f("pk_unmask_grant")),
        schema="pii",
    )
    op.create_table(
        "vault_key",
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("suite", sa.Text(), nullable=False),
        sa.Column("check_value", sa.LargeBinary(), nullable=False),
        sa.Column("index_check", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", at, nullable=False),
        sa.Column("retired_at", at, nullable=True),
        sa.PrimaryKeyConstraint("generation", name=op.f("pk_vault_key")),
        schema="pii",
    )
    for table, columns in (
        ("party_version", ["journal_id", "party_id"]),
        ("data_request", ["journal_id", "guardian_id"]),
        ("unmask_grant", ["journal_id", "caller_id", "granted_at"]),
        ("unmask_grant", ["journal_id", "party_id"]),
    ):
        name = op.f(f"ix_{table}_{'_'.join(columns)}")
        op.create_index(name, table, columns, unique=False, schema="pii")


def _guards() -> None:
    writable = f"{JOURNAL} AND (SELECT escrow.is_writer())"
    for name, visible in READ_POLICY.items():
        table = f"pii.{name}"
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY reads ON {table} FOR SELECT TO escrow_app USING ({visible})")
        op.execute(f"CREATE POLICY audits ON {table} FOR SELECT TO escrow_audit USING (true)")
        op.execute(
            f"CREATE POLICY inserts ON {table} FOR INSERT TO escrow_app WITH CHECK ({writable})"
        )
        op.execute(
            f"CREATE POLICY updates ON {table} FOR UPDATE TO escrow_app"
            f" USING ({writable}) WITH CHECK ({writable})"
        )
    op.execute(
        f"CREATE POLICY forgets ON pii.parent FOR UPDATE TO escrow_app USING ({FORGOTTEN})"
        f" WITH CHECK ({FORGOTTEN})"
    )
    for name in (*READ_POLICY, "vault_key"):
        op.execute(f"REVOKE ALL ON pii.{name} FROM PUBLIC")
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON pii.{name} TO escrow_pii")


def upgrade() -> None:
    """Make room for what is sealed."""
    _columns()
    _tables()
    _guards()
    _indexes()


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
