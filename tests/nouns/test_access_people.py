"""Administering people: each for their own body, and nobody beyond it."""

from typing import Any

import pytest

from service.identity import tokens
from service.identity.callers import Role
from tests.fixtures.door import (
    invite,
    officer,
    owner_of,
    staff,
)
from tests.fixtures.service import District, Service, open_district

OWNER: dict[str, Any] = {"role": "institution", "duties": ["finance"]}
OFFICER: dict[str, Any] = {"role": "regulator", "duties": ["officer"]}


async def test_an_owner_invites_staff_of_the_own_institution(district: District) -> None:
    owner, institution = await owner_of(district)

    invited, _ = await invite(district, owner, **OWNER)

    body = invited.json()
    assert invited.status_code == 201
    assert (body["role"], body["duties"], body["state"]) == ("institution", ["finance"], "INVITED")
    assert body["institution_id"] == district.public("ins", institution)
    assert body["jurisdiction"] == district.code
    assert body["invitation"]["token"].startswith("esi_")


async def test_the_same_request_again_shows_no_invitation(district: District) -> None:
    owner, _ = await owner_of(district)
    body = {"name": "李会计", "login": "again@people.example", **OWNER}
    body["login"] = f"{owner[-8:].lower()}@people.example"

    first = await district.service.post("/v1/people", owner, body, key="k1")
    second = await district.service.post("/v1/people", owner, body, key="k1")
    dry = await district.service.post(
        "/v1/people", owner, body | {"login": f"dry-{body['login']}"}, dry_run="true"
    )

    assert (first.status_code, second.status_code, dry.status_code) == (201, 201, 200)
    assert second.headers["idempotency-replayed"] == "true"
    assert second.json()["id"] == first.json()["id"]
    assert second.json()["invitation"] is None
    assert dry.json()["invitation"] is None


async def test_names_are_kept_sealed_and_shown_masked(district: District) -> None:
    owner, _ = await owner_of(district)
    invited, login = await invite(district, owner, name="欧阳小李", **OWNER)

    read = await district.service.get(f"/v1/people/{invited.json()['id']}", owner)
    listed = await district.service.get("/v1/people", owner)

    assert invited.json()["name"] is None
    assert read.json()["name"] == "欧**李"
    assert [one["name"] for one in listed.json()["items"]] == ["欧**李"]
    assert login not in read.text + listed.text + invited.text
    assert await district.count("pii.person") == 1


async def test_a_login_name_is_one_persons_until_that_is_revoked(district: District) -> None:
    owner, _ = await owner_of(district)
    elsewhere = await open_district(district.service)
    other_owner = await elsewhere.institution_token(await elsewhere.plant_institution())
    first, login = await invite(district, owner, **OWNER)

    taken, _ = await invite(elsewhere, other_owner, login=login.upper(), **OWNER)
    revoked = await district.service.post(f"/v1/people/{first.json()['id']}/revoke", owner)
    free, _ = await invite(elsewhere, other_owner, login=login, **OWNER)

    assert (taken.status_code, taken.json()["code"]) == (409, "already_exists")
    assert revoked.status_code == 200
    assert free.status_code == 201


@pytest.mark.parametrize(
    ("standing", "status", "code"),
    [
        ({"role": "regulator", "duties": ["officer"], "jurisdiction": "500106"}, 403, None),
        ({"role": "operator", "duties": ["system"], "jurisdiction": "500106"}, 403, None),
        ({"role": "auditor", "jurisdiction": "500106"}, 403, None),
        ({"role": "institution", "duties": []}, 422, "duties_apart"),
        ({"role": "institution", "duties": ["officer"]}, 422, "duties_apart"),
        ({"role": "institution", "duties": ["finance", "academic"]}, 422, "duties_apart"),
        ({"role": "institution", "duties": ["janitor"]}, 400, "request_invalid"),
        ({"role": "institution", "duties": ["finance"], "departments": ["x"]}, 400, None),
        ({"role": "bank", "duties": []}, 400, "request_invalid"),
    ],
)
async def test_an_owner_gives_only_duties_of_an_institution(
    district: District, standing: dict[str, Any], status: int, code: str | None
) -> None:
    owner, _ = await owner_of(district)

    answer, _ = await invite(district, owner, **standing)

    assert answer.status_code == status, answer.text
    assert code in (None, answer.json()["code"])


async def test_an_owner_has_no_say_in_another_institution(district: District) -> None:
    owner, _ = await owner_of(district)
    other_owner, other = await owner_of(district)
    theirs, _ = await invite(district, other_owner, **OWNER)
    person = theirs.json()["id"]

    added, _ = await invite(district, owner, institution_id=district.public("ins", other), **OWNER)
    asked = [
        await district.service.get(f"/v1/people/{person}", owner),
        await district.service.get(f"/v1/people/{person}/devices", owner),
        await district.service.post(f"/v1/people/{person}/revoke", owner),
        await district.service.post(f"/v1/people/{person}/invitations", owner),
        await district.service.post(f"/v1/people/{person}/duties", owner, {"duties": ["owner"]}),
    ]

    assert (added.status_code, added.json()["code"]) == (404, "institution_unknown")
    assert {(a.status_code, a.json()["code"]) for a in asked} == {(404, "person_unknown")}
    assert (await district.service.get("/v1/people", owner)).json()["items"] == []


async def test_staff_without_the_duty_administer_nobody(district: District) -> None:
    person = await staff(district, await district.plant_institution(), "finance")

    asked = [
        (await invite(district, person.token, **OWNER))[0],
        await person.get("/v1/people"),
        await person.get("/v1/clients"),
        await person.post(f"/v1/people/{person.id}/duties", {"duties": ["owner"]}),
    ]

    assert {answer.status_code for answer in asked} == {403}


async def test_an_owner_who_is_a_person_does_not_administer_itself(district: District) -> None:
    person = await staff(district, await district.plant_institution(), "owner")

    asked = [
        await person.post(f"/v1/people/{person.id}/duties", {"duties": ["finance"]}),
        await person.post(f"/v1/people/{person.id}/revoke"),
        await person.post(f"/v1/people/{person.id}/invitations"),
    ]
    invited, _ = await invite(district, person.token, **OWNER)

    assert {(a.status_code, a.json()["code"]) for a in asked} == {(403, "verb_forbidden")}
    assert invited.status_code == 201
    assert (await person.get(f"/v1/people/{person.id}")).status_code == 200


async def test_a_regulators_security_officer_adds_regulators_of_the_own_scope(
    district: District,
) -> None:
    security = await officer(district, "security")
    elsewhere = await open_district(district.service)

    own, _ = await invite(
        district, security.token, role="regulator", jurisdiction=district.code, duties=["officer"]
    )
    foreign = [
        (
            await invite(
                district, security.token, role="regulator", jurisdiction=code, duties=["officer"]
            )
        )[0]
        for code in (elsewhere.code, "500106", "500000", "999999")
    ]

    assert own.status_code == 201
    assert {(a.status_code, a.json()["code"]) for a in foreign} == {(404, "jurisdiction_unknown")}


async def test_a_departments_regulator_adds_nobody_beyond_the_department(
    district: District,
) -> None:
    scope = tokens.Scope(district.code, departments=("culture",))
    token = await district.service.token(Role.REGULATOR, scope)
    standing: dict[str, Any] = {
        "role": "regulator",
        "jurisdiction": district.code,
        "duties": ["officer"],
    }

    whole, _ = await invite(district, token, **standing)
    other, _ = await invite(district, token, departments=["education"], **standing)
    own, _ = await invite(district, token, departments=["culture"], **standing)
    listed = (await district.service.get("/v1/people", token)).json()["items"]
    everybody, _ = await invite(district, district.regulator, **standing)
    hidden = await district.service.get(f"/v1/people/{everybody.json()['id']}", token)

    assert [whole.json()["code"], other.json()["code"]] == ["department_not_competent"] * 2
    assert own.status_code == 201
    assert [one["id"] for one in listed] == [own.json()["id"]]
    assert hidden.status_code == 404


async def test_a_sibling_district_sees_nobody_of_this_one(
    district: District, service: Service
) -> None:
    theirs, _ = await invite(
        district,
        district.regulator,
        role="regulator",
        jurisdiction=district.code,
        duties=["officer"],
    )
    sibling = await open_district(service)

    seen = await service.get(f"/v1/people/{theirs.json()['id']}", sibling.regulator)

    assert seen.status_code == 404
