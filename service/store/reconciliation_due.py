"""Which custody accounts are to be reconciled: once for a day, and again where something moved."""

from collections.abc import Sequence
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import Date, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store.facts import Record

_UNRECONCILED: Final = text(
    """
    SELECT account.custody_account_id FROM escrow.custody_account AS account
    WHERE account.journal_id = :journal AND account.opened_on <= :day
      AND (CAST(:after AS uuid) IS NULL OR account.custody_account_id > :after)
      AND NOT EXISTS (
          SELECT 1 FROM escrow.reconciliation AS made
          WHERE made.journal_id = :journal AND made.day = :day
            AND made.custody_account_id = account.custody_account_id AND made.cause = 'DAILY')
      AND (account.state = 'ACTIVE' OR EXISTS (
          SELECT 1 FROM escrow.reconciliation_break AS standing
          WHERE standing.journal_id = :journal AND standing.state <> 'CLOSED'
            AND standing.custody_account_id = account.custody_account_id))
    ORDER BY account.custody_account_id LIMIT :most
    """
).bindparams(bindparam("after", type_=Uuid), bindparam("day", type_=Date))

# A gap can only become smaller by what it lives in (A3 to A8, own funds); a difference to the bank
# by a statement, a line or an entry.
_MOVED_SINCE: Final = text(
    """
    SELECT account.custody_account_id, last.day
    FROM escrow.custody_account AS account
    CROSS JOIN LATERAL (
        SELECT made.day, made.known_seq, made.breaks_open, made.external_state
        FROM escrow.reconciliation AS made
        WHERE made.journal_id = :journal
          AND made.custody_account_id = account.custody_account_id
        ORDER BY made.day DESC, made.reconciliation_id DESC LIMIT 1) AS last
    WHERE account.journal_id = :journal
      AND (CAST(:after AS uuid) IS NULL OR account.custody_account_id > :after)
      AND (((last.breaks_open > 0 OR last.external_state = 'MISSING')
            AND (EXISTS (SELECT 1 FROM escrow.statement_day AS held
                    WHERE held.journal_id = :journal AND held.seq > last.known_seq
                      AND held.custody_account_id = account.custody_account_id
                      AND held.day BETWEEN last.day - 31 AND last.day)
              OR EXISTS (SELECT 1 FROM escrow.bank_entry AS entry
                    WHERE entry.journal_id = :journal
                      AND entry.custody_account_id = account.custody_account_id
                      AND entry.book_on BETWEEN last.day - 31 AND last.day
                      AND greatest(entry.seq, entry.posted_seq) > last.known_seq)))
        OR (EXISTS (SELECT 1 FROM escrow.top_up_demand AS asked
                    WHERE asked.journal_id = :journal AND asked.state = 'OPEN'
                      AND asked.custody_account_id = account.custody_account_id)
            AND EXISTS (SELECT 1 FROM escrow.rollup AS gap
                    WHERE gap.journal_id = :journal AND gap.unit_type = 'CUSTODY_ACCOUNT'
                      AND gap.unit_id = account.custody_account_id::text
                      AND gap.kind IN ('CHANNEL_CLEARING', 'CASH_UNDEPOSITED',
                          'DUE_FROM_INSTITUTION', 'DUE_FROM_BANK', 'HELD_BY_INSTITUTION',
                          'BANK_TRANSFER_IN_TRANSIT', 'INSTITUTION_OWN_FUNDS')
                      AND gap.seq > last.known_seq)))
    ORDER BY account.custody_account_id LIMIT :most
    """
).bindparams(bindparam("after", type_=Uuid))


async def unreconciled(
    connection: AsyncConnection, journal: int, *, day: date, after: UUID | None, most: int
) -> Sequence[UUID]:
    """Return accounts that no run of the day has reconciled, by id: open, or with open breaks."""
    found = await connection.scalars(
        _UNRECONCILED, {"journal": journal, "day": day, "after": after, "most": most}
    )
    return list(found.all())


async def moved_since(
    connection: AsyncConnection, journal: int, *, after: UUID | None, most: int
) -> Sequence[Record]:
    """Return accounts of which something is open, and has moved since their last reconciliation."""
    found = await connection.execute(
        _MOVED_SINCE, {"journal": journal, "after": after, "most": most}
    )
    return [Record(row) for row in found.mappings()]
