"""Clients: systems of regulators and institutions that get short tokens (OAuth 2, RFC 6749).

A client proves itself with a secret or a signed assertion. What its tokens are for is read from our
own tables at each grant; the request may only ask for less. A token ends after ten minutes, or at
once with the secret or key it was got with, the client, or by itself.
"""

import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.refusals import ClientRefused, ScopeRefused
from service.identity import assertions, people, tokens
from service.identity.assertions import PublicKey, Unfit
from service.identity.callers import Duty
from service.store import ids
from service.store.context import Context
from service.store.facts import Record
from service.store.rows import table_of
from service.store.tables import AccessToken, UsedAssertion
from service.store.transact import writing

SECRET_PREFIX: Final = "ess_"  # noqa: S105 - how secrets begin, not one
TOKEN_LASTS: Final = timedelta(minutes=10)
_TIMEOUT: Final = "10s"
_LIVE_MAX: Final = 20
"""Live credentials of a client that a secret is compared with."""

_CREDENTIALS: Final = text(
    """
    SELECT client.journal_id, client.client_id, client.role, client.jurisdiction_code,
           client.departments, client.institution_id, client.duties,
           held.credential_id, held.kind, held.digest, held.algorithm, held.kid, held.public_key
    FROM escrow.client AS client JOIN escrow.client_credential AS held
      USING (journal_id, client_id)
    WHERE client.journal_id = :journal AND client.client_id = :client
      AND client.state = 'ACTIVE' AND held.state = 'ACTIVE'
      AND held.not_before <= clock_timestamp() AND held.not_after > clock_timestamp()
      AND ((CAST(:kid AS text) IS NULL AND held.kind = 'SECRET') OR held.kid = :kid)
    ORDER BY held.credential_id LIMIT :live
    FOR SHARE
    """
)
_REVOKE: Final = text(
    "UPDATE escrow.access_token SET revoked_at = clock_timestamp()"
    " WHERE token_hash = :hash AND caller_id = :caller AND kind = 'ACCESS' AND revoked_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a client shows of itself: its id with a secret, or an assertion."""

    client: str | None = None
    secret: str | None = None
    assertion: str | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """A token, whose it is, the seconds it is good for, and the duties it is for."""

    client: str
    token: str
    expires_in_s: int
    duties: tuple[str, ...]


async def grant(
    engine: AsyncEngine,
    shown: Shown,
    *,
    wanted: str | None,
    audiences: frozenset[str],
    lasts: timedelta = TOKEN_LASTS,
) -> Granted:
    """Grant a client a token; `wanted` are the duties asked for, parted by blanks, or all.

    Raises `ClientRefused` or `ScopeRefused`.
    """
    async with writing(engine) as connection:
        client = await _proved(connection, shown, audiences)
        scope = people.scope_of(client)
        if wanted is not None:
            scope = replace(scope, duties=_narrowed(scope.duties, wanted))
        now = await people.clock(connection)
        token = tokens.PREFIX + secrets.token_urlsafe(32)
        await connection.execute(
            insert(table_of(AccessToken)).values(
                token_hash=tokens.digest(token),
                caller_id=public_id(client),
                role=client.role,
                scope=scope.written(),
                issued_at=now,
                expires_at=now + lasts,
                kind="ACCESS",
                credential_id=client.credential_id,
            )
        )
    return Granted(
        public_id(client), token, int(lasts.total_seconds()), tuple(sorted(scope.duties))
    )


async def revoke(engine: AsyncEngine, shown: Shown, token: str, audiences: frozenset[str]) -> str:
    """Revoke one of the client's own tokens; any other is left as it is (RFC 7009).

    Returns the client's id. Raises `ClientRefused`.
    """
    async with writing(engine) as connection:
        client = await _proved(connection, shown, audiences)
        values = {"hash": tokens.digest(token), "caller": public_id(client)}
        await connection.execute(_REVOKE, values)
    return public_id(client)


def public_id(client: Record) -> str:
    """Return a client's public id, which is the caller id of all its tokens."""
    return ids.public("cli", client.journal_id, client.client_id)


def new_secret() -> str:
    """Make a client's secret: 256 random bits, shown once."""
    return SECRET_PREFIX + secrets.token_urlsafe(32)


async def _proved(connection: AsyncConnection, shown: Shown, audiences: frozenset[str]) -> Record:
    """Return the client with the credential it proved itself with; raises `ClientRefused`."""
    await Context.doorkeeper().enter(connection, statement_timeout=_TIMEOUT)
    if shown.assertion is not None:
        return await _by_assertion(connection, shown, audiences)
    if shown.client is None or shown.secret is None:
        raise ClientRefused
    hashed = people.digest(shown.secret)
    for row in await _live(connection, shown.client, kid=None):
        if hmac.compare_digest(hashed, row.digest):
            return row
    raise ClientRefused


async def _by_assertion(
    connection: AsyncConnection, shown: Shown, audiences: frozenset[str]
) -> Record:
    """Check an assertion against the key it names and use its id up."""
    try:
        said = assertions.read(shown.assertion or "")
    except Unfit:
        raise ClientRefused from None
    if shown.client not in (None, said.client):
        raise ClientRefused
    rows = await _live(connection, said.client, kid=said.kid)
    if len(rows) != 1:
        raise ClientRefused
    (row,) = rows
    key = PublicKey(row.algorithm, row.kid, row.public_key)
    at_s = int((await people.clock(connection)).timestamp())
    try:
        proof = assertions.check(said, key, at_s=at_s, audiences=audiences)
    except Unfit:
        raise ClientRefused from None
    used = await connection.execute(
        upsert(table_of(UsedAssertion))
        .values(
            journal_id=row.journal_id,
            client_id=row.client_id,
            jti_hash=proof.jti_hash,
            expires_at=datetime.fromtimestamp(proof.expires_s, UTC),
        )
        .on_conflict_do_nothing()
    )
    if used.rowcount != 1:
        raise ClientRefused
    return row


async def _live(connection: AsyncConnection, client: str, *, kid: str | None) -> list[Record]:
    """Return the client with each live secret of it, or with its live key of this id."""
    try:
        journal, client_id = ids.parse("cli", client)
    except ValueError:
        journal, client_id = 0, UUID(int=0)
    values = {"journal": journal, "client": client_id, "kid": kid, "live": _LIVE_MAX}
    found = await connection.execute(_CREDENTIALS, values)
    return [Record(row) for row in found.mappings()]


def _narrowed(held: frozenset[Duty], wanted: str) -> frozenset[Duty]:
    """Return the duties asked for; raises `ScopeRefused` for one that the client does not have."""
    asked = frozenset(wanted.split())
    if not asked or not asked <= {duty.value for duty in held}:
        raise ScopeRefused(scope=wanted if wanted.isascii() else None)
    return frozenset(Duty(duty) for duty in asked)
