"""How this bank signs its requests and knows the service's answers, as docs/bank-signing.md says.

Written from the page and not from the service's code: a second opinion of it.
"""

import base64
import hashlib
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

ALGORITHM: Final = "ed25519"
LIFETIME_S: Final = 120
COVERED: Final = ("content-type", "content-digest", "idempotency-key")
_ANSWERED: Final = '("@status" "content-digest" "signature";req;key="sig")'


def base64_of(value: bytes) -> str:
    """Write bytes in base64."""
    return base64.b64encode(value).decode("ascii")


def digest_of(body: bytes) -> str:
    """Write the Content-Digest of a body."""
    return f"sha-256=:{base64_of(hashlib.sha256(body).digest())}:"


@dataclass(frozen=True, slots=True, repr=False)
class BankKey:
    """A bank's key and the id that its public half has."""

    bank: str
    private: Ed25519PrivateKey

    @classmethod
    def of_seed(cls, bank: str, seed: bytes) -> Self:
        """Make the key of 32 bytes."""
        return cls(bank, Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def in_file(cls, bank: str, path: Path) -> Self:
        """Read the seed, 64 hexadecimal digits; raises ValueError for anything else."""
        return cls.of_seed(bank, bytes.fromhex(path.read_text("ascii").strip()))

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return self.private.public_key().public_bytes_raw()

    @property
    def keyid(self) -> str:
        """Bank, "-", base32 of the first ten bytes of the hash of algorithm and public key."""
        digest = hashlib.sha256(ALGORITHM.encode() + b"\0" + self.public).digest()[:10]
        return f"{self.bank}-{base64.b32encode(digest).decode().lower()}"

    def signed(
        self, method: str, authority: str, target: str, sent: Mapping[str, str]
    ) -> dict[str, str]:
        """Return the two headers that sign a request; `target` is path and query as sent."""
        path, _, query = target.partition("?")
        lines = {
            "@method": method,
            "@authority": authority.lower().removesuffix(":443").removesuffix(":80"),
            "@path": path,
            "@query": f"?{query}",
        }
        lines |= {name: sent[name] for name in COVERED if name in sent}
        now = int(time.time())
        written = (
            "(" + " ".join(f'"{name}"' for name in lines) + ")"
            f';created={now};expires={now + LIFETIME_S};nonce="{base64_of(os.urandom(18))}"'
            f';keyid="{self.keyid}";alg="{ALGORITHM}";tag="escrow-bank-v1"'
        )
        base = "".join(f'"{name}": {value}\n' for name, value in lines.items())
        signature = self.private.sign(f'{base}"@signature-params": {written}'.encode())
        return {
            "signature-input": f"sig={written}",
            "signature": f"sig=:{base64_of(signature)}:",
        }


def is_answer(
    signature: str, status: int, headers: Mapping[str, str], body: bytes, keys: Mapping[str, bytes]
) -> bool:
    """Tell whether the service signed this answer, to the request with this Signature header."""
    written = headers.get("signature-input", "").removeprefix("escrow=")
    digest = digest_of(body)
    if not written.startswith(_ANSWERED) or headers.get("content-digest") != digest:
        return False
    public = keys.get(written.partition('keyid="')[2].partition('"')[0])
    base = (
        f'"@status": {status}\n"content-digest": {digest}\n'
        f'"signature";req;key="sig": {signature.removeprefix("sig=")}\n'
        f'"@signature-params": {written}'
    )
    value = headers.get("signature", "").removeprefix("escrow=").strip(":")
    if public is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(value), base.encode())
    except (InvalidSignature, ValueError):
        return False
    return True
