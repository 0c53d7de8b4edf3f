"""Enrolments: lessons granted, money missing from the first day, and an enrolment that lapses.

Lesson units (课时) are a ledger of their own: U0 is what was contracted, U1 what is still to be
taken and U2 what was taken, paid and gift apart.
"""

from collections.abc import Mapping
from uuid import UUID

from ledger.accounts import Reason
from ledger.entitlement import Contract
from ledger.money import Money, total
from ledger.rules.places import place_of, references
from ledger.transactions import Transaction, TransactionKind, Transfer, money_transfers


def enrolment_opened(contract: Contract) -> Transaction:
    """Grant the lessons of a contract, paid and gift (U0 | U1); no money moves."""
    return Transaction(
        TransactionKind.ENROLMENT_OPENED, _units_granted(contract), references(contract)
    )


def legacy_onboarded(contract: Contract) -> Transaction:
    """Take on a contract from before custody, with no money behind it (E01).

    A5[LEGACY, enrolment] price | L1 price, and its remaining lessons are granted.
    """
    move = (contract.legacy, contract.prepaid, contract.price)
    return Transaction(
        TransactionKind.LEGACY_ONBOARDED,
        money_transfers(move) + _units_granted(contract),
        references(contract),
    )


def diversion_discovered(
    contract: Contract, *, amount: Money, received_before: Money
) -> Transaction:
    """Recognize tuition that was collected outside the custody account (体外收费, E36).

    A5[DIVERSION, enrolment] x | L1 x; never more than is still due under the contract.
    """
    assert amount + received_before <= contract.price, "no more is recognized than is due"
    move = (contract.diversion, contract.prepaid, amount)
    return Transaction(
        TransactionKind.DIVERSION_DISCOVERED, money_transfers(move), references(contract)
    )


def enrolment_lapsed(contract: Contract, *, received: Mapping[UUID, Money]) -> Transaction:
    """End an enrolment that was not paid in time: what came goes back to suspense (L1 | L8).

    `received` is what each bank entry (or capture) brought to L1; its return follows by E10.
    The lessons granted are taken back (U1 | U0).
    """
    assert total([*received.values()]) <= contract.price, "no more goes back than was due"
    place = place_of(contract)
    back = [(contract.prepaid, place.suspense(entry), part) for entry, part in received.items()]
    return Transaction(
        TransactionKind.ENROLMENT_LAPSED,
        money_transfers(*back) + tuple(unit.mirrored() for unit in _units_granted(contract)),
        references(contract),
    )


def _units_granted(contract: Contract) -> tuple[Transfer, ...]:
    granted = ((Reason.PAID, contract.lessons_paid), (Reason.GIFT, contract.lessons_gift))
    return tuple(
        Transfer(contract.units_contracted(reason), contract.units_granted(reason), lessons)
        for reason, lessons in granted
        if lessons
    )
