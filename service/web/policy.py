"""Policies: which verb a route is, and for which roles.

A route without a policy, or for a role that has not got its verb, keeps the application from
starting. One that names no verb is for callers with every duty of their role only.
"""

import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers.base import BaseRouteHandler
from litestar.handlers.http_handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from ledger.refusals import NotAuthenticated, SignatureRefused, VerbForbidden
from service.identity.authentication import RequestFacts, authenticate
from service.identity.authorize import Ruling, authorize
from service.identity.callers import Caller, Role
from service.identity.limits import CostClass
from service.identity.verbs import MAY, Verb
from service.web.bodies import body_of
from service.web.ceilings import cost_class_of, count_caller, count_source

STAFF: Final = (Role.REGULATOR, Role.OPERATOR, Role.AUDITOR)


@dataclass(frozen=True, slots=True)
class Policy:
    """The roles a route is for and its verb; a public one asks for no token at all."""

    roles: frozenset[Role]
    verb: Verb | None = None
    public: bool = False

    def rules_out(self, caller: Caller) -> bool:
        """Tell whether the route is not for this caller, whatever object it names."""
        if caller.role not in self.roles:
            return True
        if self.verb is None:
            return bool(caller.duties)
        return authorize(caller, self.verb) is Ruling.FORBIDDEN


def policy(
    *roles: Role,
    verb: Verb | None = None,
    body_max: int | None = None,
    cost_class: CostClass | None = None,
    raw_media: frozenset[str] | None = None,
) -> dict[str, Any]:
    """Route options: the roles it is for, its verb and, where not 64 KiB, its largest body.

    `cost_class` names the limit it is counted against where its method and shape do not;
    `raw_media` the types of the file that its body is, instead of JSON.
    """
    assert roles, "a route is for somebody"
    options: dict[str, Any] = {"policy": Policy(frozenset(roles), verb)}
    if raw_media is not None:
        options["raw_media"] = raw_media
    if body_max is not None:
        options["body_max"] = body_max
    if cost_class is not None:
        options["cost_class"] = cost_class
    return options


def public(*, cost_class: CostClass | None = None, counted: bool = True) -> dict[str, Any]:
    """Route options of a route that anyone may call; counted against the caller's address."""
    options: dict[str, Any] = {"policy": Policy(frozenset(), public=True), "counted": counted}
    if cost_class is not None:
        options["cost_class"] = cost_class
    return options


async def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Guard of every route: find the caller and ask the route's policy.

    Raises `NotAuthenticated`, `RateLimited` or `VerbForbidden`; or `MethodNotAllowedException` of
    the framework for OPTIONS, which it gives every path and which no route of ours is.
    """
    connection.scope["state"]["request_id"] = uuid.uuid4().hex
    if "policy" not in handler.opt:
        await _refuse_options(connection)
    rule: Policy = handler.opt["policy"]
    if rule.public:
        if handler.opt["counted"]:
            await count_source(connection, cost_class_of(handler))
        return
    assert isinstance(connection, Request), "every route speaks HTTP"
    state = connection.app.state
    try:
        caller = await authenticate(facts_of(connection), state.finding_out, state.doors)
    except (NotAuthenticated, SignatureRefused):
        await count_source(connection, CostClass.TOKEN)
        raise
    connection.scope["state"]["signature"] = caller.signature
    # Known before anything is refused, so that the audit trail says whom it was refused.
    connection.scope["state"]["caller"] = caller
    await count_caller(connection, handler, caller)
    if rule.rules_out(caller):
        raise VerbForbidden(role=caller.role.value)


async def _refuse_options(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse OPTIONS, telling the methods that the path has."""
    await count_source(connection, CostClass.READ)
    asked = connection.scope["path_template"]
    methods = {method for method, path, _ in routes(connection.app) if path == asked}
    raise MethodNotAllowedException(headers={"allow": ", ".join(sorted(methods))})


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
        body=partial(body_of, request),
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
    """Refuse to start with a route that declares no policy, or roles that have not its verb."""
    missing = [f"{m} {path}" for m, path, h in routes(app) if "policy" not in h.opt]
    assert not missing, f"routes without a policy: {missing}"
    wider = [
        f"{method} {path}: {sorted(rule.roles - set(MAY[rule.verb]))}"
        for method, path, handler in routes(app)
        if (rule := handler.opt["policy"]).verb and not rule.roles <= set(MAY[rule.verb])
    ]
    assert not wider, f"routes for roles without the verb: {wider}"
