"""Any damage to a file is refused with a reason or leaves a statement that still chains."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.statement_files import canonical
from service.statement_files.canonical import CanonicalStatement
from service.statement_files.detect import statement_parts
from service.statement_files.refused import StatementFileInvalid
from tests.fixtures import statement_writers as writers

MADE = writers.statement(
    writers.entry(1, 499_999, counterparty_name="李㐂", purpose="学费", end_to_end_id="ord1"),
    writers.entry(2, -512, purpose="手续费"),
    writers.entry(3, 500, is_reversal=True),
)
FILES = {
    "camt.053": writers.camt(MADE),
    "MT940": writers.mt940(MADE, entries_per_page=2),
    "MT940 GBK": writers.mt940(MADE, encoding="gb18030"),
    "CSV": writers.csv_file(MADE),
}


def read(raw: bytes) -> tuple[CanonicalStatement, ...] | None:
    """Read a file; None where it is refused. Anything else that is raised fails the test."""
    try:
        return canonical.statements(statement_parts(io.BytesIO(raw), mapping=writers.MAPPING))
    except StatementFileInvalid:
        return None


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_anywhere_is_refused_or_says_the_same(name: str) -> None:
    raw = FILES[name]
    whole = read(raw)

    for length in range(len(raw)):
        # A sum that bank and file need not state may be lost with the last lines.
        assert read(raw[:length]) in {None, whole}, length


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_byte_changed_is_refused_or_leaves_a_statement_that_chains(
    name: str, data: st.DataObject
) -> None:
    raw = bytearray(FILES[name])
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))

    for one in read(bytes(raw)) or ():
        summary = one.summary
        assert summary.opening_fen is not None
        assert summary.opening_fen + sum(e.signed_fen for e in one.entries) == summary.closing_fen


@pytest.mark.parametrize("opening", [b"<", b":20:1\n", b"", b"{1:F01}\n:20:", b"\xff\xfe<"])
@settings(max_examples=60, deadline=None)
@given(rest=st.binary(max_size=300))
def test_bytes_of_any_kind_are_refused(opening: bytes, rest: bytes) -> None:
    assert read(opening + rest) is None
