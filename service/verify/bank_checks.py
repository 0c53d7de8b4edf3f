"""What bank entries, payment orders and statements say, against the money in the journal."""

from typing import Final

from service.verify.queries import Check

_IN_BANK: Final = """
    SELECT entry.seq, entry.amount, account.custody_account_id, sealed.kind,
           (sealed.refs::jsonb ->> 'bank_entry')::uuid AS bank_entry_id
    FROM escrow.account
    JOIN escrow.entry ON entry.journal_id = account.journal_id
     AND entry.account_id = account.account_id
    JOIN escrow.journal_transaction AS sealed ON sealed.journal_id = entry.journal_id
     AND sealed.seq = entry.seq
    WHERE account.journal_id = $1 AND account.kind IN ('CUSTODY_BANK', 'RISK_DEPOSIT_BANK')"""
"""Every change of money in a bank, with the bank entry its transaction cites."""

_CITED: Final = """
    SELECT bank_entry_id, sum(amount) AS fen, bool_or(kind = 'TRANSACTION_REVERSED') AS reversed
    FROM moved GROUP BY bank_entry_id"""

_SIGNED: Final = """
    SELECT bank_entry_id, bank_ref, outcome,
           CASE direction WHEN 'CRDT' THEN amount_fen WHEN 'DBIT' THEN -amount_fen ELSE 0 END
             AS fen
    FROM escrow.bank_entry WHERE journal_id = $1"""

_LEAVING: Final = """
    SELECT account.owner_id AS order_id, account.kind, last.balance_after AS fen
    FROM escrow.account
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = account.journal_id AND entry.account_id = account.account_id
        ORDER BY entry.seq DESC LIMIT 1) AS last
    WHERE account.journal_id = $1 AND account.kind IN ('PAYOUT_IN_TRANSIT', 'REFUND_IN_TRANSIT')"""

_ORDERED: Final = """
    SELECT order_id, state, amount_fen, executed_entry_id, returned_entry_id,
           CASE WHEN kind IN ('REFUND', 'LODGING', 'SUSPENSE_RETURN') THEN 'REFUND_IN_TRANSIT'
                WHEN kind IN ('TRANSFER', 'PORTING') THEN 'NOT_BEFORE_ITS_DEBIT'
                ELSE 'PAYOUT_IN_TRANSIT' END AS kind
    FROM escrow.payment_order WHERE journal_id = $1"""

CHECKS: Final = (
    Check(
        "I-35",
        """SELECT moved.seq, moved.kind, moved.bank_entry_id FROM moved
        LEFT JOIN escrow.bank_entry AS cited
          ON cited.journal_id = $1 AND cited.bank_entry_id = moved.bank_entry_id
         AND cited.custody_account_id = moved.custody_account_id
        WHERE cited.bank_entry_id IS NULL ORDER BY 1""",
        {"moved": _IN_BANK},
    ),
    Check(
        "I-35",
        """SELECT signed.bank_entry_id, signed.bank_ref, signed.outcome, signed.fen AS entry_fen,
               coalesce(cited.fen, 0)::bigint AS cited_fen
        FROM signed LEFT JOIN cited ON cited.bank_entry_id = signed.bank_entry_id
        WHERE abs(coalesce(cited.fen, 0)) > abs(signed.fen)
           OR sign(coalesce(cited.fen, 0)) NOT IN (0, sign(signed.fen))
           OR (coalesce(cited.fen, 0) <> CASE WHEN signed.outcome IN ('KEPT', 'DUPLICATE') THEN 0
                                             ELSE signed.fen END
               AND NOT coalesce(cited.reversed, false))
        ORDER BY 1""",
        {"moved": _IN_BANK, "cited": _CITED, "signed": _SIGNED},
    ),
    Check(
        "I-36",
        """SELECT custody_account_id, day, opening_fen, before, closing_fen FROM (
            SELECT *, lag(closing_fen) OVER days AS before, lag(day) OVER days AS day_before
            FROM escrow.statement_day WHERE journal_id = $1
            WINDOW days AS (PARTITION BY custody_account_id ORDER BY day)) AS following
        WHERE opening_fen + credit_fen - debit_fen <> closing_fen
           OR (before <> opening_fen
               AND (day_before = day - 1 OR NOT EXISTS (
                   SELECT 1 FROM escrow.bank_statement AS told
                   WHERE told.journal_id = $1 AND told.kind = 'STATEMENT'
                     AND told.custody_account_id = following.custody_account_id
                     AND (following.day BETWEEN told.from_on AND told.to_on
                          OR following.day_before BETWEEN told.from_on AND told.to_on))))
        ORDER BY 1, 2""",
        # A file may come while the one before is missing; between days that meet nothing is.
    ),
    Check(
        "I-37",
        """SELECT custody_account_id, day, closing_fen, ledger_closing_fen
        FROM escrow.statement_day WHERE journal_id = $1 AND state = 'AGREED'
          AND ledger_closing_fen IS DISTINCT FROM closing_fen ORDER BY 1, 2""",
    ),
    Check(
        "I-38",
        """SELECT coalesce(ordered.order_id, leaving.order_id) AS order_id, ordered.state,
               ordered.amount_fen, leaving.fen AS in_transit_fen
        FROM ordered FULL JOIN leaving
          ON leaving.order_id = ordered.order_id AND leaving.kind = ordered.kind
        WHERE coalesce(leaving.fen, 0) IS DISTINCT FROM
              CASE WHEN ordered.state IN ('NEW', 'SENT', 'ACCEPTED', 'UNKNOWN')
                    AND ordered.kind <> 'NOT_BEFORE_ITS_DEBIT'
                   THEN ordered.amount_fen ELSE 0 END
           OR ordered.order_id IS NULL
           OR (ordered.state IN ('EXECUTED', 'RETURNED', 'REVERSED'))
              <> (ordered.executed_entry_id IS NOT NULL)
           OR (ordered.state IN ('RETURNED', 'REVERSED'))
              <> (ordered.returned_entry_id IS NOT NULL)
        ORDER BY 1""",
        {"leaving": _LEAVING, "ordered": _ORDERED},
    ),
)
