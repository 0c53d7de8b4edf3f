"""Public ids: a prefix, then base32 of the journal number and a time-ordered UUIDv7.

An id carries its journal, so a request is routed without a look-up. A transaction's id is its
journal and sequence number. The ids say nothing about the objects they name.
"""

import base64
import binascii
import hashlib
import secrets
from functools import lru_cache
from struct import Struct, unpack
from typing import Final
from uuid import UUID

from asyncpg.pgproto import pgproto

_VERSION_7: Final = 0x7
_UUID_BYTES: Final = 16
_HALVES: Final = Struct(">QQ")
_SEQ_BYTES: Final = 8
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS: Final = tuple(one + other for one in _ALPHABET for other in _ALPHABET)
_TRIPLES: Final = tuple(one + pair for one in _ALPHABET for pair in _PAIRS)
_LETTER_BITS: Final = 5
_PAIR_BITS: Final = 10
_PAIR: Final = 2**_PAIR_BITS - 1
_TRIPLE_BITS: Final = 15
_TRIPLE: Final = 2**_TRIPLE_BITS - 1
_SHIFTS: Final = tuple(range(12 * _TRIPLE_BITS, -1, -_TRIPLE_BITS))
_UUID_BITS: Final = 128
_LOW_BITS: Final = 84
_LOW: Final = 2**_LOW_BITS - 1
_REMEMBERED: Final = 16_384
"""A batch reads and writes each of its ids several times."""


def uuid7(at_ms: int, chance: int) -> UUID:
    """Make a UUIDv7 (RFC 9562) from milliseconds since 1970 and 74 random bits."""
    value = (at_ms & (2**48 - 1)) << 80
    value |= _VERSION_7 << 76
    value |= ((chance >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= chance & (2**62 - 1)
    return _uuid(value.to_bytes(_UUID_BYTES))


def new_id(at_ms: int) -> UUID:
    """Make a fresh time-ordered id; the edge passes the time, chance comes from the system."""
    return uuid7(at_ms, secrets.randbits(74))


def new_ids(at_ms: int, count: int) -> list[UUID]:
    """Make so many fresh ids of one moment, with chance drawn once for all of them."""
    high = (at_ms & (2**48 - 1)) << 16 | _VERSION_7 << 12
    drawn = iter(unpack(f">{2 * count}Q", secrets.token_bytes(_UUID_BYTES * count)))
    return [
        _uuid(_HALVES.pack(high | first & 0xFFF, 0b10 << 62 | second & (2**62 - 1)))
        for first, second in zip(drawn, drawn, strict=True)
    ]


def derived(base: UUID, about: UUID | str) -> UUID:
    """Make the id of something that comes with `base`, one for each thing it is `about`.

    Time-ordered as `base` is, so that a decision which draws no chance can name many new rows.
    """
    said = about.bytes if isinstance(about, UUID) else about.encode()
    chance = int.from_bytes(hashlib.sha256(base.bytes + said).digest()[:10])
    return uuid7(base.int >> 80, chance & (2**74 - 1))


def public(prefix: str, journal: int, value: UUID) -> str:
    """Write an object's public id, such as "enr_aaaq…"."""
    bits = value.int
    low = (bits & _LOW) << 1
    return (
        f"{prefix}_{_first(journal, bits >> _LOW_BITS)}{_TRIPLES[low >> 70]}"
        f"{_TRIPLES[low >> 55 & _TRIPLE]}{_TRIPLES[low >> 40 & _TRIPLE]}"
        f"{_TRIPLES[low >> 25 & _TRIPLE]}{_TRIPLES[low >> 10 & _TRIPLE]}{_PAIRS[low & _PAIR]}"
    )


def public_transaction(journal: int, seq: int) -> str:
    """Write a transaction's public id."""
    high, low = seq >> 2 * _PAIR_BITS, seq & _PAIR
    return f"txn_{_high(journal, high)}{_PAIRS[seq >> _PAIR_BITS & _PAIR]}{_PAIRS[low]}"


def public_audit(journal: int, seq: int) -> str:
    """Write the public id of a row of the audit trail."""
    return f"aud_{_encode(journal.to_bytes(2) + seq.to_bytes(_SEQ_BYTES))}"


def public_account(journal: int, number: int) -> str:
    """Write an account's public id, from its number in its journal."""
    return f"acc_{_encode(journal.to_bytes(2) + number.to_bytes(_SEQ_BYTES))}"


@lru_cache(maxsize=_REMEMBERED)
def parse(prefix: str, text: str) -> tuple[int, UUID]:
    """Read a public id into (journal, UUID); ValueError for anything not written by `public`.

    The same id is read as the same object, which takes its hash once.
    """
    raw = _decode(prefix, text, 2 + _UUID_BYTES)
    return int.from_bytes(raw[:2]), _uuid(raw[2:])


def parse_transaction(text: str) -> tuple[int, int]:
    """Read a transaction's public id into (journal, seq); ValueError for anything else."""
    raw = _decode("txn", text, 2 + _SEQ_BYTES)
    return int.from_bytes(raw[:2]), int.from_bytes(raw[2:])


def parse_audit(text: str) -> tuple[int, int]:
    """Read an audit row's public id into (journal, seq); ValueError for anything else."""
    raw = _decode("aud", text, 2 + _SEQ_BYTES)
    return int.from_bytes(raw[:2]), int.from_bytes(raw[2:])


def parse_account(text: str) -> tuple[int, int]:
    """Read an account's public id into (journal, number); ValueError for anything else."""
    raw = _decode("acc", text, 2 + _SEQ_BYTES)
    return int.from_bytes(raw[:2]), int.from_bytes(raw[2:])


def _uuid(raw: bytes) -> UUID:
    """Make the driver's kind of UUID, as rows have it: made, hashed and written in no time."""
    made: UUID = pgproto.UUID(raw)
    return made


@lru_cache(maxsize=1_024)
def _first(journal: int, uuid_high: int) -> str:
    """Write what the ids of a moment begin with: 60 bits, all but the last 84 of the UUID."""
    bits = journal << _UUID_BITS - _LOW_BITS | uuid_high
    return "".join([_TRIPLES[bits >> shift & _TRIPLE] for shift in _SHIFTS[-4:]])


@lru_cache(maxsize=64)
def _high(journal: int, seq_high: int) -> str:
    """Write what the ids of a million transactions begin with: all but the last 20 bits."""
    seq = seq_high << 2 * _PAIR_BITS
    return _encode(journal.to_bytes(2) + seq.to_bytes(_SEQ_BYTES))[:-4]


@lru_cache(maxsize=_REMEMBERED)
def _encode(raw: bytes) -> str:
    """Write base32 in lower case without padding, fifteen bits at a time."""
    triples = -(-len(raw) * 8 // _TRIPLE_BITS)
    length = -(-len(raw) * 8 // _LETTER_BITS)
    value = int.from_bytes(raw) << (triples * _TRIPLE_BITS - len(raw) * 8)
    written = [_TRIPLES[value >> shift & _TRIPLE] for shift in _SHIFTS[-triples:]]
    return "".join(written)[:length]


def _decode(prefix: str, text: str, length: int) -> bytes:
    head, _, body = text.partition("_")
    if head != prefix or not body.isascii() or body != body.lower():
        raise ValueError(f"not an id with the prefix {prefix}_")
    padded = body.upper() + "=" * (-len(body) % 8)
    try:
        raw = base64.b32decode(padded)
    except binascii.Error as error:
        raise ValueError("not base32") from error
    if len(raw) != length or _encode(raw) != body:
        raise ValueError("not an id of this kind")
    return raw
