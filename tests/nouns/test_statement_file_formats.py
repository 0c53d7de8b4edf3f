"""Statement files of every format, signed or not, and lines that say more than an amount."""

import asyncio
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from service.identity.bank_signer import ToSign
from service.statement_files.canonical import CanonicalEntry
from service.statements import importing
from service.statements.sweep import finish_files
from tests.fixtures import statement_writers as writers
from tests.fixtures.payouts import Payouts
from tests.fixtures.signing import AUTHORITY, SigningBank
from tests.fixtures.statement_uploads import Uploads

MAPPING: dict[str, Any] = {
    "encoding": "gb18030",
    "references": list(writers.MAPPING.references),
    "columns": {heading: column.value for heading, column in writers.MAPPING.columns.items()},
    "figures": {label: figure.value for label, figure in writers.MAPPING.figures.items()},
}


async def set_mapping(uploads: Uploads, **values: Any) -> httpx.Response:
    """Let the operator say how the bank writes its CSV."""
    academy = uploads.academy
    body = {"bank": "ICBC", "mapping": MAPPING | values}
    return await academy.post("statement-files/mappings", academy.district.operator, body)


def fee(uploads: Uploads, fen: int = -500) -> CanonicalEntry:
    return uploads.entry(fen, purpose="账户管理费")


async def test_an_mt940_in_gbk_is_posted(uploads: Uploads) -> None:
    raw = writers.mt940(
        uploads.statement(uploads.entry(10_000, counterparty_name="王小明"), fee(uploads)),
        encoding="gbk",
    )

    answer = await uploads.sent(raw, media="text/plain", encoding="gbk")

    assert (answer["format"], answer["posted"]) == ("MT940", 2)
    assert [day["state"] for day in await uploads.days()] == ["AGREED"]


async def test_a_gbk_csv_is_posted_by_the_mapping_that_the_operator_set(uploads: Uploads) -> None:
    await set_mapping(uploads)
    raw = writers.csv_file(uploads.statement(uploads.entry(10_000), fee(uploads)))

    answer = await uploads.sent(raw, media="text/csv")

    assert (answer["format"], answer["posted"]) == ("CSV", 2)
    assert [day["closing"] for day in await uploads.days()] == ["95.00"]


async def test_a_mapping_has_versions_and_the_newest_is_read_back(uploads: Uploads) -> None:
    await set_mapping(uploads, date_format="%d/%m/%Y")
    later = await set_mapping(uploads, date_format="%Y/%m/%d")

    again = await set_mapping(uploads, date_format="%Y/%m/%d")
    shown = await uploads.academy.get(
        "statement-files/mappings/ICBC", uploads.academy.district.banks["ICBC"]
    )

    assert (later.status_code, again.status_code) == (201, 200)
    assert (shown["version"], shown["mapping"]["date_format"]) == (
        later.json()["version"],
        "%Y/%m/%d",
    )


async def test_a_mapping_that_cannot_tell_an_amount_is_refused(uploads: Uploads) -> None:
    answer = await set_mapping(uploads, columns={"记账日期": "booked_on", "摘要": "purpose"})

    assert (answer.status_code, answer.json()["code"]) == (422, "parameter_invalid")


async def test_a_bank_does_not_read_how_another_writes(uploads: Uploads) -> None:
    await set_mapping(uploads)
    district = uploads.academy.district

    answer = await district.service.get("/v1/statement-files/mappings/ICBC", district.banks["ABC"])

    assert (answer.status_code, answer.json()["code"]) == (404, "bank_unknown")


async def test_a_fee_is_a_charge_and_interest_waits_for_its_allocation(uploads: Uploads) -> None:
    lines = (uploads.entry(10_000), fee(uploads), uploads.entry(321, purpose="一季度结息"))

    await uploads.sent(uploads.camt(*lines))

    found = await uploads.academy.get("receipts", uploads.academy.district.operator)
    kinds = {one["bank_ref"]: (one["kind"], one["outcome"]) for one in found["items"]}
    assert kinds[lines[2].bank_ref] == ("INTEREST", "INTEREST")
    assert await uploads.count("interest_credit") == 1
    assert [day["state"] for day in await uploads.days()] == ["AGREED"]


async def test_a_debit_without_an_explanation_is_kept_and_the_day_says_so(
    uploads: Uploads,
) -> None:
    await uploads.sent(uploads.camt(uploads.entry(10_000), uploads.entry(-700, purpose="?")))

    [day] = await uploads.days()
    assert (day["state"], day["difference"]) == ("DIFFERENT", "-7.00")


async def test_a_debit_executes_the_order_that_it_names_and_its_return_undoes_it(
    uploads: Uploads, payouts: Payouts
) -> None:
    order = await payouts.fetched("208.33")
    debit = uploads.entry(-20_833, end_to_end_id=order["id"])
    await uploads.sent(uploads.camt(debit, opening=499_999, sequence=61))
    executed = await payouts.order(order)

    back = uploads.entry(20_833, end_to_end_id=order["id"].upper())
    await uploads.sent(uploads.camt(back, opening=479_166, day="2026-03-03", sequence=62))

    assert executed["state"] == "EXECUTED"
    assert (await payouts.order(order))["state"] == "RETURNED"
    assert [day["state"] for day in await uploads.days()] == ["AGREED", "AGREED"]


async def test_two_statements_of_one_day_in_a_file_are_one_day(uploads: Uploads) -> None:
    first = uploads.statement(uploads.entry(10_000))
    second = uploads.statement(uploads.entry(5_000), opening=10_000, sequence=62, statement_id="62")
    raw = writers.mt940(first) + writers.mt940(second)

    answer = await uploads.sent(raw, media="text/plain")

    assert (answer["statements"], answer["posted"]) == (2, 2)
    assert [(day["closing"], day["credit_count"]) for day in await uploads.days()] == [
        ("150.00", 2)
    ]


def signed(raw: bytes) -> ToSign:
    """Describe an upload as a bank will sign it."""
    return ToSign(
        "POST",
        AUTHORITY,
        "/v1/statement-files",
        body=raw,
        content_type="application/xml",
        idempotency_key=uuid.uuid4().hex,
    )


async def test_a_signed_file_is_kept_with_its_signature_and_body(
    uploads: Uploads, icbc: SigningBank
) -> None:
    raw = uploads.camt(uploads.entry(10_000))

    answer = await icbc.send(signed(raw))

    assert answer.status_code == 201, answer.text
    assert await uploads.count("signed_message") == 1
    assert await uploads.academy.district.count("pii.signed_body") == 1


async def test_a_signed_file_changed_on_its_way_is_refused(
    uploads: Uploads, icbc: SigningBank
) -> None:
    raw = uploads.camt(uploads.entry(10_000))

    answer = await icbc.send(signed(raw), body=raw.replace(b"100.00", b"900.00"))

    assert (answer.status_code, answer.json()["code"]) == (401, "content_digest_wrong")
    assert await uploads.count("statement_file") == 0


async def test_a_signed_file_that_was_broken_off_is_finished_by_the_worker(
    uploads: Uploads, icbc: SigningBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = uploads.camt(uploads.entry(10_000), uploads.entry(-500, purpose="手续费"))
    with monkeypatch.context() as killed:
        killed.delattr(importing, "post")
        broken = await icbc.send(signed(raw))
    store, journal = uploads.academy.district.service.store, uploads.academy.district.journal

    at_once = await finish_files(store, journal)
    later = await finish_files(store, journal, after=timedelta(seconds=-60))
    again = await finish_files(store, journal, after=timedelta(seconds=-60))

    assert (broken.status_code, at_once, later, again) == (500, 0, 1, 0)
    assert await uploads.count("bank_entry") == 2
    assert [day["state"] for day in await uploads.days()] == ["AGREED"]


async def test_days_of_a_file_that_is_being_posted_are_not_taken_from_another(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = uploads.camt(uploads.entry(10_000))
    with monkeypatch.context() as killed:
        killed.delattr(importing, "post")
        await uploads.send(raw)

    other = raw.replace(b"<MsgId>M1", b"<MsgId>M2")
    refused = await uploads.refused(other, key="too-early")
    finished = await uploads.send(raw)
    same_key = await uploads.refused(other, key="too-early")
    taken = await uploads.send(other)

    assert refused[:2] == same_key[:2] == (409, "statement_file_unfinished")
    assert (finished.status_code, finished.json()["state"]) == (200, "POSTED")
    assert (taken.status_code, taken.json()["state"]) == (201, "POSTED")


async def test_two_who_send_the_same_file_at_once_post_it_once(uploads: Uploads) -> None:
    raw = uploads.camt(*(uploads.entry(100 + n) for n in range(20)))

    answers = await asyncio.gather(*(uploads.send(raw) for _ in range(3)))

    assert {answer.json()["id"] for answer in answers} == {answers[0].json()["id"]}
    assert await uploads.count("bank_entry") == 20
    assert await uploads.count("statement_line") == 20


def pushed(uploads: Uploads, line: CanonicalEntry, **values: Any) -> dict[str, Any]:
    """Write the push of what a line of 2 March says."""
    return {
        "custody_account_id": uploads.academy.district.public("cus", uploads.academy.custody),
        "bank_ref": line.bank_ref,
        "amount": writers.yuan(line.amount_fen),
        "book_on": "2026-03-02",
        "value_on": "2026-03-02",
    } | values


async def test_what_came_by_statement_and_then_by_push_is_posted_once(uploads: Uploads) -> None:
    line = uploads.entry(10_000, counterparty_name="王小明")
    await uploads.sent(uploads.camt(line))
    bank = uploads.academy.district.banks["ICBC"]

    answer = await uploads.academy.post("receipts", bank, pushed(uploads, line, payer_name="王*"))
    other = await uploads.academy.post("receipts", bank, pushed(uploads, line, amount="100.01"))

    assert answer.status_code == 200, answer.text
    assert (other.status_code, other.json()["code"]) == (409, "bank_entry_contradicted")
    assert await uploads.count("bank_entry") == 1


async def test_two_like_payments_on_one_statement_are_two_though_one_was_pushed(
    uploads: Uploads,
) -> None:
    told = {"counterparty_account": "6222000000000000001", "purpose": "学费"}
    first, second = uploads.entry(10_000, **told), uploads.entry(10_000, **told)
    bank = uploads.academy.district.banks["ICBC"]
    body = pushed(
        uploads, second, payer_account=told["counterparty_account"], purpose=told["purpose"]
    )
    await uploads.academy.post("receipts", bank, body)

    answer = await uploads.sent(uploads.camt(first, second))

    found = await uploads.academy.get("receipts", uploads.academy.district.operator)
    assert (answer["matched"], answer["posted"]) == (1, 1)
    assert {one["suspense_reason"] for one in found["items"]} == {"UNKNOWN_ENROLMENT"}


async def test_a_line_of_another_year_keeps_its_own_number(uploads: Uploads) -> None:
    await uploads.sent(uploads.camt(uploads.entry(10_000), day="2025-12-31", sequence=1))

    answer = await uploads.sent(
        uploads.camt(replace(uploads.entry(1)), opening=10_000, day="2026-01-01", sequence=1)
    )

    assert answer["state"] == "POSTED"
