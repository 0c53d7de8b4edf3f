"""How a bank signs: the other side of `signatures.py`, for the demonstration and for trials.

docs/bank-signing.md says the same in words, with test vectors.
"""

import base64
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from service.identity import message_signatures
from service.identity.algorithms import ED25519
from service.identity.signatures import READS, TAG, normalised

LABEL: Final = "sig"
LIFETIME_S: Final = 120


@dataclass(frozen=True, slots=True)
class ToSign:
    """A request as it will be sent; `path` and `query` (without "?") are percent-encoded."""

    method: str
    authority: str
    path: str
    query: str = ""
    body: bytes = b""
    content_type: str | None = None
    idempotency_key: str | None = None


def _nonce() -> str:
    return base64.urlsafe_b64encode(os.urandom(18)).decode("ascii")


@dataclass(frozen=True, slots=True, repr=False)
class BankSigner:
    """A bank's key, its id, and the two things that make each signature another."""

    kid: str
    sign: Callable[[bytes], bytes]
    algorithm: str = ED25519
    clock: Callable[[], float] = time.time
    nonce: Callable[[], str] = _nonce

    def headers(self, request: ToSign) -> dict[str, str]:
        """Return the headers to send with a request, those that it covers among them."""
        sent: dict[str, str] = {}
        if request.content_type is not None:
            sent["content-type"] = request.content_type
        if request.method not in READS:
            sent["content-digest"] = message_signatures.digest_of(request.body)
        if request.idempotency_key is not None:
            sent["idempotency-key"] = request.idempotency_key
        values = (
            ('"@method"', request.method),
            ('"@authority"', normalised(request.authority)),
            ('"@path"', request.path),
            ('"@query"', f"?{request.query}"),
            *((f'"{name}"', value) for name, value in sent.items()),
        )
        created = int(self.clock())
        written = message_signatures.input_of(
            [component for component, _ in values],
            {
                "created": created,
                "expires": created + LIFETIME_S,
                "nonce": self.nonce(),
                "keyid": self.kid,
                "alg": self.algorithm,
                "tag": TAG,
            },
        )
        signature = self.sign(message_signatures.base_of(values, written))
        return sent | {
            "signature-input": f"{LABEL}={written}",
            "signature": f"{LABEL}={message_signatures.written_bytes(signature)}",
        }
