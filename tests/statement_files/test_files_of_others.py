"""Statement files that others wrote and published: what each is read as, or why it is refused."""

import io
import re
from datetime import date
from pathlib import Path

import pytest

from service.statement_files import canonical
from service.statement_files.mt940 import mt940_parts
from service.statement_files.refused import Reason, StatementFileInvalid

FILES = Path(__file__).parent / "others"
CURRENCY = re.compile(rb"(?m)^(:6[024][FM]?:[CD][0-9]{6})([A-Z]{3})")
Read = list[tuple[int | None, int, int, int, int]]


def in_yuan(name: str) -> bytes:
    """Return the file as if its account were in yuan; nothing else in it is changed."""
    return CURRENCY.sub(rb"\1CNY", (FILES / name).read_bytes())


def read(raw: bytes, *, derives: bool) -> Read:
    """Read a file: number, opening and closing in fen, credits and debits of each statement."""
    found = canonical.summaries(mt940_parts(io.BytesIO(raw), derives=derives))
    return [
        (s.sequence, s.opening_fen or 0, s.closing_fen or 0, s.credit_count, s.debit_count)
        for s in found
    ]


def reason(raw: bytes, *, derives: bool) -> tuple[Reason, int | None]:
    """Return why a file is refused, and on which line."""
    with pytest.raises(StatementFileInvalid) as refused:
        read(raw, derives=derives)
    return refused.value.reason, refused.value.line


IMPORTED: list[tuple[str, Read]] = [
    ("mt940-rs/mbank.sta", [(1, 40, 43, 3, 0)]),
    ("mt940-rs/cmxl_2.sta", [(84, 4_000_000, 5_004_000, 2, 1)]),
]
"""Every entry has a reference of the bank, and the chain holds."""


@pytest.mark.parametrize(("name", "statements"), IMPORTED)
def test_a_file_with_references_is_read_whole(name: str, statements: Read) -> None:
    raw = in_yuan(name)

    assert read(raw, derives=False) == statements
    assert read(raw, derives=True) == statements


@pytest.mark.parametrize("name", [name for name, _ in IMPORTED])
def test_a_file_in_another_currency_is_refused(name: str) -> None:
    assert reason((FILES / name).read_bytes(), derives=True)[0] is Reason.WRONG_CURRENCY


@pytest.mark.parametrize(
    ("name", "line", "statements"),
    [
        ("mt940-rs/generic.sta", 5, [(1, 10_000, 9_000, 0, 1), (2, 9_000, 8_000, 0, 1)]),
        ("mt940-rs/chk_dem.sta", 5, [(27, 8_434_974, 8_443_704, 4, 7)]),
        (
            "mt940-rs/rabobank-iban.sta",
            6,
            [(0, 100_000, 96_500, 0, 2), (0, 96_500, 93_000, 0, 2)],
        ),
        ("mt940-rs/sns.sta", 5, [(160, 123_456, 120_956, 0, 2), (161, 120_956, 120_956, 0, 0)]),
        (
            "mt940-rs/with_binary_character.sta",
            9,
            [(27, 38_011_577, 19_992_902, 2, 1), (53, 13_007_319, 13_119_319, 1, 0)],
        ),
        ("mt940js/test2.mt940x", 6, [(17_001, 350_360, 297_153, 0, 4)]),
    ],
)
def test_a_file_without_references_is_read_only_where_the_bank_is_known_to_give_none(
    name: str, line: int, statements: Read
) -> None:
    raw = in_yuan(name)

    assert reason(raw, derives=False) == (Reason.REFERENCE_MISSING, line)
    assert read(raw, derives=True) == statements


@pytest.mark.parametrize(
    ("name", "why", "line"),
    [
        ("mt940-rs/mbank_tnr.sta", Reason.CHAIN_BROKEN, 19),
        ("mt940-rs/cmxl_1.sta", Reason.DUPLICATE_REFERENCE, None),
        ("mt940-rs/knab.sta", Reason.CHAIN_BROKEN, 20),
        ("mt940-rs/knab_broken.sta", Reason.AMOUNT, 17),
        ("mt940-rs/overly_long_details.sta", Reason.CHAIN_BROKEN, 15),
        ("mt940-rs/long_statement_number.sta", Reason.AMOUNT, 4),
        ("mt940-rs/mt942.sta", Reason.MALFORMED, 6),
        ("mt940-rs/sepa_snippet_broken.sta", Reason.MALFORMED, 6),
        ("mt940-rs/unexpected_tag.sta", Reason.WRONG_ACCOUNT, 4),
        ("mt940-rs/february_30.sta", Reason.DATE, 6),
        ("mt940js/test1.mt940", Reason.AMOUNT, 20),
    ],
)
def test_a_file_that_is_wrong_is_refused_whatever_is_known_of_the_bank(
    name: str, why: Reason, line: int | None
) -> None:
    raw = in_yuan(name)

    assert reason(raw, derives=False) == (why, line)
    assert reason(raw, derives=True) == (why, line)


@pytest.mark.parametrize(
    ("name", "why", "line"),
    [
        ("mt940-rs/abnamro.sta", Reason.CHAIN_BROKEN, 27),
        ("mt940-rs/buxtehude.sta", Reason.CHAIN_BROKEN, 22),
        ("mt940-rs/danske_fi.sta", Reason.DUPLICATE_REFERENCE, None),
        ("mt940-rs/ing.sta", Reason.CHAIN_BROKEN, 26),
        ("mt940-rs/postfinance.sta", Reason.CHAIN_BROKEN, 27),
        ("mt940-rs/rabobank.sta", Reason.CHAIN_BROKEN, 11),
        ("mt940js/test-with-NS.mt940x", Reason.MALFORMED, 32),
    ],
)
def test_a_file_made_unreadable_for_publication_is_refused_beyond_its_missing_references(
    name: str, why: Reason, line: int | None
) -> None:
    raw = in_yuan(name)

    assert reason(raw, derives=False)[0] is Reason.REFERENCE_MISSING
    assert reason(raw, derives=True) == (why, line)


def test_messages_that_follow_without_an_end_are_each_a_statement() -> None:
    raw = in_yuan("mt940-rs/rabobank-iban.sta")

    first, second = canonical.statements(mt940_parts(io.BytesIO(raw), derives=True))

    assert [e.booked_on.day for e in (*first.entries, *second.entries)] == [1, 2, 8, 9]
    assert first.entries[0].purpose == "/ISDT/2013-07-11"
    assert second.summary.to_on == date(2013, 1, 15)


def test_a_message_that_lost_its_closing_is_not_ended_by_the_next() -> None:
    raw = in_yuan("mt940-rs/rabobank-iban.sta")
    closing = b":62F:C130108CNY000000000965,00\n"

    assert reason(raw.replace(closing, b"", 1), derives=True)[0] is Reason.MALFORMED


def test_details_that_begin_anew_in_each_line_are_of_one_entry() -> None:
    raw = (
        b":20:A\n:25:6222\n:28C:1\n:60F:C260301CNY0,00\n:61:2603020302C1,00NTRFNONREF//7\n"
        b":86:one\n:86:two\n:62F:C260302CNY1,00\n-\n"
    )

    [found] = canonical.statements(mt940_parts(io.BytesIO(raw)))

    assert [entry.purpose for entry in found.entries] == ["onetwo"]


def test_a_derived_reference_is_of_the_entry_and_of_no_file() -> None:
    raw = in_yuan("mt940-rs/sns.sta")
    first = raw.partition(b":20:0000000000\n:25:0123456789\n:28C:161/1")[0]

    references = [
        [e.bank_ref for one in found for e in one.entries]
        for found in (
            canonical.statements(mt940_parts(io.BytesIO(given), derives=True))
            for given in (raw, first)
        )
    ]

    assert references[0] == references[1]
    assert len(set(references[0])) == 2
    assert all(one.startswith("061-") for one in references[0])


TWICE = (
    b":20:A\n:25:6222\n:28C:1\n:60F:C260302CNY0,00\n"
    b":61:2603020302C1,00NTRFNONREF\n:86:A\n:61:2603020302C1,00NTRFNONREF\n:86:A\n"
    b":62F:C260302CNY2,00\n-\n"
)


def test_entries_that_say_the_same_are_two_in_one_statement() -> None:
    [found] = canonical.statements(mt940_parts(io.BytesIO(TWICE), derives=True))

    assert [entry.bank_ref[-2:] for entry in found.entries] == ["-1", "-2"]


def test_statements_that_share_an_entry_without_reference_are_refused() -> None:
    other = TWICE.replace(b"0,00\n", b"2,00\n", 1).replace(b"CNY2,00\n-", b"CNY4,00\n-")

    assert reason(TWICE + other, derives=True)[0] is Reason.DUPLICATE_REFERENCE
