"""A long statement passes in little memory; ESCROW_STATEMENT_ENTRIES says how long.

The figures of 100,000 entries stand in docs/statement-files.md; `-rP` shows those of a run.
"""

import os
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from service.statement_files import canonical
from service.statement_files.canonical import StatementSummary
from service.statement_files.detect import statement_parts
from tests.fixtures import statement_writers as writers

ENTRIES = int(os.environ.get("ESCROW_STATEMENT_ENTRIES", "2000"))
PEAK_MAX_BYTES = 2 * 1024 * 1024
REFERENCE_MAX_BYTES = 150


def written(count: int) -> Iterator[bytes]:
    one = writers.entry(1, 12_345, counterparty_name="王小明", purpose="第一期学费 课时费")
    whole = writers.camt(writers.statement(one, opening_fen=0))
    start, end = whole.index(b"<Ntry>"), whole.index(b"</Stmt>")
    total = f">{writers.yuan(12_345 * count)}<".encode()
    head = whole[:start].replace(b">123.45<", total)
    yield head.replace(b"<NbOfNtries>1<", f"<NbOfNtries>{count}<".encode())
    for number in range(1, count + 1):
        yield whole[start:end].replace(b"F00000001", f"F{number:08}".encode())
    yield whole[end:]


def summed(path: Path) -> StatementSummary:
    with path.open("rb") as source:
        (summary,) = canonical.summaries(statement_parts(source))
    return summary


def test_a_long_camt_statement_is_checked_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.xml"
    with path.open("wb") as out:
        out.writelines(written(ENTRIES))

    started = time.perf_counter()
    summary = summed(path)
    seconds = time.perf_counter() - started
    tracemalloc.start()
    summed(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    size = path.stat().st_size
    sys.stdout.write(f"{ENTRIES} entries, {size} bytes, {seconds:.2f} s, peak {peak} bytes\n")
    assert (summary.count, summary.closing_fen) == (ENTRIES, 12_345 * ENTRIES)
    assert peak < PEAK_MAX_BYTES + REFERENCE_MAX_BYTES * ENTRIES
