"""Small files of very many days: refused before anything is made of each of them."""

import io

import pytest

from service.statement_files.refused import Reason
from service.statements import import_check
from service.statements.file_faults import FileUnfit
from service.statements.import_check import FILE_DAYS_MAX, Hints, check_file
from tests.fixtures import statement_writers as writers


def of_years(count: int) -> io.BytesIO:
    """Write a camt.053 of so many statements, each of a year of 365 days."""
    raw = writers.camt(writers.statement())
    raw = raw.replace(b"<FrDtTm>2026-03-02", b"<FrDtTm>2025-03-03")
    start, end = raw.index(b"<Stmt>"), raw.index(b"</BkToCstmrStmt>")
    return io.BytesIO(raw[:start] + raw[start:end] * count + raw[end:])


def reason_of(source: io.BytesIO) -> str:
    with pytest.raises(FileUnfit) as refused:
        check_file(source, Hints())
    return refused.value.flaw.reason


def test_the_days_of_all_statements_of_a_file_are_counted_together() -> None:
    fits = FILE_DAYS_MAX // 365

    taken = check_file(of_years(fits), Hints())

    assert sum(len(one.days) for one in taken.statements) == fits * 365
    assert reason_of(of_years(fits + 1)) == Reason.TOO_LARGE


def test_a_file_of_too_many_statements_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_check, "STATEMENTS_MAX", 3)

    taken = check_file(of_years(3), Hints())

    assert len(taken.statements) == 3
    assert reason_of(of_years(4)) == Reason.TOO_LARGE
