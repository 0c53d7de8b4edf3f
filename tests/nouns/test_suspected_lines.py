"""Lines of statements that may be money a bank has pushed under another reference."""

from typing import Any

import httpx
import pytest

from service import verify
from tests.fixtures.databases import Database
from tests.fixtures.statement_uploads import Uploads


async def line_of(uploads: Uploads, ref: str) -> dict[str, Any]:
    found = await uploads.academy.get("receipts", uploads.academy.district.operator)
    [entry] = [item for item in found["items"] if item["bank_ref"] == ref]
    return dict(entry)


async def pushed(uploads: Uploads, code: str, ref: str) -> dict[str, Any]:
    told = {"book_on": "2026-03-02", "value_on": "2026-03-02", "payer_account": "6222020001"}
    return await uploads.academy.receipt("100.00", bank_ref=ref, payment_code=code, **told)


async def verdict(uploads: Uploads, entry: dict[str, Any], said: str) -> httpx.Response:
    academy = uploads.academy
    path = f"receipts/{entry['id']}/decide-duplicate"
    return await academy.post(path, academy.district.operator, {"verdict": said})


async def decided(uploads: Uploads, entry: dict[str, Any], said: str = "SAME") -> dict[str, Any]:
    answer = await verdict(uploads, entry, said)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_line_under_another_reference_than_its_push_is_counted_once(
    uploads: Uploads,
) -> None:
    code = (await uploads.academy.opened())["payment_code"]
    await pushed(uploads, code, "PUSH-1")
    line = uploads.entry(10_000, purpose=f"学费 {code}")
    await uploads.sent(uploads.camt(line))

    entry = await line_of(uploads, line.bank_ref)
    closed = await decided(uploads, entry)

    assert (entry["suspense_reason"], entry["confirmed"]) == ("SUSPECTED_DUPLICATE", True)
    assert closed["closed_as"] == "COUNTED_TWICE"
    assert closed["balances"] == {"custody_bank": "100.00"}


async def test_what_a_statement_shows_twice_is_the_banks_own_money(
    uploads: Uploads, database: Database
) -> None:
    code = (await uploads.academy.opened())["payment_code"]
    first, second = [uploads.entry(10_000, purpose=f"学费 {code}") for _ in range(2)]
    for line in (first, second):
        await pushed(uploads, code, line.bank_ref)
    await uploads.sent(uploads.camt(first, second))

    entry = await line_of(uploads, second.bank_ref)
    closed = await decided(uploads, entry)

    journal = uploads.academy.district.journal
    report = await verify.verify(database.url("escrow_audit"), journals=[journal])
    assert entry["suspense_reason"] == "SUSPECTED_DUPLICATE"
    assert (closed["closed_as"], closed["receipt"]["outcome"]) == ("BANK_ERROR", "BANK_ERROR")
    assert closed["balances"] == {"custody_bank": "200.00"}
    assert [(f.check, f.example) for f in report.findings] == []


@pytest.mark.parametrize(("said", "outcome"), [("DIFFERENT", "ENROLMENT"), ("SAME", "BANK_ERROR")])
async def test_what_was_undone_before_a_statement_showed_it_is_decided_anew(
    uploads: Uploads, database: Database, said: str, outcome: str
) -> None:
    code = (await uploads.academy.opened())["payment_code"]
    lines = [uploads.entry(10_000, purpose=f"学费 {code}") for _ in range(2)]
    _, second = [await pushed(uploads, code, line.bank_ref) for line in lines]
    await decided(uploads, second)
    early = await verdict(uploads, second, said)
    await uploads.sent(uploads.camt(*lines))

    anew = await decided(uploads, second, said)
    again = await verdict(uploads, second, said)

    journal = uploads.academy.district.journal
    report = await verify.verify(database.url("escrow_audit"), journals=[journal])
    assert [told.json()["code"] for told in (early, again)] == ["wrong_state"] * 2
    assert (anew["state"], anew["receipt"]["outcome"]) == (said, outcome)
    assert anew["balances"] == {"custody_bank": "200.00"}
    assert [(f.check, f.example) for f in report.findings] == []


async def test_of_two_reports_on_one_line_the_same_is_said_only_once(uploads: Uploads) -> None:
    code = (await uploads.academy.opened())["payment_code"]
    line = uploads.entry(10_000, purpose=f"学费 {code}")
    await pushed(uploads, code, "PUSH-1")
    second = await pushed(uploads, code, line.bank_ref)
    await decided(uploads, second)
    await uploads.sent(uploads.camt(line))

    again = await verdict(uploads, second, "SAME")

    assert again.json()["code"] == "wrong_state"
