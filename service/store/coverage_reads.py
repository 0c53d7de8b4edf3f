"""Whether the balance of a custody account may be relied on, now or at an earlier position.

It may while its last agreed closing is not older than one banking day and no bank entry waits to
be posted; otherwise coverage is unknown (decisions.md, "Notices, parties, coverage").
"""

from collections.abc import Iterable
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.coverage import is_known
from service.store import reference

_LAST_AGREED: Final = text(
    """
    SELECT DISTINCT ON (custody_account_id) custody_account_id, day
    FROM escrow.statement_day
    WHERE journal_id = :journal AND custody_account_id = ANY(:custodies) AND day <= :on
      AND agreed_seq <= :seq
      AND (differed_seq IS NULL OR differed_seq < agreed_seq OR differed_seq > :seq)
    ORDER BY custody_account_id, day DESC
    """
).bindparams(bindparam("custodies", type_=ARRAY(Uuid)))

_KEPT: Final = text(
    """
    SELECT custody_account_id, count(*) AS entries FROM escrow.bank_entry
    WHERE journal_id = :journal AND custody_account_id = ANY(:custodies)
      AND seq <= :seq AND (posted_seq IS NULL OR posted_seq > seq)
      AND (posted_seq IS NULL OR posted_seq > :seq)
    GROUP BY custody_account_id
    """
).bindparams(bindparam("custodies", type_=ARRAY(Uuid)))


async def last_agreed(
    connection: AsyncConnection, journal: int, custodies: Iterable[UUID], *, on: date, seq: int
) -> dict[UUID, date]:
    """Return the day of the last agreed closing of each custody account, as known at `seq`."""
    found = await connection.execute(
        _LAST_AGREED,
        {"journal": journal, "custodies": sorted(set(custodies)), "on": on, "seq": seq},
    )
    return {row.custody_account_id: row.day for row in found}


async def coverage_known(
    connection: AsyncConnection, journal: int, custodies: Iterable[UUID], *, on: date, seq: int
) -> dict[UUID, bool]:
    """Tell for each custody account whether its coverage is known on a date, at a position."""
    wanted = sorted(set(custodies))
    calendar = await reference.calendar(connection)
    agreed = await last_agreed(connection, journal, wanted, on=on, seq=seq)
    kept = {
        row.custody_account_id: row.entries
        for row in await connection.execute(
            _KEPT, {"journal": journal, "custodies": wanted, "seq": seq}
        )
    }
    return {
        custody: is_known(
            banking_days_since_closing=(
                calendar.working_days_between(agreed[custody], on) if custody in agreed else None
            ),
            entries_unposted=kept.get(custody, 0),
        )
        for custody in wanted
    }
