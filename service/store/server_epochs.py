"""On which server the journals may be written, asked once of every connection before it writes.

A server is told from others by its system identifier and its timeline. A restore to a point in
time, a promoted standby and a dump loaded elsewhere are each another server than the newest row of
`server_epoch` names; a copy of the files is the same one, and is found out by the heads that
the service keeps outside (service/recovery/kept_heads.py). A connection belongs to one server for
as long as it lives, so one answer holds for all of its life.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.refusals import JournalRestored

_OPEN: Final = "escrow.open"
_STANDING: Final = text(
    """
    SELECT control.system_identifier,
           CASE WHEN NOT pg_is_in_recovery() THEN
             ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint
           END AS timeline,
           newest.epoch, newest.state, newest.cause,
           newest.system_identifier AS opened_system, newest.timeline AS opened_timeline,
           (SELECT begun_at FROM escrow.server_epoch ORDER BY epoch LIMIT 1) AS installed_at
    FROM pg_control_system() AS control LEFT JOIN LATERAL (
        SELECT * FROM escrow.server_epoch ORDER BY epoch DESC LIMIT 1) AS newest ON true
    """
)
_APPEND: Final = text(
    """
    INSERT INTO escrow.server_epoch (epoch, system_identifier, timeline, state, cause, opened_by,
                                     agreed_by, report_sha256, begun_at)
    VALUES (:epoch, :system, :timeline, :state, :cause, :opened_by, :agreed_by, :report,
            clock_timestamp())
    """
)


@dataclass(frozen=True, slots=True)
class Standing:
    """The server as it is, and the newest epoch: 0 where there is none."""

    system: int
    timeline: int | None
    epoch: int
    reason: str | None
    """Why nothing is written, None where it is: another server or timeline, heads missing, or a
    server that still recovers and has no timeline of its own."""
    installed_at: datetime | None
    """When the database was made: the same in all its copies, and in no other one."""

    @property
    def is_open(self) -> bool:
        """Whether the journals may be written."""
        return self.reason is None

    @property
    def refusal(self) -> JournalRestored:
        """What is answered while it is not."""
        return JournalRestored(reason=self.reason, epoch=self.epoch)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Two people open a server, having read a report of what is missing."""

    opened_by: str
    agreed_by: str
    report_sha256: bytes


async def standing(connection: AsyncConnection) -> Standing:
    """Return where the journals stand, and whether they may be written there."""
    row = (await connection.execute(_STANDING)).one()
    reason = None
    if row.timeline is None:
        reason = "still_recovering"
    elif row.opened_system != row.system_identifier:
        reason = "another_server"
    elif row.opened_timeline != row.timeline:
        reason = "another_timeline"
    elif row.state != "OPEN":
        reason = str(row.cause).lower()
    identity = (row.system_identifier, row.timeline, row.epoch or 0)
    return Standing(*identity, reason, row.installed_at)


async def require_open(connection: AsyncConnection) -> None:
    """Refuse to write where nobody opened the server; asked once a connection.

    Raises `JournalRestored`. What is refused is asked again, so writing goes on by itself once
    the server has been opened.
    """
    if _OPEN in connection.info:
        return
    found = await standing(connection)
    if not found.is_open:
        raise found.refusal
    connection.info[_OPEN] = found.epoch


async def accept(connection: AsyncConnection, here: Standing, by: Acceptance) -> int:
    """Open the server by two people; return its epoch. Another one at once is refused (23505)."""
    return await _append(
        connection,
        here,
        state="OPEN",
        cause="ACCEPTED",
        opened_by=by.opened_by,
        agreed_by=by.agreed_by,
        report=by.report_sha256,
    )


async def doubt(connection: AsyncConnection, here: Standing) -> int:
    """Stop writing on a server whose journals lack what was seen in them; return the epoch."""
    return await _append(
        connection,
        here,
        state="DOUBTED",
        cause="HEADS_MISSING",
        opened_by=None,
        agreed_by=None,
        report=None,
    )


async def _append(connection: AsyncConnection, here: Standing, **values: str | bytes | None) -> int:
    """Append the next epoch, about the server as it is."""
    epoch = here.epoch + 1
    server = {"system": here.system, "timeline": here.timeline, "epoch": epoch}
    await connection.execute(_APPEND, {**server, **values})
    return epoch
