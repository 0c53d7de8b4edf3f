"""Uniqueness, keys, approvals and belonging: what the tables must say together."""

from typing import Final

from service.verify.queries import Check

_OF_ENROLMENTS: Final = """
    SELECT * FROM escrow.account
    WHERE journal_id = $1 AND (kind IN ('STUDENT_PREPAID', 'LESSON_PENDING', 'LESSON_DISPUTED',
          'STUDENT_INTEREST', 'HELD_BY_INSTITUTION', 'LESSON_UNITS_CONTRACTED',
          'LESSON_UNITS_GRANTED', 'LESSON_UNITS_CONSUMED') OR reason IN ('LEGACY', 'DIVERSION'))"""

CHECKS: Final = (
    Check(
        "I-45",
        """SELECT approval_id, command, maker, checker FROM escrow.approval
        WHERE journal_id = $1 AND state = 'EXECUTED'
          AND (checker IS NULL OR checker = maker) ORDER BY 1""",
    ),
    Check(
        "V-09",
        """SELECT custody_account_id, bank_ref, count(*) AS entries FROM escrow.bank_entry
        WHERE journal_id = $1 GROUP BY 1, 2 HAVING count(*) > 1 ORDER BY 1, 2""",
    ),
    Check(
        "V-09",
        """SELECT enrolment_id, slot, count(*) AS lessons FROM escrow.lesson
        WHERE journal_id = $1 AND state IN ('RECORDED', 'DISPUTED', 'CONFIRMED')
        GROUP BY 1, 2 HAVING count(*) > 1 ORDER BY 1, 2""",
    ),
    Check(
        "V-09",
        """SELECT institution_id, contract_number, count(*) AS contracts FROM escrow.enrolment
        WHERE journal_id = $1 GROUP BY 1, 2 HAVING count(*) > 1 ORDER BY 1, 2""",
    ),
    Check(
        "V-09",
        """SELECT payment_code, count(*) AS contracts FROM escrow.enrolment
        WHERE journal_id = $1 GROUP BY 1 HAVING count(*) > 1 ORDER BY 1""",
    ),
    Check(
        "V-09",
        """SELECT caller_id, key, count(*) AS answers FROM escrow.stored_answer
        WHERE journal_id = $1 GROUP BY 1, 2 HAVING count(*) > 1 ORDER BY 1, 2""",
    ),
    Check(
        "V-20",
        """SELECT sealed.actor, sealed.idempotency_key, min(sealed.seq) AS seq
        FROM escrow.journal_transaction AS sealed
        LEFT JOIN escrow.stored_answer AS answer
          ON answer.journal_id = sealed.journal_id AND answer.caller_id = sealed.actor
         AND answer.key = sealed.idempotency_key
        WHERE sealed.journal_id = $1 AND sealed.idempotency_key IS NOT NULL AND answer.key IS NULL
        GROUP BY 1, 2 ORDER BY 3""",
    ),
    Check(
        "V-20",
        """SELECT answer.caller_id, answer.key, answer.seq FROM escrow.stored_answer AS answer
        JOIN escrow.journal_head AS head ON head.journal_id = answer.journal_id
        WHERE answer.journal_id = $1 AND answer.seq NOT BETWEEN 0 AND head.seq ORDER BY 3""",
    ),
    Check(
        "V-30",
        """SELECT account.account_id, account.kind, account.owner_id FROM account
        LEFT JOIN escrow.enrolment ON enrolment.journal_id = account.journal_id
         AND enrolment.enrolment_id = account.owner_id
        WHERE enrolment.institution_id IS DISTINCT FROM account.institution_id
           OR (enrolment.custody_account_id IS DISTINCT FROM account.custody_account_id
               AND NOT EXISTS (SELECT 1 FROM escrow.backing_move AS moved
                   WHERE moved.journal_id = account.journal_id AND moved.state = 'MOVED'
                     AND moved.enrolment_id = account.owner_id
                     AND account.custody_account_id IN (
                         moved.source_custody_account_id, moved.target_custody_account_id))
               AND NOT EXISTS (SELECT 1 FROM escrow.bank_failure AS failed
                   WHERE failed.journal_id = account.journal_id
                     AND failed.target_custody_account_id IS NOT NULL
                     AND failed.custody_account_id = account.custody_account_id))
        ORDER BY 1""",
        {"account": _OF_ENROLMENTS},
    ),
    Check(
        "V-30",
        """SELECT account.account_id, account.kind, account.custody_account_id FROM escrow.account
        LEFT JOIN escrow.custody_account AS held ON held.journal_id = account.journal_id
         AND held.custody_account_id = account.custody_account_id
        WHERE account.journal_id = $1
          AND held.institution_id IS DISTINCT FROM account.institution_id ORDER BY 1""",
    ),
    Check(
        "V-30",
        """SELECT held.institution_id, held.area, held.department, stood.area AS history_area
        FROM escrow.institution AS held
        LEFT JOIN escrow.institution_area AS stood ON stood.journal_id = held.journal_id
         AND stood.institution_id = held.institution_id AND stood.valid_to IS NULL
        WHERE held.journal_id = $1 AND (stood.area IS DISTINCT FROM held.area
              OR stood.department IS DISTINCT FROM held.department) ORDER BY 1""",
    ),
    Check(
        "V-31",
        """SELECT seq, kind FROM escrow.journal_transaction
        WHERE journal_id = $1 AND concat_ws(' ', refs, reason, actor) ~
              '(^|[^0-9A-Za-z])(1[3-9][0-9]{9}|[1-9][0-9]{16}[0-9Xx])($|[^0-9A-Za-z])'
        ORDER BY 1""",
    ),
    Check(
        "V-35",
        """SELECT closed.day, closed.last_seq, last.seq FROM escrow.closed_day AS closed
        LEFT JOIN LATERAL (
            SELECT seq FROM escrow.journal_transaction AS sealed
            WHERE sealed.journal_id = closed.journal_id AND sealed.effective_on <= closed.day
            ORDER BY effective_on DESC, seq DESC LIMIT 1) AS last ON true
        WHERE closed.journal_id = $1 AND closed.last_seq <> coalesce(last.seq, 0) ORDER BY 1""",
    ),
    Check(
        "V-35",
        """SELECT head.closed_on, max(closed.day) AS day FROM escrow.journal_head AS head
        LEFT JOIN escrow.closed_day AS closed ON closed.journal_id = head.journal_id
        WHERE head.journal_id = $1 GROUP BY head.closed_on
        HAVING head.closed_on IS DISTINCT FROM max(closed.day)""",
    ),
)
