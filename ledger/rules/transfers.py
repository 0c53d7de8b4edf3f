"""Transfers (划转) between custody accounts of one institution: instructed, and come back.

What a transfer is for decides what its debit and its arrival post (own funds E60, the deposit
E37, a wind-down's pool); how it is asked for and how it fails is the same for all.
"""

from uuid import UUID

from ledger.money import Money
from ledger.rules.places import Place, references
from ledger.transactions import Transaction, TransactionKind, money_transfers


def transfer_instructed(source: Place, target: Place, *, order: UUID, purpose: str) -> Transaction:
    """Ask a bank to move money to another custody account of the same institution.

    No money moves before the bank's debit.
    """
    assert source.institution == target.institution, "a transfer stays with one institution"
    assert source.custody != target.custody, "a transfer goes to another custody account"
    return Transaction(
        TransactionKind.TRANSFER_INSTRUCTED,
        references=references(source, order=order, target_custody=target.custody),
        reason=purpose,
    )


def transfer_withdrawn(source: Place, *, order: UUID) -> Transaction:
    """Record that a transfer ended before the bank's debit: rejected or taken back."""
    return Transaction(TransactionKind.TRANSFER_FAILED, references=references(source, order=order))


def transfer_failed(source: Place, *, order: UUID, bank_entry: UUID, amount: Money) -> Transaction:
    """Book a transfer or porting that came back after its debit (E59): A1 x | A8 x."""
    return Transaction(
        TransactionKind.TRANSFER_FAILED,
        money_transfers((source.bank, source.transfer_in_transit(order), amount)),
        references(source, order=order, bank_entry=bank_entry),
    )
