"""Which format a file is of, by its first bytes, and the reader for it."""

import codecs
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import BinaryIO, Final

from service.statement_files.camt import camt_parts
from service.statement_files.canonical import Part
from service.statement_files.csv_mapping import CsvMapping
from service.statement_files.csv_statement import csv_parts
from service.statement_files.mt940 import mt940_parts
from service.statement_files.refused import Reason, StatementFileInvalid
from service.statement_files.texts import FILE_MAX_BYTES

_HEAD_BYTES: Final = 4096
_SWIFT = re.compile(rb"(?m)^(\{1:|:[0-9]{2}[A-Z]?:)")
_NOT_TEXT: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b")
"""Excel's new and old files, PDF, gzip."""


class Format(StrEnum):
    """The formats that are read."""

    CAMT = "CAMT"
    MT940 = "MT940"
    CSV = "CSV"


def detected(source: BinaryIO) -> Format:
    """Say which format a seekable file is of; it is left where it was.

    XML is CAMT, a SWIFT block or field 20 at the start of a line is MT940, other text is CSV.
    Raises `StatementFileInvalid` for nothing (`empty`) and for spreadsheets (`unknown_format`).
    """
    at = source.tell()
    head = source.read(_HEAD_BYTES)
    source.seek(at)
    if not head.strip():
        raise StatementFileInvalid(Reason.EMPTY)
    if head.startswith(_NOT_TEXT):
        raise StatementFileInvalid(Reason.UNKNOWN_FORMAT)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = head.decode("utf-16", "replace").encode()
    head = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if head.startswith(b"<"):
        return Format.CAMT
    return Format.MT940 if _SWIFT.search(head) else Format.CSV


def statement_parts(  # noqa: PLR0913 - what a sender may say
    source: BinaryIO,
    *,
    mapping: CsvMapping | None = None,
    encoding: str = "",
    account: str = "",
    derives: bool = False,
    max_bytes: int = FILE_MAX_BYTES,
) -> Iterator[Part]:
    """Yield the parts of a seekable file of any format; CSV needs its bank's mapping.

    `encoding` is the bank's for MT940, which does not say it; XML and a mapping say their own.
    `derives` says that a bank's MT940 has no references (`mt940_details.DerivedReferences`).

    Read it twice: `canonical.summaries(statement_parts(…))` checks the file, and only then, after
    `source.seek(0)`, `canonical.checked(statement_parts(…))` gives the entries to post.
    """
    form = detected(source)
    if form is Format.CAMT:
        return camt_parts(source, max_bytes=max_bytes)
    if form is Format.MT940:
        return mt940_parts(source, encoding=encoding, derives=derives, max_bytes=max_bytes)
    if mapping is None:
        raise StatementFileInvalid(Reason.UNKNOWN_FORMAT)
    return csv_parts(source, mapping, account=account, max_bytes=max_bytes)
