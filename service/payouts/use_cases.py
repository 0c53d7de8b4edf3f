"""Use cases of payouts: ask for one, or ask why one would be stopped."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.coverage import requirement, resource, shortfall
from ledger.money import Money
from ledger.refusals import (
    AmountZero,
    BalanceTooLow,
    CustodyAccountUnknown,
    HoldExceeded,
    PayoutNotCovered,
    Refusal,
    SettlementAccountMissing,
)
from ledger.rules import payouts
from ledger.rules.payouts import OrderKind
from ledger.transactions import Transaction
from service.payouts.standing import Standing, read_standing, standing_of
from service.store import ids, orders, payout_reads, rows
from service.store.context import Context
from service.store.custody_positions import position_of
from service.store.facts import Decision, Facts, Insert, Record
from service.store.order_steps import order_row
from service.store.tables import CustodyAccount, Institution, PaymentOrder
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class PayoutRequest:
    """Pay out of one custody account: `amount`, or all that may be paid."""

    journal: int
    order: UUID
    custody_account: UUID
    kind: OrderKind = OrderKind.EARNED
    amount: Money | None = None


async def find_accounts(
    connection: AsyncConnection, caller: Context, requests: Sequence[PayoutRequest]
) -> list[PayoutRequest | Refusal]:
    """Find the custody accounts in the caller's scope."""
    seen = await payout_reads.custody_accounts(
        connection, caller, requests[0].journal, {r.custody_account for r in requests}
    )
    return [r if r.custody_account in seen else CustodyAccountUnknown() for r in requests]


async def load_accounts(unit: Unit, requests: Sequence[PayoutRequest]) -> None:
    """Lock institutions and custody accounts, shared: a payout changes neither."""
    accounts = await unit.read(
        CustodyAccount,
        rows.keyed(
            CustodyAccount,
            unit.facts.journal,
            {r.custody_account for r in requests},
            "custody_account_id",
        ),
    )
    await unit.lock(Institution, {a.institution_id for a in accounts}, share=True)
    await unit.lock(CustodyAccount, {a.custody_account_id for a in accounts}, share=True)


async def read_accounts(unit: Unit, requests: Sequence[PayoutRequest]) -> None:
    """Read balances, debts, totals and restraints under the head."""
    by_account: dict[UUID, list[UUID]] = {}
    for request in requests:
        by_account.setdefault(request.custody_account, []).append(request.order)
    accounts = [_account(unit.facts, custody) for custody in by_account]
    await read_standing(unit, accounts, by_account)


def decide_payout(facts: Facts, request: PayoutRequest) -> Decision:
    """Make an order NEW and move its money to L5 (E17, E12), debts made good first (E57, E29).

    Refused in order: state, restraint, `BalanceTooLow` (I-05), `AmountZero`, `PayoutNotCovered`
    (I-22, I-23), `HoldExceeded`, `SettlementAccountMissing`.
    """
    account = _account(facts, request.custody_account)
    standing = standing_of(facts, account)
    for stop in standing.stops:
        raise stop
    amount = _amount(standing, request)
    _require_room(standing, amount)
    institution = facts.get(Institution, account.institution_id)
    assert institution is not None, "the institution was locked"
    if institution.settlement_party_id is None:
        raise SettlementAccountMissing
    row = _row(facts, account, institution, request, amount)
    return Decision(
        answer=orders.answer_of(facts.journal, Record(row)),
        transactions=_posted(standing, request, amount),
        changes=(Insert(PaymentOrder, row),),
        shows={
            "earned": standing.place.payable,
            "own_funds": standing.place.own_funds,
            "in_transit": standing.place.payout_in_transit(request.order),
        },
    )


def decide_preview(facts: Facts, request: PayoutRequest) -> Decision:
    """Say what could be paid now and every reason why not; posts nothing."""
    account = _account(facts, request.custody_account)
    standing = standing_of(facts, account)
    journal = facts.journal
    position = position_of(facts, account.custody_account_id)
    payable = min(standing.earned, standing.available)
    stopped = [stop.code for stop in standing.stops] + _reasons(facts, account, standing)
    return Decision(
        answer={
            "custody_account_id": ids.public("cus", journal, account.custody_account_id),
            "institution_id": ids.public("ins", journal, account.institution_id),
            "earned": str(facts.book.balance(standing.place.payable)),
            "own_funds": str(facts.book.balance(standing.place.own_funds)),
            "debts": [
                {"reason": str(debt.account.reason), "amount": str(debt.amount)}
                for debt in standing.debts
            ],
            "earned_after_debts": str(standing.earned),
            "held": str(standing.held),
            "room": str(standing.room),
            "payable_now": "0.00" if standing.stops else str(payable),
            "requirement": str(requirement(position)),
            "resource": str(resource(position)),
            "shortfall": str(shortfall(position)),
            "restraints": [
                {
                    "id": ids.public("rst", journal, row.restraint_id),
                    "kind": row.kind,
                    "target_type": row.target_type,
                    "cause": row.cause,
                }
                for row in standing.restraints
            ],
            "stopped_by": stopped,
        }
    )


REQUEST_PAYOUT = UseCase(
    "request_payout", find_accounts, load_accounts, decide_payout, read_accounts
)
PREVIEW_PAYOUT = UseCase(
    "preview_payout", find_accounts, load_accounts, decide_preview, read_accounts
)


def _account(facts: Facts, custody: UUID) -> Record:
    account = facts.get(CustodyAccount, custody)
    assert account is not None, "the custody account was found"
    return account


def _amount(standing: Standing, request: PayoutRequest) -> Money:
    """Return what is to be paid; refuse more than there is, and nothing at all."""
    surplus = request.kind is OrderKind.SURPLUS
    source = standing.own_funds if surplus else standing.earned
    amount = request.amount
    if amount is None:
        amount = min(source, standing.available) or source
    if amount > source:
        kind = standing.place.own_funds.kind if surplus else standing.place.payable.kind
        raise BalanceTooLow(account=kind.value, missing=str(amount - source))
    if not amount:
        raise AmountZero(available=str(source))
    return amount


def _posted(standing: Standing, request: PayoutRequest, amount: Money) -> tuple[Transaction, ...]:
    place, order = standing.place, request.order
    if request.kind is OrderKind.SURPLUS:
        return (
            payouts.surplus_instructed(place, order=order, amount=amount, debts=standing.debts),
        )
    return (
        *standing.recovery,
        payouts.payout_instructed(place, order=order, amount=amount),
    )


def _require_room(standing: Standing, amount: Money) -> None:
    payouts.check_payout(room=standing.room, amount=amount)
    if amount > standing.available:
        raise HoldExceeded(
            held=str(standing.held), available=str(standing.available), amount=str(amount)
        )


def _reasons(facts: Facts, account: Record, standing: Standing) -> list[str]:
    """Name the rules that keep all or part of what was earned from being paid."""
    institution = facts.get(Institution, account.institution_id)
    assert institution is not None, "the institution was locked"
    checks = (
        (AmountZero, not standing.earned),
        (PayoutNotCovered, standing.earned > standing.room),
        (HoldExceeded, bool(standing.held) and standing.earned > standing.available),
        (SettlementAccountMissing, institution.settlement_party_id is None),
    )
    return [refusal.code for refusal, applies in checks if applies]


def _row(
    facts: Facts, account: Record, institution: Record, request: PayoutRequest, amount: Money
) -> dict[str, Any]:
    return order_row(
        facts,
        order=request.order,
        source=account,
        kind=request.kind.value,
        amount=amount,
        payee_party_id=institution.settlement_party_id,
    )
