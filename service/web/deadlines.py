"""Deadlines: every request is answered in the time of its cost class, and none has too long a URL.

Whoever asks to read may ask again; of a command that ran out of time nobody knows the outcome but
the same key. A unit of work that has begun goes on in its own task and is finished.
"""

import asyncio
from typing import Any, Final
from urllib.parse import unquote_plus

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from ledger.refusals import Busy, HeadersTooLarge, OutcomeUnknown, RequestInvalid, UrlTooLong
from service.identity.limits import CostClass
from service.web.bodies import UNWANTED
from service.web.ceilings import cost_class_of

URL_MAX: Final = 8 * 1024
"""Bytes of the path and the query."""
HEADERS_MAX: Final = 24 * 1024
"""Bytes of the names and values of all headers."""
HEADERS_COUNT_MAX: Final = 100

ANSWERS_WITHIN_S: Final[dict[CostClass, int]] = {
    CostClass.LOGIN: 20,
    CostClass.CODE: 20,
    CostClass.TOKEN: 20,
    CostClass.READ: 45,
    CostClass.LIST: 45,
    CostClass.EXPORT: 600,
    CostClass.COMMAND: 90,
    CostClass.BATCH: 150,
}
"""Seconds until the answer begins, body and all; a command's unit of work has 60 of them."""


class Deadline:
    """ASGI middleware that ends what takes too long."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in time.

        Raises `UrlTooLong`, `HeadersTooLarge`, `Busy` or `OutcomeUnknown`; or `RequestInvalid` for
        characters in the URL that no text of a body may have either.
        """
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        _check_head(scope)
        limit = asyncio.timeout(_seconds(scope))

        async def told(message: Message) -> None:
            limit.reschedule(None)
            await send(message)

        try:
            async with limit:
                await self.app(scope, receive, told)
        except TimeoutError:
            if not limit.expired():
                raise
            changing = scope["method"] not in {"GET", "HEAD"}
            raise (OutcomeUnknown if changing else Busy) from None


def _seconds(scope: Scope) -> int:
    handler: Any = scope["route_handler"]
    declared: int | None = handler.opt.get("answers_within_s")
    return ANSWERS_WITHIN_S[cost_class_of(handler)] if declared is None else declared


def _check_head(scope: Scope) -> None:
    if len(scope["raw_path"]) + len(scope["query_string"]) > URL_MAX:
        raise UrlTooLong(bytes_max=URL_MAX)
    asked = unquote_plus(scope["query_string"].decode("latin-1"))
    if UNWANTED.search(scope["path"]) or UNWANTED.search(asked):
        raise RequestInvalid(reason="control_characters")
    headers = scope["headers"]
    size = sum(len(name) + len(value) for name, value in headers)
    if len(list(headers)) > HEADERS_COUNT_MAX or size > HEADERS_MAX:
        raise HeadersTooLarge(bytes_max=HEADERS_MAX, headers_max=HEADERS_COUNT_MAX)
