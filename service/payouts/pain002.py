"""pain.002: what a bank says of the payments of a file (付款状态报告), read status by status.

Versions 03 to 14. The file passes through a defused parser: no DOCTYPE, no entities, nothing from
outside. A status of a whole block or message stands for its orders that have none of their own.
"""

import re
from dataclasses import dataclass, field
from typing import BinaryIO, Final
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from ledger.refusals import RequestInvalid
from service.payouts.reports import NOT_FOUND, PENDING
from service.statement_files.camt import xml_texts
from service.statement_files.camt_elements import Element, Listener
from service.statement_files.refused import Reason, StatementFileInvalid

_NAMESPACE: Final = re.compile(r"urn:iso:std:iso:20022:tech:xsd:pain\.002\.001\.(\d\d)")
_VERSIONS: Final = range(3, 15)
_ROOT: Final = "/Document/CstmrPmtStsRpt"
_GROUP: Final = f"{_ROOT}/OrgnlGrpInfAndSts"
_BLOCK: Final = f"{_ROOT}/OrgnlPmtInfAndSts"
_PAYMENT: Final = f"{_BLOCK}/TxInfAndSts"
FILE_MAX: Final = 8 * 1024 * 1024
_TEXT_MAX: Final = 35
_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,34}")
_OTHER: Final = "OTHER"

STATUSES: Final = {
    "RCVD": PENDING,
    "PDNG": PENDING,
    "ACTC": "ACCEPTED",
    "ACCP": "ACCEPTED",
    "ACFC": "ACCEPTED",
    "ACWC": "ACCEPTED",
    "ACSP": "ACCEPTED",
    "ACSC": "ACCEPTED",
    "ACCC": "ACCEPTED",
    "RJCT": "REJECTED",
}
"""What a status means for an order. None executes it: only the entry of its debit does."""
NO_ORIGINAL: Final = "NOOR"
"""The reason of a rejection that says: no original transaction received."""


@dataclass(slots=True)
class Said:
    """A status with its reason, of whatever it stands below."""

    status: str = ""
    reason: str = ""

    @property
    def report(self) -> str | None:
        """What it says of an order; None for a status that says nothing we know."""
        if self.status == "RJCT" and self.reason == NO_ORIGINAL:
            return NOT_FOUND
        return STATUSES.get(self.status)


@dataclass(slots=True)
class PaymentStatus(Said):
    """The status of one payment, by the end-to-end id of its order."""

    end_to_end_id: str = ""


@dataclass(slots=True)
class BlockStatus(Said):
    """The status of a block, and those of its payments."""

    block_id: str = ""
    payments: list[PaymentStatus] = field(default_factory=list)


@dataclass(slots=True)
class StatusReport(Said):
    """A whole file: its own name, the message it answers, the status of all and those of blocks."""

    message_id: str = ""
    original_message_id: str = ""
    blocks: list[BlockStatus] = field(default_factory=list)


def read(source: BinaryIO) -> StatusReport:
    """Read a file; raises `RequestInvalid` with the reason and the line."""
    reader = _Reader()
    listener = Listener(reader)
    parser = DefusedXMLParser(target=listener, forbid_dtd=True)
    listener.parser = parser.parser
    source.seek(0)
    try:
        for text in xml_texts(source, FILE_MAX):
            parser.feed(text)
        parser.close()
    except DefusedXmlException:
        raise RequestInvalid(reason=Reason.DOCTYPE_FORBIDDEN.value, line=listener.line) from None
    except StatementFileInvalid as invalid:
        raise RequestInvalid(reason=invalid.reason.value, line=invalid.line) from None
    except ParseError:
        raise RequestInvalid(reason=Reason.MALFORMED.value, line=listener.line) from None
    if not reader.report.message_id:
        raise RequestInvalid(reason=Reason.REFERENCE_MISSING.value)
    return reader.report


class _Reader:
    """Hears of elements and keeps the statuses among them."""

    def __init__(self) -> None:
        self.report = StatusReport()
        self._blocks: set[str] = set()

    def started(self, element: Element) -> None:
        """Open what the elements below it belong to."""
        if element.path == "/Document":
            shape = _NAMESPACE.fullmatch(element.namespace)
            if shape is None or int(shape[1]) not in _VERSIONS:
                raise StatementFileInvalid(Reason.UNSUPPORTED_VERSION, line=element.line)
        elif element.path.count("/") == 1:
            raise StatementFileInvalid(Reason.UNKNOWN_FORMAT, line=element.line)
        elif element.path == _BLOCK:
            self.report.blocks.append(BlockStatus())
        elif element.path == _PAYMENT:
            self.report.blocks[-1].payments.append(PaymentStatus())

    def ended(self, element: Element) -> None:
        """Keep the text of an element that says something."""
        report, path = self.report, element.path
        if not path.startswith(_ROOT):
            return
        text = element.text.strip()
        if path == f"{_ROOT}/GrpHdr/MsgId":
            report.message_id = _short(text, element)
        elif path == f"{_GROUP}/OrgnlMsgId":
            report.original_message_id = _short(text, element)
        elif path.startswith(_PAYMENT):
            self._in_payment(path.removeprefix(_PAYMENT), text, element)
        elif path.startswith(_BLOCK):
            block = report.blocks[-1]
            if path == f"{_BLOCK}/OrgnlPmtInfId":
                block.block_id = self._new(_short(text, element), element)
            _keep(block, path.removeprefix(_BLOCK), "/PmtInfSts", text, element)
        elif path.startswith(_GROUP):
            _keep(report, path.removeprefix(_GROUP), "/GrpSts", text, element)

    def _new(self, block: str, element: Element) -> str:
        """Refuse a second block of one name: which of the two is the bank's word, nobody knows."""
        if block in self._blocks:
            raise StatementFileInvalid(Reason.DUPLICATE_REFERENCE, line=element.line)
        self._blocks.add(block)
        return block

    def _in_payment(self, below: str, text: str, element: Element) -> None:
        payment = self.report.blocks[-1].payments[-1]
        if below == "/OrgnlEndToEndId" or (below == "/OrgnlInstrId" and not payment.end_to_end_id):
            payment.end_to_end_id = _short(text, element)
        _keep(payment, below, "/TxSts", text, element)


def _keep(said: Said, below: str, status: str, text: str, element: Element) -> None:
    if below == status:
        said.status = _short(text, element)
    elif below in {"/StsRsnInf/Rsn/Cd", "/StsRsnInf/Rsn/Prtry"} and not said.reason:
        # The journal takes codes only; what a bank writes in words of its own stays with the bank.
        said.reason = text if _CODE.fullmatch(text) else _OTHER


def _short(text: str, element: Element) -> str:
    if len(text) > _TEXT_MAX or not all("!" <= letter <= "~" for letter in text):
        raise StatementFileInvalid(Reason.MALFORMED, line=element.line)
    return text
