"""Bank errors (银行差错): what a bank takes or gives without a right to it, and its corrections.

They are bank facts and never refused. Until the bank corrects it, a wrong debit is due from the
bank (A6) and shows as a shortfall, and a wrong credit is the bank's own money (L14) that nobody
may use. A correction of more than stands open is itself an error the other way round.
"""

from uuid import UUID

from ledger.money import Money
from ledger.rules.places import Place, references
from ledger.transactions import Transaction, TransactionKind, money_transfers


def bank_error_debited(place: Place, *, bank: UUID, bank_entry: UUID, amount: Money) -> Transaction:
    """Book a debit that nobody ordered (E41): A6[ERROR_DEBIT] x | A1 x."""
    return Transaction(
        TransactionKind.BANK_ERROR_DEBITED,
        money_transfers((place.debited_in_error(bank), place.bank, amount)),
        references(place, bank=bank, bank_entry=bank_entry),
    )


def bank_error_debit_corrected(
    place: Place, *, bank: UUID, bank_entry: UUID, amount: Money, owed: Money
) -> Transaction:
    """Book what the bank gives back for wrong debits (E41): A1 x | A6[ERROR_DEBIT] x.

    `owed` is the balance of A6[ERROR_DEBIT]; what goes beyond it is the bank's own money (L14).
    """
    due = min(amount, owed)
    return Transaction(
        TransactionKind.BANK_ERROR_DEBIT_CORRECTED,
        money_transfers(
            (place.bank, place.debited_in_error(bank), due),
            (place.bank, place.credited_in_error(bank_entry), amount - due),
        ),
        references(place, bank=bank, bank_entry=bank_entry),
    )


def bank_error_credited(
    place: Place, *, bank: UUID, bank_entry: UUID, amount: Money
) -> Transaction:
    """Book a credit that is nobody's here (E42): A1 x | L14 x."""
    return Transaction(
        TransactionKind.BANK_ERROR_CREDITED,
        money_transfers((place.bank, place.credited_in_error(bank_entry), amount)),
        references(place, bank=bank, bank_entry=bank_entry),
    )


def bank_error_credit_corrected(  # noqa: PLR0913 - the wrong entry, its correction, what is left
    place: Place, *, bank: UUID, credit: UUID, bank_entry: UUID, amount: Money, held: Money
) -> Transaction:
    """Book what the bank takes back of a wrong credit (E42): L14 x | A1 x.

    `credit` is the entry that brought it and `held` the balance of its L14; what goes beyond it
    was taken without a right: A6[ERROR_DEBIT].
    """
    own = min(amount, held)
    return Transaction(
        TransactionKind.BANK_ERROR_CREDIT_CORRECTED,
        money_transfers(
            (place.credited_in_error(credit), place.bank, own),
            (place.debited_in_error(bank), place.bank, amount - own),
        ),
        references(place, bank=bank, credit=credit, bank_entry=bank_entry),
    )


def suspense_found_error(place: Place, *, bank: UUID, receipt: UUID, amount: Money) -> Transaction:
    """Hold what stood in suspense as the bank's own, where two people found that it is (E42).

    L8 x | L14 x, both owned by the entry `receipt` that brought it.
    """
    return Transaction(
        TransactionKind.SUSPENSE_FOUND_ERROR,
        money_transfers((place.suspense(receipt), place.credited_in_error(receipt), amount)),
        references(place, bank=bank, receipt=receipt),
    )


def bank_errors_netted(place: Place, *, bank: UUID, credit: UUID, amount: Money) -> Transaction:
    """Set off a wrong debit and a credit whose lines came the other way round: L14 x | A6 x.

    `credit` is the entry that brought the L14. Whichever of an error and its correction is told
    first, the same stands in the end (I-39).
    """
    return Transaction(
        TransactionKind.BANK_ERRORS_NETTED,
        money_transfers((place.credited_in_error(credit), place.debited_in_error(bank), amount)),
        references(place, bank=bank, credit=credit),
    )
