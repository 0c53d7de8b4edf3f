"""Money in suspense (待核款): matched to an enrolment later, or returned to the payer.

`receipt` is the bank entry (or capture) that brought the money and owns its L8; `bank_entry` is
always the entry that evidences the bank line of the same transaction.
"""

from uuid import UUID

from ledger.entitlement import Contract
from ledger.money import Money
from ledger.rules.places import Place, place_of, references
from ledger.rules.receipts import still_due
from ledger.transactions import Transaction, TransactionKind, money_transfers


def suspense_matched(
    contract: Contract, *, receipt: UUID, held: Money, received_before: Money
) -> Transaction:
    """Credit a held receipt to its enrolment (E09): L8 x | L1 x, at most what is still due.

    `held` is the balance of its L8; the excess stays there.
    """
    matched = min(held, still_due(contract, received_before))
    return Transaction(
        TransactionKind.SUSPENSE_MATCHED,
        money_transfers((place_of(contract).suspense(receipt), contract.prepaid, matched)),
        references(contract, receipt=receipt),
    )


def receipt_restated(place: Place, *, bank_entry: UUID, amount: Money) -> Transaction:
    """Undo the holding of a receipt that the bank has told more of since (E08): L8 x | A1 x.

    What it is by the fuller word is posted in the same decision, so A1 is as before (I-39).
    """
    return Transaction(
        TransactionKind.RECEIPT_RESTATED,
        money_transfers((place.suspense(bank_entry), place.bank, amount)),
        references(place, bank_entry=bank_entry),
    )


def suspense_return_instructed(
    place: Place, *, receipt: UUID, order: UUID, amount: Money
) -> Transaction:
    """Instruct the bank to send a held receipt back to its payer (E10): L8 x | L7 x."""
    return Transaction(
        TransactionKind.SUSPENSE_RETURN_INSTRUCTED,
        money_transfers((place.suspense(receipt), place.refund_in_transit(order), amount)),
        references(place, receipt=receipt, order=order),
    )


def suspense_return_executed(
    place: Place, *, order: UUID, bank_entry: UUID, amount: Money
) -> Transaction:
    """Book the bank's debit of such a return (E10): L7 x | A1 x."""
    return Transaction(
        TransactionKind.SUSPENSE_RETURN_EXECUTED,
        money_transfers((place.refund_in_transit(order), place.bank, amount)),
        references(place, order=order, bank_entry=bank_entry),
    )


def suspense_return_rejected(
    place: Place, *, receipt: UUID, order: UUID, amount: Money
) -> Transaction:
    """Undo such a return before the bank's debit: L7 x | L8 x, back where it came from."""
    return Transaction(
        TransactionKind.SUSPENSE_RETURN_REJECTED,
        money_transfers((place.refund_in_transit(order), place.suspense(receipt), amount)),
        references(place, receipt=receipt, order=order),
    )


def suspense_return_bounced(
    place: Place, *, receipt: UUID, order: UUID, bank_entry: UUID, amount: Money
) -> Transaction:
    """Book such a return that came back after the debit (退汇): A1 x | L8 x."""
    return Transaction(
        TransactionKind.SUSPENSE_RETURN_BOUNCED,
        money_transfers((place.bank, place.suspense(receipt), amount)),
        references(place, receipt=receipt, order=order, bank_entry=bank_entry),
    )
