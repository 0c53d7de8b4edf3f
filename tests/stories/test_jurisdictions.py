"""Worked case 8.16: what a scope adds up to is a subtree of adcodes, never a prefix of digits."""

import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from service.app import create_app
from service.identity import tokens
from service.identity.callers import Role
from service.settings import Settings
from service.store import reference
from tests.fixtures.databases import Database
from tests.fixtures.service import BANKS, District, Service
from tests.fixtures.story import Story
from tests.fixtures.vaults import sealing

HELD = {
    "500106": ("30000000.00", "art"),
    "500112": ("12000000.00", "sport"),
    "500229": ("1000000.00", "art"),
    "510502": ("2000000.00", "sport"),
}
"""Two districts and a county of Chongqing, a district of Luzhou: money under supervision."""

numbers = itertools.count(1)


@pytest.fixture
async def nation(empty_database: Database) -> AsyncIterator[Service]:
    """Open a journal in each place, with one school that holds the place's money."""
    engine = sealing(create_async_engine(empty_database.url("escrow_app")))
    app = create_app(engine, Settings(demo=True, bank_tokens=True))
    transport = httpx.ASGITransport(app=cast("Any", app), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://escrow.test") as client:
        service = Service(engine, app.state.store, client)
        await _add(engine, "100000", None)
        for journal, (code, (amount, category)) in enumerate(HELD.items(), start=1):
            await _hold(service, code, journal, amount, category)
        yield service
    await engine.dispose()


async def test_case_8_16_a_regulator_sees_subtrees_and_a_department_its_schools_in_them(
    nation: Service,
) -> None:
    everybody = await nation.token(Role.REGULATOR, tokens.Scope("100000"))
    sport = await nation.token(Role.REGULATOR, tokens.Scope("100000", departments=("sport",)))

    seen = {
        code: (await _supervised(nation, everybody, code), await _supervised(nation, sport, code))
        for code in ("500106", "500000", "510500", "100000")
    }

    assert seen == {
        "500106": ("30000000.00", "0.00"),
        "500000": ("43000000.00", "12000000.00"),
        "510500": ("2000000.00", "2000000.00"),
        "100000": ("45000000.00", "14000000.00"),
    }


async def test_case_8_16_a_place_sees_nothing_above_or_beside_itself(nation: Service) -> None:
    regulator = await nation.token(Role.REGULATOR, tokens.Scope("500112"))

    own = await nation.get("/v1/balances", regulator)
    others = [
        await nation.get("/v1/balances", regulator, adcode=code)
        for code in ("500106", "500000", "100000")
    ]

    assert own.json()["prepaid"] == "12000000.00"
    assert [(answer.status_code, answer.json()["code"]) for answer in others] == [
        (404, "jurisdiction_unknown")
    ] * 3


async def _supervised(nation: Service, regulator: str, code: str) -> str:
    answer = await nation.get("/v1/balances", regulator, adcode=code)
    return str(answer.json()["prepaid"])


async def _add(engine: AsyncEngine, code: str, journal: int | None) -> str:
    new = reference.NewJurisdiction(
        code=code,
        name=code,
        rule_pack="cn-national",
        journal=journal,
        banks=BANKS if journal else (),
    )
    async with engine.begin() as connection:
        node = await reference.add_jurisdiction(connection, new, at=datetime.now(UTC))
    return str(node.path)


async def _hold(service: Service, code: str, journal: int, amount: str, category: str) -> None:
    """Let a place's one school take on contracts and bring all their money."""
    path = await _add(service.engine, code, journal)
    district = District(
        service,
        code,
        path,
        journal,
        regulator=await service.token(Role.REGULATOR, tokens.Scope(code)),
        second_regulator="",
        operator="",
        second_operator="",
        auditor="",
        banks={"ICBC": await service.token(Role.BANK, tokens.Scope(code, bank="ICBC"))},
    )
    story = Story(district, numbers=numbers)
    school = await story.school_opens("ICBC", category=category)
    await school.takes_on(amount, 100, "2025-03-01")
    await story.bank_reports(school, "ICBC", amount, kind="TOP_UP")
