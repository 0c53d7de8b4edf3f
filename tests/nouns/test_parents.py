"""Parents log in by phone and one-time code: what proves a phone, and what proves nothing."""

import re
import secrets

import pytest
from sqlalchemy import text

from ledger.refusals import CodeRefused
from service.store.context import Context
from service.web.problems import status_of
from tests.fixtures.parents import (
    Phone,
    changed,
    fresh_phone,
    refused,
    statements_of,
    unknown_request,
)
from tests.fixtures.service import District, Service

REFUSED = (status_of(CodeRefused), "code_refused")


async def test_a_code_of_six_digits_opens_a_session(phone: Phone) -> None:
    asked = await phone.asks()
    code = await phone.code()

    session = await phone.tries(asked, code)

    assert re.fullmatch(r"[0-9]{6}", code)
    assert session.status_code == 200
    assert session.headers["cache-control"] == "no-store"
    phone.token = session.json()["token"]
    me = await phone.reads("parents/me")
    assert me["phone"] == f"{phone.number[3:6]}****{phone.number[-4:]}"
    assert [each["device"] for each in me["devices"]] == ["phone"]


async def test_the_answer_is_the_same_for_a_known_and_an_unknown_number(
    phone: Phone, district: District
) -> None:
    await phone.logs_in()
    stranger = Phone.new(district)

    known, unknown = (
        await phone.anonymous("codes", {"phone": phone.number}),
        await stranger.anonymous("codes", {"phone": stranger.number}),
    )

    assert (known.status_code, known.json().keys()) == (unknown.status_code, unknown.json().keys())
    assert known.status_code == 202
    assert {len(each.json()["request_id"]) for each in (known, unknown)} == {33}


async def test_a_known_and_an_unknown_number_are_the_same_work(
    phone: Phone, district: District
) -> None:
    await phone.logs_in()
    stranger = Phone.new(district)

    with statements_of(district.service) as known:
        await phone.anonymous("codes", {"phone": phone.number})
    with statements_of(district.service) as unknown:
        await stranger.anonymous("codes", {"phone": stranger.number})

    assert known == unknown
    assert len(known) > 3


@pytest.mark.parametrize(
    "written", ["13912345678", "86 139-1234-5678", "+86 139 1234 5678", "１３９１２３４５６７８"]
)
async def test_a_number_is_the_same_however_it_is_written(written: str, district: District) -> None:
    local = fresh_phone()[3:]
    phone = Phone.new(district, f"+86{local}")
    told = written.replace("139", local[:3]).replace("1234", local[3:7]).replace("5678", local[7:])
    wide = str.maketrans("0123456789", "０１２３４５６７８９")
    told = local.translate(wide) if "１" in written else told

    answer = await phone.anonymous("codes", {"phone": told})

    assert answer.status_code == 202
    assert len(await phone.shows()) == 1


@pytest.mark.parametrize("written", ["12345678901", "+8529123456", "1391234567", "+8613912345678x"])
async def test_what_is_no_mobile_number_of_the_mainland_is_not_asked(
    written: str, phone: Phone
) -> None:
    answer = await phone.anonymous("codes", {"phone": written})

    assert refused(answer) == (400, "request_invalid")
    assert written not in answer.text


async def test_a_wrong_code_and_a_right_one_for_another_request_are_refused_alike(
    phone: Phone, district: District
) -> None:
    asked = await phone.asks()
    code = await phone.code()
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    other = await Phone.new(district).asks()

    answers = [
        await phone.tries(asked, wrong),
        await phone.tries(other, code),
        await phone.tries(asked, code, request_id=unknown_request()),
        await phone.tries(asked, code, device_secret=other["device_secret"]),
    ]

    assert [refused(each) for each in answers] == [REFUSED] * 4
    bodies = {str({**each.json(), "request_id": ""}) for each in answers}
    assert len(bodies) == 1


async def test_a_code_is_good_once(phone: Phone) -> None:
    asked = await phone.asks()
    code = await phone.code()
    first = await phone.tries(asked, code)

    again = await phone.tries(asked, code)

    assert (first.status_code, refused(again)) == (200, REFUSED)


async def test_a_code_expires(phone: Phone, service: Service) -> None:
    asked = await phone.asks()
    code = await phone.code()
    await changed(
        service,
        "UPDATE pii.one_time_code SET expires_at = clock_timestamp() - interval '1 s'"
        " WHERE phone_mask = :mask",
        mask=f"{phone.number[3:6]}****{phone.number[-4:]}",
    )

    late = await phone.tries(asked, code)

    assert refused(late) == REFUSED


async def test_after_five_wrong_tries_the_right_code_is_refused(phone: Phone) -> None:
    asked = await phone.asks()
    code = await phone.code()
    for number in range(1, 6):
        await phone.tries(asked, f"{(int(code) + number) % 10**6:06d}")

    late = await phone.tries(asked, code)

    assert refused(late) == REFUSED


async def test_a_number_gets_five_codes_an_hour(phone: Phone) -> None:
    for _ in range(5):
        await phone.asks()

    sixth = await phone.anonymous("codes", {"phone": phone.number})

    assert refused(sixth) == (429, "rate_limited")
    assert int(sixth.headers["retry-after"]) > 60
    assert len(await phone.shows()) == 5


async def test_who_guesses_too_often_is_not_even_compared(phone: Phone) -> None:
    for _ in range(2):
        asked = await phone.asks()
        code = await phone.code()
        for number in range(1, 6):
            await phone.tries(asked, f"{(int(code) + number) % 10**6:06d}")
    asked = await phone.asks()

    right = await phone.tries(asked, await phone.code())

    assert refused(right) == (429, "rate_limited")


async def test_nothing_that_rests_of_a_code_tells_the_code_or_the_phone(
    phone: Phone, service: Service
) -> None:
    await phone.asks()
    code = await phone.code()

    async with service.engine.begin() as connection:
        await Context.doorkeeper().enter(connection, statement_timeout="5s")
        mask = f"{phone.number[3:6]}****{phone.number[-4:]}"
        found = await connection.execute(
            text("SELECT one_time_code::text FROM pii.one_time_code WHERE phone_mask = :mask"),
            {"mask": mask},
        )
        rows = "".join(found.scalars())

    assert mask in rows
    assert phone.number[3:] not in rows
    assert code.encode().hex() not in rows


@pytest.mark.parametrize(
    "eyes", [Context(()), Context((1, 2, 3), bank="ICBC"), Context((1, 2, 3), parties=())]
)
async def test_whoever_has_no_link_in_sight_sees_neither_codes_nor_persons(
    phone: Phone, service: Service, eyes: Context
) -> None:
    await phone.logs_in()

    async with service.engine.begin() as connection:
        await eyes.enter(connection, statement_timeout="5s")
        codes = await connection.scalar(text("SELECT count(*) FROM pii.one_time_code"))
        persons = await connection.scalar(text("SELECT count(*) FROM pii.parent"))

    assert (codes, persons) == (0, 0)


async def test_a_device_opens_its_next_session_without_a_code(phone: Phone) -> None:
    first = await phone.logs_in()

    renewed = await phone.renews()

    assert renewed.status_code == 200
    assert renewed.json()["token"] != first["token"]
    assert (await phone.get("parents/me")).status_code == 200
    old = await phone.service.get("/v1/parents/me", first["token"])
    assert old.status_code == 401


async def test_another_device_cannot_renew_a_session(phone: Phone) -> None:
    await phone.logs_in()
    phone.secret = f"esd_{secrets.token_urlsafe(32)}"

    assert refused(await phone.renews()) == REFUSED


async def test_a_device_that_was_silent_for_a_month_needs_a_code(
    phone: Phone, service: Service
) -> None:
    await phone.logs_in()
    me = await phone.reads("parents/me")
    await changed(
        service,
        "UPDATE escrow.device SET last_seen_at = clock_timestamp() - interval '31 days'"
        " WHERE journal_id = 0 AND person_id IN"
        " (SELECT parent_id FROM pii.parent WHERE phone_mask = :mask)",
        mask=me["phone"],
    )

    assert refused(await phone.renews()) == REFUSED


async def test_a_forgotten_device_is_out_at_once(phone: Phone, district: District) -> None:
    await phone.logs_in()
    second = Phone.new(district, phone.number)
    await second.logs_in()

    forgotten = await second.post(f"parents/devices/{phone.device}/forget")

    assert forgotten.status_code == 204
    assert (await phone.get("parents/me")).status_code == 401
    assert refused(await phone.renews()) == REFUSED
    assert len((await second.reads("parents/me"))["devices"]) == 1


async def test_nobody_forgets_the_device_of_somebody_else(phone: Phone, district: District) -> None:
    await phone.logs_in()
    stranger = Phone.new(district)
    await stranger.logs_in()

    answer = await stranger.post(f"parents/devices/{phone.device}/forget")

    assert refused(answer) == (404, "device_unknown")
    assert (await phone.get("parents/me")).status_code == 200


async def test_two_parents_share_a_device_as_two(phone: Phone, district: District) -> None:
    await phone.logs_in()
    other = Phone.new(district)
    other.secret = phone.secret

    await other.logs_in()

    assert other.device != phone.device
    assert (await phone.renews()).status_code == 200


async def test_a_parent_without_contracts_sees_nothing(phone: Phone) -> None:
    session = await phone.logs_in()

    assert session["links"] == 0
    for path in ("enrolments", "lessons", "notices", "claims", "guardian-links", "refunds"):
        assert (await phone.reads(path))["items"] == [], path
