"""Every format says what the canonical statement says, and the writer is judged by libraries."""

import importlib
import io
from dataclasses import replace
from decimal import Decimal

import mt940
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.serializers import XmlSerializer

from service.statement_files import canonical
from service.statement_files.canonical import CanonicalStatement, Kind
from service.statement_files.csv_mapping import CsvMapping
from service.statement_files.detect import Format, detected, statement_parts
from service.statement_files.texts import clean
from tests.fixtures import statement_writers as writers

LETTERS = "学费课时第一期李㐂𠮷欧阳ABCabc0123456789 "
texts = st.text(LETTERS, max_size=70).map(clean)
amounts = st.integers(1, 10**11).flatmap(lambda fen: st.sampled_from([fen, -fen]))


@st.composite
def statements(draw: st.DrawFn) -> CanonicalStatement:
    drawn = draw(st.lists(st.tuples(amounts, st.booleans(), texts, texts), max_size=5))
    entries = [
        writers.entry(
            number,
            fen,
            is_reversal=is_reversal,
            counterparty_name=name,
            counterparty_account="6217000100100" if name else "",
            purpose=purpose,
            end_to_end_id=f"ord{number}" if purpose else "",
        )
        for number, (fen, is_reversal, name, purpose) in enumerate(drawn, start=1)
    ]
    return writers.statement(*entries, opening_fen=draw(st.integers(-(10**6), 10**12)))


def read(raw: bytes, mapping: CsvMapping | None = None) -> CanonicalStatement:
    (one,) = canonical.statements(statement_parts(io.BytesIO(raw), mapping=mapping))
    return one


def bare(one: CanonicalStatement) -> CanonicalStatement:
    """Leave out what only some formats say: hashes and balances between."""
    entries = [replace(e, raw_hash="", balance_after_fen=None) for e in one.entries]
    return CanonicalStatement(one.summary, tuple(entries))


EXAMPLE = writers.statement(
    writers.entry(
        1, 499_999, counterparty_name="李㐂", counterparty_account="6217", purpose="学费"
    ),
    writers.entry(2, -500, purpose="手续费 <A&B>"),
    writers.entry(3, 500, is_reversal=True, end_to_end_id="ord1"),
)


@settings(max_examples=25, deadline=None)
@given(made=statements(), version=st.integers(2, 12))
def test_camt_053_of_any_version_reads_back(made: CanonicalStatement, version: int) -> None:
    assert bare(read(writers.camt(made, version=version))) == made


@settings(max_examples=25, deadline=None)
@given(made=statements(), encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]))
def test_mt940_of_any_number_of_pages_reads_back(made: CanonicalStatement, encoding: str) -> None:
    paged = writers.mt940(made, encoding=encoding, entries_per_page=2)

    assert bare(read(paged)) == made


@settings(max_examples=25, deadline=None)
@given(
    made=statements(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
    delimiter=st.sampled_from(",\t;|"),
    unit=st.sampled_from(["YUAN", "FEN"]),
)
def test_csv_by_any_mapping_reads_back(
    made: CanonicalStatement, encoding: str, delimiter: str, unit: str
) -> None:
    mapping = replace(
        writers.MAPPING,
        encoding=encoding,
        delimiter=delimiter,
        unit=unit,  # type: ignore[arg-type]
    )

    assert bare(read(writers.csv_file(made, mapping), mapping)) == made


@pytest.mark.parametrize("message", ["052", "053", "054"])
@pytest.mark.parametrize("version", range(2, 13))
def test_what_the_generated_iso_20022_classes_write_is_read(message: str, version: int) -> None:
    module = importlib.import_module(f"pyiso20022.camt.camt_{message}_001_{version:02}")
    document = XmlParser().from_bytes(
        writers.camt(EXAMPLE, message=message, version=version), module.Document
    )
    raw = XmlSerializer().render(document).encode()

    found = read(raw)

    kind = {"052": Kind.REPORT, "053": Kind.STATEMENT, "054": Kind.NOTIFICATION}[message]
    opening = None if message == "054" else EXAMPLE.summary.opening_fen
    assert bare(found).entries == EXAMPLE.entries
    assert found.summary.kind is kind
    assert found.summary.opening_fen == opening


def test_the_mt_940_library_finds_the_same_sums() -> None:
    raw = writers.mt940(EXAMPLE, entries_per_page=2)

    library = mt940.models.Transactions()
    library.parse(raw.decode().replace("\r\n", "\n"))
    amounts_ = [one.data["amount"].amount for one in library.transactions]

    assert amounts_ == [Decimal(e.signed_fen) / 100 for e in read(raw).entries]
    assert library.data["final_closing_balance"].amount.amount == Decimal("5999.99")


def test_the_raw_hash_tells_entries_apart_and_is_the_same_for_the_same_bytes() -> None:
    for raw, mapping in [
        (writers.camt(EXAMPLE), None),
        (writers.mt940(EXAMPLE), None),
        (writers.csv_file(EXAMPLE), writers.MAPPING),
    ]:
        hashes = [e.raw_hash for e in read(raw, mapping).entries]

        assert hashes == [e.raw_hash for e in read(raw, mapping).entries]
        assert len(set(hashes)) == 3


def test_each_format_is_told_by_its_first_bytes() -> None:
    made = {
        Format.CAMT: [writers.camt(EXAMPLE), b"\xef\xbb\xbf\n<Document/>"],
        Format.MT940: [writers.mt940(EXAMPLE), b"{1:F01BANK}{4:\r\n:20:1\r\n"],
        Format.CSV: [writers.csv_file(EXAMPLE), "账号,1\n".encode("gbk")],
    }

    told = {form: {detected(io.BytesIO(raw)) for raw in raws} for form, raws in made.items()}

    assert told == {form: {form} for form in made}
