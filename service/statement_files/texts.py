"""Text, amounts and lines as banks write them: decoded strictly, never through a float."""

import codecs
import re
import unicodedata
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO, Final, Literal

from service.statement_files.refused import Reason, StatementFileInvalid

FILE_MAX_BYTES: Final = 256 * 1024 * 1024
LINE_MAX_CHARACTERS: Final = 64 * 1024
_CHUNK: Final = 64 * 1024
_FEN_MAX: Final = 10**15 - 1
_YUAN = re.compile(r"([+-]?)¥?([0-9]{1,13}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.([0-9]{1,2}))?")
_FEN = re.compile(r"([+-]?)([0-9]{1,15})()")
_SWIFT = re.compile(r"()([0-9]{1,12}),([0-9]{0,2})")
_XML = re.compile(r"(\+?)([0-9]{1,13})(?:\.([0-9]{1,2})0{0,3})?")

Unit = Literal["YUAN", "FEN", "SWIFT", "XML"]
_PATTERNS: Final[dict[Unit, re.Pattern[str]]] = {
    "YUAN": _YUAN,
    "FEN": _FEN,
    "SWIFT": _SWIFT,
    "XML": _XML,
}


def clean(text: str) -> str:
    """Bring text to one form: NFKC (full-width becomes ASCII), one space for any blank."""
    if text.isascii() and text.isalnum():
        return text
    folded = unicodedata.normalize("NFKC", text)
    kept = "".join(" " if unicodedata.category(c) in {"Cc", "Cs", "Cn"} else c for c in folded)
    return " ".join(kept.split())


def fen_of(text: str, unit: Unit, *, line: int | None = None, entry: int | None = None) -> int:
    """Read an amount in yuan ("1,234.50"), whole fen ("123450") or SWIFT's form ("1234,50").

    XML's decimals may have further zeros ("1234.5000"), which ISO 20022's five places invite.
    Full-width digits are digits. Three decimals, exponents, spaces inside and misplaced commas are
    refused as `amount`.
    """
    match = _PATTERNS[unit].fullmatch(unicodedata.normalize("NFKC", text).strip())
    if match is None:
        raise StatementFileInvalid(Reason.AMOUNT, line=line, entry=entry)
    sign, whole, cents = match.groups()
    digits = whole.replace(",", "")
    fen = int(digits) if unit == "FEN" else int(digits) * 100 + int(f"{cents or '':0<2}")
    if fen > _FEN_MAX:
        raise StatementFileInvalid(Reason.AMOUNT, line=line, entry=entry)
    return -fen if sign == "-" else fen


def count_of(text: str, *, line: int | None = None) -> int:
    """Read a count, a sequence or a page: ASCII or full-width digits, at most 18."""
    folded = unicodedata.normalize("NFKC", text).strip()
    if re.fullmatch(r"[0-9]{1,18}", folded) is None:
        raise StatementFileInvalid(Reason.MALFORMED, line=line)
    return int(folded)


def chunks(source: BinaryIO, *, max_bytes: int = FILE_MAX_BYTES) -> Iterator[bytes]:
    """Read a stream piece by piece; more than `max_bytes` is refused."""
    read = 0
    while data := source.read(_CHUNK):
        read += len(data)
        if read > max_bytes:
            raise StatementFileInvalid(Reason.TOO_LARGE)
        yield data


def decoded(pieces: Iterator[bytes], encoding: str) -> Iterator[str]:
    """Decode strictly; the first byte that is no text of the encoding refuses the file."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    line = 1
    try:
        for piece in pieces:
            text = decoder.decode(piece)
            line += text.count("\n")
            yield text
        yield decoder.decode(b"", final=True)
    except UnicodeError:
        raise StatementFileInvalid(Reason.ENCODING, line=line) from None


def lines(texts: Iterator[str]) -> Iterator[str]:
    """Cut at line feeds only, each line with its ending; a line without end is refused."""
    rest = ""
    number = 0
    for text in texts:
        rest += text
        *whole, rest = rest.split("\n")
        for one in whole:
            number += 1
            yield one + "\n"
        if len(rest) > LINE_MAX_CHARACTERS:
            raise StatementFileInvalid(Reason.TOO_LARGE, line=number + 1)
    if rest:
        yield rest


def chinese_encoding(source: BinaryIO, *, max_bytes: int = FILE_MAX_BYTES) -> str:
    """Say whether a seekable file is UTF-8 (with or without mark) or else GB18030 (with GBK).

    Some Chinese of GBK is valid UTF-8 of other letters (欧 is ŷ): what has letters beyond ASCII but
    no Chinese as UTF-8 is GB18030 if it can be. A guess; whoever knows the bank's encoding says it.
    Reads to the end in pieces and goes back to where it was.
    """
    at = source.tell()
    last = {"utf-8": "", "gb18030": ""}
    decoders = {name: codecs.getincrementaldecoder(name)("strict") for name in last}
    for piece in chain(chunks(source, max_bytes=max_bytes), [b""]):
        for name in list(decoders):
            try:
                text = decoders[name].decode(piece, final=not piece)
            except UnicodeError:
                del decoders[name]
            else:
                last[name] = max(last[name], max(text, default=""))
    source.seek(at)
    beyond_ascii_but_not_chinese = "\x80" <= last["utf-8"] < "\u0800"
    if "utf-8" not in decoders or ("gb18030" in decoders and beyond_ascii_but_not_chinese):
        return "gb18030"
    return "utf-8-sig"
