"""Who has to wait after wrong passwords and codes, and who never has to for somebody else's."""

import asyncio
import time

from service.identity import failures
from service.identity.people import Door
from tests.fixtures.door import PASSWORD, Somebody, caller_at, new_source, staff
from tests.fixtures.service import District


async def anyone(district: District) -> Somebody:
    return await staff(district, await district.plant_institution(), "finance")


async def test_who_guesses_has_to_wait_longer_each_time(district: District) -> None:
    person = await anyone(district)
    source = new_source()

    guesses = [
        await person.log_in(password="not the password", code="000000", source=source)
        for _ in range(failures.PAIR.free + 2)
    ]
    right = await person.log_in(source=source)

    assert [g.status_code for g in guesses[: failures.PAIR.free + 1]] == [401] * 6
    waits = guesses[-1]
    assert (waits.status_code, waits.json()["code"]) == (429, "rate_limited")
    assert 1 <= int(waits.headers["retry-after"]) <= failures.PAIR.first_s
    assert right.status_code == 429


async def test_guesses_made_at_once_are_counted_as_many(district: District) -> None:
    person = await anyone(district)
    source = new_source()

    guesses = await asyncio.gather(
        *(
            person.log_in(password="not the password", code="000000", source=source)
            for _ in range(failures.PAIR.free + 5)
        )
    )

    judged = [answer for answer in guesses if answer.status_code == 401]
    assert len(judged) <= failures.PAIR.free + 1


async def test_strangers_guesses_keep_nobody_else_waiting(district: District) -> None:
    person = await anyone(district)
    for _ in range(4):
        source = new_source()
        for _ in range(failures.PAIR.free + 2):
            await person.log_in(password="not the password", code="000000", source=source)

    elsewhere = await person.log_in()

    assert elsewhere.status_code == 200


async def test_a_known_device_passes_where_somebody_guesses_from_the_same_address(
    district: District,
) -> None:
    person = await anyone(district)
    source = new_source()
    for _ in range(failures.PAIR.free + 2):
        await person.log_in(password="not the password", code="000000", source=source)

    as_stranger = await person.log_in(source=source)
    as_known = await person.log_in(source=source, device=person.device)

    assert as_stranger.status_code == 429
    assert as_known.status_code == 200


async def test_a_device_of_somebody_else_is_as_unknown_as_any(district: District) -> None:
    person, other = await anyone(district), await anyone(district)
    source = new_source()
    for _ in range(failures.PAIR.free + 2):
        await person.log_in(password="not the password", code="000000", source=source)

    answer = await person.log_in(source=source, device=other.device)

    assert answer.status_code == 429


async def test_a_known_device_has_a_budget_of_its_own_and_may_use_it_up(
    district: District,
) -> None:
    person = await anyone(district)

    guesses = [
        await person.log_in(password="not the password", code="000000", device=person.device)
        for _ in range(failures.DEVICE.free + 2)
    ]

    assert guesses[failures.DEVICE.free].status_code == 401
    assert guesses[-1].status_code == 429


async def test_a_source_that_guesses_at_many_names_has_to_wait(district: District) -> None:
    source = new_source()
    statuses = set()
    async with caller_at(district.service, source) as http:
        await _fail(district, source, failures.SOURCE.free)
        for number in range(2):
            body = {"login": f"guess-{number}@people.example", "password": "x", "code": "000000"}
            statuses.add((await http.post("/v1/login", json=body)).status_code)

    assert statuses == {401, 429}


async def test_a_good_login_takes_its_count_back(district: District) -> None:
    person = await anyone(district)
    source = new_source()

    for _ in range(failures.PAIR.free * 2):
        answer = await person.log_in(source=source)
        assert answer.status_code == 200


async def test_who_knows_the_password_cannot_try_all_codes(district: District) -> None:
    person = await anyone(district)

    answers = [
        await person.log_in(code="000000", source=new_source())
        for _ in range(failures.CODE.free + 2)
    ]
    known = await person.log_in(device=person.device)

    assert answers[-1].status_code == 429
    assert known.status_code == 200


async def test_a_ticket_outlives_only_so_many_wrong_codes(district: District) -> None:
    person = await anyone(district)
    first = await district.service.http.post(
        "/v1/login",
        json={"login": person.login, "password": PASSWORD, "device": person.device},
    )
    ticket = first.json()["ticket"]

    answers = [
        await district.service.http.post(
            "/v1/login/code", json={"ticket": ticket, "code": "000000"}
        )
        for _ in range(11)
    ]

    assert {answer.status_code for answer in answers[:10]} <= {401, 429}
    assert answers[10].status_code == 404


async def test_a_ticket_ends_with_the_password_it_was_got_with(district: District) -> None:
    person = await anyone(district)
    first = await district.service.http.post(
        "/v1/login", json={"login": person.login, "password": PASSWORD}
    )
    changed = await person.post(
        "/v1/session/password",
        {"current": PASSWORD, "new": "nine green walruses hum", "code": await person.code()},
    )

    second = await district.service.http.post(
        "/v1/login/code", json={"ticket": first.json()["ticket"], "code": await person.code()}
    )

    assert changed.status_code == 200
    assert second.status_code == 401


async def _fail(district: District, source: str, times: int) -> None:
    """Count failures against a source as logins do, without their work."""
    door = Door(district.service.engine, int(time.time()))
    for _ in range(times):
        async with door.open() as connection:
            subject = door.subject("source", source)
            await failures.count(connection, {subject: failures.SOURCE})
