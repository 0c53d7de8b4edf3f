"""How large, how deep, how long and how slow a request may be, and that a page has an end."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from litestar import Litestar, get, post
from litestar.exceptions import HTTPException
from litestar.types import Receive, Scope, Send
from sqlalchemy.ext.asyncio import create_async_engine

from ledger.refusals import Refusal
from service.app import create_app
from service.identity.limits import CostClass
from service.settings import Settings
from service.web import bodies, problems
from service.web.connections import BoundedConnection
from service.web.deadlines import (
    ANSWERS_WITHIN_S,
    HEADERS_COUNT_MAX,
    HEADERS_MAX,
    URL_MAX,
    Deadline,
)
from service.web.policy import public
from tests.fixtures.service import District


async def test_a_url_longer_than_any_route_needs_is_refused(district: District) -> None:
    path = "/v1/institutions"
    fits = await district.service.get(path, district.regulator, cursor="x" * 500)
    long = await district.service.get(path, district.regulator, cursor="x" * URL_MAX)

    assert fits.status_code == 400
    assert (long.status_code, long.json()["code"]) == (414, "url_too_long")


@pytest.mark.parametrize("text", ["%00", "a%00b", "%0d%0a", "%7f", "%e2%80%ae"])
@pytest.mark.parametrize("path", ["/v1/rule-packs/{}", "/v1/institutions?cursor={}", "/v1/{}"])
async def test_what_no_text_may_have_in_it_no_url_has(
    district: District, path: str, text: str
) -> None:
    bearer = {"Authorization": f"Bearer {district.regulator}"}

    answer = await district.service.http.get(path.format(text), headers=bearer)

    assert answer.status_code in (400, 404)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "headers",
    [
        {"x-padding": "x" * HEADERS_MAX},
        {f"x-{number}": "x" for number in range(HEADERS_COUNT_MAX + 1)},
    ],
    ids=["one long header", "many headers"],
)
async def test_more_headers_than_any_route_needs_are_refused(
    district: District, headers: dict[str, str]
) -> None:
    bearer = {"Authorization": f"Bearer {district.regulator}"}

    answer = await district.service.http.get("/v1/institutions", headers=headers | bearer)

    assert (answer.status_code, answer.json()["code"]) == (431, "headers_too_large")


async def test_a_body_or_a_nesting_over_its_limit_is_refused(district: District) -> None:
    post_ = district.service.post
    large = await post_("/v1/restraints", district.regulator, {"cause": "x" * bodies.BODY_MAX})
    nested: Any = "x"
    for _ in range(bodies.DEPTH_MAX + 1):
        nested = [nested]
    deep = await post_("/v1/restraints", district.regulator, {"cause": nested})

    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")
    assert (deep.status_code, deep.json()["facts"]["reason"]) == (400, "too_deep")


def test_every_list_has_pages_of_at_most_500() -> None:
    app = create_app(create_async_engine("postgresql+asyncpg://nobody@/none"), Settings(demo=True))
    limits = [
        (operation["operationId"], parameter["schema"].get("maximum"))
        for operations in app.openapi_schema.to_schema()["paths"].values()
        for operation in operations.values()
        for parameter in operation.get("parameters", [])
        if parameter["name"] == "limit"
    ]

    assert len(limits) > 20
    assert [(name, most) for name, most in limits if most is None or most > 500] == []


@get("/waits", opt=public() | {"answers_within_s": 0})
async def waits() -> str:
    """Answer too late."""
    await asyncio.sleep(5)
    return "too late"


@post("/waits", opt=public() | {"answers_within_s": 0})
async def changes() -> str:
    """Change something too late."""
    await asyncio.sleep(5)
    return "too late"


@asynccontextmanager
async def slow() -> AsyncIterator[httpx.AsyncClient]:
    """An application whose routes have no time at all."""
    app: Any = Litestar(
        [waits, changes],
        middleware=[Deadline],
        exception_handlers={
            Refusal: problems.on_refusal,
            HTTPException: problems.on_http,
        },
        openapi_config=None,
    )
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://slow.test") as client:
        yield client


async def test_what_takes_too_long_is_ended() -> None:
    async with slow() as http:
        read, changed = await http.get("/waits"), await http.post("/waits")

    assert (read.status_code, read.json()["code"]) == (503, "busy")
    assert (changed.status_code, changed.json()["code"]) == (503, "outcome_unknown")
    assert "retry-after" in changed.headers


def test_every_cost_class_has_its_time() -> None:
    assert set(ANSWERS_WITHIN_S) == set(CostClass)


async def test_a_body_that_trickles_in_is_not_waited_for(
    district: District, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_WITHIN_S", 0)
    monkeypatch.setattr(bodies, "BODY_PER_S", 2**40)

    head = (
        "POST /v1/restraints HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {district.regulator}\r\nidempotency-key: slow\r\n"
        "content-length: 2\r\nconnection: close\r\n\r\n{"
    )
    application: Any = district.service.http._transport
    async with served(application.app) as address:
        answer = await answered(address, head.encode())

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"body_too_slow" in answer


async def hello(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer anything."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


class Hurried(BoundedConnection):
    """A connection with little time and little room."""

    head_within_s = 0.3
    head_max = 2_000


@asynccontextmanager
async def served(app: Any, protocol: Any = BoundedConnection) -> AsyncIterator[str]:
    """Serve an application on a port of its own, as `escrow serve` does."""
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_config=None, http=protocol, lifespan="off", timeout_keep_alive=2
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    while not server.started:  # noqa: ASYNC110 - the server has no event of it
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    server.should_exit = True
    await serving


async def answered(address: str, *parts: bytes, pause_s: str = "0.05") -> bytes:
    """Send parts of a request with pauses between; return all that comes until the end."""
    host, port = address.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    received = b""
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(float(pause_s))
        received = await asyncio.wait_for(reader.read(), 4)
    except ConnectionError:
        pass
    finally:
        writer.close()
    return received


HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n"


async def test_a_head_that_trickles_in_is_not_waited_for() -> None:
    async with served(hello, Hurried) as address:
        began = time.monotonic()
        nothing = await answered(address)
        slowly = await answered(address, *(b"G", b"E", b"T", b" ", b"/"), pause_s="0.04")
        second = await answered(address, HEAD + b"\r\n", HEAD)
        took = time.monotonic() - began

    assert nothing.startswith(b"HTTP/1.1 408")
    assert slowly.startswith(b"HTTP/1.1 408")
    assert second.startswith(b"HTTP/1.1 204")
    assert b"HTTP/1.1 408" in second
    assert took < 4


async def test_a_head_without_end_is_cut_off() -> None:
    async with served(hello, Hurried) as address:
        endless = await answered(
            address, HEAD, *([b"x: " + b"y" * 500 + b"\r\n"] * 6), pause_s="0.01"
        )
        fits = await answered(
            address, HEAD + b"x: " + b"y" * 500 + b"\r\nconnection: close\r\n\r\n"
        )

    assert endless.startswith(b"HTTP/1.1 431") or endless == b""
    assert fits.startswith(b"HTTP/1.1 204")
