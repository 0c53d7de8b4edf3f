"""The steps of a payment order: from which state each is reached, and what a step carries.

NEW → SENT → ACCEPTED | UNKNOWN → EXECUTED | REJECTED; EXECUTED → RETURNED | REVERSED, once; NEW →
CANCELLED. A group of order kinds is an `OrderRules`: what its execution, its return and its undoing
post.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from ledger.accounts import Account
from ledger.money import Money
from ledger.refusals import WrongState
from ledger.transactions import Transaction
from service.store.facts import Change, Facts, Record, Update
from service.store.tables import CustodyAccount, PaymentOrder


class OrderState(StrEnum):
    """Where a payment order is."""

    NEW = "NEW"
    SENT = "SENT"
    ACCEPTED = "ACCEPTED"
    UNKNOWN = "UNKNOWN"
    EXECUTED = "EXECUTED"
    REJECTED = "REJECTED"
    RETURNED = "RETURNED"
    REVERSED = "REVERSED"
    CANCELLED = "CANCELLED"


_S: Final = OrderState
_FROM: Final[Mapping[OrderState, frozenset[OrderState]]] = {
    _S.SENT: frozenset({_S.NEW}),
    _S.ACCEPTED: frozenset({_S.SENT}),
    _S.UNKNOWN: frozenset({_S.SENT}),
    _S.EXECUTED: frozenset({_S.NEW, _S.SENT, _S.ACCEPTED, _S.UNKNOWN}),
    _S.REJECTED: frozenset({_S.SENT, _S.ACCEPTED, _S.UNKNOWN}),
    _S.RETURNED: frozenset({_S.EXECUTED}),
    _S.REVERSED: frozenset({_S.EXECUTED}),
    _S.CANCELLED: frozenset({_S.NEW}),
}
"""From which states each state is reached; EXECUTED is a bank fact, so also before a report."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of an order posts, and the rows it changes besides the order's own."""

    transactions: tuple[Transaction, ...]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderRules:
    """What the orders of some kinds post, step by step; none of it is refused.

    `accounts` are those that any step may read or touch, of an order whose rows behind it were
    locked. `executed`, `returned` and `reversed` (by the bank itself, 冲账; as `returned` where it
    is left out) take the order, the bank entry and its amount, `undone` the order and REJECTED or
    CANCELLED. Steps hold no change of the order's own row.
    """

    accounts: Callable[[Facts, Record], Iterable[Account]]
    executed: Callable[[Facts, Record, UUID, Money], Step]
    returned: Callable[[Facts, Record, UUID, Money], Step]
    undone: Callable[[Facts, Record, OrderState], Step]
    reversed: Callable[[Facts, Record, UUID, Money], Step] | None = None


STOPPING: Final = frozenset({"PAYOUT_STOP", "FREEZE", "FENCE"})
INSTITUTIONS: Final = frozenset({"EARNED", "SURPLUS", "DEPOSIT"})
"""Kinds of order that pay the institution; what is a student's or payer's only a FENCE stops."""


def is_stopped(order: Record, stopped: Collection[tuple[UUID, str]]) -> bool:
    """Tell whether (target, kind) of a restraint in force stops an order.

    A FENCE stops everything; the other restraints stop what is the institution's.
    """
    kinds = {
        kind
        for target, kind in stopped
        if target in (order.institution_id, order.custody_account_id)
    }
    return "FENCE" in kinds or (order.kind in INSTITUTIONS and bool(kinds & STOPPING))


def require(order: Record, state: OrderState) -> None:
    """Refuse a state that is not reached from the order's own: `WrongState`."""
    if order.state not in _FROM[state]:
        raise WrongState(object="payment_order", state=order.state, wanted=state.value)


def require_match(order: Record, amount: Money, custody: UUID) -> None:
    """Refuse a bank entry of another amount or custody account: `WrongState`."""
    if order.custody_account_id != custody or order.amount_fen != amount.fen:
        raise WrongState(object="payment_order", state=order.state, wanted="other_bank_entry")


def moved_to(order: Record, state: OrderState, **values: Any) -> Update:  # noqa: ANN401 - columns
    """Change an order's own row."""
    return Update(PaymentOrder, (order.order_id,), {"state": state.value, **values})


def order_row(
    facts: Facts,
    *,
    order: UUID,
    source: Record,
    kind: str,
    amount: Money,
    **named: Any,  # noqa: ANN401 - columns that this kind of order has besides
) -> dict[str, Any]:
    """Make the row of a NEW order, every column of it; `source` is the custody account's row.

    Out of a deposit account, whose row was read, its purpose is DEPOSIT unless another is named.
    """
    moment = facts.moment
    account = facts.get(CustodyAccount, source.custody_account_id)
    from_deposit = account is not None and account.purpose == "DEPOSIT"
    return {
        "order_id": order,
        "institution_id": source.institution_id,
        "custody_account_id": source.custody_account_id,
        "bank_code": source.bank_code,
        "kind": kind,
        "amount_fen": amount.fen,
        "payee_party_id": None,
        "bank_entry_id": None,
        "refund_id": None,
        "porting_id": None,
        "target_custody_account_id": None,
        "purpose": "DEPOSIT" if from_deposit else None,
        "replaces_order_id": None,
        "state": OrderState.NEW.value,
        "reason": None,
        "requested_on": moment.today,
        "executed_entry_id": None,
        "returned_entry_id": None,
        "arrived_entry_id": None,
        "seq": moment.next_seq,
        **named,
    }
