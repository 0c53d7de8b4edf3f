"""Orders as pain.001 and what became of them as pain.002, over HTTP."""

import uuid
from datetime import datetime
from decimal import Decimal
from itertools import chain, repeat
from typing import Any, cast

import httpx
import pytest
from pyiso20022.pain.pain_001_001_09 import pain_001_001_09 as pain001
from pyiso20022.pain.pain_002_001_10 import pain_002_001_10 as pain002
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig
from xsdata.formats.dataclass.serializers import XmlSerializer
from xsdata.models.datatype import XmlDateTime

from ledger.calendars import SHANGHAI
from ledger.refusals import BodyTooLarge
from service.payouts import status_file
from service.payouts.pain002 import BlockStatus, PaymentStatus, StatusReport
from tests.fixtures.payouts import Payouts
from tests.fixtures.schema_models import faults

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"
STRICT = XmlParser(config=ParserConfig(fail_on_unknown_properties=True))


async def fetched(payouts: Payouts, *amounts: str, **values: Any) -> dict[str, Any]:
    """Order payouts and let the bank fetch them in one lease."""
    for amount in amounts:
        await payouts.ordered(amount)
    answer = await payouts.academy.post("payment-orders/fetch", payouts.bank, values)
    return dict(answer.json())


async def export(payouts: Payouts, lease: str, token: str | None = None) -> httpx.Response:
    return await payouts.district.service.get(
        "/v1/payment-orders/export", token or payouts.bank, lease_id=lease
    )


async def upload(payouts: Payouts, xml: bytes, key: str = "") -> httpx.Response:
    headers = {
        "Authorization": f"Bearer {payouts.bank}",
        "Content-Type": "application/xml",
        "Idempotency-Key": key or uuid.uuid4().hex,
    }
    return await payouts.district.service.http.post(
        "/v1/payment-orders/reports", content=xml, headers=headers
    )


def message_of(lease: dict[str, Any]) -> str:
    return str(lease["lease_id"]).replace("_", "").upper()


def status(order: str, said: str | None, reason: str | None = None) -> Any:
    rejected = []
    if reason is not None:
        rejected = [pain002.StatusReasonInformation12(rsn=pain002.StatusReason6Choice(cd=reason))]
    return pain002.PaymentTransaction105(
        orgnl_end_to_end_id=order, tx_sts=said, sts_rsn_inf=rejected
    )


def answer(
    *statuses: Any,
    original: str = "M-1",
    message: str = "B-1",
    block: str = "P-1",
    block_status: str | None = None,
    group_status: str | None = None,
) -> bytes:
    blocks = []
    if statuses or block_status:
        blocks = [
            pain002.OriginalPaymentInstruction32(
                orgnl_pmt_inf_id=block, pmt_inf_sts=block_status, tx_inf_and_sts=list(statuses)
            )
        ]
    document = pain002.Document(
        cstmr_pmt_sts_rpt=pain002.CustomerPaymentStatusReportV10(
            grp_hdr=pain002.GroupHeader86(
                msg_id=message, cre_dt_tm=XmlDateTime(2026, 3, 5, 9, 0, 0)
            ),
            orgnl_grp_inf_and_sts=pain002.OriginalGroupHeader17(
                orgnl_msg_id=original, orgnl_msg_nm_id="pain.001.001.09", grp_sts=group_status
            ),
            orgnl_pmt_inf_and_sts=blocks,
        )
    )
    assert list(faults(document)) == []
    return XmlSerializer().render(document, ns_map={None: NAMESPACE}).encode()


async def test_a_lease_is_a_payment_file_that_its_schema_allows(payouts: Payouts) -> None:
    lease = await fetched(payouts, "100.00", "108.33")

    file = await export(payouts, lease["lease_id"])

    assert file.headers["content-type"].startswith("application/xml")
    document = STRICT.from_bytes(file.content, pain001.Document)
    assert list(faults(document)) == []
    initiation = document.cstmr_cdt_trf_initn
    [block] = initiation.pmt_inf
    assert (initiation.grp_hdr.nb_of_txs, initiation.grp_hdr.ctrl_sum) == ("2", Decimal("208.33"))
    named = {order["end_to_end_id"]: order["amount"] for order in lease["orders"]}
    paid = {tx.pmt_id.end_to_end_id: str(tx.amt.instd_amt.value) for tx in block.cdt_trf_tx_inf}
    assert paid == named
    assert {tx.cdtr.nm for tx in block.cdt_trf_tx_inf} == {"启明艺术培训学校"}
    assert block.cdt_trf_tx_inf[0].cdtr_acct.id.othr.id == "6222000000000000001"


async def test_a_lease_is_the_same_message_however_often_it_is_read(payouts: Payouts) -> None:
    lease = await fetched(payouts, "100.00", "108.33")
    gone, left = lease["orders"]

    first = await export(payouts, lease["lease_id"])
    await payouts.report(gone, "REJECTED", reason="AC04")
    later = datetime(2030, 1, 7, 9, tzinfo=SHANGHAI)
    await payouts.district.service.store.move_clock(payouts.district.journal, later)
    again = await export(payouts, lease["lease_id"])
    await payouts.report(left, "ACCEPTED")
    last = await export(payouts, lease["lease_id"])

    assert first.content == again.content == last.content
    assert message_of(lease).encode() in first.content


async def test_a_lapsed_lease_is_written_into_no_file(payouts: Payouts) -> None:
    lease = await fetched(payouts, "100.00", lease_s=30)

    with payouts.machine_later(31):
        lapsed = await export(payouts, lease["lease_id"])

    assert (lapsed.status_code, lapsed.json()["code"]) == (409, "wrong_state")


async def test_another_banks_lease_is_unknown(payouts: Payouts) -> None:
    lease = await fetched(payouts, "100.00")

    other = await export(payouts, lease["lease_id"], payouts.district.banks["CMB"])

    assert (other.status_code, other.json()["code"]) == (404, "lease_unknown")


async def test_each_status_of_a_file_has_its_own_answer(payouts: Payouts) -> None:
    lease = await fetched(payouts, "100.00", "108.33")
    taken, refused = (order["end_to_end_id"] for order in lease["orders"])
    file = answer(
        status(taken, "ACSP"),
        status(refused, "RJCT", "AC04"),
        status(refused, "ACSP"),
        status("ORDNOBODYKNOWS", "ACSP"),
        status(taken, "CANC"),
    )

    told = (await upload(payouts, file)).json()

    assert told["message_id"] == "B-1"
    assert [result["code"] for result in told["results"]] == [
        "done",
        "done",
        "wrong_state",
        "order_unknown",
        "parameter_invalid",
    ]
    assert [result["said"] for result in told["results"]][:2] == ["ACSP", "RJCT"]
    assert told["results"][1]["result"]["reason"] == "AC04"
    assert [(await payouts.order(o))["state"] for o in lease["orders"]] == ["ACCEPTED", "REJECTED"]


async def test_no_status_of_a_file_executes_an_order(payouts: Payouts) -> None:
    lease = await fetched(payouts, "100.00")
    [order] = lease["orders"]

    told = (await upload(payouts, answer(status(order["end_to_end_id"], "ACSC")))).json()

    assert told["results"][0]["result"]["state"] == "ACCEPTED"


async def test_an_order_that_its_bank_never_received_is_not_found(payouts: Payouts) -> None:
    [order] = (await fetched(payouts, "100.00"))["orders"]
    name = order["end_to_end_id"]

    first = await upload(payouts, answer(status(name, "RJCT", "NOOR")))
    with payouts.machine_later(301):
        same = await upload(payouts, answer(status(name, "RJCT", "NOOR")))
        again = await upload(payouts, answer(status(name, "RJCT", "NOOR"), message="B-2"))

    states = [told.json()["results"][0]["result"]["state"] for told in (first, same, again)]
    assert states == ["UNKNOWN", "UNKNOWN", "REJECTED"]
    assert same.json()["results"][0]["code"] == "duplicate"


async def test_a_status_of_the_whole_message_is_that_of_each_order(payouts: Payouts) -> None:
    lease = await fetched(payouts, "100.00", "108.33")

    told = await upload(payouts, answer(original=message_of(lease), group_status="ACCP"))

    assert [r["result"]["state"] for r in told.json()["results"]] == ["ACCEPTED", "ACCEPTED"]


async def test_a_status_of_a_block_is_that_of_each_order_in_it(payouts: Payouts) -> None:
    lease = await fetched(payouts, "100.00")
    document = STRICT.from_bytes(
        (await export(payouts, lease["lease_id"])).content, pain001.Document
    )
    block = document.cstmr_cdt_trf_initn.pmt_inf[0].pmt_inf_id

    told = await upload(
        payouts, answer(original=message_of(lease), block=block, block_status="RJCT")
    )

    assert [r["result"]["state"] for r in told.json()["results"]] == ["REJECTED"]


async def test_a_file_that_names_a_block_twice_is_refused(payouts: Payouts) -> None:
    lease = await fetched(payouts, "100.00")
    once = answer(original=message_of(lease), block_status="ACCP").decode()
    start, end = once.index("<OrgnlPmtInfAndSts"), once.index("</CstmrPmtStsRpt>")
    twice = once[:end] + once[start:end] + once[end:]

    refused = await upload(payouts, twice.encode())

    assert refused.status_code == 400, refused.text
    assert refused.json()["facts"]["reason"] == "duplicate_reference"


def test_more_statuses_than_a_batch_has_are_never_made() -> None:
    many = chain(
        repeat(PaymentStatus("ACSP"), 10_001), (pytest.fail("all were read") for _ in range(1))
    )
    block = BlockStatus(payments=cast("list[PaymentStatus]", many))
    file = StatusReport(message_id="B-1", blocks=[block])

    with pytest.raises(BodyTooLarge):
        status_file.named(file, 1, None, [])


async def test_a_file_in_chinese_encoding_is_read(payouts: Payouts) -> None:
    [order] = (await fetched(payouts, "100.00"))["orders"]
    file = answer(status(order["end_to_end_id"], "RJCT", "AC01")).decode()
    words = "<AddtlInf>收款账号户名不符</AddtlInf></StsRsnInf>"
    file = file.replace("UTF-8", "GBK").replace("</StsRsnInf>", words)

    told = await upload(payouts, file.encode("gbk"))

    assert told.json()["results"][0]["result"]["reason"] == "AC01"


async def test_the_same_file_under_the_same_key_is_answered_the_same(payouts: Payouts) -> None:
    [order] = (await fetched(payouts, "100.00"))["orders"]
    file = answer(status(order["end_to_end_id"], "ACSP"))

    first = await upload(payouts, file, key="file-1")
    again = await upload(payouts, file, key="file-1")
    other = await upload(payouts, file.replace(b"B-1", b"B-2"), key="file-1")

    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert other.json()["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        (b"<!DOCTYPE d [<!ENTITY x 'y'>]><d>&x;</d>", "doctype_forbidden"),
        (b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"/>', "unsupported"),
        (b"<CstmrPmtStsRpt/>", "unknown_format"),
        (b"not xml", "malformed"),
        (b"", "empty"),
        (b"<?xml version='1.0' encoding='big5'?><Document/>", "encoding"),
        (f'<Document xmlns="{NAMESPACE}"><CstmrPmtStsRpt>'.encode(), "malformed"),
        (f'<Document xmlns="{NAMESPACE}"/>'.encode(), "reference_missing"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_whole(
    payouts: Payouts, xml: bytes, reason: str
) -> None:
    refused = await upload(payouts, xml)

    assert refused.status_code == 400, refused.text
    assert refused.json()["facts"]["reason"].startswith(reason)


async def test_a_file_about_nobodys_orders_is_unknown(payouts: Payouts) -> None:
    refused = await upload(payouts, answer(status("E2E-1", "ACSP")))

    assert (refused.status_code, refused.json()["code"]) == (404, "order_unknown")
