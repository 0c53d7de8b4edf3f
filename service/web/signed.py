"""Signed answers: whoever signs a request gets its answer signed, problems as well.

The signature covers "@status", "content-digest" and the request's own signature, so that an answer
cannot be passed off as that to another request. Where nobody was recognised (401) there is nobody
to sign for.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from service.identity import message_signatures
from service.identity.algorithms import ED25519
from service.identity.bank_signer import ANSWER_TAG
from service.identity.service_keys import SigningKeys
from service.store.evidence import Evidence

TAG: Final = ANSWER_TAG
LABEL: Final = "escrow"


def answer_headers(
    proof: Evidence,
    status: int,
    body: bytes,
    keys: SigningKeys,
    *,
    now: float,  # seconds
) -> list[tuple[bytes, bytes]]:
    """Return the headers that sign an answer to a signed request."""
    key = keys.at(datetime.fromtimestamp(now, UTC))
    digest = message_signatures.digest_of(body)
    values = (
        ('"@status"', str(status)),
        ('"content-digest"', digest),
        (
            f'"signature";req;key="{proof.label}"',
            message_signatures.written_bytes(proof.signature),
        ),
    )
    written = message_signatures.input_of(
        [component for component, _ in values],
        {"created": int(now), "keyid": key.kid, "alg": ED25519, "tag": TAG},
    )
    signature = key.private.sign(message_signatures.signature_base(values, written))
    return [
        (b"content-digest", digest.encode("ascii")),
        (b"signature-input", f"{LABEL}={written}".encode("ascii")),
        (
            b"signature",
            f"{LABEL}={message_signatures.written_bytes(signature)}".encode("ascii"),
        ),
    ]


class SignedAnswers:
    """ASGI middleware that holds an answer to a signed request back until it can be signed."""

    def __init__(self, app: ASGIApp, clock: Callable[[], float] = time.time) -> None:
        """Stand before an application."""
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on; an answer of one signed request comes whole."""
        if scope["type"] != ScopeType.HTTP or not _bears_signature(scope):
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _Held(scope, send, self._clock))


class _Held:
    """Takes the messages of one answer and sends them on when the last has come."""

    def __init__(self, scope: Scope, send: Send, clock: Callable[[], float]) -> None:
        self._scope = scope
        self._send = send
        self._clock = clock
        self._start: Any = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = bytes(self._body)
        self._start["headers"] = [*self._start["headers"], *self._signed(body)]
        await self._send(self._start)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    def _signed(self, body: bytes) -> list[tuple[bytes, bytes]]:
        proof: Evidence | None = self._scope["state"].get("signature")
        keys: SigningKeys | None = self._scope["litestar_app"].state.signing_keys
        if proof is None or keys is None:
            return []
        return answer_headers(proof, self._start["status"], body, keys, now=self._clock())


def _bears_signature(scope: Scope) -> bool:
    return any(name == b"signature" for name, _ in scope["headers"])
