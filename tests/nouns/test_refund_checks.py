"""Verify and refunds: a true history is clean, and what was made up is found."""

from typing import Any

import pytest

from service import verify
from service.verify import Report
from service.verify.snapshot import Snapshot
from tests.fixtures.academies import Academy
from tests.fixtures.corruptions import insider
from tests.fixtures.databases import Database
from tests.fixtures.refunds import Refunds

PAYER = {"payer_name": "张三", "payer_account": "6222020000000000001"}


@pytest.fixture
async def enrolment(academy: Academy) -> dict[str, Any]:
    """An enrolment of 4,999.99, paid from an account the bank named."""
    opened = await academy.opened()
    await academy.receipt("4999.99", payment_code=opened["payment_code"], **PAYER)
    return opened


@pytest.fixture
async def history(refunds: Refunds, enrolment: dict[str, Any], academy: Academy) -> Refunds:
    """Refunds returned and paid again, reversed, and charged back."""
    (refund,) = await refunds.owed(enrolment, "4999.99", source="DIVIDEND")
    order = await refunds.sent()
    await refunds.debited(order)
    await refunds.returned(order)
    await refunds.payee_changed(refund)
    await refunds.after_days(3)
    (again,) = await refunds.fetched()
    await refunds.debited(again)
    await refunds.reversed(again)
    other = await academy.enrolled()
    await academy.recorded(other)
    body = refunds.line("1000.00") | {
        "kind": "CHARGEBACK",
        "payment_code": other["payment_code"],
    }
    answer = await refunds.post("debits", refunds.bank, body)
    assert answer.status_code == 201, answer.text
    return refunds


async def test_refunds_back_and_forth_leave_a_clean_journal(
    database: Database, history: Refunds
) -> None:
    report = await verify.verify(database.url("escrow_audit"), journals=[history.district.journal])

    assert [(f.check, f.example) for f in report.findings if f.check in REFUNDS] == []


@pytest.mark.parametrize(
    ("corruption", "broken"),
    [
        pytest.param(
            "UPDATE escrow.refund SET returned_fen = 0, paid_fen = amount_fen"
            " WHERE journal_id = {j}",
            {"R-02"},
            id="a refund that says it was paid",
        ),
        pytest.param(
            "UPDATE escrow.payment_order SET state = 'EXECUTED', returned_entry_id = NULL"
            " WHERE journal_id = {j} AND state = 'REVERSED'",
            {"R-02"},
            id="an order that says it was never reversed",
        ),
        pytest.param(
            "UPDATE escrow.bank_entry SET amount_fen = 100 WHERE journal_id = {j}"
            " AND bank_entry_id = (SELECT receipt_entry_id FROM escrow.refund"
            " WHERE journal_id = {j})",
            {"I-29", "I-35"},
            id="more goes back than came",
        ),
        pytest.param(
            "UPDATE escrow.refund SET payee_party_id = gen_random_uuid() WHERE journal_id = {j}",
            {"I-29"},
            id="a refund whose payee nobody changed",
        ),
        pytest.param(
            "UPDATE escrow.payment_order SET payee_party_id = gen_random_uuid()"
            " WHERE journal_id = {j} AND state = 'RETURNED'",
            {"I-29"},
            id="an order to another payee before the change",
        ),
        pytest.param(
            "UPDATE escrow.payment_order SET payee_party_id = gen_random_uuid()"
            " WHERE journal_id = {j} AND state = 'REVERSED'",
            {"I-29"},
            id="an order to another payee after the change",
        ),
        pytest.param(
            "UPDATE escrow.payment_order AS late SET payee_party_id = early.payee_party_id"
            " FROM escrow.payment_order AS early WHERE late.journal_id = {j}"
            " AND early.journal_id = {j} AND late.state = 'REVERSED' AND early.state = 'RETURNED'",
            {"I-29"},
            id="an order that goes to the payee before the change",
        ),
        pytest.param(
            "INSERT INTO escrow.restraint SELECT {j}, gen_random_uuid(), institution_id,"
            " 'CUSTODY_ACCOUNT', custody_account_id, 'FENCE', NULL, 'RISK', 'x', now(),"
            " sealed.seq - 1, sealed.seq + 1, 'y' FROM escrow.custody_account"
            " JOIN escrow.journal_transaction AS sealed USING (journal_id)"
            " WHERE journal_id = {j} AND sealed.kind = 'REFUND_REISSUED'",
            {"V-12", "R-06"},
            id="a refund issued again while its account was fenced",
        ),
    ],
)
async def test_what_was_made_up_of_refunds_is_found(
    database: Database, history: Refunds, corruption: str, broken: set[str]
) -> None:
    journal = history.district.journal

    report = await _corrupted(database, journal, corruption)

    assert broken <= {finding.check for finding in report.findings}


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        pytest.param("SELECT 1", False, id="nothing"),
        pytest.param(
            "UPDATE escrow.payment_order SET payee_party_id = gen_random_uuid()"
            " WHERE journal_id = {j} AND kind = 'LODGING'",
            True,
            id="another notary",
        ),
    ],
)
async def test_a_lodging_goes_to_the_notary_that_two_people_agreed_on(
    database: Database, refunds: Refunds, academy: Academy, statement: str, broken: bool
) -> None:
    (refund,) = await refunds.owed(await academy.enrolled(), "4999.99")
    await refunds.after_days(91)
    lodged = await refunds.approved(await refunds.ask_lodging(refund))
    assert lodged["state"] == "EXECUTED", lodged

    report = await _corrupted(database, refunds.district.journal, statement)

    assert ("I-29" in report.violated) is broken, report.findings


REFUNDS = {"R-02", "I-29", "I-38", "I-35", "I-16", "V-10", "I-13", "R-01", "I-05", "I-19"}


async def _corrupted(database: Database, journal: int, statement: str) -> Report:
    async with insider(database) as connection:
        await connection.execute(statement.format(j=journal))
        await connection.execute("SET LOCAL session_replication_role = origin")
        await connection.execute("SET LOCAL ROLE escrow_audit")
        return await verify.verify_snapshot(Snapshot(connection), journals=[journal])
