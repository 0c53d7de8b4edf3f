"""Broken pain.002 files: whatever comes, it is read or refused, and nothing else happens."""

import io

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger.refusals import RequestInvalid
from service.payouts import pain002

WHOLE = b"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>B-1</MsgId><CreDtTm>2026-03-05T09:00:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>M-1</OrgnlMsgId><GrpSts>PART</GrpSts></OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts><OrgnlPmtInfId>P-1</OrgnlPmtInfId><PmtInfSts>ACSP</PmtInfSts>
<TxInfAndSts><OrgnlEndToEndId>E-1</OrgnlEndToEndId><TxSts>RJCT</TxSts>
<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf></TxInfAndSts></OrgnlPmtInfAndSts>
</CstmrPmtStsRpt></Document>"""
places = st.integers(0, len(WHOLE))


def told(file: bytes) -> object:
    """Return the name of a file that is read, or the reason why it is not."""
    try:
        return pain002.read(io.BytesIO(file)).message_id
    except RequestInvalid as refused:
        return refused.facts["reason"]


def test_a_whole_file_is_read() -> None:
    report = pain002.read(io.BytesIO(WHOLE))

    assert (report.message_id, report.original_message_id, report.status) == ("B-1", "M-1", "PART")
    [block] = report.blocks
    assert (block.block_id, block.report) == ("P-1", "ACCEPTED")
    assert [(p.end_to_end_id, p.report, p.reason) for p in block.payments] == [
        ("E-1", "REJECTED", "AC04")
    ]


@given(at=places, until=places, put=st.binary(max_size=40))
@example(at=0, until=0, put=b"<!DOCTYPE d [<!ENTITY a 'b'>]>")
@example(at=250, until=250, put="１３８".encode())
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_read_or_refused(at: int, until: int, put: bytes) -> None:
    damaged = WHOLE[:at] + put + WHOLE[max(at, until) :]

    assert told(damaged)
