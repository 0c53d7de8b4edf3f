"""Logging in: the right thing in one step and in two, and every wrong one."""

import asyncio
import time

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from service.identity import totp
from tests.fixtures.databases import Database
from tests.fixtures.door import (
    PASSWORD,
    Somebody,
    caller_at,
    forget_step,
    new_source,
    staff,
)
from tests.fixtures.service import District
from tests.fixtures.systems import system


async def anyone(district: District) -> Somebody:
    return await staff(district, await district.plant_institution(), "finance")


async def test_somebody_logs_in_in_one_step(district: District) -> None:
    person = await anyone(district)

    answer = await person.log_in()

    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert (body["state"], body["person_id"]) == ("SIGNED_IN", person.id)
    mine = await district.service.get("/v1/session", body["token"])
    assert mine.json()["caller_id"] == person.id
    assert mine.json()["duties"] == ["finance"]


async def test_somebody_logs_in_in_two_steps(district: District) -> None:
    person = await anyone(district)
    first = await district.service.http.post(
        "/v1/login", json={"login": person.login, "password": PASSWORD}
    )

    second = await district.service.http.post(
        "/v1/login/code", json={"ticket": first.json()["ticket"], "code": await person.code()}
    )
    again = await district.service.http.post(
        "/v1/login/code", json={"ticket": first.json()["ticket"], "code": await person.code()}
    )

    assert (first.status_code, first.json()["state"]) == (200, "CODE_NEEDED")
    assert first.json()["token"] is None
    assert (second.status_code, second.json()["state"]) == (200, "SIGNED_IN")
    assert (again.status_code, again.json()["code"]) == (404, "invitation_unknown")


async def test_a_ticket_of_a_login_opens_nothing_by_itself(district: District) -> None:
    person = await anyone(district)
    first = await district.service.http.post(
        "/v1/login", json={"login": person.login, "password": PASSWORD}
    )
    ticket = first.json()["ticket"]

    as_token = await district.service.get("/v1/session", ticket)
    as_invitation = await district.service.http.post(
        "/v1/login/invitation/confirm", json={"invitation": ticket, "code": await person.code()}
    )

    assert as_token.status_code == 401
    assert as_invitation.status_code == 404


async def test_a_login_name_is_known_however_it_is_written(district: District) -> None:
    person = await anyone(district)

    answer = await person.log_in(login=person.login.upper())

    assert answer.status_code == 200


async def test_a_wrong_name_password_and_code_are_answered_alike(district: District) -> None:
    person = await anyone(district)
    wrong_code = str((int(await person.code()) + 1) % 1_000_000).zfill(6)

    answers = [
        await person.log_in(login="nobody@people.example"),
        await person.log_in(password="not the password at all"),
        await person.log_in(code=wrong_code),
        await person.log_in(code="000000", login="nobody@people.example"),
    ]

    told = [{k: v for k, v in a.json().items() if k != "request_id"} for a in answers]
    assert [answer.status_code for answer in answers] == [401] * 4
    assert told == [told[0]] * 4
    assert told[0]["code"] == "login_refused"


async def test_an_unknown_name_costs_the_same_work(district: District) -> None:
    person = await anyone(district)

    started = time.perf_counter()
    await person.log_in(password="not the password at all")
    known = time.perf_counter() - started
    started = time.perf_counter()
    await person.log_in(login="nobody@people.example")
    unknown = time.perf_counter() - started

    assert unknown > known / 4


async def test_a_code_is_taken_once(district: District) -> None:
    person = await anyone(district)
    code = await person.code()

    first = await person.log_in(code=code)
    second = await person.log_in(code=code)

    assert (first.status_code, second.status_code) == (200, 401)


async def test_a_code_that_two_use_at_once_is_taken_once(district: District) -> None:
    person = await anyone(district)
    code = await person.code()

    answers = await asyncio.gather(*(person.log_in(code=code) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_a_code_before_one_that_was_taken_is_refused(district: District) -> None:
    person = await anyone(district)
    now = totp.step_at(int(time.time()))
    await forget_step(district.service, person.id)

    later = await person.log_in(code=totp.code(person.secret, now + 1))
    earlier = await person.log_in(code=totp.code(person.secret, now - 1))

    assert (later.status_code, earlier.status_code) == (200, 401)


async def test_a_recovery_code_stands_in_for_the_authenticator_once(district: District) -> None:
    person = await anyone(district)
    body = {
        "login": person.login,
        "password": PASSWORD,
        "recovery_code": person.recovery_codes[0],
    }

    async with caller_at(district.service, new_source()) as http:
        first = await http.post("/v1/login", json=body)
        second = await http.post("/v1/login", json=body)

    assert (first.status_code, second.status_code) == (200, 401)


async def test_another_persons_recovery_code_is_worth_nothing(district: District) -> None:
    person, other = await anyone(district), await anyone(district)

    answer = await district.service.http.post(
        "/v1/login",
        json={
            "login": person.login,
            "password": PASSWORD,
            "recovery_code": other.recovery_codes[0],
        },
    )

    assert answer.status_code == 401


async def test_the_audit_trail_tells_on_whom_a_login_acted_and_nothing_of_who_it_is(
    district: District, database: Database
) -> None:
    person = await anyone(district)
    client = await system(district)
    await person.log_in()
    await person.log_in(password="not the password at all")
    await client.token()
    await client.by_basic(client_secret="x")

    engine = create_async_engine(database.url("escrow_audit"), poolclass=NullPool)
    async with engine.connect() as connection:
        found = await connection.execute(
            text(
                "SELECT operation, outcome, trail::text AS said FROM escrow.audit AS trail"
                " WHERE caller_id IN (:person, :client) ORDER BY journal_id, audit_seq"
            ),
            {"person": person.id, "client": client.id},
        )
        rows = found.all()
    await engine.dispose()

    told = [(row.operation, row.outcome) for row in rows]
    assert ("logIn", "done") in told
    assert ("logIn", "login_refused") in told
    assert ("getToken", "done") in told
    assert not any(person.login in row.said or "李会计" in row.said for row in rows)
