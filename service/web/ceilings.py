"""Whose limit a request is counted against, and as what: before anything is read or decided."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from litestar.handlers.http_handlers import HTTPRouteHandler

from service.identity.callers import Caller, Role
from service.identity.limits import CostClass, Kind, Limiter

NEIGHBOURS: Final = 64
"""Bits of an IPv6 address that tell subscribers apart; the rest each chooses for itself."""

_REMEMBERED: Final = 1_024
"""Peers whose address is kept as it was read: a bank's requests come from the same few."""

Network = IPv4Network | IPv6Network
Connection = ASGIConnection[Any, Any, Any, Any]


def cost_class_of(handler: BaseRouteHandler) -> CostClass:
    """Return the cost class a route declares, else the one its method and shape give it."""
    declared: CostClass | None = handler.opt.get("cost_class")
    if declared is not None:
        return declared
    assert isinstance(handler, HTTPRouteHandler), "every route speaks HTTP"
    if handler.http_methods.isdisjoint({"GET", "HEAD"}):
        batch = any(path.rstrip("/").endswith("/batch") for path in handler.paths)
        return CostClass.BATCH if batch else CostClass.COMMAND
    listed = "cursor" in handler.parsed_fn_signature.parameters
    return CostClass.LIST if listed else CostClass.READ


async def count_caller(connection: Connection, handler: BaseRouteHandler, caller: Caller) -> None:
    """Count a request against its caller's limit; raises `RateLimited`."""
    limiter: Limiter = connection.app.state.limiter
    await limiter.spend(
        subject=caller.id,
        kind=kind_of(caller),
        cost_class=cost_class_of(handler),
    )


def kind_of(caller: Caller) -> Kind:
    """Tell a person, who comes in a session or as a parent, from a system."""
    is_person = caller.session is not None or caller.role is Role.PARENT
    return Kind.PERSON if is_person else Kind.SERVICE


async def count_source(connection: Connection, cost_class: CostClass) -> None:
    """Count a request without a caller against its address's limit; raises `RateLimited`."""
    limiter: Limiter = connection.app.state.limiter
    await limiter.spend(
        subject=f"source:{source_of(connection)}", kind=Kind.SOURCE, cost_class=cost_class
    )


def source_of(connection: Connection) -> str:
    """Return the address a request comes from, "unknown" where there is none.

    `X-Forwarded-For` is believed only from a trusted proxy (`ESCROW_TRUSTED_PROXIES`), and read
    from the right: the first address that is not such a proxy's is the one that a proxy of ours
    saw. Of an IPv6 address only the subscriber's network counts.
    """
    peer = connection.client.host if connection.client else ""
    forwarded = ",".join(connection.headers.getall("x-forwarded-for", []))
    if not forwarded:
        return _source_alone(peer)
    return source(peer, forwarded, connection.app.state.settings.trusted_proxies)


def source(peer: str, forwarded: str, trusted: Sequence[Network]) -> str:
    """Return the address behind trusted proxies; `forwarded` is X-Forwarded-For's value."""
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    found = _address(peer)
    while hops and found is not None and any(found in network for network in trusted):
        before = _address(hops.pop())
        if before is None:
            break
        found = before
    if isinstance(found, IPv6Address):
        return str(ip_network((int(found) >> NEIGHBOURS << NEIGHBOURS, NEIGHBOURS)))
    return "unknown" if found is None else str(found)


@lru_cache(maxsize=_REMEMBERED)
def _source_alone(peer: str) -> str:
    """Return the address of a peer that forwards for nobody."""
    return source(peer, "", ())


def _address(written: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(written.strip("[]"))
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found
