"""The keys of resolution packs: one that signs, and one under which identities are sealed.

Names, phones and account numbers stand in a pack only encrypted to the recipient's public key
(X25519, HKDF-SHA256, AES-256-GCM): the service needs no key that opens them. The ephemeral key and
so the whole envelope follow from the signing key, the journal's position and the institution, so
that the same position gives the same bytes.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from ledger.refusals import PackKeysMissing
from service.private_files import making_in, write_new

SIGNING: Final = "signing.pem"
RECIPIENT: Final = "recipient.pem"
RECIPIENT_PRIVATE: Final = "recipient-private.pem"
SCHEME: Final = "X25519-HKDF-SHA256-AES256GCM"
_NONCE: Final = bytes(12)
"""A key is used for one message only, so its nonce may be fixed."""


class KeyUnusable(ValueError):  # noqa: N818 - says which file cannot be used
    """A key file is not of the kind that it must be; the message names the file."""


@dataclass(frozen=True, slots=True, repr=False)
class Keys:
    """What packs of an installation are signed with, and to whom their identities are sealed."""

    signing: Ed25519PrivateKey
    recipient: X25519PublicKey

    @classmethod
    def load(cls, folder: Path | None) -> Self:
        """Read the two keys of a folder; raises `PackKeysMissing` and `KeyUnusable`."""
        if folder is None or not all((folder / n).is_file() for n in (SIGNING, RECIPIENT)):
            raise PackKeysMissing
        signing = load_pem_private_key((folder / SIGNING).read_bytes(), password=None)
        recipient = load_pem_public_key((folder / RECIPIENT).read_bytes())
        if not isinstance(signing, Ed25519PrivateKey):
            raise KeyUnusable(f"{SIGNING} is no Ed25519 key")
        if not isinstance(recipient, X25519PublicKey):
            raise KeyUnusable(f"{RECIPIENT} is no X25519 public key")
        return cls(signing, recipient)

    @property
    def public(self) -> bytes:
        """The key that signatures are verified with."""
        return self.signing.public_key().public_bytes_raw()

    @property
    def id(self) -> str:
        """A short name of the signing key."""
        return key_id(self.public)

    @property
    def recipient_id(self) -> str:
        """A short name of the recipient's key."""
        return key_id(self.recipient.public_bytes_raw())

    def signed(self, message: bytes) -> dict[str, str]:
        """Sign a message; return what `manifest.sig` says."""
        return {
            "algorithm": "Ed25519",
            "key_id": self.id,
            "public_key": self.public.hex(),
            "signature": self.signing.sign(message).hex(),
        }

    def sealed(self, message: bytes, *, context: str) -> dict[str, str]:
        """Seal a message to the recipient; `context` is never used twice for another message."""
        seed = self.signing.private_bytes_raw() + sha256(message).digest()
        ephemeral = X25519PrivateKey.from_private_bytes(_derived(seed, f"ephemeral/{context}"))
        shown = ephemeral.public_key().public_bytes_raw()
        key = _derived(ephemeral.exchange(self.recipient), _bound(context, shown))
        return {
            "scheme": SCHEME,
            "recipient": self.recipient_id,
            "context": context,
            "ephemeral": shown.hex(),
            "ciphertext": AESGCM(key).encrypt(_NONCE, message, context.encode()).hex(),
        }


def opened(envelope: str, private: bytes) -> bytes:
    """Open sealed identities with the recipient's private key (PEM); raises `KeyUnusable`.

    Raises `cryptography.exceptions.InvalidTag` when the key is another's or the text was changed.
    """
    told = json.loads(envelope)
    key = load_pem_private_key(private, password=None)
    if not isinstance(key, X25519PrivateKey):
        raise KeyUnusable("the recipient's private key is no X25519 key")
    shown = bytes.fromhex(told["ephemeral"])
    shared = key.exchange(X25519PublicKey.from_public_bytes(shown))
    secret = _derived(shared, _bound(told["context"], shown))
    context = told["context"].encode()
    return AESGCM(secret).decrypt(_NONCE, bytes.fromhex(told["ciphertext"]), context)


def make_keys(folder: Path) -> bool:
    """Make a folder of fresh keys, readable by its owner only; False when it has them already.

    What a start that was cut left behind is kept, and the rest is made.
    """
    with making_in(folder):
        if (folder / SIGNING).exists() and (folder / RECIPIENT).exists():
            return False
        folder.chmod(0o700)
        if not (folder / SIGNING).exists():
            write_new(folder / SIGNING, _private_pem(Ed25519PrivateKey.generate()))
        if not (folder / RECIPIENT).exists():
            public = _recipient_in(folder).public_key()
            spki = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            write_new(folder / RECIPIENT, spki)
    return True


def key_id(public: bytes) -> str:
    """Name a public key by the beginning of its SHA-256."""
    return sha256(public).hexdigest()[:16]


def _recipient_in(folder: Path) -> X25519PrivateKey:
    """Return the private key of a folder that lacks the public one, made where it is missing."""
    path = folder / RECIPIENT_PRIVATE
    if not path.exists():
        write_new(path, _private_pem(X25519PrivateKey.generate()))
    found = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(found, X25519PrivateKey):
        raise KeyUnusable(f"{RECIPIENT_PRIVATE} is no X25519 key")
    return found


def _private_pem(key: Ed25519PrivateKey | X25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _bound(context: str, ephemeral: bytes) -> str:
    return f"identities/{context}/{ephemeral.hex()}"


def _derived(secret: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info.encode()).derive(secret)
