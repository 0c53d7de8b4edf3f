"""People: how they are found by login name, what they prove themselves with, how that changes.

All of it happens at the door, before or beside any journal: a `Door` opens short transactions that
see persons and their secrets and nothing else. Names and login names are never read here; a login
name is compared by its keyed hash.
"""

import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.refusals import InvitationUnknown, LoginRefused
from service.identity import totp
from service.identity.callers import Duty, Role
from service.identity.tokens import Scope
from service.store import ids
from service.store.context import Context
from service.store.facts import Record
from service.store.rows import table_of
from service.store.tables import PersonSecret, RecoveryCode
from service.store.transact import writing
from service.store.vault import Vault
from service.store.vault_rows import vault_of

INVITED_FOR: Final = timedelta(days=7)
TRIES_MAX: Final = 10
"""Wrong codes that one ticket outlives."""

INVITATION_PREFIX: Final = "esi_"
TICKET_PREFIX: Final = "est_"
SEALED_AS: Final = "person_secret"
_TIMEOUT: Final = "10s"

_PERSON: Final = """
    SELECT person.journal_id, person.person_id, person.role, person.jurisdiction_code,
           person.departments, person.institution_id, person.duties, person.state,
           secret.login_index, secret.password_hash, secret.sealed, secret.wrapped_key,
           secret.totp_step
    FROM escrow.person_secret AS secret JOIN escrow.person AS person USING (journal_id, person_id)
"""
_BY_LOGIN: Final = text(f"{_PERSON} WHERE secret.login_index = :login")
_HELD: Final = text(
    "SELECT 1 FROM escrow.person WHERE journal_id = :journal AND person_id = :person"
    " FOR NO KEY UPDATE"
)
_LOCKED: Final = text(
    f"{_PERSON} WHERE person.journal_id = :journal AND person.person_id = :person"
    " FOR NO KEY UPDATE OF secret"
)
_TRIED: Final = text(
    "UPDATE escrow.ticket SET tries = tries + 1 WHERE ticket_hash = :hash AND purpose = :purpose"
    " AND used_at IS NULL AND expires_at > clock_timestamp() AND tries < :tries_max"
    " RETURNING ticket_hash, journal_id, person_id, password_hash, sealed, wrapped_key, device_id"
)
_USED: Final = text(
    "UPDATE escrow.ticket SET used_at = clock_timestamp()"
    " WHERE ticket_hash = :hash AND used_at IS NULL"
)
_STEP: Final = text(
    "UPDATE escrow.person_secret SET totp_step = :step"
    " WHERE journal_id = :journal AND person_id = :person AND totp_step < :step"
)
_RECOVERY: Final = text(
    "UPDATE escrow.recovery_code SET used_at = clock_timestamp() WHERE journal_id = :journal"
    " AND person_id = :person AND code_hash = :hash AND used_at IS NULL"
)
_RECOVERY_VOID: Final = text(
    "UPDATE escrow.recovery_code SET used_at = clock_timestamp()"
    " WHERE journal_id = :journal AND person_id = :person AND used_at IS NULL"
)


def _forget(_caller: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Door:
    """Where people prove who they are: the database with its vault, and the second it is.

    `notice` is told whom an attempt is about, good or not, for the audit trail.
    """

    engine: AsyncEngine
    at_s: int
    notice: Callable[[str], None] = _forget

    @property
    def vault(self) -> Vault:
        """The vault that login names and authenticators are kept by."""
        return vault_of(self.engine)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction with the doorkeeper's eyes; it commits at its end."""
        async with writing(self.engine) as connection:
            await Context.doorkeeper().enter(connection, statement_timeout=_TIMEOUT)
            yield connection

    def login_index(self, login: str) -> bytes:
        """Return the keyed hash that a login name is found by."""
        return self.vault.blind("login", login)

    def subject(self, *words: str) -> bytes:
        """Return the keyed hash that failures are counted against."""
        return self.vault.blind("login", "\0".join(("failures", *words)))

    def seal_totp(self, person: UUID, secret: str) -> tuple[bytes, bytes]:
        """Seal an authenticator's secret under a key of the person's own."""
        return self.vault.seal(person, SEALED_AS, {"totp": secret})


@dataclass(frozen=True, slots=True)
class Code:
    """The second factor: an authenticator's code, or a recovery code in its place."""

    code: str | None = None
    recovery_code: str | None = None


def digest(token: str) -> bytes:
    """SHA-256 of a random token; enough for 256 random bits."""
    return hashlib.sha256(token.encode()).digest()


def public_id(person: Record) -> str:
    """Return a person's public id, which is the caller id of all its tokens."""
    return ids.public("prs", person.journal_id, person.person_id)


def scope_of(row: Record) -> Scope:
    """Return what a person or client sees and does, as our own tables say now."""
    departments = None if row.departments is None else tuple(json.loads(row.departments))
    return Scope(
        row.jurisdiction_code,
        departments=departments,
        institution=row.institution_id,
        journal=row.journal_id if Role(row.role) is Role.INSTITUTION else None,
        duties=frozenset(Duty(duty) for duty in json.loads(row.duties)),
    )


async def by_login(connection: AsyncConnection, login_index: bytes) -> Record | None:
    """Return the person of a login name, None when nobody has it."""
    row = (await connection.execute(_BY_LOGIN, {"login": login_index})).mappings().one_or_none()
    return None if row is None else Record(row)


async def locked(connection: AsyncConnection, journal: int, person: UUID) -> Record:
    """Lock a person, then its secrets, as administrators do; return both."""
    values = {"journal": journal, "person": person}
    await connection.execute(_HELD, values)
    return Record((await connection.execute(_LOCKED, values)).mappings().one())


async def require_code(
    connection: AsyncConnection, door: Door, person: Record, given: Code
) -> None:
    """Take a code of the person's authenticator, or use up a recovery code.

    `person` is locked. Raises `LoginRefused`, also for a code of a step that was taken before.
    """
    key = {"journal": person.journal_id, "person": person.person_id}
    if given.code is None:
        used = digest(given.recovery_code or "")
        taken = await connection.execute(_RECOVERY, key | {"hash": used})
    else:
        step = matched_step(door, person, given.code, after=person.totp_step)
        taken = await connection.execute(_STEP, key | {"step": step})
    if taken.rowcount != 1:
        raise LoginRefused


def ticket_row(  # noqa: PLR0913 - the columns of a ticket
    ticket_hash: bytes,
    person: Record,
    *,
    purpose: str,
    made_by: str,
    made_at: datetime,
    lasting: timedelta,
    device: UUID | None = None,
    sealed: tuple[bytes, bytes] | None = None,
) -> dict[str, Any]:
    """Return the row of a ticket: only its digest stays."""
    return {
        "ticket_hash": ticket_hash,
        "journal_id": person.journal_id,
        "person_id": person.person_id,
        "purpose": purpose,
        "tries": 0,
        "password_hash": None,
        "sealed": None if sealed is None else sealed[0],
        "wrapped_key": None if sealed is None else sealed[1],
        "device_id": device,
        "made_by": made_by,
        "made_at": made_at,
        "expires_at": made_at + lasting,
        "used_at": None,
    }


def new_ticket(prefix: str = TICKET_PREFIX) -> str:
    """Make a ticket: 256 random bits."""
    return prefix + secrets.token_urlsafe(32)


async def clock(connection: AsyncConnection) -> datetime:
    """Return the machine's time, which no demonstration moves."""
    now: datetime | None = await connection.scalar(text("SELECT clock_timestamp()"))
    assert now is not None, "a clock tells the time"
    return now


async def try_ticket(door: Door, ticket: str, purpose: str) -> Record:
    """Count a try of a ticket and return it; raises `InvitationUnknown`.

    Counted and committed before the try is judged, so that guessing at a code comes to an end.
    """
    values = {"hash": digest(ticket), "purpose": purpose, "tries_max": TRIES_MAX}
    async with door.open() as connection:
        row = (await connection.execute(_TRIED, values)).mappings().one_or_none()
    if row is None:
        raise InvitationUnknown
    door.notice(public_id(Record(row)))
    return Record(row)


async def use_ticket(connection: AsyncConnection, ticket: Record) -> None:
    """Use a ticket up; raises `InvitationUnknown` when another request just did."""
    if (await connection.execute(_USED, {"hash": ticket.ticket_hash})).rowcount != 1:
        raise InvitationUnknown


async def keep_secrets(
    connection: AsyncConnection, person: Record, values: dict[str, Any], at: datetime
) -> None:
    """Change what a person proves itself with."""
    source = table_of(PersonSecret)
    await connection.execute(
        update(source)
        .where(source.c.journal_id == person.journal_id, source.c.person_id == person.person_id)
        .values(**values, changed_at=at)
    )


async def new_recovery_codes(
    connection: AsyncConnection, person: Record, at: datetime
) -> list[str]:
    """Void the recovery codes a person has and make new ones; they are shown this once."""
    key = {"journal_id": person.journal_id, "person_id": person.person_id}
    await connection.execute(
        _RECOVERY_VOID, {"journal": person.journal_id, "person": person.person_id}
    )
    made = totp.new_recovery_codes()
    await connection.execute(
        insert(table_of(RecoveryCode)),
        [
            key | {"code_hash": digest(recovery_code), "made_at": at, "used_at": None}
            for recovery_code in made
        ],
    )
    return made


def opened_totp(door: Door, row: Record) -> str:
    """Return the authenticator's secret that a person or a ticket holds."""
    opened = door.vault.open(row.person_id, SEALED_AS, row.sealed, row.wrapped_key)
    secret = opened["totp"]
    assert secret is not None, "an authenticator has a secret"
    return secret


def matched_step(door: Door, row: Record, code: str, *, after: int) -> int:
    """Return the time step of a code of this authenticator; raises `LoginRefused`."""
    if row.sealed is None:
        raise LoginRefused
    step = totp.matched(opened_totp(door, row), code, at_s=door.at_s, after=after)
    if step is None:
        raise LoginRefused
    return step
