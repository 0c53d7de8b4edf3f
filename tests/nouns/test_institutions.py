"""Institutions over HTTP: entered once, licensed, suspended, seen in scope, and let go."""

from typing import Any

import pytest

from service.identity import tokens
from service.identity.callers import Role
from service.institutions.credit_codes import is_valid
from tests.fixtures.service import District, fresh_id
from tests.nouns.institution_calls import PATH, REASON, body_of, licensed, registered, told


async def test_an_institution_is_entered_with_the_department_of_its_category(
    district: District,
) -> None:
    made = await registered(district)

    assert made["state"] == "REGISTERED"
    assert made["department"] == "culture"
    assert made["version"] == 1
    assert made["settlement_party_id"].startswith("pty_")
    assert made["transaction_id"].startswith("txn_")


async def test_a_business_registration_is_entered_once(district: District) -> None:
    body = body_of(district)
    first = await district.service.post(PATH, district.regulator, body)

    again = await district.service.post(PATH, district.regulator, body)
    other = await district.service.post(PATH, district.regulator, body | {"name": "别的名字"})

    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert (other.status_code, other.json()["code"]) == (409, "already_exists")


@pytest.mark.parametrize("position", [16, 17])
async def test_a_credit_code_with_a_wrong_check_character_is_refused(
    district: District, position: int
) -> None:
    body = body_of(district)
    code = body["business_registration"]
    wrong = "1" if code[position] != "1" else "2"
    body["business_registration"] = code[:position] + wrong + code[position + 1 :]

    answer = await district.service.post(PATH, district.regulator, body)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")
    assert code[:15] not in answer.text


def test_a_published_credit_code_is_valid() -> None:
    assert is_valid("91350100M000100Y43")
    assert not is_valid("91350100M000100Y44")
    assert not is_valid("9135010IM000100Y43")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"jurisdiction_code": "500112"}, 404, "jurisdiction_unknown"),
        ({"registered_on": "2999-01-01"}, 422, "date_in_future"),
        ({"colour": "red"}, 400, "request_invalid"),
        ({"category": "chess"}, 400, "request_invalid"),
    ],
)
async def test_a_registration_that_cannot_be_is_refused(
    district: District, change: dict[str, Any], status: int, code: str
) -> None:
    answer = await district.service.post(PATH, district.regulator, body_of(district) | change)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_regulator_enters_only_institutions_of_its_own_department(
    district: District,
) -> None:
    scope = tokens.Scope(district.code, departments=("sport",))
    sport = await district.service.token(Role.REGULATOR, scope)

    refused = await district.service.post(PATH, sport, body_of(district))
    entered = await district.service.post(PATH, sport, body_of(district, category="sport"))

    assert (refused.status_code, refused.json()["code"]) == (403, "verb_forbidden")
    assert (entered.status_code, entered.json()["department"]) == (201, "sport")


async def test_a_licence_makes_an_institution_licensed_and_is_renewed_later(
    district: District,
) -> None:
    made = await licensed(district)

    renewed = await told(
        district,
        made["id"],
        "licence",
        school_licence="示例许可2号",
        licensed_on="2026-01-01",
        valid_until="2030-12-31",
    )

    assert (made["state"], made["version"]) == ("LICENSED", 2)
    assert renewed.json()["state"] == "LICENSED"
    assert renewed.json()["school_licence"] == "示例许可2号"


@pytest.mark.parametrize(
    ("licensed_on", "status"), [("2021-07-23", 200), ("2021-07-24", 422), ("2026-01-01", 422)]
)
async def test_no_new_subject_licence_is_given_after_the_rule(
    district: District, licensed_on: str, status: int
) -> None:
    made = await registered(district, category="subject")

    answer = await told(
        district,
        made["id"],
        "licence",
        school_licence="示例许可3号",
        licensed_on=licensed_on,
        valid_until="2028-12-31",
    )

    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["code"] == "category_closed"


async def test_suspension_goes_step_by_step_and_back(district: District) -> None:
    made = await licensed(district)
    ins = made["id"]

    too_far = await told(district, ins, "suspend", to="SUSPENDED", **REASON)
    states = [
        (await told(district, ins, verb, to=to, **REASON)).json()["state"]
        for verb, to in [
            ("suspend", "ENROLMENT_SUSPENDED"),
            ("suspend", "SUSPENDED"),
            ("resume", "ENROLMENT_SUSPENDED"),
            ("resume", "LICENSED"),
        ]
    ]

    assert (too_far.status_code, too_far.json()["code"]) == (409, "wrong_state")
    assert states == ["ENROLMENT_SUSPENDED", "SUSPENDED", "ENROLMENT_SUSPENDED", "LICENSED"]


async def test_a_command_for_an_old_version_is_refused(district: District) -> None:
    made = await licensed(district)

    answer = await told(
        district,
        made["id"],
        "suspend",
        to="ENROLMENT_SUSPENDED",
        expect={"version": made["version"] - 1},
        **REASON,
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "version_stale")


async def test_an_institution_leaves_in_order_when_nothing_is_owed(district: District) -> None:
    ins = (await licensed(district))["id"]

    states = [
        (await told(district, ins, "exit", to="EXITING", **REASON)).json()["state"],
        (await told(district, ins, "exit", to="EXITED", **REASON)).json()["state"],
        (await told(district, ins, "deregister", **REASON)).json()["state"],
    ]

    assert states == ["EXITING", "EXITED", "DEREGISTERED"]


async def test_a_list_is_filtered_and_paged_in_a_stable_order(district: District) -> None:
    made = [(await registered(district))["id"] for _ in range(3)]
    await registered(district, category="sport")
    get = district.service.get

    first = (await get(PATH, district.regulator, category="art", limit=2)).json()
    rest = (
        await get(PATH, district.regulator, category="art", limit=2, cursor=first["next_cursor"])
    ).json()
    foreign = await get(PATH, district.regulator, category="sport", cursor=first["next_cursor"])

    assert [item["id"] for item in first["items"] + rest["items"]] == made
    assert rest["next_cursor"] is None
    assert foreign.status_code == 400


async def test_a_foreign_institution_is_not_there(district: District) -> None:
    ins = (await licensed(district))["id"]
    own = await district.plant_institution()
    callers = {
        "other school": await district.institution_token(own),
        "other bank": district.banks["ABC"],
        "other department": await district.service.token(
            Role.REGULATOR, tokens.Scope(district.code, departments=("sport",))
        ),
    }

    statuses = {
        who: (await district.service.get(f"{PATH}/{ins}", token)).status_code
        for who, token in callers.items()
    }
    mangled = await district.service.get(f"{PATH}/{ins[:-1]}", district.regulator)
    unknown = district.public("ins", fresh_id())
    missing = await told(district, unknown, "suspend", to="ENROLMENT_SUSPENDED", **REASON)

    assert set(statuses.values()) == {404}
    assert (mangled.status_code, missing.status_code) == (404, 404)
