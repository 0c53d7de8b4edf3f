"""Interest (利息) of a custody account, and advances (垫付) that others make for an institution.

Interest belongs to those whose money bore it, by day-products (积数): the sum over the days of a
period of what an account held for each student.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from ledger.entitlement import Contract
from ledger.money import Money, share
from ledger.rules.debts import Debt, make_good
from ledger.rules.places import Place, place_of, references
from ledger.transactions import Transaction, TransactionKind, money_transfers


class ResidualInterest(StrEnum):
    """Whose the interest of a completed contract is, by the supervision agreement."""

    TO_STUDENT = "TO_STUDENT"
    TO_INSTITUTION = "TO_INSTITUTION"


@dataclass(frozen=True, slots=True)
class DayProduct:
    """What one contract's money was over a period, in fen × days, and where it stands in a tie."""

    contract: Contract
    fen_days: int
    contract_on: date
    contract_number: str

    def __post_init__(self) -> None:
        """Hold the promise of the class."""
        assert self.fen_days >= 0, "a day-product is zero or more"


def interest_credited(place: Place, *, bank_entry: UUID, amount: Money) -> Transaction:
    """Receive interest (结息, E34): A1 i | L10 i."""
    return Transaction(
        TransactionKind.INTEREST_CREDITED,
        money_transfers((place.bank, place.interest_unallocated, amount)),
        references(place, bank_entry=bank_entry),
    )


def shares_of_interest(
    amount: Money, products: Sequence[DayProduct]
) -> tuple[tuple[Contract, Money], ...]:
    """Share interest by day-products, largest remainder first (I-40).

    Ties go to the earlier contract date, then contract number; what is shared adds up to the
    amount exactly unless every product is zero, and then nobody gets anything.
    """
    ranked = sorted(
        products, key=lambda p: (p.contract_on, p.contract_number, p.contract.enrolment)
    )
    parts = share(amount, [product.fen_days for product in ranked])
    return tuple(
        (product.contract, part) for product, part in zip(ranked, parts, strict=True) if part
    )


def interest_allocated(
    place: Place, *, credit: UUID, shares: Sequence[tuple[Contract, Money]]
) -> Transaction:
    """Give students the interest that their money bore (E34): L10 i | ΣL11 i."""
    assert all(place_of(contract) == place for contract, _ in shares), "one account's interest"
    return Transaction(
        TransactionKind.INTEREST_ALLOCATED,
        money_transfers(
            *((place.interest_unallocated, contract.interest, part) for contract, part in shares)
        ),
        references(place, interest=credit),
    )


def interest_settled_to_student(
    contract: Contract, *, refunds: Sequence[tuple[UUID, Money]]
) -> Transaction:
    """Owe a completed contract's interest to its payers (E35): L11 i | L6 i, a refund a payer."""
    place = place_of(contract)
    return Transaction(
        TransactionKind.INTEREST_SETTLED,
        money_transfers(
            *((contract.interest, place.refund_payable(refund), part) for refund, part in refunds)
        ),
        references(contract),
        ResidualInterest.TO_STUDENT.value,
    )


def interest_settled_to_institution(
    contract: Contract, *, amount: Money, unfunded: Sequence[Debt]
) -> Transaction:
    """Leave a completed contract's interest to the institution (E35): L11 i | L4 i.

    What it still owes on this very contract, `unfunded`, is closed first.
    """
    own = {contract.legacy, contract.diversion}
    assert all(debt.account in own for debt in unfunded), "only what is owed on this contract"
    closed, rest = make_good(unfunded, amount)
    return Transaction(
        TransactionKind.INTEREST_SETTLED,
        money_transfers(
            *((contract.interest, debt, part) for debt, part in closed),
            (contract.interest, contract.payable, rest),
        ),
        references(contract),
        ResidualInterest.TO_INSTITUTION.value,
    )


def advance_received(
    place: Place, *, bank_entry: UUID, amount: Money, debts: Sequence[Debt]
) -> Transaction:
    """Receive what a government, insurer or guarantor advances for the institution (E45).

    A1 x | A5 in order, the rest L16. The bank entry is the record of who may claim it from the
    institution now (代位求偿).
    """
    closed, rest = make_good(debts, amount)
    return Transaction(
        TransactionKind.ADVANCE_RECEIVED,
        money_transfers(
            *((place.bank, debt, part) for debt, part in closed),
            (place.bank, place.own_funds, rest),
        ),
        references(place, bank_entry=bank_entry),
    )
