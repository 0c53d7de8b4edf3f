"""Banks' signed requests: our profile of RFC 9421, tag `escrow-bank-v1`.

The signer does not choose what is covered. Every request covers "@method", "@authority", "@path"
and "@query"; "content-digest" whenever the method is not GET or HEAD, of no bytes too; "content-
digest", "content-type" and "idempotency-key" whenever they are sent; nothing else, each once, in
any order. The parameters are created, expires (at most 300 s later), nonce (at least 128 bits),
keyid, alg and tag. A read has no body. docs/bank-signing.md is the same for a bank's engineer.
"""

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import (
    AuthorityUnknown,
    ContentDigestWrong,
    SignatureIncomplete,
    SignatureMalformed,
    SignatureUntimely,
    SignatureWrong,
    SigningKeyNotValid,
    SigningKeyUnknown,
)
from service.identity import message_signatures
from service.identity.algorithms import algorithms
from service.identity.bank_keys import BankKey, KnownKeys
from service.identity.callers import Caller
from service.identity.message_signatures import Member, Unreadable
from service.store import evidence
from service.store.evidence import Evidence
from service.store.spooled import Spooled

if TYPE_CHECKING:
    from service.identity.authentication import RequestFacts

TAG: Final = "escrow-bank-v1"
VALID_S: Final = 300
"""The longest time from created to expires."""
AHEAD_S: Final = 30
"""How far a bank's clock may be ahead of ours."""
NONCE_KEPT: Final = timedelta(minutes=10)
"""How long a nonce is remembered after its signature has expired."""

READS: Final = frozenset({"GET", "HEAD"})
ALWAYS: Final = ("@method", "@authority", "@path", "@query")
WHEN_SENT: Final = ("content-type", "content-digest", "idempotency-key")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
PARAMETERS: Final = {
    "created": int,
    "expires": int,
    "nonce": str,
    "keyid": str,
    "alg": str,
    "tag": str,
}

_NONCE: Final = re.compile(r"[A-Za-z0-9+/_=-]{22,88}")
_KEY_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,80}")
_DEFAULT_PORT: Final = re.compile(r":(80|443)\Z")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signature claims, before anything of it is believed."""

    kid: str
    algorithm: str
    nonce: str
    created: int
    expires: int
    base: bytes
    signature: bytes
    label: str


class BankRequests:
    """Finds out which bank signed a request that came to one of our `authorities`."""

    def __init__(
        self, authorities: Iterable[str], *, clock: Callable[[], float] = time.time
    ) -> None:
        """Believe requests to these names of ours only; without any, none."""
        self.authorities = frozenset(normalised(name) for name in authorities)
        self.keys = KnownKeys()
        self._clock = clock

    async def caller_of(self, request: "RequestFacts", database: AsyncConnection) -> Caller:
        """Return the bank that signed; the caller carries the evidence.

        `database` commits each statement by itself: the nonce of a read is spent here, that of
        anything else in the unit of work. Raises what docs/bank-signing.md lists.
        """
        now = self._clock()
        claim = claim_of(request, self.authorities, now=int(now))
        key = await self.keys.find(database, claim.kid)
        if key is None:
            raise SigningKeyUnknown(kid=claim.kid)
        if fault := key.fault(datetime.fromtimestamp(now, UTC)):
            raise SigningKeyNotValid(reason=fault)
        await _verify(claim, key)
        body = await _body_of(request)
        proved = _proved(claim, key, body, datetime.fromtimestamp(now, UTC))
        if request.method in READS:
            await spend_now(database, proved)
        return replace(key.caller, signature=proved)


async def spend_now(database: AsyncConnection, proved: Evidence) -> None:
    """Spend the nonce of what changes nothing, a read or a dry run.

    Raises `SignatureReplayed` or, where the key was revoked this moment, `SigningKeyNotValid`.
    """
    [refusal] = await evidence.spend(database, [proved], durable=False)
    if refusal is not None:
        raise refusal


def claim_of(request: "RequestFacts", authorities: frozenset[str], *, now: int) -> Claim:
    """Read what a request's signature claims, and check all that needs no key."""
    member = _member_of(request.headers)
    told = _parameters_of(member)
    _check_cover(request, member)
    _check_time(told["created"], told["expires"], now)
    values = values_of(request)
    if normalised(request.authority) not in authorities:
        raise AuthorityUnknown
    try:
        base = message_signatures.signature_base(
            [(name, values[name[1:-1]]) for name in member.covered], member.written
        )
    except Unreadable as error:
        raise SignatureMalformed(field=str(error)) from None
    return Claim(
        kid=told["keyid"],
        algorithm=told["alg"],
        nonce=told["nonce"],
        created=told["created"],
        expires=told["expires"],
        base=base,
        signature=member.signature,
        label=member.label,
    )


def required(method: str, headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the components that a request must cover, no more and no less."""
    sent = [name for name in WHEN_SENT if name in headers]
    if method not in READS and "content-digest" not in sent:
        sent.append("content-digest")
    return (*ALWAYS, *sent)


def values_of(request: "RequestFacts") -> dict[str, str]:
    """Return the value of each component that a request may cover (RFC 9421 section 2)."""
    derived = {
        "@method": request.method,
        "@authority": normalised(request.authority),
        "@path": request.path or "/",
        "@query": f"?{request.query}",
    }
    sent = {name: request.headers[name].strip() for name in WHEN_SENT if name in request.headers}
    return derived | sent


def normalised(authority: str) -> str:
    """Write a host as "@authority" has it: in lower case, without a default port."""
    return _DEFAULT_PORT.sub("", authority.strip().lower())


def _member_of(headers: Mapping[str, str]) -> Member:
    """Return the one signature with our tag; other tags are for others, such as proxies."""
    try:
        given = message_signatures.members(
            headers.get("signature-input", ""), headers.get("signature", "")
        )
    except Unreadable as error:
        raise SignatureMalformed(field=str(error)) from None
    ours = [member for member in given if member.parameters.get("tag") == TAG]
    if len(ours) != 1:
        raise SignatureMalformed(reason="one_signature_with_our_tag", found=len(ours))
    return ours[0]


def _parameters_of(member: Member) -> dict[str, Any]:
    told = dict(member.parameters)
    for name, kind in PARAMETERS.items():
        if type(told.get(name)) is not kind:
            raise SignatureMalformed(parameter=name)
    if len(told) != len(PARAMETERS):
        raise SignatureMalformed(parameter=min(set(told) - set(PARAMETERS)))
    if not _NONCE.fullmatch(told["nonce"]):
        raise SignatureMalformed(parameter="nonce")
    if not _KEY_ID.fullmatch(told["keyid"]):
        raise SignatureMalformed(parameter="keyid")
    return told


def _check_time(created: int, expires: int, now: int) -> None:
    if not 0 < expires - created <= VALID_S:
        raise SignatureUntimely(reason="valid_for_too_long", valid_s_max=VALID_S)
    if created > now + AHEAD_S:
        raise SignatureUntimely(reason="from_the_future")
    if expires <= now:
        raise SignatureUntimely(reason="expired")


def _check_cover(request: "RequestFacts", member: Member) -> None:
    wanted = {f'"{name}"' for name in required(request.method, request.headers)}
    covered = set(member.covered)
    if missing := wanted - covered:
        raise SignatureIncomplete(missing=min(missing).strip('"'))
    if extra := covered - wanted:
        raise SignatureIncomplete(not_asked_for=min(extra).strip('"')[:80])
    if "content-digest" not in request.headers and request.method not in READS:
        raise SignatureIncomplete(not_sent="content-digest")


async def _verify(claim: Claim, key: BankKey) -> None:
    """Verify with the key's own algorithm, which the signature must have declared."""
    known = algorithms().get(key.algorithm)
    if claim.algorithm != key.algorithm or known is None:
        raise SignatureWrong(reason="algorithm")
    asked = (key.public, claim.base, claim.signature)
    right = (
        await asyncio.to_thread(known.verifies, *asked) if known.slow else known.verifies(*asked)
    )
    if not right:
        raise SignatureWrong


async def _body_of(request: "RequestFacts") -> bytes | Spooled:
    """Read the body, only now that the headers are the bank's, and compare its digest."""
    body = await request.body()
    if isinstance(body, Spooled):
        size, own = body.size, body.sha256
    else:
        size, own = len(body), hashlib.sha256(body).digest()
    if request.method in READS and size:
        raise SignatureMalformed(reason="a_read_has_no_body")
    field = request.headers.get("content-digest")
    if field is None:
        return body
    try:
        digest = message_signatures.digest_in(field)
    except Unreadable as error:
        raise SignatureMalformed(field=str(error)) from None
    if digest is None or not hmac.compare_digest(digest, own):
        raise ContentDigestWrong
    return body


def _proved(claim: Claim, key: BankKey, body: bytes | Spooled, at: datetime) -> Evidence:
    return Evidence(
        kid=key.kid,
        bank=key.bank,
        nonce=claim.nonce,
        kept_until=datetime.fromtimestamp(claim.expires, UTC) + NONCE_KEPT,
        base=claim.base,
        signature=claim.signature,
        received_at=at,
        body=body,
        label=claim.label,
    )
