"""What ends when a caller changes: tokens, sessions, tickets, devices; read under the lock.

Whoever gets a token locks the person or credential it is for, so none is got between the reading
here and the commit.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import select, text

from service.store import rows
from service.store.facts import Change, Decision, Facts, Record, Update
from service.store.tables import AccessToken, Device, Person, PersonSecret, Ticket
from service.store.unit import Unit

_CLOCK: Final = text("SELECT clock_timestamp() AS now")


async def read_clock(unit: Unit) -> None:
    """Read the machine's time, which no demonstration moves, as `machine_now`."""
    [row] = await unit.query(_CLOCK)
    unit.facts.extra["machine_now"] = row["now"]


async def load_people(unit: Unit, wanted: Collection[UUID]) -> None:
    """Lock people with their secrets, and read their live tokens, tickets and devices."""
    await read_clock(unit)
    locked = await unit.lock(Person, wanted)
    await unit.lock(PersonSecret, wanted)
    await load_tokens(unit, [person.caller_id for person in locked])
    journal = unit.facts.journal
    tickets, devices = rows.table_of(Ticket), rows.table_of(Device)
    live = rows.keyed(Ticket, journal, wanted, "person_id").where(tickets.c.used_at.is_(None))
    await unit.read(Ticket, live)
    known = rows.keyed(Device, journal, wanted, "person_id").where(devices.c.revoked_at.is_(None))
    await unit.read(Device, known)


async def load_tokens(unit: Unit, callers: Sequence[str]) -> None:
    """Read the live tokens of callers."""
    source = rows.table_of(AccessToken)
    await unit.read(
        AccessToken,
        select(source).where(
            source.c.caller_id.in_(callers),
            source.c.revoked_at.is_(None),
            source.c.expires_at > text("clock_timestamp()"),
        ),
    )


def tokens_ended(
    facts: Facts,
    caller: Record,
    *,
    device: UUID | None = None,
    credential: UUID | None = None,
) -> list[Change]:
    """Revoke the live tokens of a caller, or those of one device or credential."""
    return [
        Update(AccessToken, (token.token_hash,), {"revoked_at": facts.extra["machine_now"]})
        for token in facts.each_by(AccessToken, "caller_id", caller.caller_id)
        if device in (None, token.device_id) and credential in (None, token.credential_id)
    ]


def tickets_ended(facts: Facts, person: Record) -> list[Change]:
    """Use up the tickets a person could still go on with."""
    return [
        Update(Ticket, (ticket.ticket_hash,), {"used_at": facts.extra["machine_now"]})
        for ticket in facts.each_by(Ticket, "person_id", person.person_id)
    ]


def devices_ended(facts: Facts, person: Record, *, device: UUID | None = None) -> list[Change]:
    """Make a person's devices strangers, or one of them."""
    return [
        Update(Device, (known.device_id,), {"revoked_at": facts.extra["machine_now"]})
        for known in facts.each_by(Device, "person_id", person.person_id)
        if device in (None, known.device_id)
    ]


def together(decision: Decision, changes: Sequence[Change]) -> Decision:
    """Write rows of what waits for a second person beside the approval."""
    return replace(decision, changes=(*decision.changes, *changes))


def written(at: datetime | None) -> str | None:
    """Write an instant, if there is one."""
    return None if at is None else at.isoformat()
