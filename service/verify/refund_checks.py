"""What refunds say of themselves, against the money in the journal, their orders and receipts."""

from typing import Final

from service.verify.queries import Check

_OWED: Final = """
    SELECT account.owner_id AS refund_id,
           sum(last.balance_after) FILTER (WHERE account.kind = 'REFUND_PAYABLE') AS payable,
           sum(last.balance_after) FILTER (WHERE account.kind = 'RETURNED_REFUND_HELD') AS returned
    FROM escrow.account
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = account.journal_id AND entry.account_id = account.account_id
        ORDER BY entry.seq DESC LIMIT 1) AS last
    WHERE account.journal_id = $1 AND account.kind IN ('REFUND_PAYABLE', 'RETURNED_REFUND_HELD')
    GROUP BY account.owner_id"""
"""What stands in L6 and L9 of each refund, by the entries."""

_ORDERED: Final = """
    SELECT refund_id, sum(amount_fen) FILTER (
               WHERE state IN ('NEW', 'SENT', 'ACCEPTED', 'UNKNOWN')) AS leaving,
           sum(amount_fen) FILTER (WHERE state = 'EXECUTED' AND kind = 'REFUND') AS paid,
           sum(amount_fen) FILTER (WHERE state = 'EXECUTED' AND kind = 'LODGING') AS lodged
    FROM escrow.payment_order WHERE journal_id = $1 AND kind IN ('REFUND', 'LODGING')
    GROUP BY refund_id"""
"""What the orders of each refund are paying or have paid."""

_BACK: Final = """
    SELECT bank_entry_id, sum(fen) AS fen FROM (
        SELECT receipt_entry_id AS bank_entry_id, amount_fen - taken_back_fen AS fen
        FROM escrow.refund WHERE journal_id = $1 AND receipt_entry_id IS NOT NULL
        UNION ALL
        SELECT bank_entry_id, amount_fen FROM escrow.payment_order
        WHERE journal_id = $1 AND kind = 'SUSPENSE_RETURN'
          AND state NOT IN ('REJECTED', 'CANCELLED', 'RETURNED', 'REVERSED')
    ) AS going GROUP BY bank_entry_id"""
"""What goes back, or went, to the payer of each receipt."""

CHECKS: Final = (
    Check(
        "R-02",
        """SELECT coalesce(refund.refund_id, owed.refund_id) AS refund_id, refund.payable_fen,
               coalesce(owed.payable, 0)::bigint AS owed_fen, refund.returned_fen,
               coalesce(owed.returned, 0)::bigint AS held_fen
        FROM (SELECT * FROM escrow.refund WHERE journal_id = $1) AS refund
        FULL JOIN owed ON owed.refund_id = refund.refund_id
        WHERE refund.payable_fen IS DISTINCT FROM coalesce(owed.payable, 0)
           OR refund.returned_fen IS DISTINCT FROM coalesce(owed.returned, 0)
        ORDER BY 1""",
        {"owed": _OWED},
    ),
    Check(
        "R-02",
        """SELECT coalesce(refund.refund_id, ordered.refund_id) AS refund_id,
               refund.in_transit_fen, coalesce(ordered.leaving, 0)::bigint AS leaving_fen,
               refund.paid_fen, coalesce(ordered.paid, 0)::bigint AS executed_fen,
               refund.lodged_fen, coalesce(ordered.lodged, 0)::bigint AS deposited_fen
        FROM (SELECT * FROM escrow.refund WHERE journal_id = $1) AS refund
        FULL JOIN ordered ON ordered.refund_id = refund.refund_id
        WHERE (refund.in_transit_fen IS DISTINCT FROM coalesce(ordered.leaving, 0)
            OR refund.paid_fen IS DISTINCT FROM coalesce(ordered.paid, 0)
            OR refund.lodged_fen IS DISTINCT FROM coalesce(ordered.lodged, 0))
          AND NOT EXISTS (
              SELECT 1 FROM escrow.porting
              WHERE porting.journal_id = $1 AND porting.entitlement_id = refund.source_id
                AND porting.state IN ('INSTRUCTED', 'SENT', 'ARRIVED')
                AND refund.source = 'DIVIDEND')
        ORDER BY 1""",
        {"ordered": _ORDERED},
    ),
    Check(
        "I-29",
        """SELECT back.bank_entry_id, back.fen::bigint AS going_back_fen, entry.amount_fen
        FROM back LEFT JOIN escrow.bank_entry AS entry
          ON entry.journal_id = $1 AND entry.bank_entry_id = back.bank_entry_id
        WHERE back.fen > coalesce(entry.amount_fen, 0) ORDER BY 1""",
        {"back": _BACK},
    ),
)
