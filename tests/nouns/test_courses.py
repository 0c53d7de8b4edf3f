"""Courses over HTTP: filed within the caps, reviewed, withdrawn, seen by whom they concern."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from service.identity import tokens
from service.identity.callers import Role
from service.store.context import Context
from service.store.facts import Insert
from service.store.tables import Restraint
from tests.fixtures.service import District, fresh_id

PATH = "/v1/courses"
COURSE: dict[str, Any] = {
    "reference": "C-1",
    "name": "少儿书法初级班",
    "category": "art",
    "subject": "书法",
    "class_size": 12,
    "lesson_minutes": 45,
    "price": "4999.99",
    "lessons": 48,
}


@dataclass(frozen=True)
class School:
    """A licensed school and its token."""

    district: District
    institution: UUID
    token: str

    async def file(self, **changes: Any) -> Any:
        return await self.district.service.post(PATH, self.token, COURSE | changes)

    async def filed(self, **changes: Any) -> str:
        answer = await self.file(**changes)
        assert answer.status_code == 201, answer.text
        made: str = answer.json()["id"]
        return made

    async def review(self, course: str, decision: str, **more: Any) -> Any:
        return await self.district.service.post(
            f"{PATH}/{course}/review", self.district.regulator, {"decision": decision} | more
        )


async def school_of(district: District, **values: Any) -> School:
    institution = await district.plant_institution(**values)
    return School(district, institution, await district.institution_token(institution))


@pytest.fixture
async def school(district: District) -> School:
    return await school_of(district)


async def test_a_course_is_submitted_and_filed_by_review(school: School) -> None:
    answer = await school.file()

    reviewed = await school.review(answer.json()["id"], "FILED")

    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "SUBMITTED"
    assert answer.json()["price"] == "4999.99"
    assert (reviewed.status_code, reviewed.json()["state"]) == (200, "FILED")
    assert reviewed.json()["version"] == 2
    assert reviewed.json()["reviewed_on"] is not None


async def test_a_reference_is_used_once_per_institution(district: District, school: School) -> None:
    first = await school.filed()
    other_school = await school_of(district)

    again = await school.file()
    other = await school.file(price="4999.98")
    elsewhere = await other_school.file()

    assert (again.status_code, again.json()["id"]) == (200, first)
    assert (other.status_code, other.json()["code"]) == (409, "already_exists")
    assert elsewhere.status_code == 201


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"price": "5000.00"}, 201, None),
        ({"price": "5000.01"}, 422, "amount_over_cap"),
        ({"price": "0.00"}, 422, "amount_zero"),
        ({"lessons": 60}, 201, None),
        ({"lessons": 61}, 422, "lessons_over_cap"),
        ({"lessons": 56, "lessons_gift": 5}, 422, "lessons_over_cap"),
        ({"category": "sport"}, 422, "category_mismatch"),
        ({"price": 4999.99}, 400, "request_invalid"),
        ({"lessons": "48"}, 400, "request_invalid"),
        ({"lessons": True}, 400, "request_invalid"),
        ({"online": "yes"}, 400, "request_invalid"),
        ({"discount": "0.10"}, 400, "request_invalid"),
    ],
)
async def test_a_course_keeps_the_caps_of_one_charge(
    school: School, change: dict[str, Any], status: int, code: str | None
) -> None:
    answer = await school.file(**change)

    assert answer.status_code == status, answer.text
    assert answer.json().get("code") == code


@pytest.mark.parametrize(("price", "status"), [("990.00", 201), ("990.01", 422)])
async def test_a_subject_course_keeps_the_guide_price(
    district: District, price: str, status: int
) -> None:
    school = await school_of(district, category="subject", department="education")

    answer = await school.file(category="subject", lessons=30, price=price)

    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        ("ENROLMENT_SUSPENDED", 201, None),
        ("REGISTERED", 409, "wrong_state"),
        ("SUSPENDED", 409, "wrong_state"),
        ("EXITING", 409, "wrong_state"),
        ("FROZEN", 409, "institution_frozen"),
    ],
)
async def test_only_a_licensed_institution_files_courses(
    district: District, state: str, status: int, code: str | None
) -> None:
    school = await school_of(district, state=state)

    answer = await school.file()

    assert (answer.status_code, answer.json().get("code")) == (status, code)


async def test_a_frozen_institution_files_no_courses(district: District, school: School) -> None:
    row = {
        "restraint_id": fresh_id(),
        "institution_id": school.institution,
        "target_type": "INSTITUTION",
        "target_id": school.institution,
        "kind": "FREEZE",
        "cause": "RUNAWAY",
        "placed_by": "test",
        "placed_at": None,
        "from_seq": 1,
    }
    async with district.service.store.reading(Context((district.journal,))) as connection:
        row["placed_at"] = await connection.scalar(text("SELECT clock_timestamp()"))
    await district.plant(Insert(Restraint, row))

    answer = await school.file()

    assert (answer.status_code, answer.json()["code"]) == (409, "institution_frozen")


async def test_a_course_names_only_an_own_custody_account(
    district: District, school: School
) -> None:
    other_school = await school_of(district)
    own = await district.plant_custody_account(school.institution)
    deposit = await district.plant_custody_account(school.institution, purpose="DEPOSIT")
    foreign = await district.plant_custody_account(other_school.institution)
    accounts = [district.public("cus", account) for account in (own, deposit, foreign)]

    answers = [
        await school.file(reference=f"C-{n}", custody_account_id=account)
        for n, account in enumerate(accounts)
    ]

    assert [a.status_code for a in answers] == [201, 422, 404]
    assert answers[0].json()["custody_account_id"] == accounts[0]
    assert answers[1].json()["code"] == "custody_account_invalid"
    assert answers[2].json()["code"] == "custody_account_unknown"


async def test_reviews_follow_the_states_and_give_a_reason(school: School) -> None:
    course = await school.filed()

    early = await school.review(course, "SUSPENDED", reason="COMPLAINTS")
    silent = await school.review(course, "REJECTED")
    states = [
        (await school.review(course, decision, **more)).json()["state"]
        for decision, more in [
            ("FILED", {}),
            ("SUSPENDED", {"reason": "COMPLAINTS"}),
            ("FILED", {}),
            ("SUSPENDED", {"reason": "COMPLAINTS"}),
            ("REJECTED", {"reason": "CONTENT"}),
        ]
    ]
    late = await school.review(course, "FILED")

    assert (early.status_code, early.json()["code"]) == (409, "wrong_state")
    assert (silent.status_code, silent.json()["code"]) == (400, "request_invalid")
    assert states == ["FILED", "SUSPENDED", "FILED", "SUSPENDED", "REJECTED"]
    assert (late.status_code, late.json()["code"]) == (409, "wrong_state")


async def test_a_review_of_an_old_version_is_refused(school: School) -> None:
    course = await school.filed()
    await school.review(course, "FILED")

    answer = await school.review(course, "SUSPENDED", reason="X", expect={"version": 1})

    assert (answer.status_code, answer.json()["code"]) == (409, "version_stale")


async def test_a_withdrawn_course_is_gone_for_good(district: District, school: School) -> None:
    course = await school.filed()

    withdrawn = await district.service.post(f"{PATH}/{course}/withdraw", school.token)
    again = await district.service.post(f"{PATH}/{course}/withdraw", school.token)
    reviewed = await school.review(course, "FILED")

    assert (withdrawn.status_code, withdrawn.json()["state"]) == (200, "WITHDRAWN")
    assert (again.status_code, reviewed.status_code) == (409, 409)


async def test_a_batch_answers_each_course_in_its_place(district: District, school: School) -> None:
    items = [
        COURSE,
        COURSE | {"reference": "C-2", "price": "5000.01"},
        COURSE,
        COURSE | {"name": "别的课"},
        COURSE | {"reference": "C-3"},
    ]
    body = {"mode": "independent", "items": items}

    answer = await district.service.post(f"{PATH}/batch", school.token, body)

    assert answer.status_code == 200, answer.text
    assert [r["code"] for r in answer.json()["results"]] == [
        "done",
        "amount_over_cap",
        "duplicate",
        "already_exists",
        "done",
    ]


async def test_a_whole_batch_is_refused_for_one_course(district: District, school: School) -> None:
    items = [COURSE, COURSE | {"reference": "C-2", "lessons": 61}]
    body = {"mode": "all_or_nothing", "items": items}

    answer = await district.service.post(f"{PATH}/batch", school.token, body)
    listed = await district.service.get(PATH, school.token)

    assert answer.status_code == 422
    assert [r["code"] for r in answer.json()["results"]] == ["batch_refused", "lessons_over_cap"]
    assert listed.json()["items"] == []


async def test_courses_are_reviewed_many_at_once(district: District, school: School) -> None:
    courses = [await school.filed(reference=f"C-{n}") for n in range(3)]
    foreign = district.public("crs", fresh_id())
    body = {"items": [{"course_id": c, "decision": "FILED"} for c in [*courses, foreign]]}

    answer = await district.service.post(f"{PATH}/review/batch", district.regulator, body)
    parent = await district.parent_token(fresh_id())
    listed = await district.service.get(PATH, parent, limit=2)

    assert [r["code"] for r in answer.json()["results"]] == ["done"] * 3 + ["course_unknown"]
    assert [item["id"] for item in listed.json()["items"]] == courses[:2]
    assert listed.json()["next_cursor"] is not None


async def test_a_course_under_review_or_elsewhere_is_not_there(
    district: District, school: School
) -> None:
    course = await school.filed()
    other_school = await school_of(district)
    scope = tokens.Scope(district.code, departments=("sport",))
    callers = {
        "parent": await district.parent_token(fresh_id()),
        "other school": other_school.token,
        "other department": await district.service.token(Role.REGULATOR, scope),
    }

    seen = {
        who: (await district.service.get(f"{PATH}/{course}", token)).status_code
        for who, token in callers.items()
    }
    taken = await district.service.post(f"{PATH}/{course}/withdraw", other_school.token)
    own = await district.service.get(f"{PATH}/{course}", school.token)

    assert set(seen.values()) == {404}
    assert (taken.status_code, own.status_code) == (404, 200)
