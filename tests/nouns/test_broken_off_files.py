"""Statement files that were broken off: gone on with as they were read, each by itself."""

import uuid
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from service.identity.bank_signer import ToSign
from service.statements import importing
from service.statements.sweep import finish_files
from service.store.facts import Record
from service.store.transact import Store
from tests.fixtures.signing import AUTHORITY, SigningBank
from tests.fixtures.statement_uploads import Uploads

LONG_AGO = timedelta(seconds=-60)


async def broken_off(icbc: SigningBank, monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    """Send a signed file that is accepted, and of which no line is posted."""
    signed = ToSign(
        "POST",
        AUTHORITY,
        "/v1/statement-files",
        body=raw,
        content_type="application/xml",
        idempotency_key=uuid.uuid4().hex,
    )
    with monkeypatch.context() as killed:
        killed.delattr(importing, "post")
        answer = await icbc.send(signed)
    assert answer.status_code == 500


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
