"""A parent, from the first code on their phone to a confirmed lesson and a refund claim."""

from tests.fixtures.parents import Phone
from tests.fixtures.story import Story


async def test_a_parent_logs_in_confirms_a_lesson_and_asks_for_the_rest_back(story: Story) -> None:
    # A school signs a contract with a mother, whose phone stands on it. She pays 4,800.00 at the
    # bank, and one lesson is held.
    school = await story.school_opens("ICBC")
    course = await school.files("4800.00", 48)
    mother = Phone.new(story.district)
    person = {"name": "张三", "phone": mother.number[3:]}
    contract = await school.signs(course, guardian=person)
    await story.parent_pays(contract, "ICBC")
    await school.gives(contract, 1)

    # She opens the app for the first time and gives her number. A code of six digits comes by
    # short message; nobody but her phone learns whether the number is known.
    asked = await mother.asks()
    code = await mother.code()
    elsewhere = await mother.tries(asked, code, device_secret="x" * 43)
    assert elsewhere.json()["code"] == "code_refused"

    # With the code she is in, and the contract that names her number is there already.
    session = await mother.tries(asked, code)
    mother.token = session.json()["token"]
    mother.secret, mother.device = asked["device_secret"], session.json()["device_id"]
    assert session.json()["links"] == 1
    enrolments = (await mother.reads("enrolments"))["items"]
    assert [row["id"] for row in enrolments] == [contract.id]
    detail = await mother.reads(f"enrolments/{contract.id}")
    assert (detail["money"]["prepaid"], detail["money"]["pending"]) == ("4700.00", "100.00")

    # The notice of the lesson is fetched, and with it delivered. She confirms: 100.00 is earned.
    told = await mother.post("notices/fetch", {"limit": 10})
    lesson = told.json()["items"][0]["lesson_id"]
    confirmed = await mother.post(f"lessons/{lesson}/confirm")
    assert confirmed.json()["state"] == "CONFIRMED"
    money = (await mother.reads(f"enrolments/{contract.id}"))["money"]
    assert (money["prepaid"], money["pending"], money["released"]) == ("4700.00", "0.00", "100.00")

    # The father has another phone. She lets him in, and from his own first login he sees the same.
    (link,) = await mother.links()
    father = Phone.new(story.district)
    await mother.post(f"guardian-links/{link['id']}/grants", {"phone": father.number})
    await father.logs_in()
    assert await father.enrolments() == {contract.id}

    # The next day her session is over; the app opens another by itself. She claims the rest back.
    assert (await mother.renews()).status_code == 200
    claim = await mother.post("claims", {"enrolment_id": contract.id, "reason": "CONSUMER"})
    assert claim.status_code == 201, claim.text
    assert claim.json()["state"] == "FILED"

    # The other children of the school are nobody's business: they do not even exist for her.
    other = await school.signs(course)
    unseen = await mother.get(f"enrolments/{other.id}")
    assert (unseen.status_code, unseen.json()["code"]) == (404, "enrolment_unknown")

    # She ends the father's link: he sees nothing from that moment on.
    his = next(row for row in await mother.links() if row["proof"] == "GRANT")
    await mother.post(f"guardian-links/{his['id']}/revoke")
    assert await father.enrolments() == set()
