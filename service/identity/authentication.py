"""Authentication: the one place that finds out who calls.

The guard hands over what a request shows and gets a `Caller` or a refusal back. Each way to prove
oneself is a branch here; none trusts anything the request merely says about itself.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from ledger.refusals import NotAuthenticated, SignatureRequired
from service.identity.callers import Caller, Role
from service.identity.front_desk import FrontDesk
from service.identity.signatures import BankRequests
from service.store.spooled import Spooled


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What a request shows of its caller.

    `path` is as sent, still percent-encoded; `query` is without its "?"; header names are in lower
    case; `body` reads the raw bytes, once for all who ask, a large file into a temporary one.
    """

    method: str
    authority: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Callable[[], Awaitable[bytes | Spooled]]


@dataclass(frozen=True, slots=True)
class Doors:
    """The ways in that an installation opens: signed requests of banks, bearer tokens of others.

    `bank_tokens` lets a bank in by a bearer token as well; for tests and trials only.
    """

    banks: BankRequests
    tokens: FrontDesk
    bank_tokens: bool = False


async def authenticate(request: RequestFacts, database: AsyncEngine, doors: Doors) -> Caller:
    """Return who calls; raises `NotAuthenticated` or what is wrong with a signature.

    `database` commits each statement by itself. A request that bears a signature is never let in
    by anything else.
    """
    if "signature-input" in request.headers or "signature" in request.headers:
        async with database.connect() as connection:
            return await doors.banks.caller_of(request, connection)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NotAuthenticated
    caller = await doors.tokens.caller_of(token.strip())
    if caller.role is Role.BANK and not doors.bank_tokens:
        raise SignatureRequired
    return caller
