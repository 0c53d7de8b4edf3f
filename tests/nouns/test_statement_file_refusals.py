"""Statement files that are refused, quarantined or only partly new: each has its one answer."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from service.statement_files.canonical import Kind
from service.statement_files.csv_mapping import Figure
from service.statements.file_faults import MEANINGS, Fault
from tests.fixtures import statement_writers as writers
from tests.fixtures.academies import academy_in
from tests.fixtures.statement_uploads import Uploads

TOMORROW = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()


def test_the_page_for_banks_has_every_reason_in_these_words() -> None:
    page = (Path(__file__).parents[2] / "docs" / "statement-files.md").read_text(encoding="utf-8")

    missing = [
        fault for fault, words in MEANINGS.items() if f"| `{fault.value}` | {words}" not in page
    ]

    assert missing == []
    assert set(MEANINGS) == set(Fault)


async def test_a_file_that_does_not_chain_is_refused_and_kept_and_nothing_posted(
    uploads: Uploads,
) -> None:
    raw = uploads.camt(uploads.entry(10_000), closing_fen=10_001)

    refused = await uploads.refused(raw)

    assert refused == (422, "statement_file_refused", "chain_broken")
    assert await uploads.count("bank_entry") == 0
    listed = await uploads.academy.get("statement-files", uploads.academy.district.operator)
    assert [(one["state"], one["reason"]) for one in listed["items"]] == [
        ("REFUSED", "chain_broken")
    ]


async def test_a_refused_file_sent_again_is_kept_once(uploads: Uploads) -> None:
    raw = uploads.camt(uploads.entry(10_000), closing_fen=10_001)

    first, again = await uploads.refused(raw), await uploads.refused(raw)

    assert first == again
    assert await uploads.count("statement_file") == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((b"</Stmt></BkToCstmrStmt></Document>", b""), "truncated"),
        ((b'Ccy="CNY"', b'Ccy="USD"'), "wrong_currency"),
        ((b"<Document ", b"<!DOCTYPE x><Document "), "doctype_forbidden"),
        ((b"<BookgDt><Dt>2026-03-02", b"<BookgDt><Dt>2026-03-01"), "outside_period"),
        ((b"F00000001", b"F" * 200), "reference_too_long"),
    ],
)
async def test_a_file_that_cannot_be_right_by_itself_is_refused(
    uploads: Uploads, change: tuple[bytes, bytes], reason: str
) -> None:
    raw = uploads.camt(uploads.entry(10_000))
    assert change[0] in raw

    refused = await uploads.refused(raw.replace(*change))

    assert refused == (422, "statement_file_refused", reason)
    assert await uploads.count("bank_entry") == 0


async def test_an_account_that_is_not_the_banks_own_is_unknown(uploads: Uploads) -> None:
    raw = uploads.camt(uploads.entry(10_000))

    refused = await uploads.refused(raw, bank="ABC")

    assert refused == (422, "statement_file_refused", "unknown_account")


async def test_a_day_after_today_is_refused(uploads: Uploads) -> None:
    raw = uploads.camt(uploads.entry(10_000), day=TOMORROW)

    refused = await uploads.refused(raw)

    assert refused == (422, "statement_file_refused", "date_in_future")


async def test_csv_without_a_mapping_is_refused(uploads: Uploads) -> None:
    refused = await uploads.refused("流水号,金额\n1,2\n".encode(), media="text/csv", bank="CQB")

    assert refused == (422, "statement_file_refused", "mapping_missing")


async def test_a_recut_file_is_quarantined_and_nothing_of_it_posted(uploads: Uploads) -> None:
    await uploads.sent(uploads.camt(uploads.entry(10_000)))

    refused = await uploads.refused(uploads.camt(uploads.entry(20_000)))

    assert refused == (409, "statement_file_quarantined", "recut")
    assert await uploads.count("bank_entry") == 1


async def test_the_same_sums_of_other_entries_are_a_recut_too(uploads: Uploads) -> None:
    await uploads.sent(uploads.camt(uploads.entry(10_000)))

    refused = await uploads.refused(uploads.camt(uploads.entry(10_000)))

    assert refused == (409, "statement_file_quarantined", "recut")


async def test_a_statement_written_anew_that_says_the_same_changes_nothing(
    uploads: Uploads,
) -> None:
    raw = uploads.camt(uploads.entry(10_000))
    await uploads.sent(raw)

    answer = await uploads.sent(raw.replace(b"<MsgId>M1", b"<MsgId>M2"))

    assert (answer["matched"], answer["posted"]) == (1, 0)
    assert await uploads.count("bank_entry") == 1
    assert await uploads.count("statement_day") == 1


async def test_a_day_that_does_not_continue_the_day_before_is_refused(uploads: Uploads) -> None:
    await uploads.sent(uploads.camt(uploads.entry(10_000), sequence=61))

    refused = await uploads.refused(
        uploads.camt(uploads.entry(1), opening=9_999, day="2026-03-03", sequence=62)
    )

    assert refused == (422, "statement_file_refused", "does_not_continue")


async def test_a_day_that_the_day_after_does_not_continue_is_refused(uploads: Uploads) -> None:
    later = uploads.camt(uploads.entry(5_000), opening=10_000, day="2026-03-03", sequence=62)
    await uploads.sent(later)

    refused = await uploads.refused(uploads.camt(uploads.entry(9_000), sequence=61))

    assert refused == (422, "statement_file_refused", "does_not_continue")


async def test_a_gap_is_accepted_flagged_and_closed_by_the_day_that_was_missing(
    uploads: Uploads,
) -> None:
    await uploads.sent(uploads.camt(uploads.entry(10_000), sequence=61))
    missing = uploads.camt(uploads.entry(500), opening=10_000, day="2026-03-03", sequence=62)
    later = uploads.camt(uploads.entry(2_500), opening=10_500, day="2026-03-04", sequence=63)

    after_gap = await uploads.sent(later)
    shown = await uploads.academy.get(
        f"statement-files/{after_gap['id']}", uploads.academy.district.banks["ICBC"]
    )
    differs = [day["state"] for day in await uploads.days()]
    await uploads.sent(missing)

    assert [one["after_gap"] for one in shown["contents"]] == [True]
    assert differs == ["AGREED", "DIFFERENT"]
    assert [day["closing"] for day in await uploads.days()] == ["100.00", "105.00", "130.00"]


async def test_two_days_with_a_gap_but_no_number_missing_are_refused(uploads: Uploads) -> None:
    await uploads.sent(uploads.camt(uploads.entry(10_000), sequence=61))

    refused = await uploads.refused(
        uploads.camt(uploads.entry(2_500), opening=10_500, day="2026-03-04", sequence=62)
    )

    assert refused == (422, "statement_file_refused", "does_not_continue")


async def test_ranges_that_overlap_bring_only_what_is_new(uploads: Uploads) -> None:
    first, second = uploads.entry(10_000), uploads.entry(500)
    await uploads.sent(uploads.camt(first, sequence=61))
    both = uploads.camt(first, replace(second, booked_on=date(2026, 3, 3)), sequence=70).replace(
        b"<ToDtTm>2026-03-02", b"<ToDtTm>2026-03-03"
    )
    head, _, tail = both.partition(b"<Cd>CLBD")
    week = head + b"<Cd>CLBD" + tail.replace(b"<Dt><Dt>2026-03-02", b"<Dt><Dt>2026-03-03", 1)

    answer = await uploads.sent(week)

    assert (answer["matched"], answer["posted"]) == (1, 1)
    assert [(day["day"], day["state"]) for day in await uploads.days()] == [
        ("2026-03-02", "AGREED"),
        ("2026-03-03", "AGREED"),
    ]


async def test_a_notification_posts_its_lines_and_states_no_day(uploads: Uploads) -> None:
    told = uploads.statement(uploads.entry(10_000), kind=Kind.NOTIFICATION)

    answer = await uploads.sent(writers.camt(told, message="054"))

    assert (answer["posted"], await uploads.count("statement_day")) == (1, 0)


async def test_what_a_notification_told_is_held_when_the_statement_has_another_reference_for_it(
    uploads: Uploads,
) -> None:
    told = {"counterparty_account": "6222000000000000001", "purpose": "学费"}
    notified = uploads.statement(uploads.entry(10_000, **told), kind=Kind.NOTIFICATION)
    await uploads.sent(writers.camt(notified, message="054"))

    await uploads.sent(uploads.camt(uploads.entry(10_000, **told)))

    found = await uploads.academy.get("receipts", uploads.academy.district.operator)
    reasons = sorted(one["suspense_reason"] for one in found["items"])
    assert reasons == ["SUSPECTED_DUPLICATE", "UNKNOWN_ENROLMENT"]


async def test_entries_without_reference_are_refused_where_a_report_told_of_them(
    uploads: Uploads,
) -> None:
    report = uploads.statement(uploads.entry(10_000), kind=Kind.REPORT)
    await uploads.sent(writers.camt(report, message="052"))
    raw = writers.mt940(uploads.statement(uploads.entry(10_000)))
    nameless = re.sub(rb"//F[0-9]+", b"", raw)

    refused = await uploads.refused(nameless, media="text/plain", references="derived")

    assert refused == (422, "statement_file_refused", "reference_missing")
    assert await uploads.count("bank_entry") == 1


async def test_the_same_bytes_for_another_account_are_another_file(uploads: Uploads) -> None:
    academy = uploads.academy
    other = await academy_in(academy.district)
    names = writers.MAPPING
    figures = {k: v.value for k, v in names.figures.items() if v is not Figure.ACCOUNT}
    mapping = {
        "encoding": "gb18030",
        "references": list(names.references),
        "columns": {heading: column.value for heading, column in names.columns.items()},
        "figures": figures,
    }
    body = {"bank": "ICBC", "mapping": mapping}
    await academy.post("statement-files/mappings", academy.district.operator, body)
    raw = writers.csv_file(uploads.statement(uploads.entry(10_000))).partition(b"\r\n")[2]

    first = await uploads.sent(raw, media="text/csv", account=uploads.account)
    second = await uploads.sent(raw, media="text/csv", account=other.custody.hex)
    again = await uploads.send(raw, media="text/csv", account=other.custody.hex)

    assert first["id"] != second["id"] == again.json()["id"]
    assert (second["posted"], again.status_code) == (1, 200)
    assert await uploads.count("bank_entry") == 2


async def test_a_body_that_is_no_file_is_refused_before_it_is_read(uploads: Uploads) -> None:
    answer = await uploads.send(b"{}", media="application/json")

    assert (answer.status_code, answer.json()["code"]) == (415, "media_type_unsupported")


async def test_a_dry_run_judges_and_keeps_nothing(uploads: Uploads) -> None:
    answer = await uploads.send(uploads.camt(uploads.entry(10_000)), dry_run="true")

    assert (answer.status_code, answer.json()["state"]) == (200, "ACCEPTED")
    assert await uploads.count("statement_file") == 0
