"""Recording: no command is answered, and no caller denied, that the audit trail does not tell of.

What was decided in a journal, and reference data, is recorded by the store in the transaction of
the act. What is left over is recorded here, in a transaction of its own, before the answer is
sent: acts outside of any journal, and whatever was denied before it came to a decision.
"""

from http import HTTPStatus
from typing import Any, Final

import structlog
from litestar import Request
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from service.failpoints import Point, reach
from service.identity.callers import Caller
from service.store.audit import Kind, Noted
from service.store.trail import Trail
from service.web.attempts import attempt_of, caller_of
from service.web.denials import FAULTS, Denials

RECORDED_KEY: Final = "recorded"
"""Set where the store has recorded the request, or where there is nothing to record."""
_CHANGING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_DENIED: Final = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
)
_REFUSED: Final = frozenset({HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})
_NO_OBJECT: Final = "route_unknown"

log = structlog.get_logger("service.audit")


class Recording:
    """ASGI middleware that records what the store has not."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap the application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Record once it is known what the answer is, and before it is sent."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return

        changing = scope["method"] in _CHANGING

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                await _record(Request(scope), message["status"])
                if changing:
                    reach(Point.ANSWER_READY)
            await send(message)
            if changing and message["type"] == "http.response.body":
                reach(Point.ANSWER_SENT)

        await self.app(scope, receive, told)


async def _record(request: Request[Any, Any, Any], status: int) -> None:
    state: dict[str, Any] = request.scope["state"]
    if state.get(RECORDED_KEY) or request.route_handler.opt.get("counted") is False:
        return
    changing = request.method in _CHANGING
    code = str(state.get("problem_code", ""))
    try:
        if status < HTTPStatus.BAD_REQUEST:
            if changing:
                trail: Trail = request.app.state.store.trail
                await trail.note(_noted(request, Kind.ACT, "done"))
        elif _is_denied(status, code) or (changing and status in _REFUSED):
            denials: Denials = request.app.state.denials
            stranger = state.get("caller") is None
            await denials.note(_noted(request, Kind.DENIED, code), stranger=stranger)
    except FAULTS:
        log.exception("audit.not_recorded", requests=1)


def _is_denied(status: int, code: str) -> bool:
    return status in _DENIED or (status == HTTPStatus.NOT_FOUND and code != _NO_OBJECT)


def _noted(request: Request[Any, Any, Any], kind: Kind, outcome: str) -> Noted:
    caller: Caller | None = request.scope["state"].get("caller")
    journals: tuple[int, ...] = () if caller is None else caller.journals
    return Noted(
        kind,
        caller_of(request),
        attempt_of(request),
        outcome=outcome or "refused",
        in_journal=journals[0] if len(journals) == 1 else None,
    )
