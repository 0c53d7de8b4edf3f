"""What claims say of themselves: priced within their bounds, posted as priced, one at a time."""

from typing import Final

from service.verify.queries import Check

_POSTED: Final = """
    SELECT (sealed.refs::jsonb ->> 'claim')::uuid AS claim_id, count(*) AS times,
           bool_or(sealed.kind = 'HELD_REFUND_PAID') AS held,
           -sum(moved.prepaid) AS prepaid, -sum(moved.interest) AS interest
    FROM escrow.journal_transaction AS sealed
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(entry.amount) FILTER (WHERE account.kind = 'STUDENT_PREPAID'), 0)
                 AS prepaid,
               coalesce(sum(entry.amount) FILTER (WHERE account.kind = 'STUDENT_INTEREST'), 0)
                 AS interest
        FROM escrow.entry
        JOIN escrow.account ON account.journal_id = entry.journal_id
         AND account.account_id = entry.account_id
        WHERE entry.journal_id = sealed.journal_id AND entry.seq = sealed.seq) AS moved
    WHERE sealed.journal_id = $1 AND sealed.kind IN ('REFUND_APPROVED', 'SCHEDULE_REBASED',
          'HELD_REFUND_PAID')
      AND sealed.refs::jsonb ? 'claim'
    GROUP BY 1"""
"""What the transactions that approved each claim took from L1 and L11."""

_PARTED: Final = """
    SELECT source_id AS claim_id, sum(amount_fen) AS fen FROM escrow.refund
    WHERE journal_id = $1 AND source = 'CLAIM' GROUP BY source_id"""

_WRITTEN: Final = """
    SELECT claim_id, sum(round((step ->> 'amount')::numeric * 100)) AS fen
    FROM escrow.claim CROSS JOIN LATERAL jsonb_array_elements(breakdown::jsonb) AS step
    WHERE journal_id = $1 AND breakdown IS NOT NULL GROUP BY claim_id"""
"""What the breakdown that a parent reads adds up to."""

_DELIVERED: Final = """
    SELECT claim.claim_id, claim.refund_fen, claim.basis, enrolment.price_fen,
           coalesce(sum(before.refund_fen), 0) AS before_fen,
           CASE claim.basis
             WHEN 'LIST_PRICE' THEN CASE WHEN enrolment.list_lesson_fen IS NULL
               THEN div(enrolment.lessons_confirmed * enrolment.price_fen::numeric,
                        enrolment.lessons_paid)
               ELSE enrolment.lessons_confirmed * enrolment.list_lesson_fen END
             WHEN 'DISCOUNT_PRICE' THEN div(
               enrolment.lessons_confirmed * enrolment.price_fen::numeric,
               enrolment.lessons_paid + enrolment.lessons_gift)
             ELSE 0 END AS delivered_fen
    FROM escrow.claim
    JOIN escrow.enrolment ON enrolment.journal_id = claim.journal_id
     AND enrolment.enrolment_id = claim.enrolment_id
    LEFT JOIN escrow.claim AS before ON before.journal_id = claim.journal_id
     AND before.enrolment_id = claim.enrolment_id AND before.claim_id <> claim.claim_id
    WHERE claim.journal_id = $1 AND claim.scope = 'WHOLE' AND claim.refund_fen IS NOT NULL
    GROUP BY claim.journal_id, claim.claim_id, enrolment.journal_id, enrolment.enrolment_id"""
"""What each contract that a claim ended was paid, and what of it was delivered, by its basis."""

_FILED: Final = """
    SELECT (refs::jsonb ->> 'claim')::uuid AS claim_id, seq FROM escrow.journal_transaction
    WHERE journal_id = $1 AND kind = 'CLAIM_FILED'"""

_RECORDED: Final = """
    SELECT (refs::jsonb ->> 'enrolment')::uuid AS enrolment_id, seq
    FROM escrow.journal_transaction WHERE journal_id = $1 AND kind = 'LESSON_RECORDED'"""

CHECKS: Final = (
    Check(
        "I-27",
        """SELECT delivered.claim_id, delivered.basis, delivered.refund_fen,
               delivered.before_fen::bigint, delivered.price_fen, delivered.delivered_fen::bigint
        FROM delivered WHERE delivered.refund_fen > greatest(
            delivered.price_fen - delivered.before_fen - delivered.delivered_fen, 0)
        ORDER BY 1""",
        {"delivered": _DELIVERED},
    ),
    Check(
        "I-27",
        """SELECT coalesce(claim.claim_id, posted.claim_id) AS claim_id, claim.state,
               claim.refund_fen, claim.institution_fen, claim.interest_fen,
               posted.prepaid::bigint AS prepaid_fen, posted.interest::bigint AS l11_fen,
               parted.fen::bigint AS parted_fen, written.fen::bigint AS written_fen
        FROM (SELECT * FROM escrow.claim
              WHERE journal_id = $1 AND approved_on IS NOT NULL) AS claim
        FULL JOIN posted ON posted.claim_id = claim.claim_id
        LEFT JOIN parted ON parted.claim_id = claim.claim_id
        LEFT JOIN written ON written.claim_id = claim.claim_id
        WHERE posted.times IS DISTINCT FROM 1
           OR posted.prepaid IS DISTINCT FROM claim.refund_fen + claim.institution_fen
           OR posted.interest IS DISTINCT FROM claim.interest_fen
           OR coalesce(parted.fen, 0) IS DISTINCT FROM
              CASE WHEN posted.held THEN 0 ELSE claim.refund_fen + claim.interest_fen END
           OR written.fen IS DISTINCT FROM claim.refund_fen + claim.interest_fen
        ORDER BY 1""",
        {"posted": _POSTED, "parted": _PARTED, "written": _WRITTEN},
    ),
    Check(
        "I-28",
        """SELECT enrolment_id, count(*) AS open FROM escrow.claim
        WHERE journal_id = $1
          AND state IN ('FILED', 'AGREED', 'CONTESTED', 'DECIDED', 'APPROVED')
        GROUP BY enrolment_id HAVING count(*) > 1 ORDER BY 1""",
    ),
    Check(
        "I-28",
        """SELECT claim.claim_id, claim.state, recorded.seq
        FROM escrow.claim
        JOIN filed ON filed.claim_id = claim.claim_id
        JOIN recorded ON recorded.enrolment_id = claim.enrolment_id AND recorded.seq > filed.seq
         AND (recorded.seq < claim.seq
              OR claim.state IN ('FILED', 'AGREED', 'CONTESTED', 'DECIDED', 'APPROVED'))
        WHERE claim.journal_id = $1 ORDER BY 1, 3""",
        {"filed": _FILED, "recorded": _RECORDED},
    ),
)
