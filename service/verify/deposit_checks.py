"""What deposits, fees held by institutions, and interest say, against the money in the journal."""

from typing import Final

from service.verify.queries import Check

_STANDING: Final = """
    SELECT account.account_id, account.kind, account.owner_id, account.custody_account_id,
           last.balance_after AS fen
    FROM escrow.account
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = account.journal_id AND entry.account_id = account.account_id
        ORDER BY entry.seq DESC LIMIT 1) AS last
    WHERE account.journal_id = $1 AND account.kind IN ('HELD_BY_INSTITUTION', 'STUDENT_PREPAID',
          'LESSON_PENDING', 'LESSON_DISPUTED', 'BANK_TRANSFER_IN_TRANSIT',
          'INTEREST_UNALLOCATED')"""
"""What stands now, by the entries."""

_KEPT: Final = """
    SELECT custody_account_id FROM escrow.custody_account
    WHERE journal_id = $1 AND purpose = 'DEPOSIT'"""
"""Deposit accounts."""

_DEPOSITED: Final = """
    SELECT entry.seq, entry.amount, account.custody_account_id, sealed.kind
    FROM escrow.account
    JOIN escrow.entry ON entry.journal_id = account.journal_id
     AND entry.account_id = account.account_id
    JOIN escrow.journal_transaction AS sealed ON sealed.journal_id = entry.journal_id
     AND sealed.seq = entry.seq
    WHERE account.journal_id = $1 AND account.kind = 'RISK_DEPOSIT_HELD'"""
"""Every change of a deposit."""

_BACKED: Final = """
    SELECT owner_id AS enrolment_id,
           coalesce(sum(fen) FILTER (WHERE kind = 'HELD_BY_INSTITUTION'), 0) AS held,
           coalesce(sum(fen) FILTER (WHERE kind <> 'HELD_BY_INSTITUTION'), 0) AS students
    FROM standing JOIN kept ON kept.custody_account_id = standing.custody_account_id
    WHERE kind IN ('HELD_BY_INSTITUTION', 'STUDENT_PREPAID', 'LESSON_PENDING', 'LESSON_DISPUTED')
    GROUP BY owner_id"""
"""What institutions hold of each student's money, and what is the student's."""

_DRAWN: Final = """
    SELECT custody_account_id, sum(amount_fen) AS fen FROM escrow.payment_order
    WHERE journal_id = $1 AND kind = 'TRANSFER' AND state = 'EXECUTED'
      AND arrived_entry_id IS NULL
    GROUP BY custody_account_id"""
"""What was sent out of each account and has not arrived."""

_ALLOCATED: Final = """
    SELECT (sealed.refs::jsonb ->> 'interest')::uuid AS interest_id, -sum(entry.amount) AS fen
    FROM escrow.journal_transaction AS sealed
    JOIN escrow.entry ON entry.journal_id = sealed.journal_id AND entry.seq = sealed.seq
    JOIN escrow.account ON account.journal_id = entry.journal_id
     AND account.account_id = entry.account_id AND account.kind = 'INTEREST_UNALLOCATED'
    WHERE sealed.journal_id = $1 AND sealed.kind = 'INTEREST_ALLOCATED'
    GROUP BY 1"""
"""What students were given of each credit."""

_CREDITED: Final = """
    SELECT custody_account_id, sum(amount_fen - allocated_fen) AS fen
    FROM escrow.interest_credit WHERE journal_id = $1 GROUP BY custody_account_id"""
"""What is left of the credits of each account."""

CHECKS: Final = (
    Check(
        "I-26",
        """SELECT seq, kind, custody_account_id, amount FROM deposited
        WHERE kind NOT IN ('DEPOSIT_LODGED', 'DEPOSIT_ARRIVED', 'DEPOSIT_RELEASE_INSTRUCTED',
              'DEPOSIT_APPLIED', 'PAYOUT_REJECTED', 'PAYOUT_CANCELLED', 'PAYOUT_RETURNED')
           OR (amount > 0) <> (kind IN ('DEPOSIT_LODGED', 'PAYOUT_REJECTED', 'PAYOUT_CANCELLED',
              'PAYOUT_RETURNED'))
        ORDER BY 1""",
        {"deposited": _DEPOSITED},
    ),
    Check(
        "I-26",
        """SELECT account.account_id, account.kind, account.custody_account_id
        FROM escrow.account
        LEFT JOIN kept ON kept.custody_account_id = account.custody_account_id
        WHERE account.journal_id = $1
          AND ((account.kind IN ('RISK_DEPOSIT_BANK', 'RISK_DEPOSIT_HELD', 'HELD_BY_INSTITUTION')
                AND kept.custody_account_id IS NULL)
            OR (account.kind IN ('CUSTODY_BANK', 'INSTITUTION_PAYABLE', 'INTEREST_UNALLOCATED')
                AND kept.custody_account_id IS NOT NULL AND EXISTS (
                    SELECT 1 FROM escrow.entry WHERE entry.journal_id = account.journal_id
                     AND entry.account_id = account.account_id)))
        ORDER BY 1""",
        {"kept": _KEPT},
    ),
    Check(
        "I-26",
        """SELECT enrolment_id, held::bigint AS held_fen, students::bigint AS students_fen
        FROM backed WHERE held NOT IN (0, students) ORDER BY 1""",
        {"standing": _STANDING, "kept": _KEPT, "backed": _BACKED},
    ),
    Check(
        "I-26",
        """SELECT kept.custody_account_id, coalesce(moving.fen, 0)::bigint AS in_transit_fen,
               coalesce(drawn.fen, 0)::bigint AS sent_fen
        FROM kept
        LEFT JOIN (SELECT custody_account_id, sum(fen) AS fen FROM standing
                   WHERE kind = 'BANK_TRANSFER_IN_TRANSIT' GROUP BY custody_account_id) AS moving
          ON moving.custody_account_id = kept.custody_account_id
        LEFT JOIN drawn ON drawn.custody_account_id = kept.custody_account_id
        WHERE coalesce(moving.fen, 0) <> coalesce(drawn.fen, 0) ORDER BY 1""",
        {"standing": _STANDING, "kept": _KEPT, "drawn": _DRAWN},
    ),
    Check(
        "I-40",
        """SELECT coalesce(credit.interest_id, allocated.interest_id) AS interest_id,
               credit.amount_fen, credit.allocated_fen, credit.state,
               coalesce(allocated.fen, 0)::bigint AS given_fen
        FROM (SELECT * FROM escrow.interest_credit WHERE journal_id = $1) AS credit
        FULL JOIN allocated ON allocated.interest_id = credit.interest_id
        WHERE credit.allocated_fen IS DISTINCT FROM coalesce(allocated.fen, 0)
           OR credit.allocated_fen <> CASE credit.state WHEN 'ALLOCATED' THEN credit.amount_fen
                                      ELSE 0 END
        ORDER BY 1""",
        {"allocated": _ALLOCATED},
    ),
    Check(
        "I-40",
        """SELECT coalesce(waiting.custody_account_id, credited.custody_account_id)
                 AS custody_account_id, coalesce(waiting.fen, 0)::bigint AS unallocated_fen,
               coalesce(credited.fen, 0)::bigint AS left_fen
        FROM (SELECT custody_account_id, fen FROM standing WHERE kind = 'INTEREST_UNALLOCATED')
          AS waiting
        FULL JOIN credited ON credited.custody_account_id = waiting.custody_account_id
        WHERE coalesce(waiting.fen, 0) <> coalesce(credited.fen, 0) ORDER BY 1""",
        {"standing": _STANDING, "credited": _CREDITED},
    ),
    Check(
        "I-40",
        """SELECT credit.interest_id, credit.amount_fen, entry.amount_fen AS entry_fen
        FROM escrow.interest_credit AS credit
        LEFT JOIN escrow.bank_entry AS entry ON entry.journal_id = credit.journal_id
         AND entry.bank_entry_id = credit.interest_id AND entry.outcome = 'INTEREST'
         AND entry.custody_account_id = credit.custody_account_id
        WHERE credit.journal_id = $1 AND credit.amount_fen IS DISTINCT FROM entry.amount_fen
        ORDER BY 1""",
    ),
)
