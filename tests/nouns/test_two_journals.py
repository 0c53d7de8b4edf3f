"""A parent with contracts in two districts: one login, and each object found by its id."""

import asyncio
import csv
from pathlib import Path
from typing import Final

from tests.fixtures.academies import Academy
from tests.fixtures.parents import Phone, named, second_school
from tests.fixtures.service import Service

MATRIX: Final = Path(__file__).parents[1] / "authorization_matrix.csv"


async def test_a_parent_acts_in_each_journal_by_the_ids_alone(
    academy: Academy, service: Service, phone: Phone
) -> None:
    elsewhere = await second_school(service)
    own = [(each, await each.enrolled(**named(phone.number))) for each in (academy, elsewhere)]
    lessons = [await school.recorded(enrolment) for school, enrolment in own]
    await phone.logs_in()

    told = await phone.post("notices/fetch", {"limit": 10})
    answers = [await phone.post(f"lessons/{lesson['id']}/confirm") for lesson in lessons]
    listed = await phone.reads("lessons")
    notices = await phone.reads("notices")
    claims = [
        await phone.post("claims", {"enrolment_id": enrolment["id"], "reason": "CONSUMER"})
        for _, enrolment in own
    ]

    assert told.status_code == 200
    assert [each.status_code for each in answers] == [200, 200]
    assert {row["id"] for row in listed["items"]} == {lesson["id"] for lesson in lessons}
    assert {row["lesson_id"] for row in notices["items"]} == {each["id"] for each in lessons}
    assert {each["id"] for each in told.json()["items"]} == {row["id"] for row in notices["items"]}
    assert [each.status_code for each in claims] == [201, 201]


async def test_fetched_notices_of_two_journals_are_replayed_together(
    academy: Academy, service: Service, phone: Phone
) -> None:
    elsewhere = await second_school(service)
    for school in (academy, elsewhere):
        await school.recorded(await school.enrolled(**named(phone.number)))
    await phone.logs_in()

    first = await service.post("/v1/notices/fetch", phone.token, {"limit": 5}, key="fetch-1")
    again = await service.post("/v1/notices/fetch", phone.token, {"limit": 5}, key="fetch-1")

    assert len(first.json()["items"]) == 2
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"


async def test_every_list_answers_a_parent_of_two_journals(
    academy: Academy, service: Service, phone: Phone
) -> None:
    elsewhere = await second_school(service)
    for school in (academy, elsewhere):
        await school.enrolled(**named(phone.number))
    await phone.logs_in()
    with MATRIX.open(encoding="utf-8", newline="") as opened:
        rows = [row for row in csv.DictReader(opened) if row["parent"] == "y"]
    paths = [row["path"] for row in rows if row["method"] == "GET" and "{" not in row["path"]]

    answers = {path: (await phone.get(path.removeprefix("/v1/"))).status_code for path in paths}

    assert len(paths) > 15
    assert {path: status for path, status in answers.items() if status not in (200, 400)} == {}


async def test_two_first_logins_at_once_are_one_person_with_each_link_once(
    academy: Academy, service: Service, phone: Phone
) -> None:
    elsewhere = await second_school(service)
    for school in (academy, elsewhere):
        await school.enrolled(**named(phone.number))
    asked = [await phone.asks(), await phone.asks()]
    codes = [each["values"]["code"] for each in reversed(await phone.shows())]

    answers = await asyncio.gather(
        *(phone.tries(each, code) for each, code in zip(asked, codes, strict=True))
    )

    phone.token = answers[0].json()["token"]
    assert [each.status_code for each in answers] == [200, 200]
    assert len(await phone.links()) == 2
    assert len((await phone.reads("parents/me"))["devices"]) == 2


async def test_a_code_tried_twice_at_once_opens_one_session(phone: Phone) -> None:
    asked = await phone.asks()
    code = await phone.code()

    answers = await asyncio.gather(*(phone.tries(asked, code) for _ in range(4)))

    assert sum(each.status_code == 200 for each in answers) == 1
