"""What wind-downs say of themselves: register, plans and closure against the journal."""

from typing import Final

from service.verify.queries import Check

_RESIDUAL: Final = """
    SELECT account.owner_id AS entitlement_id, sum(last.balance_after) AS fen
    FROM escrow.account
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = account.journal_id AND entry.account_id = account.account_id
        ORDER BY entry.seq DESC LIMIT 1) AS last
    WHERE account.journal_id = $1 AND account.kind = 'RESIDUAL_CLAIM'
      AND NOT EXISTS (SELECT 1 FROM escrow.bank_loss AS lost
                      WHERE lost.journal_id = $1 AND lost.loss_id = account.owner_id)
    GROUP BY account.owner_id"""
"""What stands in L13 of each entitlement, by the entries; losses with a failed bank apart."""

_REFUNDED: Final = """
    SELECT source_id AS entitlement_id, sum(amount_fen) AS fen FROM escrow.refund
    WHERE journal_id = $1 AND source IN ('DIVIDEND', 'RECOVERY') GROUP BY source_id"""

_PLANNED: Final = """
    SELECT share.entitlement_id, sum(share.dividend_fen) AS fen
    FROM escrow.distribution_plan AS plan
    JOIN escrow.plan_share AS share
      ON share.journal_id = $1 AND share.plan_id = plan.plan_id
     AND share.register_number <= plan.posted_to
    WHERE plan.journal_id = $1 AND plan.state IN ('APPROVED', 'POSTED')
    GROUP BY share.entitlement_id"""
"""What the posted part of all rounds gives each entitlement."""

_SUMS: Final = """
    SELECT wind_down_id, sum(claimed_fen) AS claimed, sum(dividend_fen) AS distributed,
           sum(residual_fen + written_off_fen) AS residual
    FROM escrow.entitlement WHERE journal_id = $1 GROUP BY wind_down_id"""

_STANDING: Final = """
    SELECT DISTINCT ON (unit_id, kind, reason) unit_id, kind, balance FROM escrow.rollup
    WHERE journal_id = $1 AND unit_type = 'CUSTODY_ACCOUNT'
    ORDER BY unit_id, kind, reason, seq DESC"""

_CLOSED: Final = """
    SELECT held.custody_account_id,
           sum(CASE WHEN standing.kind IN ('CUSTODY_BANK', 'RISK_DEPOSIT_BANK')
                    THEN standing.balance ELSE 0 END) AS cash,
           sum(CASE WHEN standing.kind IN ('SUSPENSE_RECEIPT', 'RETURNED_REFUND_HELD',
                        'BANK_ERROR_CREDIT', 'INSTITUTION_PAYABLE', 'INSTITUTION_OWN_FUNDS',
                        'RISK_DEPOSIT_HELD', 'REFUND_IN_TRANSIT', 'PAYOUT_IN_TRANSIT',
                        'INTEREST_UNALLOCATED')
                    THEN standing.balance ELSE 0 END) AS named,
           sum(CASE WHEN standing.kind IN ('STUDENT_PREPAID', 'STUDENT_INTEREST',
                        'REFUND_PAYABLE', 'RESIDUAL_CLAIM', 'LESSON_PENDING', 'LESSON_DISPUTED')
                    THEN standing.balance ELSE 0 END) AS owed
    FROM escrow.wind_down AS closed
    JOIN escrow.custody_account AS held
      ON held.journal_id = $1 AND held.institution_id = closed.institution_id
    JOIN standing ON standing.unit_id = held.custody_account_id::text
    WHERE closed.journal_id = $1 AND closed.state = 'CLOSED'
    GROUP BY held.custody_account_id"""
"""By custody account of closed cases: its cash, whose it is by name, and what is still owed."""

_AFTER_FREEZE: Final = """
    SELECT sealed.seq, sealed.kind, sealed.refs::jsonb AS refs, stopped.frozen_on
    FROM escrow.wind_down AS stopped
    JOIN escrow.journal_transaction AS sealed
      ON sealed.journal_id = $1 AND sealed.seq > stopped.frozen_seq
     AND sealed.refs::jsonb ->> 'institution' = stopped.institution_id::text
    WHERE stopped.journal_id = $1 AND stopped.state <> 'LIFTED'
      AND sealed.kind IN ('PAYOUT_INSTRUCTED', 'SURPLUS_INSTRUCTED', 'RECEIPT_MATCHED',
          'CHANNEL_CAPTURED', 'CASH_REPORTED', 'DEPOSIT_RELEASE_INSTRUCTED')"""

CHECKS: Final = (
    Check(
        "R-03",
        """SELECT coalesce(entitled.entitlement_id, residual.entitlement_id) AS entitlement_id,
               entitled.claimed_fen, entitled.dividend_fen, entitled.residual_fen,
               entitled.written_off_fen, coalesce(residual.fen, 0)::bigint AS owed_fen,
               coalesce(refunded.fen, 0)::bigint AS refunded_fen
        FROM (SELECT * FROM escrow.entitlement WHERE journal_id = $1) AS entitled
        FULL JOIN residual ON residual.entitlement_id = entitled.entitlement_id
        LEFT JOIN refunded ON refunded.entitlement_id = entitled.entitlement_id
        WHERE entitled.residual_fen IS DISTINCT FROM coalesce(residual.fen, 0)
           OR entitled.dividend_fen IS DISTINCT FROM coalesce(refunded.fen, 0)
           OR entitled.posted_round > 0 AND entitled.claimed_fen
              <> entitled.dividend_fen + entitled.residual_fen + entitled.written_off_fen
        ORDER BY 1""",
        {"residual": _RESIDUAL, "refunded": _REFUNDED},
    ),
    Check(
        "R-03",
        """SELECT stopped.wind_down_id, stopped.claimed_fen, sums.claimed::bigint AS claims_fen,
               stopped.distributed_fen, sums.distributed::bigint AS dividends_fen,
               stopped.residual_fen, sums.residual::bigint AS residuals_fen
        FROM escrow.wind_down AS stopped
        JOIN sums ON sums.wind_down_id = stopped.wind_down_id
        WHERE stopped.journal_id = $1
          AND (stopped.distributed_fen <> sums.distributed OR stopped.residual_fen <> sums.residual
               OR stopped.state IN ('POSTED', 'PAYING', 'RESIDUAL', 'CLOSED')
              AND (stopped.claimed_fen <> sums.claimed
                   OR sums.claimed <> sums.distributed + sums.residual))
        ORDER BY 1""",
        {"sums": _SUMS},
    ),
    Check(
        "I-31",
        """SELECT entitled.entitlement_id, entitled.dividend_fen,
               coalesce(planned.fen, 0)::bigint AS planned_fen
        FROM (SELECT * FROM escrow.entitlement WHERE journal_id = $1) AS entitled
        FULL JOIN planned ON planned.entitlement_id = entitled.entitlement_id
        WHERE entitled.dividend_fen IS DISTINCT FROM coalesce(planned.fen, 0) ORDER BY 1""",
        {"planned": _PLANNED},
    ),
    Check(
        "I-32",
        """SELECT custody_account_id, cash::bigint, named::bigint, owed::bigint FROM closed
        WHERE cash <> named OR owed <> 0 ORDER BY 1""",
        {"standing": _STANDING, "closed": _CLOSED},
    ),
    Check(
        "I-33",
        """SELECT later.seq, later.kind FROM later
        LEFT JOIN escrow.bank_entry AS entry
          ON entry.journal_id = $1
         AND entry.bank_entry_id = (later.refs ->> 'bank_entry')::uuid
        WHERE later.kind IN ('PAYOUT_INSTRUCTED', 'SURPLUS_INSTRUCTED',
                  'DEPOSIT_RELEASE_INSTRUCTED')
           OR entry.book_on > later.frozen_on
        ORDER BY 1""",
        {"later": _AFTER_FREEZE},
    ),
)
