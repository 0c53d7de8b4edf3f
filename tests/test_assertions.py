"""Signed assertions of clients: what is read, what is checked, and every way to fail."""

import base64
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey

from service.identity import assertions
from service.identity.assertions import PublicKey, Unfit

AUDIENCE = "https://escrow.example/oauth/token"
OURS = frozenset({AUDIENCE, "https://escrow.example"})
AT_S = 1_800_000_000
ED25519 = OKPKey.generate_key("Ed25519")
P256 = ECKey.generate_key("P-256")
RSA = RSAKey.generate_key(2048)
SECRET = OctKey.generate_key(256)

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


def signed(
    key: Key = ED25519,
    algorithm: str = "Ed25519",
    header: dict[str, Any] | None = None,
    **changed: Any,
) -> str:
    claims: dict[str, Any] = {
        "iss": "cli_a",
        "sub": "cli_a",
        "aud": AUDIENCE,
        "exp": AT_S + 60,
        "jti": "1",
    }
    claims = {name: value for name, value in (claims | changed).items() if value is not None}
    said = {"alg": algorithm, "kid": "k", **(header or {})}
    registry_wide = list({algorithm, "HS256"})
    return jwt.encode(said, claims, key, registry_wide)


def kept(key: Key = ED25519) -> PublicKey:
    return assertions.public_key(dict(key.as_dict(private=False)), "k")


def checked(token: str, key: PublicKey | None = None) -> assertions.Proof:
    said = assertions.read(token)
    return assertions.check(said, key or kept(), at_s=AT_S, audiences=OURS)


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(ED25519, "Ed25519"), (ED25519, "EdDSA"), (P256, "ES256"), (RSA, "PS256")],
)
def test_an_assertion_of_each_algorithm_is_good(key: Key, algorithm: str) -> None:
    proof = checked(signed(key, algorithm), kept(key))

    assert proof.expires_s == AT_S + 60


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"aud": "https://other.example/oauth/token"}, "audience"),
        ({"aud": [AUDIENCE, "https://other.example"]}, "audience"),
        ({"aud": None}, "audience"),
        ({"exp": AT_S + 301}, "expiry"),
        ({"exp": AT_S}, "expiry"),
        ({"exp": AT_S - 1}, "expiry"),
        ({"exp": None}, "expiry"),
        ({"exp": "soon"}, "exp"),
        ({"exp": True}, "exp"),
        ({"nbf": AT_S + 11}, "not_yet"),
        ({"iat": AT_S + 11}, "not_yet"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": "j" * 257}, "jti"),
        ({"jti": 7}, "jti"),
        ({"iss": "cli_b"}, "issuer"),
        ({"sub": None}, "issuer"),
        ({"iss": 7, "sub": 7}, "issuer"),
    ],
)
def test_an_assertion_that_says_the_wrong_thing_proves_nothing(
    changed: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Unfit, match=f"^{reason}$"):
        checked(signed(**changed))


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], "https://escrow.example"])
def test_an_assertion_may_be_meant_for_the_issuer_or_its_token_address(audience: Any) -> None:
    assert checked(signed(aud=audience)).expires_s == AT_S + 60


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"jku": "https://evil.example/keys"}, "header"),
        ({"x5u": "https://evil.example/cert"}, "header"),
        ({"jwk": dict(ED25519.as_dict(private=False))}, "header"),
        ({"typ": "at+jwt"}, "header"),
    ],
)
def test_a_header_that_brings_or_points_to_a_key_is_refused(
    header: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Unfit, match=f"^{reason}$"):
        checked(signed(header=header))


def test_no_algorithm_but_the_keys_own_is_taken() -> None:
    public = json.dumps(ED25519.as_dict(private=False), separators=(",", ":")).encode()
    by_public_key = signed(OctKey.import_key(public + b" " * 32), "HS256")
    unsigned = ".".join([*_parts({"alg": "none", "kid": "k"}), ""])
    of_other_kind = signed(P256, "ES256")
    no_kid = ".".join([*_parts({"alg": "Ed25519"}), "AA"])

    for token, reason in (
        (by_public_key, "algorithm"),
        (unsigned, "algorithm"),
        (of_other_kind, "algorithm"),
        (no_kid, "kid"),
    ):
        with pytest.raises(Unfit, match=f"^{reason}$"):
            checked(token)


def test_another_keys_signature_and_a_changed_claim_are_refused() -> None:
    token = signed()
    head, _, tail = token.split(".")
    body = _parts({}, {"iss": "cli_a", "sub": "cli_a", "aud": AUDIENCE, "exp": AT_S + 61})[1]

    for forged in (signed(OKPKey.generate_key("Ed25519")), f"{head}.{body}.{tail}"):
        with pytest.raises(Unfit, match=r"^signature$"):
            checked(forged)


@pytest.mark.parametrize(
    "token",
    ["", "a", "a.b", "a.b.c", "..", "é.é.é", "e30.e30.", "bnVsbA.bnVsbA.AA", "e" * 9_000],
)
def test_what_is_no_assertion_at_all_is_refused(token: str) -> None:
    with pytest.raises(Unfit):
        assertions.read(token)


@given(st.text(max_size=300))
def test_no_text_does_anything_but_be_refused(text: str) -> None:
    with pytest.raises(Unfit):
        checked(text)


@pytest.mark.parametrize(
    ("jwk", "reason"),
    [
        ({"kty": "oct", "k": "AAAA"}, "kty"),
        ({}, "kty"),
        (dict(ED25519.as_dict(private=True)), "private"),
        ({"kty": "OKP", "crv": "Ed25519"}, "members"),
        ({"kty": "OKP", "crv": "Ed25599", "x": "AAAA"}, "members"),
        ({"kty": "EC", "crv": "P-255", "x": "AAAA", "y": "AAAA"}, "members"),
        ({"kty": "OKP", "crv": "Ed25519", "x": 7}, "members"),
        ({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}, "members"),
        (dict(OKPKey.generate_key("X25519").as_dict(private=False)), "curve_or_size"),
        (dict(ECKey.generate_key("P-384").as_dict(private=False)), "curve_or_size"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(jwk: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unfit, match=f"^{reason}$"):
        assertions.public_key(jwk)


def test_a_key_without_an_id_is_known_by_its_thumbprint() -> None:
    jwk = dict(P256.as_dict(private=False))
    jwk.pop("kid", None)

    key = assertions.public_key(jwk)

    assert (key.kid, key.algorithm) == (P256.thumbprint(), "ES256")


def test_an_assertion_is_read_in_no_time_at_all() -> None:
    started = time.perf_counter()

    with pytest.raises(Unfit):
        assertions.read("." * 8_000)

    assert time.perf_counter() - started < 1


def _parts(header: dict[str, Any], claims: dict[str, Any] | None = None) -> list[str]:

    said = claims or {"iss": "cli_a", "sub": "cli_a"}
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()) for part in (header, said))
    return [text.decode().rstrip("=") for text in encoded]
