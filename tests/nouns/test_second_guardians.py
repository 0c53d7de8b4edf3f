"""Second guardians: let in by the first, seeing what the first sees, out with the first."""

from tests.fixtures.academies import Academy
from tests.fixtures.parents import Phone, fresh_phone, named, refused
from tests.fixtures.service import District


async def test_a_second_guardian_is_let_in_by_the_first(
    academy: Academy, phone: Phone, district: District
) -> None:
    enrolment = await academy.enrolled(**named(phone.number))
    lesson = await academy.recorded(enrolment)
    await phone.logs_in()
    (link,) = await phone.links()
    second = Phone.new(district)

    granted = await phone.post(f"guardian-links/{link['id']}/grants", {"phone": second.number})
    invited = await second.shows()
    await second.logs_in()
    confirmed = await second.post(f"lessons/{lesson['id']}/confirm")

    assert (granted.status_code, granted.json()["state"]) == (201, "INVITED")
    assert [each["template"] for each in invited] == ["GUARDIAN_INVITED"]
    assert await second.enrolments() == {enrolment["id"]}
    assert confirmed.status_code == 200
    assert {(row["proof"], row["state"]) for row in await phone.links()} == {
        ("PHONE", "ACTIVE"),
        ("GRANT", "ACTIVE"),
    }


async def test_a_second_guardian_lets_nobody_in_and_turns_nobody_out(
    academy: Academy, phone: Phone, district: District
) -> None:
    await academy.opened(**named(phone.number))
    await phone.logs_in()
    (link,) = await phone.links()
    second = Phone.new(district)
    granted = await phone.post(f"guardian-links/{link['id']}/grants", {"phone": second.number})
    await second.logs_in()

    further = await second.post(
        f"guardian-links/{granted.json()['id']}/grants", {"phone": fresh_phone()}
    )
    through = await second.post(f"guardian-links/{link['id']}/grants", {"phone": fresh_phone()})
    turned = await second.post(f"guardian-links/{link['id']}/revoke")

    assert refused(further) == (409, "wrong_state")
    assert refused(through) == refused(turned) == (404, "guardian_link_unknown")


async def test_a_grant_ends_when_the_first_guardian_says_so_or_goes(
    academy: Academy, phone: Phone, district: District
) -> None:
    await academy.opened(**named(phone.number))
    await phone.logs_in()
    (link,) = await phone.links()
    second, third = Phone.new(district), Phone.new(district)
    for other in (second, third):
        await phone.post(f"guardian-links/{link['id']}/grants", {"phone": other.number})
        await other.logs_in()
    own = next(row for row in await second.links() if row["phone"].endswith(second.number[-4:]))

    await phone.post(f"guardian-links/{own['id']}/revoke")
    after_one = (await second.enrolments(), len(await third.enrolments()))
    await phone.post(f"guardian-links/{link['id']}/revoke")

    assert after_one == (set(), 1)
    assert await third.enrolments() == set()


async def test_an_operator_ends_any_link_and_a_school_none(academy: Academy, phone: Phone) -> None:
    await academy.opened(**named(phone.number))
    await phone.logs_in()
    (link,) = await phone.links()

    by_school = await academy.post(f"guardian-links/{link['id']}/revoke", academy.token)
    by_operator = await academy.post(
        f"guardian-links/{link['id']}/revoke", academy.district.operator
    )

    assert refused(by_school) == (403, "verb_forbidden")
    assert by_operator.json()["state"] == "REVOKED"
    assert await phone.enrolments() == set()
