"""Personal data over HTTP: masked, in plain for a purpose, and in its own people's hands."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from service.personal import unmask
from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.approvals import approve
from tests.fixtures.databases import Database
from tests.fixtures.trails import apart
from tests.nouns.claim_calls import filed, move_to

NAME, PHONE, STUDENT = "欧阳大锤", "13812345678", "欧阳小锤"
GUARDIAN = {"name": NAME, "phone": PHONE}


@pytest.fixture
async def contract(academy: Academy) -> dict[str, Any]:
    """A paid contract of a guardian with a name of four letters."""
    return await academy.enrolled(guardian=GUARDIAN, student={"name": STUDENT})


async def party(academy: Academy, token: str, party_id: str) -> Any:
    return await academy.get(f"parties/{party_id}", token)


async def unmasked(academy: Academy, token: str, claim: dict[str, Any]) -> httpx.Response:
    body = {"purpose": "CLAIM", "case_id": claim["id"], "reason": "家长来电核对"}
    return await academy.post(f"parties/{claim['guardian_id']}/unmask", token, body)


async def readings(database: Database, academy: Academy, purpose: str) -> list[dict[str, Any]]:
    trail = await apart(database, academy.district)
    return [row for row in trail if row["kind"] == "READ" and row["purpose"].startswith(purpose)]


async def test_a_name_a_phone_and_an_account_are_masked_for_those_who_supervise(
    academy: Academy, contract: dict[str, Any]
) -> None:
    district = academy.district

    seen = [
        await party(academy, token, contract["guardian_id"])
        for token in (district.regulator, district.operator, district.auditor)
    ]
    student = await party(academy, district.regulator, contract["student_id"])

    assert {(each["name"], each["phone"], each["masked"]) for each in seen} == {
        ("欧**锤", "138****5678", True)
    }
    assert (student["name"], student["kind"]) == ("欧**锤", "STUDENT")


async def test_a_parent_sees_their_own_and_nobody_elses(
    academy: Academy, contract: dict[str, Any]
) -> None:
    other = await academy.enrolled(guardian={"name": "别人"}, student={"name": "别家"})
    parent, stranger = await academy.parent(contract), await academy.parent(other)

    own = await party(academy, parent, contract["guardian_id"])
    child = await party(academy, parent, contract["student_id"])
    foreign = await academy.district.service.get(f"/v1/parties/{contract['student_id']}", stranger)

    assert (own["name"], own["phone"], own["masked"]) == (NAME, PHONE, False)
    assert child["name"] == STUDENT
    assert (foreign.status_code, foreign.json()["code"]) == (404, "party_unknown")


async def test_a_school_reads_the_students_it_wrote_down_and_that_is_recorded(
    academy: Academy, contract: dict[str, Any], database: Database
) -> None:
    neighbour = await academy_in(academy.district)

    own = await party(academy, academy.token, contract["student_id"])
    foreign = await academy.district.service.get(
        f"/v1/parties/{contract['student_id']}", neighbour.token
    )

    assert (own["name"], own["masked"]) == (STUDENT, False)
    assert foreign.status_code == 404
    [reading] = await readings(database, academy, "CONTRACT")
    assert reading["object"] == contract["student_id"]


async def test_a_regulator_reads_in_plain_for_a_case_and_for_a_quarter_of_an_hour(
    academy: Academy, contract: dict[str, Any], database: Database
) -> None:
    claim = await filed(academy, contract)
    regulator, second = academy.district.regulator, academy.district.second_regulator

    granted = await unmasked(academy, regulator, claim)
    plain = await party(academy, regulator, claim["guardian_id"])
    colleague = await party(academy, second, claim["guardian_id"])
    await move_to(academy, datetime.now(UTC) + timedelta(minutes=16))
    later = await party(academy, regulator, claim["guardian_id"])

    assert granted.status_code == 201, granted.text
    assert (granted.json()["purpose"], granted.json()["case_id"]) == ("CLAIM", claim["id"])
    assert NAME not in granted.text
    assert (plain["name"], plain["phone"], plain["masked"]) == (NAME, PHONE, False)
    assert plain["plain_until"] == granted.json()["expires_at"]
    assert (colleague["masked"], later["masked"]) == (True, True)
    [reading] = await readings(database, academy, "CLAIM")
    assert reading["purpose"] == f"CLAIM {claim['id']}"


async def test_a_parent_sees_who_read_their_data_and_staff_why(
    academy: Academy, contract: dict[str, Any]
) -> None:
    claim = await filed(academy, contract)
    await unmasked(academy, academy.district.regulator, claim)

    (own,) = (await academy.get("unmaskings", await academy.parent(contract)))["items"]
    (seen,) = (await academy.get("unmaskings", academy.district.auditor))["items"]

    assert (own["role"], own["case_id"], own["reason"]) == ("regulator", claim["id"], None)
    assert seen["reason"] == "家长来电核对"


@pytest.mark.parametrize(
    ("of_case", "code", "status"),
    [("foreign", "case_unrelated", 422), ("unknown", "case_unknown", 404)],
)
async def test_a_case_must_be_about_the_person(
    academy: Academy, contract: dict[str, Any], of_case: str, code: str, status: int
) -> None:
    other = await academy.enrolled(guardian={"name": "别人"}, student={"name": "别家"})
    claim = await filed(academy, other)
    case = claim["id"] if of_case == "foreign" else contract["id"].replace("enr_", "clm_")

    body = {"purpose": "CLAIM", "case_id": case, "reason": "好奇"}
    refused = await academy.post(
        f"parties/{contract['guardian_id']}/unmask", academy.district.regulator, body
    )

    assert (refused.status_code, refused.json()["code"]) == (status, code)


async def test_an_operator_never_reads_in_plain_alone(
    academy: Academy, contract: dict[str, Any]
) -> None:
    claim = await filed(academy, contract)
    operator = academy.district.operator

    asked = await unmasked(academy, operator, claim)
    waiting = await party(academy, operator, claim["guardian_id"])
    agreed = await approve(academy, asked.json(), academy.district.regulator)
    plain = await party(academy, operator, claim["guardian_id"])

    assert asked.status_code == 202, asked.text
    assert NAME not in asked.text
    assert "家长来电核对" not in asked.text
    assert agreed.status_code == 200, agreed.text
    assert (waiting["masked"], plain["masked"], plain["name"]) == (True, False, NAME)


async def test_too_many_readings_in_a_day_need_a_second_person(
    academy: Academy, contract: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unmask, "ALONE_MAX", 2)
    claim = await filed(academy, contract)

    answers = [await unmasked(academy, academy.district.regulator, claim) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 202]


async def test_a_correction_is_asked_for_confirmed_and_keeps_the_id(
    academy: Academy, contract: dict[str, Any]
) -> None:
    parent, own = await academy.parent(contract), contract["guardian_id"]

    asked = await academy.post(f"parties/{own}/corrections", parent, {"phone": "13900001111"})
    again = await academy.post(f"parties/{own}/corrections", parent, {"phone": "13900002222"})
    before = await party(academy, parent, own)
    done = await academy.post(f"data-requests/{asked.json()['id']}/confirm", academy.token)
    after = await party(academy, parent, own)
    copy = await academy.get("own-data", parent)

    assert (asked.status_code, asked.json()["state"]) == (201, "FILED"), asked.text
    assert "13900001111" not in asked.text
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert (done.status_code, done.json()["state"]) == (200, "DONE"), done.text
    assert (before["phone"], after["phone"], after["name"]) == (PHONE, "13900001111", NAME)
    [earlier] = copy["guardians"][0]["earlier"]
    assert earlier["phone"] == PHONE


async def test_a_correction_can_be_declined_and_is_the_own_schools_to_decide(
    academy: Academy, contract: dict[str, Any]
) -> None:
    neighbour = await academy_in(academy.district)
    path = f"parties/{contract['student_id']}/corrections"
    asked = await academy.post(path, await academy.parent(contract), {"name": "欧阳中锤"})
    request = f"data-requests/{asked.json()['id']}"

    foreign = await academy.post(f"{request}/confirm", neighbour.token)
    declined = await academy.post(
        f"{request}/decline", academy.token, {"reason": "CONTRACT_SAYS_OTHERWISE"}
    )
    after = await party(academy, academy.token, contract["student_id"])

    assert foreign.status_code == 404
    assert (declined.json()["state"], declined.json()["reason"]) == (
        "REFUSED",
        "CONTRACT_SAYS_OTHERWISE",
    )
    assert after["name"] == STUDENT


async def test_what_changes_nothing_is_no_correction(
    academy: Academy, contract: dict[str, Any]
) -> None:
    refused = await academy.post(
        f"parties/{contract['guardian_id']}/corrections",
        await academy.parent(contract),
        {"phone": PHONE},
    )

    assert (refused.status_code, refused.json()["code"]) == (422, "nothing_changed")


async def test_a_copy_has_everything_and_reads_as_a_page(
    academy: Academy, contract: dict[str, Any]
) -> None:
    parent = await academy.parent(contract)
    await academy.confirmed(contract)
    await filed(academy, contract, note="孩子生病")
    service = academy.district.service

    copy = await academy.get("own-data", parent)
    page = await service.get("/v1/own-data/readable", parent)

    [own] = copy["guardians"]
    assert {person["name"] for person in own["people"]} == {NAME, STUDENT}
    assert [each["enrolment_id"] for each in own["contracts"]] == [contract["id"]]
    assert (len(own["lessons"]), len(own["receipts"]), len(own["claims"])) == (1, 1, 1)
    assert own["receipts"][0]["payer"]["name"] == "张*"
    assert [note["text"] for note in own["notes"]] == ["孩子生病"]
    assert page.headers["content-type"].startswith("text/html")
    assert all(word in page.text for word in (NAME, STUDENT, PHONE, contract["id"]))


@pytest.mark.usefixtures("contract")
async def test_a_stranger_has_no_copy_of_others(academy: Academy) -> None:
    other = await academy.enrolled(guardian={"name": "别人"}, student={"name": "别家"})

    copy = await academy.get("own-data", await academy.parent(other))

    assert NAME not in str(copy)
