"""Senders: how a notice leaves for somebody who is not looking into the app.

A sender is told ids only; who they are it looks up where personal data rests. It may be told the
same notice twice, after a crash between sending and noting it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

import structlog

from service.identity import senders
from service.identity.one_time_codes import e164
from service.identity.senders import Template, Text
from service.store import rows
from service.store.context import Context
from service.store.tables import Party
from service.store.transact import Store

log = structlog.get_logger("service.worker")

FAILED_MAX: Final = senders.AT_ONCE
"""Failures in a row after which a batch gives up."""


@dataclass(frozen=True, slots=True)
class Message:
    """A notice to send: its id, to whom, about what (a lesson, a claim …), and of which kind."""

    notice: UUID
    recipient: UUID
    subject: UUID
    journal: int
    kind: str


class Sender(Protocol):
    """A way to reach guardians and institutions, by its channel."""

    @property
    def channel(self) -> str:
        """The notices it takes."""
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


class GatewaySender:
    """Sends guardians' notices to their phones by the gateway for short messages.

    It takes the place of the log. Institutions, whose systems ask for theirs, are told there. A
    gateway that fails again and again keeps the worker from nothing else: the rest of the batch
    waits for the next round.
    """

    channel = "LOG"

    def __init__(self, store: Store, gateway: senders.Sender) -> None:
        """Look phones up in this store, and send by this gateway."""
        self._store, self._gateway = store, gateway

    async def send(self, messages: Sequence[Message]) -> Sequence[str | None]:
        """Send a few at a time; a phone that takes no short message proves nothing."""
        phones = await self._phones(messages)
        turns, failed = asyncio.Semaphore(senders.AT_ONCE), 0

        async def one(message: Message) -> str | None:
            nonlocal failed
            if message.recipient not in phones:
                return "LOGGED"
            phone = phones[message.recipient]
            async with turns:
                if phone is None or failed >= FAILED_MAX:
                    return None
                values = {"kind": message.kind}
                taken = await self._taken(Text(message.notice.hex, phone, Template.NOTICE, values))
                failed = 0 if taken else failed + 1
                return "SENT" if taken else None

        sent = await asyncio.gather(*(one(message) for message in messages))
        log.info("notices.sent", channel="gateway", count=sum(proof == "SENT" for proof in sent))
        return sent

    async def _taken(self, text: Text) -> bool:
        try:
            return await self._gateway.send(text)
        except OSError as error:  # The token's file cannot be read.
            log.warning("notices.unsent", error=type(error).__name__)
            return False

    async def _phones(self, messages: Sequence[Message]) -> dict[UUID, str | None]:
        """Return the recipients who have a phone on file, None for one that is no mobile."""
        found: dict[UUID, str | None] = {}
        for journal in {message.journal for message in messages}:
            recipients = {each.recipient for each in messages if each.journal == journal}
            wanted = rows.keyed(Party, journal, recipients, "party_id")
            async with self._store.reading(Context((journal,))) as connection:
                known = await rows.fetch_opened(connection, Party, wanted)
            found |= {row["party_id"]: _mobile(row["phone"]) for row in known if row["phone"]}
        return found


def _mobile(phone: str) -> str | None:
    try:
        return e164(phone)
    except ValueError:
        return None
