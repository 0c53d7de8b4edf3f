"""Payment orders (付款指令) as every noun sees them: their states, and what each step posts.

NEW → SENT → ACCEPTED | UNKNOWN → EXECUTED | REJECTED; EXECUTED → RETURNED; NEW → CANCELLED. Only
a bank entry executes or returns an order, whatever was reported before. Money that comes back goes
to the account it came from: EARNED to L4, SURPLUS to L16, DEPOSIT to L12, SUSPENSE_RETURN to L8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from ledger.accounts import Account
from ledger.money import ZERO, Money
from ledger.rules import payouts, suspense
from ledger.rules.custody import own_funds_applied
from ledger.rules.debts import Debt, owed
from ledger.rules.payouts import OrderKind
from ledger.transactions import Transaction, TransactionKind
from service.store import ids, porting_orders, refund_orders, transfers
from service.store.contracts import debts_of, place_of
from service.store.facts import Change, Facts, Record, Update
from service.store.order_steps import (
    OrderRules,
    OrderState,
    Step,
    moved_to,
    require,
    require_match,
)
from service.store.tables import BankEntry

SUSPENSE_RETURN: Final = "SUSPENSE_RETURN"
"""The kind of an order that sends a receipt in suspense back to its payer (E10)."""


_S: Final = OrderState
_REPORTED: Final = {
    _S.SENT: TransactionKind.ORDER_SENT,
    _S.ACCEPTED: TransactionKind.ORDER_ACCEPTED,
    _S.UNKNOWN: TransactionKind.ORDER_UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Back:
    """What an order's money comes back to.

    Own funds close at once what is owed in the same custody account (E57); `receipt` is the row of
    the bank entry that a SUSPENSE_RETURN sent back, which stands in suspense again.
    """

    own_funds: Money = ZERO
    debts: Sequence[Debt] = ()
    receipt: Record | None = None


_NOTHING: Final = Back()

_RULES: Final[Mapping[str, OrderRules]] = {
    **transfers.RULES,
    **porting_orders.RULES,
    **refund_orders.RULES,
}
"""Kinds whose steps are rules of their own; the others are payouts and returns from suspense."""


def accounts_of(facts: Facts, order: Record) -> list[Account]:
    """Every account that a step of this order may touch, apart from open debts."""
    rules, place = _RULES.get(order.kind), place_of(order)
    if rules is not None:
        return list(rules.accounts(facts, order))
    if order.kind == SUSPENSE_RETURN:
        return [
            place.bank,
            place.refund_in_transit(order.order_id),
            place.suspense(order.bank_entry_id),
        ]
    return [
        place.bank,
        place.payout_in_transit(order.order_id),
        place.payable,
        place.own_funds,
        *((place.deposit_held,) if place.deposit else ()),
    ]


def back_to(facts: Facts, order: Record) -> Back:
    """Return what an order's money would come back to, from rows and balances already read."""
    place = place_of(order)
    return Back(
        facts.book.balance(place.own_funds),
        debts_of(facts, place.custody),
        None if order.bank_entry_id is None else facts.get(BankEntry, order.bank_entry_id),
    )


def order_moved(order: Record, state: OrderState, *, reason: str | None = None) -> Step:
    """Record that an order was sent, accepted or is of unknown fate; no money moves (E22).

    Raises `WrongState`.
    """
    require(order, state)
    place = place_of(order)
    noted = Transaction(
        _REPORTED[state],
        references={
            "institution": str(place.institution),
            "custody": str(place.custody),
            "order": str(order.order_id),
        },
        reason=reason,
    )
    return Step((noted,), (moved_to(order, state, reason=reason),))


def order_executed(
    facts: Facts, order: Record, *, bank_entry: UUID, amount: Money, custody: UUID
) -> Step:
    """Book the bank's debit that executes an order (E18, E10): L5 x | A1 x, or L7 x | A1 x.

    Raises `WrongState` when this entry cannot be its execution: the order is at its end, or the
    entry is of another amount or custody account.
    """
    require(order, _S.EXECUTED)
    require_match(order, amount, custody)
    rules, changed = (
        _RULES.get(order.kind),
        moved_to(order, _S.EXECUTED, executed_entry_id=bank_entry),
    )
    if rules is not None:
        return _with(rules.executed(facts, order, bank_entry, amount), changed)
    executed = (
        suspense.suspense_return_executed
        if order.kind == SUSPENSE_RETURN
        else payouts.payout_executed
    )
    posted = executed(place_of(order), order=order.order_id, bank_entry=bank_entry, amount=amount)
    return Step((posted,), (changed,))


def order_returned(  # noqa: PLR0913 - one bank entry and what it answers
    facts: Facts,
    order: Record,
    *,
    bank_entry: UUID,
    amount: Money,
    custody: UUID,
    back: Back = _NOTHING,
) -> Step:
    """Book an executed order that came back (退汇, E20): A1 x | L4 x, L16 x or L8 x.

    Raises `WrongState`.
    """
    require(order, _S.RETURNED)
    require_match(order, amount, custody)
    place, rules = place_of(order), _RULES.get(order.kind)
    changed = moved_to(order, _S.RETURNED, returned_entry_id=bank_entry)
    if rules is not None:
        return _with(rules.returned(facts, order, bank_entry, amount), changed)
    changes = (changed, *_held_again(order, back))
    if order.kind == SUSPENSE_RETURN:
        bounced = suspense.suspense_return_bounced(
            place,
            receipt=order.bank_entry_id,
            order=order.order_id,
            bank_entry=bank_entry,
            amount=amount,
        )
        return Step((bounced,), changes)
    returned = payouts.payout_returned(
        place,
        order=order.order_id,
        bank_entry=bank_entry,
        amount=amount,
        source=OrderKind(order.kind),
    )
    return Step((returned, *_covering(order, back)), changes)


def order_reversed(  # noqa: PLR0913 - one bank entry and what it answers
    facts: Facts,
    order: Record,
    *,
    bank_entry: UUID,
    amount: Money,
    custody: UUID,
    back: Back = _NOTHING,
) -> Step:
    """Book the bank's own reversal of an executed order (冲账, E21): it never happened.

    A1 x | L4 x, L16 x, L8 x or where else the money came from. Raises `WrongState`.
    """
    require(order, _S.REVERSED)
    require_match(order, amount, custody)
    place, rules = place_of(order), _RULES.get(order.kind)
    changed = moved_to(order, _S.REVERSED, returned_entry_id=bank_entry)
    if rules is not None:
        return _with((rules.reversed or rules.returned)(facts, order, bank_entry, amount), changed)
    if order.kind == SUSPENSE_RETURN:
        back_again = suspense.suspense_return_bounced(
            place,
            receipt=order.bank_entry_id,
            order=order.order_id,
            bank_entry=bank_entry,
            amount=amount,
        )
        undone = replace(back_again, reason="REVERSED")
    else:
        undone = payouts.payout_reversed(
            place,
            order=order.order_id,
            bank_entry=bank_entry,
            amount=amount,
            source=OrderKind(order.kind),
        )
    changes = (changed, *_held_again(order, back))
    return Step((undone, *_covering(order, back)), changes)


def order_undone(
    facts: Facts,
    order: Record,
    state: OrderState,
    *,
    reason: str | None,
    back: Back = _NOTHING,
) -> Step:
    """Undo an order before any debit, REJECTED or CANCELLED (E19): back to where it came from.

    Raises `WrongState`.
    """
    require(order, state)
    place, amount = place_of(order), Money.from_fen(order.amount_fen)
    rules, changed = _RULES.get(order.kind), moved_to(order, state, reason=reason)
    if rules is not None:
        undone_by_rule = _with(rules.undone(facts, order, state), changed)
        named = tuple(replace(t, reason=reason) for t in undone_by_rule.transactions)
        return replace(undone_by_rule, transactions=named)
    changes = (changed, *_held_again(order, back))
    if order.kind == SUSPENSE_RETURN:
        undone = suspense.suspense_return_rejected(
            place, receipt=order.bank_entry_id, order=order.order_id, amount=amount
        )
    else:
        rule = payouts.payout_rejected if state is _S.REJECTED else payouts.payout_cancelled
        undone = rule(place, order=order.order_id, amount=amount, source=OrderKind(order.kind))
    return Step((replace(undone, reason=reason), *_covering(order, back)), changes)


def answer_of(journal: int, order: Record) -> dict[str, Any]:
    """Tell of an order, without its payee."""
    return {
        "id": ids.public("ord", journal, order.order_id),
        "institution_id": ids.public("ins", journal, order.institution_id),
        "custody_account_id": ids.public("cus", journal, order.custody_account_id),
        "bank": order.bank_code,
        "kind": order.kind,
        "amount": str(Money.from_fen(order.amount_fen)),
        "state": order.state,
        "reason": order.reason,
        "requested_on": order.requested_on.isoformat(),
        "receipt_id": _entry(journal, order.bank_entry_id),
        "executed_by": _entry(journal, order.executed_entry_id),
        "returned_by": _entry(journal, order.returned_entry_id),
        "arrived_by": _entry(journal, order.arrived_entry_id),
        "refund_id": _public("rfd", journal, order.refund_id),
        "porting_id": _public("ptg", journal, order.porting_id),
        "target_custody_account_id": _public("cus", journal, order.target_custody_account_id),
        "purpose": order.purpose,
    }


def _entry(journal: int, entry: UUID | None) -> str | None:
    return _public("bke", journal, entry)


def _public(prefix: str, journal: int, value: UUID | None) -> str | None:
    return None if value is None else ids.public(prefix, journal, value)


def _with(step: Step, own: Update) -> Step:
    """Add the change of the order's own row to what its kind's rules change."""
    return replace(step, changes=(own, *step.changes))


def _held_again(order: Record, back: Back) -> tuple[Change, ...]:
    receipt = back.receipt
    if receipt is None:
        return ()
    values = {"outcome": "SUSPENSE", "suspense_fen": receipt.suspense_fen + order.amount_fen}
    return (Update(BankEntry, (receipt.bank_entry_id,), values),)


def _covering(order: Record, back: Back) -> tuple[Transaction, ...]:
    """Own funds that came back close what is owed at once (E57)."""
    if order.kind != OrderKind.SURPLUS or not owed(back.debts):
        return ()
    own_funds = back.own_funds + Money.from_fen(order.amount_fen)
    return (own_funds_applied(place_of(order), own_funds=own_funds, debts=back.debts),)
