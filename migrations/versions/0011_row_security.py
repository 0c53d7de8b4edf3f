"""Row-level security within a journal: departments, authorities, duties, and the journal itself.

What a caller is bound to (its journals, institution, bank or children) the policies named `reads`
say. Here a second, restrictive policy on every table of an institution narrows those whom a
journal holds more than they may see: a department's regulator, one whose jurisdiction is only a
part of the journal's, an observer, a task force. The probes are functions that are called for
narrowed callers only, so the policies cost the writer one setting.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

JOURNAL: Final = "journal_id = ANY ((SELECT escrow.journals())::int[])"
OWN: Final = "(SELECT escrow.own_institution())"
NO_INSTITUTION: Final = f"{OWN} IS NULL"
NO_BANK: Final = "(SELECT escrow.own_bank()) IS NULL"
NO_PARTY: Final = "(SELECT escrow.own_parties()) IS NULL"
UNBOUND: Final = f"({NO_INSTITUTION} AND {NO_BANK} AND {NO_PARTY})"
WHOLE: Final = "NOT (SELECT escrow.is_narrowed())"
INSTITUTION: Final = f"({NO_INSTITUTION} OR institution_id = {OWN})"
BANKS: Final = f"({NO_BANK} OR escrow.banks_institution(journal_id, institution_id))"
WRITER: Final = "(SELECT escrow.is_writer())"
OWN_CASE: Final = (
    f"({NO_PARTY} OR EXISTS (SELECT 1 FROM escrow.enrolment AS own WHERE"
    " own.journal_id = placement_offer.journal_id"
    " AND own.institution_id = placement_offer.institution_id))"
)

READS: Final[dict[str, str]] = {
    # Probed by functions: what every statement of the writer would else have to plan.
    "escrow.entry": f"{JOURNAL} AND ({UNBOUND} OR escrow.sees_account(journal_id, account_id))",
    "escrow.account": (
        f"{JOURNAL} AND {INSTITUTION} AND {NO_BANK}"
        f" AND ({NO_PARTY} OR escrow.sees_enrolment(journal_id, owner_id))"
    ),
    "escrow.rollup": (
        f"{JOURNAL} AND {NO_BANK} AND {NO_PARTY} AND ({NO_INSTITUTION}"
        " OR (unit_type <> 'AREA' AND escrow.sees_unit(journal_id, unit_type, unit_id)))"
    ),
    "escrow.institution": f"{JOURNAL} AND {INSTITUTION} AND {BANKS}",
    "escrow.institution_area": f"{JOURNAL} AND {INSTITUTION} AND {BANKS}",
    "escrow.journal_transaction": (
        f"{JOURNAL} AND (({UNBOUND} AND {WHOLE})"
        " OR escrow.sees_transaction(journal_id, refs, transfers))"
    ),
    "escrow.reversal": (
        f"{JOURNAL} AND (({UNBOUND} AND {WHOLE}) OR EXISTS ("
        "SELECT 1 FROM escrow.journal_transaction AS own WHERE"
        " own.journal_id = reversal.journal_id AND own.seq = reversal.reversed_seq))"
    ),
    "escrow.closed_day": f"{JOURNAL} AND {UNBOUND}",
    "escrow.stored_answer": (
        f"{JOURNAL} AND ({WRITER} OR caller_id = (SELECT current_setting('escrow.caller', true)))"
    ),
    "escrow.placement_offer": (
        f"{JOURNAL} AND {NO_BANK} AND {OWN_CASE} AND ({NO_INSTITUTION}"
        f" OR institution_id = {OWN} OR receiving_institution_id = {OWN})"
    ),
    "pii.party": (
        f"{JOURNAL} AND {INSTITUTION}"
        f" AND ({NO_PARTY} OR party_id = ANY ((SELECT escrow.own_parties())::uuid[]))"
        f" AND ({NO_BANK} OR escrow.banks_party(journal_id, party_id))"
    ),
}
"""Who reads a row of tables that a whole journal could see before."""

REGISTRY: Final = (
    "escrow.agreement",
    "escrow.custody_account",
    "escrow.course",
    "escrow.account",
    "escrow.statement_day",
    "escrow.statement_request",
    "escrow.interest_credit",
    "escrow.restraint",
    "escrow.approval",
    "escrow.decided_alone",
    "escrow.wind_down",
    "escrow.asset",
    "escrow.distribution_plan",
    "escrow.resolution_pack",
)
"""Tables that say something of an institution, and of nobody else: who sees it, sees them."""

STUDENTS: Final = (
    "escrow.enrolment",
    "escrow.lesson",
    "escrow.notice",
    "escrow.claim",
    "escrow.claim_evidence",
    "escrow.refund",
    "escrow.entitlement",
    "escrow.objection",
    "escrow.plan_share",
    "escrow.bank_entry",
    "escrow.payment_order",
    "escrow.guardian_link",
    "pii.claim_note",
    "pii.data_request",
    "pii.party",
)
"""Tables that show single students and payers: to those under whom it stands today."""

BOTH: Final = {
    "escrow.porting": "to_institution_id",
    "escrow.placement_offer": "receiving_institution_id",
}
"""Tables of two institutions: who sees one of them sees the row."""

NARROWS: Final[dict[str, str]] = {
    # What it was under whom it once stood does not change when it moves: the past is answered
    # with the same figures. The application shows an institution itself to the present ones.
    "escrow.institution": (
        "escrow.in_narrowing(area, department, state) OR EXISTS ("
        "SELECT 1 FROM escrow.institution_area AS stood WHERE"
        " stood.journal_id = institution.journal_id"
        " AND stood.institution_id = institution.institution_id"
        " AND escrow.in_narrowing(stood.area, stood.department, institution.state))"
    ),
    "escrow.institution_area": "escrow.in_narrowing(area, department, 'FROZEN')",
    "escrow.entry": "escrow.sees_account(journal_id, account_id)",
    "pii.unmask_grant": (
        "caller_id = (SELECT current_setting('escrow.caller', true))"
        " OR escrow.sees_students_of(journal_id, institution_id)"
    ),
    "escrow.rollup": "escrow.sees_unit(journal_id, unit_type, unit_id)",
    "pii.bank_narrative": (
        "EXISTS (SELECT 1 FROM escrow.bank_entry AS own WHERE"
        " own.journal_id = bank_narrative.journal_id"
        " AND own.bank_entry_id = bank_narrative.bank_entry_id)"
    ),
    **dict.fromkeys(REGISTRY, "escrow.sees_institution(journal_id, institution_id)"),
    **dict.fromkeys(STUDENTS, "escrow.sees_students_of(journal_id, institution_id)"),
    **{
        table: "(escrow.sees_students_of(journal_id, institution_id)"
        f" OR escrow.sees_students_of(journal_id, {other}))"
        for table, other in BOTH.items()
    },
}
"""What narrowed callers see of what they would otherwise; the writer is never narrowed."""

# A function that reads tables is planned once, whatever its caller asks for its own statements.
PROBE: Final = "STABLE PARALLEL SAFE SET plan_cache_mode = force_generic_plan"

FUNCTIONS: Final = (
    """
    CREATE FUNCTION escrow.is_narrowed() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT coalesce(current_setting('escrow.narrowing', true), '') <> '-'
    $$
    """,
    """
    CREATE FUNCTION escrow.narrowing() RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT CASE current_setting('escrow.narrowing', true) WHEN '' THEN NULL WHEN '-' THEN '{}'
               ELSE current_setting('escrow.narrowing', true) END::jsonb
    $$
    """,
    # The pure function in_scope of the application says the same.
    """
    CREATE FUNCTION escrow.in_narrowing(area text, department text, state text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
        SELECT coalesce(jsonb_typeof(told) = 'object'
            AND (NOT told ? 'departments' OR told -> 'departments' ? department)
            AND (NOT told ? 'areas' OR EXISTS (
                SELECT 1 FROM jsonb_array_elements_text(told -> 'areas') AS scope
                WHERE area = scope OR starts_with(area,
                      scope || CASE WHEN length(scope) < 6 THEN '' ELSE '~' END)))
            AND (NOT told ? 'institutions' OR (told ->> 'institutions' = 'collapsed'
                 AND state IN ('FROZEN', 'WINDING_DOWN'))), false)
        FROM escrow.narrowing() AS told
    $$
    """,
    f"""
    CREATE FUNCTION escrow.sees_institution(journal int, institution uuid) RETURNS boolean
    LANGUAGE plpgsql {PROBE} AS $$
    BEGIN
        RETURN EXISTS (SELECT 1 FROM escrow.institution AS own
                       WHERE own.journal_id = journal AND own.institution_id = institution);
    END
    $$
    """,
    f"""
    CREATE FUNCTION escrow.sees_students_of(journal int, institution uuid) RETURNS boolean
    LANGUAGE plpgsql {PROBE} AS $$
    DECLARE
        students text := coalesce(escrow.narrowing() ->> 'students', 'all');
    BEGIN
        RETURN students <> 'none' AND EXISTS (
            SELECT 1 FROM escrow.institution AS own
            WHERE own.journal_id = journal AND own.institution_id = institution
              AND escrow.in_narrowing(own.area, own.department, own.state)
              AND (students = 'all' OR own.state IN ('FROZEN', 'WINDING_DOWN')));
    END
    $$
    """,
    f"""
    CREATE FUNCTION escrow.sees_account(journal int, account bigint) RETURNS boolean
    LANGUAGE plpgsql {PROBE} AS $$
    BEGIN
        RETURN EXISTS (SELECT 1 FROM escrow.account AS own
                       WHERE own.journal_id = journal AND own.account_id = account);
    END
    $$
    """,
    f"""
    CREATE FUNCTION escrow.sees_enrolment(journal int, enrolment uuid) RETURNS boolean
    LANGUAGE plpgsql {PROBE} AS $$
    BEGIN
        RETURN EXISTS (SELECT 1 FROM escrow.enrolment AS own
                       WHERE own.journal_id = journal AND own.enrolment_id = enrolment);
    END
    $$
    """,
    f"""
    CREATE FUNCTION escrow.banks_institution(journal int, institution uuid) RETURNS boolean
    LANGUAGE plpgsql {PROBE} AS $$
    BEGIN
        RETURN EXISTS (SELECT 1 FROM escrow.custody_account AS own
                       WHERE own.journal_id = journal AND own.institution_id = institution)
            OR EXISTS (SELECT 1 FROM escrow.agreement AS own
                       WHERE own.journal_id = journal AND own.institution_id = institution);
    END
    $$
    """,
    f"""
    CREATE FUNCTION escrow.banks_party(journal int, party uuid) RETURNS boolean
    LANGUAGE plpgsql {PROBE} AS $$
    BEGIN
        RETURN EXISTS (SELECT 1 FROM escrow.payment_order AS own
                       WHERE own.journal_id = journal AND own.payee_party_id = party);
    END
    $$
    """,
    f"""
    CREATE FUNCTION escrow.sees_unit(journal int, unit_type text, unit_id text) RETURNS boolean
    LANGUAGE plpgsql {PROBE} AS $$
    BEGIN
        RETURN CASE unit_type
            WHEN 'AREA' THEN escrow.in_narrowing(
                split_part(unit_id, '/', 1), split_part(unit_id, '/', 2), 'FROZEN')
            WHEN 'INSTITUTION' THEN escrow.sees_institution(journal, unit_id::uuid)
            ELSE EXISTS (SELECT 1 FROM escrow.custody_account AS own
                         WHERE own.journal_id = journal AND own.custody_account_id = unit_id::uuid)
        END;
    END
    $$
    """,
    # What a transaction is about its references say; one that names no institution, such as the
    # opening of a jurisdiction, is for those who see the whole journal.
    f"""
    CREATE FUNCTION escrow.sees_transaction(journal int, refs text, transfers text)
    RETURNS boolean LANGUAGE plpgsql {PROBE} AS $$
    DECLARE
        named jsonb := refs;
    BEGIN
        IF escrow.own_bank() IS NOT NULL THEN
            RETURN EXISTS (SELECT 1 FROM escrow.custody_account AS own
                WHERE own.journal_id = journal AND own.custody_account_id = ANY (ARRAY[
                      named ->> 'custody', named ->> 'source_custody']::uuid[]));
        ELSIF escrow.own_parties() IS NOT NULL THEN
            IF EXISTS (SELECT 1 FROM escrow.enrolment AS own WHERE own.journal_id = journal
                       AND own.enrolment_id = (named ->> 'enrolment')::uuid) THEN
                RETURN true;
            END IF;
        ELSIF named ? 'institution' THEN
            RETURN escrow.sees_students_of(journal, (named ->> 'institution')::uuid);
        END IF;
        RETURN EXISTS (
            SELECT 1 FROM jsonb_array_elements(transfers::jsonb) AS move
            JOIN escrow.account AS own ON own.journal_id = journal
             AND own.account_id IN ((move ->> 0)::bigint, (move ->> 1)::bigint));
    END
    $$
    """,
    # A code that was abolished is seen by whoever succeeded it.
    """
    CREATE FUNCTION escrow.scope_paths(home text) RETURNS text[]
    LANGUAGE sql STABLE PARALLEL SAFE AS $$
        WITH RECURSIVE former AS (
            SELECT code FROM escrow.adcode WHERE home <> '' AND successor IS NOT NULL
               AND successor >= home AND successor < home || ':'
            UNION
            SELECT older.code FROM escrow.adcode AS older
            JOIN former ON older.successor = former.code
        ), placed AS (SELECT regexp_replace(code, '(00)+$', '') AS path FROM former)
        SELECT ARRAY[home] || coalesce(
            array_agg(path ORDER BY path) FILTER (WHERE NOT starts_with(path, home)), '{}')
        FROM placed
    $$
    """,
)

POSITIONS: Final = f"""
    CREATE VIEW escrow.journal_position AS
    SELECT journal_id, seq, effective_on, recorded_at, hash
    FROM escrow.journal_transaction WHERE {JOURNAL}
    """
"""When each transaction stood, to all who see anything of its journal; never what it said."""


def upgrade() -> None:
    """Make the probes, and narrow every table that belongs to an institution."""
    op.alter_column(
        "adcode",
        "successor",
        type_=sa.Text(collation="C"),
        existing_type=sa.Text(),
        schema="escrow",
    )
    op.create_index(
        "ix_adcode_successor",
        "adcode",
        ["successor"],
        schema="escrow",
        postgresql_where="successor IS NOT NULL",
    )
    op.create_index(
        "ix_payment_order_payee",
        "payment_order",
        ["journal_id", "payee_party_id"],
        schema="escrow",
        postgresql_where="payee_party_id IS NOT NULL",
    )
    for function in FUNCTIONS:
        op.execute(function)
    for name in (
        "is_narrowed()",
        "narrowing()",
        "in_narrowing(text, text, text)",
        "sees_institution(int, uuid)",
        "sees_students_of(int, uuid)",
        "sees_account(int, bigint)",
        "sees_enrolment(int, uuid)",
        "banks_institution(int, uuid)",
        "banks_party(int, uuid)",
        "sees_unit(int, text, text)",
        "sees_transaction(int, text, text)",
        "scope_paths(text)",
    ):
        op.execute(f"REVOKE ALL ON FUNCTION escrow.{name} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION escrow.{name} TO escrow_app, escrow_audit")
    for table, visible in READS.items():
        op.execute(f"ALTER POLICY reads ON {table} USING ({visible})")
    for table, narrowed in NARROWS.items():
        op.execute(
            f"CREATE POLICY narrows ON {table} AS RESTRICTIVE FOR SELECT TO escrow_app"
            f" USING ({WHOLE} OR {narrowed})"
        )
    _positions()


def _positions() -> None:
    """Show where a journal stood through a view, which reads as the tables' owner."""
    op.execute("GRANT EXECUTE ON FUNCTION escrow.journals() TO escrow_owner")
    op.execute(
        "CREATE POLICY positions ON escrow.journal_transaction FOR SELECT TO escrow_owner"
        f" USING ({JOURNAL})"
    )
    op.execute(POSITIONS)
    op.execute("REVOKE ALL ON escrow.journal_position FROM PUBLIC")
    op.execute("GRANT SELECT ON escrow.journal_position TO escrow_app, escrow_audit")


def downgrade() -> None:
    """Migrations only go forward."""
    raise RuntimeError("migrations only go forward; restore a backup instead")
