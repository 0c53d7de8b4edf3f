"""Interest as it is read: credits in scope, day-products (积数) of a period, and what is due.

A day-product is the sum over the days of a period of what a custody account held for an enrolment
at the day's end: its prepaid money, lessons pending and disputed, interest, and refunds not yet
debited (L1, L2, L3, L11, L6, L7, L9), less what the institution owes on this very contract
(A5[LEGACY], A5[DIVERSION]), which is not in the bank and bears nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Date, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from service.store import rows
from service.store.context import Context
from service.store.enrolment_reads import in_departments, rows_after
from service.store.facts import Record
from service.store.tables import InterestCredit

DAY_PRODUCTS: Final = text(
    """
    WITH bounds AS (
        SELECT coalesce((SELECT seq FROM escrow.journal_transaction
                         WHERE journal_id = :journal AND effective_on < :from_on
                         ORDER BY effective_on DESC, seq DESC LIMIT 1), 0) AS opening,
               coalesce((SELECT seq FROM escrow.journal_transaction
                         WHERE journal_id = :journal AND effective_on <= :to_on
                         ORDER BY effective_on DESC, seq DESC LIMIT 1), 0) AS closing),
    bearing AS (
        SELECT account.account_id, account.owner_id AS enrolment_id,
               CASE account.kind WHEN 'DUE_FROM_INSTITUTION' THEN -1 ELSE 1 END AS sign
        FROM escrow.account
        WHERE account.journal_id = :journal AND account.custody_account_id = :custody
          AND (account.kind IN ('STUDENT_PREPAID', 'LESSON_PENDING', 'LESSON_DISPUTED',
                                'STUDENT_INTEREST')
               OR (account.kind = 'DUE_FROM_INSTITUTION'
                   AND account.reason IN ('LEGACY', 'DIVERSION')))
        UNION ALL
        SELECT account.account_id, owed.enrolment_id, 1
        FROM escrow.account
        JOIN escrow.refund AS owed ON owed.journal_id = :journal
         AND owed.refund_id = account.owner_id
        WHERE account.journal_id = :journal AND account.custody_account_id = :custody
          AND account.kind IN ('REFUND_PAYABLE', 'RETURNED_REFUND_HELD')
        UNION ALL
        SELECT account.account_id, owed.enrolment_id, 1
        FROM escrow.account
        JOIN escrow.payment_order AS ordered ON ordered.journal_id = :journal
         AND ordered.order_id = account.owner_id
        JOIN escrow.refund AS owed ON owed.journal_id = :journal
         AND owed.refund_id = ordered.refund_id
        WHERE account.journal_id = :journal AND account.custody_account_id = :custody
          AND account.kind = 'REFUND_IN_TRANSIT'),
    moved AS (
        SELECT bearing.enrolment_id, CAST(:from_on AS date) AS day,
               bearing.sign * opened.balance_after AS fen
        FROM bearing CROSS JOIN bounds
        CROSS JOIN LATERAL (
            SELECT entry.balance_after FROM escrow.entry
            WHERE entry.journal_id = :journal AND entry.account_id = bearing.account_id
              AND entry.seq <= bounds.opening
            ORDER BY entry.seq DESC LIMIT 1) AS opened
        UNION ALL
        SELECT bearing.enrolment_id, sealed.effective_on, bearing.sign * entry.amount
        FROM bearing CROSS JOIN bounds
        JOIN escrow.entry ON entry.journal_id = :journal
         AND entry.account_id = bearing.account_id
         AND entry.seq > bounds.opening AND entry.seq <= bounds.closing
        JOIN escrow.journal_transaction AS sealed ON sealed.journal_id = :journal
         AND sealed.seq = entry.seq),
    daily AS (SELECT enrolment_id, day, sum(fen) AS fen FROM moved GROUP BY enrolment_id, day),
    standing AS (
        SELECT enrolment_id, sum(fen) OVER following AS fen,
               coalesce(lead(day) OVER following, CAST(:to_on AS date) + 1) - day AS days
        FROM daily WINDOW following AS (PARTITION BY enrolment_id ORDER BY day))
    SELECT standing.enrolment_id, enrolment.institution_id, enrolment.contract_on,
           enrolment.contract_number,
           CAST(sum(greatest(standing.fen, 0) * standing.days) AS bigint) AS fen_days
    FROM standing
    JOIN escrow.enrolment ON enrolment.journal_id = :journal
     AND enrolment.enrolment_id = standing.enrolment_id
    GROUP BY standing.enrolment_id, enrolment.institution_id, enrolment.contract_on,
             enrolment.contract_number
    HAVING sum(greatest(standing.fen, 0) * standing.days) > 0
    """
).bindparams(
    bindparam("from_on", type_=Date),
    bindparam("to_on", type_=Date),
    bindparam("custody", type_=Uuid),
)
"""One statement however many enrolments: only days on which something moved make rows."""

_SETTLED: Final = text(
    """
    SELECT enrolment.enrolment_id
    FROM escrow.account
    JOIN escrow.enrolment ON enrolment.journal_id = :journal
     AND enrolment.enrolment_id = account.owner_id
     AND enrolment.custody_account_id = account.custody_account_id
     AND enrolment.state IN ('COMPLETED', 'REFUNDED', 'PORTED')
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = :journal AND entry.account_id = account.account_id
        ORDER BY entry.seq DESC LIMIT 1) AS head
    WHERE account.journal_id = :journal AND account.kind = 'STUDENT_INTEREST'
      AND head.balance_after > 0
      AND account.custody_account_id = ANY(:custodies)
      AND (CAST(:after AS uuid) IS NULL OR enrolment.enrolment_id > :after)
    ORDER BY enrolment.enrolment_id LIMIT :most
    """
).bindparams(bindparam("custodies", type_=ARRAY(Uuid)), bindparam("after", type_=Uuid))

_WITH_INTEREST: Final = text(
    """
    SELECT account.custody_account_id FROM escrow.custody_account AS account
    CROSS JOIN LATERAL (
        SELECT balance FROM escrow.rollup
        WHERE rollup.journal_id = :journal AND rollup.unit_type = 'CUSTODY_ACCOUNT'
          AND rollup.unit_id = account.custody_account_id::text
          AND rollup.kind = 'STUDENT_INTEREST' AND rollup.reason = ''
        ORDER BY rollup.seq DESC LIMIT 1) AS interest
    WHERE account.journal_id = :journal AND interest.balance > 0
    """
)


async def credits_seen(
    connection: AsyncConnection, caller: Context, journal: int, wanted: Iterable[UUID]
) -> dict[UUID, Record]:
    """Return the credits of these ids that the caller sees, by id."""
    statement = rows.keyed(InterestCredit, journal, wanted, "interest_id")
    found = await rows.fetch(connection, in_departments(statement, InterestCredit, caller))
    return {row["interest_id"]: Record(row) for row in found}


async def page(
    connection: AsyncConnection,
    caller: Context,
    equal: dict[str, object],
    *,
    after: tuple[int, UUID] | None,
    limit: int,
) -> Sequence[Record]:
    """Return the caller's credits after a key; `equal` narrows columns to values, if not None."""
    source = rows.table_of(InterestCredit)
    statement = in_departments(select(source), InterestCredit, caller)
    for column, value in equal.items():
        if value is not None:
            statement = statement.where(source.c[column] == value)
    statement = rows_after(statement, InterestCredit, after, limit)
    return [Record(row) for row in await rows.fetch(connection, statement)]


async def credits_due(
    connection: AsyncConnection, journal: int, *, today: date, most: int
) -> Sequence[UUID]:
    """Return the credits whose period is over and that nobody has had yet, oldest first."""
    source = rows.table_of(InterestCredit)
    statement = (
        select(source.c.interest_id)
        .where(source.c.journal_id == journal, source.c.state == "CREDITED", source.c.to_on < today)
        .order_by(source.c.interest_id)
        .limit(most)
    )
    return list((await connection.scalars(statement)).all())


async def ended_with_interest(
    connection: AsyncConnection, journal: int, *, after: UUID | None, most: int
) -> Sequence[UUID]:
    """Return enrolments that ended and still have interest (E35), in order of id."""
    custodies = list((await connection.scalars(_WITH_INTEREST, {"journal": journal})).all())
    if not custodies:
        return []
    found = await connection.scalars(
        _SETTLED, {"journal": journal, "custodies": custodies, "after": after, "most": most}
    )
    return list(found.all())
