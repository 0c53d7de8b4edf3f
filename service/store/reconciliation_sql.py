"""What a reconciliation reads, for many custody accounts at once and at fixed positions.

Everything is asked as of `:known`, a sealed position: what commits meanwhile changes no answer, so
nothing here needs the journal's head. Bank entries count by the bank's booking date; those of money
not in the bank yet (PEND) are no part of it.
"""

from typing import Final

from sqlalchemy import ARRAY, BigInteger, Date, Text, Uuid, bindparam, text
from sqlalchemy.sql.elements import TextClause


def _asked(statement: str, *arrays: str) -> TextClause:
    types = {
        "custodies": ARRAY(Uuid),
        "days": ARRAY(Date),
        "seqs": ARRAY(BigInteger),
        "kinds": ARRAY(Text),
        "reasons": ARRAY(Text),
        "cuts": ARRAY(Date),
    }
    return text(statement).bindparams(*(bindparam(name, type_=types[name]) for name in arrays))


HEAD: Final = text("SELECT seq FROM escrow.journal_head WHERE journal_id = :journal")

DAY_ENDS: Final = _asked(
    """
    SELECT given.day, coalesce(last.seq, 0)::bigint AS seq
    FROM unnest(:days) AS given(day)
    LEFT JOIN LATERAL (
        SELECT seq FROM escrow.journal_transaction
        WHERE journal_id = :journal AND effective_on <= given.day AND seq <= :known
        ORDER BY effective_on DESC, seq DESC LIMIT 1) AS last ON true
    """,
    "days",
)
"""The last position of each business date."""

ROLLUPS: Final = _asked(
    """
    SELECT given.custody, given.seq, slot.kind, slot.reason, last.balance
    FROM unnest(:custodies, :seqs) AS given(custody, seq)
    CROSS JOIN unnest(:kinds, :reasons) AS slot(kind, reason)
    CROSS JOIN LATERAL (
        SELECT balance FROM escrow.rollup
        WHERE rollup.journal_id = :journal AND rollup.unit_type = 'CUSTODY_ACCOUNT'
          AND rollup.unit_id = given.custody::text AND rollup.kind = slot.kind
          AND rollup.reason = slot.reason AND rollup.seq <= given.seq
        ORDER BY rollup.seq DESC LIMIT 1) AS last
    """,
    "custodies",
    "seqs",
    "kinds",
    "reasons",
)
"""Totals of custody accounts by account kind and reason, each at its own position."""

SINGLE_BALANCES: Final = _asked(
    """
    SELECT account.custody_account_id AS custody, account.kind,
           sum(last.balance_after)::bigint AS fen
    FROM unnest(:custodies, :seqs) AS given(custody, seq)
    JOIN escrow.account ON account.journal_id = :journal
     AND account.custody_account_id = given.custody AND account.unit = 'CNY'
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = :journal AND entry.account_id = account.account_id
          AND entry.seq <= given.seq
        ORDER BY entry.seq DESC LIMIT 1) AS last
    GROUP BY account.custody_account_id, account.kind
    """,
    "custodies",
    "seqs",
)
"""What the single accounts of each custody account add up to (三方核对), by kind."""

LAST_STATEMENT: Final = _asked(
    """
    SELECT last.*
    FROM unnest(:custodies, :days) AS given(custody, day)
    CROSS JOIN LATERAL (
        SELECT * FROM escrow.statement_day AS held
        WHERE held.journal_id = :journal AND held.custody_account_id = given.custody
          AND held.day <= given.day AND held.seq <= :known
        ORDER BY held.day DESC LIMIT 1) AS last
    """,
    "custodies",
    "days",
)
"""The last statement of each account on or before its day."""

_ONCE: Final = """entry.direction IN ('CRDT', 'DBIT') AND entry.seq <= :known
          AND NOT EXISTS (SELECT 1 FROM escrow.suspected_entry AS twice
              WHERE twice.journal_id = :journal AND twice.bank_entry_id = entry.bank_entry_id
                AND twice.closed_as = 'COUNTED_TWICE' AND twice.decided_seq <= :known)"""
"""Money in the bank, less what was found to be another entry's."""

_POSTED: Final = "(entry.posted_seq IS NOT NULL AND entry.posted_seq <= :known)"

_SIGNED: Final = "CASE entry.direction WHEN 'CRDT' THEN entry.amount_fen ELSE -entry.amount_fen END"

_COVERED: Final = """EXISTS (SELECT 1 FROM escrow.bank_statement AS told
          WHERE told.journal_id = :journal AND told.custody_account_id = entry.custody_account_id
            AND told.kind = 'STATEMENT' AND told.seq <= :known
            AND entry.book_on BETWEEN told.from_on AND told.to_on)"""
"""Of a day whose statement came line by line: no report or notification says what is final."""

_BROUGHT: Final = """escrow.bank_statement AS brought
            ON brought.journal_id = line.journal_id
           AND brought.statement_file_id = line.statement_file_id
           AND brought.number = line.statement"""

_MOVED: Final = f"""
    SELECT given.custody, given.day,
           count(*) FILTER (WHERE inside AND direction = 'CRDT')::int AS credit_count,
           coalesce(sum(amount) FILTER (WHERE inside AND direction = 'CRDT'), 0)::bigint
             AS credit_fen,
           count(*) FILTER (WHERE inside AND direction = 'DBIT')::int AS debit_count,
           coalesce(-sum(amount) FILTER (WHERE inside AND direction = 'DBIT'), 0)::bigint
             AS debit_fen,
           coalesce(sum(amount) FILTER (WHERE inside AND posted), 0)::bigint AS inside_fen,
           coalesce(sum(amount) FILTER (WHERE NOT inside AND posted), 0)::bigint AS later_fen
    FROM unnest(:custodies, :days) AS given(custody, day)
    LEFT JOIN LATERAL (
        SELECT before.day FROM escrow.statement_day AS before
        WHERE before.journal_id = :journal AND before.custody_account_id = given.custody
          AND before.day < given.day AND before.seq <= :known
        ORDER BY before.day DESC LIMIT 1) AS closed ON true
    LEFT JOIN LATERAL (
        SELECT entry.direction, {_SIGNED} AS amount, {_POSTED} AS posted,
               entry.book_on <= given.day AS inside
        FROM escrow.bank_entry AS entry
        WHERE entry.journal_id = :journal AND entry.custody_account_id = given.custody
          AND entry.book_on > coalesce(closed.day, given.day - 1) {{bound}}
          AND {_ONCE}) AS booked ON true
    GROUP BY given.custody, given.day
    """  # noqa: S608 - our own fragments

MOVED: Final = _asked(_MOVED.format(bound=""), "custodies", "days")
"""What was booked from the statement before up to each day, and what was posted of later days."""

MOVED_WITHIN: Final = _asked(
    _MOVED.format(bound="AND entry.book_on <= given.day"), "custodies", "days"
)
"""The same without what is later, for days of which the closing follows from another one's."""

BOOKS: Final = _asked(
    f"""
    SELECT given.custody, coalesce(sum(amount), 0)::bigint AS fen
    FROM unnest(:custodies) AS given(custody)
    LEFT JOIN LATERAL (
        SELECT {_SIGNED} AS amount FROM escrow.bank_entry AS entry
        WHERE entry.journal_id = :journal AND entry.custody_account_id = given.custody
          AND {_ONCE} AND {_POSTED}) AS booked ON true
    GROUP BY given.custody
    """,  # noqa: S608 - our own fragments
    "custodies",
)
"""What all the entries posted so far say the bank holds."""

TROUBLED: Final = _asked(
    """
    SELECT given.custody, EXISTS (
               SELECT 1 FROM escrow.statement_day AS held
               WHERE held.journal_id = :journal AND held.custody_account_id = given.custody
                 AND held.day BETWEEN given.cut AND given.day AND held.state <> 'AGREED')
             AS differs,
           (SELECT min(standing.arose_on) FROM escrow.reconciliation_break AS standing
            WHERE standing.journal_id = :journal AND standing.custody_account_id = given.custody
              AND standing.state <> 'CLOSED' AND standing.outside) AS oldest
    FROM unnest(:custodies, :days, :cuts) AS given(custody, day, cut)
    """,
    "custodies",
    "days",
    "cuts",
)
"""Whether statements of late differ, and how far back the open breaks of an account go."""

STATEMENTS: Final = _asked(
    """
    SELECT held.*
    FROM unnest(:custodies, :days, :cuts) AS given(custody, day, cut)
    JOIN escrow.statement_day AS held
      ON held.journal_id = :journal AND held.custody_account_id = given.custody
     AND held.day BETWEEN given.cut AND given.day AND held.seq <= :known
    ORDER BY held.custody_account_id, held.day
    """,
    "custodies",
    "days",
    "cuts",
)
"""The statements of accounts, from a day on, in order."""

KEPT: Final = _asked(
    f"""
    SELECT entry.bank_entry_id, entry.custody_account_id AS custody, entry.kind, entry.book_on,
           {_SIGNED} AS amount
    FROM escrow.bank_entry AS entry
    WHERE entry.journal_id = :journal AND entry.custody_account_id = ANY(:custodies)
      AND {_ONCE} AND (entry.posted_seq IS NULL OR entry.posted_seq > entry.seq)
      AND (entry.posted_seq IS NULL OR entry.posted_seq > :known)
    """,  # noqa: S608 - our own fragments
    "custodies",
)
"""Entries that the bank reported and that could not be posted by then."""

UNCONFIRMED: Final = _asked(
    f"""
    SELECT entry.bank_entry_id, entry.custody_account_id AS custody, entry.book_on,
           {_SIGNED} AS amount, held.state IS NOT NULL AS suspected
    FROM unnest(:custodies, :days, :cuts) AS given(custody, day, cut)
    JOIN escrow.bank_entry AS entry
      ON entry.journal_id = :journal AND entry.custody_account_id = given.custody
     AND entry.book_on BETWEEN given.cut AND given.day
    LEFT JOIN escrow.suspected_entry AS held
      ON held.journal_id = :journal AND held.bank_entry_id = entry.bank_entry_id
     AND held.seq <= :known AND (held.decided_seq IS NULL OR held.decided_seq > :known)
    WHERE {_ONCE} AND {_POSTED}
      AND NOT EXISTS (SELECT 1 FROM escrow.statement_line AS line JOIN {_BROUGHT}
          WHERE line.journal_id = :journal AND line.bank_entry_id = entry.bank_entry_id
            AND line.seq <= :known AND brought.kind = 'STATEMENT'
            AND (line.outcome <> 'CONTRADICTED' OR line.book_on >= given.cut))
      AND {_COVERED}
    """,  # noqa: S608 - our own fragments
    "custodies",
    "days",
    "cuts",
)
"""Entries posted of days whose statements came line by line, and have no line of them.

A line that contradicts its entry confirms nothing, and is told of by itself (`CONTRADICTED`).
"""

CONTRADICTED: Final = _asked(
    f"""
    SELECT DISTINCT ON (line.custody_account_id, line.bank_ref)
           line.custody_account_id AS custody, line.bank_ref, line.book_on AS line_on,
           CASE line.direction WHEN 'CRDT' THEN line.amount_fen ELSE -line.amount_fen END
             AS line_fen,
           entry.bank_entry_id, entry.book_on, {_SIGNED} AS amount
    FROM unnest(:custodies, :cuts) AS given(custody, cut)
    JOIN escrow.statement_line AS line
      ON line.journal_id = :journal AND line.custody_account_id = given.custody
     AND line.book_on >= given.cut AND line.seq <= :known
    JOIN {_BROUGHT}
    JOIN escrow.bank_entry AS entry
      ON entry.journal_id = :journal AND entry.bank_entry_id = line.bank_entry_id
    WHERE line.outcome = 'CONTRADICTED' AND {_ONCE} AND {_POSTED}
      AND (brought.kind = 'STATEMENT' OR NOT {_COVERED})
    ORDER BY line.custody_account_id, line.bank_ref, line.seq, line.line
    """,  # noqa: S608 - our own fragments
    "custodies",
    "cuts",
)
"""Lines that say other than the entries they are, which stand posted as they were pushed."""
