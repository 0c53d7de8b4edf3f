"""Authentication: the one place that finds out who calls.

The guard hands over what a request shows and gets a `Caller` or a refusal back. Each way to prove
oneself is a branch here; none trusts anything the request merely says about itself.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import NotAuthenticated
from service.identity import tokens
from service.identity.callers import Caller


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a request shows of its caller.

    `path` is as sent, still percent-encoded; `query` is without its "?"; header names are in lower
    case; `body` reads the raw bytes, once for all who ask.
    """

    method: str
    authority: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Callable[[], Awaitable[bytes]]


async def authenticate(request: RequestFacts, database: AsyncConnection) -> Caller:
    """Return who calls; raises `NotAuthenticated`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated
    return await tokens.caller_of(database, token.strip())
