"""What enrolments and lessons say of themselves, against the transactions about them."""

from typing import Final

from service.verify.queries import Check

_FUNDED: Final = """
    SELECT account.owner_id AS enrolment_id, sum(entry.amount) AS fen
    FROM escrow.account
    JOIN escrow.entry ON entry.journal_id = account.journal_id
     AND entry.account_id = account.account_id
    JOIN escrow.journal_transaction AS sealed ON sealed.journal_id = entry.journal_id
     AND sealed.seq = entry.seq
    WHERE account.journal_id = $1 AND account.kind = 'STUDENT_PREPAID'
      AND (sealed.kind IN ('RECEIPT_MATCHED', 'CHANNEL_CAPTURED', 'CASH_REPORTED',
          'SUSPENSE_MATCHED', 'LEGACY_ONBOARDED', 'DIVERSION_DISCOVERED', 'ENROLMENT_LAPSED',
          'FEE_HELD_BY_INSTITUTION', 'TRANSACTION_REVERSED', 'CHARGEBACK_DEBITED')
        OR (sealed.kind IN ('LESSONS_TRANSFERRED', 'PORTING_ARRIVED') AND entry.amount > 0))
    GROUP BY account.owner_id"""
"""Fen that L1 of each enrolment received from outside, net of what was taken back."""

_MOVED: Final = """
    SELECT account.owner_id AS enrolment_id, -sum(entry.amount) AS fen,
           bool_or(sealed.kind NOT IN ('REFUND_APPROVED', 'SCHEDULE_REBASED')) AS otherwise
    FROM escrow.account
    JOIN escrow.entry ON entry.journal_id = account.journal_id
     AND entry.account_id = account.account_id
    JOIN escrow.journal_transaction AS sealed ON sealed.journal_id = entry.journal_id
     AND sealed.seq = entry.seq
    WHERE account.journal_id = $1
      AND account.kind IN ('STUDENT_PREPAID', 'LESSON_PENDING', 'LESSON_DISPUTED')
      AND (sealed.kind IN ('REFUND_APPROVED', 'SCHEDULE_REBASED', 'REFUND_TAKEN_BACK',
          'PORTING_INSTRUCTED', 'PORTING_UNDONE', 'DISTRIBUTION_POSTED', 'HELD_REFUND_PAID',
          'FAILED_BANK_LOSS_POSTED')
        OR (sealed.kind = 'LESSONS_TRANSFERRED' AND entry.amount < 0))
    GROUP BY account.owner_id"""
"""Fen that left each enrolment otherwise than by lessons, net of what came back to it."""

_RUNNING: Final = """
    SELECT enrolment_id, schedule_version,
           CASE WHEN schedule_version > 1 THEN schedule_fen ELSE price_fen END AS fen,
           CASE WHEN schedule_version > 1 THEN schedule_paid ELSE lessons_paid END AS paid,
           CASE WHEN schedule_version > 1 THEN schedule_gift ELSE lessons_gift END AS gift,
           CASE WHEN schedule_version > 1 THEN schedule_confirmed
                ELSE lessons_confirmed END AS confirmed
    FROM escrow.enrolment WHERE journal_id = $1"""
"""The schedule that each enrolment runs by now, as its row says."""

_UNDER: Final = """
    SELECT enrolment_id, schedule_version, count(*) AS confirmed, sum(value_fen) AS released
    FROM escrow.lesson WHERE journal_id = $1 AND state = 'CONFIRMED'
    GROUP BY enrolment_id, schedule_version"""
"""What was confirmed under each schedule."""

_REBASED: Final = """
    SELECT enrolment_id, 1 + row_number() OVER (PARTITION BY enrolment_id ORDER BY seq) AS version,
           max(left_over) FILTER (WHERE kind = 'STUDENT_PREPAID') AS fen,
           max(left_over) FILTER (WHERE reason = 'PAID') AS paid,
           coalesce(max(left_over) FILTER (WHERE reason = 'GIFT'), 0) AS gift
    FROM (
        SELECT account.owner_id AS enrolment_id, sealed.seq, account.kind, account.reason, (
                   SELECT balance_after FROM escrow.entry
                   WHERE entry.journal_id = $1 AND entry.account_id = account.account_id
                     AND entry.seq <= sealed.seq ORDER BY entry.seq DESC LIMIT 1) AS left_over
        FROM escrow.journal_transaction AS sealed
        JOIN escrow.account ON account.journal_id = $1
         AND account.owner_id = (sealed.refs::jsonb ->> 'enrolment')::uuid
         AND account.kind IN ('STUDENT_PREPAID', 'LESSON_UNITS_GRANTED')
        WHERE sealed.journal_id = $1 AND sealed.kind = 'SCHEDULE_REBASED') AS after
    GROUP BY enrolment_id, seq"""
"""What each re-based schedule started with: the money and lessons left just then."""

_SCHEDULES: Final = """
    SELECT enrolment_id, 1 AS version, price_fen AS fen, lessons_paid AS paid,
           lessons_gift AS gift
    FROM escrow.enrolment WHERE journal_id = $1
    UNION ALL SELECT enrolment_id, version, fen, paid, gift FROM rebased"""
"""Every schedule that lessons were ever recorded under."""

_HELD: Final = """
    SELECT account.owner_id AS enrolment_id,
           sum(last.balance_after) FILTER (WHERE account.unit = 'CNY') AS held,
           sum(last.balance_after) FILTER (WHERE account.kind = 'LESSON_PENDING') AS pending,
           sum(last.balance_after) FILTER (WHERE account.kind = 'LESSON_DISPUTED') AS disputed,
           sum(last.balance_after) FILTER (WHERE account.kind = 'LESSON_UNITS_GRANTED') AS granted,
           sum(last.balance_after) FILTER (WHERE account.kind = 'LESSON_UNITS_CONSUMED') AS taken
    FROM escrow.account
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = account.journal_id AND entry.account_id = account.account_id
        ORDER BY entry.seq DESC LIMIT 1) AS last
    WHERE account.journal_id = $1 AND account.kind IN ('STUDENT_PREPAID', 'LESSON_PENDING',
          'LESSON_DISPUTED', 'LESSON_UNITS_GRANTED', 'LESSON_UNITS_CONSUMED')
    GROUP BY account.owner_id"""
"""What stands on each enrolment now, by the entries."""

_LESSONS: Final = """
    SELECT enrolment_id, count(*) FILTER (WHERE state = 'CONFIRMED') AS confirmed,
           sum(value_fen) FILTER (WHERE state = 'CONFIRMED') AS released,
           sum(value_fen) FILTER (WHERE state = 'RECORDED') AS pending,
           sum(value_fen) FILTER (WHERE state = 'DISPUTED') AS disputed
    FROM escrow.lesson WHERE journal_id = $1 GROUP BY enrolment_id"""

_WORTH: Final = """
    SELECT lesson.lesson_id, lesson.slot, lesson.value_fen,
           coalesce(schedule.paid + schedule.gift, 0) AS slots_all,
           CASE WHEN lesson.slot > priced.slots THEN 0
                ELSE div(lesson.slot * schedule.fen::numeric, priced.slots)
                   - div((lesson.slot - 1) * schedule.fen::numeric, priced.slots)
           END AS slot_fen
    FROM escrow.lesson
    JOIN escrow.enrolment ON enrolment.journal_id = lesson.journal_id
     AND enrolment.enrolment_id = lesson.enrolment_id
    LEFT JOIN schedules AS schedule ON schedule.enrolment_id = lesson.enrolment_id
     AND schedule.version = lesson.schedule_version
    CROSS JOIN LATERAL (
        SELECT schedule.paid + CASE WHEN enrolment.gift_in_schedule
               THEN schedule.gift ELSE 0 END AS slots) AS priced
    WHERE lesson.journal_id = $1 AND lesson.state IN ('RECORDED', 'DISPUTED', 'CONFIRMED')"""
"""What each lesson's slot is worth under the schedule it was recorded by: R(k) − R(k−1)."""

_FACTS: Final = """
    SELECT (refs::jsonb ->> 'lesson')::uuid AS lesson_id, seq, kind
    FROM escrow.journal_transaction
    WHERE journal_id = $1 AND kind IN ('LESSON_RECORDED', 'LESSON_CONFIRMED',
          'HELD_LESSON_CONFIRMED', 'LESSON_DISPUTED',
          'DISPUTE_UPHELD', 'DISPUTE_REJECTED', 'LESSON_VOIDED', 'LESSON_REVERSED')"""

_SAID: Final = """
    SELECT DISTINCT ON (lesson_id) lesson_id, seq, kind, CASE kind
           WHEN 'LESSON_RECORDED' THEN 'RECORDED' WHEN 'LESSON_DISPUTED' THEN 'DISPUTED'
           WHEN 'LESSON_CONFIRMED' THEN 'CONFIRMED' WHEN 'DISPUTE_REJECTED' THEN 'CONFIRMED'
           WHEN 'HELD_LESSON_CONFIRMED' THEN 'CONFIRMED'
           WHEN 'LESSON_REVERSED' THEN 'REVERSED' ELSE 'VOIDED' END AS state
    FROM facts ORDER BY lesson_id, seq DESC"""

_PROVED: Final = """
    SELECT account.owner_id AS enrolment_id, sum(entry.amount)::bigint AS fen
    FROM escrow.account
    JOIN escrow.entry ON entry.journal_id = account.journal_id
     AND entry.account_id = account.account_id
    JOIN escrow.journal_transaction AS sealed ON sealed.journal_id = entry.journal_id
     AND sealed.seq = entry.seq
    WHERE account.journal_id = $1 AND account.kind = 'STUDENT_PREPAID'
      AND sealed.kind = 'DIVERSION_DISCOVERED' AND sealed.reason = 'OBJECTION_UPHELD'
    GROUP BY account.owner_id"""
"""Fen beyond the contract on file that a parent proved against the register."""

CHECKS: Final = (
    Check(
        "V-10",
        """SELECT coalesce(enrolment.enrolment_id, funded.enrolment_id) AS enrolment_id,
               enrolment.received_fen AS row_fen, coalesce(funded.fen, 0)::bigint AS received_fen
        FROM (SELECT * FROM escrow.enrolment WHERE journal_id = $1) AS enrolment
        FULL JOIN funded ON funded.enrolment_id = enrolment.enrolment_id
        WHERE coalesce(funded.fen, 0) IS DISTINCT FROM
              CASE WHEN enrolment.state = 'LAPSED' THEN 0 ELSE enrolment.received_fen END
        ORDER BY 1""",
        {"funded": _FUNDED},
    ),
    Check(
        "I-13",
        """SELECT enrolment.enrolment_id, enrolment.state, enrolment.price_fen,
               enrolment.received_fen, coalesce(held.held, 0)::bigint AS held_fen,
               coalesce(lessons.released, 0)::bigint AS released_fen,
               coalesce(moved.fen, 0)::bigint AS moved_fen
        FROM escrow.enrolment
        LEFT JOIN held ON held.enrolment_id = enrolment.enrolment_id
        LEFT JOIN lessons ON lessons.enrolment_id = enrolment.enrolment_id
        LEFT JOIN moved ON moved.enrolment_id = enrolment.enrolment_id
        LEFT JOIN proved ON proved.enrolment_id = enrolment.enrolment_id
        WHERE enrolment.journal_id = $1 AND enrolment.state <> 'LAPSED'
          AND (coalesce(held.held, 0) + coalesce(lessons.released, 0) + coalesce(moved.fen, 0)
                 <> enrolment.received_fen
               OR enrolment.received_fen - coalesce(proved.fen, 0) > enrolment.price_fen
               OR (enrolment.state <> 'AWAITING_PAYMENT'
                   AND enrolment.received_fen - coalesce(proved.fen, 0) <> enrolment.price_fen
                   AND NOT (enrolment.state = 'IN_WIND_DOWN' AND enrolment.lapses_on IS NOT NULL)
                   AND NOT EXISTS (
                       SELECT 1 FROM escrow.bank_entry AS back
                       WHERE back.journal_id = $1 AND back.outcome = 'CHARGEBACK'
                         AND back.enrolment_id = enrolment.enrolment_id)))
        ORDER BY 1""",
        {"held": _HELD, "lessons": _LESSONS, "moved": _MOVED, "proved": _PROVED},
    ),
    Check(
        "I-15",
        """SELECT enrolment.enrolment_id, enrolment.lessons_confirmed,
               coalesce(lessons.confirmed, 0) AS confirmed,
               coalesce(held.taken, 0)::bigint AS units_consumed
        FROM escrow.enrolment
        LEFT JOIN held ON held.enrolment_id = enrolment.enrolment_id
        LEFT JOIN lessons ON lessons.enrolment_id = enrolment.enrolment_id
        WHERE enrolment.journal_id = $1
          AND (enrolment.lessons_confirmed <> coalesce(lessons.confirmed, 0)
               OR coalesce(held.taken, 0) <> coalesce(lessons.confirmed, 0))
        ORDER BY 1""",
        {"held": _HELD, "lessons": _LESSONS},
    ),
    Check(
        "I-15",
        """SELECT running.enrolment_id, running.schedule_version, running.fen AS schedule_fen,
               coalesce(held.held, 0)::bigint AS held_fen, coalesce(held.granted, 0)::bigint
                 AS units_left, running.paid + running.gift - running.confirmed AS lessons_left
        FROM running
        JOIN escrow.enrolment ON enrolment.journal_id = $1
         AND enrolment.enrolment_id = running.enrolment_id
        LEFT JOIN held ON held.enrolment_id = running.enrolment_id
        LEFT JOIN moved ON moved.enrolment_id = running.enrolment_id
        LEFT JOIN under ON under.enrolment_id = running.enrolment_id
         AND under.schedule_version = running.schedule_version
        WHERE enrolment.state IN ('ACTIVE', 'COMPLETED') AND moved.otherwise IS NOT TRUE
          AND enrolment.received_fen = enrolment.price_fen
          AND (coalesce(held.granted, 0) <> running.paid + running.gift - running.confirmed
               OR coalesce(under.confirmed, 0) <> running.confirmed
               OR coalesce(held.held, 0) + coalesce(under.released, 0) <> running.fen)
        ORDER BY 1""",
        {"running": _RUNNING, "held": _HELD, "moved": _MOVED, "under": _UNDER},
    ),
    Check(
        "R-01",
        """SELECT held.enrolment_id, coalesce(held.pending, 0)::bigint AS pending_fen,
               coalesce(lessons.pending, 0)::bigint AS recorded_fen,
               coalesce(held.disputed, 0)::bigint AS disputed_fen,
               coalesce(lessons.disputed, 0)::bigint AS in_dispute_fen
        FROM held FULL JOIN lessons ON lessons.enrolment_id = held.enrolment_id
        WHERE coalesce(held.pending, 0) <> coalesce(lessons.pending, 0)
           OR coalesce(held.disputed, 0) <> coalesce(lessons.disputed, 0)
        ORDER BY 1""",
        {"held": _HELD, "lessons": _LESSONS},
    ),
    Check(
        "R-01",
        """SELECT coalesce(lesson.lesson_id, said.lesson_id) AS lesson_id, lesson.state,
               said.kind AS last_kind, said.seq
        FROM (SELECT * FROM escrow.lesson WHERE journal_id = $1) AS lesson
        FULL JOIN said ON said.lesson_id = lesson.lesson_id
        WHERE said.state IS DISTINCT FROM lesson.state
          AND (said.state IS NOT NULL OR lesson.state NOT IN ('SCHEDULED', 'CANCELLED'))
        ORDER BY 1""",
        {"facts": _FACTS, "said": _SAID},
    ),
    Check(
        "I-14",
        """SELECT lesson_id, array_agg(seq ORDER BY seq) AS seqs FROM facts
        WHERE kind IN ('LESSON_CONFIRMED', 'HELD_LESSON_CONFIRMED', 'DISPUTE_REJECTED',
                       'LESSON_REVERSED')
        GROUP BY lesson_id
        HAVING sum(CASE kind WHEN 'LESSON_REVERSED' THEN -1 ELSE 1 END) NOT IN (0, 1)
        ORDER BY 1""",
        {"facts": _FACTS},
    ),
    Check(
        "V-11",
        """SELECT lesson_id, slot, value_fen, slot_fen::bigint FROM worth
        WHERE slot IS NULL OR value_fen IS NULL OR slot NOT BETWEEN 1 AND slots_all
           OR value_fen <> slot_fen
        ORDER BY 1""",
        {"rebased": _REBASED, "schedules": _SCHEDULES, "worth": _WORTH},
    ),
    Check(
        "V-11",
        """SELECT running.enrolment_id, running.schedule_version, rebased.version,
               running.fen, rebased.fen::bigint AS left_fen
        FROM running
        LEFT JOIN (SELECT DISTINCT ON (enrolment_id) * FROM rebased
                   ORDER BY enrolment_id, version DESC) AS rebased
          ON rebased.enrolment_id = running.enrolment_id
        WHERE running.schedule_version IS DISTINCT FROM coalesce(rebased.version, 1)
           OR (rebased.version IS NOT NULL
               AND (running.fen, running.paid, running.gift)
                   IS DISTINCT FROM (rebased.fen, rebased.paid, rebased.gift))
        ORDER BY 1""",
        {"running": _RUNNING, "rebased": _REBASED},
    ),
    Check(
        "V-11",
        """SELECT lesson.lesson_id, lesson.enrolment_id FROM escrow.lesson
        LEFT JOIN escrow.enrolment ON enrolment.journal_id = lesson.journal_id
         AND enrolment.enrolment_id = lesson.enrolment_id
        WHERE lesson.journal_id = $1
          AND (enrolment.institution_id IS DISTINCT FROM lesson.institution_id
               OR enrolment.guardian_id IS DISTINCT FROM lesson.guardian_id)
        ORDER BY 1""",
    ),
    Check(
        "V-12",
        """SELECT sealed.seq, sealed.kind, held.restraint_id FROM escrow.restraint AS held
        JOIN escrow.journal_transaction AS sealed
          ON sealed.journal_id = held.journal_id AND sealed.seq > held.from_seq
         AND (held.to_seq IS NULL OR sealed.seq < held.to_seq)
         AND sealed.kind IN ('LESSON_RECORDED', 'PAYOUT_INSTRUCTED', 'SURPLUS_INSTRUCTED')
         AND sealed.refs::jsonb ->> 'institution' = held.target_id::text
        WHERE held.journal_id = $1 AND held.kind = 'FREEZE' AND held.target_type = 'INSTITUTION'
        ORDER BY 1""",
    ),
)
