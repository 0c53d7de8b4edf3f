"""Verify: a true journal is clean, and every corruption is named by the checks it breaks.

Corruptions are made as the database's superuser with triggers switched off, which is what grants
and triggers leave to guard against.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from ledger import chain
from service import verify
from service.store import postgres
from service.store.journal import sealed_fields
from service.verify import Report, Status
from service.verify.snapshot import Snapshot
from tests.fixtures.databases import Database
from tests.fixtures.scripted_journals import ScriptedJournal


@asynccontextmanager
async def insider(database: Database) -> AsyncIterator[Any]:
    """Log in as the superuser, triggers off, and leave nothing behind."""
    connection = await asyncpg.connect(
        host=str(database.server.socket), user=postgres.SUPERUSER, database=database.name
    )
    undone = connection.transaction(isolation="repeatable_read")
    await undone.start()
    try:
        await connection.execute("SET LOCAL session_replication_role = replica")
        yield connection
    finally:
        await undone.rollback()
        await connection.close()


async def reseal(connection: Any, journal: int) -> None:
    """Recompute the whole chain and the head's hash, as a careful insider would."""
    previous = chain.genesis(journal)
    sealed = f"escrow.journal_transaction_{journal}"
    for row in await connection.fetch(f"SELECT * FROM {sealed} ORDER BY seq"):  # noqa: S608
        computed = chain.digest(previous, sealed_fields(row))
        await connection.execute(
            f"UPDATE {sealed} SET previous_hash = $1, hash = $2 WHERE seq = $3",  # noqa: S608
            previous,
            computed,
            row["seq"],
        )
        previous = computed
    head = "UPDATE escrow.journal_head SET hash = $1 WHERE journal_id = $2"
    await connection.execute(head, previous, journal)


async def corrupted(
    database: Database, script: ScriptedJournal, statements: str, *, resealed: bool = False
) -> Report:
    """Verify what a corruption would leave, seen as the auditor, and undo it."""
    names = {"j": script.journal, **{n.replace(" ", "_"): s for n, s in script.seqs.items()}}
    async with insider(database) as connection:
        await connection.execute(statements.format(**names))
        if resealed:
            await reseal(connection, script.journal)
        await connection.execute("SET LOCAL session_replication_role = origin")
        await connection.execute("SET LOCAL ROLE escrow_audit")
        return await verify.verify_snapshot(Snapshot(connection), journals=[script.journal])


async def test_a_journal_that_only_the_store_has_written_is_clean(
    database: Database, scripted_journal: ScriptedJournal
) -> None:
    seen: list[verify.Progress] = []

    report = await verify.verify(
        database.url("escrow_audit"), journals=[scripted_journal.journal], progress=seen.append
    )

    assert report.findings == []
    assert (report.status, report.exit_code) == (Status.CLEAN, 0), report.as_json()
    assert seen[-1].done == seen[-1].total == report.as_json()["transactions"] > 30


@pytest.mark.parametrize(
    ("corruption", "broken"),
    [
        pytest.param(
            "UPDATE escrow.entry_{j} SET amount = amount + 1, balance_after = balance_after + 1"
            " WHERE seq = {charge}",
            {"I-04", "I-35"},
            id="one transaction's entries changed",
        ),
        pytest.param(
            "DELETE FROM escrow.entry_{j} WHERE seq = {charge}",
            {"I-04", "I-35"},
            id="entries deleted",
        ),
        pytest.param(
            "INSERT INTO escrow.entry_{j} VALUES ({j}, 1, 9999, 100, 100)",
            {"I-04"},
            id="an entry of no transaction",
        ),
        pytest.param(
            "DELETE FROM escrow.journal_transaction_{j} WHERE seq = {moved}",
            {"I-06", "V-23", "V-04"},
            id="a transaction deleted",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET actor = 'another' WHERE seq = {charge}",
            {"V-23", "V-20"},
            id="only the actor's name edited",
        ),
        pytest.param(
            'UPDATE escrow.journal_transaction_{j} SET refs = replace(refs, \'"slot":"1"\','
            ' \'"slot":"2"\') WHERE seq = {paid_1_CONFIRMED}',
            {"V-23"},
            id="only a reference edited",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET kind = 'NOTHING' WHERE seq = {charge}",
            {"V-02", "V-23", "I-04", "V-04"},
            id="a kind nobody knows",
        ),
        pytest.param(
            "UPDATE escrow.rollup_{j} SET balance = balance + 100 WHERE seq = {paid_1_CONFIRMED}"
            " AND unit_type = 'INSTITUTION' AND kind = 'LESSON_PENDING'",
            {"V-04"},
            id="a roll-up of the past changed",
        ),
        pytest.param(
            "UPDATE escrow.rollup_{j} SET balance = balance + 100 WHERE seq = {charge}"
            " AND unit_type = 'CUSTODY_ACCOUNT' AND kind = 'DUE_FROM_INSTITUTION'"
            " AND reason = 'BANK_CHARGE'",
            {"V-04", "I-19"},
            id="the last roll-up of a custody account changed",
        ),
        pytest.param(
            "DELETE FROM escrow.rollup_{j} WHERE seq = {charge} AND unit_type = 'AREA'",
            {"V-04"},
            id="roll-ups of an area deleted",
        ),
        pytest.param(
            "INSERT INTO escrow.rollup_{j} SELECT journal_id, unit_type, unit_id, kind, reason,"
            " {covered}, balance FROM escrow.rollup_{j} WHERE seq = {covered} + 1"
            " AND unit_type = 'AREA'",
            {"V-04"},
            id="roll-ups in the middle of a batch",
        ),
        pytest.param(
            "INSERT INTO escrow.rollup_{j} SELECT journal_id, unit_type, unit_id, kind, reason,"
            " 9999, balance FROM escrow.rollup_{j} WHERE seq = {charge}",
            {"V-04"},
            id="roll-ups of no batch",
        ),
        pytest.param(
            "UPDATE escrow.account SET reason = 'CLAWBACK' WHERE journal_id = {j}"
            " AND reason = 'BANK_CHARGE'",
            {"V-07"},
            id="an account turned into another",
        ),
        pytest.param(
            "UPDATE escrow.journal_head SET hash = '\\x00' WHERE journal_id = {j}",
            {"V-23"},
            id="the head's hash changed",
        ),
        pytest.param(
            "UPDATE escrow.journal_head SET seq = seq + 1 WHERE journal_id = {j}",
            {"I-06"},
            id="the head moved on",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET recorded_at = recorded_at - interval '1 day'"
            " WHERE seq = {executed}",
            {"I-06", "V-23"},
            id="a transaction recorded before the one before it",
        ),
        pytest.param(
            "INSERT INTO escrow.closed_day VALUES ({j}, '2030-01-01', {charge}, now(), 'x',"
            " 'CLOSED')",
            {"I-10", "V-35"},
            id="transactions in a closed date",
        ),
        pytest.param(
            "UPDATE escrow.enrolment SET received_fen = received_fen + 1 WHERE journal_id = {j}"
            " AND state = 'AWAITING_PAYMENT'",
            {"V-10", "I-13"},
            id="an enrolment that says it received more",
        ),
        pytest.param(
            "UPDATE escrow.enrolment SET price_fen = price_fen + 48 WHERE journal_id = {j}"
            " AND lessons_paid = 48",
            {"I-13", "V-11"},
            id="a price raised afterwards",
        ),
        pytest.param(
            "UPDATE escrow.lesson SET state = 'CONFIRMED' WHERE journal_id = {j}"
            " AND state = 'RECORDED'",
            {"V-16", "I-13", "I-15"},
            id="a lesson confirmed by hand",
        ),
        pytest.param(
            "UPDATE escrow.lesson SET value_fen = value_fen + 1 WHERE journal_id = {j}"
            " AND state = 'DISPUTED'",
            {"V-11", "V-16"},
            id="a lesson worth more than its slot",
        ),
        pytest.param(
            "UPDATE escrow.lesson SET guardian_id = gen_random_uuid() WHERE journal_id = {j}"
            " AND state = 'VOIDED'",
            {"V-11"},
            id="a lesson of another guardian",
        ),
        pytest.param(
            "UPDATE escrow.enrolment SET lessons_confirmed = 9 WHERE journal_id = {j}"
            " AND lessons_paid = 48",
            {"I-15"},
            id="more lessons counted than confirmed",
        ),
        pytest.param(
            "UPDATE escrow.bank_entry SET amount_fen = amount_fen - 1 WHERE journal_id = {j}"
            " AND seq = {charge}",
            {"I-35"},
            id="a bank entry smaller than what cites it",
        ),
        pytest.param(
            "DELETE FROM escrow.bank_entry WHERE journal_id = {j} AND seq = {charge}",
            {"I-35"},
            id="money in the bank without its entry",
        ),
        pytest.param(
            "UPDATE escrow.payment_order SET state = 'SENT', executed_entry_id = NULL"
            " WHERE journal_id = {j}",
            {"I-38"},
            id="an executed order made open again",
        ),
        pytest.param(
            "UPDATE escrow.statement_day SET opening_fen = 7, closing_fen = 7,"
            " ledger_closing_fen = 7 WHERE journal_id = {j} AND day = '2025-12-31'",
            {"I-36"},
            id="a statement that does not follow",
        ),
        pytest.param(
            "UPDATE escrow.statement_day SET ledger_closing_fen = 1 WHERE journal_id = {j}",
            {"I-37"},
            id="an agreed statement that does not agree",
        ),
        pytest.param(
            "UPDATE escrow.approval SET checker = maker WHERE journal_id = {j}",
            {"I-45"},
            id="an approval by its maker",
        ),
        pytest.param(
            "UPDATE escrow.reversal SET reversed_seq = {charge} WHERE reversing_seq = {reversal}"
            " AND journal_id = {j}",
            {"I-07"},
            id="a reversal of something else",
        ),
        pytest.param(
            "DELETE FROM escrow.reversal WHERE reversing_seq = {taken_back} AND journal_id = {j}",
            {"I-07"},
            id="a reversal nobody registered",
        ),
        pytest.param(
            "UPDATE escrow.closed_day SET last_seq = 1 WHERE journal_id = {j}",
            {"V-35"},
            id="a closed date that ended elsewhere",
        ),
        pytest.param(
            "INSERT INTO escrow.restraint SELECT {j}, gen_random_uuid(), institution_id,"
            " 'INSTITUTION', institution_id, 'FREEZE', NULL, 'COLLAPSE', 'x', now(), 1, NULL, NULL"
            " FROM escrow.payment_order WHERE journal_id = {j}",
            {"V-12"},
            id="a payout while the institution was frozen",
        ),
        pytest.param(
            "DELETE FROM escrow.stored_answer WHERE journal_id = {j} AND seq = {charge}",
            {"V-20"},
            id="an answer taken away from its key",
        ),
        pytest.param(
            "UPDATE escrow.stored_answer SET seq = 9999 WHERE journal_id = {j} AND seq = {charge}",
            {"V-20"},
            id="an answer of a position that is not there",
        ),
        pytest.param(
            "UPDATE escrow.institution SET department = 'science' WHERE journal_id = {j}"
            " AND department = 'sport'",
            {"V-30"},
            id="an institution moved without its history",
        ),
    ],
)
async def test_a_corruption_is_named_by_the_checks_it_breaks(
    database: Database, standing_journal: ScriptedJournal, corruption: str, broken: set[str]
) -> None:
    report = await corrupted(database, standing_journal, corruption)

    assert set(report.violated) == broken, report.findings
    assert report.exit_code == 2


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
            {"I-16", "V-16"},
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
            {"I-14", "V-16"},
            id="a lesson released twice",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET transfers = '[]' WHERE seq = {reversal}",
            {"I-07", "I-04", "V-04"},
            id="a reversal that mirrors nothing",
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
            "DROP INDEX escrow.uq_lesson_slot;"
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


async def test_what_the_login_cannot_see_is_incomplete_and_never_clean(
    database: Database, standing_journal: ScriptedJournal
) -> None:
    report = await verify.verify(database.url("escrow_app"), journals=[standing_journal.journal])

    assert (report.status, report.exit_code) == (Status.INCOMPLETE, 3)


async def test_a_check_that_cannot_be_asked_is_incomplete(
    database: Database, standing_journal: ScriptedJournal
) -> None:
    report = await corrupted(
        database, standing_journal, "REVOKE SELECT ON escrow.lesson FROM escrow_audit"
    )

    not_done = {check for check, each in report.results.items() if each.not_done}
    assert not_done == {"I-13", "I-15", "V-11", "V-16", "V-09"}
    assert report.exit_code == 3


async def test_a_journal_that_is_not_there_is_a_break(database: Database) -> None:
    report = await verify.verify(database.url("escrow_audit"), journals=[60_000])

    assert report.violated == ["V-34"]


async def test_the_report_reads_as_plain_json(
    database: Database, standing_journal: ScriptedJournal
) -> None:
    report = await corrupted(
        database,
        standing_journal,
        "UPDATE escrow.journal_transaction_{j} SET actor = 'x' WHERE seq = {charge}",
    )

    written = json.loads(json.dumps(report.as_json()))
    [check] = [check for check in written["checks"] if check["id"] == "V-23"]
    assert (written["status"], check["status"]) == ("violated", "violated")
    assert check["examples"][0]["seq"] == standing_journal.seqs["charge"]
    assert check["examples"][0]["journal"] == standing_journal.journal
