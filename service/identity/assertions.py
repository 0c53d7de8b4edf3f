"""Signed assertions of clients (private_key_jwt, RFC 7523): read, then checked against one key.

The client that an assertion names only says which of OUR keys to check it with. That key has one
algorithm; a header that brings or points to a key of its own is refused, whatever it holds.
"""

import hashlib
import json
import warnings
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key

from ledger.chain import canonical_json

KIND: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME_MAX_S: Final = 300
"""An assertion ends at most so far ahead."""

CLOCKS_APART_S: Final = 10
"""How far a client's clock may be ahead of ours for what is not yet valid."""

SIZE_MAX: Final = 8_192
JTI_MAX: Final = 256
RSA_BITS: Final = range(2_048, 8_193)

ALGORITHMS: Final = {"EdDSA": "EdDSA", "Ed25519": "EdDSA", "ES256": "ES256", "PS256": "PS256"}
"""What a header may say, and the algorithm of a key that it stands for (RFC 9864 renamed one)."""

_HEADER: Final = {"alg", "kid", "typ"}
_TYPES: Final = (None, "JWT", "client-authentication+jwt")
_MEMBERS: Final = {
    "OKP": ("crv", "kty", "x"),
    "EC": ("crv", "kty", "x", "y"),
    "RSA": ("e", "kty", "n"),
}


class Unfit(ValueError):  # noqa: N818 - says what is wrong with an assertion or a key
    """An assertion proves nothing, or a key cannot be used; the message is a code."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an assertion says of itself, before anything of it is proved."""

    token: str
    algorithm: str
    kid: str
    client: str


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A client's public key as it is kept: its algorithm, its id, the JWK as canonical JSON."""

    algorithm: str
    kid: str
    written: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What a good assertion leaves behind: its id, which is used up, and its end in seconds."""

    jti_hash: bytes
    expires_s: int


def read(token: str) -> Assertion:
    """Read whom an assertion is from and which key it names; raises `Unfit`."""
    if len(token) > SIZE_MAX or not token.isascii():
        raise Unfit("malformed")
    try:
        with _quiet():
            signed = jws.extract_compact(token.encode())
        header, claims = signed.headers(), json.loads(signed.payload)
    except (JoseError, ValueError, RecursionError, KeyError, TypeError):
        raise Unfit("malformed") from None
    if not set(header) <= _HEADER or header.get("typ") not in _TYPES:
        raise Unfit("header")
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise Unfit("algorithm")
    if not isinstance(kid, str):
        raise Unfit("kid")
    client = claims.get("sub") if isinstance(claims, dict) else None
    if not isinstance(client, str) or claims.get("iss") != client:
        raise Unfit("issuer")
    return Assertion(token, algorithm, kid, client)


def check(assertion: Assertion, key: PublicKey, *, at_s: int, audiences: frozenset[str]) -> Proof:
    """Check signature, audience, time and id of an assertion; raises `Unfit`."""
    if ALGORITHMS[assertion.algorithm] != key.algorithm:
        raise Unfit("algorithm")
    try:
        with _quiet():
            signed = jwt.decode(
                assertion.token, import_key(json.loads(key.written)), [assertion.algorithm]
            )
    except (JoseError, ValueError):
        raise Unfit("signature") from None
    claims = signed.claims
    _require_audience(claims.get("aud"), audiences)
    expires = _second(claims, "exp")
    if expires is None or not at_s < expires <= at_s + LIFETIME_MAX_S:
        raise Unfit("expiry")
    for name in ("nbf", "iat"):
        begins = _second(claims, name)
        if begins is not None and begins > at_s + CLOCKS_APART_S:
            raise Unfit("not_yet")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= JTI_MAX:
        raise Unfit("jti")
    return Proof(hashlib.sha256(jti.encode()).digest(), expires)


def public_key(given: dict[str, Any], kid: str | None = None) -> PublicKey:
    """Take in a JWK: Ed25519, P-256 or RSA of 2048 bits and more, and nothing private.

    Without an id of its own it is known by its thumbprint (RFC 7638). Raises `Unfit`.
    """
    members = _MEMBERS.get(str(given.get("kty")))
    if members is None:
        raise Unfit("kty")
    if {"d", "p", "q", "k"} & set(given):
        raise Unfit("private")
    kept = {name: given.get(name) for name in members}
    if not all(isinstance(value, str) for value in kept.values()):
        raise Unfit("members")
    try:
        key = import_key(kept)  # type: ignore[arg-type]
        _ = key.public_key
    except (JoseError, ValueError, KeyError):  # KeyError: of a curve that the library lacks.
        raise Unfit("members") from None
    algorithm = _algorithm_of(key)
    named = kid or given.get("kid") or key.thumbprint()
    if not isinstance(named, str) or not 1 <= len(named) <= JTI_MAX:
        raise Unfit("kid")
    return PublicKey(algorithm, named, canonical_json(kept))


def _algorithm_of(key: Key) -> str:
    if isinstance(key, OKPKey) and key.curve_name == "Ed25519":
        return "EdDSA"
    if isinstance(key, ECKey) and key.curve_name == "P-256":
        return "ES256"
    if isinstance(key, RSAKey) and key.public_key.key_size in RSA_BITS:
        return "PS256"
    raise Unfit("curve_or_size")


def _require_audience(audience: object, ours: frozenset[str]) -> None:
    """Refuse what is meant for somebody else, or for somebody else as well."""
    named = audience if isinstance(audience, list) else [audience]
    if len(named) != 1 or named[0] not in ours:
        raise Unfit("audience")


def _second(claims: dict[str, Any], name: str) -> int | None:
    """Return a claim that is a second since 1970, whole or not; raises `Unfit` for another."""
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 2**40:
        raise Unfit(name)
    return int(value)


class _quiet(warnings.catch_warnings):  # noqa: N801 - reads as a word
    """The library warns of the algorithm's older name, which most clients still write."""

    def __enter__(self) -> None:
        """Leave the warning out."""
        super().__enter__()
        warnings.simplefilter("ignore", SecurityWarning)
