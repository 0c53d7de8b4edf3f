"""Payouts (划拨): what an institution earned, or its surplus, leaves the custody account.

An outgoing order has a kind, each created by its own rule from one account, and money that comes
back goes to the account it came from. A bank fact (executed, returned) is never refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from uuid import UUID

from ledger.accounts import Account
from ledger.money import ZERO, Money
from ledger.refusals import PayoutNotCovered
from ledger.rules.debts import Debt, make_good, owed
from ledger.rules.places import Place, references
from ledger.transactions import Transaction, TransactionKind, money_transfers


class OrderKind(StrEnum):
    """What an outgoing payment order pays; its account follows from it."""

    EARNED = "EARNED"
    SURPLUS = "SURPLUS"
    DEPOSIT = "DEPOSIT"
    REFUND = "REFUND"


def check_payout(*, room: Money, amount: Money) -> None:
    """Refuse a payout of more than what coverage leaves (I-22): raises `PayoutNotCovered`."""
    if amount > room:
        raise PayoutNotCovered(room=str(max(room, ZERO)), amount=str(amount))


def payout_instructed(place: Place, *, order: UUID, amount: Money) -> Transaction:
    """Instruct an EARNED order (E17): L4 x | L5 x."""
    return Transaction(
        TransactionKind.PAYOUT_INSTRUCTED,
        money_transfers((place.payable, place.payout_in_transit(order), amount)),
        references(place, order=order),
    )


def surplus_instructed(
    place: Place, *, order: UUID, amount: Money, debts: Sequence[Debt]
) -> Transaction:
    """Instruct a SURPLUS order (E12): L16 x | L5 x.

    Raises `PayoutNotCovered` while anything is due from the institution in this custody account.
    """
    if owed(debts):
        raise PayoutNotCovered(owed=str(owed(debts)), amount=str(amount))
    return Transaction(
        TransactionKind.SURPLUS_INSTRUCTED,
        money_transfers((place.own_funds, place.payout_in_transit(order), amount)),
        references(place, order=order),
    )


def payout_executed(place: Place, *, order: UUID, bank_entry: UUID, amount: Money) -> Transaction:
    """Book the bank's debit of a payout, EARNED or SURPLUS (E18): L5 x | A1 x."""
    return Transaction(
        TransactionKind.PAYOUT_EXECUTED,
        money_transfers((place.payout_in_transit(order), place.bank, amount)),
        references(place, order=order, bank_entry=bank_entry),
    )


def payout_rejected(place: Place, *, order: UUID, amount: Money, source: OrderKind) -> Transaction:
    """Undo a payout that the bank rejected before its debit (E19): L5 x | L4 x, L16 x or L12 x."""
    return Transaction(
        TransactionKind.PAYOUT_REJECTED,
        money_transfers((place.payout_in_transit(order), _source(place, source), amount)),
        references(place, order=order),
    )


def payout_cancelled(place: Place, *, order: UUID, amount: Money, source: OrderKind) -> Transaction:
    """Undo a payout that was never sent (E19 from NEW): L5 x | L4 x, L16 x or L12 x."""
    return Transaction(
        TransactionKind.PAYOUT_CANCELLED,
        money_transfers((place.payout_in_transit(order), _source(place, source), amount)),
        references(place, order=order),
    )


def payout_returned(
    place: Place, *, order: UUID, bank_entry: UUID, amount: Money, source: OrderKind
) -> Transaction:
    """Book a payout that came back after its debit (退汇, E20): A1 x | L4 x, L16 x or L12 x."""
    return Transaction(
        TransactionKind.PAYOUT_RETURNED,
        money_transfers((place.bank, _source(place, source), amount)),
        references(place, order=order, bank_entry=bank_entry),
    )


def payout_reversed(
    place: Place, *, order: UUID, bank_entry: UUID, amount: Money, source: OrderKind
) -> Transaction:
    """Book the bank's own reversal of a payout (冲账, E21 with E19): A1 x | L4 x, L16 x or L12 x.

    A fee given back with it is a bank line of its own (E33): A1 f | A5[BANK_CHARGE] f, or L16 f
    where the institution had made it good already.
    """
    return Transaction(
        TransactionKind.PAYOUT_REVERSED,
        money_transfers((place.bank, _source(place, source), amount)),
        references(place, order=order, bank_entry=bank_entry),
    )


def debts_made_good(
    place: Place, *, own_funds: Money, payable: Money, debts: Sequence[Debt]
) -> Transaction:
    """Let the institution's money close what it owes in the same custody account.

    L16 first, then L4, up to their balances `own_funds` and `payable` | A5 in order. `debts` are
    those that may be closed now: CLAWBACK before the next payout (E29), all in a set-off (E48),
    LEGACY where the regulator approved that earned money is retained (E55).
    """
    from_own, _ = make_good(debts, own_funds)
    from_earned, _ = make_good(_without(debts, dict(from_own)), payable)
    assert from_own or from_earned, "there is something to make good, and money for it"
    return Transaction(
        TransactionKind.DEBTS_MADE_GOOD,
        money_transfers(
            *((place.own_funds, debt, part) for debt, part in from_own),
            *((place.payable, debt, part) for debt, part in from_earned),
        ),
        references(place),
    )


def _without(debts: Sequence[Debt], closed: Mapping[Account, Money]) -> list[Debt]:
    return [replace(debt, amount=debt.amount - closed.get(debt.account, ZERO)) for debt in debts]


def _source(place: Place, kind: OrderKind) -> Account:
    assert kind is not OrderKind.REFUND, "a payout is earned, surplus or deposit"
    if kind is OrderKind.DEPOSIT:
        return place.deposit_held
    return place.payable if kind is OrderKind.EARNED else place.own_funds
