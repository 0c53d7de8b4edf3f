"""Sessions: a person's login in one or two steps, on a device, for at most a working day.

A session ends after 8 hours, or 15 minutes without a request, by the machine's clock; there is one
for a device, and a new login there ends the one before. A device that somebody logged in on has a
secret of its own: shown again, it is known, and strangers' guesses do not keep it waiting.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import LoginRefused
from service.identity import failures, passwords, people, tokens
from service.identity.failures import CODE, DEVICE, PAIR, SOURCE, Counted
from service.identity.people import Code, Door
from service.store import ids
from service.store.facts import Record
from service.store.rows import table_of
from service.store.tables import AccessToken, Device, Ticket

LONGEST: Final = timedelta(hours=8)
TICKET_LASTS: Final = timedelta(minutes=5)
DEVICE_PREFIX: Final = "esd_"

_DEVICE: Final = text(
    "SELECT journal_id, device_id, person_id FROM escrow.device"
    " WHERE device_hash = :hash AND revoked_at IS NULL"
)
_SEEN: Final = text(
    "UPDATE escrow.device SET last_seen_at = :at WHERE journal_id = :journal"
    " AND device_id = :device"
)
_ENDED: Final = text(
    "UPDATE escrow.access_token SET revoked_at = clock_timestamp()"
    " WHERE caller_id = :caller AND kind = 'SESSION' AND revoked_at IS NULL"
    " AND (CAST(:device AS uuid) IS NULL OR device_id = :device)"
    " AND (CAST(:kept AS uuid) IS NULL OR session_id <> :kept)"
)
_FORGOTTEN: Final = text(
    "UPDATE escrow.device SET revoked_at = clock_timestamp() WHERE journal_id = :journal"
    " AND person_id = :person AND revoked_at IS NULL"
    " AND (CAST(:kept AS uuid) IS NULL OR device_id <> :kept)"
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A login: name and password, from where, on what, and what else is shown at once.

    `device` is the secret of a device that was logged in on before, `label` its kind of software.
    """

    login: str
    password: str
    source: str
    label: str
    given: Code
    device: str | None = None

    @property
    def has_code(self) -> bool:
        """Tell whether the second factor came along."""
        return self.given.code is not None or self.given.recovery_code is not None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: its token, its end, and the secret of a device that was not known before."""

    person: str
    token: str
    expires_at: datetime
    device_id: str
    device: str | None


@dataclass(frozen=True, slots=True)
class CodeNeeded:
    """The first step was good: the ticket goes on to the second."""

    ticket: str
    expires_at: datetime


async def log_in(door: Door, attempt: Attempt) -> SignedIn | CodeNeeded:
    """Log a person in, or let it go on to the second step.

    The same work is done and the same answer given for a wrong name, password and code, and for
    somebody who is not, or no longer, a person here. Raises `LoginRefused`, `RateLimited`, `Busy`.
    """
    login_index = door.login_index(attempt.login)
    async with door.open() as connection:
        person = await people.by_login(connection, login_index)
        device = await _known_device(connection, attempt.device, person)
        counted = _counted(door, attempt, login_index, device)
        await failures.count(connection, counted)
    if person is not None:
        door.notice(people.public_id(person))
    kept = person.password_hash if person is not None and person.state == "ACTIVE" else None
    good = await passwords.matches(attempt.password, kept)
    if not good or person is None:
        raise LoginRefused
    if attempt.has_code:
        return await _second_step(door, person, attempt.given, attempt.label, device, counted)
    async with door.open() as connection:
        await failures.take_back(connection, counted)
        now = await people.clock(connection)
        ticket = people.new_ticket()
        row = people.ticket_row(
            people.digest(ticket),
            person,
            purpose="LOGIN",
            made_by=people.public_id(person),
            made_at=now,
            lasting=TICKET_LASTS,
            device=None if device is None else device.device_id,
        )
        await connection.execute(
            insert(table_of(Ticket)).values(row | {"password_hash": person.password_hash})
        )
    return CodeNeeded(ticket, now + TICKET_LASTS)


async def go_on(door: Door, ticket: str, given: Code, label: str) -> SignedIn:
    """Log a person in at the second step.

    Raises `InvitationUnknown` for a ticket that is used up, `LoginRefused`, `RateLimited`.
    """
    tried = await people.try_ticket(door, ticket, "LOGIN")
    async with door.open() as connection:
        person = await people.locked(connection, tried.journal_id, tried.person_id)
        device = None
        if tried.device_id is not None:
            device = await _device_by_id(connection, tried.journal_id, tried.device_id)
    if person.password_hash != tried.password_hash:
        raise LoginRefused
    counted: Counted = {}
    if device is not None:
        counted = {door.subject("device", device.device_id.hex): DEVICE}
        async with door.open() as connection:
            await failures.count(connection, counted)
    return await _second_step(door, person, given, label, device, counted, tried)


async def open_session(
    connection: AsyncConnection, person: Record, device: Record | None, label: str
) -> SignedIn:
    """Open a session on a device, known or new, and end the one that was open there."""
    now = await people.clock(connection)
    caller, secret = people.public_id(person), None
    if device is None:
        device, secret = await _new_device(connection, person, label, now)
    else:
        seen = {"journal": person.journal_id, "device": device.device_id, "at": now}
        await connection.execute(_SEEN, seen)
        ended = {"caller": caller, "device": device.device_id, "kept": None}
        await connection.execute(_ENDED, ended)
    token = tokens.PREFIX + secrets.token_urlsafe(32)
    await connection.execute(
        insert(table_of(AccessToken)).values(
            token_hash=tokens.digest(token),
            caller_id=caller,
            role=person.role,
            scope=people.scope_of(person).written(),
            issued_at=now,
            expires_at=now + LONGEST,
            kind="SESSION",
            session_id=ids.new_id(int(now.timestamp() * 1000)),
            device_id=device.device_id,
            last_seen_at=now,
            authenticated_at=now,
        )
    )
    shown = ids.public("dev", person.journal_id, device.device_id)
    return SignedIn(caller, token, now + LONGEST, shown, secret)


async def end_others(
    connection: AsyncConnection, person: Record, *, session: UUID | None, device: UUID | None
) -> None:
    """End a person's sessions and forget its devices, but for the one it is at."""
    caller = people.public_id(person)
    await connection.execute(_ENDED, {"caller": caller, "device": None, "kept": session})
    forgotten = {"journal": person.journal_id, "person": person.person_id, "kept": device}
    await connection.execute(_FORGOTTEN, forgotten)


async def end_at(connection: AsyncConnection, caller: str, device: UUID) -> None:
    """End the session on one device."""
    await connection.execute(_ENDED, {"caller": caller, "device": device, "kept": None})


async def forget_expired(connection: AsyncConnection) -> int:
    """Forget tokens, tickets, used assertions and failures that nothing asks about any more."""
    forgotten: int | None = await connection.scalar(text("SELECT escrow.forget_callers()"))
    return forgotten or 0


async def _second_step(  # noqa: PLR0913, PLR0917 - what the first step found
    door: Door,
    person: Record,
    given: Code,
    label: str,
    device: Record | None,
    counted: Counted,
    ticket: Record | None = None,
) -> SignedIn:
    """Take the second factor and open the session; raises `LoginRefused`."""
    by_person: Counted = {}
    if device is None:
        # Known devices have a budget of their own: only they pass while somebody guesses codes.
        by_person = {door.subject("code", people.public_id(person)): CODE}
        async with door.open() as connection:
            await failures.count(connection, by_person)
    async with door.open() as connection:
        now_held = await people.locked(connection, person.journal_id, person.person_id)
        if now_held.state != "ACTIVE" or now_held.password_hash != person.password_hash:
            raise LoginRefused
        await people.require_code(connection, door, now_held, given)
        if ticket is not None:
            await people.use_ticket(connection, ticket)
        await failures.take_back(connection, {**counted, **by_person})
        return await open_session(connection, now_held, device, label)


def _counted(door: Door, attempt: Attempt, login_index: bytes, device: Record | None) -> Counted:
    if device is not None:
        return {door.subject("device", device.device_id.hex): DEVICE}
    return {
        door.subject("pair", login_index.hex(), attempt.source): PAIR,
        door.subject("source", attempt.source): SOURCE,
    }


async def _known_device(
    connection: AsyncConnection, secret: str | None, person: Record | None
) -> Record | None:
    """Return the device a secret belongs to, if it is this person's."""
    hashed = people.digest(secret or "")
    row = (await connection.execute(_DEVICE, {"hash": hashed})).mappings().one_or_none()
    if row is None or person is None or row["person_id"] != person.person_id:
        return None
    return Record(row)


async def _device_by_id(connection: AsyncConnection, journal: int, device: UUID) -> Record | None:
    source = table_of(Device)
    statement = select(source).where(
        source.c.journal_id == journal,
        source.c.device_id == device,
        source.c.revoked_at.is_(None),
    )
    row = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else Record(row)


async def _new_device(
    connection: AsyncConnection, person: Record, label: str, now: datetime
) -> tuple[Record, str]:
    secret = DEVICE_PREFIX + secrets.token_urlsafe(32)
    row = {
        "journal_id": person.journal_id,
        "device_id": ids.new_id(int(now.timestamp() * 1000)),
        "person_id": person.person_id,
        "device_hash": people.digest(secret),
        "label": label,
        "first_seen_at": now,
        "last_seen_at": now,
        "revoked_at": None,
    }
    await connection.execute(insert(table_of(Device)).values(row))
    return Record(row), secret
