"""Policies: which roles a route is for. A route without one keeps the application from starting."""

import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.handlers.http_handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from ledger.refusals import VerbForbidden
from service.identity.authentication import RequestFacts, authenticate
from service.identity.callers import Role
from service.web.bodies import raw_body

STAFF: Final = (Role.REGULATOR, Role.OPERATOR, Role.AUDITOR)


@dataclass(frozen=True, slots=True)
class Policy:
    """The roles a route is for; a public one asks for no token at all."""

    roles: frozenset[Role]
    public: bool = False


def policy(*roles: Role, body_max: int | None = None) -> dict[str, Any]:
    """Route options: the roles it is for and, where not 64 KiB, its largest body in bytes."""
    assert roles, "a route is for somebody"
    options: dict[str, Any] = {"policy": Policy(frozenset(roles))}
    if body_max is not None:
        options["body_max"] = body_max
    return options


def public() -> dict[str, Any]:
    """Route options of a route that anyone may call."""
    return {"policy": Policy(frozenset(), public=True)}


async def authorize(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """Guard of every route: find the caller and ask the route's policy.

    Raises `NotAuthenticated` or `VerbForbidden`.
    """
    rule: Policy = handler.opt["policy"]
    connection.scope["state"]["request_id"] = uuid.uuid4().hex
    if rule.public:
        return
    assert isinstance(connection, Request), "every route speaks HTTP"
    async with connection.app.state.engine.connect() as database:
        caller = await authenticate(facts_of(connection), database)
    if caller.role not in rule.roles:
        raise VerbForbidden(role=caller.role.value)
    connection.scope["state"]["caller"] = caller


def facts_of(request: Request[Any, Any, Any]) -> RequestFacts:
    """Return what a request shows of its caller; a header sent twice reads "first, second"."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in request.scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return RequestFacts(
        method=request.method,
        authority=headers.get("host", ""),
        path=request.scope["raw_path"].partition(b"?")[0].decode("latin-1"),
        query=request.scope["query_string"].decode("latin-1"),
        headers=headers,
        body=partial(raw_body, request),
    )


def routes(app: Litestar) -> list[tuple[str, str, HTTPRouteHandler]]:
    """Every (method, path, handler) of the application's own routes."""
    return [
        (method, route.path_format, handler)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in sorted(handler.http_methods - {"OPTIONS", "HEAD"})
    ]


def require_policies(app: Litestar) -> None:
    """Refuse to start with a route that declares no policy."""
    missing = [f"{m} {path}" for m, path, h in routes(app) if "policy" not in h.opt]
    assert not missing, f"routes without a policy: {missing}"
