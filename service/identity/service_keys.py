"""The service's own signing keys: answers to banks are signed with them, and they are published.

A folder holds one private key a file, `answers-YYYY-MM-DD.pem` (Ed25519, PKCS #8): the date is the
UTC day from which it signs. All are published at once, so a key is laid in the folder days before
its turn; the newest whose day has come signs. What was once published stays so for ever.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.identity.algorithms import ED25519
from service.private_files import making_in, write_new
from service.store.facts import Record
from service.store.rows import table_of
from service.store.tables import ServiceKey
from service.store.transact import writing

_NAME: Final = re.compile(r"answers-(\d{4}-\d{2}-\d{2})\.pem")


class SigningKeysMissing(ValueError):  # noqa: N818 - says what to lay where
    """The folder holds no key that signs today, or one that cannot be used."""


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """One of the service's keys."""

    kid: str
    signs_from: datetime
    private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        """The 32 bytes that its signatures are verified with."""
        return self.private.public_key().public_bytes_raw()


@dataclass(frozen=True, slots=True, repr=False)
class SigningKeys:
    """The keys of an installation, oldest first."""

    keys: Sequence[SigningKey]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the keys of a folder; raises `SigningKeysMissing`."""
        found = sorted(path for path in folder.glob("answers-*.pem") if _NAME.match(path.name))
        keys = cls(tuple(_read(path) for path in found))
        keys.at(datetime.now(UTC))
        return keys

    def at(self, moment: datetime) -> SigningKey:
        """Return the key that signs at a moment; raises `SigningKeysMissing`."""
        due = [key for key in self.keys if key.signs_from <= moment]
        if not due:
            raise SigningKeysMissing("no key answers-YYYY-MM-DD.pem of today or before")
        return due[-1]


def make_signing_key(
    folder: Path, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> bool:
    """Make a key in a folder that has none, readable by its owner only; tell whether it did."""
    with making_in(folder):
        if any(folder.glob("answers-*.pem")):
            return False
        written = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        write_new(folder / f"answers-{clock():%Y-%m-%d}.pem", written)
    return True


def kid_of(public: bytes) -> str:
    """Make the id of a key of ours: 80 bits of its hash."""
    digest = hashlib.sha256(ED25519.encode() + b"\0" + public).digest()
    return f"escrow-{base64.b32encode(digest[:10]).decode('ascii').lower()}"


async def publish_now(engine: AsyncEngine, keys: SigningKeys) -> None:
    """Publish the keys that are not yet."""
    known = insert(table_of(ServiceKey)).values(
        [
            {
                "kid": key.kid,
                "algorithm": ED25519,
                "public": key.public,
                "signs_from": key.signs_from,
                "published_at": datetime.now(UTC),
            }
            for key in keys.keys
        ]
    )
    async with writing(engine) as connection:
        await connection.execute(known.on_conflict_do_nothing())


async def published(connection: AsyncConnection) -> Sequence[Record]:
    """Return every key ever published, oldest first."""
    source = table_of(ServiceKey)
    found = await connection.execute(select(source).order_by(source.c.signs_from, source.c.kid))
    return [Record(row) for row in found.mappings()]


def _read(path: Path) -> SigningKey:
    named = _NAME.match(path.name)
    assert named is not None, "the folder was searched for such names"
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
        signs_from = datetime.fromisoformat(named[1]).replace(tzinfo=UTC)
    except ValueError as error:
        raise SigningKeysMissing(f"{path.name} is no usable key: {error}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise SigningKeysMissing(f"{path.name} is no Ed25519 key")
    return SigningKey(kid_of(private.public_key().public_bytes_raw()), signs_from, private)
