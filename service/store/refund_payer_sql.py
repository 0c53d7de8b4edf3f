"""What is asked of the rows and the journal about who paid enrolments, and who is paid back."""

from typing import Final

from sqlalchemy import ARRAY, Uuid, bindparam, text

RECEIPTS: Final = text(
    """
    SELECT entry.enrolment_id, entry.bank_entry_id, entry.amount_fen, entry.suspense_fen,
           entry.outcome, entry.seq, told.payer_name, told.payer_account,
           told.purpose, told.sealed, told.wrapped_key
    FROM escrow.bank_entry AS entry
    LEFT JOIN pii.bank_narrative AS told
      ON told.journal_id = :journal AND told.bank_entry_id = entry.bank_entry_id
    WHERE entry.journal_id = :journal AND entry.enrolment_id = ANY(:enrolments)
      AND entry.kind IN ('PAYMENT', 'CHANNEL_CAPTURE', 'CASH_REPORT')
      AND entry.outcome IN ('ENROLMENT', 'SUSPENSE', 'RETURNED')
    ORDER BY entry.enrolment_id, entry.seq DESC, entry.bank_entry_id DESC
    """
).bindparams(bindparam("enrolments", type_=ARRAY(Uuid)))
"""Receipts as their rows tell: what was credited is what neither stands in suspense nor left it."""

CREDITED: Final = text(
    """
    WITH credited AS (
        SELECT account.owner_id AS enrolment_id, max(sealed.seq) AS seq, sum(entry.amount) AS fen,
               coalesce(sealed.refs::jsonb ->> 'receipt', sealed.refs::jsonb ->> 'capture',
                        sealed.refs::jsonb ->> 'bank_entry')::uuid AS bank_entry_id
        FROM escrow.account
        JOIN escrow.entry ON entry.journal_id = :journal AND entry.account_id = account.account_id
        JOIN escrow.journal_transaction AS sealed
          ON sealed.journal_id = :journal AND sealed.seq = entry.seq
        WHERE account.journal_id = :journal AND account.kind = 'STUDENT_PREPAID'
          AND account.owner_id = ANY(:enrolments)
          AND sealed.kind IN ('RECEIPT_MATCHED', 'CHANNEL_CAPTURED', 'CASH_REPORTED',
                              'SUSPENSE_MATCHED', 'TRANSACTION_REVERSED')
        GROUP BY 1, 4 HAVING sum(entry.amount) > 0)
    SELECT credited.*, told.payer_name, told.payer_account, told.purpose, told.sealed,
           told.wrapped_key
    FROM credited
    LEFT JOIN pii.bank_narrative AS told
      ON told.journal_id = :journal AND told.bank_entry_id = credited.bank_entry_id
    WHERE credited.bank_entry_id IS NOT NULL
    ORDER BY credited.enrolment_id, credited.seq DESC, credited.bank_entry_id DESC
    """
).bindparams(bindparam("enrolments", type_=ARRAY(Uuid)))
"""Receipts as the journal tells, for enrolments whose rows do not explain all they received."""

CHARGED_BACK: Final = text(
    """
    SELECT enrolment_id, sum(amount_fen)::bigint AS fen FROM escrow.bank_entry
    WHERE journal_id = :journal AND enrolment_id = ANY(:enrolments) AND outcome = 'CHARGEBACK'
    GROUP BY enrolment_id
    """
).bindparams(bindparam("enrolments", type_=ARRAY(Uuid)))

REGISTERED: Final = text(
    """
    SELECT DISTINCT ON (guardian_id) guardian_id, payee_party_id, payee_hold_until
    FROM escrow.refund
    WHERE journal_id = :journal AND guardian_id = ANY(:guardians)
      AND receipt_entry_id IS NULL AND payee_party_id IS NOT NULL
    ORDER BY guardian_id, payee_hold_until DESC NULLS LAST, seq DESC, refund_id
    """
).bindparams(bindparam("guardians", type_=ARRAY(Uuid)))
