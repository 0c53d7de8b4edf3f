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
    database: Database, standing_journal: ScriptedJournal, corruption: str, broken: set[str]
) -> None:
    report = await corrupted(database, standing_journal, corruption, resealed=True)

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
            {"V-34", "V-04"},
            id="a partition taken away",
        ),
    ],
)
async def test_a_guard_let_down_is_named(
    database: Database, standing_journal: ScriptedJournal, corruption: str, broken: set[str]
) -> None:
    report = await corrupted(database, standing_journal, corruption)

    assert set(report.violated) == broken, report.findings
