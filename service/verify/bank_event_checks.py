"""What court orders, moved backings, failed banks and captures say, against the entries."""

from typing import Final

from service.verify.queries import Check

_LAST: Final = """
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = account.journal_id AND entry.account_id = account.account_id
        ORDER BY entry.seq DESC LIMIT 1) AS last"""

_DEDUCTED: Final = """
    SELECT entry.custody_account_id, coalesce(told.document_number, entry.bank_ref) AS document,
           sum(entry.amount_fen) AS fen
    FROM escrow.bank_entry AS entry
    LEFT JOIN escrow.bank_entry_detail AS told
      ON told.journal_id = $1 AND told.bank_entry_id = entry.bank_entry_id
    WHERE entry.journal_id = $1 AND entry.outcome = 'COURT_DEDUCTION' GROUP BY 1, 2"""
"""What was taken under each court document, by the bank's lines."""

_TOLD: Final = """
    SELECT coalesce(sealed.refs::jsonb ->> 'capture', sealed.refs::jsonb ->> 'receipt')::uuid
             AS bank_entry_id, sum(entry.amount) AS fen
    FROM escrow.account
    JOIN escrow.entry ON entry.journal_id = $1 AND entry.account_id = account.account_id
    JOIN escrow.journal_transaction AS sealed
      ON sealed.journal_id = $1 AND sealed.seq = entry.seq
    WHERE account.journal_id = $1 AND account.kind IN ('CHANNEL_CLEARING', 'CASH_UNDEPOSITED')
      AND sealed.kind IN ('CHANNEL_CAPTURED', 'CAPTURE_HELD', 'CASH_REPORTED') GROUP BY 1"""
"""What each capture or cash report put into A3 or A4."""

_CLAIMED: Final = f"""
    SELECT account.custody_account_id, sum(last.balance_after) AS fen FROM escrow.account{_LAST}
    WHERE account.journal_id = $1 AND account.kind = 'DUE_FROM_BANK'
      AND account.reason = 'FAILED_BANK' GROUP BY 1"""  # noqa: S608 - our own text
"""What is still claimed from failed banks (A6), by the account that failed."""

_LOST: Final = """
    SELECT failure_id, sum(prepaid_fen + interest_fen) AS fen FROM escrow.bank_loss
    WHERE journal_id = $1 GROUP BY failure_id"""

CHECKS: Final = (
    Check(
        "R-08",
        """SELECT ordered.court_order_id, ordered.state, ordered.deducted_fen,
               coalesce(deducted.fen, 0)::bigint AS lines_fen, held.amount_fen AS held_fen
        FROM escrow.court_order AS ordered
        LEFT JOIN deducted ON deducted.custody_account_id = ordered.custody_account_id
         AND deducted.document = ordered.document_number
        LEFT JOIN escrow.restraint AS held ON held.journal_id = $1
         AND held.restraint_id = ordered.restraint_id AND held.kind = 'HOLD'
         AND held.target_id = ordered.custody_account_id
        WHERE ordered.journal_id = $1
          AND (ordered.deducted_fen <> coalesce(deducted.fen, 0)
            OR (ordered.restraint_id IS NOT NULL AND held.restraint_id IS NULL)
            OR (ordered.restraint_id IS NOT NULL AND held.to_seq IS NULL
                AND held.amount_fen + ordered.deducted_fen <> ordered.amount_fen)
            OR (ordered.deducted_fen >= ordered.amount_fen) <> (ordered.state = 'DEDUCTED')
            OR (ordered.state = 'RELEASED') <> (ordered.released_on IS NOT NULL))
        ORDER BY 1""",
        {"deducted": _DEDUCTED},
    ),
    Check(
        "R-08",
        """SELECT moved.move_id, moved.state, moved.order_id, sent.state AS order_state
        FROM escrow.backing_move AS moved
        LEFT JOIN escrow.payment_order AS sent
          ON sent.journal_id = $1 AND sent.order_id = moved.order_id
         AND sent.purpose = 'BACKING'
         AND sent.custody_account_id = moved.source_custody_account_id
         AND sent.target_custody_account_id = moved.target_custody_account_id
         AND sent.amount_fen = moved.prepaid_fen + moved.interest_fen
                               - moved.legacy_fen - moved.diversion_fen
        WHERE moved.journal_id = $1 AND moved.state <> CASE
              WHEN moved.order_id IS NULL
               AND moved.prepaid_fen + moved.interest_fen = moved.legacy_fen + moved.diversion_fen
                   THEN 'MOVED'
              WHEN sent.state IN ('NEW', 'SENT', 'ACCEPTED', 'UNKNOWN') THEN 'INSTRUCTED'
              WHEN sent.arrived_entry_id IS NOT NULL THEN 'MOVED'
              WHEN sent.state = 'EXECUTED' THEN 'INSTRUCTED'
              WHEN sent.state IS NOT NULL THEN 'FAILED' ELSE 'NONE' END
        ORDER BY 1""",
    ),
    Check(
        "R-08",
        """SELECT coalesce(pending.bank_entry_id, told.bank_entry_id) AS bank_entry_id,
               pending.amount_fen, coalesce(told.fen, 0)::bigint AS told_fen
        FROM (SELECT bank_entry_id, amount_fen FROM escrow.bank_entry
              WHERE journal_id = $1 AND direction = 'PEND') AS pending
        FULL JOIN told ON told.bank_entry_id = pending.bank_entry_id
        WHERE pending.amount_fen IS DISTINCT FROM coalesce(told.fen, 0)
        ORDER BY 1""",
        {"told": _TOLD},
    ),
    Check(
        "R-08",
        """SELECT failed.failure_id, failed.balance_fen, failed.paid_fen, failed.lost_fen,
               coalesce(claimed.fen, 0)::bigint AS claimed_fen,
               coalesce(lost.fen, 0)::bigint AS losses_fen
        FROM escrow.bank_failure AS failed
        LEFT JOIN claimed ON claimed.custody_account_id = failed.custody_account_id
        LEFT JOIN lost ON lost.failure_id = failed.failure_id
        WHERE failed.journal_id = $1
          AND (coalesce(claimed.fen, 0) <> failed.balance_fen - failed.paid_fen
            OR coalesce(lost.fen, 0) <> failed.lost_fen
            OR failed.paid_fen + failed.lost_fen > failed.balance_fen
            OR (failed.state = 'CLOSED') <> (failed.closed_on IS NOT NULL))
        ORDER BY 1""",
        {"claimed": _CLAIMED, "lost": _LOST},
    ),
)
