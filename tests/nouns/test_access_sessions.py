"""Sessions: they end by themselves and at once, and what a person changes in its own."""

import time

import pytest

from service.identity import sessions, totp
from tests.fixtures.door import (
    PASSWORD,
    Somebody,
    approve,
    at_the_door,
    forget_step,
    officer,
    staff,
)
from tests.fixtures.service import District

NEW = "nine green walruses hum"


async def anyone(district: District) -> Somebody:
    return await staff(district, await district.plant_institution(), "finance")


async def aged(person: Somebody, column: str, interval: str) -> None:
    """Let time have gone by for a session: machine time itself never moves."""
    async with person.service.engine.begin() as connection:
        await connection.exec_driver_sql(
            f"UPDATE escrow.access_token SET {column} = clock_timestamp() - interval"  # noqa: S608
            f" '{interval}' WHERE caller_id = '{person.id}' AND revoked_at IS NULL"
        )


async def test_a_session_ends_after_a_quarter_of_an_hour_without_a_request(
    district: District,
) -> None:
    person = await anyone(district)

    await aged(person, "last_seen_at", "14 minutes")
    seen = await person.get("/v1/session")
    await aged(person, "last_seen_at", "15 minutes 1 second")
    unseen = await person.get("/v1/session")

    assert (seen.status_code, unseen.status_code) == (200, 401)


async def test_a_session_that_is_used_goes_on(district: District) -> None:
    person = await anyone(district)

    for _ in range(3):
        await aged(person, "last_seen_at", "14 minutes")
        assert (await person.get("/v1/session")).status_code == 200

    [row] = await at_the_door(
        district.service,
        "SELECT clock_timestamp() - last_seen_at < interval '1 minute' AS is_fresh"
        " FROM escrow.access_token WHERE caller_id = :person",
        person=person.id,
    )
    assert row["is_fresh"]


async def test_a_session_ends_after_eight_hours_however_busy(district: District) -> None:
    person = await anyone(district)
    [row] = await at_the_door(
        district.service,
        "SELECT expires_at - issued_at = interval '8 hours' AS is_a_day"
        " FROM escrow.access_token WHERE caller_id = :person",
        person=person.id,
    )

    await aged(person, "expires_at", "0 seconds")
    over = await person.get("/v1/session")

    assert row["is_a_day"]
    assert over.status_code == 401


async def test_a_demonstrations_clock_ends_no_session(district: District) -> None:
    person = await anyone(district)

    moved = await district.service.post(
        "/v1/clock",
        district.operator,
        {"jurisdiction": district.code, "to": "2031-01-01T00:00:00+08:00"},
    )

    assert moved.status_code < 300
    assert (await person.get("/v1/session")).status_code == 200


@pytest.mark.parametrize("to", ["9999-12-31T23:59:59-14:00", "2999-01-01T00:00:00Z"])
async def test_a_clock_is_not_moved_to_the_end_of_the_calendar(district: District, to: str) -> None:
    moved = await district.service.post(
        "/v1/clock", district.operator, {"jurisdiction": district.code, "to": to}
    )

    assert (moved.status_code, moved.json()["code"]) == (400, "request_invalid")


async def test_who_logs_out_is_out_at_once(district: District) -> None:
    person = await anyone(district)

    out = await person.post("/v1/session/end")

    assert out.status_code == 200
    assert (await person.get("/v1/session")).status_code == 401


async def test_a_device_has_one_session_and_a_new_login_ends_it(district: District) -> None:
    person = await anyone(district)
    first = person.token

    await person.sign_in(device=person.device)

    assert (await district.service.get("/v1/session", first)).status_code == 401
    assert (await person.get("/v1/session")).status_code == 200
    assert len((await person.get("/v1/session/devices")).json()["items"]) == 1


async def test_a_person_sees_its_devices_and_makes_one_a_stranger(district: District) -> None:
    person = await anyone(district)
    elsewhere = (await person.log_in()).json()
    listed = (await person.get("/v1/session/devices")).json()["items"]

    done = await person.post(f"/v1/session/devices/{elsewhere['device_id']}/revoke")
    again = await person.post(f"/v1/session/devices/{elsewhere['device_id']}/revoke")

    assert [(one["signed_in"], one["current"]) for one in listed] == [(True, False), (True, True)]
    assert {one["label"] for one in listed} == {"Program"}
    assert (done.status_code, again.status_code) == (200, 404)
    assert (await district.service.get("/v1/session", elsewhere["token"])).status_code == 401
    assert (await person.get("/v1/session")).status_code == 200


async def test_nobody_revokes_the_device_of_somebody_else(district: District) -> None:
    person, other = await anyone(district), await anyone(district)
    theirs = (await other.get("/v1/session")).json()["device_id"]

    for device in (theirs, "dev_nothing", theirs.replace("dev", "ses")):
        answer = await person.post(f"/v1/session/devices/{device}/revoke")
        assert (answer.status_code, answer.json()["code"]) == (404, "device_unknown")
    assert (await other.get("/v1/session")).status_code == 200


async def test_a_new_password_ends_every_other_session(district: District) -> None:
    person = await anyone(district)
    elsewhere = (await person.log_in()).json()

    changed = await person.post(
        "/v1/session/password", {"current": PASSWORD, "new": NEW, "code": await person.code()}
    )

    assert changed.status_code == 200
    assert (await person.get("/v1/session")).status_code == 200
    assert (await district.service.get("/v1/session", elsewhere["token"])).status_code == 401
    assert (await person.log_in()).status_code == 401
    assert (await person.log_in(password=NEW)).status_code == 200


async def test_a_password_is_not_changed_without_the_old_one_and_a_code(
    district: District,
) -> None:
    person = await anyone(district)
    right = {"current": PASSWORD, "new": NEW, "code": await person.code()}

    wrong_password = await person.post("/v1/session/password", right | {"current": "something"})
    wrong_code = await person.post("/v1/session/password", right | {"code": "000000"})
    weak = await person.post("/v1/session/password", right | {"new": "password1234"})

    assert [wrong_password.status_code, wrong_code.status_code] == [401, 401]
    assert (weak.status_code, weak.json()["facts"]["reason"]) == (422, "common")
    assert (await person.log_in()).status_code == 200


async def test_a_new_authenticator_takes_the_place_of_the_old_one(district: District) -> None:
    person = await anyone(district)
    old, elsewhere = person.secret, (await person.log_in()).json()
    chosen = await person.post("/v1/session/authenticator", {"code": await person.code()})
    person.secret = chosen.json()["secret"]

    changed = await person.post(
        "/v1/session/authenticator/confirm",
        {"ticket": chosen.json()["ticket"], "code": await person.code()},
    )

    assert changed.status_code == 200
    assert not set(changed.json()["recovery_codes"]) & set(person.recovery_codes)
    assert (await district.service.get("/v1/session", elsewhere["token"])).status_code == 401
    assert (await person.log_in()).status_code == 200
    person.secret = old
    assert (await person.log_in()).status_code == 401


async def test_an_authenticator_that_shows_no_code_changes_nothing(district: District) -> None:
    person, other = await anyone(district), await anyone(district)
    without = await person.post("/v1/session/authenticator", {"code": "000000"})
    chosen = await person.post("/v1/session/authenticator", {"code": await person.code()})
    ticket = chosen.json()["ticket"]
    code = totp.code(chosen.json()["secret"], totp.step_at(int(time.time())))

    wrong = await person.post(
        "/v1/session/authenticator/confirm", {"ticket": ticket, "code": "000000"}
    )
    others = await other.post("/v1/session/authenticator/confirm", {"ticket": ticket, "code": code})

    assert (without.status_code, wrong.status_code, others.status_code) == (401, 401, 404)
    assert (await person.log_in()).status_code == 200


async def test_a_second_proof_makes_the_session_fresh(district: District) -> None:
    person = await officer(district, "officer")
    await aged(person, "authenticated_at", "1 hour")
    before = (await person.get("/v1/session")).json()["authenticated_at"]

    wrong = await person.post("/v1/session/confirm", {"code": "000000"})
    right = await person.post("/v1/session/confirm", {"code": await person.code()})

    after = (await person.get("/v1/session")).json()["authenticated_at"]
    assert (wrong.status_code, right.status_code) == (401, 200)
    assert after > before


async def test_who_approves_shows_the_second_factor_afresh(district: District) -> None:
    maker, checker = await officer(district, "officer"), await officer(district, "officer")
    school = district.public("ins", await district.plant_institution())
    stop = {"target_type": "INSTITUTION", "target_id": school, "kind": "PAYOUT_STOP"}
    placed = await maker.post("/v1/restraints", stop | {"cause": "INSPECTION"})
    lift = await maker.post(f"/v1/restraints/{placed.json()['id']}/lift", {"reason": "CLEARED"})
    await aged(checker, "authenticated_at", "1 hour")

    stale = await approve(district, lift, checker.token)
    await checker.post("/v1/session/confirm", {"code": await checker.code()})
    fresh = await approve(district, lift, checker.token)

    assert stale.json()["code"] == "step_up_required"
    assert (fresh.status_code, fresh.json()["state"]) == (200, "EXECUTED")


async def test_codes_tried_in_a_session_are_counted_too(district: District) -> None:
    person = await anyone(district)

    answers = [await person.post("/v1/session/confirm", {"code": "000000"}) for _ in range(12)]

    assert answers[-1].status_code == 429


async def test_a_token_of_no_person_has_no_session_of_its_own(district: District) -> None:
    token = await district.institution_token(await district.plant_institution())

    who = await district.service.get("/v1/session", token)
    asked = [
        await district.service.get("/v1/session/devices", token),
        await district.service.post("/v1/session/end", token),
        await district.service.post("/v1/session/confirm", token, {"code": "000000"}),
        await district.service.post("/v1/session/authenticator", token, {"code": "000000"}),
    ]

    assert (who.status_code, who.json()["session_id"]) == (200, None)
    assert {(a.status_code, a.json()["code"]) for a in asked} == {(409, "session_missing")}


async def test_nothing_a_person_proves_itself_with_stands_in_plain(district: District) -> None:
    person = await anyone(district)
    await forget_step(district.service, person.id)
    kept = ""
    for table in ("person_secret", "ticket", "device", "recovery_code"):
        rows = await at_the_door(
            district.service,
            f"SELECT held::text AS said FROM escrow.{table} AS held"  # noqa: S608 - our tables
            " JOIN escrow.person AS person USING (journal_id, person_id)"
            " WHERE person.caller_id = :person",
            person=person.id,
        )
        assert rows or table == "ticket"
        kept += "".join(row["said"] for row in rows)

    for secret in (person.login, person.secret, PASSWORD, person.device, *person.recovery_codes):
        assert secret is not None
        assert secret not in kept
        assert secret.encode().hex() not in kept


async def test_what_has_long_ended_is_forgotten_and_nothing_else(district: District) -> None:
    person = await anyone(district)
    over = await anyone(district)
    await aged(over, "expires_at", "2 days")

    async with district.service.engine.begin() as connection:
        forgotten = await sessions.forget_expired(connection)

    left = await at_the_door(
        district.service,
        "SELECT DISTINCT caller_id FROM escrow.access_token WHERE caller_id IN (:one, :other)",
        one=person.id,
        other=over.id,
    )
    assert forgotten >= 1
    assert [row["caller_id"] for row in left] == [person.id]
    assert (await district.service.get("/v1/session", district.auditor)).status_code == 200
