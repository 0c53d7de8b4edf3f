"""Raw requests to the whole application: many on one connection, and headers that break a line."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.fixtures.academies import Academy
from tests.test_request_limits import served

Answer = tuple[int, str]


@pytest.fixture
async def address(academy: Academy) -> AsyncIterator[str]:
    """Serve the worker's application on a port, as `escrow serve` does."""
    application: Any = academy.district.service.http._transport
    async with served(application.app) as bound:
        yield bound


def ask(token: str, line: str, body: str = "", **headers: str) -> bytes:
    """Write one request."""
    given = {
        "host": "escrow.test",
        "authorization": f"Bearer {token}",
        "content-type": "application/json",
        "content-length": str(len(body.encode())),
    }
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = [f"{line} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join([*head, "", body]).encode()


async def answered(address: str, sent: bytes) -> bytes:
    """Send bytes at once; return all that comes until the other side ends it."""
    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(sent)
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


def answers(received: bytes) -> list[Answer]:
    """Read status and body of each answer on a connection, by the length it declares."""
    found: list[Answer] = []
    while received:
        head, received = received.split(b"\r\n\r\n", 1)
        declared = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        assert declared is not None, head
        length = int(declared[1])
        found.append((int(head.split()[1]), received[:length].decode()))
        received = received[length:]
    return found


async def test_requests_in_one_piece_are_answered_in_their_order(
    academy: Academy, address: str
) -> None:
    district, bank = academy.district, academy.district.banks["ICBC"]
    advice = (
        f'{{"custody_account_id":"{district.public("cus", academy.custody)}","bank_ref":"PIPE-1",'
        '"amount":"7.00","book_on":"2026-03-01","value_on":"2026-03-01"}'
    )
    lesson = ask(academy.token, "GET /v1/lessons/lsn_" + "a" * 29)
    post = ("POST /v1/receipts", advice)
    pipeline = [
        ask(bank, *post, idempotency_key="pipe-1"),
        ask(district.regulator, "GET /v1/institutions"),
        ask("nobody", "GET /v1/institutions"),
        ask(bank, *post, idempotency_key="pipe-2"),
        lesson,
        ask(bank, "POST /v1/receipts", '{"amount":1}', idempotency_key="pipe-3"),
        ask(academy.token, "GET /v1/nowhere", connection="close"),
    ]

    received = answers(await answered(address, b"".join(pipeline)))

    assert [status for status, _ in received] == [201, 200, 401, 200, 404, 400, 404]
    assert '"bank_ref":"PIPE-1"' in received[0][1]
    assert district.public("ins", academy.institution) in received[1][1]
    assert '"bank_ref":"PIPE-1"' in received[3][1]
    assert "/amount" in received[5][1]
    assert await district.count("escrow.bank_entry") == 1


async def test_what_follows_a_body_that_is_too_large_is_no_request(
    academy: Academy, address: str
) -> None:
    inside = ask(academy.district.regulator, "GET /v1/institutions")
    large = ask(
        academy.district.banks["ICBC"],
        "POST /v1/receipts",
        idempotency_key="large",
        content_length="100000000",
    )

    received = answers(await answered(address, large + inside * 3))

    assert [status for status, _ in received] == [413]


async def test_a_header_that_breaks_its_line_makes_no_other(academy: Academy, address: str) -> None:
    whole = ask(academy.district.regulator, "GET /v1/institutions", connection="close")
    broken = [
        whole.replace(b"host:", b"accept-language: %s\r\nhost:" % value)
        for value in (b"a\rx-made: up", b"a\nx-made: up", b"a\0b", b"a\r\n x-made: up")
    ]

    plain = await answered(address, whole)
    received = [await answered(address, each) for each in broken]

    assert plain.startswith(b"HTTP/1.1 200")
    for each in received:
        assert b"made" not in each
        assert int(each.split()[1]) in {200, 400}


@pytest.mark.parametrize("header", ["idempotency-key", "x-request-id", "accept-language", "host"])
async def test_a_line_end_in_a_header_ends_up_in_no_answer(academy: Academy, header: str) -> None:
    """Past a server that let it through, as one in front of ours might."""
    body = b'{"cause":"RISK"}'
    headers = [
        (b"authorization", f"Bearer {academy.district.regulator}".encode()),
        (b"content-type", b"application/json"),
        (b"idempotency-key", b"line"),
        (header.encode(), b"a\r\nset-cookie: made=up"),
    ]

    answer = await academy.district.service.http.post(
        "/v1/restraints", content=body, headers=headers
    )

    assert answer.status_code == 400
    assert "made" not in str(answer.headers)
    assert "made" not in answer.text
