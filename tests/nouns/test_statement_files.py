"""Statement files over HTTP: what a line becomes, and what the same file again does."""

from dataclasses import replace
from io import BytesIO

from service.statement_files.camt import camt_parts
from service.statement_files.canonical import CanonicalEntry
from service.store import statement_lines
from service.store.context import Context
from service.store.vault_rows import vault_of
from tests.fixtures.statement_uploads import Uploads
from tests.fixtures.statement_writers import DAY


async def test_a_line_that_nobody_pushed_is_posted_to_the_enrolment_it_names(
    uploads: Uploads,
) -> None:
    enrolment = await uploads.academy.opened()
    line = uploads.entry(499_999, purpose=f"学费 {enrolment['payment_code']}")

    answer = await uploads.sent(uploads.camt(line))

    assert (answer["state"], answer["lines"], answer["posted"]) == ("POSTED", 1, 1)
    assert (await uploads.academy.money(enrolment))["prepaid"] == "4999.99"
    assert [day["state"] for day in await uploads.days()] == ["AGREED"]


async def test_a_line_that_was_pushed_confirms_it_and_posts_nothing(uploads: Uploads) -> None:
    line = uploads.entry(10_000)
    await uploads.academy.receipt(
        "100.00", bank_ref=line.bank_ref, book_on="2026-03-02", value_on="2026-03-02"
    )

    answer = await uploads.sent(uploads.camt(line))

    assert (answer["matched"], answer["posted"]) == (1, 0)
    assert await uploads.count("bank_entry") == 1
    assert [day["state"] for day in await uploads.days()] == ["AGREED"]


async def test_a_line_that_says_other_than_the_push_is_marked_and_posts_nothing(
    uploads: Uploads,
) -> None:
    line = uploads.entry(10_000)
    await uploads.academy.receipt(
        "100.01", bank_ref=line.bank_ref, book_on="2026-03-02", value_on="2026-03-02"
    )

    answer = await uploads.sent(uploads.camt(line))

    assert (answer["state"], answer["contradicted"], answer["posted"]) == ("POSTED", 1, 0)
    assert await uploads.count("bank_entry") == 1
    assert [day["state"] for day in await uploads.days()] == ["DIFFERENT"]


async def test_the_same_file_again_is_the_same_answer(uploads: Uploads) -> None:
    raw = uploads.camt(uploads.entry(10_000), uploads.entry(-500))
    first = await uploads.sent(raw)

    again = await uploads.send(raw)

    assert again.status_code == 200
    assert again.json()["id"] == first["id"]
    assert await uploads.count("statement_line") == 2
    assert await uploads.count("bank_entry") == 2


async def test_what_is_kept_of_the_banks_words_is_a_keyed_digest(uploads: Uploads) -> None:
    raw = uploads.camt(uploads.entry(10_000, counterparty_name="王小明"))
    await uploads.sent(raw)
    [entry] = (one for one in camt_parts(BytesIO(raw)) if isinstance(one, CanonicalEntry))
    district = uploads.academy.district

    async with district.service.store.reading(Context((district.journal,))) as connection:
        custody = uploads.academy.custody
        [line] = await statement_lines.of_day(connection, district.journal, custody, DAY)
        keyed = vault_of(connection).blind("account", f"statement_line/{entry.raw_hash}")

    assert line.raw_hash == keyed != bytes.fromhex(entry.raw_hash)


async def test_the_same_key_again_is_replayed(uploads: Uploads) -> None:
    raw = uploads.camt(uploads.entry(10_000))
    first = await uploads.sent(raw, key="file-1")

    again = await uploads.send(raw, key="file-1")

    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json()["id"] == first["id"]
    assert again.json()["state"] == "POSTED"


async def test_the_next_day_continues_from_the_day_before(uploads: Uploads) -> None:
    await uploads.sent(uploads.camt(uploads.entry(10_000), sequence=61))

    await uploads.sent(
        uploads.camt(replace(uploads.entry(5_000)), opening=10_000, day="2026-03-03", sequence=62)
    )

    assert [(day["closing"], day["state"]) for day in await uploads.days()] == [
        ("100.00", "AGREED"),
        ("150.00", "AGREED"),
    ]
