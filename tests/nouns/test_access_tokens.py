"""Tokens for systems: three ways to prove oneself, every way not to, and the words of RFC 6749."""

import base64
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from service.identity import tokens
from service.identity.callers import Duty, Role
from tests.fixtures.service import District
from tests.fixtures.systems import ASSERTED, System, system

GRANT = {"grant_type": "client_credentials"}


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("error", "")


async def test_a_client_gets_a_short_token_by_each_way_of_proving_itself(
    district: District,
) -> None:
    client = await system(district, "academic", "finance")

    answers = [await client.by_basic(), await client.by_post(), await client.by_assertion()]

    for answer in answers:
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["token_type"], body["expires_in"]) == ("Bearer", 600)
        assert body["scope"] == "academic finance"
        assert answer.headers["cache-control"] == "no-store"
        who = await district.service.get("/v1/session", body["access_token"])
        assert (who.json()["caller_id"], who.json()["role"]) == (client.id, "institution")
        assert who.json()["session_id"] is None


async def test_a_client_may_ask_for_less_than_it_has_and_never_for_more(
    district: District,
) -> None:
    client = await system(district, "academic", "finance")

    less = await client.by_basic(scope="finance")
    more = [await client.by_basic(scope=scope) for scope in ("owner", "finance owner", "财务")]

    who = await district.service.get("/v1/session", less.json()["access_token"])
    assert less.json()["scope"] == "finance"
    assert who.json()["duties"] == ["finance"]
    assert {told(answer) for answer in more} == {(400, "invalid_scope")}


async def test_what_a_token_is_for_stands_in_our_own_tables(district: District) -> None:
    client = await system(district)
    token = (await client.by_assertion(client.assertion(scope="owner", duties=["owner"]))).json()

    async with district.service.engine.begin() as connection:
        caller = await tokens.caller_of(connection, token["access_token"])

    assert (caller.role, caller.journals) == (Role.INSTITUTION, (district.journal,))
    assert caller.duties == frozenset({Duty.ACADEMIC})


async def test_a_client_that_proves_nothing_is_refused_in_one_way(district: District) -> None:
    client, other = await system(district), await system(district)
    wrong = System(client.service, client.id, client.owner, secret="ess_wrong")
    unknown = System(client.service, client.id[::-1], client.owner, secret=client.secret)
    others = System(client.service, client.id, client.owner, secret=other.secret)
    no_id = System(client.service, "nobody", client.owner, secret=client.secret)

    answers = [await each.by_basic() for each in (wrong, unknown, others, no_id)]
    answers += [await each.by_post() for each in (wrong, unknown, others, no_id)]
    answers += [await client.ask(GRANT), await client.ask({**GRANT, "client_id": client.id})]

    assert {told(answer) for answer in answers} == {(401, "invalid_client")}
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Basic realm="oauth"'}
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize(
    "header",
    ["Basic !!!", "Basic", "Basic " + base64.b64encode(b"no-colon").decode(), "Bearer esk_x"],
)
async def test_a_header_that_is_no_basic_authentication_is_refused(
    district: District, header: str
) -> None:
    answer = await district.service.http.post(
        "/oauth/token", data=GRANT, headers={"Authorization": header}
    )

    assert told(answer) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "unsupported_grant_type"),
        ({"client_assertion": "a.b.c"}, "invalid_request"),
        ({"client_assertion": "a.b.c", "client_assertion_type": "x"}, "invalid_request"),
    ],
)
async def test_a_request_that_is_no_such_grant_is_refused(
    district: District, changed: dict[str, str], error: str
) -> None:
    client = await system(district)

    assert told(await client.by_post(**changed)) == (400, error)


async def test_a_client_proves_itself_in_one_way_only(district: District) -> None:
    client = await system(district)

    answers = [
        await client.by_basic(client_secret=client.secret),
        await client.by_basic(client_assertion=client.assertion(), client_assertion_type=ASSERTED),
        await client.by_basic(client_id="cli_other"),
        await client.by_assertion(client_secret=client.secret),
    ]

    assert {told(answer) for answer in answers} == {(400, "invalid_request")}


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b'{"grant_type": "client_credentials"}', "application/json"),
        (b"grant_type=client_credentials&grant_type=x", "application/x-www-form-urlencoded"),
        (b"grant_type", "application/x-www-form-urlencoded"),
        (b"grant_type=%ff", "application/x-www-form-urlencoded"),
        (b"grant_type=%00", "application/x-www-form-urlencoded"),
        (b"a=1&" * 33 + b"a=1", "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 70_000, "application/x-www-form-urlencoded"),
        (b"", "application/x-www-form-urlencoded"),
    ],
)
async def test_a_body_that_is_no_strict_form_is_refused_in_the_standards_words(
    district: District, content: bytes, media_type: str
) -> None:
    answer = await district.service.http.post(
        "/oauth/token", content=content, headers={"Content-Type": media_type}
    )

    assert 400 <= answer.status_code < 500
    assert answer.json()["error"] in {"invalid_request", "invalid_client"}
    assert "access_token" not in answer.text


async def test_other_routes_take_no_forms(district: District) -> None:
    answer = await district.service.http.post("/v1/login", data={"login": "x", "password": "y"})

    assert (answer.status_code, answer.json()["code"]) == (415, "media_type_unsupported")


async def test_an_assertion_is_good_once(district: District) -> None:
    client = await system(district)
    assertion = client.assertion()

    first, second = await client.by_assertion(assertion), await client.by_assertion(assertion)

    assert (first.status_code, told(second)) == (200, (401, "invalid_client"))


async def test_the_same_id_of_another_client_is_another_assertion(district: District) -> None:
    client, other = await system(district), await system(district)

    answers = [await each.by_assertion(each.assertion(jti="one")) for each in (client, other)]

    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.parametrize(
    ("changed", "header"),
    [
        ({"aud": "https://other.example"}, {}),
        ({"exp": 4_000_000_000}, {}),
        ({"exp": 1}, {}),
        ({"iss": "cli_other"}, {}),
        ({}, {"kid": "k2"}),
        ({}, {"kid": ""}),
        ({}, {"jku": "https://evil.example"}),
    ],
)
async def test_a_wrong_assertion_is_refused(
    district: District, changed: dict[str, Any], header: dict[str, Any]
) -> None:
    client = await system(district)

    answer = await client.by_assertion(client.assertion(header=header, **changed))

    assert told(answer) == (401, "invalid_client")


async def test_an_assertion_by_a_wrong_key_or_algorithm_is_refused(district: District) -> None:
    client, other = await system(district), await system(district)
    symmetric = client.assertion(key=OctKey.generate_key(256), header={"alg": "HS256"})
    stolen = System(client.service, client.id, client.owner, key=other.key)
    head, body, _ = client.assertion().split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"k1"}').decode().rstrip("=")

    answers = [
        await client.by_assertion(assertion)
        for assertion in (symmetric, stolen.assertion(), f"{head}.{body}.", f"{none}.{body}.")
    ]

    assert {told(answer) for answer in answers} == {(401, "invalid_client")}


async def test_an_assertion_names_the_client_that_the_form_names(district: District) -> None:
    client, other = await system(district), await system(district)

    same = await client.by_assertion(client_id=client.id)
    another = await client.by_assertion(client_id=other.id)

    assert (same.status_code, told(another)) == (200, (401, "invalid_client"))


async def test_keys_of_each_kind_sign(district: District) -> None:
    client = await system(district)
    keys: dict[str, Key] = {
        "ES256": ECKey.generate_key("P-256"),
        "PS256": RSAKey.generate_key(2048),
        "EdDSA": OKPKey.generate_key("Ed25519"),
    }

    for algorithm, key in keys.items():
        added = await client.add_key(algorithm, key)
        header = {"alg": algorithm, "kid": algorithm}
        answer = await client.by_assertion(client.assertion(key=key, header=header))

        assert (added.status_code, added.json()["algorithm"]) == (201, algorithm)
        assert answer.status_code == 200, answer.text
