"""Court orders (司法冻结、扣划) on a custody account: what is held, and what is taken.

A hold posts nothing (E46): the money stays what it was, and only less of it may leave. A deduction
is a bank fact and never refused; the institution must make it good (E47).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from ledger.accounts import Reason
from ledger.money import ZERO, Money, total
from ledger.rules.places import Place, references
from ledger.transactions import Transaction, TransactionKind, money_transfers


@dataclass(frozen=True, slots=True)
class Hold:
    """An amount that a court or the regulator holds in a custody account, by its restraint."""

    restraint: UUID
    amount: Money

    def __post_init__(self) -> None:
        """Hold the promise of the class."""
        assert self.amount > ZERO, "a hold is for more than 0.00"


def available(amount: Money, holds: Sequence[Hold]) -> Money:
    """Return what holds leave of an amount that could otherwise go out, at least 0.00 (E46)."""
    return max(amount - total([hold.amount for hold in holds]), ZERO)


def holds_left(holds: Sequence[Hold], *, deducted: Money) -> tuple[Hold, ...]:
    """Return what stays held after a deduction under the same order, the first hold used first.

    Without this the deduction would count twice: the money is gone, and it would still be held.
    """
    left: list[Hold] = []
    rest = deducted
    for hold in holds:
        used = min(rest, hold.amount)
        rest -= used
        if used < hold.amount:
            left.append(Hold(hold.restraint, hold.amount - used))
    return tuple(left)


def court_deduction_debited(place: Place, *, bank_entry: UUID, amount: Money) -> Transaction:
    """Book what a court had the bank pay out (E47): A5[COURT_DEDUCTION] x | A1 x.

    The institution's own funds in the same account then cover it at once (E57).
    """
    return Transaction(
        TransactionKind.COURT_DEDUCTION_DEBITED,
        money_transfers((place.due(Reason.COURT_DEDUCTION), place.bank, amount)),
        references(place, bank_entry=bank_entry),
    )
