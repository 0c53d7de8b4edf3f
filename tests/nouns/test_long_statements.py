"""A long statement is posted in pieces, in little memory, and goes on where it was broken off.

ESCROW_STATEMENT_ENTRIES says how long; `-rP` shows seconds and memory of a run. The figures of
100,000 entries stand in docs/statement-files.md.
"""

import hashlib
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from service.statements import importing
from service.statements.import_check import Hints
from service.statements.import_take import TAKE_FILE, TakeFile
from service.store.context import Context
from service.store.transact import Request
from tests.fixtures import statement_writers as writers
from tests.fixtures.service import fresh_id
from tests.fixtures.statement_uploads import Uploads

ENTRIES = int(os.environ.get("ESCROW_STATEMENT_ENTRIES", "60"))
AT_ONCE = min(importing.LINES_AT_ONCE, max(ENTRIES // 3, 1))
GROWTH_MAX_BYTES = 200 * 1024 * 1024


def written(uploads: Uploads, count: int) -> Iterator[bytes]:
    """Write a camt.053 of so many payments that nobody can place, entry by entry."""
    one = uploads.entry(100, counterparty_name="王小明", purpose="第一期学费 课时费")
    whole = writers.camt(uploads.statement(one))
    start, end = whole.index(b"<Ntry>"), whole.index(b"</Stmt>")
    total = f">{writers.yuan(sum(range(1, count + 1)))}<".encode()
    head = whole[:start].replace(b">1.00<", total)
    yield head.replace(b"<NbOfNtries>1<", f"<NbOfNtries>{count}<".encode())
    entry = whole[start:end].replace(b"F00000001", b"F%08d").replace(b">1.00<", b">%b<")
    for number in range(1, count + 1):
        amount = writers.yuan(number).encode()
        filled = entry.replace(b"F%08d", b"F%08d" % number).replace(b">%b<", b">" + amount + b"<")
        yield filled
    yield whole[end:]


async def taken(uploads: Uploads, source: BinaryIO) -> importing.Posting:
    """Check the file and take it, as an upload does."""
    academy = uploads.academy
    journal = academy.district.journal
    examined = await importing.examine(source, Hints())
    command = TakeFile(
        journal,
        fresh_id(),
        "ICBC",
        hashlib.sha256(journal.to_bytes(2)).digest(),
        source.tell(),
        examined.format,
        examined.hints,
        examined.statements,
        examined.flaw,
    )
    outcome = await academy.district.service.store.transact(
        Request(TAKE_FILE, [command], Context((journal,), bank="ICBC"), "test", journal)
    )
    assert outcome.single()["state"] == "ACCEPTED"
    return importing.Posting(journal, command.file, "test", source, examined)


class BrokenOffError(Exception):
    """Stands for a process that was killed."""


async def test_a_file_broken_off_goes_on_and_posts_nothing_twice(
    uploads: Uploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "LINES_AT_ONCE", AT_ONCE)
    path = tmp_path / "long.xml"
    with path.open("wb") as out:
        out.writelines(written(uploads, ENTRIES))
    store = uploads.academy.district.service.store
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    posting = await taken(uploads, path.open("rb"))
    checked = time.perf_counter() - started

    def broken(done: int, _of: int) -> None:
        if done > ENTRIES // 2:
            raise BrokenOffError

    with pytest.raises(BrokenOffError):
        await importing.post(store, posting, broken)
    stood: dict[str, Any] = {"bank_entry": await uploads.count("bank_entry")}
    row = await importing.post(store, posting)
    posting.source.close()

    seconds = time.perf_counter() - started
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    sys.stdout.write(
        f"{ENTRIES} entries, {path.stat().st_size} bytes: taken in {checked:.1f} s,"
        f" posted in {seconds - checked:.1f} s, the process grew by {grown} bytes\n"
    )
    assert ENTRIES // 2 < stood["bank_entry"] < ENTRIES
    assert (row.state, row.posted, row.matched) == ("POSTED", ENTRIES, 0)
    assert await uploads.count("bank_entry") == ENTRIES
    assert [day["state"] for day in await uploads.days()] == ["AGREED"]
    assert grown < GROWTH_MAX_BYTES
