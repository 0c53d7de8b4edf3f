"""The register of a wind-down (债权登记): an entitlement that turns out to be higher."""

from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.rules.places import references
from ledger.transactions import Transaction, TransactionKind, money_transfers


def entitlement_raised(contract: Contract, *, amount: Money) -> Transaction:
    """Recognize what a parent proved beyond the ledger, as money kept off the account (E36).

    A5[DIVERSION, enrolment] x | L1 x. Unlike a discovery while the school still teaches, it is not
    bounded by the price on file, since the contract on file is what the objection disproves.
    """
    assert amount > ZERO, "an entitlement is raised by something"
    return Transaction(
        TransactionKind.DIVERSION_DISCOVERED,
        money_transfers((contract.diversion, contract.prepaid, amount)),
        references(contract),
        "OBJECTION_UPHELD",
    )
