"""Payment orders against their leases and what their banks reported of them (I-38)."""

from typing import Final

from service.verify.queries import Check

_LAST: Final = """
    SELECT DISTINCT ON (order_id) * FROM escrow.order_report WHERE journal_id = $1
    ORDER BY order_id, seq DESC"""

CHECKS: Final = (
    # Only a bank's fact moves an order past its bank's last word.
    Check(
        "I-38",
        """SELECT said.order_id, said.seq, said.state AS reported, ordered.state
        FROM said LEFT JOIN escrow.payment_order AS ordered
          ON ordered.journal_id = $1 AND ordered.order_id = said.order_id
        WHERE ordered.state IS NULL OR (ordered.state <> said.state
              AND ordered.state NOT IN ('EXECUTED', 'RETURNED', 'REVERSED'))
        ORDER BY 1""",
        {"said": _LAST},
    ),
    # "Not found" is a failure when it was answered twice, five minutes apart, and nothing between.
    Check(
        "I-38",
        """SELECT said.order_id, said.seq FROM said
        WHERE said.status = 'NOT_FOUND' AND said.state = 'REJECTED' AND NOT EXISTS (
            SELECT 1 FROM escrow.order_report AS before
            WHERE before.journal_id = $1 AND before.order_id = said.order_id
              AND before.status = 'NOT_FOUND' AND before.seq < said.seq
              AND before.reported_at <= said.reported_at - interval '5 minutes'
              AND NOT EXISTS (
                SELECT 1 FROM escrow.order_report AS other
                WHERE other.journal_id = $1 AND other.order_id = said.order_id
                  AND other.seq BETWEEN before.seq AND said.seq AND other.status <> 'NOT_FOUND'))
        ORDER BY 1""",
        {"said": _LAST},
    ),
    # What was handed over was sent, by the bank of its account.
    Check(
        "I-38",
        """SELECT lease.order_id, ordered.state FROM escrow.order_lease AS lease
        LEFT JOIN escrow.payment_order AS ordered
          ON ordered.journal_id = $1 AND ordered.order_id = lease.order_id
        WHERE lease.journal_id = $1 AND (ordered.state IS NULL
           OR ordered.state IN ('NEW', 'CANCELLED')
           OR (ordered.bank_code, ordered.custody_account_id, ordered.institution_id)
              <> (lease.bank_code, lease.custody_account_id, lease.institution_id))
        ORDER BY 1""",
    ),
    # Every word of a bank is a transaction of the journal.
    Check(
        "I-38",
        """SELECT said.order_id, said.seq, sealed.kind FROM escrow.order_report AS said
        LEFT JOIN escrow.journal_transaction AS sealed
          ON sealed.journal_id = $1 AND sealed.seq = said.seq
        WHERE said.journal_id = $1
          AND (sealed.refs::jsonb ->> 'order')::uuid IS DISTINCT FROM said.order_id
        ORDER BY 1""",
    ),
)
