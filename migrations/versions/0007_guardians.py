"""Parents: one-time codes, and the links from a parent to the guardians of contracts.

A parent sees with the eyes of every guardian they are linked to, over several journals: the
policies that named one party name a set of them here. None is not a parent; a parent without any
link has the empty set and sees nothing.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

JOURNAL: Final = "journal_id = ANY ((SELECT escrow.journals())::int[])"
OWN: Final = "(SELECT escrow.own_institution())"
NO_INSTITUTION: Final = f"{OWN} IS NULL"
NO_BANK: Final = "(SELECT escrow.own_bank()) IS NULL"
NO_PARTY: Final = "(SELECT escrow.own_parties()) IS NULL"
INSTITUTION: Final = f"({NO_INSTITUTION} OR institution_id = {OWN})"
BANK: Final = f"({NO_BANK} OR bank_code = (SELECT escrow.own_bank()))"
THEIRS: Final = f"({NO_PARTY} OR {{}} = ANY ((SELECT escrow.own_parties())::uuid[]))"
GUARDIAN: Final = THEIRS.format("guardian_id")
DOORKEEPER: Final = "(SELECT escrow.is_doorkeeper())"
OWN_ENTRY: Final = (
    f"(({NO_INSTITUTION} AND {NO_BANK} AND {NO_PARTY}) OR EXISTS ("
    "SELECT 1 FROM escrow.account AS own WHERE own.journal_id = entry.journal_id"
    " AND own.account_id = entry.account_id))"
)
OWN_ROLLUP: Final = (
    f"({NO_BANK} AND {NO_PARTY} AND ({NO_INSTITUTION} OR (unit_type = 'INSTITUTION'"
    f" AND unit_id = {OWN}::text) OR (unit_type = 'CUSTODY_ACCOUNT'"
    " AND EXISTS (SELECT 1 FROM escrow.custody_account AS own WHERE"
    " own.journal_id = rollup.journal_id AND own.custody_account_id::text = rollup.unit_id))))"
)
OWN_ACCOUNT: Final = (
    f"{INSTITUTION} AND {NO_BANK} AND ({NO_PARTY} OR EXISTS (SELECT 1 FROM escrow.enrolment AS own"
    " WHERE own.journal_id = account.journal_id AND own.enrolment_id = account.owner_id))"
)
OWN_CASE: Final = (
    f"({NO_PARTY} OR EXISTS (SELECT 1 FROM escrow.enrolment AS own WHERE"
    " own.journal_id = {table}.journal_id AND own.institution_id = {table}.institution_id))"
)
_GUARDIANS: Final = f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {GUARDIAN}"
_NO_PARENTS: Final = f"{JOURNAL} AND {INSTITUTION} AND {BANK} AND {NO_PARTY}"
_INSIDE: Final = f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK}"

READ_POLICY: Final[dict[str, str]] = {
    "escrow.entry": f"{JOURNAL} AND {OWN_ENTRY}",
    "escrow.rollup": f"{JOURNAL} AND {OWN_ROLLUP}",
    "escrow.account": f"{JOURNAL} AND {OWN_ACCOUNT}",
    "escrow.agreement": _NO_PARENTS,
    "escrow.enrolment": _GUARDIANS,
    "escrow.lesson": _GUARDIANS,
    "escrow.notice": f"{_INSIDE} AND {THEIRS.format('recipient_id')}",
    "escrow.bank_entry": _NO_PARENTS,
    "escrow.payment_order": _NO_PARENTS,
    "escrow.statement_day": _NO_PARENTS,
    "escrow.restraint": f"{_INSIDE} AND {NO_PARTY}",
    "escrow.approval": f"{_INSIDE} AND {NO_PARTY}",
    "escrow.claim": _GUARDIANS,
    "escrow.claim_evidence": _GUARDIANS,
    "escrow.refund": _GUARDIANS,
    "escrow.interest_credit": _NO_PARENTS,
    "escrow.wind_down": f"{_INSIDE} AND {OWN_CASE.format(table='wind_down')}",
    "escrow.statement_request": _NO_PARENTS,
    "escrow.entitlement": _GUARDIANS,
    "escrow.objection": _GUARDIANS,
    "escrow.asset": f"{_INSIDE} AND {NO_PARTY}",
    "escrow.distribution_plan": f"{_INSIDE} AND {OWN_CASE.format(table='distribution_plan')}",
    "escrow.plan_share": _GUARDIANS,
    "escrow.porting": (
        f"{JOURNAL} AND {NO_BANK} AND {GUARDIAN} AND ({NO_INSTITUTION} OR institution_id = {OWN}"
        f" OR to_institution_id = {OWN})"
    ),
    "escrow.resolution_pack": f"{JOURNAL} AND {NO_INSTITUTION} AND {NO_BANK} AND {NO_PARTY}",
    "pii.claim_note": _GUARDIANS,
    "pii.party": (
        f"{JOURNAL} AND {INSTITUTION} AND {THEIRS.format('party_id')}"
        f" AND ({NO_BANK} OR kind IN ('SETTLEMENT', 'PAYER', 'PAYEE', 'NOTARY'))"
    ),
    "pii.bank_narrative": f"{JOURNAL} AND {BANK} AND {NO_PARTY} AND {NO_INSTITUTION}",
}
"""Policies of before that knew one party, in the words of many."""

LINKS: Final = (
    f"({_INSIDE} AND {THEIRS.format('party_id')}) OR parent_id = (SELECT escrow.own_parent())"
)
"""A parent sees the links they have or asked for, and who else is linked to what is theirs."""

PARENTS: Final = (
    f"{DOORKEEPER} OR parent_id = (SELECT escrow.own_parent()) OR EXISTS ("
    "SELECT 1 FROM escrow.guardian_link AS link WHERE link.parent_id = parent.parent_id)"
)
"""Login finds anybody; others see whom they have a link in sight of."""

FUNCTIONS: Final = (
    """
    CREATE FUNCTION escrow.own_parties() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT nullif(current_setting('escrow.parties', true), '')::uuid[]
    $$
    """,
    """
    CREATE FUNCTION escrow.own_parent() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT nullif(current_setting('escrow.parent', true), '')::uuid
    $$
    """,
    # For policies made meanwhile: a parent without links is not nobody, so it is not null.
    """
    CREATE OR REPLACE FUNCTION escrow.own_party() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    AS $$
        SELECT CASE WHEN escrow.own_parties() IS NOT NULL THEN coalesce(
            (escrow.own_parties())[1], '00000000-0000-0000-0000-000000000000') END
    $$
    """,
    """
    CREATE FUNCTION escrow.is_doorkeeper() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT coalesce(current_setting('escrow.mode', true) = 'doorkeeper', false)
    $$
    """,
    # Who calls is found out before there is any context to see with.
    """
    CREATE FUNCTION escrow.linked_parties(who uuid)
    RETURNS TABLE (journal_id int, party_id uuid)
    LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT link.journal_id, link.party_id FROM escrow.guardian_link AS link
        WHERE link.parent_id = who AND link.state = 'ACTIVE'
        ORDER BY link.journal_id, link.party_id
    $$
    """,
)


def upgrade() -> None:
    """Make the tables, and let a parent be several guardians."""
    _tables()
    for function in FUNCTIONS:
        op.execute(function)
    _guards()
    for table, visible in READ_POLICY.items():
        op.execute(f"ALTER POLICY reads ON {table} USING ({visible})")
    for function in (
        "own_parties()",
        "own_parent()",
        "is_doorkeeper()",
        "linked_parties(uuid)",
    ):
        op.execute(f"REVOKE ALL ON FUNCTION escrow.{function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION escrow.{function} TO escrow_app, escrow_audit")
    op.execute("REVOKE EXECUTE ON FUNCTION escrow.linked_parties(uuid) FROM escrow_audit")


def _guards() -> None:
    writable = f"{JOURNAL} AND (SELECT escrow.is_writer())"
    tables = {
        "escrow.guardian_link": (LINKS, writable, "escrow_app"),
        "pii.parent": (PARENTS, DOORKEEPER, "escrow_pii"),
        "pii.one_time_code": (DOORKEEPER, DOORKEEPER, "escrow_pii"),
    }
    for table, (visible, changeable, role) in tables.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY reads ON {table} FOR SELECT TO escrow_app USING ({visible})")
        op.execute(f"CREATE POLICY audits ON {table} FOR SELECT TO escrow_audit USING (true)")
        op.execute(
            f"CREATE POLICY inserts ON {table} FOR INSERT TO escrow_app WITH CHECK ({changeable})"
        )
        op.execute(
            f"CREATE POLICY updates ON {table} FOR UPDATE TO escrow_app"
            f" USING ({changeable}) WITH CHECK ({changeable})"
        )
        op.execute(f"REVOKE ALL ON {table} FROM PUBLIC")
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON {table} TO {role}")
    op.execute("GRANT SELECT ON escrow.guardian_link TO escrow_audit")
    op.execute(
        "CREATE POLICY answers ON escrow.guardian_link FOR SELECT TO escrow_owner USING (true)"
    )
    op.execute(
        f"CREATE POLICY clears ON pii.one_time_code FOR DELETE TO escrow_app USING ({DOORKEEPER})"
    )
    op.execute("GRANT DELETE ON pii.one_time_code TO escrow_pii")


def _tables() -> None:
    op.create_table(
        "parent",
        sa.Column("parent_id", sa.Uuid(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("phone_mask", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("parent_id", name=op.f("pk_parent")),
        schema="pii",
    )
    op.create_index(
        op.f("ix_parent_phone_index"), "parent", ["phone_index"], unique=True, schema="pii"
    )
    op.create_table(
        "one_time_code",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("phone_mask", sa.Text(), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("tries >= 0", name=op.f("ck_one_time_code_tries")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_one_time_code")),
        schema="pii",
    )
    op.create_index(
        op.f("ix_one_time_code_expires_at"),
        "one_time_code",
        ["expires_at"],
        unique=False,
        schema="pii",
    )
    op.create_table(
        "guardian_link",
        sa.Column("journal_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("granted_by", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("payee_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "proof IN ('PHONE', 'CONTRACT', 'GRANT')", name=op.f("ck_guardian_link_proof")
        ),
        sa.CheckConstraint(
            "state IN ('ACTIVE', 'WAITING', 'INVITED', 'DECLINED', 'REVOKED')",
            name=op.f("ck_guardian_link_state"),
        ),
        sa.CheckConstraint(
            "(granted_by IS NOT NULL) = (proof = 'GRANT')", name=op.f("ck_guardian_link_granted")
        ),
        sa.CheckConstraint(
            "state <> 'ACTIVE' OR (linked_at IS NOT NULL AND payee_from IS NOT NULL)",
            name=op.f("ck_guardian_link_linked"),
        ),
        sa.PrimaryKeyConstraint("journal_id", "link_id", name=op.f("pk_guardian_link")),
        schema="escrow",
    )
    op.create_index(
        "uq_guardian_link_live",
        "guardian_link",
        ["journal_id", "party_id", "parent_id"],
        unique=True,
        schema="escrow",
        postgresql_where="state IN ('ACTIVE', 'WAITING', 'INVITED')",
    )
    op.create_index(
        op.f("ix_guardian_link_parent_id_journal_id"),
        "guardian_link",
        ["parent_id", "journal_id"],
        unique=False,
        schema="escrow",
    )
    op.create_index(
        op.f("ix_guardian_link_journal_id_institution_id_link_id"),
        "guardian_link",
        ["journal_id", "institution_id", "link_id"],
        unique=False,
        schema="escrow",
    )


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
