"""Signature algorithms: Ed25519, and SM2 with SM3 (国密) where the extra `sm2` is installed.

One registry for all: a key says which algorithm it is for, and a signature that declares another
one is refused. SM2 has no name in the IANA registry of RFC 9421; ours is "sm2-sm3".
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519: Final = "ed25519"
SM2: Final = "sm2-sm3"

SM2_USER: Final = b"1234567812345678"
"""The signer's identity that GM/T 0009 names for when none is agreed."""

_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(point)
    for point in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    )
)
"""Ed25519 points of small order, in every encoding: under such a key anybody can sign something."""

_SM2_POINT: Final = 65
_SM2_HALF: Final = 32
_SIGNATURE: Final = 64


@dataclass(frozen=True, slots=True)
class Algorithm:
    """How keys of one kind verify; `slow` ones do not belong on the event loop.

    `usable` tells whether a public key is one; `verifies` is asked of usable keys only.
    """

    name: str
    usable: Callable[[bytes], bool]
    verifies: Callable[[bytes, bytes, bytes], bool]
    slow: bool = False


def sm2_signature(private: bytes) -> Callable[[bytes], bytes]:
    """Return what signs messages with an SM2 key: r and s, 32 bytes each (GB/T 32918.2)."""
    import gmalg  # type: ignore[import-untyped]  # noqa: PLC0415 - an optional extra

    signer = gmalg.SM2(private, SM2_USER, gmalg.SM2().generate_pk(private))

    def sign(message: bytes) -> bytes:
        r, s = signer.sign(message)
        return bytes(r).rjust(_SM2_HALF, b"\0") + bytes(s).rjust(_SM2_HALF, b"\0")

    return sign


def algorithms() -> dict[str, Algorithm]:
    """Every algorithm that this installation knows, by name."""
    return _KNOWN


def _ed25519_usable(public: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public)
    except ValueError:
        return False
    return public not in _SMALL_ORDER


@lru_cache(maxsize=256)
def _ed25519_key(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)


def _ed25519_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        _ed25519_key(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _sm2_usable(public: bytes) -> bool:
    import gmalg  # noqa: PLC0415 - an optional extra
    import gmalg.errors  # type: ignore[import-untyped]  # noqa: PLC0415

    if len(public) != _SM2_POINT or public[:1] != b"\x04":
        return False
    try:
        return bool(gmalg.SM2().verify_pk(public))
    except (gmalg.errors.GMError, ValueError):
        return False


def _sm2_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    import gmalg  # noqa: PLC0415 - an optional extra

    if len(signature) != _SIGNATURE:
        return False
    verifier = gmalg.SM2(uid=SM2_USER, pk=public)
    return bool(verifier.verify(message, signature[:_SM2_HALF], signature[_SM2_HALF:]))


_KNOWN: Final = {ED25519: Algorithm(ED25519, _ed25519_usable, _ed25519_verifies)}
if find_spec("gmalg") is not None:
    _KNOWN[SM2] = Algorithm(SM2, _sm2_usable, _sm2_verifies, slow=True)
