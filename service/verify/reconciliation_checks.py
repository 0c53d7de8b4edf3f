"""What reconciliations say against the journal, and whether every difference still has its name."""

from typing import Final

from service.verify.queries import Check

_NOTED: Final = """
    SELECT seq, (refs::jsonb ->> 'reconciliation')::uuid AS reconciliation_id,
           (refs::jsonb ->> 'day')::date AS day, refs::jsonb ->> 'external' AS external_state,
           refs::jsonb ->> 'coverage' AS coverage_state,
           (refs::jsonb ->> 'hard_shortfall_fen')::bigint AS hard_shortfall_fen,
           (refs::jsonb ->> 'difference_fen')::bigint AS difference_fen,
           (refs::jsonb ->> 'breaks')::int AS breaks_open
    FROM escrow.journal_transaction WHERE journal_id = $1 AND kind = 'ACCOUNT_RECONCILED'"""
"""What transactions say of reconciliations."""

_MADE: Final = """
    SELECT *, bank_closing_fen - ledger_closing_fen AS difference_fen
    FROM escrow.reconciliation WHERE journal_id = $1"""

_LATEST: Final = """
    SELECT DISTINCT ON (custody_account_id) * FROM made
    ORDER BY custody_account_id, seq DESC, reconciliation_id DESC"""
"""The last reconciliation of each account, after which its breaks are as they stand."""

_THEN: Final = """
    SELECT latest.reconciliation_id,
           coalesce(sum(held.balance) FILTER (
               WHERE held.kind IN ('CUSTODY_BANK', 'RISK_DEPOSIT_BANK')), 0) AS bank_fen,
           coalesce(sum(held.balance) FILTER (WHERE held.kind IN (
               'STUDENT_PREPAID', 'LESSON_PENDING', 'LESSON_DISPUTED', 'INSTITUTION_PAYABLE',
               'PAYOUT_IN_TRANSIT', 'REFUND_PAYABLE', 'REFUND_IN_TRANSIT', 'SUSPENSE_RECEIPT',
               'RETURNED_REFUND_HELD', 'INTEREST_UNALLOCATED', 'STUDENT_INTEREST',
               'RESIDUAL_CLAIM', 'BANK_ERROR_CREDIT', 'PORTING_IN_TRANSIT')), 0) AS required_fen
    FROM latest
    LEFT JOIN LATERAL (
        SELECT DISTINCT ON (kind, reason) kind, balance FROM escrow.rollup
        WHERE rollup.journal_id = $1 AND rollup.unit_type = 'CUSTODY_ACCOUNT'
          AND rollup.unit_id = latest.custody_account_id::text
          AND rollup.seq <= latest.position_seq
        ORDER BY kind, reason, seq DESC) AS held ON true
    GROUP BY latest.reconciliation_id"""
"""What each of them should say by the roll-ups at its position."""

_SEALED: Final = """
    SELECT seq, (refs::jsonb ->> 'day')::date AS day,
           refs::jsonb ->> 'reconciliations' AS sealed
    FROM escrow.journal_transaction
    WHERE journal_id = $1 AND kind = 'DAY_CLOSED' AND refs::jsonb ? 'reconciliations'"""

_RESEALED: Final = """
    SELECT day, encode(sha256(convert_to(string_agg(array_to_string(ARRAY[
               custody_account_id::text, position_seq::text, external_state,
               statement_on::text, bank_closing_fen::text, ledger_closing_fen::text,
               bank_fen::text, requirement_fen::text, hard_shortfall_fen::text,
               sub_ledger_fen::text, breaks_open::text, coverage_state], '|', ''),
               E'\\n' ORDER BY custody_account_id), 'UTF8')), 'hex') AS sealed
    FROM made WHERE cause = 'DAY_CLOSE' GROUP BY day"""
"""The seal of each closed day, worked out anew from its reconciliations."""

_SAID: Final = """
    SELECT * FROM escrow.reconciliation_break WHERE journal_id = $1 AND subject = 'BANK_MESSAGE'"""
"""What banks said against entries that stand."""

_SAID_OPENED: Final = """
    SELECT seq, (refs::jsonb ->> 'break')::uuid AS break_id, refs::jsonb ->> 'entry' AS entry,
           (refs::jsonb ->> 'amount_fen')::bigint AS amount_fen,
           refs::jsonb ->> 'differs' AS differs
    FROM escrow.journal_transaction
    WHERE journal_id = $1 AND kind = 'BREAK_OPENED' AND reason = 'CONTRADICTED'"""
"""What the journal says of it."""
_DEMANDED: Final = """
    SELECT seq, kind, (refs::jsonb ->> 'demand')::uuid AS demand_id,
           (refs::jsonb ->> 'amount_fen')::bigint AS amount_fen
    FROM escrow.journal_transaction
    WHERE journal_id = $1 AND kind IN ('TOP_UP_DEMANDED', 'TOP_UP_DEMAND_ENDED')"""
"""What transactions say of demands to make a gap good."""

CHECKS: Final = (
    Check(
        "I-37",
        """SELECT latest.custody_account_id, latest.day, latest.difference_fen,
               coalesce(named.fen, 0) AS named_fen, latest.breaks_open, named.breaks
        FROM latest
        LEFT JOIN LATERAL (
            SELECT sum(standing.amount_fen) FILTER (WHERE standing.outside) AS fen,
                   count(*) AS breaks
            FROM escrow.reconciliation_break AS standing
            WHERE standing.journal_id = $1 AND standing.state <> 'CLOSED'
              AND standing.subject <> 'BANK_MESSAGE'
              AND standing.custody_account_id = latest.custody_account_id
              AND (standing.subject = 'LEDGER' OR standing.arose_on <= latest.statement_on)
            ) AS named ON true
        WHERE latest.statement_on IS NOT NULL
          AND (latest.difference_fen <> coalesce(named.fen, 0)
               OR latest.breaks_open <> named.breaks)
        ORDER BY 1""",
        {"made": _MADE, "latest": _LATEST},
    ),
    Check(
        "I-37",
        """SELECT said.break_id, said.bank_ref, said.seq, opened.seq AS opened_seq
        FROM said FULL JOIN opened ON opened.break_id = said.break_id
        LEFT JOIN escrow.bank_entry AS entry ON entry.journal_id = $1
         AND entry.custody_account_id = said.custody_account_id AND entry.bank_ref = said.bank_ref
        WHERE entry.bank_entry_id IS NULL
           OR (said.seq, said.subject_key, said.amount_fen, said.differs)
              IS DISTINCT FROM (opened.seq, opened.entry, opened.amount_fen, opened.differs)
        ORDER BY 1""",
        {"said": _SAID, "opened": _SAID_OPENED},
    ),
    Check(
        "R-07",
        """SELECT made.reconciliation_id, made.day, noted.seq, made.coverage_state,
               noted.coverage_state AS noted_state, made.hard_shortfall_fen,
               noted.hard_shortfall_fen AS noted_fen
        FROM made FULL JOIN noted ON noted.reconciliation_id = made.reconciliation_id
        WHERE made.cause IS DISTINCT FROM 'DAY_CLOSE'
          AND (made.day, made.external_state, made.coverage_state, made.hard_shortfall_fen,
               made.difference_fen, made.breaks_open)
            IS DISTINCT FROM (noted.day, noted.external_state, noted.coverage_state,
               noted.hard_shortfall_fen, noted.difference_fen, noted.breaks_open)
        ORDER BY 1""",
        {"made": _MADE, "noted": _NOTED},
    ),
    Check(
        "R-07",
        """SELECT latest.reconciliation_id, latest.bank_fen, held.bank_fen AS held_fen,
               latest.requirement_fen, held.required_fen
        FROM latest JOIN held ON held.reconciliation_id = latest.reconciliation_id
        JOIN escrow.custody_account AS account ON account.journal_id = $1
         AND account.custody_account_id = latest.custody_account_id
        WHERE latest.bank_fen <> held.bank_fen
           OR (account.purpose = 'CUSTODY' AND latest.requirement_fen <> held.required_fen)
        ORDER BY 1""",
        {"made": _MADE, "latest": _LATEST, "held": _THEN},
    ),
    Check(
        "R-07",
        """SELECT sealed.day, sealed.seq, sealed.sealed, resealed.sealed AS worked_out
        FROM sealed LEFT JOIN resealed ON resealed.day = sealed.day
        WHERE sealed.sealed <> coalesce(resealed.sealed, encode(sha256(''), 'hex')) ORDER BY 1""",
        {"made": _MADE, "sealed": _SEALED, "resealed": _RESEALED},
    ),
    Check(
        "R-07",
        """SELECT asked.demand_id, asked.state, asked.amount_fen, stops.kind AS stop
        FROM escrow.top_up_demand AS asked
        LEFT JOIN escrow.restraint AS stops ON stops.journal_id = $1
         AND stops.restraint_id = asked.restraint_id
        WHERE asked.journal_id = $1 AND (stops.kind IS DISTINCT FROM 'PAYOUT_STOP'
              OR stops.target_id <> asked.custody_account_id
              OR (asked.state = 'OPEN' AND EXISTS (
                  SELECT 1 FROM escrow.top_up_demand AS other
                  WHERE other.journal_id = $1 AND other.state = 'OPEN'
                    AND other.custody_account_id = asked.custody_account_id
                    AND other.demand_id < asked.demand_id)))
        ORDER BY 1""",
    ),
    Check(
        "R-07",
        """SELECT coalesce(asked.demand_id, demanded.demand_id) AS demand_id, asked.state,
               asked.amount_fen, demanded.seq, ended.seq AS ended_at
        FROM (SELECT * FROM escrow.top_up_demand WHERE journal_id = $1) AS asked
        FULL JOIN (SELECT * FROM told WHERE kind = 'TOP_UP_DEMANDED') AS demanded
          ON demanded.demand_id = asked.demand_id
        LEFT JOIN told AS ended ON ended.kind = 'TOP_UP_DEMAND_ENDED'
         AND ended.demand_id = coalesce(asked.demand_id, demanded.demand_id)
        WHERE asked.amount_fen IS DISTINCT FROM demanded.amount_fen
           OR asked.ended_seq IS DISTINCT FROM ended.seq
        ORDER BY 1""",
        {"told": _DEMANDED},
    ),
)
