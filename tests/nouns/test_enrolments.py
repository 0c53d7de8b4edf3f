"""Enrolments over HTTP: caps to the fen, lesson and day, legacy gaps, diversions, who sees what."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from service.store import ids, payment_codes
from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.service import District


async def opening(academy: Academy, **values: Any) -> httpx.Response:
    return await academy.post("enrolments", academy.token, academy.contract(**values))


async def test_an_enrolment_waits_for_its_money_with_a_code_of_its_own(academy: Academy) -> None:
    answer = await opening(academy)

    body = answer.json()
    assert answer.status_code == 201, answer.text
    assert (body["state"], body["price"], body["lessons_paid"]) == (
        "AWAITING_PAYMENT",
        "4999.99",
        48,
    )
    assert payment_codes.is_valid(body["payment_code"])
    assert body["custody_account_id"] == academy.district.public("cus", academy.custody)
    assert body["lapses_on"] > date.today().isoformat()  # noqa: DTZ011 - any later day
    assert "张" not in answer.text


async def test_paying_the_price_makes_it_active_and_shows_its_slots(academy: Academy) -> None:
    enrolment = await academy.enrolled()

    read = await academy.get(f"enrolments/{enrolment['id']}", await academy.parent(enrolment))

    assert (read["state"], read["received"]) == ("ACTIVE", "4999.99")
    assert read["money"]["prepaid"] == "4999.99"
    assert [slot["value"] for slot in read["slots"][:5]] == [
        "104.16",
        "104.17",
        "104.16",
        "104.17",
        "104.17",
    ]
    assert read["slots"][16]["refundable_after"] == "3229.17"
    assert read["slots"][47]["refundable_after"] == "0.00"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"price": "5000.00"}, None),
        ({"price": "5000.01"}, "amount_over_cap"),
        ({"lessons_paid": 60}, None),
        ({"lessons_paid": 61}, "lessons_over_cap"),
        ({"lessons_paid": 56, "lessons_gift": 5}, "lessons_over_cap"),
        ({"starts_on": "2025-03-01", "ends_on": "2025-05-31"}, None),
        ({"starts_on": "2025-03-01", "ends_on": "2025-06-01"}, "span_over_cap"),
        ({"charged_on": "2025-02-01", "starts_on": "2025-03-01", "ends_on": "2025-05-31"}, None),
        (
            {"charged_on": "2025-01-31", "starts_on": "2025-03-01", "ends_on": "2025-05-31"},
            "charged_too_early",
        ),
    ],
)
async def test_caps_hold_to_the_fen_the_lesson_and_the_day(
    district: District, values: dict[str, Any], code: str | None
) -> None:
    academy = await academy_in(district, price_fen=600_000, lessons=48)
    terms = {
        "price": "4000.00",
        "contract_on": "2025-01-31",
        "charged_on": "2025-02-20",
        "starts_on": "2025-03-01",
        "ends_on": "2025-05-31",
    }

    answer = await opening(academy, **(terms | values))

    assert answer.json().get("code") == code, answer.text
    assert answer.status_code == (422 if code else 201)


@pytest.mark.parametrize(("left", "code"), [(20, None), (21, "charged_too_early")])
async def test_the_next_charge_may_come_early_when_20_lessons_are_left(
    district: District, left: int, code: str | None
) -> None:
    academy = await academy_in(district, price_fen=10_000, lessons=left)
    student = await district.plant_party("STUDENT", academy.institution)
    known = {"party_id": district.public("pty", student)}
    await academy.opened(student=known, starts_on="2026-02-20", ends_on="2026-03-31")

    early = await opening(
        academy,
        student=known,
        starts_on="2026-03-25",
        ends_on="2026-04-30",
        price="10.00",
        lessons_paid=2,
    )

    assert early.json().get("code") == code, early.text


async def test_a_charge_cannot_be_split_over_two_contracts(academy: Academy) -> None:
    student = await academy.district.plant_party("STUDENT", academy.institution)
    known = {"party_id": academy.district.public("pty", student)}
    await academy.opened(student=known)

    lessons = await opening(academy, student=known, lessons_paid=13, price="10.00")
    span = await opening(
        academy,
        student=known,
        lessons_paid=12,
        price="10.00",
        starts_on="2026-03-10",
        ends_on="2026-06-02",
    )
    fits = await opening(academy, student=known, lessons_paid=12, price="10.00")

    assert [a.json().get("code") for a in (lessons, span, fits)] == [
        "lessons_over_cap",
        "span_over_cap",
        None,
    ]


async def test_two_items_of_one_batch_cannot_split_a_charge_either(academy: Academy) -> None:
    student = await academy.district.plant_party("STUDENT", academy.institution)
    known = {"party_id": academy.district.public("pty", student)}
    items = [academy.contract(student=known), academy.contract(student=known)]

    answer = await academy.post("enrolments/batch", academy.token, {"items": items})

    assert [r["code"] for r in answer.json()["results"]] == ["done", "lessons_over_cap"]


async def test_a_lesson_is_never_dearer_than_filed(academy: Academy) -> None:
    dearer = await opening(academy, lessons_paid=47)
    part = await opening(academy, lessons_paid=24, price="2500.00")

    assert (dearer.status_code, dearer.json()["code"]) == (422, "price_over_guide")
    assert part.status_code == 201


@pytest.mark.parametrize("state", ["SUBMITTED", "SUSPENDED", "WITHDRAWN", "REJECTED"])
async def test_only_a_filed_course_takes_money(district: District, state: str) -> None:
    academy = await academy_in(district, state=state)

    answer = await opening(academy)

    assert (answer.status_code, answer.json()["code"]) == (422, "course_not_filed")


@pytest.mark.parametrize(
    ("kind", "code"), [("ENROL_STOP", "enrolment_stopped"), ("FREEZE", "institution_frozen")]
)
async def test_a_restraint_stops_new_enrolments(academy: Academy, kind: str, code: str) -> None:
    await academy.restrained(kind)

    answer = await opening(academy)

    assert (answer.status_code, answer.json()["code"]) == (409, code)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("REGISTERED", "wrong_state"),
        ("ENROLMENT_SUSPENDED", "enrolment_stopped"),
        ("FROZEN", "institution_frozen"),
        ("EXITING", "wrong_state"),
    ],
)
async def test_only_a_licensed_school_enrols(district: District, state: str, code: str) -> None:
    institution = await district.plant_institution(state=state)
    custody = await district.plant_custody_account(institution)
    course = await district.plant_course(institution)
    token = await district.institution_token(institution)
    academy = Academy(district, institution, custody, course, token)

    answer = await opening(academy)

    assert (answer.status_code, answer.json()["code"]) == (409, code)


async def test_without_an_agreement_in_force_there_are_no_enrolments(district: District) -> None:
    institution = await district.plant_institution()
    custody = await district.plant_custody_account(institution)
    course = await district.plant_course(institution)
    token = await district.institution_token(institution)

    answer = await opening(Academy(district, institution, custody, course, token))

    assert (answer.status_code, answer.json()["code"]) == (422, "agreement_missing")


async def test_a_date_in_the_future_and_an_amount_of_zero_are_refused(academy: Academy) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()

    future = await opening(academy, charged_on=tomorrow)
    nothing = await opening(academy, price="0.00")

    assert (future.status_code, future.json()["code"]) == (422, "date_in_future")
    assert (nothing.status_code, nothing.json()["code"]) == (422, "amount_zero")


async def test_a_contract_number_stands_once(academy: Academy) -> None:
    contract = academy.contract()

    first = await academy.post("enrolments", academy.token, contract)
    again = await academy.post("enrolments", academy.token, contract)
    other = await academy.post("enrolments", academy.token, contract | {"price": "4999.98"})

    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    assert again.json()["guardian_id"] == first.json()["guardian_id"]
    assert (other.status_code, other.json()["code"]) == (409, "already_exists")


async def test_people_of_another_school_are_nobody_here(academy: Academy) -> None:
    rival = await academy_in(academy.district)
    student = await academy.district.plant_party("STUDENT", rival.institution)
    guardian = await academy.district.plant_party("GUARDIAN", academy.institution)

    foreign = await opening(academy, student={"party_id": public(academy, student)})
    mistaken = await opening(academy, student={"party_id": public(academy, guardian)})
    own = await opening(academy, guardian={"party_id": public(academy, guardian)})

    assert [a.json().get("code") for a in (foreign, mistaken, own)] == [
        "party_unknown",
        "party_unknown",
        None,
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"price": 4999.99},
        {"price": "4999.990"},
        {"price": "４９９９.９９"},
        {"ends_on": "2026-03-01"},
        {"guardian": {}},
        {"guardian": {"name": "张三", "party_id": "pty_x"}},
        {"surprise": True},
    ],
)
async def test_a_body_not_as_documented_is_refused(academy: Academy, values: Any) -> None:
    answer = await opening(academy, **values)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")


async def test_everyone_sees_their_own_enrolments_only(academy: Academy) -> None:
    mine, other = await academy.opened(), await academy.opened()
    rival = await academy_in(academy.district)
    parent = await academy.parent(mine)

    seen = await academy.get("enrolments", parent)
    of_rival = await academy.get("enrolments", rival.token)
    foreign = await academy.district.service.get(f"/v1/enrolments/{other['id']}", parent)
    elsewhere = await academy.post(
        "enrolments", rival.token, academy.contract(contract_number="stolen")
    )

    assert [row["id"] for row in seen["items"]] == [mine["id"]]
    assert of_rival["items"] == []
    assert foreign.status_code == 404
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "course_unknown")


async def test_enrolments_are_listed_by_filter_in_pages(academy: Academy) -> None:
    opened = [await academy.opened() for _ in range(3)]
    await academy.paid(opened[0], "4999.99")
    query = {"state": "AWAITING_PAYMENT", "course_id": opened[0]["course_id"], "limit": 1}

    first = await academy.get("enrolments", academy.token, **query)
    second = await academy.get("enrolments", academy.token, **query, cursor=first["next_cursor"])
    misused = await academy.district.service.get(
        "/v1/enrolments", academy.token, limit=1, cursor=first["next_cursor"]
    )

    listed = {row["id"] for page in (first, second) for row in page["items"]}
    assert listed == {row["id"] for row in opened[1:]}
    assert second["next_cursor"] is None
    assert misused.status_code == 400


def public(academy: Academy, party: Any) -> str:
    return ids.public("pty", academy.district.journal, party)
