"""A school's people, from the owner's invitation to a lesson recorded and a payout asked for."""

from tests.fixtures.door import approve, begin, invite
from tests.fixtures.story import HELD, OFTEN, Story
from tests.fixtures.systems import System


async def test_an_owner_lets_staff_and_a_system_in_and_each_does_its_part(story: Story) -> None:
    district = story.district

    # A school is licensed. Two operators let its owner in.
    school = await story.school_opens("ICBC")
    asked, login = await invite(
        district,
        district.operator,
        role="institution",
        institution_id=school.id,
        duties=["owner"],
        name="陈校长",
    )
    await approve(district, asked, district.second_operator)
    owner = await begin(district.service, asked.json()["invitation"]["token"], login)

    # The owner invites a bookkeeper and a secretary. One person for both is refused: who records
    # lessons asks for no payout.
    both, _ = await invite(
        district, owner.token, role="institution", duties=["finance", "academic"]
    )
    assert (both.status_code, both.json()["code"]) == (422, "duties_apart")
    staff = {}
    for duty, name in (("finance", "李会计"), ("academic", "王教务")):
        answer, staff_login = await invite(
            district, owner.token, role="institution", duties=[duty], name=name
        )
        staff[duty] = await begin(
            district.service, answer.json()["invitation"]["token"], staff_login
        )
    bookkeeper, secretary = staff["finance"], staff["academic"]

    # A contract is signed and paid. The secretary schedules a lesson and records that it was held.
    contract = await school.signs(await school.files("4800.00", 48))
    await story.parent_pays(contract, "ICBC")
    lesson = await secretary.post(
        "/v1/lessons", {"enrolment_id": contract.id, "reference": "L-1", **OFTEN}
    )
    assert lesson.status_code == 201, lesson.text
    recorded = await secretary.post(f"/v1/lessons/{lesson.json()['id']}/record", HELD)
    assert (recorded.status_code, recorded.json()["state"]) == (200, "RECORDED"), recorded.text

    # The parent confirms it: 100.00 is earned. The secretary may not ask for it, the bookkeeper
    # may; and the bookkeeper records no lessons.
    confirmed = await district.service.post(
        f"/v1/lessons/{lesson.json()['id']}/confirm", await contract.parent()
    )
    assert confirmed.json()["state"] == "CONFIRMED"
    payout = {"custody_account_id": school.accounts["ICBC"], "amount": "100.00"}
    refused = await secretary.post("/v1/payouts", payout)
    assert (refused.status_code, refused.json()["code"]) == (403, "verb_forbidden")
    order = await bookkeeper.post("/v1/payouts", payout)
    assert (order.status_code, order.json()["state"]) == (201, "NEW"), order.text
    no = await bookkeeper.post(
        "/v1/lessons", {"enrolment_id": contract.id, "reference": "L-2", **OFTEN}
    )
    assert no.status_code == 403

    # From now on the school's own system schedules lessons. The owner lets it in with a secret;
    # it gets a token for ten minutes, as any OAuth library does.
    client = await owner.post(
        "/v1/clients", {"role": "institution", "duties": ["academic"], "label": "教务系统"}
    )
    secret = await owner.post(f"/v1/clients/{client.json()['id']}/secrets")
    system = System(district.service, client.json()["id"], owner.token, secret.json()["secret"])
    token = await system.token()
    by_system = await district.service.post(
        "/v1/lessons", token, {"enrolment_id": contract.id, "reference": "L-2", **OFTEN}
    )
    assert by_system.status_code == 201, by_system.text

    # The bookkeeper leaves, and the system's secret was seen on a screen: both end at once.
    await owner.post(f"/v1/people/{bookkeeper.id}/revoke")
    await owner.post(f"/v1/clients/{system.id}/credentials/{secret.json()['id']}/revoke")
    assert (await bookkeeper.get("/v1/payment-orders")).status_code == 401
    assert (await district.service.get("/v1/lessons", token)).status_code == 401
    assert (await system.by_basic()).status_code == 401
    assert (await secretary.get("/v1/lessons")).status_code == 200
