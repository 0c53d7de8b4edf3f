"""MT940 statements of SWIFT, of one page or several, in UTF-8 or GBK.

The single fields are matched by the grammars of the mt-940 library; messages, pages and sums are
read here. The library's own parser is not let near a bank's file: it takes text that happens to be
a path for that file, moves 30 February to the 28th, cuts references and skips unknown lines without
a word, adds pages up without comparing them, and logs what it cannot read.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO, Final

import mt940.tags

from service.statement_files.calendar_dates import swift_day, swift_entry_day
from service.statement_files.canonical import (
    CURRENCY,
    CanonicalEntry,
    Direction,
    Kind,
    Part,
    StatementFoot,
    StatementHead,
)
from service.statement_files.mt940_details import DerivedReferences, details, entry_hash
from service.statement_files.refused import Reason, StatementFileInvalid
from service.statement_files.texts import (
    FILE_MAX_BYTES,
    chinese_encoding,
    chunks,
    clean,
    count_of,
    decoded,
    fen_of,
    lines,
)

_TAG = re.compile(r":([0-9]{2}[A-Z]?|NS):")
_END = re.compile(r"-\}?(\{5:.*)?")
_BALANCE: Final = mt940.tags.FinalOpeningBalance().re
_LINE: Final = mt940.tags.StatementGLS().re
_NUMBER: Final = mt940.tags.StatementNumber().re
_RANKS: Final = dict(
    pair
    for rank, tags in enumerate(
        (("20",), ("13", "13D", "21"), ("25", "25P"), ("28", "28C"), ("34F",), ("60F", "60M"))
    )
    for pair in ((tag, rank) for tag in tags)
) | {"61": 7, "86": 7, "NS": 7, "62F": 8, "62M": 8, "64": 9, "65": 9}
"""The order of fields in a message; none goes back."""
_FIELD_LINES_MAX: Final = 40
_NO_REFERENCE: Final = {"", "NONREF"}
_UNTOLD: Final = {"", "TRF", "MSC"}
"""Transaction types that say nothing of what an entry is."""


def mt940_parts(
    source: BinaryIO,
    *,
    encoding: str = "",
    currency: str = CURRENCY,
    derives: bool = False,
    max_bytes: int = FILE_MAX_BYTES,
) -> Iterator[Part]:
    """Yield the parts of every statement of a seekable MT940 file; pages become one statement.

    The encoding is the bank's, or told from the file where it is not known. `derives` says that
    this bank gives no references of its own: an entry without one is known by what it says.
    Raises `StatementFileInvalid`; what came before it must be forgotten.
    """
    told = encoding or chinese_encoding(source, max_bytes=max_bytes)
    texts = decoded(chunks(source, max_bytes=max_bytes), told)
    reader = _Reader(currency, derives=derives)
    for one in _fields(lines(texts)):
        yield from reader.read(one)
    yield from reader.end()


@dataclass(slots=True)
class _Field:
    """A field of a message, its lines parted by line feeds; the tag "" ends the message."""

    tag: str
    text: str
    line: int


def _fields(given: Iterator[str]) -> Iterator[_Field]:
    """Cut lines into fields; before a message's first field lines of the envelope may stand."""
    open_: _Field | None = None
    number = 0
    for number, ended in enumerate(given, start=1):
        line = ended.rstrip("\r\n")
        tag = _TAG.match(line)
        if tag is None and open_ is None:
            continue
        if tag is None and not _END.fullmatch(line):
            assert open_ is not None
            if line.startswith(":") or open_.text.count("\n") >= _FIELD_LINES_MAX:
                raise StatementFileInvalid(Reason.MALFORMED, line=number)
            open_.text += "\n" + line
            continue
        if open_ is not None:
            yield open_
        open_ = _Field(tag[1], line[tag.end() :], number) if tag else None
        if tag is None:
            yield _Field("", "", number)
    if open_ is not None:
        yield open_
        yield _Field("", "", number)


@dataclass(slots=True)
class _Balance:
    fen: int
    on: date


class _Reader:
    """Turns fields into the parts of statements."""

    def __init__(self, currency: str, *, derives: bool) -> None:
        self._currency = currency
        self._derived = DerivedReferences() if derives else None
        self._message: dict[str, _Field] = {}
        self._rank = 0
        self._head: StatementHead | None = None
        self._page = 0
        self._opening: _Balance | None = None
        self._before: _Balance | None = None
        """The closing of the page before."""
        self._pending: tuple[_Field, str] | None = None
        self._entries = 0
        self._line = 0

    def read(self, one: _Field) -> Iterator[Part]:
        """Take a field; an entry is complete when the next field begins."""
        self._line = one.line
        if one.tag == "86" and self._pending is not None:
            self._details(one)
            return
        yield from self._flushed()
        if one.tag == "20" and {"62F", "62M"} & self._message.keys():
            # Many banks write no end between messages.
            self._message_ended(one.line)
        if not one.tag:
            self._message_ended(one.line)
            return
        self._in_order(one)
        if one.tag in {"60F", "60M"}:
            yield from self._opened(one)
        elif one.tag == "61":
            self._pending = (one, "")
        elif one.tag in {"62F", "62M"}:
            yield from self._closed(one)

    def _details(self, one: _Field) -> None:
        """Keep what is said of the entry; some banks begin the field anew in each line."""
        assert self._pending is not None
        line, said = self._pending
        if said.count("\n") >= _FIELD_LINES_MAX:
            raise StatementFileInvalid(Reason.MALFORMED, line=one.line)
        self._pending = (line, f"{said}\n{one.text}" if said else one.text)

    def end(self) -> Iterator[Part]:
        """End the file: no page and no message may be open."""
        if self._head is not None:
            raise StatementFileInvalid(Reason.PAGE_MISSING, line=self._line)
        if not self._line:
            raise StatementFileInvalid(Reason.EMPTY)
        return iter(())

    def _in_order(self, one: _Field) -> None:
        rank = _RANKS.get(one.tag)
        if one.tag == "86" and self._rank > _RANKS["86"]:
            return
        repeats = {"61", "86", "NS", "64", "65", "34F"}
        if (
            rank is None
            or rank < self._rank
            or (one.tag in self._message and one.tag not in repeats)
        ):
            raise StatementFileInvalid(Reason.MALFORMED, line=one.line)
        if one.tag == "86" and self._pending is None and self._entries:
            raise StatementFileInvalid(Reason.MALFORMED, line=one.line)
        if rank > _RANKS["60F"] and not {"60F", "60M"} & self._message.keys():
            raise StatementFileInvalid(Reason.BALANCE_MISSING, line=one.line)
        self._rank = rank
        self._message[one.tag] = one

    def _message_ended(self, line: int) -> None:
        if self._message and not {"62F", "62M"} & self._message.keys():
            raise StatementFileInvalid(Reason.TRUNCATED, line=line)
        self._message, self._rank = {}, 0

    def _opened(self, one: _Field) -> Iterator[Part]:
        head, page = self._head_of_message(one.line)
        opening = self._balance(one)
        if one.tag == "60F":
            if self._head is not None:
                raise StatementFileInvalid(Reason.PAGE_MISSING, line=one.line)
            self._head, self._opening, self._entries = head, opening, 0
            if self._derived is not None:
                self._derived = DerivedReferences()
            yield head
        else:
            self._next_page(head, page, opening, one.line)
        self._page = page

    def _next_page(self, head: StatementHead, page: int, opening: _Balance, line: int) -> None:
        if self._head is None or self._before is None:
            raise StatementFileInvalid(Reason.PAGE_MISSING, line=line)
        if head.account != self._head.account:
            raise StatementFileInvalid(Reason.WRONG_ACCOUNT, line=line)
        if head.sequence != self._head.sequence or page != self._page + 1:
            raise StatementFileInvalid(Reason.PAGE_MISSING, line=line)
        if opening.fen != self._before.fen:
            raise StatementFileInvalid(Reason.CHAIN_BROKEN, line=line)

    def _closed(self, one: _Field) -> Iterator[Part]:
        assert self._head is not None
        assert self._opening is not None
        closing = self._balance(one)
        self._before = closing
        if one.tag == "62F":
            yield StatementFoot(
                self._opening.fen, closing.fen, self._opening.on, closing.on, line=one.line
            )
            self._head = self._before = None

    def _head_of_message(self, line: int) -> tuple[StatementHead, int]:
        of = self._message
        account = of.get("25") or of.get("25P")
        named = clean(account.text.split("\n")[0]) if account else ""
        if not named:
            raise StatementFileInvalid(Reason.WRONG_ACCOUNT, line=line)
        numbered = of.get("28C") or of.get("28")
        match = _NUMBER.fullmatch(numbered.text.strip()) if numbered else None
        if match is None or "20" not in of:
            raise StatementFileInvalid(Reason.MALFORMED, line=line)
        sequence = count_of(match["statement_number"], line=line)
        page = count_of(match["sequence_number"] or "1", line=line)
        reference = clean(of["20"].text)
        return StatementHead(Kind.STATEMENT, named, reference, sequence, self._currency), page

    def _balance(self, one: _Field) -> _Balance:
        match = _BALANCE.fullmatch(one.text.strip())
        if match is None:
            raise StatementFileInvalid(Reason.AMOUNT, line=one.line)
        if match["currency"] != self._currency:
            raise StatementFileInvalid(Reason.WRONG_CURRENCY, line=one.line)
        fen = fen_of(match["amount"], "SWIFT", line=one.line)
        day = swift_day(match["year"] + match["month"] + match["day"], line=one.line)
        return _Balance(-fen if match["status"].upper() == "D" else fen, day)

    def _flushed(self) -> Iterator[CanonicalEntry]:
        """Yield the entry that waited for its details."""
        if self._pending is None:
            return
        (one, text), self._pending = self._pending, None
        self._entries += 1
        yield _entry(one, text, self._entries, self._derived)


def _entry(
    one: _Field, text: str, number: int, derived: DerivedReferences | None
) -> CanonicalEntry:
    match = _LINE.fullmatch(one.text)
    # What runs over a reference's length would otherwise become details.
    if match is None or (match["extra_details"] and "\n" not in one.text):
        raise StatementFileInvalid(Reason.MALFORMED, line=one.line, entry=number)
    status = match["status"].upper()
    value_on = swift_day(match["year"] + match["month"] + match["day"], line=one.line)
    booked = (match["entry_month"] or "").strip() + (match["entry_day"] or "").strip()
    reference = clean(match["bank_reference"] or "")
    if reference in _NO_REFERENCE and derived is not None:
        reference = derived.reference(one.text, text)
    if reference in _NO_REFERENCE:
        raise StatementFileInvalid(Reason.REFERENCE_MISSING, line=one.line, entry=number)
    fen = fen_of(match["amount"], "SWIFT", line=one.line, entry=number)
    if fen == 0:
        raise StatementFileInvalid(Reason.AMOUNT, line=one.line, entry=number)
    customer = clean(match["customer_reference"] or "")
    code = (match["id"] or "")[1:].strip()
    said = details(text)
    return CanonicalEntry(
        bank_ref=reference,
        entry_seq=number,
        booked_on=swift_entry_day(booked, value_on, line=one.line) if booked else value_on,
        value_on=value_on,
        amount_fen=fen,
        # RC takes a credit back and so is a debit; RD is a credit.
        direction=Direction.CREDIT if status in {"C", "RD"} else Direction.DEBIT,
        is_reversal=status.startswith("R"),
        counterparty_name=said.name,
        counterparty_account=said.account,
        purpose=said.purpose or clean(match["extra_details"] or ""),
        end_to_end_id=said.end_to_end_id or ("" if customer in _NO_REFERENCE else customer),
        raw_hash=entry_hash(one.text, text),
        code="" if code in _UNTOLD else code,
    )
