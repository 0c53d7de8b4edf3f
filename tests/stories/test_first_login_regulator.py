"""A regulator's officer, from the invitation to a course filed and a restraint lifted by two."""

from typing import Any

from tests.fixtures.door import PASSWORD, approve, begin, caller_at, invite, new_source
from tests.fixtures.story import Story


async def test_an_officer_is_invited_logs_in_files_a_course_and_lifts_a_restraint(
    story: Story,
) -> None:
    district, http = story.district, story.district.service.http

    # The district has nobody yet. An operator invites its first security officer; because nobody
    # is an operator's own body, a second operator has to approve before the invitation is good.
    asked, login = await invite(
        district,
        district.operator,
        role="regulator",
        jurisdiction=district.code,
        duties=["security"],
        name="周安全",
    )
    assert asked.status_code == 202
    approved = await approve(district, asked, district.second_operator)
    assert approved.json()["outcome"]["state"] == "INVITED"

    # With the letter in hand the security officer chooses a password. The first is one that
    # everybody tries; the second is taken. The authenticator shows its first code, and ten
    # recovery codes are written down.
    letter = asked.json()["invitation"]["token"]
    weak = await http.post(
        "/v1/login/invitation",
        json={"invitation": letter, "login": login, "password": "password1234"},
    )
    assert weak.json()["facts"]["reason"] == "common"
    security = await begin(district.service, letter, login)
    assert len(security.recovery_codes) == 10

    # The security officer administers, and does nothing else: courses are not theirs to file.
    school = await story.school_opens("ICBC")
    course = await story.say("courses", school.token, COURSE)
    no = await security.post(f"/v1/courses/{course['id']}/review", {"decision": "FILED"})
    assert (no.status_code, no.json()["code"]) == (403, "verb_forbidden")

    # Two officers are invited, by one person: they are of the security officer's own body.
    standing: dict[str, Any] = {
        "role": "regulator",
        "jurisdiction": district.code,
        "duties": ["officer"],
    }
    officers = []
    for name in ("吴科长", "郑科员"):
        answer, officer_login = await invite(district, security.token, name=name, **standing)
        token = answer.json()["invitation"]["token"]
        officers.append(await begin(district.service, token, officer_login))
    wu, zheng = officers
    listed = (await security.get("/v1/people")).json()["items"]
    assert {one["name"] for one in listed} >= {"吴*长", "郑*员"}

    # Officer Wu files the course.
    filed = await wu.post(f"/v1/courses/{course['id']}/review", {"decision": "FILED"})
    assert (filed.status_code, filed.json()["state"]) == (200, "FILED")

    # The next morning Wu logs in on the same computer, in two steps: password, then code.
    async with caller_at(district.service, new_source()) as office:
        first = await office.post(
            "/v1/login", json={"login": wu.login, "password": PASSWORD, "device": wu.device}
        )
        second = await office.post(
            "/v1/login/code", json={"ticket": first.json()["ticket"], "code": await wu.code()}
        )
    wu.token = second.json()["token"]
    devices = (await wu.get("/v1/session/devices")).json()["items"]
    assert [(one["signed_in"], one["current"]) for one in devices] == [(True, True)]

    # One officer alone stops the school's payouts; lifting the stop takes two.
    stop = await wu.post(
        "/v1/restraints",
        {
            "target_type": "INSTITUTION",
            "target_id": school.id,
            "kind": "PAYOUT_STOP",
            "cause": "INSPECTION",
        },
    )
    assert stop.status_code == 201, stop.text
    lift = await wu.post(f"/v1/restraints/{stop.json()['id']}/lift", {"reason": "CLEARED"})
    assert lift.status_code == 202, lift.text
    alone = await approve(district, lift, wu.token)
    assert alone.json()["code"] == "maker_is_checker"
    both = await approve(district, lift, zheng.token)
    assert (both.status_code, both.json()["state"]) == (200, "EXECUTED"), both.text

    # Wu changes posts. The security officer revokes the access, and the session is over at once.
    gone = await security.post(f"/v1/people/{wu.id}/revoke")
    assert gone.json()["state"] == "REVOKED"
    assert (await wu.get("/v1/courses")).status_code == 401
    assert (await wu.log_in(device=wu.device)).status_code == 401


COURSE = {
    "reference": "C-1",
    "name": "少儿舞蹈",
    "category": "art",
    "subject": "DANCE",
    "class_size": 12,
    "lesson_minutes": 60,
    "price": "4800.00",
    "lessons": 48,
}
