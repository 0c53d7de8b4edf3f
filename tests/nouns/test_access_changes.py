"""What is changed of people: by operators two together, at once, and in the journal."""

import asyncio
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tests.fixtures.databases import Database
from tests.fixtures.door import (
    PASSWORD,
    Somebody,
    approve,
    at_the_door,
    begin,
    invite,
    owner_of,
    staff,
)
from tests.fixtures.service import District

OWNER: dict[str, Any] = {"role": "institution", "duties": ["finance"]}


async def test_what_an_operator_asks_for_waits_for_a_second_one(district: District) -> None:
    institution = await district.plant_institution()
    asked, login = await invite(
        district,
        district.operator,
        role="institution",
        institution_id=district.public("ins", institution),
        duties=["owner"],
    )
    token = asked.json()["invitation"]["token"]
    accept = {"invitation": token, "login": login, "password": PASSWORD}

    too_early = await district.service.http.post("/v1/login/invitation", json=accept)
    own = await approve(district, asked, district.operator)
    approved = await approve(district, asked, district.second_operator)
    person = await begin(district.service, token, login)

    assert (asked.status_code, asked.json()["command"]) == (202, "add_person")
    assert login not in asked.text
    assert too_early.status_code == 404
    assert own.status_code in (403, 409, 422)
    assert (approved.status_code, approved.json()["state"]) == (200, "EXECUTED")
    assert (await person.get("/v1/session")).json()["duties"] == ["owner"]


async def test_a_regulator_does_not_approve_for_operators(district: District) -> None:
    asked, _ = await invite(district, district.operator, role="auditor", jurisdiction=district.code)

    answer = await approve(district, asked, district.regulator)

    assert answer.status_code == 403


async def test_an_operator_changes_and_invites_only_with_a_second_one(district: District) -> None:
    person = await staff(district, await district.plant_institution(), "finance")
    path = f"/v1/people/{person.id}"

    duties = await district.service.post(
        f"{path}/duties", district.operator, {"duties": ["academic"]}
    )
    invited = await district.service.post(f"{path}/invitations", district.operator)
    still = await person.get("/v1/session")
    done = await approve(district, duties, district.second_operator)
    gone = await person.get("/v1/session")

    assert (duties.status_code, invited.status_code) == (202, 202)
    assert invited.json()["invitation"]["token"].startswith("esi_")
    assert still.json()["duties"] == ["finance"]
    assert done.json()["outcome"]["duties"] == ["academic"]
    assert gone.status_code == 401


async def test_who_is_revoked_is_out_at_once_and_for_good(district: District) -> None:
    owner, institution = await owner_of(district)
    person = await staff(district, institution, "finance")
    path = f"/v1/people/{person.id}"

    revoked = await district.service.post(f"{path}/revoke", owner)
    again = await district.service.post(f"{path}/revoke", owner)
    invited = await district.service.post(f"{path}/invitations", owner)

    assert (revoked.status_code, revoked.json()["state"]) == (200, "REVOKED")
    assert (await person.get("/v1/session")).status_code == 401
    assert (await person.log_in(device=person.device)).status_code == 401
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert invited.status_code == 409
    assert await fallen(district, person) == [person.id]


async def test_other_duties_end_the_sessions_they_replace(district: District) -> None:
    owner, institution = await owner_of(district)
    person = await staff(district, institution, "finance")

    changed = await district.service.post(
        f"/v1/people/{person.id}/duties", owner, {"duties": ["academic"]}
    )
    apart = await district.service.post(
        f"/v1/people/{person.id}/duties", owner, {"duties": ["academic", "finance"]}
    )

    assert changed.status_code == 200
    assert (await person.get("/v1/session")).status_code == 401
    await person.sign_in()
    assert (await person.get("/v1/session")).json()["duties"] == ["academic"]
    assert (apart.status_code, apart.json()["code"]) == (422, "duties_apart")


async def test_who_lost_everything_is_invited_anew_and_begins_anew(district: District) -> None:
    owner, institution = await owner_of(district)
    person = await staff(district, institution, "finance")
    path = f"/v1/people/{person.id}/invitations"

    first = await district.service.post(path, owner)
    second = await district.service.post(path, owner)
    still = await person.log_in()
    replaced = await district.service.http.post(
        "/v1/login/invitation",
        json={
            "invitation": first.json()["invitation"]["token"],
            "login": person.login,
            "password": PASSWORD,
        },
    )
    anew = await begin(district.service, second.json()["invitation"]["token"], person.login)

    assert still.status_code == 200
    assert replaced.status_code == 404
    assert (await person.get("/v1/session")).status_code == 401
    assert (await person.log_in(device=person.device)).status_code == 401
    assert anew.id == person.id
    assert (await anew.log_in()).status_code == 200


async def test_an_administrator_sees_and_ends_a_persons_devices(district: District) -> None:
    owner, institution = await owner_of(district)
    person = await staff(district, institution, "finance")
    path = f"/v1/people/{person.id}/devices"
    [device] = (await district.service.get(path, owner)).json()["items"]

    ended = await district.service.post(f"{path}/{device['id']}/revoke", owner)
    again = await district.service.post(f"{path}/{device['id']}/revoke", owner)

    assert device["signed_in"]
    assert ended.status_code == 200
    assert (await person.get("/v1/session")).status_code == 401
    assert (await district.service.get(path, owner)).json()["items"] == []
    assert (again.status_code, again.json()["code"]) == (404, "device_unknown")


async def test_each_change_of_a_person_stands_in_the_journal(district: District) -> None:
    owner, _ = await owner_of(district)
    invited, _ = await invite(district, owner, **OWNER)
    revoked = await district.service.post(f"/v1/people/{invited.json()['id']}/revoke", owner)

    noted = await district.service.get(
        f"/v1/transactions/{revoked.json()['transaction_id']}", district.auditor
    )

    assert noted.status_code == 200
    assert noted.json()["kind"] == "PERSON_REVOKED"


async def test_people_are_listed_in_pages_and_by_state(district: District) -> None:
    owner, _ = await owner_of(district)
    made = [(await invite(district, owner, **OWNER))[0].json()["id"] for _ in range(3)]
    await district.service.post(f"/v1/people/{made[0]}/revoke", owner)

    first = (await district.service.get("/v1/people", owner, limit=2)).json()
    rest = (
        await district.service.get("/v1/people", owner, limit=2, cursor=first["next_cursor"])
    ).json()
    revoked = (await district.service.get("/v1/people", owner, state="REVOKED")).json()

    assert sorted(one["id"] for one in [*first["items"], *rest["items"]]) == sorted(made)
    assert rest["next_cursor"] is None
    assert [one["id"] for one in revoked["items"]] == [made[0]]


async def fallen(district: District, person: Somebody) -> list[str]:
    rows = await at_the_door(
        district.service,
        "SELECT fallen FROM escrow.fallen_callers(ARRAY[:person, 'nobody']) AS fallen",
        person=person.id,
    )
    return [row["fallen"] for row in rows]


async def test_nobody_who_is_revoked_meanwhile_gets_in(district: District) -> None:
    owner, institution = await owner_of(district)
    person = await staff(district, institution, "finance")
    codes = [{"code": await person.code(), "device": person.device} for _ in range(3)]

    answers = await asyncio.gather(
        *(person.log_in(**code) for code in codes),
        district.service.post(f"/v1/people/{person.id}/revoke", owner),
        *(person.log_in(**code) for code in codes),
    )

    assert {answer.status_code for answer in answers} <= {200, 401, 429}
    assert answers[3].status_code == 200
    live = await at_the_door(
        district.service,
        "SELECT 1 FROM escrow.access_token WHERE caller_id = :person AND revoked_at IS NULL",
        person=person.id,
    )
    assert live == []


async def test_an_auditor_reads_nothing_that_people_prove_themselves_with(
    database: Database,
) -> None:
    engine = create_async_engine(database.url("escrow_audit"), poolclass=NullPool)
    refused = []
    for table in ("person_secret", "recovery_code", "ticket", "device", "failed_login"):
        with pytest.raises(DBAPIError) as error:
            async with engine.connect() as connection:
                await connection.exec_driver_sql(f"SELECT * FROM escrow.{table}")  # noqa: S608
        refused.append("permission denied" in str(error.value))
    async with engine.connect() as connection:
        seen = await connection.exec_driver_sql("SELECT count(*) FROM escrow.person")
    await engine.dispose()

    assert refused == [True] * 5
    assert seen.scalar_one() >= 0
