"""Jurisdictions over HTTP: added with a journal, seen by subtree, their banks and rules."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from service.identity import tokens
from service.identity.callers import Role
from service.store import reference
from service.store.context import Context
from service.store.reference import NewJurisdiction
from tests.fixtures.service import District, fresh_id

PATH = "/v1/jurisdictions"
NUMBERS = itertools.count(30_001)


async def add(district: District, new: NewJurisdiction) -> None:
    async with district.service.engine.begin() as connection:
        await reference.add_jurisdiction(connection, new, at=datetime.now(UTC))


@pytest.fixture
async def nation(district: District) -> str:
    """Give a token of the national operator; the nation is a node above all journals."""
    await add(district, NewJurisdiction("100000", "中华人民共和国", "cn-national"))
    return await district.service.token(Role.OPERATOR, tokens.Scope("100000"))


def zone(district: District, **changes: Any) -> dict[str, Any]:
    number = next(NUMBERS)
    return {
        "code": f"TRY-{number}",
        "name": "试点功能区",
        "parent": district.code,
        "rule_pack": "chongqing-500106",
        "journal": number,
        "banks": ["ICBC", "CQB"],
    } | changes


# --- adding -------------------------------------------------------------------------------------


async def test_a_zone_is_added_with_its_journal_and_its_first_transaction_says_so(
    district: District,
) -> None:
    body = zone(district)

    answer = await district.service.post(PATH, district.operator, body)

    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["path"] == f"{district.path}~{body['code']}"
    assert [bank["bank"] for bank in made["banks"]] == ["CQB", "ICBC"]
    assert made["transaction_id"].startswith("txn_")
    async with district.service.store.reading(Context((body["journal"],))) as connection:
        kinds = (
            await connection.scalars(text("SELECT kind FROM escrow.journal_transaction"))
        ).all()
    assert kinds == ["JURISDICTION_ADDED"]


async def test_adding_again_is_a_duplicate_and_other_content_a_conflict(
    district: District,
) -> None:
    body = zone(district)
    await district.service.post(PATH, district.operator, body)

    again = await district.service.post(PATH, district.operator, body)
    other = await district.service.post(PATH, district.operator, body | {"name": "别名"})
    taken = zone(district, journal=body["journal"])
    journal = await district.service.post(PATH, district.operator, taken)

    assert again.status_code == 200
    assert (other.status_code, other.json()["code"]) == (409, "already_exists")
    assert (journal.status_code, journal.json()["code"]) == (409, "already_exists")


async def test_a_key_is_replayed_and_not_reused(district: District, nation: str) -> None:
    for token, body in ((district.operator, zone(district)), (nation, province("520000"))):
        first = await district.service.post(PATH, token, body, key="k-1")
        again = await district.service.post(PATH, token, body, key="k-1")
        other = await district.service.post(PATH, token, body | {"name": "别名"}, key="k-1")

        assert first.status_code == again.status_code == 201
        assert again.headers["idempotency-replayed"] == "true"
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def province(code: str) -> dict[str, Any]:
    return {"code": code, "name": "某省", "rule_pack": "cn-national"}


async def test_a_dry_run_adds_nothing(district: District, nation: str) -> None:
    for token, body in ((district.operator, zone(district)), (nation, province("530000"))):
        answer = await district.service.post(PATH, token, body, dry_run=True)
        read = await district.service.get(f"{PATH}/{body['code']}", token)

        assert (answer.status_code, read.status_code) == (200, 404)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"banks": ["ICBC", "NONE"]}, 404, "bank_unknown"),
        ({"rule_pack": "no-such-pack"}, 422, "policy_missing"),
        ({"parent": "599999"}, 404, "jurisdiction_unknown"),
        ({"parent": None}, 404, "jurisdiction_unknown"),
        ({"parent": "500112"}, 404, "jurisdiction_unknown"),
        ({"journal": 0}, 400, "request_invalid"),
        ({"journal": "12"}, 400, "request_invalid"),
        ({"departments": []}, 400, "request_invalid"),
    ],
)
async def test_a_jurisdiction_that_cannot_be_is_refused_and_opens_no_journal(
    district: District, change: dict[str, Any], status: int, code: str
) -> None:
    body = zone(district)

    refused = await district.service.post(PATH, district.operator, body | change)
    corrected = await district.service.post(PATH, district.operator, body)

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert corrected.status_code == 201


async def test_an_abolished_division_code_is_refused(district: District, nation: str) -> None:
    body = {"code": "500222", "name": "綦江县", "rule_pack": "cn-national", "journal": 40_001}

    answer = await district.service.post(PATH, nation, body)

    assert (answer.status_code, answer.json()["code"]) == (422, "adcode_not_in_force")


async def test_an_operator_adds_only_below_its_own_jurisdiction(district: District) -> None:
    body = {"code": "510502", "name": "江阳区", "rule_pack": "cn-national", "journal": 40_002}

    answer = await district.service.post(PATH, district.operator, body)

    assert (answer.status_code, answer.json()["code"]) == (404, "jurisdiction_unknown")


# --- seeing -------------------------------------------------------------------------------------


async def test_disjoint_scopes_see_disjoint_institutions_and_the_parent_sees_them_all(
    district: District, nation: str
) -> None:
    seen: dict[str, set[str]] = {}
    for number, code in enumerate(("620102", "620103", "620321", "630102"), start=41_001):
        body = {"code": code, "name": code, "rule_pack": "cn-national", "journal": number}
        assert (await district.service.post(PATH, nation, body)).status_code == 201
        home = replace(district, code=code, path=code, journal=number)
        for category, department in (("art", "culture"), ("sport", "sport")):
            await home.plant_institution(category=category, department=department)
    for code in ("620000", "620100", "620300", "630000"):
        await district.service.post(PATH, nation, province(code))

    for code in ("620000", "620100", "620300", "630000", "620102", "620103", "630102"):
        seen[code] = await institutions_of(district, tokens.Scope(code))
        sport = await institutions_of(district, tokens.Scope(code, departments=("sport",)))
        assert len(sport) * 2 == len(seen[code])
        assert sport < seen[code]

    assert [len(seen[c]) for c in ("620000", "620100", "620300", "630000")] == [6, 4, 2, 2]
    assert seen["620000"] == seen["620100"] | seen["620300"]
    assert seen["620100"] == seen["620102"] | seen["620103"]
    assert not seen["620102"] & seen["620103"]
    assert not seen["620000"] & seen["630000"]


async def institutions_of(district: District, scope: tokens.Scope) -> set[str]:
    token = await district.service.token(Role.REGULATOR, scope)
    page = await district.service.get("/v1/institutions", token)
    return {item["id"] for item in page.json()["items"]}


async def test_a_list_holds_the_callers_subtree_page_by_page(district: District) -> None:
    bodies = [zone(district) for _ in range(3)]
    for body in bodies:
        await district.service.post(PATH, district.operator, body)

    codes, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await district.service.get(PATH, district.regulator, **query)).json()
        codes += [item["code"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert codes == [district.code, *(body["code"] for body in bodies)]


async def test_a_foreign_jurisdiction_is_not_there(district: District) -> None:
    parent = await district.parent_token(fresh_id())

    foreign = await district.service.get(f"{PATH}/500106", parent)
    own = await district.service.get(f"{PATH}/{district.code}", parent)

    assert (foreign.status_code, own.status_code) == (404, 200)


# --- banks --------------------------------------------------------------------------------------


async def test_a_bank_is_suspended_resumed_removed_and_selected_anew(district: District) -> None:
    states = []
    for state in ("SUSPENDED", "ACTIVE", "REMOVED", "ACTIVE"):
        answer = await district.service.post(
            f"{PATH}/{district.code}/banks", district.regulator, {"bank": "ICBC", "state": state}
        )
        assert answer.status_code == 200, answer.text
        states.append((answer.json()["state"], answer.json()["until"] is None))

    assert states == [
        ("SUSPENDED", False),
        ("ACTIVE", True),
        ("REMOVED", False),
        ("ACTIVE", True),
    ]


async def test_a_bank_that_was_not_selected_is_selected_later(district: District) -> None:
    body = zone(district)
    await district.service.post(PATH, district.operator, body)
    where = f"{PATH}/{body['code']}/banks"
    post = district.service.post

    suspended = await post(where, district.operator, {"bank": "CMB", "state": "SUSPENDED"})
    selected = await post(where, district.operator, {"bank": "CMB"})
    again = await post(where, district.operator, {"bank": "CMB"})

    assert (suspended.status_code, suspended.json()["code"]) == (422, "bank_not_selected")
    assert (selected.json()["state"], selected.json()["until"]) == ("ACTIVE", None)
    assert selected.json()["transaction_id"].startswith("txn_")
    assert "transaction_id" not in again.json() or again.json()["transaction_id"] is None


async def test_a_bank_selection_that_cannot_be_is_refused(district: District) -> None:
    where = f"{PATH}/{district.code}/banks"
    await district.service.post(where, district.regulator, {"bank": "ABC", "state": "REMOVED"})
    post = district.service.post

    unknown = await post(where, district.regulator, {"bank": "BOC"})
    suspended = await post(where, district.regulator, {"bank": "ABC", "state": "SUSPENDED"})
    foreign = await post(f"{PATH}/500106/banks", district.regulator, {"bank": "ABC"})

    assert (unknown.status_code, unknown.json()["code"]) == (404, "bank_unknown")
    assert (suspended.status_code, suspended.json()["code"]) == (409, "wrong_state")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "jurisdiction_unknown")


# --- rules --------------------------------------------------------------------------------------


async def test_rules_are_those_in_force_on_the_day_with_their_sources(district: District) -> None:
    where = f"{PATH}/{district.code}/rules"

    now = (await district.service.get(where, district.auditor)).json()
    before = (await district.service.get(where, district.auditor, on="2021-07-23")).json()
    in_break = (await district.service.get(where, district.auditor, on="2026-02-10")).json()

    assert now["rule_pack"] == "chongqing-500106@3"
    assert value_of(now, "amount_cap") == "5000.00"
    assert value_of(now, "new_licences", "subject") is False
    assert [rule["parameter"] for rule in before["rules"]] == ["new_licences"]
    assert value_of(in_break, "term_break") is True
    assert all(rule["source"] for rule in now["rules"])


def value_of(rules: dict[str, Any], parameter: str, scope: str | None = None) -> Any:
    (found,) = [
        rule["value"]
        for rule in rules["rules"]
        if (rule["parameter"], rule["scope"]) == (parameter, scope)
    ]
    return found
