"""The worked cases that balances show: 8.4 legacy onboarding, 8.9 two banks, 8.16 jurisdictions."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from service.app import create_app
from service.identity import tokens
from service.identity.callers import Role
from service.settings import Settings
from service.store import reference
from tests.fixtures.academies import Academy
from tests.fixtures.balances import asked, standing_school
from tests.fixtures.databases import Database
from tests.fixtures.days import yesterday
from tests.fixtures.service import BANKS, District, Service
from tests.fixtures.vaults import sealing


async def brought(school: Academy, amount: str) -> None:
    """Let the institution pay its own money in."""
    await school.receipt(
        amount, kind="TOP_UP", book_on=yesterday().isoformat(), value_on=yesterday().isoformat()
    )


async def stated(school: Academy, closing: str, count: int) -> None:
    """Let the bank state yesterday, which then agrees with the ledger."""
    answer = await school.stated(yesterday(), closing, credit_count=count)
    assert answer["state"] == "AGREED", answer


async def figures(district: District) -> dict[str, Any]:
    found = await asked(district, district.regulator)
    names = ("bank_money", "prepaid", "earned", "requirement", "shortfall", "hard_shortfall")
    return {name: found[name] for name in names} | dict(found["coverage"])


async def test_case_8_4_legacy_contracts_are_short_until_the_institution_has_paid_in(
    district: District, school: Academy
) -> None:
    contracts = [
        school.legacy("12000.00", 120, contract_on="2025-01-10"),
        school.legacy("6600.00", 66, contract_on="2025-02-10"),
        school.legacy("2400.00", 24, contract_on="2025-03-10"),
    ]
    opened = [await school.post("enrolments/legacy", school.token, each) for each in contracts]
    assert [answer.status_code for answer in opened] == [201, 201, 201]
    await brought(school, "9000.00")
    await stated(school, "9000.00", 1)

    assert await figures(district) == {
        "bank_money": "9000.00",
        "prepaid": "21000.00",
        "earned": "0.00",
        "requirement": "21000.00",
        "shortfall": "12000.00",
        "hard_shortfall": "12000.00",
        "state": "SHORT",
        "grade": "C",
        "ratio": "42.85",
    }

    third = opened[2].json()
    await school.confirmed(third)
    after = await figures(district)
    assert (after["prepaid"], after["earned"]) == ("20900.00", "0.00")
    assert after["shortfall"] == "11900.00"

    for amount in ("4000.00", "4000.00", "3900.00"):
        await brought(school, amount)
    last = await asked(district, district.regulator)
    assert last["due_from_institutions"] == []
    assert last["bank_money"] == last["prepaid"] == "20900.00"
    assert (last["shortfall"], last["coverage"]["ratio"]) == ("0.00", "100.00")


async def test_case_8_9_a_surplus_at_one_bank_does_not_hide_a_gap_at_the_other(
    district: District, school: Academy
) -> None:
    second = await district.plant_custody_account(
        school.institution, bank="CQRCB", is_default=False
    )
    taken = await school.post("enrolments/legacy", school.token, school.legacy("600.00", 6))
    assert taken.status_code == 201, taken.text
    body = {
        "custody_account_id": district.public("cus", second),
        "bank_ref": "R-second",
        "amount": "600.00",
        "book_on": yesterday().isoformat(),
        "value_on": yesterday().isoformat(),
        "kind": "TOP_UP",
    }
    answer = await school.post("receipts", district.banks["CQRCB"], body)
    assert answer.status_code == 201, answer.text

    whole = await asked(district, school.token)
    first = await asked(
        district, school.token, custody_account_id=district.public("cus", school.custody)
    )
    other = await asked(district, school.token, custody_account_id=district.public("cus", second))

    assert (whole["bank_money"], whole["requirement"]) == ("600.00", "600.00")
    assert [each["shortfall"] for each in (whole, first, other)] == ["600.00", "600.00", "0.00"]


@pytest.fixture
async def towns(empty_database: Database) -> Any:
    """Four counties of two cities, each with a journal and one institution's own money."""
    engine = sealing(create_async_engine(empty_database.url("escrow_app")))
    app = create_app(engine, Settings(demo=True, bank_tokens=True))
    asgi: Any = app
    transport = httpx.ASGITransport(app=asgi, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://escrow.test") as client:
        service = Service(engine, app.state.store, client)
        held = {
            "500106": ("30000000.00", "culture"),
            "500112": ("12000000.00", "sport"),
            "500229": ("1000000.00", "culture"),
            "510502": ("2000000.00", "culture"),
        }
        await _add(service, "100000", None)
        for journal, (code, (amount, department)) in enumerate(held.items(), start=1):
            await _hold(service, code, journal, amount, department)
        yield service
    await engine.dispose()


async def _add(service: Service, code: str, journal: int | None) -> str:
    async with service.engine.begin() as connection:
        node = await reference.add_jurisdiction(
            connection,
            reference.NewJurisdiction(
                code=code,
                name=code,
                rule_pack="cn-national",
                journal=journal,
                banks=BANKS if journal else (),
            ),
            at=datetime.now(UTC),
        )
    return str(node.path)


async def _hold(service: Service, code: str, journal: int, amount: str, department: str) -> None:
    path = await _add(service, code, journal)
    bank = await service.token(Role.BANK, tokens.Scope(code, bank="ICBC"))
    county = District(service, code, path, journal, "", "", "", "", "", {"ICBC": bank})
    school = await standing_school(county, department)
    await brought(school, amount)


async def test_case_8_16_a_scope_is_a_subtree_of_adcodes_and_the_children_add_up(
    towns: Service,
) -> None:
    nation = await towns.token(Role.REGULATOR, tokens.Scope("100000"))
    sport = await towns.token(Role.REGULATOR, tokens.Scope("100000", departments=("sport",)))

    async def money(token: str, **query: str) -> str:
        answer = await towns.get("/v1/balances", token, **query)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["bank_money"])

    assert await money(nation, adcode="500106") == "30000000.00"
    assert await money(nation, adcode="500000") == "43000000.00"
    assert await money(nation, adcode="510500") == "2000000.00"
    assert await money(nation) == "45000000.00"
    assert await money(sport) == "12000000.00"

    by_province = (await towns.get("/v1/balances/children", nation)).json()
    by_county = (await towns.get("/v1/balances/children", nation, adcode="500000")).json()
    assert [(c["adcode"], c["bank_money"]) for c in by_province["items"]] == [
        ("500000", "43000000.00"),
        ("510000", "2000000.00"),
    ]
    assert by_province["total"]["bank_money"] == "45000000.00"
    assert [(c["adcode"], c["name"], c["bank_money"]) for c in by_county["items"]] == [
        ("500106", "500106", "30000000.00"),
        ("500112", "500112", "12000000.00"),
        ("500229", "500229", "1000000.00"),
    ]
    assert [item["name"] for item in by_province["items"]] == ["重庆市", "四川省"]


async def test_every_place_of_an_answer_over_journals_is_repeated_to_the_byte(
    towns: Service,
) -> None:
    nation = await towns.token(Role.AUDITOR, tokens.Scope("100000"))

    first = await towns.get("/v1/balances/children", nation)
    echoed = first.json()
    again = await towns.get(
        "/v1/balances/children",
        nation,
        as_of=echoed["as_of"],
        known_at=echoed["known_at"],
        position=echoed["position"],
    )

    assert len(echoed["journals"]) == 4
    assert first.content == again.content
