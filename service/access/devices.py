"""Devices: what a person sees of the ones it is known on, and what kind of software each is.

A label is one of a few words of ours, never what the software says of itself: that tells people
apart better than its owner may like.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.identity import sessions
from service.store import ids, rows
from service.store.facts import Record
from service.store.tables import AccessToken, Device

SHOWN_MAX: Final = 100

_SOFTWARE: Final = (
    ("MicroMessenger", "WeChat"),
    ("DingTalk", "DingTalk"),
    ("HuaweiBrowser", "Huawei Browser"),
    ("Edg", "Edge"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
    ("okhttp", "App"),
    ("python-httpx", "Program"),
    ("curl", "Program"),
)
_SYSTEMS: Final = (
    ("HarmonyOS", "HarmonyOS"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
_REVOKED: Final = text(
    "UPDATE escrow.device SET revoked_at = clock_timestamp() WHERE journal_id = :journal"
    " AND person_id = :person AND device_id = :device AND revoked_at IS NULL"
)


def label_of(user_agent: str) -> str:
    """Say in our words what kind of software this is."""
    software = next((word for mark, word in _SOFTWARE if mark in user_agent), "Other")
    system = next((word for mark, word in _SYSTEMS if mark in user_agent), None)
    return software if system is None else f"{software}, {system}"


async def known(connection: AsyncConnection, journal: int, person: UUID) -> Sequence[Record]:
    """Return the devices a person is known on, last seen first, with the session on each."""
    device, token = rows.table_of(Device), rows.table_of(AccessToken)
    now = text("clock_timestamp()")
    live = and_(
        token.c.device_id == device.c.device_id,
        token.c.caller_id == ids.public("prs", journal, person),
        token.c.kind == "SESSION",
        token.c.revoked_at.is_(None),
        token.c.expires_at > now,
        token.c.last_seen_at > text("clock_timestamp() - interval '15 minutes'"),
    )
    statement = (
        select(
            device,
            token.c.session_id,
            token.c.expires_at,
            token.c.last_seen_at.label("session_seen_at"),
        )
        .select_from(device.outerjoin(token, live))
        .where(
            device.c.journal_id == journal,
            device.c.person_id == person,
            device.c.revoked_at.is_(None),
        )
        .order_by(device.c.last_seen_at.desc(), device.c.device_id)
        .limit(SHOWN_MAX)
    )
    return [Record(row) for row in await rows.fetch(connection, statement)]


async def forget(connection: AsyncConnection, journal: int, person: UUID, device: UUID) -> bool:
    """Make a person's device a stranger and end the session on it; tell whether it was known."""
    values = {"journal": journal, "person": person, "device": device}
    known_before = (await connection.execute(_REVOKED, values)).rowcount == 1
    await sessions.end_at(connection, ids.public("prs", journal, person), device)
    return known_before


def answer_of(journal: int, row: Record, current: str | None = None) -> dict[str, Any]:
    """Tell of a device; `current` is the session that asks."""
    session = None if row.session_id is None else ids.public("ses", journal, row.session_id)
    return {
        "id": ids.public("dev", journal, row.device_id),
        "label": row.label,
        "first_seen_at": row.first_seen_at.isoformat(),
        "last_seen_at": max(row.last_seen_at, row.session_seen_at or row.last_seen_at).isoformat(),
        "signed_in": session is not None,
        "session_expires_at": None if session is None else row.expires_at.isoformat(),
        "current": current is not None and session == current,
    }
