"""How many institutions and custody accounts stand in areas, and whether all may be relied on.

Two statements for any number of areas in any number of journals. A custody account's coverage is
unknown while its last agreed closing is older than one banking day or a bank entry waits to be
posted; one that never held or owed anything cannot be wrong (decisions.md, "Notices, parties,
coverage").
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sqlalchemy import ARRAY, BigInteger, Integer, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import reference
from service.store.balance_units import Area
from service.store.positions import Positions

HOLIDAYS_LONGEST: Final = timedelta(days=31)
"""No two banking days are ever further apart."""

_COUNTS: Final = text(
    """
    SELECT stood.journal_id, stood.area, stood.department,
           count(DISTINCT stood.institution_id) AS institutions,
           count(held.custody_account_id) AS custody_accounts
    FROM unnest(:journals, :seqs) AS prefix(journal_id, seq)
    JOIN escrow.institution_area AS stood
      ON stood.journal_id = prefix.journal_id
     AND stood.valid_from <= :day AND (stood.valid_to IS NULL OR stood.valid_to >= :day)
    JOIN escrow.institution AS registered
      ON registered.journal_id = stood.journal_id
     AND registered.institution_id = stood.institution_id
     AND (registered.registered_on < :day OR registered.seq <= prefix.seq)
    LEFT JOIN escrow.custody_account AS held
      ON held.journal_id = stood.journal_id AND held.institution_id = stood.institution_id
     AND held.purpose = 'CUSTODY' AND held.opened_on <= :day
    GROUP BY stood.journal_id, stood.area, stood.department
    """
).bindparams(
    bindparam("journals", type_=ARRAY(Integer)), bindparam("seqs", type_=ARRAY(BigInteger))
)

# The first account that may not be relied on is enough for its area; LIMIT keeps each look at the
# roll-ups a probe.
_UNKNOWN: Final = text(
    """
    SELECT area.ord
    FROM unnest(:journals, :paths, :departments, :seqs)
         WITH ORDINALITY AS area(journal_id, path, department, seq, ord)
    CROSS JOIN LATERAL (
        SELECT 1
        FROM escrow.institution_area AS stood
        JOIN escrow.custody_account AS held
          ON held.journal_id = stood.journal_id AND held.institution_id = stood.institution_id
        WHERE stood.journal_id = area.journal_id AND stood.area = area.path
          AND stood.department = area.department
          AND stood.valid_from <= :day AND (stood.valid_to IS NULL OR stood.valid_to >= :day)
          AND held.purpose = 'CUSTODY' AND held.opened_on <= :day
          AND (
            SELECT true FROM escrow.rollup AS money
            WHERE money.journal_id = held.journal_id AND money.unit_type = 'CUSTODY_ACCOUNT'
              AND money.unit_id = held.custody_account_id::text
              AND money.kind IN ('CUSTODY_BANK', 'STUDENT_PREPAID') AND money.reason = ''
              AND money.seq <= area.seq LIMIT 1)
          AND (NOT EXISTS (
            SELECT 1 FROM escrow.statement_day AS closing
            WHERE closing.journal_id = held.journal_id
              AND closing.custody_account_id = held.custody_account_id
              AND closing.day BETWEEN :since AND :day AND closing.agreed_seq <= area.seq
              AND (closing.differed_seq IS NULL OR closing.differed_seq < closing.agreed_seq
                   OR closing.differed_seq > area.seq))
          OR EXISTS (
            SELECT 1 FROM escrow.bank_entry AS kept
            WHERE kept.journal_id = held.journal_id
              AND kept.custody_account_id = held.custody_account_id
              AND (kept.posted_seq IS NULL OR kept.posted_seq > kept.seq)
              AND kept.seq <= area.seq
              AND (kept.posted_seq IS NULL OR kept.posted_seq > area.seq)))
        LIMIT 1) AS doubtful
    """
).bindparams(
    bindparam("journals", type_=ARRAY(Integer)),
    bindparam("paths", type_=ARRAY(Text)),
    bindparam("departments", type_=ARRAY(Text)),
    bindparam("seqs", type_=ARRAY(BigInteger)),
)


@dataclass(frozen=True, slots=True)
class Stand:
    """What stands in one area; `known` says whether every custody account may be relied on."""

    institutions: int = 0
    custody_accounts: int = 0
    known: bool = True


async def stands(
    connection: AsyncConnection,
    areas: Sequence[Area],
    positions: Positions,
    used: Collection[Area],
) -> dict[Area, Stand]:
    """Return what stands in each of these areas at a position; `used` are those with any money."""
    found = await connection.execute(
        _COUNTS,
        {
            "journals": [position.journal for position in positions.at],
            "seqs": [position.seq for position in positions.at],
            "day": positions.as_of,
        },
    )
    counted = {
        Area(row.journal_id, row.area, row.department): (row.institutions, row.custody_accounts)
        for row in found
    }
    doubtful = await _doubtful(connection, [each for each in areas if each in used], positions)
    return {area: Stand(*counted.get(area, (0, 0)), known=area not in doubtful) for area in areas}


async def _doubtful(
    connection: AsyncConnection, areas: Sequence[Area], positions: Positions
) -> set[Area]:
    """Return the areas where some custody account's balance may not be relied on."""
    if not areas:
        return set()
    found = await connection.execute(
        _UNKNOWN,
        {
            "journals": [area.journal for area in areas],
            "paths": [area.path for area in areas],
            "departments": [area.department for area in areas],
            "seqs": [positions.seq(area.journal) for area in areas],
            "day": positions.as_of,
            "since": await _oldest_good_closing(connection, positions.as_of),
        },
    )
    return {areas[row.ord - 1] for row in found}


async def _oldest_good_closing(connection: AsyncConnection, on: date) -> date:
    """Return the earliest day whose closing is not older than one banking day on a date."""
    first = on - HOLIDAYS_LONGEST
    calendar = await reference.calendar(connection, first, on)
    day = on
    while day > first and calendar.working_days_between(day - timedelta(days=1), on) <= 1:
        day -= timedelta(days=1)
    return day
