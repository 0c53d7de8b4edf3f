"""Key-encryption keys (密钥加密密钥): generations of them, their cipher suites, where they lie.

A key-encryption key never meets personal data: it wraps the data key of each subject. Keys lie in a
folder, a file a generation that only the service's account may read, beside the key of the blind
indexes. The newest generation wraps; older ones still unwrap until nothing is wrapped by them.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from service.private_files import making_in, write_new

INDEX: Final = "index.key"
INDEX_BYTES: Final = 32
GENERATIONS_MAX: Final = 65_535
_TAG_BYTES: Final = 16
_NAMED: Final = re.compile(r"kek-(\d{5})\.key")
_PRIVATE: Final = 0o077


class VaultKeysMissing(RuntimeError):  # noqa: N818 - says what is wrong with the keys
    """The keys are not there, are open to others, or are not the ones of this database."""


class Aead(Protocol):
    """Authenticated encryption under one key; the nonce has 12 bytes."""

    def encrypt(self, nonce: bytes, data: bytes, aad: bytes, /) -> bytes:
        """Return the ciphertext with its tag."""
        ...

    def decrypt(self, nonce: bytes, data: bytes, aad: bytes, /) -> bytes:
        """Return what was encrypted; raises `InvalidTag`."""
        ...


class Sm4Gcm:
    """SM4-GCM (国密): the same promises as AES-GCM, with a key of 128 bits."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        """Take a key of 16 bytes."""
        self._cipher = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, aad: bytes, /) -> bytes:
        """Return the ciphertext with its tag."""
        sealing = Cipher(self._cipher, modes.GCM(nonce)).encryptor()
        sealing.authenticate_additional_data(aad)
        return sealing.update(data) + sealing.finalize() + sealing.tag

    def decrypt(self, nonce: bytes, data: bytes, aad: bytes, /) -> bytes:
        """Return what was encrypted; raises `InvalidTag`."""
        if len(data) < _TAG_BYTES:
            raise InvalidTag
        tag = data[-_TAG_BYTES:]
        opening = Cipher(self._cipher, modes.GCM(nonce, tag)).decryptor()
        opening.authenticate_additional_data(aad)
        return opening.update(data[:-_TAG_BYTES]) + opening.finalize()


@dataclass(frozen=True, slots=True)
class Suite:
    """A cipher suite: its number in what it sealed, its name, and the bytes of its keys."""

    number: int
    name: str
    key_bytes: int
    of: Callable[[bytes], Aead]


AES_256_GCM: Final = Suite(1, "AES-256-GCM", 32, AESGCM)
SM4_GCM: Final = Suite(2, "SM4-GCM", 16, Sm4Gcm)
SUITES: Final = {suite.name: suite for suite in (AES_256_GCM, SM4_GCM)}
BY_NUMBER: Final = {suite.number: suite for suite in SUITES.values()}


@dataclass(frozen=True, slots=True)
class Generation:
    """One key-encryption key, ready for use; `number` counts from 1."""

    number: int
    suite: Suite
    aead: Aead


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The key-encryption keys by generation, and the key of the blind indexes."""

    generations: Mapping[int, Generation]
    index_key: bytes

    def __repr__(self) -> str:
        """Name the generations and nothing of the keys."""
        return f"KeyRing({sorted(self.generations)})"

    @property
    def current(self) -> Generation:
        """The newest generation, which wraps."""
        return self.generations[max(self.generations)]


class Unwrapping(Protocol):
    """A key management service (KMS): what it wrapped it gives back, once, at the start."""

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the key that a file of the folder holds wrapped."""
        ...


class KeySource:
    """The folder that keys are read from, and whether another one came since."""

    def __init__(self, folder: Path, kms: Unwrapping | None = None) -> None:
        """Read from this folder, whose files a KMS may have wrapped."""
        self._folder, self._kms = folder, kms
        self._seen_ns = -1

    def changed(self) -> bool:
        """Tell whether a file came or went since the keys were read."""
        return self._changed_ns() != self._seen_ns

    def load(self) -> KeyRing:
        """Read the keys; raises `VaultKeysMissing`."""
        self._seen_ns = self._changed_ns()
        return load(self._folder, self._kms)

    def _changed_ns(self) -> int:
        try:
            return self._folder.stat().st_mtime_ns
        except OSError:
            return self._seen_ns


def generation(number: int, key: bytes, suite: Suite = AES_256_GCM) -> Generation:
    """Make a generation from the bytes of its key; raises `VaultKeysMissing` for a wrong length."""
    if len(key) != suite.key_bytes:
        raise VaultKeysMissing(f"generation {number} is no key of {suite.name}")
    return Generation(number, suite, suite.of(key))


def load(folder: Path, kms: Unwrapping | None = None) -> KeyRing:
    """Read the keys of a folder; with a KMS its files hold them wrapped.

    Raises `VaultKeysMissing`.
    """
    found = {}
    for path in sorted(_files(folder)):
        suite, key = _read(path, kms)
        number = int(path.name[4:9])
        found[number] = generation(number, key, SUITES[suite])
    index = folder / INDEX
    if not found or not index.is_file():
        raise VaultKeysMissing(f"{folder} must hold {INDEX} and a key such as kek-00001.key")
    _, index_key = _read(index, kms)
    if len(index_key) != INDEX_BYTES:
        raise VaultKeysMissing(f"{index} is no key of {INDEX_BYTES} bytes")
    return KeyRing(found, index_key)


def make(folder: Path) -> bool:
    """Make the first keys of a folder, unless it has some; return whether they were made."""
    with making_in(folder):
        if any(_files(folder)):
            return False
        if not (folder / INDEX).exists():
            _write(folder / INDEX, "HMAC-SHA256", secrets.token_bytes(INDEX_BYTES))
        add(folder)
    return True


def add(folder: Path, suite: Suite = AES_256_GCM) -> int:
    """Make the next generation of a folder; return its number."""
    numbers = [int(path.name[4:9]) for path in _files(folder)]
    number = max(numbers, default=0) + 1
    if number > GENERATIONS_MAX:
        raise VaultKeysMissing(f"{folder} holds as many generations as can be counted")
    _write(path_of(folder, number), suite.name, secrets.token_bytes(suite.key_bytes))
    return number


def path_of(folder: Path, number: int) -> Path:
    """Return where a generation lies."""
    return folder / f"kek-{number:05d}.key"


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if _NAMED.fullmatch(path.name)]


def _read(path: Path, kms: Unwrapping | None) -> tuple[str, bytes]:
    """Read a key that only its owner can read: its suite's name, and its bytes as hex."""
    if path.stat().st_mode & _PRIVATE:
        raise VaultKeysMissing(f"{path} must be readable by its owner alone (chmod 600)")
    words = path.read_text(encoding="ascii").split()
    if len(words) != 2 or words[0] not in {*SUITES, "HMAC-SHA256"}:  # noqa: PLR2004 - name, key
        raise VaultKeysMissing(f"{path} is no key of the vault")
    try:
        key = bytes.fromhex(words[1])
    except ValueError:
        raise VaultKeysMissing(f"{path} is no key of the vault") from None
    return words[0], key if kms is None else kms.unwrap(key)


def _write(path: Path, suite: str, key: bytes) -> None:
    write_new(path, f"{suite} {key.hex()}\n".encode("ascii"))
