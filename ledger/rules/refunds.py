"""Refunds (退费): owed to a payer (L6), on their way (L7), come back (L9), paid or lodged.

A refund owns its L6 and L9, a payment order its L7. Money that an order brings back goes to the
account it came from: L6, or L9 where the order issued a returned refund again. Bank facts
(executed, returned, reversed) are never refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.rules.places import Place, place_of, references
from ledger.transactions import Transaction, TransactionKind, money_transfers


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOrder:
    """A payment order of one refund: REFUND to its payer, or LODGING with a notary.

    `reissued` says that its money came out of L9, because an earlier order was returned.
    """

    order: UUID
    refund: UUID
    amount: Money
    reissued: bool = False

    def source(self, place: Place) -> Account:
        """Return the account the money came from: L6, or L9."""
        if self.reissued:
            return place.refund_returned(self.refund)
        return place.refund_payable(self.refund)


def funded(*, claims: Iterable[Money], unfunded: Iterable[Money]) -> Money:
    """Return how much of an enrolment is backed by money, 0.00 or more (E27).

    `claims` are its L1, L2, L3, L6 and L7, `unfunded` its A5[LEGACY] and A5[DIVERSION].
    """
    return max(_sum(claims) - _sum(unfunded), ZERO)


def refund_instructed(place: Place, order: RefundOrder) -> Transaction:
    """Instruct the bank to pay a refund (E24): L6 x | L7 x."""
    assert not order.reissued, "a refund that came back is issued again"
    return _moved(TransactionKind.REFUND_INSTRUCTED, place, order, _out(place, order))


def refund_reissued(place: Place, order: RefundOrder) -> Transaction:
    """Issue a returned refund again, to a payee that two people agreed on (E26): L9 x | L7 x."""
    assert order.reissued, "only a refund that came back is issued again"
    return _moved(TransactionKind.REFUND_REISSUED, place, order, _out(place, order))


def refund_executed(
    place: Place, order: RefundOrder, *, bank_entry: UUID, channel: Reason | None = None
) -> Transaction:
    """Book the debit that pays a refund (E24): L7 x | A1 x.

    With a `channel` that has not settled yet, it is the channel that pays: L7 x | A3 x.
    """
    source = place.bank if channel is None else place.channel_clearing(channel)
    paid = (place.refund_in_transit(order.order), source)
    return _moved(TransactionKind.REFUND_EXECUTED, place, order, paid, bank_entry=bank_entry)


def refund_rejected(place: Place, order: RefundOrder) -> Transaction:
    """Undo a refund that the bank rejected before its debit (E25): L7 x | L6 x, or L9 x."""
    return _moved(TransactionKind.REFUND_REJECTED, place, order, _undone(place, order))


def refund_cancelled(place: Place, order: RefundOrder) -> Transaction:
    """Undo a refund that was never sent (E25 from NEW): L7 x | L6 x, or L9 x."""
    return _moved(TransactionKind.REFUND_CANCELLED, place, order, _undone(place, order))


def refund_returned(place: Place, order: RefundOrder, *, bank_entry: UUID) -> Transaction:
    """Book a paid refund that came back, its account closed or wrong (退汇, E26): A1 x | L9 x."""
    back = (place.bank, place.refund_returned(order.refund))
    return _moved(TransactionKind.REFUND_RETURNED, place, order, back, bank_entry=bank_entry)


def refund_reversed(place: Place, order: RefundOrder, *, bank_entry: UUID) -> Transaction:
    """Book the bank's own reversal of a refund (冲账, E21): A1 x | L6 x, or L9 x.

    It never happened, so the same payee is paid again. A fee given back with it is a bank line of
    its own (E33).
    """
    back = (place.bank, order.source(place))
    return _moved(TransactionKind.REFUND_REVERSED, place, order, back, bank_entry=bank_entry)


def refund_lodged(place: Place, order: RefundOrder, *, bank_entry: UUID) -> Transaction:
    """Book the debit that lodges an unclaimed refund with a notary (公证提存, E52): L7 x | A1 x.

    On its way it stood in L7 like any order, so that nobody is paid twice.
    """
    paid = (place.refund_in_transit(order.order), place.bank)
    return _moved(TransactionKind.REFUND_LODGED, place, order, paid, bank_entry=bank_entry)


def refund_taken_back(contract: Contract, *, refund: UUID, amount: Money) -> Transaction:
    """Put a refund that was not sent back into its enrolment, before a wind-down: L6 x | L1 x."""
    return Transaction(
        TransactionKind.REFUND_TAKEN_BACK,
        money_transfers((place_of(contract).refund_payable(refund), contract.prepaid, amount)),
        references(contract, refund=refund),
    )


def _out(place: Place, order: RefundOrder) -> tuple[Account, Account]:
    return order.source(place), place.refund_in_transit(order.order)


def _undone(place: Place, order: RefundOrder) -> tuple[Account, Account]:
    return place.refund_in_transit(order.order), order.source(place)


def _moved(
    kind: TransactionKind,
    place: Place,
    order: RefundOrder,
    moved: tuple[Account, Account],
    **facts: UUID,
) -> Transaction:
    named = references(place, order=order.order, refund=order.refund, **facts)
    return Transaction(kind, money_transfers((*moved, order.amount)), named)


def _sum(amounts: Iterable[Money]) -> Money:
    return sum(amounts, ZERO)
