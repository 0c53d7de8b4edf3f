"""What a person proves itself with, from the invitation to every change of it.

An invitation sets password and authenticator together and holds only once a first code has shown
that the authenticator works. Whoever changes either ends all its other sessions and makes its
other devices strangers again.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import InvitationUnknown, LoginRefused, SessionMissing
from service.identity import failures, passwords, people, sessions, totp
from service.identity.callers import Caller
from service.identity.failures import DEVICE
from service.identity.people import Code, Door
from service.identity.sessions import SignedIn
from service.store import ids
from service.store.rows import table_of
from service.store.tables import Person, Ticket

CHOSEN_WITHIN: Final = timedelta(minutes=15)

_INVITED: Final = text(
    "SELECT ticket.ticket_hash, ticket.journal_id, ticket.person_id, secret.login_index"
    " FROM escrow.ticket AS ticket JOIN escrow.person_secret AS secret"
    " USING (journal_id, person_id)"
    " WHERE ticket.ticket_hash = :hash AND ticket.purpose = 'INVITATION'"
    " AND ticket.used_at IS NULL AND ticket.expires_at > clock_timestamp()"
    " AND ticket.tries < :tries_max"
)
_AUTHENTICATED: Final = text(
    "UPDATE escrow.access_token SET authenticated_at = clock_timestamp()"
    " WHERE caller_id = :caller AND session_id = :session AND revoked_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A new authenticator to be tried: its secret, and the same for a QR code."""

    secret: str
    address: str
    ticket: str | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A person's first session, with the recovery codes that are shown this once."""

    signed_in: SignedIn
    recovery_codes: list[str]


@dataclass(frozen=True, slots=True)
class Present:
    """A person in its session: who, in which session, on which device."""

    journal: int
    person: UUID
    session: UUID
    device: UUID

    @classmethod
    def of(cls, caller: Caller) -> "Present":
        """Return the person a session belongs to; raises `SessionMissing` for any other caller."""
        if caller.session is None or caller.device is None or not caller.id.startswith("prs_"):
            raise SessionMissing
        journal, person = ids.parse("prs", caller.id)
        session, device = ids.parse("ses", caller.session)[1], ids.parse("dev", caller.device)[1]
        return cls(journal, person, session, device)


async def accept(door: Door, invitation: str, login: str, password: str) -> Chosen:
    """Choose a password with an invitation, and get an authenticator's secret to be tried.

    Done again, it gives a new secret. Raises `InvitationUnknown`, also for a login name that is
    not the invited person's, `PasswordWeak` or `Busy`.
    """
    values = {"hash": people.digest(invitation), "tries_max": people.TRIES_MAX}
    async with door.open() as connection:
        row = (await connection.execute(_INVITED, values)).mappings().one_or_none()
    if row is None:
        raise InvitationUnknown
    if row["login_index"] != door.login_index(login):
        await people.try_ticket(door, invitation, "INVITATION")
        raise InvitationUnknown
    passwords.require_strong(password, login)
    kept, secret = await passwords.hashed(password), totp.new_secret()
    sealed, key = door.seal_totp(row["person_id"], secret)
    ticket = table_of(Ticket)
    async with door.open() as connection:
        await connection.execute(
            update(ticket)
            .where(ticket.c.ticket_hash == row["ticket_hash"], ticket.c.used_at.is_(None))
            .values(password_hash=kept, sealed=sealed, wrapped_key=key)
        )
    public = ids.public("prs", row["journal_id"], row["person_id"])
    return Chosen(secret, totp.address(secret, public))


async def sign_in_first(door: Door, invitation: str, code: str, label: str) -> Begun:
    """Show that the authenticator works: password and authenticator hold, the person is signed in.

    Everything the person had before ends. Raises `InvitationUnknown` or `LoginRefused`.
    """
    ticket = await people.try_ticket(door, invitation, "INVITATION")
    if ticket.password_hash is None:
        raise InvitationUnknown
    step = people.matched_step(door, ticket, code, after=0)
    async with door.open() as connection:
        person = await people.locked(connection, ticket.journal_id, ticket.person_id)
        if person.state not in ("INVITED", "ACTIVE"):
            raise InvitationUnknown
        await people.use_ticket(connection, ticket)
        now = await people.clock(connection)
        values = {
            "password_hash": ticket.password_hash,
            "sealed": ticket.sealed,
            "wrapped_key": ticket.wrapped_key,
            "totp_step": step,
        }
        await people.keep_secrets(connection, person, values, now)
        source = table_of(Person)
        await connection.execute(
            update(source)
            .where(source.c.journal_id == person.journal_id, source.c.person_id == person.person_id)
            .values(state="ACTIVE", activated_at=func.coalesce(source.c.activated_at, now))
        )
        await sessions.end_others(connection, person, session=None, device=None)
        codes = await people.new_recovery_codes(connection, person, now)
        return Begun(await sessions.open_session(connection, person, None, label), codes)


async def step_up(door: Door, caller: Caller, given: Code) -> None:
    """Prove the second factor again, for what asks for a fresh proof; raises `LoginRefused`."""
    present = await _counted(door, caller)
    async with door.open() as connection:
        person = await people.locked(connection, present.journal, present.person)
        await people.require_code(connection, door, person, given)
        proved = {"caller": caller.id, "session": present.session}
        await connection.execute(_AUTHENTICATED, proved)
        await _forgive(connection, door, present)


async def change_password(
    door: Door, caller: Caller, *, current: str, new: str, given: Code
) -> None:
    """Change the password with the old one and a code; other sessions end.

    Raises `LoginRefused`, `PasswordWeak`, `RateLimited` or `Busy`.
    """
    passwords.require_strong(new)
    present = await _counted(door, caller)
    async with door.open() as connection:
        held = await people.locked(connection, present.journal, present.person)
    if not await passwords.matches(current, held.password_hash):
        raise LoginRefused
    kept = await passwords.hashed(new)
    async with door.open() as connection:
        person = await people.locked(connection, present.journal, present.person)
        if person.password_hash != held.password_hash:
            raise LoginRefused
        await people.require_code(connection, door, person, given)
        now = await people.clock(connection)
        await people.keep_secrets(connection, person, {"password_hash": kept}, now)
        await sessions.end_others(
            connection, person, session=present.session, device=present.device
        )
        await _forgive(connection, door, present)


async def choose_authenticator(door: Door, caller: Caller, given: Code) -> Chosen:
    """Get the secret of a new authenticator, with a code of the old one or a recovery code.

    Raises `LoginRefused` or `RateLimited`.
    """
    present = await _counted(door, caller)
    async with door.open() as connection:
        person = await people.locked(connection, present.journal, present.person)
        await people.require_code(connection, door, person, given)
        secret, ticket = totp.new_secret(), people.new_ticket()
        row = people.ticket_row(
            people.digest(ticket),
            person,
            purpose="AUTHENTICATOR",
            made_by=caller.id,
            made_at=await people.clock(connection),
            lasting=CHOSEN_WITHIN,
            device=present.device,
            sealed=door.seal_totp(present.person, secret),
        )
        await connection.execute(table_of(Ticket).insert().values(row))
        await _forgive(connection, door, present)
    return Chosen(secret, totp.address(secret, caller.id), ticket)


async def change_authenticator(door: Door, caller: Caller, ticket: str, code: str) -> list[str]:
    """Show that the new authenticator works; it holds, with new recovery codes.

    Other sessions end. Raises `InvitationUnknown` or `LoginRefused`.
    """
    present = Present.of(caller)
    tried = await people.try_ticket(door, ticket, "AUTHENTICATOR")
    if (tried.journal_id, tried.person_id) != (present.journal, present.person):
        raise InvitationUnknown
    step = people.matched_step(door, tried, code, after=0)
    async with door.open() as connection:
        person = await people.locked(connection, present.journal, present.person)
        await people.use_ticket(connection, tried)
        now = await people.clock(connection)
        values = {"sealed": tried.sealed, "wrapped_key": tried.wrapped_key, "totp_step": step}
        await people.keep_secrets(connection, person, values, now)
        await sessions.end_others(
            connection, person, session=present.session, device=present.device
        )
        return await people.new_recovery_codes(connection, person, now)


async def _counted(door: Door, caller: Caller) -> Present:
    """Count an attempt against the device of the session; raises `RateLimited`."""
    present = Present.of(caller)
    async with door.open() as connection:
        await failures.count(connection, {door.subject("device", present.device.hex): DEVICE})
    return present


async def _forgive(connection: AsyncConnection, door: Door, present: Present) -> None:
    await failures.take_back(connection, {door.subject("device", present.device.hex): DEVICE})


async def log_out(door: Door, caller: Caller) -> None:
    """End the session that asks; raises `SessionMissing` for a caller without one."""
    present = Present.of(caller)
    async with door.open() as connection:
        await sessions.end_at(connection, caller.id, present.device)
