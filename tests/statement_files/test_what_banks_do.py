"""What banks really write: batches, envelopes, pending entries, odd encodings, formula cells."""

import io
from dataclasses import replace
from datetime import date

import pytest

from service.statement_files import canonical
from service.statement_files.canonical import CanonicalStatement, Direction, EntryPart
from service.statement_files.csv_mapping import Column, CsvMapping, Figure
from service.statement_files.detect import statement_parts
from service.statement_files.mt940_details import Details, details
from tests.fixtures import statement_writers as writers

MADE = writers.statement(
    writers.entry(1, 499_999, counterparty_name="王小明", purpose="学费", end_to_end_id="ord1"),
    writers.entry(2, -500, purpose="手续费"),
)


def read(raw: bytes, mapping: CsvMapping | None = None) -> tuple[CanonicalStatement, ...]:
    return canonical.statements(statement_parts(io.BytesIO(raw), mapping=mapping))


def without_hashes(read_: tuple[CanonicalStatement, ...]) -> list[CanonicalStatement]:
    return [
        CanonicalStatement(one.summary, tuple(replace(e, raw_hash="") for e in one.entries))
        for one in read_
    ]


# --- camt ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["GBK", "gb2312", "GB18030", "utf-16", "utf-8-sig"])
def test_camt_in_another_encoding_says_the_same(encoding: str) -> None:
    declared = "UTF-8" if encoding == "utf-8-sig" else encoding
    raw = writers.camt(MADE).decode().replace("UTF-8", declared).encode(encoding)

    assert without_hashes(read(raw)) == [MADE]


def test_a_document_in_an_envelope_is_found() -> None:
    raw = writers.camt(MADE).split(b"?>", 1)[1]
    envelope = b'<Env xmlns="urn:a"><AppHdr><Id>1</Id></AppHdr>' + raw + b"</Env>"

    assert without_hashes(read(envelope)) == [MADE]


def test_a_statement_may_say_much_that_is_not_read() -> None:
    much = "".join(f"<X{n}>1</X{n}>" for n in range(500))
    raw = writers.camt(MADE).decode().replace("<Acct>", f"{much}<Acct>")

    assert without_hashes(read(raw.replace("<Bal>", f"<Bal>{much}").encode())) == [MADE]


def test_every_statement_of_a_file_is_read() -> None:
    second = writers.statement(writers.entry(3, 7), account="6222000033334444", sequence=9)
    start = b"<Stmt>" + writers.camt(second).split(b"<Stmt>", 1)[1].split(b"</Stmt>")[0]
    raw = writers.camt(MADE).replace(b"</Stmt>", b"</Stmt>" + start + b"</Stmt>")

    (one, other) = without_hashes(read(raw))

    assert one == MADE
    assert other.summary == second.summary
    assert [e.entry_seq for e in other.entries] == [1]


def test_a_batch_keeps_its_payments() -> None:
    part = (
        "<TxDtls><Refs><EndToEndId>{}</EndToEndId></Refs><AmtDtls><TxAmt>"
        '<Amt Ccy="CNY">{}</Amt></TxAmt></AmtDtls></TxDtls>'
    )
    raw = writers.camt(MADE).decode()
    start = raw.index("<TxDtls>")
    end = raw.index("</TxDtls>") + len("</TxDtls>")
    batch = raw[:start] + part.format("o1", "4000.00") + part.format("o2", "999.99") + raw[end:]

    first = read(batch.encode())[0].entries[0]

    assert first.parts == (EntryPart("o1", 400_000), EntryPart("o2", 99_999))
    assert first.amount_fen == 499_999
    assert first.end_to_end_id == ""


def test_a_report_leaves_out_what_is_pending() -> None:
    raw = writers.camt(MADE, message="052").decode()

    (found,) = read(raw.replace("<Cd>BOOK", "<Cd>PDNG", 1).encode())

    assert [e.bank_ref for e in found.entries] == ["F00000002"]
    assert found.entries[0].entry_seq == 1


def test_amounts_with_more_zeros_than_cents_say_the_same() -> None:
    raw = writers.camt(MADE).replace(b"4999.99<", b"4999.99000<").replace(b"5994.99<", b"5994.990<")

    assert without_hashes(read(raw)) == [MADE]


def test_an_instant_is_a_date_in_shanghai() -> None:
    raw = writers.camt(MADE).replace(
        b"<BookgDt><Dt>2026-03-02</Dt>", b"<BookgDt><DtTm>2026-03-01T16:30:00Z</DtTm>"
    )

    assert {e.booked_on for e in read(raw)[0].entries} == {date(2026, 3, 2)}


def test_a_part_of_a_batch_in_another_currency_has_no_amount_here() -> None:
    raw = writers.camt(MADE, version=4)
    start, end = raw.index(b"<TxDtls>"), raw.index(b"</TxDtls>") + len(b"</TxDtls>")
    foreign = raw[start:end].replace(b'Ccy="CNY"', b'Ccy="USD"')

    first = read(raw[:end] + foreign + raw[end:])[0].entries[0]

    assert [part.amount_fen for part in first.parts] == [499_999, None]


# --- MT940 --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mark", "direction", "is_reversal"),
    [
        ("C", Direction.CREDIT, False),
        ("D", Direction.DEBIT, False),
        ("RC", Direction.DEBIT, True),
        ("RD", Direction.CREDIT, True),
    ],
)
def test_marks_of_mt940(mark: str, direction: Direction, *, is_reversal: bool) -> None:
    closing = "C260302CNY105,00" if direction is Direction.CREDIT else "C260302CNY95,00"
    raw = (
        "BANKCNBJ\n940\nBANKCNBJ\n:20:ONE \n:25:6222 \n:28:7 \n:60F:C260302CNY100,00 \n"
        f":61:2603020302{mark}R5,FMSCNONREF//77 \nCARD\n:62F:{closing}\n:64:{closing}\n\n-\n"
    )

    (found,) = read(raw.encode())[0].entries

    assert (found.direction, found.is_reversal) == (direction, is_reversal)
    assert (found.bank_ref, found.purpose, found.amount_fen) == ("77", "CARD", 500)


def test_a_booking_day_of_the_year_before_is_of_the_year_before() -> None:
    raw = (
        ":20:A\n:25:6222\n:28C:1\n:60F:C251231CNY0,00\n:61:2601011231C1,00NTRFNONREF//1\n"
        ":62F:C251231CNY1,00\n-\n"
    )

    (found,) = read(raw.encode())[0].entries

    assert (found.booked_on, found.value_on) == (date(2025, 12, 31), date(2026, 1, 1))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("学费 第一\n期", Details(purpose="学费 第一期")),
        ("学费/EREF/o1/ORDP//NAME/王/ACCT/62", Details("王", "62", "学费", "o1")),
        ("/REMI/ＡＢＣ", Details(purpose="ABC")),
        (
            "166?00X?20Rent?\n21 May?31DE1?32A?33B",
            Details(name="AB", account="DE1", purpose="Rent May"),
        ),
    ],
)
def test_details_of_mt940(text: str, found: Details) -> None:
    assert details(text) == found


# --- CSV ----------------------------------------------------------------------------------------


def test_csv_with_signed_amounts_newest_first_and_cells_for_spreadsheets() -> None:
    mapping = CsvMapping(
        encoding="utf-8-sig",
        references=("流水号", "序号"),
        columns={
            "日期": Column.BOOKED_ON,
            "金额（元）": Column.AMOUNT,
            "余额": Column.BALANCE_AFTER,
            "备注": Column.PURPOSE,
        },
        figures={"期初余额": Figure.OPENING, "期末余额": Figure.CLOSING},
        date_format="%Y/%m/%d",
        newest_first=True,
        ends_with_newline=False,
        ignored=frozenset({"网点"}),
    )
    raw = (
        "某某银行对账单\n\n期初余额：,100.00\n流水号,序号,日期,金额(元),余额,备注,网点\n"
        '="0002",1,2026/3/2,"-1,000.50",−899.50,=HYPERLINK(0),x\n'
        '="0001",1,2026/3/1,１.00,101.00,@SUM,x\n期末余额,-899.50'
    ).replace("−", "-")

    (found,) = canonical.statements(
        statement_parts(io.BytesIO(raw.encode("utf-8-sig")), mapping=mapping, account="6222")
    )

    assert [(e.bank_ref, e.signed_fen, e.purpose) for e in found.entries] == [
        ("0001-1", 100, "@SUM"),
        ("0002-1", -100_050, "=HYPERLINK(0)"),
    ]
    assert (found.summary.from_on, found.summary.to_on) == (date(2026, 3, 1), date(2026, 3, 2))
    assert found.summary.account == "6222"


def test_a_day_without_entries_is_a_statement() -> None:
    quiet = writers.statement(opening_fen=-5)

    for raw in (writers.camt(quiet), writers.mt940(quiet), writers.csv_file(quiet)):
        assert read(raw, writers.MAPPING) == (quiet,)
