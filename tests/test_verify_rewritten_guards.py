"""Verify names guards that kept their names and lost their meaning."""

import pytest

from service.verify import Status
from tests.fixtures.corruptions import corrupted
from tests.fixtures.databases import Database
from tests.fixtures.scripted_journals import ScriptedJournal


def policy(change: str, named: str) -> object:
    return pytest.param(f"ALTER POLICY {change}", {"V-28"}, id=named)


def function(signature: str, returned: str, body: str, named: str) -> object:
    made = f"CREATE OR REPLACE FUNCTION escrow.{signature} RETURNS {returned}"
    return pytest.param(f"{made} LANGUAGE sql STABLE AS '{body}'", {"V-27"}, id=named)


def refusing_never(table: str) -> str:
    """Write the statements that make an append-only trigger anew, which then never fires."""
    return (
        f"DROP TRIGGER append_only ON escrow.{table}; CREATE TRIGGER append_only BEFORE UPDATE OR"
        f" DELETE OR TRUNCATE ON escrow.{table} FOR EACH STATEMENT WHEN (false)"
        " EXECUTE FUNCTION escrow.refuse_change()"
    )


def setting(role: str, given: str) -> object:
    return pytest.param(f"ALTER ROLE {role} SET {given}", {"V-29"}, id=f"{role} given {given}")


BY_JOURNAL = "journal_id = ANY (escrow.journals())"
LESSON_SLOT = "escrow.lesson (journal_id, enrolment_id, schedule_version, slot)"

POLICIES = [
    policy(f"reads ON escrow.enrolment USING ({BY_JOURNAL} OR true)", "reads every journal"),
    policy(f"reads ON pii.party USING ({BY_JOURNAL})", "reads every party of a journal"),
    policy("narrows ON escrow.lesson USING (NOT escrow.is_narrowed() OR true)", "narrows nobody"),
    policy(
        f"inserts ON escrow.lesson WITH CHECK ({BY_JOURNAL} OR escrow.is_writer())",
        "a writer of every journal",
    ),
    policy(
        f"updates ON escrow.course USING ({BY_JOURNAL} OR escrow.is_writer())",
        "changes every journal",
    ),
    policy("reads ON pii.one_time_code USING (escrow.is_doorkeeper() OR true)", "a door left open"),
    policy("audits ON escrow.failed_login USING (false)", "an auditor who sees nothing"),
    pytest.param(
        "ALTER TABLE escrow.failed_login DISABLE ROW LEVEL SECURITY",
        {"V-28"},
        id="row security off on a table of the door",
    ),
]

FUNCTIONS = [
    function(
        "journals()", "int[]", "SELECT array_agg(n) FROM generate_series(1, 65535) AS n", "journals"
    ),
    function("is_writer()", "boolean", "SELECT true", "everybody writes"),
    function("is_narrowed()", "boolean", "SELECT false", "nobody is narrowed"),
    function("is_doorkeeper()", "boolean", "SELECT true", "everybody is at the door"),
    function("own_institution()", "uuid", "SELECT NULL::uuid", "nobody is an institution"),
    function(
        "sees_students_of(journal int, institution uuid)", "boolean", "SELECT true", "all students"
    ),
    pytest.param(
        "CREATE OR REPLACE FUNCTION escrow.refuse_change() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN IF false THEN RAISE EXCEPTION USING ERRCODE = ''restrict_violation''; END IF;"
        " RETURN NEW; END'",
        {"V-27"},
        id="a guard that says restrict_violation and lets pass",
    ),
    pytest.param(
        "ALTER FUNCTION escrow.in_narrowing(text, text, text) SECURITY DEFINER"
        " SET search_path = pg_catalog",
        {"V-27"},
        id="a function that runs as its owner now",
    ),
    pytest.param(
        "ALTER FUNCTION escrow.sees_unit(int, text, text) LEAKPROOF",
        {"V-27"},
        id="a function asked before the policy is",
    ),
    pytest.param(
        "CREATE OR REPLACE VIEW escrow.journal_position AS SELECT journal_id, seq, "  # noqa: S608
        "effective_on, recorded_at, hash FROM escrow.journal_transaction"
        f" WHERE {BY_JOURNAL} OR true",
        {"V-27"},
        id="a view of every journal",
    ),
]

TABLES = [
    pytest.param(
        "ALTER TABLE escrow.entry DROP CONSTRAINT ck_entry_not_negative,"
        " ADD CONSTRAINT ck_entry_not_negative CHECK (true)",
        {"V-27"},
        id="a check of nothing on a partitioned table",
    ),
    pytest.param(
        "ALTER TABLE escrow.bank_entry DROP CONSTRAINT ck_bank_entry_amounts,"
        " ADD CONSTRAINT ck_bank_entry_amounts CHECK (amount_fen > 0 OR suspense_fen >= 0)",
        {"V-27"},
        id="a check of less",
    ),
    pytest.param(
        f"DROP INDEX escrow.uq_lesson_slot_of_version; CREATE UNIQUE INDEX"
        f" uq_lesson_slot_of_version ON {LESSON_SLOT} WHERE false",
        {"V-27"},
        id="a unique index over no row",
    ),
    pytest.param(
        f"DROP INDEX escrow.uq_lesson_slot_of_version; CREATE UNIQUE INDEX"
        f" uq_lesson_slot_of_version ON {LESSON_SLOT} WHERE state = 'CONFIRMED'",
        {"V-27"},
        id="a unique index over fewer rows",
    ),
    pytest.param(
        "ALTER TABLE escrow.lesson ALTER COLUMN state DROP NOT NULL",
        {"V-27"},
        id="a column that may be empty",
    ),
    pytest.param(refusing_never("entry_{j}"), {"V-27"}, id="a leaf's trigger that never fires"),
    pytest.param(refusing_never("account"), {"V-27"}, id="a table's trigger that never fires"),
    pytest.param(
        refusing_never("rollup") + ";" + refusing_never("rollup_{j}"),
        {"V-27"},
        id="triggers that never fire on a parent and its leaf",
    ),
    pytest.param(
        "CREATE TRIGGER swallows BEFORE INSERT ON escrow.lesson FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        {"V-27"},
        id="a trigger that nobody knows",
    ),
]

PRIVILEGES = [
    pytest.param(f"GRANT {given}", {"V-26"}, id=given)
    for given in (
        "CREATE ON SCHEMA escrow TO escrow_app",
        "CREATE ON SCHEMA pii TO PUBLIC",
        "USAGE ON SCHEMA pii TO escrow_audit",
        "USAGE ON SCHEMA escrow TO escrow_app WITH GRANT OPTION",
        "SELECT ON escrow.lesson TO escrow_app WITH GRANT OPTION",
    )
] + [
    pytest.param("ALTER SCHEMA pii OWNER TO escrow_migrate", {"V-26"}, id="a schema's new owner"),
    pytest.param(
        "DO 'BEGIN EXECUTE format(''GRANT CREATE ON DATABASE %I TO escrow_app'',"
        " current_database()); END'",
        {"V-26"},
        id="a login that makes schemas",
    ),
]

SETTINGS = [
    setting("escrow_app", "synchronous_commit = false"),
    setting("escrow_app", "synchronous_commit = 0"),
    setting("escrow_app", "synchronous_commit = NO"),
    setting("escrow_app", "synchronous_commit = local"),
    setting("escrow_app", "row_security = false"),
    setting("escrow_app", "row_security = 'of'"),
    setting("ALL", "zero_damaged_pages = yes"),
    setting("ALL", "session_replication_role = local"),
    setting("escrow_app", "role = escrow_owner"),
    setting("escrow_app", "escrow.mode = writer"),
    setting("escrow_app", "search_path = escrow, pg_catalog"),
    pytest.param("SET LOCAL synchronous_commit = local", {"V-29"}, id="waiting for no standby"),
]


@pytest.mark.parametrize(
    ("corruption", "broken"), [*POLICIES, *FUNCTIONS, *TABLES, *PRIVILEGES, *SETTINGS]
)
async def test_a_guard_under_its_old_name_is_named(
    quiet_database: Database, quiet_journal: ScriptedJournal, corruption: str, broken: set[str]
) -> None:
    report = await corrupted(quiet_database, quiet_journal, corruption)

    assert set(report.violated) == broken, report.findings


@pytest.mark.parametrize(
    "harmless",
    [
        "SET LOCAL synchronous_commit = remote_write",
        "ALTER ROLE escrow_app SET synchronous_commit = TRUE",
        "ALTER ROLE escrow_app SET row_security = 'y'",
        "ALTER ROLE ALL SET session_replication_role = Origin",
        "ALTER ROLE escrow_app SET search_path = pg_catalog, escrow",
        "ALTER ROLE escrow_migrate SET role = escrow_owner",
        "CREATE UNIQUE INDEX more ON escrow.lesson (journal_id, lesson_id, seq)",
        "ALTER TABLE escrow.lesson ADD CONSTRAINT more CHECK (slot < 9999)",
        "SET LOCAL search_path = escrow, pii",
    ],
)
async def test_what_keeps_as_much_or_more_is_clean(
    quiet_database: Database, quiet_journal: ScriptedJournal, harmless: str
) -> None:
    report = await corrupted(quiet_database, quiet_journal, harmless)

    assert report.findings == []
    assert [check for check, each in report.results.items() if each.not_done] == []


@pytest.mark.parametrize(
    ("corruption", "not_done"),
    [
        pytest.param(
            "UPDATE escrow.alembic_version SET version_num = '0001'",
            {"V-27", "V-28"},
            id="a database at another migration",
        ),
        pytest.param(
            "UPDATE pg_constraint SET conbin = NULL WHERE conname = 'ck_claim_evidence_party'",
            {"V-27"},
            id="a definition that cannot be read",
        ),
        pytest.param(
            "ALTER ROLE escrow_audit SET synchronous_commit = on",
            {"V-29"},
            id="a setting that only the auditor has",
        ),
    ],
)
async def test_what_cannot_be_compared_is_incomplete(
    quiet_database: Database, quiet_journal: ScriptedJournal, corruption: str, not_done: set[str]
) -> None:
    report = await corrupted(quiet_database, quiet_journal, corruption)

    assert report.violated == []
    assert {check for check, each in report.results.items() if each.not_done} == not_done
    assert report.status is Status.INCOMPLETE


async def test_a_finding_shows_where_a_definition_differs(
    quiet_database: Database, quiet_journal: ScriptedJournal
) -> None:
    widened = f"ALTER POLICY reads ON escrow.closed_day USING ({BY_JOURNAL} OR true)"

    report = await corrupted(quiet_database, quiet_journal, widened)

    [finding] = report.findings
    assert finding.example["policy"] == "escrow.closed_day reads"
    assert "OR true" in finding.example["found"]
    assert "OR true" not in finding.example["expected"]
