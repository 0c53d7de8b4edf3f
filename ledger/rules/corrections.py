"""Corrections (冲正): the exact mirror of a wrong transaction, by maker and checker.

Only facts that stand alone are reversed by hand. What changed the state of a lesson or an order
has a rule of its own that undoes it, and nothing by hand touches what an institution earned or is
being paid (I-16).
"""

from typing import Final

from ledger.accounts import AccountKind
from ledger.refusals import AlreadyReversed, NotReversible
from ledger.transactions import Transaction, TransactionKind

REVERSIBLE: Final = frozenset(
    {
        TransactionKind.LEGACY_ONBOARDED,
        TransactionKind.TOP_UP_RECEIVED,
        TransactionKind.RECEIPT_MATCHED,
        TransactionKind.CHANNEL_CAPTURED,
        TransactionKind.CHANNEL_SETTLED,
        TransactionKind.CASH_REPORTED,
        TransactionKind.CASH_PAID_IN,
        TransactionKind.RECEIPT_HELD,
        TransactionKind.SUSPENSE_MATCHED,
        TransactionKind.BANK_CHARGE_DEBITED,
        TransactionKind.BANK_CHARGE_REIMBURSED,
        TransactionKind.DIVERSION_DISCOVERED,
    }
)
"""Kinds that may be reversed by hand; every other kind is refused, so a new one is as well."""

_NEVER_BY_HAND: Final = (AccountKind.INSTITUTION_PAYABLE, AccountKind.PAYOUT_IN_TRANSIT)


def reversed_exactly(
    transaction: Transaction, *, reverses: str, reversed_by: str | None, reason: str
) -> Transaction:
    """Mirror a wrong transaction (E30); the right one is then posted by its own rule.

    `reverses` names it, `reversed_by` the reversal it already has, `reason` is a code. Raises
    `AlreadyReversed` (I-07) and `NotReversible` (reversals, lessons, orders, and L4 or L5).
    """
    if reversed_by is not None:
        raise AlreadyReversed(transaction=reverses, reversed_by=reversed_by)
    if transaction.kind not in REVERSIBLE:
        raise NotReversible(transaction=reverses, kind=transaction.kind.value)
    touched = {account.kind for account in transaction.effects()}
    assert touched.isdisjoint(_NEVER_BY_HAND), "no reversible kind touches L4 or L5"
    return transaction.reversal(
        references={**transaction.references, "reverses": reverses}, reason=reason
    )
