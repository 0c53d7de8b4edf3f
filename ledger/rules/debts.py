"""What an institution must make good (机构应补足款, A5), and the order in which money does so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from ledger.accounts import Account, AccountKind, Reason
from ledger.money import ZERO, Money, total

_ORDER: Final = (
    Reason.FEE_DISPUTED,
    Reason.BANK_CHARGE,
    Reason.CLAWBACK,
    Reason.CHARGEBACK,
    Reason.COURT_DEDUCTION,
    Reason.CALLED,
)
_OF_ENROLMENT: Final = (Reason.LEGACY, Reason.DIVERSION)
_DUE: Final = (AccountKind.DUE_FROM_INSTITUTION, AccountKind.DUE_FROM_BANK)


@dataclass(frozen=True, slots=True)
class Debt:
    """The balance of an A5 account (or of A6[FEE_DISPUTED] when the bank pays a fee back).

    `contract_on` is the contract date of the enrolment that a LEGACY or DIVERSION debt belongs to.
    """

    account: Account
    amount: Money
    contract_on: date | None = None

    def __post_init__(self) -> None:
        """Hold the promise of the class."""
        assert self.account.kind in _DUE, "a debt is an amount due from the institution or the bank"
        assert self.amount >= ZERO, "a debt is not negative"


def in_order(debts: Sequence[Debt]) -> tuple[Debt, ...]:
    """Sort debts as they are made good.

    BANK_CHARGE, CLAWBACK, CHARGEBACK, COURT_DEDUCTION, CALLED, then LEGACY and DIVERSION by
    contract date. Of one date LEGACY is before DIVERSION, then by owner, so the order is fixed.
    """
    return tuple(sorted(debts, key=_rank))


def make_good(
    debts: Sequence[Debt], amount: Money
) -> tuple[tuple[tuple[Account, Money], ...], Money]:
    """Part an amount over debts in their order, each at most its balance; return parts and rest."""
    parts: list[tuple[Account, Money]] = []
    rest = amount
    for debt in in_order(debts):
        part = min(rest, debt.amount)
        if part:
            parts.append((debt.account, part))
            rest -= part
    return tuple(parts), rest


def owed(debts: Sequence[Debt]) -> Money:
    """Add up debts."""
    return total([debt.amount for debt in debts])


def _rank(debt: Debt) -> tuple[int, date, int, UUID]:
    reason = debt.account.reason
    assert reason is not None, "a debt has a reason"
    owner = debt.account.owner
    if reason in _OF_ENROLMENT:
        since = debt.contract_on or date.min
        return len(_ORDER), since, _OF_ENROLMENT.index(reason), owner
    return _ORDER.index(reason), date.min, 0, owner
