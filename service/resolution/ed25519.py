"""Verifying Ed25519 signatures (RFC 8032) with the standard library alone.

It travels inside every resolution pack, so that whoever opens one needs nothing but Python. It
only verifies: there is no secret in it that its timing could tell.
"""

from hashlib import sha512
from typing import Final

Point = tuple[int, int, int, int]
"""Extended coordinates: x = X/Z, y = Y/Z, x·y = T/Z."""

_P: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _P) % _P
_ROOT: Final = pow(2, (_P - 1) // 4, _P)
_NEUTRAL: Final[Point] = (0, 1, 1, 0)
_SIZE: Final = 32


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Tell whether the signature (64 bytes) of the message is that of the public key (32)."""
    if len(public_key) != _SIZE or len(signature) != 2 * _SIZE:
        return False
    key, commitment = _point(public_key), _point(signature[:_SIZE])
    scalar = int.from_bytes(signature[_SIZE:], "little")
    if key is None or commitment is None or scalar >= _ORDER:
        return False
    hashed = sha512(signature[:_SIZE] + public_key + message).digest()
    challenge = int.from_bytes(hashed, "little") % _ORDER
    return _same(_times(scalar, _generator()), _plus(commitment, _times(challenge, key)))


def _generator() -> Point:
    y = 4 * pow(5, -1, _P) % _P
    x = _x_of(y, 0)
    assert x is not None, "the generator is on the curve"
    return (x, y, 1, x * y % _P)


def _point(encoded: bytes) -> Point | None:
    """Read a point; None for what is not on the curve."""
    number = int.from_bytes(encoded, "little")
    y = number & (1 << 255) - 1
    x = _x_of(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % _P)


def _x_of(y: int, sign: int) -> int | None:
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if square == 0:
        return None if sign else 0
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P:
        return None
    return _P - x if x & 1 != sign else x


def _plus(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _times(scalar: int, point: Point) -> Point:
    product = _NEUTRAL
    while scalar:
        if scalar & 1:
            product = _plus(product, point)
        point = _plus(point, point)
        scalar >>= 1
    return product


def _same(one: Point, other: Point) -> bool:
    return not (
        (one[0] * other[2] - other[0] * one[2]) % _P or (one[1] * other[2] - other[1] * one[2]) % _P
    )
