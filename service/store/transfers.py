"""Transfer orders (划转指令): money between two custody accounts of one institution.

`PURPOSES` says what each is for: own money over a gap elsewhere (E60), the risk deposit drawn into
custody (E37), the pool of a wind-down put where it is paid out, an enrolment's backing (E43).
Nothing moves before the bank's debit; then it is on its way (A8). What arrives before its debit was
seen is kept and tried again.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ledger.accounts import Account, Reason
from ledger.money import Money
from ledger.refusals import WrongState
from ledger.rules import custody, deposits, transfers, wind_downs
from ledger.rules.places import Place
from ledger.transactions import Transaction
from service.store import backing_moves
from service.store.backing_moves import FAILED, MOVED
from service.store.contracts import debts_of, place_of
from service.store.facts import Change, Facts, Insert, Record, Update
from service.store.order_steps import OrderRules, OrderState, Step, order_row
from service.store.tables import CustodyAccount, PaymentOrder

TRANSFER: Final = "TRANSFER"
OWN_FUNDS: Final = "OWN_FUNDS"
DEPOSIT_DRAW: Final = "DEPOSIT_DRAW"
POOL: Final = "POOL"

OPEN: Final = frozenset({"NEW", "SENT", "ACCEPTED", "UNKNOWN"})
"""States of an order whose debit may still come."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Money of an order arriving: from where, to where, by which bank entry."""

    source: Place
    target: Place
    order: UUID
    bank_entry: UUID
    amount: Money


def _nothing_else(_facts: Facts, _order: Record, _end: str) -> tuple[Change, ...]:
    """For purposes that nothing but the order itself remembers."""
    return ()


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a transfer is for.

    `accounts` are those its arrival reads or touches besides both banks, `sent` is what its debit
    posts (of the order, bank entry and amount), `arrived` what its arrival does, `ended` what
    changes with it beside the order, when it has MOVED and when it FAILED.
    """

    accounts: Callable[[Facts, Record], Iterable[Account]]
    sent: Callable[[Facts, Record, UUID, Money], Transaction]
    arrived: Callable[[Facts, Arrival], tuple[Transaction, ...]]
    ended: Callable[[Facts, Record, str], tuple[Change, ...]] = _nothing_else


def _own_sent(_facts: Facts, order: Record, bank_entry: UUID, amount: Money) -> Transaction:
    return custody.own_funds_sent(
        place_of(order), order=order.order_id, bank_entry=bank_entry, amount=amount
    )


def _own_arrived(facts: Facts, arrival: Arrival) -> tuple[Transaction, ...]:
    """Cover the gap with what arrived, out of L16 and then L4 of the source (E60)."""
    source, target = arrival.source, arrival.target
    return (
        custody.own_funds_arrived(
            source,
            target,
            order=arrival.order,
            bank_entry=arrival.bank_entry,
            amount=arrival.amount,
            own_funds=facts.book.balance(source.own_funds),
            payable=facts.book.balance(source.payable),
            debts=debts_of(facts, target.custody),
        ),
    )


def _own_accounts(facts: Facts, order: Record) -> Iterable[Account]:
    source, target = place_of(order), target_of(facts, order)
    return (source.own_funds, source.payable, source.due(Reason.CLAWBACK), target.own_funds)


def _deposit_sent(_facts: Facts, order: Record, bank_entry: UUID, amount: Money) -> Transaction:
    return deposits.deposit_drawn(
        place_of(order), order=order.order_id, bank_entry=bank_entry, amount=amount
    )


def _deposit_arrived(facts: Facts, arrival: Arrival) -> tuple[Transaction, ...]:
    """Close gaps with the deposit that was drawn (E37), out of L12 of the source."""
    source, target = arrival.source, arrival.target
    return (
        deposits.deposit_arrived(
            source,
            target,
            order=arrival.order,
            bank_entry=arrival.bank_entry,
            amount=arrival.amount,
            held=facts.book.balance(source.deposit_held),
            debts=debts_of(facts, target.custody),
        ),
    )


def _deposit_accounts(facts: Facts, order: Record) -> Iterable[Account]:
    source, target = place_of(order), target_of(facts, order)
    return (source.deposit_held, source.due(Reason.CLAWBACK), target.own_funds)


def _pool_sent(_facts: Facts, order: Record, bank_entry: UUID, amount: Money) -> Transaction:
    return wind_downs.pool_moved_out(
        place_of(order), order=order.order_id, bank_entry=bank_entry, amount=amount
    )


def _pool_arrived(facts: Facts, arrival: Arrival) -> tuple[Transaction, ...]:
    """Put cash of a wind-down's pool where its plan pays the dividends."""
    source, target = arrival.source, arrival.target
    return (
        wind_downs.pool_moved_in(
            source,
            target,
            order=arrival.order,
            bank_entry=arrival.bank_entry,
            amount=arrival.amount,
            own_funds=facts.book.balance(source.own_funds),
            debts=debts_of(facts, target.custody),
        ),
    )


def _pool_accounts(facts: Facts, order: Record) -> Iterable[Account]:
    source, target = place_of(order), target_of(facts, order)
    return (source.own_funds, source.due(Reason.CALLED), target.own_funds)


def _backing_arrived(facts: Facts, arrival: Arrival) -> tuple[Transaction, ...]:
    """Let an enrolment go on where its money went (E43)."""
    return (backing_moves.arrived(facts, arrival.target, arrival.order, arrival.bank_entry),)


def _backing_accounts(facts: Facts, order: Record) -> Iterable[Account]:
    return backing_moves.accounts_of(facts, order.order_id)


def _backing_ended(facts: Facts, order: Record, end: str) -> tuple[Change, ...]:
    return backing_moves.ended(facts, order.order_id, end)


PURPOSES: Final[dict[str, Purpose]] = {
    OWN_FUNDS: Purpose(_own_accounts, _own_sent, _own_arrived),
    DEPOSIT_DRAW: Purpose(_deposit_accounts, _deposit_sent, _deposit_arrived),
    POOL: Purpose(_pool_accounts, _pool_sent, _pool_arrived),
    backing_moves.BACKING: Purpose(
        _backing_accounts, backing_moves.sent, _backing_arrived, _backing_ended
    ),
}
"""Every purpose of a transfer; a further one adds its row here and its rules to the ledger."""


def transfer_order(  # noqa: PLR0913 - an order has two ends
    facts: Facts,
    *,
    order: UUID,
    source: Record,
    target: Place,
    purpose: str,
    amount: Money,
) -> Step:
    """Make a NEW order to move money between two accounts of one institution.

    `source` is the custody (or deposit) account's row, whose bank is to pay. What the order may be
    for is judged by whoever asks for it.
    """
    assert purpose in PURPOSES, "a transfer has a known purpose"
    instructed = transfers.transfer_instructed(
        place_of(source), target, order=order, purpose=purpose
    )
    row = order_row(
        facts,
        order=order,
        source=source,
        kind=TRANSFER,
        amount=amount,
        target_custody_account_id=target.custody,
        purpose=purpose,
    )
    return Step((instructed,), (Insert(PaymentOrder, row),))


def transfer_arrived(facts: Facts, order: Record, *, bank_entry: UUID, amount: Money) -> Step:
    """Book the money of an executed order where it was sent to."""
    source, target = place_of(order), target_of(facts, order)
    arrival = Arrival(source, target, order.order_id, bank_entry, amount)
    purpose = PURPOSES[order.purpose]
    return Step(
        purpose.arrived(facts, arrival),
        (arrived_by(order, bank_entry), *purpose.ended(facts, order, MOVED)),
    )


def arrived_by(order: Record, bank_entry: UUID) -> Update:
    """Note on an order by which bank entry its money arrived."""
    return Update(PaymentOrder, (order.order_id,), {"arrived_entry_id": bank_entry})


def arrival_accounts(facts: Facts, order: Record) -> list[Account]:
    """Every account that the arrival of a transfer may read or touch."""
    source, target = place_of(order), target_of(facts, order)
    extra = PURPOSES[order.purpose].accounts(facts, order)
    return [target.bank, source.transfer_in_transit(order.order_id), *extra]


def on_its_way(facts: Facts, order: Record) -> bool:
    """Tell whether the whole amount of an order stands in A8: sent, not arrived, not back."""
    standing = facts.book.balance(place_of(order).transfer_in_transit(order.order_id))
    return order.state == OrderState.EXECUTED and standing == Money.from_fen(order.amount_fen)


def target_of(facts: Facts, order: Record) -> Place:
    """The place an order of this institution's own goes to; its account's row was read."""
    account = facts.get(CustodyAccount, order.target_custody_account_id)
    assert account is not None, "the target account was read"
    return place_of(account)


def _accounts(_facts: Facts, order: Record) -> Iterable[Account]:
    source = place_of(order)
    return (source.bank, source.transfer_in_transit(order.order_id))


def _executed(facts: Facts, order: Record, bank_entry: UUID, amount: Money) -> Step:
    return Step((PURPOSES[order.purpose].sent(facts, order, bank_entry, amount),))


def _returned(facts: Facts, order: Record, bank_entry: UUID, amount: Money) -> Step:
    """Bring back what was on its way (E59); `WrongState` when it has arrived."""
    if not on_its_way(facts, order):
        raise WrongState(object="payment_order", state="ARRIVED", wanted="RETURNED")
    return Step(
        (
            transfers.transfer_failed(
                place_of(order), order=order.order_id, bank_entry=bank_entry, amount=amount
            ),
        ),
        PURPOSES[order.purpose].ended(facts, order, FAILED),
    )


def _undone(facts: Facts, order: Record, _state: OrderState) -> Step:
    return Step(
        (transfers.transfer_withdrawn(place_of(order), order=order.order_id),),
        PURPOSES[order.purpose].ended(facts, order, FAILED),
    )


RULES: Final[Mapping[str, OrderRules]] = {
    TRANSFER: OrderRules(_accounts, _executed, _returned, _undone)
}
