"""Bodies cut off on their way: after a byte, in the middle, before the last; nothing is posted.

A sender that is gone gets no answer, and one whose body merely ends too soon is refused. Sent
again whole, under the same key, it is posted once.
"""

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.fixtures.academies import Academy
from tests.fixtures.statement_uploads import XML, Uploads
from tests.test_request_limits import served

KEY = "cut-off"
CUTS = ("a byte", "half", "all but a byte")


def cut(raw: bytes, where: str) -> bytes:
    """Return as much of a body as got through."""
    return raw[: {"a byte": 1, "half": len(raw) // 2, "all but a byte": len(raw) - 1}[where]]


def receipt_of(academy: Academy) -> bytes:
    """Write a receipt as the bank would send it."""
    return json.dumps(
        {
            "custody_account_id": academy.district.public("cus", academy.custody),
            "bank_ref": "R-1",
            "amount": "3.00",
            "book_on": "2026-03-01",
            "value_on": "2026-03-01",
        }
    ).encode()


async def sent_in_part(address: str, head: bytes, body: bytes, *, chunked: bool) -> bytes:
    """Send a head and the beginning of its body, and be gone; return what was answered."""
    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head + (b"%x\r\n%b\r\n" % (len(body), body) if chunked else body))
    await writer.drain()
    writer.write_eof()
    try:
        return await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()


@pytest.mark.parametrize("chunked", [False, True], ids=["of a length", "in chunks"])
@pytest.mark.parametrize("route", ["receipts", "statement-files"])
async def test_of_a_body_whose_sender_is_gone_nothing_is_posted(
    uploads: Uploads, route: str, chunked: bool
) -> None:
    academy = uploads.academy
    whole = receipt_of(academy) if route == "receipts" else uploads.camt(uploads.entry(300))
    media = "application/json" if route == "receipts" else XML
    framed = "transfer-encoding: chunked" if chunked else f"content-length: {len(whole)}"
    head = (
        f"POST /v1/{route} HTTP/1.1\r\nhost: x\r\ncontent-type: {media}\r\n"
        f"authorization: Bearer {academy.district.banks['ICBC']}\r\n"
        f"idempotency-key: {KEY}\r\n{framed}\r\n\r\n"
    )
    application: Any = academy.district.service.http._transport

    with capture_logs() as logs:
        async with served(application.app) as address:
            answers = [
                await sent_in_part(address, head.encode(), cut(whole, where), chunked=chunked)
                for where in CUTS
            ]
    left = [await uploads.count(table) for table in ("bank_entry", "stored_answer")]
    sent = await send(uploads, route, whole)

    assert not any(b" 20" in answer.split(b"\r\n")[0] for answer in answers), answers
    assert [log for log in logs if log["log_level"] == "error"] == []
    assert left == [0, 0]
    assert sent == 201
    assert await uploads.count("bank_entry") == 1


@pytest.mark.parametrize("route", ["receipts", "statement-files"])
@pytest.mark.parametrize("where", CUTS)
async def test_a_body_that_ends_too_soon_is_refused_and_nothing_of_it_posted(
    uploads: Uploads, route: str, where: str
) -> None:
    academy = uploads.academy
    # White space after its end would be no loss.
    whole = receipt_of(academy) if route == "receipts" else uploads.camt(uploads.entry(300)).strip()

    refused = await send(uploads, route, cut(whole, where))
    left = await uploads.count("bank_entry")
    sent = await send(uploads, route, whole, key="whole")

    assert refused in {400, 422}
    assert left == 0
    assert sent == 201
    assert await uploads.count("bank_entry") == 1


async def send(uploads: Uploads, route: str, raw: bytes, *, key: str = KEY) -> int:
    """Send a body as it is; return the status of the answer."""
    if route == "statement-files":
        return (await uploads.send(raw, key=key)).status_code
    district = uploads.academy.district
    headers = {
        "Authorization": f"Bearer {district.banks['ICBC']}",
        "Idempotency-Key": key,
        "Content-Type": "application/json",
    }
    answer = await district.service.http.post("/v1/receipts", content=raw, headers=headers)
    return answer.status_code
