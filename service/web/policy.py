"""Policies: which roles a route is for. A route without one keeps the application from starting."""

import uuid
from dataclasses import dataclass
from typing import Any, Final

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.handlers.http_handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from ledger.refusals import NotAuthenticated, VerbForbidden
from service.identity import tokens
from service.identity.callers import Role

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
    """Guard of every route: find the caller by its bearer token and ask the route's policy.

    Raises `NotAuthenticated` or `VerbForbidden`.
    """
    rule: Policy = handler.opt["policy"]
    connection.scope["state"]["request_id"] = uuid.uuid4().hex
    if rule.public:
        return
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated
    async with connection.app.state.engine.connect() as database:
        caller = await tokens.caller_of(database, token.strip())
    if caller.role not in rule.roles:
        raise VerbForbidden(role=caller.role.value)
    connection.scope["state"]["caller"] = caller


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
