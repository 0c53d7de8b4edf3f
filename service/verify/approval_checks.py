"""What needs two people had two, and what one person decided alone kept within the limits."""

from typing import Final

from service.verify.queries import Check

_ALONE: Final = """
    SELECT kind, seq, maker, institution_id, payee_id, amount_fen, at_once_fen, day_sum_fen,
           sum(amount_fen) OVER of_maker AS of_maker,
           sum(amount_fen) OVER of_institution AS of_institution,
           sum(amount_fen) OVER of_payee AS of_payee
    FROM escrow.decided_alone WHERE journal_id = $1
    WINDOW of_maker AS (PARTITION BY kind, maker ORDER BY decided_at
               RANGE BETWEEN interval '23:59:59.999999' PRECEDING AND CURRENT ROW),
           of_institution AS (PARTITION BY kind, institution_id ORDER BY decided_at
               RANGE BETWEEN interval '23:59:59.999999' PRECEDING AND CURRENT ROW),
           of_payee AS (PARTITION BY kind, payee_id ORDER BY decided_at
               RANGE BETWEEN interval '23:59:59.999999' PRECEDING AND CURRENT ROW)"""
"""What each act sums up to within its day; an act exactly a day old does not count."""

_CITED: Final = """
    SELECT seq, kind, actor, (refs::json ->> 'approval')::uuid AS approval_id
    FROM escrow.journal_transaction
    WHERE journal_id = $1 AND refs LIKE '%"approval":%'
      AND kind NOT IN ('APPROVAL_REQUESTED', 'APPROVAL_DECLINED', 'APPROVAL_EXPIRED')"""

CHECKS: Final = (
    Check(
        "V-14",
        """SELECT approval_id, command, decided_at, expires_at FROM escrow.approval
        WHERE journal_id = $1 AND (sha256(convert_to(payload, 'UTF8')) <> payload_hash
           OR (state = 'EXECUTED' AND (decided_at >= expires_at
               OR (maker_presence IS NOT NULL AND shown_hash IS NULL)))) ORDER BY 1""",
    ),
    Check(
        "V-14",
        """SELECT cited.seq, cited.kind, cited.approval_id, held.state, held.maker
        FROM cited LEFT JOIN escrow.approval AS held
          ON held.journal_id = $1 AND held.approval_id = cited.approval_id
        WHERE held.state IS DISTINCT FROM 'EXECUTED' OR held.maker <> cited.actor ORDER BY 1""",
        {"cited": _CITED},
    ),
    Check(
        "V-14",
        """SELECT seq, kind, maker, amount_fen, of_maker::bigint, of_institution::bigint,
               of_payee::bigint FROM alone
        WHERE amount_fen > at_once_fen OR of_maker > day_sum_fen
           OR (institution_id IS NOT NULL AND of_institution > day_sum_fen)
           OR (payee_id IS NOT NULL AND of_payee > at_once_fen) ORDER BY 1""",
        {"alone": _ALONE},
    ),
    Check(
        "V-14",
        """SELECT sealed.seq, sealed.kind, sealed.actor FROM escrow.journal_transaction AS sealed
        LEFT JOIN escrow.decided_alone AS alone
          ON alone.journal_id = sealed.journal_id AND alone.seq = sealed.seq
        WHERE sealed.journal_id = $1 AND alone.seq IS NULL
          AND sealed.kind IN ('REFUND_APPROVED', 'SCHEDULE_REBASED', 'SUSPENSE_MATCHED')
          AND sealed.refs NOT LIKE '%"approval":%'
          AND sealed.seq > (SELECT min(seq) FROM escrow.decided_alone WHERE journal_id = $1)
        ORDER BY 1""",
    ),
    Check(
        "V-14",
        """SELECT alone.seq, alone.kind, alone.maker, sealed.actor
        FROM escrow.decided_alone AS alone LEFT JOIN escrow.journal_transaction AS sealed
          ON sealed.journal_id = alone.journal_id AND sealed.seq = alone.seq
        WHERE alone.journal_id = $1 AND sealed.actor IS DISTINCT FROM alone.maker ORDER BY 1""",
    ),
    Check(
        "I-41",
        """SELECT sealed.seq, sealed.policy_version, sealed.effective_on, pack.effective_on AS since
        FROM escrow.rule_pack_version AS pack JOIN escrow.journal_transaction AS sealed
          ON sealed.policy_version = pack.code || '@' || pack.version
         AND sealed.effective_on < pack.effective_on
        WHERE sealed.journal_id = $1 AND pack.effective_on IS NOT NULL ORDER BY 1""",
    ),
)
