"""Money suspected to be in the books twice: the same payment under two references of a bank.

The second report is held in suspense (L8, E08) until a person has decided what it is, so it is
never credited twice. `bank_entry` is always the held report, `other` the one it is like.
"""

from uuid import UUID

from ledger.money import Money
from ledger.rules.places import Place, references
from ledger.transactions import Transaction, TransactionKind, money_transfers


def duplicate_closed(place: Place, *, bank_entry: UUID, other: UUID, amount: Money) -> Transaction:
    """Close a report of money that the other one already brought (E30): L8 x | A1 x.

    The mirror of its holding: the bank has the money once, and so have the books.
    """
    return Transaction(
        TransactionKind.DUPLICATE_CLOSED,
        money_transfers((place.suspense(bank_entry), place.bank, amount)),
        references(place, bank_entry=bank_entry, other=other),
    )


def bank_duplicate_recognised(
    place: Place, *, bank: UUID, bank_entry: UUID, other: UUID, amount: Money
) -> Transaction:
    """Hold what a bank has truly credited twice as its own money (E42): L8 x | L14 x.

    Both stand on its statements; the second is the bank's until it takes it back.
    """
    return Transaction(
        TransactionKind.BANK_DUPLICATE_RECOGNISED,
        money_transfers(
            (place.suspense(bank_entry), place.credited_in_error(bank_entry), amount),
        ),
        references(place, bank=bank, receipt=bank_entry, other=other),
    )


def suspicion_lifted(place: Place, *, bank_entry: UUID, other: UUID, amount: Money) -> Transaction:
    """Undo the holding of money that is not the other's: L8 x | A1 x.

    What it becomes by its own kind follows in the same decision, so A1 is as before.
    """
    return Transaction(
        TransactionKind.SUSPICION_LIFTED,
        money_transfers((place.suspense(bank_entry), place.bank, amount)),
        references(place, bank_entry=bank_entry, other=other),
    )
