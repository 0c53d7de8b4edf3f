"""How a bank signs: the other side of `signatures.py`, for the demonstration and for trials.

docs/bank-signing.md says the same in words, with test vectors.
"""

import base64
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from service.identity import message_signatures
from service.identity.algorithms import ED25519, algorithms
from service.identity.signatures import READS, TAG, normalised

LABEL: Final = "sig"
LIFETIME_S: Final = 120
ANSWER_TAG: Final = "escrow-service-v1"


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


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


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
        signature = self.sign(message_signatures.signature_base(values, written))
        return sent | {
            "signature-input": f"{LABEL}={written}",
            "signature": f"{LABEL}={message_signatures.written_bytes(signature)}",
        }


def is_answer_to(signed: str, answer: Answer, keys: Mapping[str, bytes]) -> bool:
    """Tell whether an answer was signed by the service, and as that to this very request.

    `signed` is the request's Signature header, `keys` the service's public keys by id.
    """
    try:
        given = message_signatures.members(
            answer.headers.get("signature-input", ""), answer.headers.get("signature", "")
        )
        [member] = [one for one in given if one.parameters.get("tag") == ANSWER_TAG]
        label, _, value = signed.partition("=")
        values = {
            '"@status"': str(answer.status),
            '"content-digest"': answer.headers["content-digest"],
            f'"signature";req;key="{label}"': value,
        }
        digest = message_signatures.digest_in(answer.headers["content-digest"])
        base = message_signatures.signature_base(
            [(n, values[n]) for n in member.covered], member.written
        )
    except (message_signatures.Unreadable, KeyError, ValueError):
        return False
    if digest is None or not message_signatures.is_digest_of(digest, answer.body):
        return False
    public = keys.get(str(member.parameters.get("keyid")))
    whole = set(member.covered) == set(values)
    verifies = algorithms()[ED25519].verifies
    return public is not None and whole and verifies(public, base, member.signature)
