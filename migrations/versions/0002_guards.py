"""Guards below the application: privileges, append-only triggers, row-level security, leaves."""

from typing import Final

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SEALED: Final = ("journal_transaction", "entry", "rollup")
APPEND_ONLY: Final = ("account", "reversal", "stored_answer", "closed_day")
REFERENCE: Final = (
    "adcode",
    "bank",
    "calendar_day",
    "calendar_year",
    "jurisdiction",
    "jurisdiction_bank",
    "rule_pack_version",
    "access_token",
)

JOURNAL: Final = "journal_id = ANY ((SELECT escrow.journals())::int[])"
NO_INSTITUTION: Final = "(SELECT escrow.own_institution()) IS NULL"
NO_BANK: Final = "(SELECT escrow.own_bank()) IS NULL"
NO_PARTY: Final = "(SELECT escrow.own_party()) IS NULL"
INSTITUTION: Final = f"({NO_INSTITUTION} OR institution_id = (SELECT escrow.own_institution()))"
BANK: Final = f"({NO_BANK} OR bank_code = (SELECT escrow.own_bank()))"
GUARDIAN: Final = f"({NO_PARTY} OR guardian_id = (SELECT escrow.own_party()))"
OWN_ENTRY: Final = (
    f"(({NO_INSTITUTION} AND {NO_BANK} AND {NO_PARTY}) OR EXISTS ("
    "SELECT 1 FROM escrow.account AS own WHERE own.journal_id = entry.journal_id"
    " AND own.account_id = entry.account_id))"
)
OWN_ROLLUP: Final = (
    f"({NO_BANK} AND {NO_PARTY} AND ({NO_INSTITUTION} OR (unit_type = 'INSTITUTION'"
    " AND unit_id = (SELECT escrow.own_institution())::text) OR (unit_type = 'CUSTODY_ACCOUNT'"
    " AND EXISTS (SELECT 1 FROM escrow.custody_account AS own WHERE"
    " own.journal_id = rollup.journal_id AND own.custody_account_id::text = rollup.unit_id))))"
)
OWN_ACCOUNT: Final = (
    f"{INSTITUTION} AND {NO_BANK} AND ({NO_PARTY} OR EXISTS (SELECT 1 FROM escrow.enrolment AS own"
    " WHERE own.journal_id = account.journal_id AND own.enrolment_id = account.owner_id))"
)

READ_POLICY: Final[dict[str, str]] = {
    "escrow.journal_head": JOURNAL,
    "escrow.journal_transaction": JOURNAL,
    "escrow.entry": f"{JOURNAL} AND {OWN_ENTRY}",
    "escrow.rollup": f"{JOURNAL} AND {OWN_ROLLUP}",
    "escrow.account": f"{JOURNAL} AND {OWN_ACCOUNT}",
    "escrow.reversal": JOURNAL,
    "escrow.closed_day": JOURNAL,
    "escrow.stored_answer": JOURNAL,
    "escrow.institution": f"{JOURNAL} AND {INSTITUTION}",
    "escrow.institution_area": f"{JOURNAL} AND {INSTITUTION}",
    "escrow.agreement": f"{JOURNAL} AND {INSTITUTION} AND {BANK} AND {NO_PARTY}",
    "escrow.custody_account": f"{JOURNAL} AND {INSTITUTION} AND {BANK}",
    "escrow.course": f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK}",
    "escrow.enrolment": f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {GUARDIAN}",
    "escrow.lesson": f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {GUARDIAN}",
    "escrow.notice": (
        f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND ({NO_PARTY}"
        " OR recipient_id = (SELECT escrow.own_party()))"
    ),
    "escrow.bank_entry": f"{JOURNAL} AND {INSTITUTION} AND {BANK} AND {NO_PARTY}",
    "escrow.payment_order": f"{JOURNAL} AND {INSTITUTION} AND {BANK} AND {NO_PARTY}",
    "escrow.statement_day": f"{JOURNAL} AND {INSTITUTION} AND {BANK} AND {NO_PARTY}",
    "escrow.restraint": f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {NO_PARTY}",
    "escrow.approval": f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK} AND {NO_PARTY}",
    "pii.party": (
        f"{JOURNAL} AND {INSTITUTION} AND ({NO_PARTY} OR party_id = (SELECT escrow.own_party()))"
        f" AND ({NO_BANK} OR kind IN ('SETTLEMENT', 'PAYER'))"
    ),
    "pii.bank_narrative": f"{JOURNAL} AND {BANK} AND {NO_PARTY} AND {NO_INSTITUTION}",
}
"""Who reads a row, by table. The application narrows further; this is what holds without it."""

FUNCTIONS: Final = """
CREATE FUNCTION escrow.journals() RETURNS int[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(
        string_to_array(nullif(current_setting('escrow.journals', true), ''), ',')::int[], '{}')
$$;
CREATE FUNCTION escrow.own_institution() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('escrow.institution', true), '')::uuid
$$;
CREATE FUNCTION escrow.own_bank() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('escrow.bank', true), '')
$$;
CREATE FUNCTION escrow.own_party() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('escrow.party', true), '')::uuid
$$;
CREATE FUNCTION escrow.is_writer() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(current_setting('escrow.mode', true) = 'writer', false)
$$;
CREATE FUNCTION escrow.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the journal only grows', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;
"""

OPEN_JOURNAL: Final = """
CREATE FUNCTION escrow.open_journal(
    new_journal int, genesis bytea, opened_at timestamptz, opened_on date
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent text;
    leaf text;
BEGIN
    IF new_journal NOT BETWEEN 1 AND 65535 THEN
        RAISE EXCEPTION 'a journal number is 1 to 65535';
    END IF;
    FOREACH parent IN ARRAY ARRAY['journal_transaction', 'entry', 'rollup'] LOOP
        leaf := format('%s_%s', parent, new_journal);
        EXECUTE format('CREATE TABLE escrow.%I PARTITION OF escrow.%I FOR VALUES IN (%s)',
                       leaf, parent, new_journal);
        EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow.%I'
                       ' FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change()', leaf);
        EXECUTE format('REVOKE ALL ON escrow.%I FROM PUBLIC', leaf);
        EXECUTE format('GRANT INSERT ON escrow.%I TO escrow_app', leaf);
    END LOOP;
    INSERT INTO escrow.journal_head
        (journal_id, seq, hash, recorded_at, effective_on, closed_on, next_account_id,
         clock_offset_us)
    VALUES (new_journal, 0, genesis, opened_at, opened_on, NULL, 1, 0);
END
$$;
"""


def _append_only(table: str) -> None:
    op.execute(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON escrow.{table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION escrow.refuse_change()"
    )


def _row_security() -> None:
    for table, visible in READ_POLICY.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY reads ON {table} FOR SELECT TO escrow_app USING ({visible})")
        op.execute(f"CREATE POLICY audits ON {table} FOR SELECT TO escrow_audit USING (true)")
        writable = f"{JOURNAL} AND (SELECT escrow.is_writer())"
        op.execute(
            f"CREATE POLICY inserts ON {table} FOR INSERT TO escrow_app WITH CHECK ({writable})"
        )
        op.execute(
            f"CREATE POLICY updates ON {table} FOR UPDATE TO escrow_app"
            f" USING ({writable}) WITH CHECK ({writable})"
        )
    # The owner writes one row per journal through open_journal, which FORCE would refuse.
    op.execute(
        "CREATE POLICY opens ON escrow.journal_head FOR INSERT TO escrow_owner WITH CHECK (seq = 0)"
    )


def _privileges() -> None:
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA escrow, pii FROM PUBLIC")
    op.execute("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA escrow FROM PUBLIC")
    op.execute("GRANT USAGE ON SCHEMA escrow TO escrow_app, escrow_audit")
    op.execute("GRANT USAGE ON SCHEMA pii TO escrow_pii")
    op.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA escrow TO escrow_app, escrow_audit")
    op.execute(
        "REVOKE EXECUTE ON FUNCTION escrow.open_journal(int, bytea, timestamptz, date)"
        " FROM escrow_audit"
    )
    op.execute("GRANT SELECT ON ALL TABLES IN SCHEMA escrow TO escrow_audit, escrow_app")
    op.execute("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA pii TO escrow_pii")
    for table in READ_POLICY:
        name = table.removeprefix("escrow.")
        if name in SEALED or name == "journal_head" or table.startswith("pii."):
            continue
        rights = "INSERT" if name in APPEND_ONLY else "INSERT, UPDATE"
        op.execute(f"GRANT {rights} ON {table} TO escrow_app")
    for name in REFERENCE:
        op.execute(f"GRANT INSERT, UPDATE ON escrow.{name} TO escrow_app")
    op.execute(
        "GRANT UPDATE (seq, hash, recorded_at, effective_on, closed_on, next_account_id,"
        " clock_offset_us) ON escrow.journal_head TO escrow_app"
    )


def upgrade() -> None:
    """Apply the guards."""
    for function in FUNCTIONS.split("$$;"):
        if function.strip():
            op.execute(f"{function}$$")
    op.execute(OPEN_JOURNAL)
    for table in (*SEALED, *APPEND_ONLY):
        _append_only(table)
    _row_security()
    _privileges()


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
