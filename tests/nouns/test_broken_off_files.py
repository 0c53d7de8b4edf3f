"""Statement files that were broken off: gone on with as they were read, each by itself."""

import asyncio
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any, BinaryIO
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import capture_logs

from service.identity.bank_signer import ToSign
from service.statements import importing, mappings
from service.statements.import_check import Hints
from service.statements.sweep import finish_files
from service.store.context import Context
from service.store.facts import Record
from service.store.transact import Store
from tests.fixtures import statement_writers as writers
from tests.fixtures.signing import AUTHORITY, SigningBank
from tests.fixtures.statement_uploads import Uploads

LONG_AGO = timedelta(seconds=-60)


async def broken_off(
    icbc: SigningBank,
    monkeypatch: pytest.MonkeyPatch,
    raw: bytes,
    media: str = "application/xml",
) -> None:
    """Send a signed file that is accepted, and of which no line is posted."""
    signed = ToSign(
        "POST",
        AUTHORITY,
        "/v1/statement-files",
        body=raw,
        content_type=media,
        idempotency_key=uuid.uuid4().hex,
    )
    with monkeypatch.context() as killed:
        killed.delattr(importing, "post")
        answer = await icbc.send(signed)
    assert answer.status_code == 500


async def in_units(uploads: Uploads, unit: str) -> None:
    """Let the operator say that the bank's CSV has yuan or fen."""
    academy = uploads.academy
    mapping = {
        "encoding": "gb18030",
        "unit": unit,
        "references": list(writers.MAPPING.references),
        "columns": {name: column.value for name, column in writers.MAPPING.columns.items()},
        "figures": {name: figure.value for name, figure in writers.MAPPING.figures.items()},
    }
    body = {"bank": "ICBC", "mapping": mapping}
    answer = await academy.post("statement-files/mappings", academy.district.operator, body)
    assert answer.status_code in {200, 201}, answer.text


def in_fen(uploads: Uploads) -> bytes:
    """Write a CSV of 100 yuan in fen, which would chain in yuan too."""
    statement = uploads.statement(uploads.entry(10_000))
    return writers.csv_file(statement, replace(writers.MAPPING, unit="FEN"))


async def test_the_worker_goes_on_by_the_mapping_that_a_file_was_accepted_with(
    uploads: Uploads, icbc: SigningBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_units(uploads, "FEN")
    await broken_off(icbc, monkeypatch, in_fen(uploads), "text/csv")
    await in_units(uploads, "YUAN")
    district = uploads.academy.district

    await finish_files(district.service.store, district.journal, after=LONG_AGO)

    assert [(day["closing"], day["state"]) for day in await uploads.days()] == [
        ("100.00", "AGREED")
    ]


async def test_the_same_bytes_again_go_on_by_the_mapping_that_they_were_accepted_with(
    uploads: Uploads, icbc: SigningBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_units(uploads, "FEN")
    raw = in_fen(uploads)
    await broken_off(icbc, monkeypatch, raw, "text/csv")
    await in_units(uploads, "YUAN")

    answer = await uploads.send(raw, media="text/csv")

    assert (answer.status_code, answer.json()["state"]) == (200, "POSTED")
    assert [(day["closing"], day["state"]) for day in await uploads.days()] == [
        ("100.00", "AGREED")
    ]


async def test_nothing_is_posted_of_a_file_that_would_be_read_with_other_figures(
    uploads: Uploads, icbc: SigningBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_units(uploads, "FEN")
    raw = in_fen(uploads)
    await broken_off(icbc, monkeypatch, raw, "text/csv")
    kept = mappings.hints_kept

    async def as_yuan(connection: AsyncConnection, file: Record) -> Hints:
        hints = await kept(connection, file)
        assert hints.mapping is not None
        return replace(hints, mapping=replace(hints.mapping, unit="YUAN"))

    with monkeypatch.context() as changed:
        changed.setattr(mappings, "hints_kept", as_yuan)
        refused = await uploads.send(raw, media="text/csv")

    assert (refused.status_code, refused.json()["code"]) == (409, "statement_file_unfinished")
    assert await uploads.count("bank_entry") == 0


async def test_a_file_that_cannot_be_finished_keeps_up_none_of_the_others(
    uploads: Uploads, icbc: SigningBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday = uploads.camt(uploads.entry(10_000), sequence=61)
    tuesday = uploads.camt(uploads.entry(1), opening=10_000, day="2026-03-03", sequence=62)
    for raw in (monday, tuesday):
        await broken_off(icbc, monkeypatch, raw)
    store, journal = uploads.academy.district.service.store, uploads.academy.district.journal
    whole, asked = importing.post, list[UUID]()

    async def failing_first(store: Store, posting: importing.Posting, *rest: Any) -> Record:
        asked.append(posting.file)
        if len(asked) == 1:
            raise ValueError("王小明")
        return await whole(store, posting, *rest)

    with monkeypatch.context() as failing, capture_logs() as told:
        failing.setattr(importing, "post", failing_first)
        done = await finish_files(store, journal, after=LONG_AGO)
    later = await finish_files(store, journal, after=LONG_AGO)

    assert (done, later, len(set(asked))) == (1, 1, 2)
    assert [(one["event"], one["error"]) for one in told if one["log_level"] == "error"] == [
        ("statement_file.not_finished", "ValueError")
    ]
    assert "王小明" not in str(told)
    assert await uploads.count("bank_entry") == 2


async def lines_noted(uploads: Uploads) -> list[tuple[str, str]]:
    """Read which lines the journal says were taken, the first and the last of each unit."""
    district = uploads.academy.district
    context = Context((district.journal,))
    async with district.service.store.reading(context) as connection:
        found = await connection.execute(
            text(
                "SELECT refs::jsonb ->> 'first_line', refs::jsonb ->> 'last_line' FROM"
                " escrow.journal_transaction WHERE journal_id = :journal"
                " AND kind = 'STATEMENT_LINES_TAKEN'"
            ),
            {"journal": district.journal},
        )
    return [(row[0], row[1]) for row in found]


async def test_lines_that_another_sender_took_are_noted_in_the_journal_once(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = uploads.camt(*(uploads.entry(100 + n) for n in range(20)))
    both, find_orders = asyncio.Barrier(2), importing._orders

    async def together(*given: Any) -> Any:
        await both.wait()
        return await find_orders(*given)

    monkeypatch.setattr(importing, "_orders", together)
    await asyncio.gather(uploads.send(raw), uploads.send(raw))

    assert await lines_noted(uploads) == [("1", "20")]


async def test_no_more_than_two_uploads_are_read_at_once(
    uploads: Uploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = uploads.camt(uploads.entry(10_000))
    examine, running, most = importing.examine, [0], [0]

    async def counted(source: BinaryIO, hints: Hints) -> importing.Examined:
        running[0] += 1
        most[0] = max(most[0], running[0])
        await asyncio.sleep(0.05)
        examined = await examine(source, hints)
        running[0] -= 1
        return examined

    monkeypatch.setattr(importing, "examine", counted)
    answers = await asyncio.gather(*(uploads.send(raw) for _ in range(5)))

    assert most == [2]
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
