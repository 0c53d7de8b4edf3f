"""Portings (转课): a student's money goes on to another institution, with the parent's consent.

Money crosses institutions in this one pattern only (I-24): set aside at X (L15), sent by X's bank
(A8), arrived at Y (A1 | L1). Where X and Y are books of one journal the arrival is one transaction;
in two journals it is two, tied by the porting's order. Outside a wind-down the funded part of the
prepaid money goes; out of a wind-down the dividend does, and the residual claim stays.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money, total
from ledger.rules.debts import Debt, owed
from ledger.rules.enrolments import enrolment_opened
from ledger.rules.places import Place, place_of, references
from ledger.transactions import Transaction, TransactionKind, Transfer, money_transfers


def funded_part(contract: Contract, *, prepaid: Money, unfunded: Sequence[Debt]) -> Money:
    """Return how much of L1 has money behind it: L1 − A5[LEGACY] − A5[DIVERSION], at least 0.00.

    `unfunded` holds the balances of the enrolment's own A5 accounts.
    """
    own = {contract.legacy, contract.diversion}
    assert all(debt.account in own for debt in unfunded), "only what is owed on this contract"
    return max(prepaid - owed(unfunded), ZERO)


def porting_instructed(
    contract: Contract, *, porting: UUID, amount: Money, units: Mapping[Reason, int]
) -> Transaction:
    """Set a student's money aside for another institution (E44): L1 x | L15 x.

    The lessons left here are taken back (U1 | U0); `units` says how many, PAID and GIFT.
    """
    move = (contract.prepaid, place_of(contract).porting_in_transit(porting), amount)
    return Transaction(
        TransactionKind.PORTING_INSTRUCTED,
        money_transfers(move) + _units_taken_back(contract, units),
        references(contract, porting=porting),
    )


def placement_instructed(
    place: Place, *, porting: UUID, dividends: Mapping[UUID, Money]
) -> Transaction:
    """Set the dividend of an entitlement aside for the institution chosen (E44): L6 d | L15 d.

    `dividends` is what is carried of each refund. The residual claim (L13) stays as it is.
    """
    aside = place.porting_in_transit(porting)
    return Transaction(
        TransactionKind.PORTING_INSTRUCTED,
        money_transfers(
            *((place.refund_payable(refund), aside, part) for refund, part in dividends.items())
        ),
        references(place, porting=porting),
    )


def porting_sent(
    source: Place, *, porting: UUID, order: UUID, bank_entry: UUID, amount: Money
) -> Transaction:
    """Book the debit at the bank of X (E44): A8 x | A1 x."""
    return Transaction(
        TransactionKind.PORTING_SENT,
        money_transfers((source.transfer_in_transit(order), source.bank, amount)),
        references(source, porting=porting, order=order, bank_entry=bank_entry),
    )


def porting_arrived(  # noqa: PLR0913 - both ends of a porting
    receiving: Contract,
    *,
    porting: UUID,
    order: UUID,
    bank_entry: UUID,
    refund: UUID,
    amount: Money,
    source: Place | None,
) -> Transaction:
    """Book the credit at the bank of Y, where the lessons go on (E44).

    A1 x | L1 up to what the receiving enrolment is worth, and L6 the rest, which is the student's
    and owned by `refund`; its lessons are granted (U0 | U1). `source` is X in the same journal,
    settled in the same transaction: L15 x | A8 x. It is None where X stands in another journal.
    """
    place = place_of(receiving)
    taken = min(amount, receiving.price)
    settled = () if source is None else (_settled(source, porting, order, amount),)
    return Transaction(
        TransactionKind.PORTING_ARRIVED,
        money_transfers(
            (place.custody_bank, receiving.prepaid, taken),
            (place.custody_bank, place.refund_payable(refund), amount - taken),
            *settled,
        )
        + enrolment_opened(receiving).transfers,
        references(receiving, porting=porting, order=order, bank_entry=bank_entry)
        | ({} if source is None else {"source_custody": str(source.custody)}),
    )


def porting_settled(source: Place, *, porting: UUID, order: UUID, amount: Money) -> Transaction:
    """Close a porting at X whose money arrived in another journal (E44): L15 x | A8 x."""
    return Transaction(
        TransactionKind.PORTING_SETTLED,
        money_transfers(_settled(source, porting, order, amount)),
        references(source, porting=porting, order=order),
    )


def left_behind_owed(
    contract: Contract, *, porting: UUID, refund: UUID, prepaid: Money, interest: Money
) -> Transaction:
    """Owe the student what did not go along: L1 u, L11 i | L6 u + i.

    It is the part that is not funded, which waits for money (E27), and the interest.
    """
    owed_back = place_of(contract).refund_payable(refund)
    return Transaction(
        TransactionKind.REFUND_APPROVED,
        money_transfers(
            (contract.prepaid, owed_back, prepaid), (contract.interest, owed_back, interest)
        ),
        references(contract, porting=porting, refund=refund),
        "PORTING",
    )


def porting_undone(
    contract: Contract, *, porting: UUID, amount: Money, units: Mapping[Reason, int]
) -> Transaction:
    """Give the student back what could not be ported (E59): L15 x | L1 x, and the lessons."""
    move = (place_of(contract).porting_in_transit(porting), contract.prepaid, amount)
    again = tuple(unit.mirrored() for unit in _units_taken_back(contract, units))
    return Transaction(
        TransactionKind.PORTING_UNDONE,
        money_transfers(move) + again,
        references(contract, porting=porting),
    )


def placement_undone(
    place: Place, *, porting: UUID, dividends: Mapping[UUID, Money]
) -> Transaction:
    """Make a dividend payable again that could not be carried on (E59): L15 d | L6 d."""
    assert total([*dividends.values()]), "a placement carries something"
    aside = place.porting_in_transit(porting)
    return Transaction(
        TransactionKind.PORTING_UNDONE,
        money_transfers(
            *((aside, place.refund_payable(refund), part) for refund, part in dividends.items())
        ),
        references(place, porting=porting),
    )


def _settled(
    source: Place, porting: UUID, order: UUID, amount: Money
) -> tuple[Account, Account, Money]:
    return (source.porting_in_transit(porting), source.transfer_in_transit(order), amount)


def _units_taken_back(contract: Contract, units: Mapping[Reason, int]) -> tuple[Transfer, ...]:
    return tuple(
        Transfer(contract.units_granted(reason), contract.units_contracted(reason), lessons)
        for reason, lessons in units.items()
        if lessons
    )
