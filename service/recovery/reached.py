"""How far the journals and the audit trails of this server reach."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import audit, driver
from service.verify.heads import Head, Heads

_JOURNALS: Final = (
    "SELECT journal_id, seq, hash, audit_seq, audit_hash FROM escrow.journal_head"
    " ORDER BY journal_id"
)
_APART: Final = "SELECT seq, hash FROM escrow.audit_head WHERE chain = 0"


async def reached(connection: AsyncConnection) -> Heads:
    """Return the heads of the journals a connection sees, of their trails and of chain 0."""
    rows = await driver.fetch(connection, _JOURNALS)
    [(seq, digest)] = await driver.fetch(connection, _APART)
    # A journal from before the trail has none of its own until something is done in it.
    trails = [Head(row[0], row[3], row[4] or audit.genesis(row[0])) for row in rows]
    return Heads(
        journals=tuple(Head(row[0], row[1], row[2]) for row in rows),
        trails=(Head(audit.APART, seq, digest), *trails),
    )
