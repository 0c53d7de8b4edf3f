"""Senders of short messages (短信): codes and invitations, to a phone that is known only here.

A message is a template and its values, as gateways register them. Messages leave after what they
tell of was committed, in tasks of their own: whoever asked for one learns nothing of its fate, and
no log ever holds a phone or a value.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import httpx
import structlog

log = structlog.get_logger("service.identity")

TRIES_MAX: Final = 3
TIMEOUT_S: Final = 5.0
AT_ONCE: Final = 16
WAITING_MAX: Final = 2_000
"""Messages that wait to be sent; more than that are dropped, as a gateway that hangs would."""
INBOX_MAX: Final = 1_000
_PAUSE_S: Final = 0.2
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Template(StrEnum):
    """What a message says; the gateway holds the words."""

    LOGIN_CODE = "LOGIN_CODE"
    GUARDIAN_INVITED = "GUARDIAN_INVITED"
    NOTICE = "NOTICE"


@dataclass(frozen=True, slots=True)
class Text:
    """A message to one phone (E.164)."""

    id: str
    phone: str = field(repr=False)
    template: Template
    values: Mapping[str, str] = field(repr=False)


class Sender(Protocol):
    """A way to reach a phone."""

    async def send(self, text: Text) -> bool:
        """Hand a message over; tell whether it was taken."""
        ...


@dataclass(frozen=True, slots=True)
class Kept:
    """A message in the development inbox."""

    text: Text
    at: datetime


class LogSender:
    """Logs that a message would be sent, and nothing of it: where there is no gateway."""

    def __init__(self) -> None:
        """Say at the start that nobody will get a code."""
        log.warning("text.no_gateway", hint="set ESCROW_SMS_URL and ESCROW_SMS_TOKEN")

    async def send(self, text: Text) -> bool:
        """Count the message as sent."""
        log.info("text.sent", sender="log", template=text.template.value)
        return True


class InboxSender:
    """Keeps the latest messages in memory for demonstrations, where no phone rings."""

    def __init__(self) -> None:
        """Start empty."""
        self._kept: deque[Kept] = deque(maxlen=INBOX_MAX)

    async def send(self, text: Text) -> bool:
        """Keep the message."""
        self._kept.append(Kept(text, datetime.now(UTC)))
        return True

    def of(self, phone: str) -> Sequence[Kept]:
        """Return what a phone got, newest first."""
        return [kept for kept in reversed(self._kept) if kept.text.phone == phone]


class HttpSender:
    """Posts messages to a gateway as JSON: `{"id", "phone", "template", "values"}`.

    The token is read from its file for each message, so that it can be rotated. Redirects are not
    followed. Tried again are only what the gateway says to (429, 5xx) and lost connections; the id
    stays the same, for the gateway to tell a message that it has already.
    """

    def __init__(
        self, url: str, token: Path, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """Use a gateway; ValueError for one that is neither HTTPS nor on this machine."""
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
            raise ValueError("a gateway is reached by HTTPS")
        self._url, self._token = url, token
        self._http = httpx.AsyncClient(
            timeout=TIMEOUT_S, follow_redirects=False, trust_env=False, transport=transport
        )

    async def send(self, text: Text) -> bool:
        """Post a message; False once it was refused or three tries failed."""
        body = {
            "id": text.id,
            "phone": text.phone,
            "template": text.template.value,
            "values": dict(text.values),
        }
        for attempt in range(TRIES_MAX):
            if attempt:
                await asyncio.sleep(_PAUSE_S * 2**attempt)
            status = await self._post(body)
            if status is not None and not _is_passing(status):
                return httpx.codes.is_success(status)
        return False

    async def _post(self, body: Mapping[str, object]) -> int | None:
        """Return the gateway's status, None where there was no answer."""
        token = (await asyncio.to_thread(self._token.read_text)).strip()
        headers = {"Authorization": f"Bearer {token}"}
        try:
            answer = await self._http.post(self._url, json=body, headers=headers)
        except httpx.HTTPError as error:
            log.warning("text.unanswered", error=type(error).__name__)
            return None
        return answer.status_code

    async def close(self) -> None:
        """Close the connections to the gateway."""
        await self._http.aclose()


def _is_passing(status: int) -> bool:
    """Tell whether a gateway may answer otherwise soon."""
    return status == httpx.codes.TOO_MANY_REQUESTS or httpx.codes.is_server_error(status)


class Outbox:
    """Messages on their way: a few at once, not too many waiting, each logged without its words."""

    def __init__(self, sender: Sender) -> None:
        """Send by this sender."""
        self.sender = sender
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._sending: set[asyncio.Task[None]] = set()

    def put(self, text: Text) -> None:
        """Send a message soon; the caller is not told what becomes of it."""
        if len(self._sending) >= WAITING_MAX:
            log.error("text.dropped", template=text.template.value)
            return
        task = asyncio.get_running_loop().create_task(self._send(text))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def settle(self) -> None:
        """Wait until everything has left."""
        while self._sending:
            await asyncio.wait(set(self._sending))

    async def drain(self) -> None:
        """Let everything leave, then the gateway; for an orderly stop."""
        await self.settle()
        if isinstance(self.sender, HttpSender):
            await self.sender.close()

    async def _send(self, text: Text) -> None:
        async with self._turns:
            try:
                taken = await self.sender.send(text)
            except (OSError, ValueError) as error:
                log.error("text.failed", template=text.template.value, error=type(error).__name__)  # noqa: TRY400 - a trace would show the message
                return
        if not taken:
            log.warning("text.refused", template=text.template.value)
