"""What the audit trail says of a request: who asked, from where, for which operation, on what.

Of parents no address is kept, nor of anybody without a login more than the network: the trail is
for ten years, and where a family's telephone was is not what it is for. Staff and systems act for
an office, and their address stands with what they did.
"""

import re
from ipaddress import IPv4Network, ip_network
from typing import Any, Final

from litestar import Request

from service.identity.callers import Caller, Role
from service.store.audit import Attempt
from service.web.ceilings import source_of

STRANGER: Final = "anonymous"
"""Caller and role of who has not shown who it is."""
CALLER_KEY: Final = "audit_caller"
"""Where a public route says on whom it acted: the person that logged in, or tried to."""

_NAMED: Final = re.compile(r"[a-z]{3}_[a-z0-9_]{1,60}|[A-Za-z0-9~-]{1,10}")
"""Public ids and codes; what else a path may say is not copied, and nothing as long as a phone."""
_NEIGHBOURHOOD: Final = (24, 48)
"""Bits of an IPv4 and an IPv6 address that are kept of strangers."""


def attempt_of(request: Request[Any, Any, Any]) -> Attempt:
    """Describe a request by what has been found out about it so far."""
    state = request.scope["state"]
    caller: Caller | None = state.get("caller")
    return Attempt(
        operation=operation_of(request),
        role=STRANGER if caller is None else caller.role.value,
        request_id=state.get("request_id"),
        duties="" if caller is None else ",".join(sorted(duty.value for duty in caller.duties)),
        credential=None if caller is None else _credential(caller),
        source=_source(request, caller),
        object=_object(request),
        request_hash=state.get("request_hash"),
    )


def caller_of(request: Request[Any, Any, Any]) -> str:
    """Return who is told of as the one who asked."""
    state: dict[str, Any] = request.scope["state"]
    caller: Caller | None = state.get("caller")
    return str(state.get(CALLER_KEY, STRANGER)) if caller is None else caller.id


def operation_of(request: Request[Any, Any, Any]) -> str:
    """Return the operation id of the route, or its handler's name where it has none."""
    handler = request.route_handler
    found = getattr(handler, "operation_id", None)
    return found if isinstance(found, str) else str(handler.handler_name)


async def provide_attempt(request: Request[Any, Any, Any]) -> Attempt:
    """Give a route what the audit trail says of it."""
    return attempt_of(request)


def neighbourhood(source: str) -> str:
    """Return the network that an address is in: all that is kept of a stranger."""
    try:
        found = ip_network(source, strict=False)
    except ValueError:
        return "unknown"
    bits = _NEIGHBOURHOOD[0] if isinstance(found, IPv4Network) else _NEIGHBOURHOOD[1]
    return str(found.supernet(new_prefix=bits) if found.prefixlen > bits else found)


def _source(request: Request[Any, Any, Any], caller: Caller | None) -> str | None:
    if caller is None:
        return neighbourhood(source_of(request))
    return None if caller.role is Role.PARENT else source_of(request)


def _credential(caller: Caller) -> str | None:
    return caller.session if caller.signature is None else caller.signature.kid


def _object(request: Request[Any, Any, Any]) -> str | None:
    """Return the last id or code in the path: of what the request is about."""
    named = [str(value) for value in request.path_params.values()]
    return named[-1] if named and _NAMED.fullmatch(named[-1]) else None
