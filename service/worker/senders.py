"""Senders: how a notice leaves for somebody who is not looking into the app.

A sender is told ids only; who they are it looks up where personal data rests. It may be told the
same notice twice, after a crash between sending and noting it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog

log = structlog.get_logger("service.worker")


@dataclass(frozen=True, slots=True)
class Message:
    """A notice to send: its id, to whom, and about what (a lesson, a claim …)."""

    notice: UUID
    recipient: UUID
    subject: UUID


class Sender(Protocol):
    """A way to reach guardians and institutions, by its channel."""

    @property
    def channel(self) -> str:
        """The notices it takes: LOG or HTTP."""
        ...

    async def send(self, messages: Sequence[Message]) -> Sequence[str | None]:
        """Send; return for each, in order, a code that proves its delivery, None when it failed."""
        ...


class LogSender:
    """Writes an event per batch instead of sending: for demonstrations and tests."""

    channel = "LOG"

    async def send(self, messages: Sequence[Message]) -> Sequence[str | None]:
        """Count every message as delivered."""
        log.info("notices.sent", channel=self.channel, count=len(messages))
        return ["LOGGED"] * len(messages)
