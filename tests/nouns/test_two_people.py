"""Two people who logged in: the second shows anew who they are, and neither may be gone."""

from typing import Any

from tests.fixtures import door
from tests.fixtures.academies import Academy
from tests.fixtures.door import Somebody

AGED = (
    "UPDATE escrow.access_token SET authenticated_at = authenticated_at - interval '16 minutes'"
    " WHERE caller_id = :person"
)


async def lift_asked(academy: Academy, maker: Somebody) -> dict[str, Any]:
    """Stop enrolments as one person alone, and ask for it to be lifted."""
    body = {
        "target_type": "INSTITUTION",
        "target_id": academy.district.public("ins", academy.institution),
        "kind": "ENROL_STOP",
        "cause": "INSPECTION",
    }
    placed = await maker.post("/v1/restraints", body)
    assert placed.status_code == 201, placed.text
    asked = await maker.post(f"/v1/restraints/{placed.json()['id']}/lift", {"reason": "SETTLED"})
    assert asked.status_code == 202, asked.text
    return dict(asked.json())


async def test_whoever_approves_has_shown_of_late_who_they_are(academy: Academy) -> None:
    district = academy.district
    maker = await door.officer(district, "officer")
    checker = await door.officer(district, "officer")
    asked = await lift_asked(academy, maker)
    path, body = f"/v1/approvals/{asked['id']}/approve", {"payload_hash": asked["payload_hash"]}
    await door.at_the_door(district.service, AGED, person=checker.id)

    late = await checker.post(path, body)
    await checker.sign_in()
    done = await checker.post(path, body)

    assert (late.status_code, late.json()["code"]) == (403, "step_up_required")
    assert done.status_code == 200, done.text
    assert (done.json()["maker"], done.json()["checker"]) == (maker.id, checker.id)


async def test_a_maker_who_logged_out_still_stands_and_one_who_logs_in_anew_is_the_same(
    academy: Academy,
) -> None:
    district = academy.district
    maker = await door.officer(district, "officer")
    asked = await lift_asked(academy, maker)
    path, body = f"/v1/approvals/{asked['id']}/approve", {"payload_hash": asked["payload_hash"]}

    await maker.sign_in()
    own = await maker.post(path, body)
    done = await district.service.post(path, district.second_regulator, body)

    assert (own.status_code, own.json()["code"]) == (409, "maker_is_checker")
    assert done.status_code == 200, done.text
