"""camt.053 statements, camt.052 reports and camt.054 notifications of ISO 20022, versions 02 to 12.

The file passes through a defused expat parser (no DOCTYPE, no entities, nothing outside) and no
tree is built: of an entry only the values below are kept until it ends, so memory does not grow
with the number of entries. The generated ISO 20022 classes would hold the whole document.
"""

import codecs
import re
from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO, Final
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from service.statement_files.camt_elements import Element, Listener
from service.statement_files.camt_values import EntryValues, StatementValues
from service.statement_files.canonical import CURRENCY, Kind, Part
from service.statement_files.refused import Reason, StatementFileInvalid
from service.statement_files.texts import FILE_MAX_BYTES, chunks, decoded

_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.(052|053|054)\.001\.(\d\d)")
_VERSIONS: Final = range(2, 13)
_SHAPES: Final = {
    "052": (Kind.REPORT, "/BkToCstmrAcctRpt/Rpt"),
    "053": (Kind.STATEMENT, "/BkToCstmrStmt/Stmt"),
    "054": (Kind.NOTIFICATION, "/BkToCstmrDbtCdtNtfctn/Ntfctn"),
}
_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_CHINESE: Final = {"gbk", "gb2312", "gb18030"}


def camt_parts(
    source: BinaryIO, *, currency: str = CURRENCY, max_bytes: int = FILE_MAX_BYTES
) -> Iterator[Part]:
    """Yield the parts of every statement, report or notification of a camt file.

    Raises `StatementFileInvalid`; what came before it must be forgotten. Encodings: UTF-8, UTF-16,
    GBK and GB18030, as declared.
    """
    reader = _Reader(currency)
    listener = Listener(reader)
    parser = DefusedXMLParser(target=listener, forbid_dtd=True)
    listener.parser = parser.parser
    for text in xml_texts(source, max_bytes):
        _feed(parser, text, listener)
        yield from reader.taken()
    _finish(parser, listener)
    yield from reader.taken()
    if not reader.document_seen:
        raise StatementFileInvalid(Reason.UNKNOWN_FORMAT)


def xml_texts(source: BinaryIO, max_bytes: int) -> Iterator[str]:
    """Decode an XML file piece by piece: UTF-8, UTF-16, GBK or GB18030, as it declares."""
    pieces = chunks(source, max_bytes=max_bytes)
    first = next(pieces, b"")
    if not first:
        raise StatementFileInvalid(Reason.EMPTY)
    return decoded(chain([first], pieces), _encoding(first))


def _encoding(first: bytes) -> str:
    """Choose the decoder: a byte order mark, else what is declared, else UTF-8."""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    declared = _DECLARED.search(first[:200])
    name = declared[1].decode("ascii").lower() if declared else "utf-8"
    if name in _CHINESE:
        return "gb18030"
    if name not in {"utf-8", "utf8", "us-ascii", "ascii"}:
        raise StatementFileInvalid(Reason.ENCODING, line=1)
    return "utf-8-sig"


def _feed(parser: DefusedXMLParser, text: str, listener: Listener) -> None:
    try:
        parser.feed(text)
    except DefusedXmlException:
        raise StatementFileInvalid(Reason.DOCTYPE_FORBIDDEN, line=listener.line) from None
    except ParseError as broken:
        raise StatementFileInvalid(Reason.MALFORMED, line=broken.position[0]) from None


def _finish(parser: DefusedXMLParser, listener: Listener) -> None:
    try:
        parser.close()
    except (ParseError, DefusedXmlException):
        raise StatementFileInvalid(Reason.TRUNCATED, line=listener.line) from None


class _Reader:
    """Turns elements into the parts of statements."""

    def __init__(self, currency: str) -> None:
        self._currency = currency
        self._kind = Kind.STATEMENT
        self._document = ""
        self._statement_path = ""
        self._statement: StatementValues | None = None
        self._entry: EntryValues | None = None
        self._parts: list[Part] = []
        self.document_seen = False

    def taken(self) -> list[Part]:
        parts, self._parts = self._parts, []
        return parts

    def started(self, element: Element) -> None:
        """An element begins: a document, a statement or an entry opens what it is kept in."""
        if not self._document:
            self._document_started(element)
        elif element.path == self._statement_path:
            self._statement = StatementValues(self._kind, self._currency)
        elif self._statement is not None and element.path == self._statement_path + "/Ntry":
            if not self._statement.head_given:
                self._parts.append(self._statement.head(element.line))
            self._statement.entries += 1
            self._entry = EntryValues(self._statement.entries, element.line)

    def ended(self, element: Element) -> None:
        """An element ends, with its text; what it belongs to keeps it."""
        if self._entry is not None:
            self._inside_entry(self._entry, element)
        elif self._statement is not None:
            self._inside_statement(self._statement, element)
        elif element.path.endswith("/MsgPgntn/LastPgInd") and element.text.strip() == "false":
            raise StatementFileInvalid(Reason.PAGE_MISSING, line=element.line)
        elif element.path == self._document:
            self._document = ""

    def _document_started(self, element: Element) -> None:
        if element.name != "Document":
            return
        shape = _NAMESPACE.fullmatch(element.namespace)
        if shape is None or int(shape[2]) not in _VERSIONS:
            raise StatementFileInvalid(Reason.UNSUPPORTED_VERSION, line=element.line)
        self._kind, path = _SHAPES[shape[1]]
        self._document = element.path
        self._statement_path = element.path + path
        self.document_seen = True

    def _inside_entry(self, values: EntryValues, element: Element) -> None:
        assert self._statement is not None
        within = element.path[len(self._statement_path) + 6 :]
        if within:
            values.keep(within, element)
            return
        entry = values.entry(self._statement)
        if entry is not None:
            self._parts.append(entry)
        else:
            self._statement.entries -= 1
            self._statement.left_out += 1
        self._entry = None

    def _inside_statement(self, values: StatementValues, element: Element) -> None:
        if element.path != self._statement_path:
            values.keep(element.path[len(self._statement_path) + 1 :], element)
            return
        if not values.head_given:
            self._parts.append(values.head(element.line))
        self._parts.append(values.foot(element.line))
        self._statement = None
