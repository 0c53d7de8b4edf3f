"""What institutions were paid and may still hold, and what restrains them, against the journal."""

from typing import Final

from service.verify.queries import Check

_EARNED: Final = """
    SELECT account.institution_id, sum(entry.amount)::bigint AS fen
    FROM escrow.account
    JOIN escrow.entry ON entry.journal_id = account.journal_id
     AND entry.account_id = account.account_id
    JOIN escrow.journal_transaction AS sealed ON sealed.journal_id = entry.journal_id
     AND sealed.seq = entry.seq
    WHERE account.journal_id = $1 AND account.kind = 'INSTITUTION_PAYABLE'
      AND sealed.kind NOT IN ('PAYOUT_INSTRUCTED', 'PAYOUT_REJECTED', 'PAYOUT_CANCELLED',
          'PAYOUT_RETURNED', 'PAYOUT_REVERSED')
    GROUP BY account.institution_id"""
"""What each institution earned less what was set off: L4 without payouts going and coming back."""

_PAID: Final = """
    SELECT institution_id, sum(amount_fen)::bigint AS fen FROM escrow.payment_order
    WHERE journal_id = $1 AND kind = 'EARNED' AND state = 'EXECUTED' GROUP BY institution_id"""

_HELD: Final = """
    SELECT DISTINCT ON (unit_id, kind, reason) unit_id, kind, balance FROM escrow.rollup
    WHERE journal_id = $1 AND unit_type = 'INSTITUTION'
      AND kind IN ('STUDENT_PREPAID', 'LESSON_PENDING', 'LESSON_DISPUTED', 'REFUND_PAYABLE',
          'REFUND_IN_TRANSIT', 'RETURNED_REFUND_HELD', 'STUDENT_INTEREST', 'RESIDUAL_CLAIM',
          'PORTING_IN_TRANSIT')
    ORDER BY unit_id, kind, reason, seq DESC"""
"""What institutions hold of students' money, by the roll-ups."""

_NOTED: Final = """
    SELECT kind, seq, (refs::jsonb ->> 'restraint')::uuid AS restraint_id,
           refs::jsonb ->> 'kind' AS restrains, refs::jsonb ->> 'target' AS target,
           (refs::jsonb ->> 'amount_fen')::bigint AS amount_fen
    FROM escrow.journal_transaction
    WHERE journal_id = $1 AND kind IN ('RESTRAINT_PLACED', 'RESTRAINT_LIFTED')"""
"""What transactions say of restraints."""

_STOPPED: Final = """
    SELECT sealed.seq, sealed.kind, sealed.reason, about.target
    FROM escrow.journal_transaction AS sealed
    CROSS JOIN LATERAL (VALUES (sealed.refs::jsonb ->> 'custody'),
        (sealed.refs::jsonb ->> 'institution'), (sealed.refs::jsonb ->> 'enrolment'))
      AS about (target)
    WHERE sealed.journal_id = $1 AND sealed.kind IN ('PAYOUT_INSTRUCTED', 'SURPLUS_INSTRUCTED',
          'DEPOSIT_RELEASE_INSTRUCTED', 'REFUND_INSTRUCTED', 'SUSPENSE_RETURN_INSTRUCTED',
          'REFUND_REISSUED', 'TRANSFER_INSTRUCTED', 'LESSON_RECORDED', 'LESSON_CONFIRMED')"""
"""What a restraint on a custody account, an institution or an enrolment may stop.

Of transfers the restraints stop those that move an enrolment's backing; a wind-down's go on.
"""

CHECKS: Final = (
    Check(
        "I-18",
        """SELECT paid.institution_id, paid.fen AS paid_fen, coalesce(earned.fen, 0) AS earned_fen
        FROM paid LEFT JOIN earned ON earned.institution_id = paid.institution_id
        WHERE paid.fen > coalesce(earned.fen, 0) ORDER BY 1""",
        {"earned": _EARNED, "paid": _PAID},
    ),
    Check(
        "I-34",
        """SELECT gone.institution_id, gone.state, held.kind, held.balance AS fen
        FROM escrow.institution AS gone JOIN held ON held.unit_id = gone.institution_id::text
        WHERE gone.journal_id = $1 AND gone.state IN ('EXITED', 'DEREGISTERED')
          AND held.balance > 0
        ORDER BY 1, 3""",
        {"held": _HELD},
    ),
    Check(
        "R-06",
        """SELECT coalesce(stands.restraint_id, placed.restraint_id) AS restraint_id, stands.kind,
               stands.from_seq, stands.to_seq, placed.seq AS placed_at, lifted.seq AS lifted_at
        FROM (SELECT * FROM escrow.restraint WHERE journal_id = $1) AS stands
        FULL JOIN (SELECT * FROM noted WHERE kind = 'RESTRAINT_PLACED') AS placed
          ON placed.restraint_id = stands.restraint_id
        LEFT JOIN noted AS lifted ON lifted.kind = 'RESTRAINT_LIFTED'
         AND lifted.restraint_id = coalesce(stands.restraint_id, placed.restraint_id)
        WHERE stands.kind IS DISTINCT FROM placed.restrains
           OR stands.target_id::text IS DISTINCT FROM placed.target
           OR stands.amount_fen IS DISTINCT FROM placed.amount_fen
           OR stands.from_seq > placed.seq
           OR stands.to_seq IS DISTINCT FROM lifted.seq
        ORDER BY 1""",
        {"noted": _NOTED},
    ),
    Check(
        "V-12",
        """SELECT stopped.seq, stopped.kind, held.restraint_id, held.kind AS restraint
        FROM escrow.restraint AS held
        JOIN stopped ON stopped.target = held.target_id::text AND stopped.seq > held.from_seq
         AND (held.to_seq IS NULL OR stopped.seq < held.to_seq)
        WHERE held.journal_id = $1 AND CASE held.kind
              WHEN 'FENCE' THEN CASE stopped.kind WHEN 'TRANSFER_INSTRUCTED'
                   THEN stopped.reason IS NOT DISTINCT FROM 'BACKING'
                   ELSE stopped.kind LIKE '%INSTRUCTED' OR stopped.kind = 'REFUND_REISSUED' END
              WHEN 'PAYOUT_STOP' THEN stopped.kind IN ('PAYOUT_INSTRUCTED', 'SURPLUS_INSTRUCTED',
                   'DEPOSIT_RELEASE_INSTRUCTED')
              WHEN 'FREEZE' THEN held.target_type = 'ENROLMENT'
               AND (stopped.kind IN ('LESSON_RECORDED', 'LESSON_CONFIRMED')
                    OR (stopped.kind, stopped.reason) = ('TRANSFER_INSTRUCTED', 'BACKING'))
              END
        ORDER BY 1""",
        {"stopped": _STOPPED},
    ),
)
