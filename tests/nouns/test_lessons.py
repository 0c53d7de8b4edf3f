"""Lessons over HTTP: the lowest free slot, exact release, disputes, rulings and reversals."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.identity.callers import Role
from service.identity.tokens import Scope
from tests.fixtures.academies import HELD, Academy, academy_in
from tests.fixtures.service import District, fresh_id


async def test_a_lesson_recorded_and_confirmed_releases_exactly_its_slot(academy: Academy) -> None:
    enrolment = await academy.enrolled()

    first = await academy.confirmed(enrolment)
    second = await academy.confirmed(enrolment)

    assert (first["slot"], first["value"]) == (1, "104.16")
    assert (second["slot"], second["value"]) == (2, "104.17")
    assert second["balances"] == {"prepaid": "4791.66", "pending": "0.00", "disputed": "0.00"}
    money = await academy.money(enrolment)
    assert (money["released"], money["refundable"]) == ("208.33", "4791.66")


async def test_seventeen_lessons_of_4999_99_over_48_release_1770_82(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    parent = await academy.parent(enrolment)
    planned = [
        {
            "enrolment_id": enrolment["id"],
            "reference": f"B-{number}",
            "starts_at": "2026-03-03T16:30:00+08:00",
            "ends_at": "2026-03-03T17:30:00+08:00",
        }
        for number in range(17)
    ]
    named = [{"enrolment_id": p["enrolment_id"], "reference": p["reference"]} for p in planned]

    scheduled = await academy.post("lessons/batch", academy.token, {"items": planned})
    recorded = await academy.post(
        "lessons/record/batch", academy.token, {"items": [n | HELD for n in named]}
    )
    confirmed = await academy.post("lessons/confirm/batch", parent, {"items": named})

    codes = [[r["code"] for r in a.json()["results"]] for a in (scheduled, recorded, confirmed)]
    assert codes == [["done"] * 17] * 3
    slots = [r["result"]["slot"] for r in confirmed.json()["results"]]
    assert slots == list(range(1, 18))
    money = await academy.money(enrolment)
    assert (money["released"], money["refundable"]) == ("1770.82", "3229.17")


async def test_the_last_lesson_completes_the_enrolment(district: District) -> None:
    academy = await academy_in(district, price_fen=10_000, lessons=2, lessons_gift=1)
    enrolment = await academy.enrolled()

    for _ in range(2):
        await academy.confirmed(enrolment)
    gift = await academy.confirmed(enrolment)

    assert (gift["slot"], gift["value"], gift["enrolment_state"]) == (3, "0.00", "COMPLETED")
    again = await academy.post(
        "lessons",
        academy.token,
        {
            "enrolment_id": enrolment["id"],
            "reference": "too-many",
            "starts_at": "2026-03-03T16:30:00+08:00",
            "ends_at": "2026-03-03T17:30:00+08:00",
        },
    )
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")


async def test_no_lesson_is_recorded_before_the_whole_price_is_there(academy: Academy) -> None:
    enrolment = await academy.opened()
    await academy.paid(enrolment, "4999.98")
    lesson = await academy.scheduled(enrolment)

    early = await academy.record(lesson)
    await academy.paid(enrolment, "0.01")
    paid = await academy.record(lesson)

    assert (early.status_code, early.json()["code"]) == (409, "enrolment_not_paid")
    assert paid.status_code == 200


async def test_recording_the_same_lesson_twice_is_a_duplicate_and_otherwise_refused(
    academy: Academy,
) -> None:
    lesson = await academy.recorded(await academy.enrolled())

    again = await academy.record(lesson)
    other = await academy.record(lesson, evidence_hash="cd" * 32)

    assert again.status_code == 200
    assert again.json()["slot"] == lesson["slot"]
    assert "transaction_id" not in {k for k, v in again.json().items() if v is not None}
    assert (other.status_code, other.json()["code"]) == (409, "lesson_already_recorded")


async def test_an_absence_takes_no_lesson_unless_the_contract_says_so(district: District) -> None:
    free = await academy_in(district)
    charged = await academy_in(district, absence_counts=True)
    absent = {"attendance": "ABSENT"}

    kept = await free.record(await free.scheduled(await free.enrolled()), **absent)
    taken = await charged.record(await charged.scheduled(await charged.enrolled()), **absent)

    assert (kept.status_code, kept.json()["code"]) == (422, "absence_not_charged")
    assert taken.status_code == 200


async def test_a_lesson_that_has_not_ended_is_not_recorded(academy: Academy) -> None:
    now = datetime.now(UTC)
    lesson = await academy.scheduled(
        await academy.enrolled(),
        starts_at=(now - timedelta(minutes=30)).isoformat(),
        ends_at=(now + timedelta(minutes=30)).isoformat(),
    )

    early = await academy.record(lesson)

    assert (early.status_code, early.json()["code"]) == (422, "date_in_future")


@pytest.mark.parametrize(
    ("starts", "ends", "wrong"),
    [
        ("2026-03-03T19:30:00+08:00", "2026-03-03T20:31:00+08:00", "hour"),
        ("2026-03-07T10:00:00+08:00", "2026-03-07T11:00:00+08:00", "rest_day"),
    ],
)
async def test_a_subject_lesson_outside_the_timetable_releases_nothing(
    district: District, starts: str, ends: str, wrong: str
) -> None:
    academy = await academy_in(district, category="subject", subject="MATHS")
    enrolment = await academy.enrolled()
    lesson = await academy.scheduled(enrolment, starts_at=starts, ends_at=ends)

    refused = await academy.record(lesson)

    assert (refused.status_code, refused.json()["code"]) == (422, "outside_timetable")
    assert refused.json()["facts"]["wrong"] == wrong
    assert (await academy.money(enrolment))["pending"] == "0.00"


async def test_a_freeze_stops_recording_and_confirming(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    lesson, planned = await academy.recorded(enrolment), await academy.scheduled(enrolment)
    await academy.restrained("FREEZE")

    recorded = await academy.record(planned)
    confirmed = await academy.post(
        f"lessons/{lesson['id']}/confirm", await academy.parent(enrolment)
    )

    codes = [answer.json()["code"] for answer in (recorded, confirmed)]
    assert codes == ["institution_frozen"] * 2


async def test_nobody_reaches_anothers_lessons(academy: Academy, district: District) -> None:
    enrolment = await academy.enrolled()
    lesson = await academy.recorded(enrolment)
    stranger = await district.parent_token(fresh_id())
    rival = await academy_in(district)

    confirmed = await academy.post(f"lessons/{lesson['id']}/confirm", stranger)
    voided = await academy.post(f"lessons/{lesson['id']}/void", rival.token)
    read = await district.service.get(f"/v1/lessons/{lesson['id']}", stranger)
    own = await academy.post(f"lessons/{lesson['id']}/confirm", academy.token)

    assert [a.status_code for a in (confirmed, voided, read, own)] == [404, 404, 404, 403]


async def test_a_regulator_of_another_department_sees_no_lesson(academy: Academy) -> None:
    lesson = await academy.recorded(await academy.enrolled())
    service, code = academy.district.service, academy.district.code
    sport = await service.token(Role.REGULATOR, Scope(code, departments=("sport",)))

    ruled = await academy.post(f"lessons/{lesson['id']}/rule", sport, {"ruling": "UPHELD"})
    listed = await academy.get("lessons", sport)

    assert ruled.status_code == 404
    assert listed["items"] == []


async def test_a_batch_of_several_lessons_takes_slots_in_order_and_keeps_verdicts_apart(
    academy: Academy,
) -> None:
    enrolment = await academy.enrolled()
    planned = [await academy.scheduled(enrolment) for _ in range(3)]
    items: list[dict[str, Any]] = [{"lesson_id": lesson["id"]} | HELD for lesson in planned]
    items.insert(1, items[0])
    items.insert(2, {"lesson_id": academy.district.public("lsn", fresh_id())} | HELD)
    items.insert(3, items[0] | {"evidence_hash": "cd" * 32})

    answer = await academy.post("lessons/record/batch", academy.token, {"items": items})

    results = answer.json()["results"]
    assert [r["code"] for r in results] == [
        "done",
        "duplicate",
        "lesson_unknown",
        "lesson_already_recorded",
        "done",
        "done",
    ]
    assert [r["result"]["slot"] for r in results if r["code"] == "done"] == [1, 2, 3]


async def test_all_or_nothing_records_nothing_when_one_is_refused(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    good, absent = await academy.scheduled(enrolment), await academy.scheduled(enrolment)
    items = [
        {"lesson_id": good["id"]} | HELD,
        {"lesson_id": absent["id"]} | HELD | {"attendance": "ABSENT"},
    ]

    answer = await academy.post(
        "lessons/record/batch", academy.token, {"mode": "all_or_nothing", "items": items}
    )

    assert answer.status_code == 422
    codes = [r["code"] for r in answer.json()["results"]]
    assert codes == ["batch_refused", "absence_not_charged"]
    assert (await academy.money(enrolment))["pending"] == "0.00"


async def test_a_lesson_planned_twice_is_a_duplicate_and_with_other_times_refused(
    academy: Academy,
) -> None:
    enrolment = await academy.opened()
    first = await academy.scheduled(enrolment, reference="A1")
    body = {
        "enrolment_id": enrolment["id"],
        "reference": "A1",
        "starts_at": "2026-03-03T16:30:00+08:00",
        "ends_at": "2026-03-03T17:30:00+08:00",
    }

    again = await academy.post("lessons", academy.token, body)
    other = await academy.post(
        "lessons", academy.token, body | {"ends_at": "2026-03-03T18:00:00+08:00"}
    )

    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    assert (other.status_code, other.json()["code"]) == (409, "already_exists")


async def test_a_cancelled_lesson_cannot_be_recorded(academy: Academy) -> None:
    lesson = await academy.scheduled(await academy.enrolled())

    cancelled = await academy.post(f"lessons/{lesson['id']}/cancel", academy.token)
    refused = await academy.record(lesson)

    assert cancelled.json()["state"] == "CANCELLED"
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")


async def test_lessons_are_listed_in_pages(academy: Academy) -> None:
    enrolment = await academy.opened()
    planned = [await academy.scheduled(enrolment) for _ in range(3)]

    first = await academy.get("lessons", academy.token, enrolment_id=enrolment["id"], limit=2)
    second = await academy.get(
        "lessons",
        academy.token,
        enrolment_id=enrolment["id"],
        limit=2,
        cursor=first["next_cursor"],
    )

    listed = [lesson["id"] for page in (first, second) for lesson in page["items"]]
    assert sorted(listed) == sorted(lesson["id"] for lesson in planned)
    assert second["next_cursor"] is None


async def test_a_dry_run_of_recording_changes_nothing(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    lesson = await academy.scheduled(enrolment)

    tried = await academy.post(
        f"lessons/{lesson['id']}/record", academy.token, HELD, dry_run="true"
    )

    assert (tried.status_code, tried.json()["slot"]) == (200, 1)
    assert (await academy.get(f"lessons/{lesson['id']}", academy.token))["state"] == "SCHEDULED"


async def test_lessons_recorded_at_once_take_different_slots(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    planned = [await academy.scheduled(enrolment) for _ in range(6)]

    answers = await asyncio.gather(*(academy.record(lesson) for lesson in planned))

    assert sorted(answer.json()["slot"] for answer in answers) == [1, 2, 3, 4, 5, 6]


async def test_a_lesson_confirmed_at_once_by_many_clients_is_released_once(
    academy: Academy,
) -> None:
    enrolment = await academy.enrolled()
    lesson, parent = await academy.recorded(enrolment), await academy.parent(enrolment)
    path = f"lessons/{lesson['id']}/confirm"

    answers = await asyncio.gather(*(academy.post(path, parent) for _ in range(5)))

    posted = [answer for answer in answers if answer.json()["transaction_id"] is not None]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len(posted) == 1
    assert (await academy.money(enrolment))["released"] == "104.16"
