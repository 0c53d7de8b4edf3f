"""What the files of orders look like, as the API description shows them."""

from dataclasses import dataclass
from typing import Final

from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)

from service.payouts.order_schemas import EXAMPLE_END_TO_END, EXAMPLE_LEASE

XML: Final = "application/xml"
MEDIA: Final = frozenset({XML, "text/xml"})
MESSAGE: Final = EXAMPLE_LEASE.replace("_", "").upper()

ORDERS: Final = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09">
  <CstmrCdtTrfInitn>
    <GrpHdr>
      <MsgId>{MESSAGE}</MsgId><CreDtTm>2026-03-02T10:15:00+08:00</CreDtTm>
      <NbOfTxs>1</NbOfTxs><CtrlSum>1770.82</CtrlSum>
      <InitgPty><Nm>Tuition Escrow</Nm></InitgPty>
    </GrpHdr>
    <!-- a PmtInf for each custody account, with a CdtTrfTxInf for each order -->
  </CstmrCdtTrfInitn>
</Document>
"""

STATUSES: Final = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10">
  <CstmrPmtStsRpt>
    <GrpHdr><MsgId>R-20260302-0007</MsgId><CreDtTm>2026-03-02T10:30:00+08:00</CreDtTm></GrpHdr>
    <OrgnlGrpInfAndSts>
      <OrgnlMsgId>{MESSAGE}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>
    </OrgnlGrpInfAndSts>
    <OrgnlPmtInfAndSts>
      <OrgnlPmtInfId>P-1</OrgnlPmtInfId>
      <TxInfAndSts>
        <OrgnlEndToEndId>{EXAMPLE_END_TO_END}</OrgnlEndToEndId><TxSts>ACSP</TxSts>
      </TxInfAndSts>
    </OrgnlPmtInfAndSts>
  </CstmrPmtStsRpt>
</Document>
"""


@dataclass
class StatusesTaken(Operation):
    """An operation whose body is a file of statuses."""

    def __post_init__(self) -> None:
        """Name the media types, and show one."""
        media = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING), example=STATUSES)
        self.request_body = RequestBody(content=dict.fromkeys(sorted(MEDIA), media), required=True)


@dataclass
class OrdersWritten(Operation):
    """An operation whose answer is a file of orders."""

    def __post_init__(self) -> None:
        """Show one."""
        answer = (self.responses or {}).get("200")
        if isinstance(answer, OpenAPIResponse) and answer.content:
            answer.content[XML].example = ORDERS
