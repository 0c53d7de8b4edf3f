"""Connections: how long, and how large, the head of a request may be before anything reads it.

The server's own protocol waits for a head for ever, on as many connections as there are, and takes
one of any size; here all three end. What stands in front of the service may be stricter, never has
to be.
"""

import asyncio
from typing import ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_MAX: Final = 32 * 1024
"""Bytes of the request line and all headers; a signed request has about 2 KiB of them."""
HEAD_WITHIN_S: Final = 10
"""Seconds from the connection, or a request's first byte, to the end of its head."""
WAITING_MAX: Final = 1_000
"""Connections that bring no head: whoever only opens connections closes others of his own kind."""

_TOO_LARGE: Final = b"431 Request Header Fields Too Large"
_TOO_SLOW: Final = b"408 Request Timeout"


class BoundedConnection(HttpToolsProtocol):
    """One connection, whose every request has to bring its head in time and in bounds."""

    head_max = HEAD_MAX
    head_within_s: float = HEAD_WITHIN_S  # a delay
    waiting_max = WAITING_MAX
    _waiting: ClassVar[dict["BoundedConnection", None]] = {}
    """Connections whose head has not come, the one that waits longest first."""
    _in_head = True
    _head_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first head from now on."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take in what came; a head that has not ended by now has its bytes counted."""
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.head_max:
                self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin a head: of a later request on the same connection, its time begins too."""
        super().on_message_begin()
        if not self._in_head:
            self._in_head, self._head_bytes = True, 0
            self._expect()

    def on_headers_complete(self) -> None:
        """End the head."""
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def give_up(self) -> None:
        """Wait no longer for a head."""
        self._refuse(_TOO_SLOW)

    def _expect(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(self.head_within_s, self._refuse, _TOO_SLOW)
        self._waiting[self] = None
        if len(self._waiting) > self.waiting_max:
            next(iter(self._waiting)).give_up()

    def _stop_waiting(self) -> None:
        self._waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: bytes) -> None:
        self._stop_waiting()
        if not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            self.transport.close()
