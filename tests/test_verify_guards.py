"""Verify names a chain that was sealed again over a corruption, and every guard let down."""

import pytest

from tests.fixtures.corruptions import corrupted
from tests.fixtures.databases import Database
from tests.fixtures.scripted_journals import ScriptedJournal


@pytest.mark.parametrize(
    ("corruption", "broken"),
    [
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET transfers = replace(transfers, '500]',"
            " '501]') WHERE seq = {charge}",
            {"I-04", "V-04"},
            id="an amount changed",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET transfers = replace(transfers, '500]',"
            " '5000000000000000]') WHERE seq = {charge}",
            {"V-08", "I-04", "V-04"},
            id="more than an amount can be",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET transfers = replace(transfers, ',200]',"
            " ',100]') WHERE seq = {covered} + 1",
            {"I-25", "I-04", "V-04"},
            id="own funds that did not cover a gap",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET kind = 'PAYOUT_INSTRUCTED'"
            " WHERE seq = {charge}",
            {"I-22"},
            id="a payout out of what is not the institution's",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET transfers = (SELECT format("
            "'[[%s,%s,200]]', own.account_id, min(earned.account_id)) FROM escrow.account AS own,"
            " escrow.account AS earned WHERE own.journal_id = {j} AND earned.journal_id = {j}"
            " AND own.kind = 'INSTITUTION_OWN_FUNDS' AND earned.kind = 'INSTITUTION_PAYABLE'"
            " AND earned.custody_account_id = own.custody_account_id GROUP BY own.account_id)"
            " WHERE seq = {covered} + 1",
            {"I-23", "I-04", "V-04"},
            id="own funds made into earned money",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET transfers = replace(transfers, '500]',"
            " '0]') WHERE seq = {charge}",
            {"I-01", "I-04", "V-04"},
            id="a transfer of nothing",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET transfers = replace(transfers, '500]',"
            " '50000000]') WHERE seq = {charge}",
            {"I-05", "I-04", "V-04"},
            id="more than there was",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET transfers = (SELECT format('[[%s,%s,500]]',"
            " min(account_id), max(account_id)) FROM escrow.account WHERE journal_id = {j}"
            " AND kind = 'CUSTODY_BANK') WHERE seq = {charge}",
            {"I-02", "I-04", "V-04"},
            id="money moved to another custody account",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET kind = 'RECEIPT_MATCHED'"
            " WHERE seq = {paid_1_CONFIRMED}",
            {"I-16", "R-01"},
            id="earned by a receipt",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET reason = '13812345678' WHERE seq = {charge}",
            {"V-31"},
            id="a phone number in the journal",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} AS twice SET refs = once.refs"
            " FROM escrow.journal_transaction_{j} AS once WHERE twice.seq = {paid_2_CONFIRMED}"
            " AND once.seq = {paid_1_CONFIRMED}",
            {"I-14", "R-01"},
            id="a lesson released twice",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET transfers = '[]' WHERE seq = {reversal}",
            {"I-07", "I-04", "R-05", "V-04"},
            id="a reversal that mirrors nothing",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET opened = regexp_replace(opened,"
            ' \'"institution_id":"[^"]*"\', \'"institution_id":"\' || gen_random_uuid() || \'"\')'
            " WHERE seq = {covered}",
            {"I-24", "V-04", "V-07"},
            id="two institutions in one transaction",
        ),
    ],
)
async def test_a_corruption_with_the_chain_sealed_again_is_named_too(
    quiet_database: Database, quiet_journal: ScriptedJournal, corruption: str, broken: set[str]
) -> None:
    report = await corrupted(quiet_database, quiet_journal, corruption, resealed=True)

    assert set(report.violated) == broken, report.findings


@pytest.mark.parametrize(
    ("corruption", "broken"),
    [
        pytest.param("GRANT UPDATE ON escrow.entry TO escrow_app", {"V-26"}, id="a grant"),
        pytest.param("GRANT SELECT ON escrow.lesson TO PUBLIC", {"V-26"}, id="a grant to all"),
        pytest.param(
            "GRANT UPDATE (journal_id) ON escrow.journal_head TO escrow_app",
            {"V-26"},
            id="a grant on a column",
        ),
        pytest.param(
            "DO 'BEGIN EXECUTE format(''ALTER ROLE escrow_app IN DATABASE %I"
            " SET synchronous_commit = off'', current_database()); END'",
            {"V-29"},
            id="durability switched off for a login",
        ),
        pytest.param("GRANT DELETE ON escrow.rollup TO escrow_app", {"V-26"}, id="may delete"),
        pytest.param("GRANT TRUNCATE ON escrow.entry_{j} TO escrow_app", {"V-26"}, id="may empty"),
        pytest.param("GRANT UPDATE ON escrow.account TO escrow_app", {"V-26"}, id="may rename"),
        pytest.param("GRANT INSERT ON escrow.entry TO escrow_audit", {"V-26"}, id="auditor writes"),
        pytest.param(
            "GRANT SELECT ON pii.party TO escrow_audit", {"V-26"}, id="auditor sees names"
        ),
        pytest.param("ALTER ROLE escrow_app BYPASSRLS", {"V-26"}, id="a login past row security"),
        pytest.param(
            "ALTER ROLE escrow_audit CREATEROLE", {"V-26"}, id="a login that makes logins"
        ),
        pytest.param("ALTER ROLE escrow_owner LOGIN", {"V-26"}, id="the owner logs in"),
        pytest.param(
            "ALTER TABLE escrow.entry OWNER TO escrow_migrate", {"V-26"}, id="another owner"
        ),
        pytest.param(
            "GRANT EXECUTE ON FUNCTION escrow.refuse_change() TO PUBLIC",
            {"V-26"},
            id="a function for everybody",
        ),
        pytest.param(
            "ALTER DEFAULT PRIVILEGES IN SCHEMA escrow GRANT UPDATE ON TABLES TO escrow_app",
            {"V-26"},
            id="a grant on what is yet to come",
        ),
        pytest.param(
            "GRANT SET ON PARAMETER session_replication_role TO escrow_app",
            {"V-26"},
            id="a login that switches triggers off",
        ),
        pytest.param(
            "SET LOCAL synchronous_commit = off", {"V-29"}, id="acknowledged before it is kept"
        ),
        pytest.param("SET LOCAL zero_damaged_pages = on", {"V-29"}, id="damaged pages made empty"),
        pytest.param(
            "SET LOCAL ignore_checksum_failure = on", {"V-29"}, id="damaged pages believed"
        ),
        pytest.param(
            "ALTER ROLE escrow_app SET session_replication_role = replica",
            {"V-29"},
            id="a login whose triggers never fire",
        ),
        pytest.param(
            "ALTER ROLE ALL SET row_security = off", {"V-29"}, id="row security off for all"
        ),
        pytest.param("GRANT escrow_owner TO escrow_audit", {"V-26"}, id="a login made an owner"),
        pytest.param(
            "ALTER TABLE escrow.entry_{j} DISABLE TRIGGER append_only",
            {"V-27"},
            id="a trigger switched off",
        ),
        pytest.param(
            "DROP TRIGGER append_only ON escrow.rollup_{j}", {"V-27"}, id="a trigger dropped"
        ),
        pytest.param(
            "CREATE OR REPLACE FUNCTION escrow.refuse_change() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN RETURN NULL; END'",
            {"V-27"},
            id="a trigger that lets pass",
        ),
        pytest.param(
            "ALTER TABLE escrow.entry DROP CONSTRAINT ck_entry_not_negative",
            {"V-27"},
            id="a check dropped",
        ),
        pytest.param(
            "ALTER TABLE escrow.bank_entry DROP CONSTRAINT"
            " uq_bank_entry_journal_id_custody_account_id_bank_ref;"
            "UPDATE escrow.bank_entry SET bank_ref = 'same' WHERE journal_id = {j}",
            {"V-27", "V-09"},
            id="a unique key dropped and broken",
        ),
        pytest.param(
            "DROP INDEX escrow.uq_lesson_slot_of_version;"
            "UPDATE escrow.lesson SET slot = 1 WHERE journal_id = {j} AND slot = 2",
            {"V-27", "V-09", "V-11"},
            id="a slot taken twice",
        ),
        pytest.param(
            "CREATE VIEW escrow.everything AS SELECT * FROM escrow.lesson", {"V-27"}, id="a view"
        ),
        pytest.param(
            "ALTER TABLE escrow.lesson NO FORCE ROW LEVEL SECURITY",
            {"V-28"},
            id="row security not forced",
        ),
        pytest.param(
            "CREATE POLICY wide ON escrow.lesson FOR SELECT TO escrow_app USING (true)",
            {"V-28"},
            id="a policy for everybody",
        ),
        pytest.param(
            "ALTER TABLE escrow.lesson DISABLE ROW LEVEL SECURITY",
            {"V-28"},
            id="row security switched off",
        ),
        pytest.param(
            "ALTER POLICY reads ON escrow.enrolment USING (true)", {"V-28"}, id="a policy widened"
        ),
        pytest.param(
            "ALTER POLICY inserts ON escrow.enrolment WITH CHECK (true)",
            {"V-28"},
            id="a policy that lets everybody write",
        ),
        pytest.param(
            "CREATE TABLE escrow.shadow (journal_id int PRIMARY KEY);"
            "GRANT SELECT ON escrow.shadow TO escrow_app",
            {"V-26"},
            id="a table nobody knows",
        ),
        pytest.param(
            "CREATE RULE nothing AS ON UPDATE TO escrow.lesson DO INSTEAD NOTHING",
            {"V-27"},
            id="a rule",
        ),
        pytest.param(
            "ALTER TABLE escrow.lesson ADD CONSTRAINT later CHECK (slot < 9999) NOT VALID",
            {"V-27"},
            id="a constraint that was never checked",
        ),
        pytest.param(
            "CREATE FUNCTION escrow.anything() RETURNS int LANGUAGE sql SECURITY DEFINER"
            " AS 'SELECT 1'; REVOKE EXECUTE ON FUNCTION escrow.anything() FROM PUBLIC",
            {"V-27"},
            id="a function that runs as its owner wherever it looks",
        ),
        pytest.param(
            "CREATE SEQUENCE escrow.nearly MAXVALUE 10; SELECT setval('escrow.nearly', 9)",
            {"V-37"},
            id="a sequence near its end",
        ),
        pytest.param("DROP POLICY reads ON escrow.lesson", {"V-28"}, id="a policy dropped"),
        pytest.param(
            "UPDATE pg_index SET indisvalid = false"
            " WHERE indexrelid = 'escrow.ix_lesson_due'::regclass",
            {"V-33"},
            id="an invalid index",
        ),
        pytest.param(
            "CREATE TABLE escrow.entry_rest PARTITION OF escrow.entry DEFAULT;"
            "ALTER TABLE escrow.entry_rest OWNER TO escrow_owner",
            {"V-34", "V-27"},
            id="a partition for what belongs nowhere",
        ),
        pytest.param(
            "ALTER TABLE escrow.rollup DETACH PARTITION escrow.rollup_{j}",
            {"V-34", "V-04", "V-27"},
            id="a partition taken away",
        ),
    ],
)
async def test_a_guard_let_down_is_named(
    quiet_database: Database, quiet_journal: ScriptedJournal, corruption: str, broken: set[str]
) -> None:
    report = await corrupted(quiet_database, quiet_journal, corruption)

    assert set(report.violated) == broken, report.findings
