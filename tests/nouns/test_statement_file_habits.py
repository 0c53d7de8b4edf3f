"""Habits of banks: one number on every statement, closings of the next morning, no references."""

from typing import Any

import pytest

from service.statements import importing
from tests.fixtures.statement_uploads import Uploads

PLAIN = "text/plain"


def swift(uploads: Uploads, opened: str, closed: str, *lines: str, number: int = 0) -> bytes:
    """Write an MT940 of the school's account; balances as C260302CNY0,00."""
    text = "".join(f"{line}\n" for line in lines)
    head = f":20:A\n:25:{uploads.account}\n:28C:{number}\n"
    return f"{head}:60F:{opened}\n{text}:62F:{closed}\n-\n".encode()


async def contents(uploads: Uploads, file: dict[str, Any]) -> list[dict[str, Any]]:
    operator = uploads.academy.district.operator
    found = await uploads.academy.get(f"statement-files/{file['id']}", operator)
    return list(found["contents"])


async def test_a_statement_that_continues_under_the_same_number_is_taken_and_flagged(
    uploads: Uploads,
) -> None:
    first = await uploads.sent(uploads.camt(uploads.entry(10_000), sequence=1))

    second = await uploads.sent(
        uploads.camt(uploads.entry(5_000), opening=10_000, day="2026-03-03", sequence=1)
    )

    third = await uploads.sent(
        uploads.camt(uploads.entry(1), opening=15_000, day="2026-03-04", sequence=2)
    )
    flags = [(await contents(uploads, one))[0]["sequence_repeated"] for one in (first, second)]
    assert flags == [True, True]
    assert [(await contents(uploads, third))[0]["sequence_repeated"]] == [False]
    assert {day["state"] for day in await uploads.days()} == {"AGREED"}


async def test_the_same_number_is_a_recut_where_the_balances_do_not_continue(
    uploads: Uploads,
) -> None:
    await uploads.sent(uploads.camt(uploads.entry(10_000), sequence=1))

    refused = await uploads.refused(
        uploads.camt(uploads.entry(5_000), opening=9_999, day="2026-03-03", sequence=1)
    )

    assert refused == (409, "statement_file_quarantined", "recut")


async def test_the_same_number_is_a_recut_where_a_day_between_is_missing(uploads: Uploads) -> None:
    await uploads.sent(uploads.camt(uploads.entry(10_000), sequence=1))

    refused = await uploads.refused(
        uploads.camt(uploads.entry(5_000), opening=10_000, day="2026-03-04", sequence=1)
    )

    assert refused == (409, "statement_file_quarantined", "recut")


async def test_a_closing_dated_the_next_morning_leaves_that_day_to_the_next_statement(
    uploads: Uploads,
) -> None:
    monday = swift(
        uploads,
        "C260302CNY0,00",
        "C260303CNY100,00",
        ":61:2603020302C100,00NTRFNONREF//A1",
    )
    tuesday = swift(
        uploads,
        "C260303CNY100,00",
        "C260304CNY105,00",
        ":61:2603030303C5,00NTRFNONREF//A2",
    )
    await uploads.sent(monday, media=PLAIN)

    await uploads.sent(tuesday, media=PLAIN)

    assert [(day["day"], day["closing"], day["state"]) for day in await uploads.days()] == [
        ("2026-03-02", "100.00", "AGREED"),
        ("2026-03-03", "105.00", "AGREED"),
    ]


async def test_a_statement_that_closes_before_it_opens_is_refused(uploads: Uploads) -> None:
    backwards = swift(
        uploads,
        "C260303CNY0,00",
        "C260302CNY100,00",
        ":61:2603030303C100,00NTRFNONREF//A1",
    )

    refused = await uploads.refused(backwards, media=PLAIN)

    assert refused == (422, "statement_file_refused", "outside_period")


WITHOUT = (
    ":61:2603020302C100,00NTRFNONREF",
    ":86:A",
    ":61:2603020302C100,00NTRFNONREF",
    ":86:A",
)


async def test_entries_without_reference_are_posted_once_in_whatever_file_they_come(
    uploads: Uploads,
) -> None:
    raw = swift(uploads, "C260302CNY0,00", "C260302CNY200,00", *WITHOUT)
    refused = await uploads.refused(raw, media=PLAIN)
    first = await uploads.sent(raw, media=PLAIN, references="derived")

    again = await uploads.sent(raw.replace(b":20:A", b":20:B"), media=PLAIN, references="derived")

    assert refused == (422, "statement_file_refused", "reference_missing")
    assert (first["posted"], first["matched"]) == (2, 0)
    assert (again["posted"], again["matched"]) == (0, 2)
    assert await uploads.count("bank_entry") == 2


async def test_entries_without_reference_are_refused_where_the_bank_pushed_its_own(
    uploads: Uploads,
) -> None:
    raw = swift(uploads, "C260302CNY0,00", "C260302CNY200,00", *WITHOUT)
    await uploads.academy.receipt(
        "100.00", bank_ref="R1", book_on="2026-03-02", value_on="2026-03-02"
    )

    refused = await uploads.refused(raw, media=PLAIN, references="derived")

    assert refused == (422, "statement_file_refused", "reference_missing")
    assert await uploads.count("bank_entry") == 1


async def test_a_broken_off_file_goes_on_by_what_it_was_read_with(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = swift(uploads, "C260302CNY0,00", "C260302CNY200,00", *WITHOUT)
    with monkeypatch.context() as killed:
        killed.delattr(importing, "post")
        await uploads.send(raw, media=PLAIN, references="derived")

    without = await uploads.send(raw, media=PLAIN)

    assert (without.status_code, without.json()["state"]) == (200, "POSTED")
    assert await uploads.count("bank_entry") == 2
