"""Verify sees whether what stands as a bank's word was signed by the bank, and still verifies."""

import pytest

from service import verify
from service.verify import Status, signature_checks
from service.verify.snapshot import Snapshot
from tests.fixtures.academies import Academy
from tests.fixtures.corruptions import insider
from tests.fixtures.databases import Database
from tests.fixtures.signing import SigningBank


async def receipt(academy: Academy, bank: SigningBank) -> None:
    body = {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": "V-1",
        "amount": "100.00",
        "book_on": "2026-03-02",
        "value_on": "2026-03-02",
    }
    answer = await bank.post("/v1/receipts", body)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("corruption", "fault"),
    [
        pytest.param("UPDATE {messages} SET key = key {here}", None, id="nothing"),
        pytest.param("DELETE FROM {messages} {here}", "", id="a message deleted"),
        pytest.param("UPDATE {messages} SET seq = 1 {here}", "", id="of another position"),
        pytest.param(
            "UPDATE {messages} SET base = overlay(base placing 'x' from 5) {here}",
            "wrong signature",
            id="what was signed, edited",
        ),
        pytest.param(
            "UPDATE {messages} SET signature = substr(signature, 2) || '\\x00' {here}",
            "wrong signature",
            id="the signature edited",
        ),
        pytest.param(
            "UPDATE {messages} SET kid = 'ICBC-none' {here}",
            "not the bank's key",
            id="another key's name",
        ),
        pytest.param(
            "UPDATE escrow.bank_key SET bank_code = 'ABC' WHERE kid = '{kid}'",
            "not the bank's key",
            id="the key given to another bank",
        ),
        pytest.param(
            "UPDATE escrow.bank_key SET public = '\\x00'::bytea || substr(public, 2)"
            " WHERE kid = '{kid}'",
            "wrong signature",
            id="another public key put in place",
        ),
        pytest.param(
            "UPDATE escrow.bank_key SET revoked_at = now() - interval '1 hour', revoked_by = 'x'"
            " WHERE kid = '{kid}'",
            "not the key's time",
            id="revoked long before",
        ),
        pytest.param(
            "UPDATE {messages} SET key = key || 'x' {here}",
            "another message's answer",
            id="put beside another answer",
        ),
    ],
)
async def test_evidence_that_was_touched_is_noticed(
    database: Database, academy: Academy, icbc: SigningBank, corruption: str, fault: str | None
) -> None:
    await receipt(academy, icbc)

    async with insider(database) as connection:
        statement = corruption.format(
            messages="escrow.signed_message",
            here=f"WHERE journal_id = {academy.district.journal}",
            kid=icbc.signer.kid,
        )
        await connection.execute(statement)
        await connection.execute("SET LOCAL session_replication_role = origin")
        await connection.execute("SET LOCAL ROLE escrow_audit")
        report = await verify.verify_snapshot(
            Snapshot(connection), journals=[academy.district.journal]
        )

    found = [finding for finding in report.findings if finding.check == "V-19"]
    assert bool(found) is (fault is not None)
    if fault:
        assert fault in {finding.example.get("fault") for finding in found}


async def test_a_signature_that_nobody_here_can_verify_is_incomplete_and_never_clean(
    database: Database, academy: Academy, icbc: SigningBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    await receipt(academy, icbc)
    monkeypatch.setattr(signature_checks, "algorithms", dict)

    report = await verify.verify(database.url("escrow_audit"), journals=[academy.district.journal])

    assert report.results["V-19"].not_done == ["ed25519 is not installed"]
    assert (report.status, report.exit_code) == (Status.INCOMPLETE, 3)
