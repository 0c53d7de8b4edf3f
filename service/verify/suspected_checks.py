"""What is suspected of bank entries, and the parts of batch debits, against the entries."""

from typing import Final

from service.verify.queries import Check

_HELD: Final = """
    SELECT bank_entry_id, outcome, suspense_fen, amount_fen,
           outcome = 'SUSPENSE' AND suspense_reason = 'SUSPECTED_DUPLICATE' AS is_held
    FROM escrow.bank_entry WHERE journal_id = $1"""

_PARTS: Final = """
    SELECT part.bank_entry_id, sum(part.amount_fen)::bigint AS fen,
           bool_and(paid.executed_entry_id IS NOT DISTINCT FROM part.bank_entry_id
                    AND paid.amount_fen = part.amount_fen) AS is_paid
    FROM escrow.entry_part AS part
    LEFT JOIN escrow.payment_order AS paid
      ON paid.journal_id = $1 AND paid.order_id = part.order_id
    WHERE part.journal_id = $1 GROUP BY part.bank_entry_id"""

CHECKS: Final = (
    Check(
        "I-35",
        """SELECT coalesce(said.bank_entry_id, held.bank_entry_id) AS bank_entry_id, said.state,
               held.outcome
        FROM (SELECT * FROM escrow.suspected_entry WHERE journal_id = $1) AS said
        FULL JOIN held ON held.bank_entry_id = said.bank_entry_id
        LEFT JOIN escrow.bank_entry AS other
          ON other.journal_id = $1 AND other.bank_entry_id = said.other_entry_id
         AND other.custody_account_id = said.custody_account_id
         AND other.bank_entry_id <> said.bank_entry_id
        WHERE (coalesce(said.state, '') = 'OPEN') IS DISTINCT FROM coalesce(held.is_held, false)
           OR (held.is_held AND held.suspense_fen <> held.amount_fen)
           OR (said.state IS NOT NULL
               AND (held.bank_entry_id IS NULL OR other.bank_entry_id IS NULL))
           OR (coalesce(held.outcome, '') IN ('DUPLICATE', 'BANK_ERROR'))
              <> (coalesce(said.state, '') = 'SAME')
           OR (said.state = 'SAME' AND held.outcome <> CASE said.closed_as
               WHEN 'BANK_ERROR' THEN 'BANK_ERROR' ELSE 'DUPLICATE' END)
        ORDER BY 1""",
        {"held": _HELD},
    ),
    Check(
        "I-35",
        """SELECT parts.bank_entry_id, parts.fen, held.amount_fen, held.outcome
        FROM parts LEFT JOIN held ON held.bank_entry_id = parts.bank_entry_id
        WHERE held.bank_entry_id IS NULL OR parts.fen <> held.amount_fen
           OR (held.outcome = 'ORDERS') <> coalesce(parts.is_paid, false)
        ORDER BY 1""",
        {"held": _HELD, "parts": _PARTS},
    ),
)
