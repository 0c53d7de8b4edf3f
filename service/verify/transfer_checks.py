"""What transfers, portings and placements say of themselves, against the money on its way."""

from typing import Final

from ledger.accounts import AccountKind
from ledger.transactions import Transaction, TransactionKind
from service.verify.queries import Check

_K: Final = AccountKind

_LEAVING: Final = {(_K.PORTING_IN_TRANSIT, _K.BANK_TRANSFER_IN_TRANSIT)}
_COMING: Final = {
    (_K.CUSTODY_BANK, _K.STUDENT_PREPAID),
    (_K.CUSTODY_BANK, _K.REFUND_PAYABLE),
    (_K.LESSON_UNITS_CONTRACTED, _K.LESSON_UNITS_GRANTED),
}


def crosses_lawfully(transaction: Transaction) -> bool:
    """Tell whether a transaction in two institutions' books is a porting that arrives (I-24, E44).

    X's side is L15 | A8, Y's is A1 | L1 or L6 with its lessons, for the same amount.
    """
    if transaction.kind is not TransactionKind.PORTING_ARRIVED:
        return False
    amounts = {True: 0, False: 0}
    institutions: dict[bool, set[object]] = {True: set(), False: set()}
    for transfer in transaction.transfers:
        move = (transfer.debit.kind, transfer.credit.kind)
        if move not in _LEAVING | _COMING:
            return False
        leaving = move in _LEAVING
        institutions[leaving] |= {transfer.debit.institution, transfer.credit.institution}
        if transfer.debit.kind in (_K.PORTING_IN_TRANSIT, _K.CUSTODY_BANK):
            amounts[leaving] += transfer.quantity
    return amounts[True] == amounts[False] and all(len(one) == 1 for one in institutions.values())


_ON_ITS_WAY: Final = """
    SELECT account.owner_id, account.kind, last.balance_after AS fen
    FROM escrow.account
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = account.journal_id AND entry.account_id = account.account_id
        ORDER BY entry.seq DESC LIMIT 1) AS last
    WHERE account.journal_id = $1
      AND account.kind IN ('BANK_TRANSFER_IN_TRANSIT', 'PORTING_IN_TRANSIT')"""
"""What stands in A8 of each order and in L15 of each porting, by the entries."""

_ORDERED: Final = """
    SELECT * FROM escrow.payment_order
    WHERE journal_id = $1 AND kind IN ('TRANSFER', 'PORTING')"""

_CARRIED: Final = """
    SELECT refund.source_id AS entitlement_id, sum(refund.in_transit_fen) AS in_transit,
           sum(refund.paid_fen) AS paid
    FROM escrow.refund WHERE refund.journal_id = $1 AND refund.source = 'DIVIDEND'
    GROUP BY refund.source_id"""
"""What the dividend's refunds of each entitlement say of their parts."""

CHECKS: Final = (
    Check(
        "R-04",
        """SELECT coalesce(ordered.order_id, on_its_way.owner_id) AS order_id, ordered.state,
               ordered.amount_fen, on_its_way.fen AS on_its_way_fen, ordered.arrived_entry_id
        FROM ordered FULL JOIN (
            SELECT * FROM on_its_way WHERE kind = 'BANK_TRANSFER_IN_TRANSIT') AS on_its_way
          ON on_its_way.owner_id = ordered.order_id
        WHERE (ordered.order_id IS NULL AND coalesce(on_its_way.fen, 0) <> 0)
           OR coalesce(on_its_way.fen, 0) IS DISTINCT FROM
              CASE WHEN ordered.state = 'EXECUTED' AND ordered.arrived_entry_id IS NULL
                   THEN ordered.amount_fen ELSE 0 END
           OR (ordered.arrived_entry_id IS NOT NULL AND ordered.state <> 'EXECUTED')
        ORDER BY 1""",
        {"on_its_way": _ON_ITS_WAY, "ordered": _ORDERED},
    ),
    Check(
        "R-04",
        """SELECT ordered.order_id, ordered.arrived_entry_id, entry.outcome, entry.amount_fen
        FROM ordered LEFT JOIN escrow.bank_entry AS entry
          ON entry.journal_id = $1 AND entry.bank_entry_id = ordered.arrived_entry_id
        WHERE ordered.arrived_entry_id IS NOT NULL
          AND (entry.outcome IS DISTINCT FROM 'TRANSFER'
               OR entry.order_id IS DISTINCT FROM ordered.order_id
               OR entry.amount_fen IS DISTINCT FROM ordered.amount_fen
               OR entry.custody_account_id IS DISTINCT FROM ordered.target_custody_account_id)
        ORDER BY 1""",
        {"ordered": _ORDERED},
    ),
    Check(
        "R-04",
        """SELECT coalesce(porting.porting_id, on_its_way.owner_id) AS porting_id, porting.state,
               porting.amount_fen, on_its_way.fen AS aside_fen
        FROM (SELECT * FROM escrow.porting WHERE journal_id = $1) AS porting
        FULL JOIN (SELECT * FROM on_its_way WHERE kind = 'PORTING_IN_TRANSIT') AS on_its_way
          ON on_its_way.owner_id = porting.porting_id
        WHERE porting.porting_id IS NULL
           OR coalesce(on_its_way.fen, 0) IS DISTINCT FROM
              CASE WHEN porting.state IN ('INSTRUCTED', 'SENT') THEN porting.amount_fen ELSE 0 END
        ORDER BY 1""",
        {"on_its_way": _ON_ITS_WAY},
    ),
    Check(
        "R-04",
        """SELECT porting.porting_id, porting.state, ordered.order_id, ordered.state AS order_state
        FROM escrow.porting
        LEFT JOIN ordered ON ordered.order_id = porting.order_id
         AND ordered.porting_id = porting.porting_id AND ordered.amount_fen = porting.amount_fen
        WHERE porting.journal_id = $1 AND porting.state <> CASE
              WHEN porting.order_id IS NULL THEN
                  CASE WHEN porting.state IN ('CHOSEN', 'WITHDRAWN', 'FAILED')
                       THEN porting.state ELSE 'NONE' END
              WHEN ordered.state IN ('NEW', 'SENT', 'ACCEPTED', 'UNKNOWN') THEN 'INSTRUCTED'
              WHEN ordered.arrived_entry_id IS NOT NULL THEN 'ARRIVED'
              WHEN ordered.state = 'EXECUTED' THEN 'SENT'
              WHEN ordered.state IS NOT NULL THEN 'FAILED'
              ELSE 'NONE' END
        ORDER BY 1""",
        {"ordered": _ORDERED},
    ),
    Check(
        "R-04",
        """SELECT porting.porting_id, porting.state, porting.to_enrolment_id, goes_on.price_fen
        FROM escrow.porting LEFT JOIN escrow.enrolment AS goes_on
          ON goes_on.journal_id = $1 AND goes_on.enrolment_id = porting.to_enrolment_id
         AND goes_on.institution_id = porting.to_institution_id
         AND goes_on.guardian_id = porting.guardian_id
         AND goes_on.price_fen = porting.worth_fen
        WHERE porting.journal_id = $1
          AND (porting.state = 'ARRIVED') <> (goes_on.enrolment_id IS NOT NULL)
        ORDER BY 1""",
    ),
    Check(
        "R-04",
        """SELECT porting.porting_id, porting.state, porting.amount_fen,
               coalesce(carried.in_transit, 0)::bigint AS in_transit_fen,
               coalesce(carried.paid, 0)::bigint AS paid_fen
        FROM escrow.porting
        LEFT JOIN carried ON carried.entitlement_id = porting.entitlement_id
        WHERE porting.journal_id = $1 AND porting.kind = 'PLACEMENT'
          AND ((porting.state IN ('INSTRUCTED', 'SENT')
                AND coalesce(carried.in_transit, 0) <> porting.amount_fen)
            OR (porting.state = 'ARRIVED' AND coalesce(carried.paid, 0) <> porting.amount_fen))
        ORDER BY 1""",
        {"carried": _CARRIED},
    ),
    Check(
        "R-04",
        """SELECT offer.offer_id, offer.places_taken, taken.places FROM escrow.placement_offer
               AS offer
        JOIN (SELECT offer_id, count(*) AS places FROM escrow.porting
              WHERE journal_id = $1 AND offer_id IS NOT NULL
                AND state IN ('CHOSEN', 'INSTRUCTED', 'SENT', 'ARRIVED')
              GROUP BY offer_id) AS taken ON taken.offer_id = offer.offer_id
        WHERE offer.journal_id = $1 AND taken.places > offer.places_taken ORDER BY 1""",
    ),
)
