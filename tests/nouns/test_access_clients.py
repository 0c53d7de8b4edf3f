"""Administering systems: secrets and keys follow one another, and all end at once when revoked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import OctKey, OKPKey

from service.store import ids
from tests.fixtures.door import approve, at_the_door, staff
from tests.fixtures.service import District, open_district
from tests.fixtures.systems import System, system

SYSTEM: dict[str, Any] = {"role": "institution", "duties": ["academic"], "label": "教务系统"}


def soon(**off: int) -> str:
    return (datetime.now(UTC) + timedelta(**off)).isoformat()


async def test_a_secret_is_shown_once_and_kept_as_a_digest(district: District) -> None:
    client = await system(district)
    path = f"/v1/clients/{client.id}/secrets"

    first = await district.service.post(path, client.owner, key="s1")
    second = await district.service.post(path, client.owner, key="s1")
    read = await district.service.get(f"/v1/clients/{client.id}", client.owner)

    assert first.json()["secret"].startswith("ess_")
    assert second.json()["secret"] is None
    assert second.json()["id"] == first.json()["id"]
    assert first.json()["secret"] not in read.text
    assert [one["kind"] for one in read.json()["credentials"]] == ["SECRET", "KEY", "SECRET"]


async def test_secrets_overlap_while_one_follows_the_other(district: District) -> None:
    client = await system(district)
    old = System(client.service, client.id, client.owner, secret=client.secret)
    added = await client.add("secrets")
    client.secret = added.json()["secret"]
    before = [await old.by_basic(), await client.by_basic()]
    [first, *_] = (await district.service.get(f"/v1/clients/{client.id}", client.owner)).json()[
        "credentials"
    ]

    await client.add(f"credentials/{first['id']}/revoke")
    after = [await old.by_basic(), await client.by_basic()]

    assert [answer.status_code for answer in before] == [200, 200]
    assert [answer.status_code for answer in after] == [401, 200]


async def test_keys_overlap_while_one_follows_the_other(district: District) -> None:
    client = await system(district)
    new = OKPKey.generate_key("Ed25519")
    added = await client.add_key("k2", new)
    by_new: dict[str, Any] = {"key": new, "header": {"kid": "k2"}}

    both = [
        await client.by_assertion(),
        await client.by_assertion(client.assertion(**by_new)),
    ]
    crossed = await client.by_assertion(client.assertion(key=new))
    await client.add(f"credentials/{await _key_of(client, 'k1')}/revoke")
    old_is_gone = await client.by_assertion()
    new_holds = await client.by_assertion(client.assertion(**by_new))

    assert added.status_code == 201
    assert [answer.status_code for answer in both] == [200, 200]
    assert crossed.status_code == 401
    assert (old_is_gone.status_code, new_holds.status_code) == (401, 200)


async def test_a_secret_holds_from_when_to_when_it_says(district: District) -> None:
    client = await system(district)
    later = await client.add("secrets", {"not_before": soon(hours=1), "not_after": soon(days=9)})
    ended = await client.add("secrets", {"not_after": soon(seconds=1)})
    await at_the_door(
        district.service,
        "UPDATE escrow.client_credential SET not_before = clock_timestamp() - interval '1 day',"
        " not_after = clock_timestamp() WHERE credential_id = :credential",
        credential=ids.parse("crd", ended.json()["id"])[1],
    )

    answers = [
        await System(
            client.service, client.id, client.owner, secret=one.json()["secret"]
        ).by_basic()
        for one in (later, ended)
    ]

    assert [answer.status_code for answer in answers] == [401, 401]


@pytest.mark.parametrize(
    "period",
    [
        {"not_after": soon(days=-1)},
        {"not_after": soon(days=402)},
        {"not_before": soon(days=3), "not_after": soon(days=2)},
        {"not_before": "tomorrow"},
    ],
)
async def test_a_period_that_is_none_is_refused(district: District, period: dict[str, str]) -> None:
    client = await system(district)

    answer = await client.add("secrets", period)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")


@pytest.mark.parametrize(
    "jwk",
    [
        {"kty": "oct", "k": "c2VjcmV0"},
        dict(OctKey.generate_key(256).as_dict(private=True)),
        dict(OKPKey.generate_key("Ed25519").as_dict(private=True)),
        {"kty": "OKP", "crv": "Ed448", "x": "AA"},
        {},
    ],
)
async def test_a_key_that_is_secret_or_unfit_is_refused(
    district: District, jwk: dict[str, Any]
) -> None:
    client = await system(district)

    answer = await client.add("keys", {"key": jwk, "kid": "k9"})

    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")
    assert answer.json()["errors"][0]["pointer"] == "/key"
    assert str(jwk.get("d", "no secret")) not in answer.text


async def test_a_key_id_is_used_once(district: District) -> None:
    client = await system(district)

    answer = await client.add_key("k1", OKPKey.generate_key("Ed25519"))

    assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")


async def test_a_client_has_only_so_many_secrets_at_once(district: District) -> None:
    client = await system(district)

    answers = [await client.add("secrets") for _ in range(9)]

    assert [answer.status_code for answer in answers] == [201] * 8 + [400]


async def test_a_revoked_credential_takes_its_own_tokens_along_at_once(
    district: District,
) -> None:
    client = await system(district)
    by_secret = await client.token()
    by_key = (await client.by_assertion()).json()["access_token"]

    await client.add(f"credentials/{await _key_of(client, 'k1')}/revoke")

    assert (await district.service.get("/v1/session", by_key)).status_code == 401
    assert (await district.service.get("/v1/session", by_secret)).status_code == 200


async def test_a_revoked_client_is_out_at_once_and_for_good(district: District) -> None:
    client = await system(district)
    token = await client.token()

    revoked = await client.add("revoke")
    again = await client.add("revoke")
    more = await client.add("secrets")

    assert (revoked.status_code, revoked.json()["state"]) == (200, "REVOKED")
    assert (await district.service.get("/v1/session", token)).status_code == 401
    assert {(await client.by_basic()).status_code, (await client.by_assertion()).status_code} == {
        401
    }
    assert [(a.status_code, a.json()["code"]) for a in (again, more)] == [(409, "wrong_state")] * 2


async def test_a_client_revokes_its_own_tokens_and_nobody_elses(district: District) -> None:
    client, other = await system(district), await system(district)
    own, theirs = await client.token(), await other.token()
    path, auth = "/oauth/revoke", (client.id, client.secret)

    answers = [
        await district.service.http.post(path, data={"token": token}, auth=auth)
        for token in (own, own, theirs, "esk_unknown")
    ]
    wrong = [
        await district.service.http.post(path, data={"token": own}),
        await district.service.http.post(path, data={"token": own}, auth=(client.id, "x")),
    ]
    none = await district.service.http.post(path, data={"token_type_hint": "x"}, auth=auth)

    assert [answer.status_code for answer in answers] == [200] * 4
    assert (await district.service.get("/v1/session", own)).status_code == 401
    assert (await district.service.get("/v1/session", theirs)).status_code == 200
    assert {answer.status_code for answer in wrong} == {401}
    assert (none.status_code, none.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("standing", "status"),
    [
        ({"duties": ["owner"]}, 422),
        ({"duties": ["academic", "owner"]}, 422),
        ({"duties": []}, 422),
        ({"duties": ["officer"]}, 422),
        ({"duties": ["academic", "finance"]}, 201),
        ({"role": "regulator", "jurisdiction": "500106", "duties": ["officer"]}, 403),
        ({"role": "operator", "duties": ["system"]}, 400),
    ],
)
async def test_a_system_has_duties_of_its_body_but_administers_nobody(
    district: District, standing: dict[str, Any], status: int
) -> None:
    owner = await district.institution_token(await district.plant_institution())

    answer = await district.service.post("/v1/clients", owner, SYSTEM | standing)

    assert answer.status_code == status, answer.text


async def test_a_system_may_do_what_its_duties_say_and_no_more(district: District) -> None:
    client = await system(district, "academic")
    token = await client.token()

    courses = await district.service.get("/v1/courses", token)
    people = await district.service.get("/v1/people", token)
    payout = await district.service.post("/v1/payouts", token, {})

    assert courses.status_code == 200
    assert people.status_code == 403
    assert payout.status_code == 403


async def test_a_client_of_another_body_is_not_there(district: District) -> None:
    client, other = await system(district), await system(district)
    elsewhere = await open_district(district.service)
    path = f"/v1/clients/{client.id}"

    asked = []
    for token in (other.owner, elsewhere.regulator, district.regulator):
        asked += [
            await district.service.get(path, token),
            await district.service.post(f"{path}/secrets", token),
            await district.service.post(f"{path}/revoke", token),
        ]

    assert {(a.status_code, a.json()["code"]) for a in asked} == {(404, "client_unknown")}
    mine = (await district.service.get("/v1/clients", other.owner)).json()["items"]
    assert [one["id"] for one in mine] == [other.id]


async def test_a_credential_of_another_client_is_not_there(district: District) -> None:
    client, other = await system(district), await system(district)

    answer = await client.add(f"credentials/{await _key_of(other, 'k1')}/revoke")

    assert (answer.status_code, answer.json()["code"]) == (404, "client_unknown")


async def test_operators_let_a_system_in_two_together(district: District) -> None:
    body = SYSTEM | {"role": "regulator", "jurisdiction": district.code, "duties": ["officer"]}
    asked = await district.service.post("/v1/clients", district.operator, body)
    client_id = asked.json()["payload"]["client_id"]
    path = f"/v1/clients/{client_id}/secrets"
    too_early = await district.service.post(path, district.operator)
    await approve(district, asked, district.second_operator)

    secret = await district.service.post(path, district.operator)
    client = System(district.service, client_id, district.operator, secret.json()["secret"])
    not_yet = await client.by_basic()
    approved = await approve(district, secret, district.second_operator)

    assert (asked.status_code, too_early.status_code, secret.status_code) == (202, 409, 202)
    assert client.secret not in (await district.service.get(path[:-8], district.operator)).text
    assert not_yet.status_code == 401
    assert approved.json()["state"] == "EXECUTED"
    assert (await client.by_basic()).json()["scope"] == "officer"


async def test_staff_without_the_duty_touch_no_client(district: District) -> None:
    person = await staff(district, await district.plant_institution(), "finance")

    answer = await person.post("/v1/clients", SYSTEM)

    assert answer.status_code == 403


async def _key_of(client: System, kid: str) -> str:
    read = await client.service.get(f"/v1/clients/{client.id}", client.owner)
    [found] = [one["id"] for one in read.json()["credentials"] if one["kid"] == kid]
    return str(found)
