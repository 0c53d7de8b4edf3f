"""What court orders, captures, moves and failed banks say of themselves is held to the entries."""

from typing import Any

import pytest

from tests.fixtures.academies import Academy
from tests.fixtures.databases import Database
from tests.nouns.claim_calls import looked_at

CORRUPTIONS = {
    "a deduction less": "UPDATE escrow.court_order SET deducted_fen = deducted_fen - 1",
    "used up before its time": "UPDATE escrow.court_order SET state = 'DEDUCTED'",
    "released on no day": "UPDATE escrow.court_order SET state = 'RELEASED'",
    "a hold that is not its own": "UPDATE escrow.court_order SET restraint_id = gen_random_uuid()",
    "a smaller amount": "UPDATE escrow.court_order SET amount_fen = amount_fen - 1",
    "a move that arrived": "UPDATE escrow.backing_move SET state = 'MOVED'",
    "a move of less": "UPDATE escrow.backing_move SET prepaid_fen = prepaid_fen - 1",
    "a move without its order": "UPDATE escrow.backing_move SET order_id = NULL",
    "a failure of more": "UPDATE escrow.bank_failure SET balance_fen = balance_fen + 1",
    "a failure that paid": "UPDATE escrow.bank_failure SET paid_fen = 1",
    "a loss nobody has": "UPDATE escrow.bank_failure SET lost_fen = 1",
    "closed on no day": "UPDATE escrow.bank_failure SET state = 'CLOSED'",
}


@pytest.fixture
async def happened(academy: Academy) -> Academy:
    """A school with a court order, a capture, a move on its way and a failed bank."""
    district = academy.district
    other, failing = [
        await district.plant_custody_account(academy.institution, bank=bank, is_default=False)
        for bank in ("CCB", "ABC")
    ]
    enrolment, custody = await academy.enrolled(), district.public("cus", academy.custody)
    bank, line = district.banks["ICBC"], {"book_on": "2026-03-05", "value_on": "2026-03-05"}
    posts: tuple[tuple[str, str, dict[str, Any]], ...] = (
        (
            "court-orders",
            bank,
            {"document_number": "(2026)渝1号", "amount": "9.00", "ordered_on": "2026-03-02"},
        ),
        (
            "debits",
            bank,
            {
                "kind": "COURT_DEDUCTION",
                "document_number": "(2026)渝1号",
                "amount": "4.00",
                "bank_ref": "D-1",
                **line,
            },
        ),
        ("receipts", bank, {"kind": "TOP_UP", "amount": "50.00", "bank_ref": "T-1", **line}),
        (
            "channel-captures",
            bank,
            {
                "channel": "WECHAT",
                "reference": "1",
                "amount": "7.00",
                "captured_on": "2026-03-01",
                "payment_code": "TE00000000ZZ",
            },
        ),
    )
    for path, token, body in posts:
        answer = await academy.post(path, token, {"custody_account_id": custody} | body)
        assert answer.status_code == 201, answer.text
    top_up = {
        "custody_account_id": district.public("cus", failing),
        "kind": "TOP_UP",
        "amount": "80.00",
        "bank_ref": "T-2",
        **line,
    }
    assert (await academy.post("receipts", district.banks["ABC"], top_up)).status_code == 201
    move = {"enrolment_id": enrolment["id"], "custody_account_id": district.public("cus", other)}
    failure = {
        "custody_account_id": district.public("cus", failing),
        "failed_on": "2026-03-10",
        "document_hash": "ab" * 32,
    }
    for path, body in (("backing-moves", move), ("bank-failures", failure)):
        asked = await academy.post(path, district.regulator, body)
        assert asked.status_code == 202, asked.text
        approval = asked.json()
        answer = await academy.post(
            f"approvals/{approval['id']}/approve",
            district.second_regulator,
            {"payload_hash": approval["payload_hash"]},
        )
        assert answer.status_code == 200, answer.text
    return academy


async def test_what_happened_is_clean(database: Database, happened: Academy) -> None:
    report = await looked_at(database, happened.district.journal)

    assert [f"{f.check} {f.example}" for f in report.findings] == []


@pytest.mark.parametrize("corruption", CORRUPTIONS.values(), ids=CORRUPTIONS)
async def test_a_row_that_says_otherwise_than_the_entries_is_named(
    database: Database, happened: Academy, corruption: str
) -> None:
    statement = f"{corruption} WHERE journal_id = {happened.district.journal}"

    report = await looked_at(database, happened.district.journal, statement)

    assert "R-08" in {finding.check for finding in report.findings}


async def test_a_capture_of_another_amount_is_named(database: Database, happened: Academy) -> None:
    corruption = "UPDATE escrow.bank_entry SET amount_fen = amount_fen + 1"
    statement = (
        f"{corruption} WHERE direction = 'PEND' AND journal_id = {happened.district.journal}"
    )

    report = await looked_at(database, happened.district.journal, statement)

    assert "R-08" in {finding.check for finding in report.findings}


async def test_a_move_out_of_a_fenced_account_is_named(
    database: Database, happened: Academy
) -> None:
    statement = (
        "INSERT INTO escrow.restraint SELECT journal_id, gen_random_uuid(), institution_id,"
        " 'CUSTODY_ACCOUNT', custody_account_id, 'FENCE', NULL, 'RISK', 'x', now(),"
        " sealed.seq - 1, sealed.seq + 1, 'y' FROM escrow.custody_account"
        " JOIN escrow.journal_transaction AS sealed USING (journal_id)"
        " WHERE journal_id = {j} AND sealed.kind = 'TRANSFER_INSTRUCTED'"
    )
    journal = happened.district.journal

    report = await looked_at(database, journal, statement.format(j=journal))

    assert "V-12" in {finding.check for finding in report.findings}
