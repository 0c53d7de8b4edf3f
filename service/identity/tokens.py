"""Bearer tokens: random, shown once, kept as SHA-256 only, revocable at once.

A token is `esk_` and 256 random bits. Its scope names a jurisdiction, and where the role asks for
it the one institution, bank or party; the journals in scope are looked up at each use, so a
district added later is seen by its city at once.
"""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, LargeBinary, RowMapping, bindparam, insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.chain import canonical_json
from ledger.refusals import NotAuthenticated
from service.identity.callers import DUTIES, Caller, Duty, Role
from service.store import ids
from service.store.rows import table_of
from service.store.tables import AccessToken

PREFIX: Final = "esk_"
_BINDING: Final = {
    Role.INSTITUTION: frozenset({"institution"}),
    Role.BANK: frozenset({"bank"}),
    Role.PARENT: frozenset({"party", "parent"}),
}
"""What the scope of a bound role names, one of these at least."""

_FIND: Final = text(
    """
    SELECT given.token_hash, found.* FROM unnest(:hashes) AS given(token_hash) CROSS JOIN LATERAL (
        WITH asking AS MATERIALIZED (
            SELECT token.caller_id, token.role, token.scope, home.path,
                   token.role IN ('regulator', 'operator', 'auditor') AS is_staff,
                   token.scope::json ->> 'bank' AS bank,
                   (token.scope::json ->> 'parent')::uuid AS parent,
                   token.session_id, token.device_id, token.authenticated_at,
                   token.last_seen_at < clock_timestamp() - interval '30 seconds' AS is_unseen
            FROM escrow.access_token AS token
            JOIN escrow.jurisdiction AS home ON home.code = token.scope::json ->> 'jurisdiction'
            WHERE token.token_hash = given.token_hash AND token.revoked_at IS NULL
              AND token.expires_at > clock_timestamp()
              AND (token.last_seen_at IS NULL
                   OR token.last_seen_at > clock_timestamp() - interval '15 minutes')
        ), sight AS MATERIALIZED (
            SELECT unnest(CASE WHEN is_staff THEN escrow.scope_paths(path) ELSE ARRAY[path] END)
                   COLLATE "C" AS scope, role
            FROM asking WHERE parent IS NULL
        ), below AS (
            SELECT node.journal_id, node.code, node.path, sight.scope
            FROM sight JOIN escrow.jurisdiction AS node
              ON node.path >= sight.scope AND node.path < sight.scope || chr(127)
            WHERE node.journal_id IS NOT NULL AND (node.path = sight.scope OR starts_with(node.path,
                  sight.scope || CASE WHEN length(sight.scope) < 6 THEN '' ELSE '~' END))
        ), above AS (
            SELECT nearest.journal_id, nearest.code, nearest.path, sight.scope
            FROM sight CROSS JOIN LATERAL (
                SELECT node.journal_id, node.code, node.path FROM escrow.jurisdiction AS node
                WHERE node.journal_id IS NOT NULL AND starts_with(sight.scope,
                      node.path || CASE WHEN length(node.path) < 6 THEN '' ELSE '~' END)
                ORDER BY length(node.path) DESC LIMIT 1) AS nearest
            WHERE sight.role <> 'bank' AND NOT EXISTS (
                SELECT 1 FROM escrow.jurisdiction AS own
                WHERE own.path = sight.scope AND own.journal_id IS NOT NULL)
        )
        SELECT asking.caller_id, asking.role, asking.scope, asking.path,
               asking.session_id, asking.device_id, asking.authenticated_at, asking.is_unseen,
               (SELECT json_agg(json_build_array(link.journal_id, link.party_id))
                FROM escrow.linked_parties(asking.parent) AS link) AS links,
               (SELECT array_agg(scope) FROM sight) AS paths,
               asking.is_staff AND EXISTS (SELECT 1 FROM above) AS is_narrowed,
               (SELECT array_agg(DISTINCT node.journal_id ORDER BY node.journal_id)
                FROM (SELECT * FROM below UNION ALL SELECT * FROM above) AS node
                WHERE asking.role <> 'bank' OR EXISTS (
                      SELECT 1 FROM escrow.jurisdiction_bank AS chosen
                      WHERE chosen.jurisdiction_code = node.code AND chosen.bank_code = asking.bank)
               ) AS journals
        FROM asking
    ) AS found
    """
).bindparams(bindparam("hashes", type_=ARRAY(LargeBinary)))
"""The journals of a scope are those of the nodes below it and below the codes it succeeded. One
without a journal of its own has its part of the nearest above it. A session ends 15 minutes after
it was seen last, give or take the half minute that not every request is written for."""

_SEE: Final = text(
    "UPDATE escrow.access_token SET last_seen_at = clock_timestamp()"
    " WHERE token_hash = ANY(:hashes)"
).bindparams(bindparam("hashes", type_=ARRAY(LargeBinary)))


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token is for; `jurisdiction` is a code, ids are UUIDs within its journal.

    `parent` is a person, who sees through the guardians they are linked to at each use; `party` is
    one guardian for good.
    """

    jurisdiction: str
    departments: tuple[str, ...] | None = None
    institution: UUID | None = None
    bank: str | None = None
    party: UUID | None = None
    parent: UUID | None = None
    journal: int | None = None
    duties: frozenset[Duty] = frozenset()

    def written(self) -> str:
        """Write the scope as canonical JSON, leaving out what is not bound."""
        bound: dict[str, Any] = {"jurisdiction": self.jurisdiction}
        if self.departments is not None:
            bound["departments"] = list(self.departments)
        if self.institution is not None:
            bound["institution"] = str(self.institution)
        if self.bank is not None:
            bound["bank"] = self.bank
        if self.party is not None:
            bound["party"] = str(self.party)
        if self.parent is not None:
            bound["parent"] = str(self.parent)
        if self.journal is not None:
            bound["journal"] = self.journal
        if self.duties:
            bound["duties"] = sorted(self.duties)
        return canonical_json(bound)


def digest(token: str) -> bytes:
    """SHA-256 of a token; enough for 256 random bits."""
    return hashlib.sha256(token.encode()).digest()


async def issue(  # noqa: PLR0913 - what a token says
    connection: AsyncConnection,
    *,
    caller_id: str,
    role: Role,
    scope: Scope,
    issued_at: datetime,
    expires_at: datetime,
) -> str:
    """Make a token and return it; only its digest stays."""
    return (
        await issue_many(
            connection, [(caller_id, role, scope)], issued_at=issued_at, expires_at=expires_at
        )
    )[0]


async def issue_many(
    connection: AsyncConnection,
    callers: list[tuple[str, Role, Scope]],
    *,
    issued_at: datetime,
    expires_at: datetime,
) -> list[str]:
    """Make a token for each of (caller id, role, scope), in order."""
    made = [PREFIX + secrets.token_urlsafe(32) for _ in callers]
    await connection.execute(
        insert(table_of(AccessToken)),
        [
            {
                "token_hash": digest(token),
                "caller_id": caller_id,
                "role": role.value,
                "scope": scope.written(),
                "issued_at": issued_at,
                "expires_at": expires_at,
            }
            for token, (caller_id, role, scope) in zip(made, callers, strict=True)
        ],
    )
    return made


async def revoke(connection: AsyncConnection, *, caller_id: str, at: datetime) -> int:
    """Revoke every live token of a caller; return how many there were."""
    source = table_of(AccessToken)
    result = await connection.execute(
        update(source)
        .where(source.c.caller_id == caller_id, source.c.revoked_at.is_(None))
        .values(revoked_at=at)
    )
    return int(result.rowcount)


async def caller_of(connection: AsyncConnection, token: str) -> Caller:
    """Return the caller a token belongs to; raises `NotAuthenticated`."""
    hashed = digest(token)
    found = await callers_of(connection, [hashed])
    if not token.startswith(PREFIX) or hashed not in found:
        raise NotAuthenticated
    return found[hashed]


async def callers_of(connection: AsyncConnection, hashes: Sequence[bytes]) -> dict[bytes, Caller]:
    """Return the callers that tokens of these digests belong to; a token that is no good has none.

    A session that was not seen for half a minute is noted as seen.
    """
    rows = (await connection.execute(_FIND, {"hashes": list(hashes)})).mappings().all()
    sound = [row for row in rows if _is_sound(Role(row["role"]), json.loads(row["scope"]))]
    unseen = [row["token_hash"] for row in sound if row["is_unseen"]]
    if unseen:
        await connection.execute(_SEE, {"hashes": sorted(unseen)})
    return {row["token_hash"]: _caller(row) for row in sound}


def _caller(row: RowMapping) -> Caller:
    scope = json.loads(row["scope"])
    links = row["links"] or []
    journals = tuple(row["journals"] or sorted({journal for journal, _ in links}))
    if "journal" in scope:
        journals = tuple(journal for journal in journals if journal == scope["journal"])
    return Caller(
        id=row["caller_id"],
        role=Role(row["role"]),
        journals=journals,
        path="" if "parent" in scope else row["path"],
        departments=tuple(scope["departments"]) if "departments" in scope else None,
        institution=UUID(scope["institution"]) if "institution" in scope else None,
        bank=scope.get("bank"),
        parties=_parties(scope, links),
        parent=UUID(scope["parent"]) if "parent" in scope else None,
        duties=frozenset(Duty(duty) for duty in scope.get("duties", ())),
        paths=tuple(row["paths"] or ()),
        areas=tuple(row["paths"]) if row["is_narrowed"] else None,
        session=_bound(row, "ses", "session_id"),
        device=_bound(row, "dev", "device_id"),
        authenticated_at=row["authenticated_at"],
    )


def _bound(row: RowMapping, prefix: str, column: str) -> str | None:
    """Return the public id of a person's session or device, which stand where the person does."""
    if row[column] is None or not row["caller_id"].startswith("prs_"):
        return None
    return ids.public(prefix, ids.parse("prs", row["caller_id"])[0], row[column])


def _is_sound(role: Role, scope: dict[str, Any]) -> bool:
    """Tell whether a scope binds whom its role binds: without it they would see a whole journal."""
    binding = _BINDING.get(role, frozenset())
    return (not binding or not binding.isdisjoint(scope)) and DUTIES[role] >= set(
        scope.get("duties", ())
    )


def _parties(scope: dict[str, Any], links: list[tuple[int, str]]) -> tuple[UUID, ...]:
    """Return the guardians a parent sees through: the one it is bound to, or those linked now."""
    if "party" in scope:
        return (UUID(scope["party"]),)
    return tuple(sorted({UUID(party) for _, party in links}))
