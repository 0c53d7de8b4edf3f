"""The chain (哈希链): bytes that say exactly one thing, digests over them, and a Merkle log.

`encode` frames each field by type and length, so two different lists of fields never encode to
the same bytes; `digest` chains a record to the one before it; the Merkle functions are those of
RFC 6962 section 2.1 and RFC 9162 section 2.1. All digests are SHA-256, 32 bytes.
"""

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final

Field = str | bytes | int | None

DIGEST_SIZE: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
"""Root of a Merkle log without leaves."""

_RECORD_DOMAIN: Final = b"tuition-escrow/record/1\0"
_GENESIS_DOMAIN: Final = b"tuition-escrow/genesis/1\0"
_FRAME: Final = struct.Struct(">cI")
_JOURNAL: Final = struct.Struct(">Q")
_JSON: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_PLAIN: Final = frozenset({str, int, bool, type(None)})
_QUOTES: Final = 4
"""Quotes around a name and its text."""


def encode(fields: Sequence[Field]) -> bytes:
    """Encode fields in order, each as a type byte, a 4-byte big-endian length and its bytes.

    Types: `s` text in UTF-8, `b` bytes, `i` an integer in decimal ASCII, `n` None with length 0.
    """
    return b"".join([encode_field(field) for field in fields])


def encode_field(field: Field) -> bytes:
    """Encode one field: the encodings of fields put together are the encoding of them all."""
    if type(field) is str:
        payload = field.encode()
        return _FRAME.pack(b"s", len(payload)) + payload
    if type(field) is int:
        payload = b"%d" % field
        return _FRAME.pack(b"i", len(payload)) + payload
    kind, payload = _payload(field)
    return _FRAME.pack(kind, len(payload)) + payload


def digest(previous: bytes, fields: Sequence[Field]) -> bytes:
    """Hash a record's fields together with the digest of the record before it."""
    return digest_of(previous, encode(fields))


def digest_of(previous: bytes, encoded: bytes) -> bytes:
    """Hash the encoding of a record's fields together with the digest of the record before it."""
    assert len(previous) == DIGEST_SIZE, "a record follows a digest"
    return sha256(_RECORD_DOMAIN + previous + encoded).digest()


def genesis(journal_id: int) -> bytes:
    """Return what stands before record 1 of a journal; each journal has its own."""
    return sha256(_GENESIS_DOMAIN + _JOURNAL.pack(journal_id)).digest()


def canonical_json(value: object) -> str:
    """Write JSON in its one form: keys sorted by code point, no spaces, text unescaped.

    Raises TypeError for anything but str, int, bool, None, list and dict with str keys (so for
    every float), and UnicodeEncodeError for text that has no UTF-8.
    """
    _check_json(value)
    written = _JSON.encode(value)
    written.encode()
    return written


def canonical_texts(texts: Mapping[str, str]) -> str:
    """Write an object whose values are all texts, as `canonical_json` does.

    Ids and codes, of which nothing has to be escaped, are put together as they are.
    """
    written = ",".join([f'"{name}":"{texts[name]}"' for name in sorted(texts)])
    plain = written.isascii() and written.isprintable() and "\\" not in written
    if plain and written.count('"') == _QUOTES * len(texts):
        return f"{{{written}}}"
    return canonical_json(dict(texts))


def leaf_hash(data: bytes) -> bytes:
    """Hash one leaf of a Merkle log."""
    return sha256(b"\0" + data).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes; `EMPTY_ROOT` for none."""
    return _root(leaves, 0, len(leaves)) if leaves else EMPTY_ROOT


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the hashes that lead from the leaf at `index` to the root, nearest first."""
    assert 0 <= index < len(leaves), "a leaf is one of the log's"
    low, high = 0, len(leaves)
    path: list[bytes] = []
    while high - low > 1:
        middle = low + _left_size(high - low)
        if index < middle:
            path.append(_root(leaves, middle, high))
            high = middle
        else:
            path.append(_root(leaves, low, middle))
            low = middle
    return tuple(reversed(path))


def verify_inclusion(
    index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes
) -> bool:
    """Tell whether a leaf hash stands at `index` of the log with that size and root."""
    if not 0 <= index < size:
        return False
    position, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            computed = _node(sibling, computed)
            position, last = _climb(position, last)
        else:
            computed = _node(computed, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and computed == root


def consistency_proof(old_size: int, leaves: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the hashes that show the first `old_size` leaves unchanged in the longer log."""
    assert 0 <= old_size <= len(leaves), "the older log is not the longer"
    if old_size in {0, len(leaves)}:
        return ()
    low, high = 0, len(leaves)
    path: list[bytes] = []
    while high != old_size:
        middle = low + _left_size(high - low)
        if old_size <= middle:
            path.append(_root(leaves, middle, high))
            high = middle
        else:
            path.append(_root(leaves, low, middle))
            low = middle
    if low:
        path.append(_root(leaves, low, high))
    return tuple(reversed(path))


def verify_consistency(
    old_size: int, size: int, old_root: bytes, root: bytes, proof: Sequence[bytes]
) -> bool:
    """Tell whether the log with `root` begins with the whole log that had `old_root`."""
    if not 0 < old_size < size:
        same = old_size == size and old_root == root
        return not proof and (same or (0 == old_size <= size and old_root == EMPTY_ROOT))
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not path:
        return False
    position, last = old_size - 1, size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            before, after = _node(sibling, before), _node(sibling, after)
            position, last = _climb(position, last)
        else:
            after = _node(after, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and before == old_root and after == root


def _payload(field: Field) -> tuple[bytes, bytes]:
    if field is None:
        return b"n", b""
    if isinstance(field, str):
        return b"s", field.encode()
    if isinstance(field, bytes):
        return b"b", field
    raise TypeError(f"a field is text, bytes, an integer or None, not {type(field).__name__}")


def _check_json(value: object) -> None:
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"a key is text, not {type(key).__name__}")
        items: Iterable[object] = value.values()
    elif isinstance(value, list):
        items = value
    elif value is None or isinstance(value, str | int):
        return
    else:
        raise TypeError(f"canonical JSON has no {type(value).__name__}")
    for item in items:
        if type(item) not in _PLAIN:
            _check_json(item)


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def _left_size(size: int) -> int:
    """Return the largest power of two below `size` ≥ 2."""
    return 1 << ((size - 1).bit_length() - 1)


def _root(leaves: Sequence[bytes], low: int, high: int) -> bytes:
    if high - low == 1:
        return leaves[low]
    middle = low + _left_size(high - low)
    return _node(_root(leaves, low, middle), _root(leaves, middle, high))


def _climb(position: int, last: int) -> tuple[int, int]:
    """Rise to the level where a right edge without a sibling gets one."""
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last
