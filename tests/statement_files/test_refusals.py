"""Each reason for which a file is refused, by a file that is refused for it."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from service.statement_files import canonical
from service.statement_files.canonical import CanonicalEntry
from service.statement_files.csv_mapping import Column, CsvMapping
from service.statement_files.detect import statement_parts
from service.statement_files.refused import MEANINGS, Reason, StatementFileInvalid
from service.statement_files.texts import chinese_encoding, fen_of
from tests.fixtures import statement_writers as writers

MADE = writers.statement(
    writers.entry(1, 499_999, counterparty_name="王小明", purpose="学费"),
    writers.entry(2, -500, purpose="手续费"),
)
CAMT, MT940, CSV = writers.camt(MADE), writers.mt940(MADE), writers.csv_file(MADE)
PAGED = writers.mt940(MADE, entries_per_page=1)


def refusal(raw: bytes, mapping: CsvMapping | None = writers.MAPPING) -> StatementFileInvalid:
    with pytest.raises(StatementFileInvalid) as refused:
        canonical.summaries(statement_parts(io.BytesIO(raw), mapping=mapping))
    return refused.value


def changed(raw: bytes, was: str, becomes: str, encoding: str = "utf-8") -> bytes:
    assert was.encode(encoding) in raw, was
    return raw.replace(was.encode(encoding), becomes.encode(encoding), 1)


@pytest.mark.parametrize(
    ("was", "becomes", "reason"),
    [
        ("<Document", "<!DOCTYPE a><Document", Reason.DOCTYPE_FORBIDDEN),
        (
            "<Document",
            '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Document',
            Reason.DOCTYPE_FORBIDDEN,
        ),
        ("手续费", "&b;", Reason.MALFORMED),
        ("camt.053.001.08", "camt.053.001.01", Reason.UNSUPPORTED_VERSION),
        ("camt.053.001.08", "camt.053.001.13", Reason.UNSUPPORTED_VERSION),
        ("camt.053.001.08", "pain.001.001.09", Reason.UNSUPPORTED_VERSION),
        ("<Ccy>CNY", "<Ccy>USD", Reason.WRONG_CURRENCY),
        ('<Amt Ccy="CNY">4999.99', '<Amt Ccy="USD">4999.99', Reason.WRONG_CURRENCY),
        ('<Amt Ccy="CNY">4999.99', '<Amt Ccy="CNY">4999.991', Reason.AMOUNT),
        ('<Amt Ccy="CNY">4999.99', '<Amt Ccy="CNY">-4999.99', Reason.AMOUNT),
        ('<Amt Ccy="CNY">4999.99', '<Amt Ccy="CNY">4,999.99', Reason.AMOUNT),
        ('<Amt Ccy="CNY">4999.99', '<Amt Ccy="CNY">4.99999E3', Reason.AMOUNT),
        ('<Amt Ccy="CNY">4999.99', '<Amt Ccy="CNY">4999.98', Reason.CHAIN_BROKEN),
        ("<Sum>4999.99", "<Sum>4999.98", Reason.SUM_DIFFERS),
        ("<NbOfNtries>2<", "<NbOfNtries>3<", Reason.COUNT_DIFFERS),
        ("<NbOfNtries>2<", "<NbOfNtries>two<", Reason.MALFORMED),
        ("<Cd>CLBD", "<Cd>CLAV", Reason.BALANCE_MISSING),
        ("<Cd>OPBD", "<Cd>OPAV", Reason.BALANCE_MISSING),
        ("<Cd>BOOK", "<Cd>PDNG", Reason.NOT_BOOKED),
        ("F00000002", "F00000001", Reason.DUPLICATE_REFERENCE),
        ("<CdtDbtInd>CRDT</CdtDbtInd><Sts>", "<Sts>", Reason.DIRECTION),
        ("<BookgDt><Dt>2026-03-02", "<BookgDt><Dt>2026-02-30", Reason.DATE),
        ("<BookgDt><Dt>2026-03-02</Dt></BookgDt>", "", Reason.DATE),
        ("<Id><Othr><Id>6222000011112222</Id></Othr></Id>", "", Reason.WRONG_ACCOUNT),
        ("</Document>", "", Reason.TRUNCATED),
        ('encoding="UTF-8"', 'encoding="EBCDIC"', Reason.ENCODING),
        ("手续费", "手" * 70_000, Reason.TOO_LARGE),
        (
            "<CreDtTm>2026-03-02T23:30:00</CreDtTm>\n<FrToDt>",
            "<StmtPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></StmtPgntn><FrToDt>",
            Reason.PAGE_MISSING,
        ),
        (
            "<CreDtTm>2026-03-02T23:30:00</CreDtTm>\n<FrToDt>",
            "<StmtPgntn><PgNb>2</PgNb><LastPgInd>true</LastPgInd></StmtPgntn><FrToDt>",
            Reason.PAGE_MISSING,
        ),
        ('<Amt Ccy="CNY">5994.99', '<Amt Ccy="SEK">5994.99', Reason.WRONG_CURRENCY),
        (
            ' xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"',
            "",
            Reason.UNSUPPORTED_VERSION,
        ),
        ("<MsgId>M1</MsgId>", "<MsgId>" * 41, Reason.TOO_LARGE),
    ],
)
def test_a_camt_file_is_refused_with_its_reason(was: str, becomes: str, reason: Reason) -> None:
    assert refusal(changed(CAMT, was, becomes)).reason is reason


def test_a_camt_entry_needs_a_reference_of_the_bank() -> None:
    raw = changed(CAMT, "<AcctSvcrRef>F00000001</AcctSvcrRef>", "")

    assert refusal(changed(raw, "<NtryRef>1</NtryRef>", "")).reason is Reason.REFERENCE_MISSING


@pytest.mark.parametrize(
    ("was", "becomes", "reason"),
    [
        (":60F:C260302CNY", ":60F:C260302EUR", Reason.WRONG_CURRENCY),
        ("C4999,99", "C4999,98", Reason.CHAIN_BROKEN),
        ("C4999,99", "C4999.99", Reason.AMOUNT),
        ("C4999,99", "C4999,999", Reason.AMOUNT),
        ("C4999,99", "C0,00", Reason.AMOUNT),
        ("C4999,99", "RC4999,99", Reason.CHAIN_BROKEN),
        ("//F00000001", "", Reason.REFERENCE_MISSING),
        ("//F00000001", "//" + "9" * 30, Reason.MALFORMED),
        ("F00000002", "F00000001", Reason.DUPLICATE_REFERENCE),
        (":61:260301", ":61:260230", Reason.DATE),
        (":25:6222000011112222", ":25:", Reason.WRONG_ACCOUNT),
        (":28C:61/1", ":28C:x", Reason.MALFORMED),
        (":60F:C260302CNY1000,00\r\n", "", Reason.BALANCE_MISSING),
        (":62F:C260302CNY5994,99\r\n", "", Reason.TRUNCATED),
        (":62F:", ":62M:", Reason.PAGE_MISSING),
        (":60F:", ":60M:", Reason.PAGE_MISSING),
        (":20:61\r\n", "", Reason.MALFORMED),
        (":86:/NAME", ":99:/NAME", Reason.MALFORMED),
    ],
)
def test_an_mt940_file_is_refused_with_its_reason(was: str, becomes: str, reason: Reason) -> None:
    assert refusal(changed(MT940, was, becomes)).reason is reason


@pytest.mark.parametrize(
    ("was", "becomes", "reason"),
    [
        (":28C:61/2", ":28C:61/3", Reason.PAGE_MISSING),
        (":28C:61/2", ":28C:62/2", Reason.PAGE_MISSING),
        (":60M:C260302CNY5999,99", ":60M:C260302CNY5999,98", Reason.CHAIN_BROKEN),
        ("-\r\n:20:61\r\n:25:6222", "-\r\n:20:61\r\n:25:6333", Reason.WRONG_ACCOUNT),
    ],
)
def test_pages_of_mt940_that_do_not_fit_are_refused(was: str, becomes: str, reason: Reason) -> None:
    assert refusal(changed(PAGED, was, becomes)).reason is reason


@pytest.mark.parametrize(
    ("was", "becomes", "reason"),
    [
        ("人民币", "USD", Reason.WRONG_CURRENCY),
        (",4999.99,", ",4999.98,", Reason.CHAIN_BROKEN),
        (",4999.99,", ",4999.999,", Reason.AMOUNT),
        (",4999.99,", ",=4999+0.99,", Reason.AMOUNT),
        (",4999.99,", ",４９９９.９９元,", Reason.AMOUNT),
        (",4999.99,", ",0.00,", Reason.AMOUNT),
        (",4999.99,,", ",4999.99,1.00,", Reason.AMOUNT),
        ("总笔数,2", "总笔数,3", Reason.COUNT_DIFFERS),
        ("借方合计,5.00", "借方合计,5.01", Reason.SUM_DIFFERS),
        ("期末余额,5994.99\r\n", "", Reason.BALANCE_MISSING),
        ("期末余额,5994.99", "期末余额,5994.98", Reason.CHAIN_BROKEN),
        ("起息日", "起息", Reason.COLUMN_MISSING),
        ("摘要,业务编号", "摘要,业务编号,新列", Reason.UNKNOWN_COLUMN),
        ("F00000001,", ",", Reason.REFERENCE_MISSING),
        ("F00000002", "F00000001", Reason.DUPLICATE_REFERENCE),
        ("20260302,20260301", "20260302,20260230", Reason.DATE),
        ("20260302,20260301", "20260302,2026031", Reason.DATE),
        ("账号:,6222000011112222\r\n", "", Reason.WRONG_ACCOUNT),
        ("王小明", '"王小明', Reason.MALFORMED),
        ("总笔数,2\r\n", "总笔数\r\n", Reason.MALFORMED),
        ("总笔数,2\r\n贷", "总笔数,2\r\nF9,20260302\r\n贷", Reason.MALFORMED),
    ],
)
def test_a_csv_file_is_refused_with_its_reason(was: str, becomes: str, reason: Reason) -> None:
    assert refusal(changed(CSV, was, becomes, "gb18030")).reason is reason


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Reason.EMPTY),
        (b" \r\n", Reason.EMPTY),
        (b"PK\x03\x04xlsx", Reason.UNKNOWN_FORMAT),
        (b"<html></html>", Reason.UNKNOWN_FORMAT),
        (b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"/>', Reason.EMPTY),
        (CSV[:-1], Reason.TRUNCATED),
        (CSV.replace("学费".encode("gbk"), b"\xff\xff"), Reason.ENCODING),
        (CAMT.replace("学费".encode(), "学费".encode("gbk")), Reason.ENCODING),
        (MT940.replace("学费".encode(), b"\xff\xff"), Reason.ENCODING),
    ],
)
def test_a_file_that_is_no_statement_is_refused(raw: bytes, reason: Reason) -> None:
    assert refusal(raw).reason is reason


def test_a_csv_without_a_mapping_is_of_no_known_format() -> None:
    assert refusal(CSV, mapping=None).reason is Reason.UNKNOWN_FORMAT


@pytest.mark.parametrize("raw", [CAMT, MT940, CSV])
def test_a_file_over_the_limit_is_refused(raw: bytes) -> None:
    parts = statement_parts(io.BytesIO(raw), mapping=writers.MAPPING, max_bytes=100)

    with pytest.raises(StatementFileInvalid, match="too_large"):
        canonical.summaries(parts)


def test_another_account_than_the_sender_says_is_refused() -> None:
    parts = statement_parts(io.BytesIO(CSV), mapping=writers.MAPPING, account="999")

    with pytest.raises(StatementFileInvalid, match="wrong_account"):
        canonical.summaries(parts)


def test_a_direction_word_that_the_mapping_does_not_know_is_refused() -> None:
    columns = {
        "日期": Column.BOOKED_ON,
        "金额": Column.AMOUNT,
        "借贷": Column.DIRECTION,
    }
    mapping = replace(writers.MAPPING, columns=columns)
    rows = "账号,1\n期初余额,0.00\n期末余额,8.00\n交易流水号,日期,金额,借贷\nA,20260302,8.00,{}\n"

    read = canonical.statements(
        statement_parts(io.BytesIO(rows.format("贷").encode("gbk")), mapping=mapping)
    )

    assert read[0].summary.credit_fen == 800
    assert refusal(rows.format("?").encode("gbk"), mapping).reason is Reason.DIRECTION


def test_a_refusal_says_where_and_nothing_of_the_content() -> None:
    refused = refusal(changed(CSV, ",4999.99,", ",4999.999,", "gb18030"))

    assert str(refused) == "amount at line 7, entry 1"
    assert refused.__cause__ is None


def test_every_reason_is_explained() -> None:
    page = (Path(__file__).parents[2] / "docs" / "statement-files.md").read_text()

    assert set(MEANINGS) == set(Reason)
    assert [r for r in Reason if f"| `{r}` | {MEANINGS[r]} |" not in page] == []


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("1,234.50", 123_450),
        ("1234.5", 123_450),
        ("１，２３４．５０", 123_450),
        ("￥1", 100),
        ("-0.01", -1),
        ("1,234,567", 123_456_700),
    ],
)
def test_amounts_in_yuan_are_read_exactly(text: str, fen: int) -> None:
    assert fen_of(text, "YUAN") == fen


@pytest.mark.parametrize(
    "text", ["", "1.234", "1,23", "12,34.00", "1 234", "1e3", "NaN", "0x1", "٣", "1.", ".5", "--1"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(StatementFileInvalid, match="amount"):
        fen_of(text, "YUAN")


@pytest.mark.parametrize("change", [{"encoding": "latin-1"}, {"references": ()}, {"figures": {}}])
def test_a_mapping_that_cannot_be_right_is_not_made(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="a"):
        replace(writers.MAPPING, **change)  # type: ignore[arg-type]


def test_gbk_is_told_from_utf_8() -> None:
    told = {
        "学费".encode("gbk"): "gb18030",
        "欧".encode("gbk"): "gb18030",  # as UTF-8 it would be ŷ
        "学费".encode(): "utf-8-sig",
        "学费".encode()[:-1]: "gb18030",
        b"tuition": "utf-8-sig",
        b"": "utf-8-sig",
    }

    assert {raw: chinese_encoding(io.BytesIO(raw)) for raw in told} == told


def test_mt940_is_read_in_the_encoding_that_the_bank_is_known_by() -> None:
    raw = writers.mt940(MADE, encoding="gb18030")

    with pytest.raises(StatementFileInvalid, match="encoding"):
        canonical.summaries(statement_parts(io.BytesIO(raw), encoding="utf-8"))


def test_a_balance_beside_an_entry_must_follow_from_the_one_before() -> None:
    entries: list[CanonicalEntry] = [
        replace(one, balance_after_fen=balance)
        for one, balance in zip(MADE.entries, (599_999, 599_498), strict=True)
    ]
    head = canonical.StatementHead(canonical.Kind.STATEMENT, "1", "1", 1)
    foot = canonical.StatementFoot(100_000, 599_499, None, None)

    with pytest.raises(StatementFileInvalid, match="chain_broken at entry 2"):
        canonical.summaries([head, *entries, foot])
