"""The vault (个人信息保险库): personal data sealed with a key of its subject's own.

What a row tells of a person is one blob under a random data key (AES-256-GCM or SM4-GCM, random
nonce of 96 bits); the data key stands beside it, wrapped by the key-encryption key. Both are bound
to suite, table, subject and row. Destroying the wrapped key makes the blob unreadable for
ever. Equality is asked of blind indexes: HMAC-SHA256 of the normalised value under a key apart.

Blob: suite (1 byte), nonce (12), ciphertext with tag. Wrapped key: suite (1), generation (2),
nonce (12), key with tag.
"""

import hmac
import json
import os
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from json.encoder import encode_basestring
from struct import Struct
from typing import Final, Literal
from uuid import UUID

from cryptography.exceptions import InvalidTag

from service.store.vault_keys import BY_NUMBER, Generation, KeyRing, KeySource, VaultKeysMissing

Fields = Mapping[str, str | None]
Kind = Literal["phone", "account", "name", "id_number", "login"]

_NONCE: Final = 12
_HEAD: Final = Struct(">BH")
_CHECK: Final = b"tuition escrow vault"
_CHINA: Final = re.compile(r"\A(?:\+|00)86(?=\d{11}\Z)")
_DOTS: Final = str.maketrans(dict.fromkeys("•・‧∙⋅.", "·"))


class Unopened(ValueError):  # noqa: N818 - says what became of a blob
    """A blob or a wrapped key was changed, belongs elsewhere, or was sealed under another key."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed row stands: its table, whom it speaks of, and its own key."""

    table: str
    subject: UUID
    row: UUID

    def bound(self, suite: bytes) -> bytes:
        """Return what a seal is bound to (AAD)."""
        return bound(suite, self.table, self.subject, self.row)


class Vault:
    """Seals, opens and indexes personal data under the keys of one key ring."""

    def __init__(self, ring: KeyRing, source: KeySource | None = None) -> None:
        """Use these keys; the newest generation seals.

        Where their `source` is known, a generation that comes later is used as soon as it is there.
        """
        self._source = source
        self._use(ring)

    def _use(self, ring: KeyRing) -> None:
        self._ring = ring
        current = ring.current
        self._suite, self._kek = current.suite, current.aead
        self._sealed_head = bytes((current.suite.number,))
        self._wrapped_head = _HEAD.pack(current.suite.number, current.number)
        self._index = ring.index_key

    def __repr__(self) -> str:
        """Name the generation that seals."""
        return f"Vault({self._ring.current.number})"

    @property
    def ring(self) -> KeyRing:
        """The keys it works with."""
        return self._ring

    def seal(
        self, subject: UUID, table: str, fields: Fields, row: UUID | None = None
    ) -> tuple[bytes, bytes]:
        """Seal one row's personal fields; return the blob and its wrapped key.

        `row` is the row's own key where the subject has several rows.
        """
        return self.seal_many([(Place(table, subject, row or subject), fields)])[0]

    def seal_many(self, rows: Sequence[tuple[Place, Fields]]) -> list[tuple[bytes, bytes]]:
        """Seal rows, each under a data key of its own, with chance drawn once for all of them."""
        return self.seal_placed(
            lambda suite: [(place.bound(suite), written(fields)) for place, fields in rows],
            len(rows),
        )

    def seal_placed(
        self, placed: Callable[[bytes], Sequence[tuple[bytes, str]]], count: int
    ) -> list[tuple[bytes, bytes]]:
        """Seal as many rows as `placed` makes for a suite: what each is bound to, and its text.

        This is the way of rows by the thousand: nothing is made for a row but its seal.
        """
        if self._source is not None and self._source.changed():
            self._follow(self._source)
        size = self._suite.key_bytes
        each = size + 2 * _NONCE
        chance = os.urandom(each * count)
        head, wrapped_head, of, wrap = (
            self._sealed_head,
            self._wrapped_head,
            self._suite.of,
            self._kek.encrypt,
        )
        made: list[tuple[bytes, bytes]] = []
        starts = range(0, each * count, each)
        for start, (placed_at, text) in zip(starts, placed(head), strict=True):
            key = chance[start : start + size]
            nonce = chance[start + size : start + size + _NONCE]
            outer = chance[start + size + _NONCE : start + each]
            blob = of(key).encrypt(nonce, text.encode(), placed_at)
            wrapped = wrap(outer, key, wrapped_head + placed_at)
            made.append((head + nonce + blob, wrapped_head + outer + wrapped))
        return made

    def open(
        self,
        subject: UUID,
        table: str,
        sealed: bytes,
        wrapped_key: bytes,
        row: UUID | None = None,
    ) -> dict[str, str | None]:
        """Return a row's personal fields; raises `Unopened`."""
        place = Place(table, subject, row or subject)
        key = self._unwrapped(place, sealed[:1], wrapped_key)
        suite = BY_NUMBER[sealed[0]]
        try:
            written = suite.of(key).decrypt(
                sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], place.bound(sealed[:1])
            )
        except (InvalidTag, ValueError) as error:
            raise Unopened(table) from error
        fields: dict[str, str | None] = json.loads(written)
        return fields

    def rewrapped(self, place: Place, suite: bytes, wrapped_key: bytes) -> bytes:
        """Wrap a data key anew by the newest generation; `suite` is the blob's first byte.

        Raises `Unopened`.
        """
        key = self._unwrapped(place, suite, wrapped_key)
        nonce = os.urandom(_NONCE)
        aad = self._wrapped_head + place.bound(suite)
        return self._wrapped_head + nonce + self._kek.encrypt(nonce, key, aad)

    def blind(self, kind: Kind, value: str) -> bytes:
        """Return the blind index of a value: equal for values that mean the same, else not."""
        meant = f"{kind}\0{normalised(kind, value)}"
        return hmac.digest(self._index, meant.encode(), "sha256")

    def check_of(self, number: int) -> tuple[bytes, bytes]:
        """Return what tells a generation and the index key from any other, and nothing of them."""
        sealed = self._ring.generations[number].aead.encrypt(bytes(_NONCE), b"", _CHECK)
        return sealed, sha256(hmac.digest(self._index, _CHECK, "sha256")).digest()

    def _unwrapped(self, place: Place, suite: bytes, wrapped_key: bytes) -> bytes:
        if not suite or suite[0] not in BY_NUMBER or len(wrapped_key) < _HEAD.size + _NONCE:
            raise Unopened(place.table)
        head, nonce = wrapped_key[: _HEAD.size], wrapped_key[_HEAD.size : _HEAD.size + _NONCE]
        number, generation = _HEAD.unpack(head)
        held = self._held(generation)
        if held is None or held.suite.number != number:
            raise Unopened(place.table)
        try:
            return held.aead.decrypt(
                nonce, wrapped_key[_HEAD.size + _NONCE :], head + place.bound(suite)
            )
        except (InvalidTag, ValueError) as error:
            raise Unopened(place.table) from error

    def _held(self, number: int) -> Generation | None:
        """Return a generation; a newer one than is known is looked for where the keys lie."""
        if self._source is not None and number > self._ring.current.number:
            self._follow(self._source)
        return self._ring.generations.get(number)

    def _follow(self, source: KeySource) -> None:
        """Use the keys as they lie there now; one that cannot be used stops nobody who has some."""
        with suppress(VaultKeysMissing, OSError):
            self._use(source.load())


def bound(suite: bytes, table: str, subject: UUID, row: UUID) -> bytes:
    """Return what a seal is bound to (AAD): suite, table, subject and row, of known lengths."""
    whom = subject.bytes
    where = whom if row is subject else row.bytes
    return b"|".join((suite, table.encode(), whom, where))


def written(fields: Fields) -> str:
    """Write fields as canonical JSON: names in order, no blanks, letters as they are."""
    return writer(tuple(fields))([*fields.values()])


@cache
def writer(names: tuple[str, ...]) -> Callable[[Sequence[str | None]], str]:
    """Return what writes the values of these fields as canonical JSON."""
    order = sorted(range(len(names)), key=names.__getitem__)
    form = "{" + ",".join([f'"{names[place]}":%s' for place in order]) + "}"

    def write(values: Sequence[str | None]) -> str:
        told = [values[place] for place in order]
        return form % tuple(["null" if text is None else encode_basestring(text) for text in told])

    return write


def generation_of(wrapped_key: bytes) -> int:
    """Return the generation that a data key is wrapped by."""
    number: int = _HEAD.unpack(wrapped_key[: _HEAD.size])[1]
    return number


def normalised(kind: Kind, value: str) -> str:
    """Write a value as all that mean the same are written.

    A phone is its digits, of China without the country; an account and an id number have no
    blanks and no small letters; a name has no blanks, one sort of dot and one case, a login name
    one case.
    """
    plain = unicodedata.normalize("NFKC", value)
    if kind == "login":
        return plain.strip().casefold()
    if kind == "phone":
        digits = re.sub(r"[^\d+]", "", plain)
        return _CHINA.sub("", digits).lstrip("+")
    if kind == "name":
        return re.sub(r"\s", "", plain).translate(_DOTS).casefold()
    return re.sub(r"[\s-]", "", plain).upper()
