"""Verify names every corruption of a journal's rows by the checks it breaks."""

import pytest

from tests.fixtures.corruptions import corrupted
from tests.fixtures.databases import Database
from tests.fixtures.scripted_journals import ScriptedJournal


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
            "UPDATE escrow.rollup_{j} SET balance = balance + 1 WHERE seq = {charge}"
            " AND unit_type = 'INSTITUTION' AND kind = 'DUE_FROM_INSTITUTION'",
            {"V-04", "I-03"},
            id="the last roll-up of an institution changed",
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
            "UPDATE escrow.account SET reason = 'CALLED' WHERE journal_id = {j}"
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
            {"I-06", "V-32"},
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
            {"R-01", "R-05", "I-13", "I-15"},
            id="a lesson confirmed by hand",
        ),
        pytest.param(
            "UPDATE escrow.lesson SET value_fen = value_fen + 1 WHERE journal_id = {j}"
            " AND state = 'DISPUTED'",
            {"V-11", "R-01", "R-05"},
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
            {"I-15", "R-05"},
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
            {"I-38", "R-05"},
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
            'UPDATE escrow.approval SET payload = \'{{"amount":"9.00"}}\' WHERE journal_id = {j}',
            {"V-14"},
            id="an approval of something else",
        ),
        pytest.param(
            "INSERT INTO escrow.decided_alone SELECT {j}, seq, 'REFUND', 4000, actor, NULL, NULL,"
            " 5000, 5000, now() FROM escrow.journal_transaction_{j} WHERE seq IN ({charge}, 1)",
            {"V-14"},
            id="more decided alone in a day than allowed",
        ),
        pytest.param(
            "INSERT INTO escrow.rule_pack_version SELECT code, version + 1,"
            " replace(content, '5000.00', '9000.00'), now(), CURRENT_DATE, gen_random_uuid()"
            " FROM escrow.rule_pack_version WHERE code = 'cn-national'",
            {"I-41"},
            id="a rule changed for days that have passed",
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
            {"V-12", "R-06"},
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
            "UPDATE escrow.entry_{j} AS one SET amount = other.amount,"
            " balance_after = other.balance_after FROM escrow.entry_{j} AS other"
            " WHERE one.seq = {executed} AND other.seq = {executed}"
            " AND one.account_id <> other.account_id",
            {"I-04", "I-38"},
            id="entries swapped",
        ),
        pytest.param(
            "DELETE FROM escrow.journal_transaction_{j} WHERE seq >= {closed}",
            {"I-06", "V-23"},
            id="the tail deleted",
        ),
        pytest.param(
            "UPDATE escrow.journal_transaction_{j} SET seq = 100000 - seq"
            " WHERE seq IN ({moved}, {closed});"
            "UPDATE escrow.journal_transaction_{j} SET seq = {moved} + {closed} - 100000 + seq"
            " WHERE seq > 50000",
            {"V-23", "I-06", "V-04"},
            id="two transactions swapped",
        ),
        pytest.param(
            "UPDATE escrow.lesson SET confirmed_by = 'SILENCE' WHERE journal_id = {j}"
            " AND state = 'CONFIRMED'",
            {"I-17"},
            id="a lesson confirmed by silence that nobody was told of",
        ),
        pytest.param(
            "INSERT INTO escrow.notice SELECT {j}, lesson_id, institution_id, guardian_id,"
            " 'LESSON_RECORDED', lesson_id, 'IN_APP', now(), now(), 'FETCHED' FROM escrow.lesson"
            " WHERE journal_id = {j} AND state = 'CONFIRMED';"
            "UPDATE escrow.lesson SET confirmed_by = 'SILENCE', notice_id = lesson_id,"
            " confirmed_seq = {paid_1_CONFIRMED} WHERE journal_id = {j} AND state = 'CONFIRMED'",
            {"I-17"},
            id="a lesson confirmed by silence on the day of the notice",
        ),
        pytest.param(
            "UPDATE escrow.payment_order SET amount_fen = 30000 WHERE journal_id = {j}",
            {"I-18"},
            id="an institution paid more than it earned",
        ),
        pytest.param(
            "UPDATE escrow.institution SET state = 'DEREGISTERED' WHERE journal_id = {j}",
            {"I-34"},
            id="institutions gone with students' money",
        ),
        pytest.param(
            "ALTER TABLE escrow.statement_day DROP CONSTRAINT ck_statement_day_chain;"
            "UPDATE escrow.statement_day SET credit_fen = 5 WHERE journal_id = {j}",
            {"I-36", "V-27"},
            id="a statement that does not add up",
        ),
        pytest.param(
            "UPDATE escrow.audit_{j} SET kind = 'READ' WHERE audit_seq = 1",
            {"I-44", "V-32"},
            id="personal data read for nothing",
        ),
        pytest.param(
            "INSERT INTO escrow.restraint SELECT {j}, gen_random_uuid(), institution_id,"
            " 'CUSTODY_ACCOUNT', custody_account_id, 'FENCE', NULL, 'RISK', 'x', now(), 1, NULL,"
            " NULL FROM escrow.payment_order WHERE journal_id = {j}",
            {"R-06", "V-12"},
            id="a fence that no transaction placed and a payout did not see",
        ),
        pytest.param(
            "INSERT INTO escrow.restraint SELECT {j}, gen_random_uuid(), institution_id,"
            " 'INSTITUTION', institution_id, 'PAYOUT_STOP', NULL, 'RISK', 'x', now(), 1, NULL,"
            " NULL FROM escrow.payment_order WHERE journal_id = {j}",
            {"R-06", "V-12"},
            id="a payout while payouts were stopped",
        ),
        pytest.param(
            "INSERT INTO escrow.restraint SELECT {j}, gen_random_uuid(), institution_id,"
            " 'ENROLMENT', enrolment_id, 'FREEZE', NULL, 'RISK', 'x', now(), 1, NULL, NULL"
            " FROM escrow.enrolment WHERE journal_id = {j} AND lessons_paid = 48",
            {"R-06", "V-12"},
            id="lessons while their enrolment was frozen",
        ),
        pytest.param(
            "INSERT INTO escrow.restraint SELECT {j}, gen_random_uuid(), institution_id,"
            " 'ENROLMENT', enrolment_id, 'FREEZE', NULL, 'RISK', 'x', now(), {closed}, NULL, NULL"
            " FROM escrow.enrolment WHERE journal_id = {j} AND lessons_paid = 48",
            {"R-06"},
            id="a restraint that no transaction placed",
        ),
        pytest.param(
            "UPDATE escrow.bank_entry SET suspense_fen = 7700 WHERE journal_id = {j}"
            " AND outcome = 'SUSPENSE'",
            {"R-05"},
            id="a receipt that says it is still in suspense",
        ),
        pytest.param(
            "UPDATE escrow.enrolment SET institution_id = gen_random_uuid()"
            " WHERE journal_id = {j} AND state = 'AWAITING_PAYMENT'",
            {"V-30"},
            id="an enrolment given to another institution",
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
    quiet_database: Database, quiet_journal: ScriptedJournal, corruption: str, broken: set[str]
) -> None:
    report = await corrupted(quiet_database, quiet_journal, corruption)

    assert set(report.violated) == broken, report.findings
    assert report.exit_code == 2
