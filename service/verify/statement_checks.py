"""Statement files: they add up, every line of one is a bank entry, and what differs is marked."""

from typing import Final

from service.verify.queries import Check

_SUMMED: Final = """
    SELECT line.statement_file_id, line.statement,
           count(*) FILTER (WHERE line.direction = 'CRDT') AS credits,
           count(*) FILTER (WHERE line.direction = 'DBIT') AS debits,
           coalesce(sum(line.amount_fen) FILTER (WHERE line.direction = 'CRDT'), 0) AS credit,
           coalesce(sum(line.amount_fen) FILTER (WHERE line.direction = 'DBIT'), 0) AS debit
    FROM escrow.statement_line AS line
    WHERE line.journal_id = $1 GROUP BY line.statement_file_id, line.statement"""
"""What the lines of each statement add up to."""

_COUNTED: Final = """
    SELECT statement_file_id, count(*) AS lines,
           count(*) FILTER (WHERE outcome = 'MATCHED') AS matched,
           count(*) FILTER (WHERE outcome = 'POSTED') AS posted,
           count(*) FILTER (WHERE outcome = 'CONTRADICTED') AS contradicted
    FROM escrow.statement_line WHERE journal_id = $1 GROUP BY statement_file_id"""

CHECKS: Final = (
    Check(
        "I-36",
        """SELECT told.statement_file_id, told.number, told.opening_fen, told.closing_fen,
               told.credit_fen, coalesce(summed.credit, 0)::bigint AS credits_fen,
               told.debit_fen, coalesce(summed.debit, 0)::bigint AS debits_fen
        FROM escrow.bank_statement AS told
        JOIN escrow.statement_file AS file
          ON file.journal_id = $1 AND file.statement_file_id = told.statement_file_id
        LEFT JOIN summed ON summed.statement_file_id = told.statement_file_id
         AND summed.statement = told.number
        WHERE told.journal_id = $1 AND file.state = 'POSTED'
          AND ((told.kind = 'STATEMENT'
                AND told.opening_fen + told.credit_fen - told.debit_fen <> told.closing_fen)
               OR (told.credit_count, told.credit_fen, told.debit_count, told.debit_fen)
                  IS DISTINCT FROM (coalesce(summed.credits, 0), coalesce(summed.credit, 0),
                                    coalesce(summed.debits, 0), coalesce(summed.debit, 0)))
        ORDER BY 1, 2""",
        {"summed": _SUMMED},
    ),
    Check(
        "V-17",
        """SELECT line.statement_file_id, line.line, line.outcome, line.bank_entry_id,
               line.amount_fen, entry.amount_fen AS entry_fen
        FROM escrow.statement_line AS line
        LEFT JOIN escrow.bank_entry AS entry
          ON entry.journal_id = $1 AND entry.bank_entry_id = line.bank_entry_id
         AND entry.custody_account_id = line.custody_account_id
         AND entry.bank_ref = line.bank_ref
        WHERE line.journal_id = $1
          AND (entry.bank_entry_id IS NULL
               OR (line.outcome <> 'CONTRADICTED')
                  <> ((line.direction, line.amount_fen, line.book_on)
                      = (entry.direction, entry.amount_fen, entry.book_on)))
        ORDER BY 1, 2""",
    ),
    Check(
        "V-17",
        """SELECT file.statement_file_id, file.state, file.lines, file.lines_done,
               coalesce(counted.lines, 0) AS kept
        FROM escrow.statement_file AS file
        LEFT JOIN counted ON counted.statement_file_id = file.statement_file_id
        WHERE file.journal_id = $1
          AND ((file.matched, file.posted, file.contradicted) IS DISTINCT FROM
               (coalesce(counted.matched, 0), coalesce(counted.posted, 0),
                coalesce(counted.contradicted, 0))
               OR (file.state = 'POSTED' AND file.lines_done <> file.lines)
               OR (file.state IN ('REFUSED', 'QUARANTINED') AND counted.lines > 0))
        ORDER BY 1""",
        {"counted": _COUNTED},
    ),
)
