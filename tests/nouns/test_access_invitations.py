"""Invitations: used once, in time, under the right name, and only with a first good code."""

from tests.fixtures.door import PASSWORD, at_the_door, begin, invite
from tests.fixtures.service import District


async def test_nobody_logs_in_before_the_invitation_is_used(district: District) -> None:
    institution = await district.plant_institution()
    owner = await district.institution_token(institution)
    invited, login = await invite(district, owner, role="institution", duties=["finance"])

    answer = await district.service.http.post(
        "/v1/login", json={"login": login, "password": PASSWORD, "code": "000000"}
    )

    assert invited.status_code == 201
    assert answer.status_code == 401


async def test_an_invitation_is_used_once_and_only_under_its_login_name(
    district: District,
) -> None:
    institution = await district.plant_institution()
    owner = await district.institution_token(institution)
    invited, login = await invite(district, owner, role="institution", duties=["finance"])
    token = invited.json()["invitation"]["token"]
    choose = {"invitation": token, "login": login, "password": PASSWORD}

    other_name = await district.service.http.post(
        "/v1/login/invitation", json=choose | {"login": "other@people.example"}
    )
    too_early = await district.service.http.post(
        "/v1/login/invitation/confirm", json={"invitation": token, "code": "000000"}
    )
    weak = await district.service.http.post(
        "/v1/login/invitation", json=choose | {"password": "password1234"}
    )
    person = await begin(district.service, token, login)
    again = await district.service.http.post("/v1/login/invitation", json=choose)

    assert (other_name.status_code, too_early.status_code) == (404, 404)
    assert (weak.status_code, weak.json()["code"]) == (422, "password_weak")
    assert (await person.get("/v1/session")).status_code == 200
    assert again.status_code == 404


async def test_an_invitation_ends_after_a_week(district: District) -> None:
    institution = await district.plant_institution()
    owner = await district.institution_token(institution)
    invited, login = await invite(district, owner, role="institution", duties=["finance"])
    await at_the_door(
        district.service,
        "UPDATE escrow.ticket SET expires_at = clock_timestamp() FROM escrow.person AS person"
        " WHERE person.person_id = ticket.person_id AND person.caller_id = :person",
        person=invited.json()["id"],
    )

    answer = await district.service.http.post(
        "/v1/login/invitation",
        json={
            "invitation": invited.json()["invitation"]["token"],
            "login": login,
            "password": PASSWORD,
        },
    )

    assert answer.status_code == 404


async def test_a_wrong_first_code_begins_nothing(district: District) -> None:
    institution = await district.plant_institution()
    owner = await district.institution_token(institution)
    invited, login = await invite(district, owner, role="institution", duties=["finance"])
    token = invited.json()["invitation"]["token"]
    await district.service.http.post(
        "/v1/login/invitation", json={"invitation": token, "login": login, "password": PASSWORD}
    )

    wrong = await district.service.http.post(
        "/v1/login/invitation/confirm", json={"invitation": token, "code": "000000"}
    )
    still = await begin(district.service, token, login)

    assert wrong.status_code == 401
    assert (await still.get("/v1/session")).status_code == 200
