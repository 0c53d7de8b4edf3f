"""Wind-downs over HTTP: the freeze that begins one, its opening, its lessons, its banks."""

from typing import Any

import pytest

from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.collapses import (
    act,
    case_of,
    freeze,
    frozen,
    open_by,
    opened,
    wait_until_after,
)
from tests.fixtures.service import District

pytestmark = pytest.mark.usefixtures("official_calendar")


async def answer(academy: Academy, case: Any, lesson: Any, verb: str, token: str) -> Any:
    return await academy.post(f"wind-downs/{case['id']}/lessons/{lesson['id']}/{verb}", token)


async def test_a_bank_agrees_with_the_ledger_or_differs_once(
    academy: Academy, district: District
) -> None:
    await academy.enrolled()
    await frozen(academy)
    bank = district.banks["ICBC"]
    (request,) = (await academy.get("statement-requests", bank))["items"]
    path = f"statement-requests/{request['id']}/answer"
    agreeing = {"balance": "4999.99", "document_hash": "ab" * 32}

    agreed = await academy.post(path, bank, agreeing)
    again = await academy.post(path, bank, agreeing)
    other = await academy.post(path, bank, agreeing | {"balance": "4999.98"})
    foreign = await academy.post(path, district.banks["ABC"], agreeing)

    assert (agreed.status_code, agreed.json()["state"]) == (200, "AGREED")
    assert again.json()["answered_at"] == agreed.json()["answered_at"]
    assert (other.status_code, other.json()["code"]) == (409, "already_exists")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "statement_request_unknown")


async def test_a_bank_that_held_something_else_is_noted_as_different(
    academy: Academy, district: District
) -> None:
    await academy.enrolled()
    await frozen(academy)
    bank = district.banks["ICBC"]
    (request,) = (await academy.get("statement-requests", bank))["items"]

    body = {"balance": "4000.00", "document_hash": "cd" * 32}
    answered = await academy.post(f"statement-requests/{request['id']}/answer", bank, body)

    assert (answered.json()["state"], answered.json()["balance"]) == ("DIFFERENT", "4000.00")


async def test_a_freeze_that_two_lift_ends_its_case_and_another_begins_another(
    academy: Academy, district: District
) -> None:
    restraint = (await freeze(academy)).json()
    lift = await academy.post(
        f"restraints/{restraint['id']}/lift", district.regulator, {"reason": "SETTLED"}
    )
    await academy.post(
        f"approvals/{lift.json()['id']}/approve",
        district.second_regulator,
        {"payload_hash": lift.json()["payload_hash"]},
    )

    ended = await case_of(academy)
    again = await frozen(academy)

    assert ended["state"] == "LIFTED"
    assert again["state"] == "FROZEN"
    assert again["id"] != ended["id"]


async def test_a_case_is_opened_by_two_persons_one_of_a_higher_level(
    academy: Academy, district: District, higher: str
) -> None:
    case = await frozen(academy)

    level = await open_by(academy, case, district.regulator, district.second_regulator)
    done = await open_by(academy, case, higher, district.regulator)
    again = await academy.post(f"wind-downs/{case['id']}/open", higher, {"reason": "INSOLVENT"})

    institution = await academy.get(
        f"institutions/{district.public('ins', academy.institution)}", district.regulator
    )
    assert (level.status_code, level.json()["code"]) == (422, "level_too_low")
    assert done.status_code == 200, done.text
    assert institution["state"] == "WINDING_DOWN"
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")


async def test_a_case_without_pending_lessons_is_settled_when_it_is_opened(
    academy: Academy, higher: str
) -> None:
    await academy.enrolled()

    case = await opened(academy, higher)

    assert case["state"] == "LESSONS_SETTLED"


async def test_a_frozen_case_that_was_opened_can_no_longer_be_lifted(
    academy: Academy, district: District, higher: str
) -> None:
    restraint = (await freeze(academy)).json()
    await open_by(academy, await case_of(academy), district.regulator, higher)

    lift = await academy.post(
        f"restraints/{restraint['id']}/lift", district.regulator, {"reason": "SETTLED"}
    )
    approved = await academy.post(
        f"approvals/{lift.json()['id']}/approve",
        district.second_regulator,
        {"payload_hash": lift.json()["payload_hash"]},
    )

    assert (approved.status_code, approved.json()["code"]) == (409, "wrong_state")


async def test_pending_lessons_are_released_or_given_back_as_the_parent_says(
    academy: Academy, higher: str
) -> None:
    enrolment = await academy.enrolled()
    parent = await academy.parent(enrolment)
    held, missed = await academy.recorded(enrolment), await academy.recorded(enrolment)
    case = await opened(academy, higher)

    ordinary = await academy.post(f"lessons/{held['id']}/confirm", parent)
    confirmed = await answer(academy, case, held, "confirm", parent)
    denied = await answer(academy, case, missed, "deny", parent)
    twice = await answer(academy, case, missed, "confirm", parent)

    money = await academy.money(enrolment)
    assert (ordinary.status_code, ordinary.json()["code"]) == (409, "institution_frozen")
    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "CONFIRMED")
    assert (denied.status_code, denied.json()["state"]) == (200, "VOIDED")
    assert (twice.status_code, twice.json()["code"]) == (409, "wrong_state")
    assert (money["released"], money["refundable"]) == ("104.16", "4895.83")


async def test_a_lesson_of_another_child_or_school_is_not_there(
    academy: Academy, district: District, higher: str
) -> None:
    mine, other = await academy.enrolled(), await academy.enrolled()
    parent = await academy.parent(mine)
    theirs = await academy.recorded(other)
    elsewhere = await academy_in(district)
    foreign = await elsewhere.recorded(await elsewhere.enrolled())
    case = await opened(academy, higher)

    hidden = await answer(academy, case, theirs, "confirm", parent)
    strange = await academy.post(
        f"wind-downs/{case['id']}/lessons/{foreign['id']}/rule",
        district.regulator,
        {"ruling": "UPHELD"},
    )
    stranger = await answer(academy, case, theirs, "deny", await elsewhere.parent(other))

    assert (hidden.status_code, hidden.json()["code"]) == (404, "lesson_unknown")
    assert (strange.status_code, strange.json()["code"]) == (404, "lesson_unknown")
    assert stranger.status_code == 200


async def test_silence_gives_a_pending_lesson_back_after_five_working_days(
    academy: Academy, higher: str
) -> None:
    enrolment = await academy.enrolled()
    lesson = await academy.recorded(enrolment)
    case = await opened(academy, higher)
    regulator = academy.district.regulator

    early = await academy.post(f"wind-downs/{case['id']}/settle-lessons", regulator)
    swept = await wait_until_after(academy, case["lessons_due_on"])

    settled = await case_of(academy)
    read = await academy.get(f"lessons/{lesson['id']}", academy.token)
    assert (early.status_code, early.json()["code"]) == (409, "lessons_unsettled")
    assert swept["wind_down_lessons_settled"] == 1
    assert (settled["state"], read["state"]) == ("LESSONS_SETTLED", "VOIDED")
    assert (await academy.money(enrolment))["refundable"] == "4999.99"


async def test_disputes_are_ruled_by_the_task_force_and_stop_the_case_until_then(
    academy: Academy, district: District, higher: str
) -> None:
    enrolment = await academy.enrolled()
    parent = await academy.parent(enrolment)
    lessons = [await academy.recorded(enrolment) for _ in range(2)]
    for lesson in lessons:
        await academy.post(f"lessons/{lesson['id']}/dispute", parent, {"reason": "NOT_HELD"})
    case = await opened(academy, higher)

    waiting = await academy.post(f"wind-downs/{case['id']}/settle-lessons", district.regulator)
    for lesson, ruling in zip(lessons, ("REJECTED", "UPHELD"), strict=True):
        await act(academy, case, f"lessons/{lesson['id']}/rule", {"ruling": ruling})
    settled = await act(academy, case, "settle-lessons")

    assert waiting.json()["facts"] == {"pending": 0, "disputed": 2}
    assert settled["state"] == "LESSONS_SETTLED"
    assert (await academy.money(enrolment))["released"] == "104.16"


async def test_a_parent_sees_the_case_of_their_own_school_only(
    academy: Academy, district: District
) -> None:
    case = await frozen(academy)
    enrolled = await academy_in(district)
    enrolment = await enrolled.enrolled()
    other = await frozen(enrolled)
    parent = await enrolled.parent(enrolment)

    listed = await academy.get("wind-downs", parent)
    hidden = await district.service.get(f"/v1/wind-downs/{case['id']}", parent)

    assert [found["id"] for found in listed["items"]] == [other["id"]]
    assert (hidden.status_code, hidden.json()["code"]) == (404, "wind_down_unknown")
