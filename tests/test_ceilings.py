"""Ceilings over HTTP: who is counted, as what, and that one caller's flood is nobody else's."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from service.app import create_app
from service.identity.callers import Caller, Role
from service.identity.limits import Ceiling, CostClass, Kind
from service.settings import Settings
from service.web.ceilings import cost_class_of, kind_of, source
from service.web.policy import routes
from tests.fixtures.service import District, Service

FEW = Ceiling(count=1, seconds=3600, burst=3)


@asynccontextmanager
async def limited(engine: AsyncEngine, **values: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Run another process of the service, with ceilings."""
    app: Any = create_app(engine, Settings(demo=True, bank_tokens=True, **values))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://escrow.test") as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_who_asks_too_often_is_told_when_to_come_back(
    service: Service, district: District
) -> None:
    few: Any = {Kind.SERVICE: {CostClass.LIST: FEW}}
    async with limited(service.engine, limits=few) as http:
        headers = bearer(district.regulator)
        answers = [await http.get("/v1/institutions", headers=headers) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    refused = answers[3]
    assert refused.json()["code"] == "rate_limited"
    assert refused.json()["facts"]["retry_after_s"] == int(refused.headers["Retry-After"])
    assert 3500 < int(refused.headers["Retry-After"]) <= 3600


async def test_a_flood_by_one_caller_leaves_another_unharmed(
    service: Service, district: District
) -> None:
    few: Any = {Kind.SERVICE: {CostClass.LIST: FEW}}
    async with limited(service.engine, limits=few) as http:

        async def asked(token: str) -> int:
            return (await http.get("/v1/receipts", headers=bearer(token))).status_code

        flood = [asked(district.banks["ICBC"]) for _ in range(60)]
        others = [asked(district.banks["ABC"]) for _ in range(3)]
        answers = await asyncio.gather(*flood, *others)

    assert Counter(answers[:60]) == {200: 3, 429: 57}
    assert answers[60:] == [200, 200, 200]


async def test_a_refused_flood_changes_nothing_and_the_key_stays_free(
    service: Service, district: District
) -> None:
    few: Any = {Kind.SERVICE: {CostClass.COMMAND: Ceiling(1, 3600, 1)}}
    key = bearer(district.regulator) | {"Idempotency-Key": "a-key-of-a-flood"}
    body = {"institution_id": "ins_none", "reason": "X"}
    async with limited(service.engine, limits=few) as http:
        first = await http.post("/v1/restraints", json=body, headers=key)
        flood = await http.post("/v1/restraints", json=body, headers=key)
    afterwards = await service.http.post("/v1/restraints", json=body, headers=key)

    assert flood.status_code == 429
    assert afterwards.status_code == first.status_code != 429


async def test_without_a_caller_the_address_is_counted(service: Service) -> None:
    few: Any = {Kind.SOURCE: {CostClass.READ: FEW, CostClass.TOKEN: FEW}}
    async with limited(service.engine, limits=few) as http:
        public = [(await http.get("/v1/problems")).status_code for _ in range(4)]
        guesses = [
            (await http.get("/v1/receipts", headers=bearer("esk_guess"))).status_code
            for _ in range(4)
        ]
        health = [(await http.get("/health/live")).status_code for _ in range(4)]

    assert public == [200, 200, 200, 429]
    assert guesses == [401, 401, 401, 429]
    assert health == [200, 200, 200, 200]


@pytest.mark.parametrize(
    ("role", "session", "kind"),
    [
        (Role.BANK, None, Kind.SERVICE),
        (Role.INSTITUTION, None, Kind.SERVICE),
        (Role.INSTITUTION, "ses_x", Kind.PERSON),
        (Role.REGULATOR, "ses_x", Kind.PERSON),
        (Role.PARENT, None, Kind.PERSON),
    ],
)
def test_people_have_sessions_and_systems_have_none(
    role: Role, session: str | None, kind: Kind
) -> None:
    assert kind_of(Caller("somebody", role, (1,), session=session)) is kind


TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::1/128")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("198.51.100.9", "203.0.113.1", "198.51.100.9"),
        ("10.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "192.0.2.66, 203.0.113.1", "203.0.113.1"),
        ("10.0.0.1", "192.0.2.66, 203.0.113.1, 10.2.3.4", "203.0.113.1"),
        ("10.0.0.1", "10.2.3.4", "10.2.3.4"),
        ("10.0.0.1", "203.0.113.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("fd00::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fd00::2", "203.0.113.1", "fd00::/64"),
        ("::ffff:10.0.0.1", "203.0.113.1", "203.0.113.1"),
        ("", "203.0.113.1", "unknown"),
    ],
)
def test_only_a_trusted_proxy_is_believed_about_who_asks(
    peer: str, forwarded: str, found: str
) -> None:
    assert source(peer, forwarded, TRUSTED) == found


@pytest.fixture(scope="module")
def app() -> Litestar:
    return create_app(create_async_engine("postgresql+asyncpg://nobody@/none"), Settings())


def test_every_route_has_a_cost_class_and_the_shapes_give_the_right_ones(app: Litestar) -> None:
    classes = {
        str(handler.operation_id): cost_class_of(handler)
        for _, _, handler in routes(app)
        if handler.operation_id
    }

    assert classes["listInstitutions"] is CostClass.LIST
    assert classes["getInstitution"] is CostClass.READ
    assert classes["postReceipt"] is CostClass.COMMAND
    assert classes["postReceipts"] is CostClass.BATCH


def test_ceilings_stand_by_default_and_a_setting_takes_their_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(
        "ESCROW_LIMITS",
        '{"service": {"command": {"count": 5, "seconds": 1, "burst": 10}, "read": null}}',
    )

    found = Settings().ceilings

    assert found[Kind.SERVICE][CostClass.COMMAND] == Ceiling(5, 1, 10)
    assert found[Kind.SERVICE][CostClass.READ] is None
    assert found[Kind.PERSON][CostClass.LIST] is not None
    assert cast("Any", Settings(demo=True).ceilings)[Kind.SERVICE].keys() == {
        CostClass.COMMAND,
        CostClass.READ,
    }
