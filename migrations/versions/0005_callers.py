"""Callers: systems, people, their credentials, sessions and devices.

Whoever belongs to a scope is seen by those whose own scope holds all of it. What people prove
themselves with is seen by a login alone (the doorkeeper), and by no auditor.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

JOURNAL: Final = "journal_id = ANY ((SELECT escrow.journals())::int[])"
OWN: Final = "(SELECT escrow.own_institution())"
WRITER: Final = "(SELECT escrow.is_writer())"
DOORKEEPER: Final = "(SELECT coalesce(current_setting('escrow.mode', true) = 'doorkeeper', false))"
APART: Final = "(SELECT escrow.own_bank()) IS NULL AND (SELECT escrow.own_party()) IS NULL"
INSTITUTION: Final = f"({OWN} IS NULL OR institution_id = {OWN})"
IN_SCOPE: Final = f"{JOURNAL} AND ({WRITER} OR ({APART} AND {INSTITUTION} AND escrow.covers(jurisdiction_code, departments)))"
OF_CLIENT: Final = (
    f"{JOURNAL} AND ({WRITER} OR EXISTS (SELECT 1 FROM escrow.client AS own"
    " WHERE own.journal_id = client_credential.journal_id"
    " AND own.client_id = client_credential.client_id))"
)
OF_PERSON: Final = (
    f"{JOURNAL} AND ({WRITER} OR EXISTS (SELECT 1 FROM escrow.person AS own"
    " WHERE own.journal_id = person.journal_id AND own.person_id = person.person_id))"
)
SECRET: Final = f"{DOORKEEPER} OR ({JOURNAL} AND {WRITER})"

POLICIES: Final[dict[str, tuple[str, str]]] = {
    "escrow.client": (f"{DOORKEEPER} OR ({IN_SCOPE})", SECRET),
    "escrow.client_credential": (f"{DOORKEEPER} OR ({OF_CLIENT})", SECRET),
    "escrow.person": (f"{DOORKEEPER} OR ({IN_SCOPE})", SECRET),
    "pii.person": (OF_PERSON, f"{JOURNAL} AND {WRITER}"),
    "escrow.person_secret": (SECRET, SECRET),
    "escrow.recovery_code": (SECRET, SECRET),
    "escrow.ticket": (SECRET, SECRET),
    "escrow.device": (SECRET, SECRET),
    "escrow.used_assertion": (DOORKEEPER, DOORKEEPER),
    "escrow.failed_login": (DOORKEEPER, DOORKEEPER),
}
"""Who reads and who writes a row, by table."""

# Policies let the auditor see every row; grants keep what people prove themselves with from it.
AUDITED: Final = ("client", "client_credential", "person")

COVERS: Final = """
CREATE FUNCTION escrow.covers(home_code text, of_departments text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce((
        SELECT CASE WHEN below.journals IS NOT NULL THEN below.journals <@ escrow.journals()
               ELSE above.journal_id = ANY (escrow.journals()) END
           AND (NOT told.told ? 'areas' OR EXISTS (
                SELECT 1 FROM jsonb_array_elements_text(told.told -> 'areas') AS area
                WHERE home.path = area OR starts_with(home.path,
                      area || CASE WHEN length(area) < 6 THEN '' ELSE '~' END)))
           AND (NOT told.told ? 'departments' OR coalesce(
                told.told -> 'departments' @> of_departments::jsonb, false))
        FROM escrow.jurisdiction AS home
        CROSS JOIN (SELECT coalesce(nullif(nullif(
            current_setting('escrow.narrowing', true), ''), '-'), '{}')::jsonb AS told) AS told
        CROSS JOIN LATERAL (
            SELECT array_agg(node.journal_id) AS journals FROM escrow.jurisdiction AS node
            WHERE node.journal_id IS NOT NULL AND (node.path = home.path OR starts_with(node.path,
                  home.path || CASE WHEN length(home.path) < 6 THEN '' ELSE '~' END))) AS below
        LEFT JOIN LATERAL (
            SELECT node.journal_id FROM escrow.jurisdiction AS node
            WHERE node.journal_id IS NOT NULL AND starts_with(home.path,
                  node.path || CASE WHEN length(node.path) < 6 THEN '' ELSE '~' END)
            ORDER BY length(node.path) DESC LIMIT 1) AS above ON true
        WHERE home.code = home_code), false)
$$
"""
"""Whether all of a jurisdiction, and of a caller's departments in it, is in scope."""

FORGET: Final = """
CREATE FUNCTION escrow.forget_callers() RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    forgotten bigint;
    gone bigint;
BEGIN
    DELETE FROM escrow.access_token
    WHERE kind <> 'SERVICE' AND expires_at < clock_timestamp() - interval '1 day';
    GET DIAGNOSTICS forgotten = ROW_COUNT;
    DELETE FROM escrow.used_assertion WHERE expires_at < clock_timestamp();
    GET DIAGNOSTICS gone = ROW_COUNT;
    forgotten := forgotten + gone;
    DELETE FROM escrow.ticket WHERE expires_at < clock_timestamp() - interval '1 day';
    GET DIAGNOSTICS gone = ROW_COUNT;
    forgotten := forgotten + gone;
    DELETE FROM escrow.failed_login
    WHERE failed_at < clock_timestamp() - interval '1 day' AND open_at < clock_timestamp();
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN forgotten + gone;
END
$$
"""
"""Deletes tokens, used assertions, tickets and failures that nothing asks about any more."""

FALLEN: Final = """
CREATE FUNCTION escrow.fallen_callers(asked text[]) RETURNS SETOF text LANGUAGE sql STABLE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT caller_id FROM escrow.person WHERE caller_id = ANY (asked) AND state = 'REVOKED'
    UNION ALL
    SELECT caller_id FROM escrow.client WHERE caller_id = ANY (asked) AND state = 'REVOKED'
$$
"""
"""Those of the callers who were revoked, in whatever journal they stand."""

TAKE_LOGIN: Final = """
CREATE FUNCTION escrow.login_is_taken(asked bytea) RETURNS boolean LANGUAGE sql VOLATILE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_advisory_xact_lock(4711012, hashtext(encode(asked, 'hex')));
    SELECT EXISTS (SELECT 1 FROM escrow.person_secret WHERE login_index = asked)
$$
"""
"""Whether somebody has a login name, in whatever journal; nobody else can take it meanwhile."""

FORGOTTEN: Final = ("used_assertion", "ticket", "failed_login")


def upgrade() -> None:
    """Make the tables, let tokens say what they are, and guard both."""
    _tables()
    _token_columns()
    op.execute(COVERS)
    op.execute(FORGET)
    op.execute(FALLEN)
    op.execute(TAKE_LOGIN)
    _guards()


def _token_columns() -> None:
    """Add columns; a constant default is written to the catalogue, not to the rows."""
    kind = sa.Column("kind", sa.Text(), server_default="SERVICE", nullable=False)
    op.add_column("access_token", kind, schema="escrow")
    for name in ("session_id", "device_id", "credential_id"):
        op.add_column("access_token", sa.Column(name, sa.Uuid(), nullable=True), schema="escrow")
    for name in ("last_seen_at", "authenticated_at"):
        column = sa.Column(name, sa.DateTime(timezone=True), nullable=True)
        op.add_column("access_token", column, schema="escrow")
    op.create_check_constraint(
        op.f("ck_access_token_kind"),
        "access_token",
        "kind IN ('SERVICE', 'SESSION', 'ACCESS')",
        schema="escrow",
    )
    op.create_check_constraint(
        op.f("ck_access_token_session"),
        "access_token",
        "(kind = 'SESSION') = (session_id IS NOT NULL AND last_seen_at IS NOT NULL"
        " AND authenticated_at IS NOT NULL)",
        schema="escrow",
    )
    op.create_index(
        op.f("ix_access_token_caller_id"), "access_token", ["caller_id"], schema="escrow"
    )
    for table, indexed in (
        ("access_token", "expires_at"),
        ("used_assertion", "expires_at"),
        ("ticket", "expires_at"),
        ("failed_login", "failed_at"),
    ):
        op.create_index(op.f(f"ix_{table}_{indexed}"), table, [indexed], schema="escrow")


def _guards() -> None:
    for table, (visible, writable) in POLICIES.items():
        role = "escrow_pii" if table.startswith("pii.") else "escrow_app"
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
        op.execute(f"REVOKE ALL ON {table} FROM PUBLIC")
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO {role}")
    for table in AUDITED:
        op.execute(f"GRANT SELECT ON escrow.{table} TO escrow_audit")
    for table in FORGOTTEN:
        op.execute(f"CREATE POLICY forgets ON escrow.{table} TO escrow_owner USING (true)")
    for table in ("person", "client", "person_secret"):
        op.execute(
            f"CREATE POLICY answers ON escrow.{table} FOR SELECT TO escrow_owner USING (true)"
        )
    for function in ("fallen_callers(text[])", "login_is_taken(bytea)", "forget_callers()"):
        op.execute(f"REVOKE ALL ON FUNCTION escrow.{function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION escrow.{function} TO escrow_app")
    op.execute("REVOKE ALL ON FUNCTION escrow.covers(text, text) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION escrow.covers(text, text) TO escrow_app, escrow_audit")


def _tables() -> None:
    op.create_table(
        "client",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("caller_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("jurisdiction_code", sa.Text(), nullable=False),
        sa.Column("departments", sa.Text(), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=True),
        sa.Column("duties", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(institution_id IS NOT NULL) = (role = 'institution')", name=op.f("ck_client_bound")
        ),
        sa.CheckConstraint(
            "role IN ('regulator', 'institution', 'auditor')", name=op.f("ck_client_role")
        ),
        sa.CheckConstraint(
            "state IN ('PROPOSED', 'ACTIVE', 'REVOKED')", name=op.f("ck_client_state")
        ),
        sa.PrimaryKeyConstraint("journal_id", "client_id", name=op.f("pk_client")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_client_caller_id"), "client", ["caller_id"], unique=True, schema="escrow"
    )
    op.create_table(
        "client_credential",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("credential_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("algorithm", sa.Text(), nullable=True),
        sa.Column("kid", sa.Text(), nullable=True),
        sa.Column("public_key", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(kind = 'SECRET' AND digest IS NOT NULL AND public_key IS NULL) OR (kind = 'KEY' AND digest IS NULL AND public_key IS NOT NULL AND algorithm IN ('EdDSA', 'ES256', 'PS256') AND kid IS NOT NULL)",
            name=op.f("ck_client_credential_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('PROPOSED', 'ACTIVE', 'REVOKED')", name=op.f("ck_client_credential_state")
        ),
        sa.CheckConstraint("not_before < not_after", name=op.f("ck_client_credential_period")),
        sa.PrimaryKeyConstraint("journal_id", "credential_id", name=op.f("pk_client_credential")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_client_credential_journal_id_client_id"),
        "client_credential",
        ["journal_id", "client_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        "uq_client_credential_kid",
        "client_credential",
        ["journal_id", "client_id", "kid"],
        unique=True,
        schema="escrow",
        postgresql_where=sa.text("kid IS NOT NULL"),
    )
    op.create_table(
        "used_assertion",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("jti_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "journal_id", "client_id", "jti_hash", name=op.f("pk_used_assertion")
        ),
        schema="escrow",
    )
    op.create_table(
        "person",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("caller_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("jurisdiction_code", sa.Text(), nullable=False),
        sa.Column("departments", sa.Text(), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=True),
        sa.Column("duties", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(institution_id IS NOT NULL) = (role = 'institution')", name=op.f("ck_person_bound")
        ),
        sa.CheckConstraint(
            "role IN ('regulator', 'institution', 'operator', 'auditor')",
            name=op.f("ck_person_role"),
        ),
        sa.CheckConstraint(
            "state IN ('PROPOSED', 'INVITED', 'ACTIVE', 'REVOKED')", name=op.f("ck_person_state")
        ),
        sa.PrimaryKeyConstraint("journal_id", "person_id", name=op.f("pk_person")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_person_caller_id"), "person", ["caller_id"], unique=True, schema="escrow"
    )
    op.create_table(
        "person_secret",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("login_index", sa.LargeBinary(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("journal_id", "person_id", name=op.f("pk_person_secret")),
        schema="escrow",
    )
    op.create_index(
        "uq_person_secret_login_index",
        "person_secret",
        ["login_index"],
        unique=True,
        schema="escrow",
    )
    op.create_table(
        "recovery_code",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint(
            "journal_id", "person_id", "code_hash", name=op.f("pk_recovery_code")
        ),
        schema="escrow",
    )
    op.create_table(
        "ticket",
        sa.Column("ticket_hash", sa.LargeBinary(), nullable=False),
        sa.Column("journal_id", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('INVITATION', 'LOGIN', 'AUTHENTICATOR')", name=op.f("ck_ticket_purpose")
        ),
        sa.PrimaryKeyConstraint("ticket_hash", name=op.f("pk_ticket")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_ticket_journal_id_person_id"),
        "ticket",
        ["journal_id", "person_id"],
        unique=False,
        schema="escrow",
    )
    op.create_table(
        "device",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("device_hash", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("journal_id", "device_id", name=op.f("pk_device")),
        schema="escrow",
    )
    op.create_index(
        op.f("ix_device_journal_id_person_id"),
        "device",
        ["journal_id", "person_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        "uq_device_device_hash", "device", ["device_hash"], unique=True, schema="escrow"
    )
    op.create_table(
        "failed_login",
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("open_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_failed_login")),
        schema="escrow",
    )
    op.create_table(
        "person",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("journal_id", "person_id", name=op.f("pk_person")),
        schema="pii",
    )


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
