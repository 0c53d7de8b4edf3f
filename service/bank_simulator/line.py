"""The line to the service: signed requests, sent again under their key until they are answered."""

import asyncio
import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from service.bank_simulator.signing import BankKey, digest_of, is_answer

PATIENCE_S: Final = 60
PAUSE_S: Final = 0.5
_OPEN: Final = frozenset({429, 502, 503, 504})
_IN_FLIGHT: Final = "idempotency_in_flight"


class NotAnswered(RuntimeError):  # noqa: N818 - says what is the matter
    """The service gave no answer for as long as the patience lasts, or one that is not its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service said."""

    status: int
    body: Any

    @property
    def code(self) -> str:
        """The problem's code, or the word "done"."""
        return "done" if self.status < httpx.codes.BAD_REQUEST else str(self.body.get("code"))


@dataclass(slots=True)
class Line:
    """A bank's line: its key, and the keys that answers must be signed with."""

    http: httpx.AsyncClient
    key: BankKey
    service_keys: dict[str, bytes] = field(default_factory=dict)
    requests: int = 0

    async def learn(self) -> None:
        """Read the keys that the service answers with."""
        published = (await self.http.get("/v1/keys")).raise_for_status().json()
        self.service_keys = {
            key["kid"]: base64.b64decode(key["public_key"]) for key in published["items"]
        }

    async def get(self, target: str) -> Answer:
        """Read; `target` is path and query."""
        return await self._answered("GET", target, b"", {})

    async def post(self, path: str, body: Any, *, key: str) -> Answer:  # noqa: ANN401 - JSON
        """Send a command under its key."""
        content = json.dumps(body, ensure_ascii=False).encode()
        return await self.upload(path, content, "application/json", key=key)

    async def upload(self, path: str, body: bytes, content_type: str, *, key: str) -> Answer:
        """Send bytes under a key."""
        sent = {
            "content-type": content_type,
            "content-digest": digest_of(body),
            "idempotency-key": key,
        }
        return await self._answered("POST", path, body, sent)

    async def _answered(
        self, method: str, target: str, body: bytes, sent: dict[str, str]
    ) -> Answer:
        deadline = time.monotonic() + PATIENCE_S
        while (answer := await self._sent(method, target, body, sent)) is None:
            if time.monotonic() > deadline:
                raise NotAnswered(f"{method} {target}: no answer for {PATIENCE_S} s")
            await asyncio.sleep(PAUSE_S)
        return answer

    async def _sent(
        self, method: str, target: str, body: bytes, sent: dict[str, str]
    ) -> Answer | None:
        """Send once, signed anew; None when it is not known what became of it."""
        request = self.http.build_request(method, target, content=body or None, headers=sent)
        target_sent = request.url.raw_path.decode("ascii")
        signed = self.key.signed(method, request.headers["host"], target_sent, sent)
        request.headers.update(signed)
        try:
            answer = await self.http.send(request)
        except httpx.TransportError:
            return None
        self.requests += 1
        told = answer.json()
        if answer.status_code in _OPEN or told.get("code") == _IN_FLIGHT:
            return None
        ours = is_answer(
            signed["signature"],
            answer.status_code,
            answer.headers,
            answer.content,
            self.service_keys,
        )
        if not ours and answer.status_code != httpx.codes.UNAUTHORIZED:
            raise NotAnswered(f"{target}: the answer is not signed by the service")
        return Answer(answer.status_code, told)
