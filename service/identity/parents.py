"""Parents as callers: persons known by a phone that they proved, on devices of their own.

A parent belongs to no journal: the links to guardians of contracts say what they see, at each
request anew. A session lasts a working day at most; its device, which alone knows its secret, opens
the next one without a code until it has been silent for a month or is forgotten.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from ledger.refusals import CodeRefused, DeviceUnknown
from service.identity import sessions, tokens
from service.identity.callers import Role
from service.identity.one_time_codes import Proved
from service.store import ids
from service.store.context import Context
from service.store.facts import Record
from service.store.rows import table_of
from service.store.tables import AccessToken, Device
from service.store.transact import writing

JOURNAL: Final = 0
"""Their devices stand in no jurisdiction's journal."""
REMEMBERED: Final = timedelta(days=30)
REISSUED: Final = timedelta(days=90)
"""After so long a silence an operator may have given the number to somebody else (二次放号)."""
LABEL: Final = "app"
_TIMEOUT: Final = "5s"

_PROVED: Final = text(
    """
    INSERT INTO pii.parent (parent_id, phone_index, phone_mask, added_at, proved_at)
    VALUES (:parent, :phone_index, :phone_mask, clock_timestamp(), clock_timestamp())
    ON CONFLICT (phone_index) DO UPDATE SET proved_at = clock_timestamp()
    RETURNING parent_id, old.proved_at AS proved_before
    """
)
_INVITED: Final = text(
    """
    INSERT INTO pii.parent AS held (parent_id, phone_index, phone_mask, added_at, proved_at)
    VALUES (:parent, :phone_index, :phone_mask, clock_timestamp(), NULL)
    ON CONFLICT (phone_index) DO UPDATE SET phone_mask = held.phone_mask
    RETURNING parent_id
    """
)
_PHONE: Final = text("SELECT phone_index, phone_mask FROM pii.parent WHERE parent_id = :parent")
_MASKS: Final = text(
    "SELECT parent_id, phone_mask FROM pii.parent WHERE parent_id = ANY(CAST(:parents AS uuid[]))"
)
_HOME: Final = text("SELECT code FROM escrow.jurisdiction ORDER BY length(path), path LIMIT 1")
_CLOCK: Final = text("SELECT clock_timestamp()")
_SEEN: Final = text(
    """
    UPDATE escrow.device AS held
    SET last_seen_at = given.now, revoked_at = NULL, label = :label,
        first_seen_at = CASE WHEN held.revoked_at IS NULL THEN held.first_seen_at
                             ELSE given.now END
    FROM (SELECT CAST(:at AS timestamptz) AS now) AS given
    WHERE journal_id = :journal AND device_hash = :hash AND person_id = :parent
    RETURNING device_id, held.first_seen_at = given.now AS is_new
    """
)
_KNOWN: Final = text(
    """
    SELECT device_id, person_id, device_hash, label FROM escrow.device
    WHERE journal_id = :journal AND device_id = :device AND revoked_at IS NULL
      AND last_seen_at > clock_timestamp() - CAST(:remembered AS interval)
    FOR NO KEY UPDATE
    """
)
_DEVICES: Final = text(
    """
    SELECT device_id, label, first_seen_at, last_seen_at FROM escrow.device
    WHERE journal_id = :journal AND person_id = :parent AND revoked_at IS NULL
    ORDER BY last_seen_at DESC, device_id
    """
)
_LAST_SEEN: Final = text(
    "SELECT max(last_seen_at) FROM escrow.device"
    " WHERE journal_id = :journal AND person_id = :parent"
)
_FORGET: Final = text(
    "UPDATE escrow.device SET revoked_at = clock_timestamp() WHERE journal_id = :journal"
    " AND person_id = :parent AND device_id = :device AND revoked_at IS NULL"
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A parent's new session on a device; `is_new` when nobody had logged in there before.

    `was_silent`: on a new device, and so long after the last sign of life that the number may be
    somebody else's by now.
    """

    parent: UUID
    token: str = field(repr=False)
    expires_at: datetime
    device: UUID
    is_new: bool
    was_silent: bool = False


def caller_id(parent: UUID) -> str:
    """Return what names a parent for ever, whatever the device."""
    return ids.public("prn", JOURNAL, parent)


async def sign_in(
    engine: AsyncEngine, proved: Proved, *, device_secret: str, label: str, fresh: UUID
) -> SignedIn:
    """Open a session for whoever proved a phone, on the device that did; `fresh` is a new id."""
    async with writing(engine) as connection:
        await Context.doorkeeper().enter(connection, statement_timeout=_TIMEOUT)
        values = {
            "parent": fresh,
            "phone_index": proved.phone_index,
            "phone_mask": proved.phone_mask,
        }
        parent, proved_before = (await connection.execute(_PROVED, values)).one()
        now = (await connection.execute(_CLOCK)).scalar_one()
        seen = await connection.scalar(_LAST_SEEN, {"journal": JOURNAL, "parent": parent})
        new = ids.derived(fresh, "device")
        device, is_new = await _device(connection, parent, device_secret, label, new, now)
        signed_in = await _open(connection, parent, device, now, is_new=is_new)
    alive = [at for at in (proved_before, seen) if at is not None]
    was_silent = is_new and bool(alive) and max(alive) < now - REISSUED
    return replace(signed_in, was_silent=was_silent)


async def renew(engine: AsyncEngine, *, device: UUID, device_secret: str) -> SignedIn:
    """Open the next session of a known device; raises `CodeRefused`, whatever is wrong."""
    async with writing(engine) as connection:
        await Context.doorkeeper().enter(connection, statement_timeout=_TIMEOUT)
        values = {"journal": JOURNAL, "device": device, "remembered": REMEMBERED}
        row = (await connection.execute(_KNOWN, values)).first()
        kept = bytes(hashlib.sha256().digest_size) if row is None else row.device_hash
        parent = device if row is None else row.person_id
        if not hmac.compare_digest(_hash(device_secret, parent), kept) or row is None:
            raise CodeRefused
        now = (await connection.execute(_CLOCK)).scalar_one()
        await _device(connection, parent, device_secret, row.label, device, now)
        return await _open(connection, parent, device, now, is_new=False)


async def known_or_added(
    engine: AsyncEngine, *, phone_index: bytes, phone_mask: str, fresh: UUID
) -> UUID:
    """Return the person of a phone, known or not yet: who has proved nothing sees nothing."""
    values = {"parent": fresh, "phone_index": phone_index, "phone_mask": phone_mask}
    async with writing(engine) as connection:
        await Context.doorkeeper().enter(connection, statement_timeout=_TIMEOUT)
        parent: UUID = (await connection.execute(_INVITED, values)).scalar_one()
    return parent


async def phone_of(engine: AsyncEngine, parent: UUID) -> Proved:
    """Return index and mask of the phone that a parent proved."""
    async with writing(engine) as connection:
        await Context.doorkeeper().enter(connection, statement_timeout=_TIMEOUT)
        row = (await connection.execute(_PHONE, {"parent": parent})).one()
    return Proved(row.phone_index, row.phone_mask)


async def masks(connection: AsyncConnection, parents: Sequence[UUID]) -> dict[UUID, str]:
    """Return the masked phones of those parents whom the connection's caller sees."""
    found = await connection.execute(_MASKS, {"parents": sorted(set(parents))})
    return {row.parent_id: row.phone_mask for row in found}


async def devices(engine: AsyncEngine, parent: UUID) -> Sequence[Record]:
    """Return the devices that can open sessions for a parent, latest used first."""
    async with writing(engine) as connection:
        await Context.doorkeeper().enter(connection, statement_timeout=_TIMEOUT)
        found = await connection.execute(_DEVICES, {"journal": JOURNAL, "parent": parent})
        return [Record(row) for row in found.mappings()]


async def forget(engine: AsyncEngine, *, parent: UUID, device: UUID) -> None:
    """Forget a parent's device and end its session at once; raises `DeviceUnknown`."""
    async with writing(engine) as connection:
        await Context.doorkeeper().enter(connection, statement_timeout=_TIMEOUT)
        values = {"journal": JOURNAL, "parent": parent, "device": device}
        forgotten = await connection.execute(_FORGET, values)
        if not forgotten.rowcount:
            raise DeviceUnknown
        await sessions.end_at(connection, caller_id(parent), device)


async def _device(  # noqa: PLR0913, PLR0917 - what a device is known by
    connection: AsyncConnection,
    parent: UUID,
    secret: str,
    label: str,
    fresh: UUID,
    now: datetime,
) -> tuple[UUID, bool]:
    """Return the parent's device with this secret, and whether it is new or was forgotten."""
    hashed = _hash(secret, parent)
    values = {"journal": JOURNAL, "hash": hashed, "parent": parent, "at": now, "label": label}
    row = (await connection.execute(_SEEN, values)).first()
    if row is not None:
        return row.device_id, row.is_new
    await connection.execute(
        insert(table_of(Device)).values(
            journal_id=JOURNAL,
            device_id=fresh,
            person_id=parent,
            device_hash=hashed,
            label=label,
            first_seen_at=now,
            last_seen_at=now,
            revoked_at=None,
        )
    )
    return fresh, True


async def _open(
    connection: AsyncConnection, parent: UUID, device: UUID, now: datetime, *, is_new: bool
) -> SignedIn:
    """Issue the token of a session; the one before on the device ends."""
    caller = caller_id(parent)
    await sessions.end_at(connection, caller, device)
    home = await connection.scalar(_HOME)
    scope = tokens.Scope(str(home or "000000"), parent=parent)
    token = tokens.PREFIX + secrets.token_urlsafe(32)
    await connection.execute(
        insert(table_of(AccessToken)).values(
            token_hash=tokens.digest(token),
            caller_id=caller,
            role=Role.PARENT.value,
            scope=scope.written(),
            issued_at=now,
            expires_at=now + sessions.LONGEST,
            kind="SESSION",
            session_id=ids.new_id(int(now.timestamp() * 1000)),
            device_id=device,
            last_seen_at=now,
            authenticated_at=now,
        )
    )
    return SignedIn(parent, token, now + sessions.LONGEST, device, is_new)


def _hash(secret: str, parent: UUID) -> bytes:
    """What is kept of a device's secret: another parent on the same device is another device."""
    return hashlib.sha256(secret.encode() + parent.bytes).digest()
