"""Earned money that stays to close a legacy gap (E55), as two regulators decide.

What an institution earned is released as before; part of it is kept in the same custody account
and makes good what it owes for contracts from before custody, oldest first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import Reason
from ledger.four_eyes import ActKind
from ledger.money import ZERO, Money
from ledger.refusals import (
    AmountZero,
    BalanceTooLow,
    CustodyAccountUnknown,
    Refusal,
    WrongState,
)
from ledger.rules.debts import Debt, owed
from ledger.rules.payouts import debts_made_good
from service.store import approvals, ids, payout_reads, rows
from service.store.approvals import Approvable, Payload, Wanted
from service.store.context import Context
from service.store.contracts import debts_of, place_of, read_debts
from service.store.facts import Decision, Facts, Record
from service.store.tables import CustodyAccount, Institution
from service.store.transact import UseCase
from service.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Retain:
    """Keep `amount` of what was earned in an account, or all that closes its legacy gap."""

    journal: int
    custody: UUID
    approval: UUID
    amount: Money | None
    key: str | None


async def find_accounts(
    connection: AsyncConnection, caller: Context, asked: Sequence[Retain]
) -> list[Retain | Refusal]:
    """Find the custody accounts in the caller's scope."""
    seen = await payout_reads.custody_accounts(
        connection, caller, asked[0].journal, {item.custody for item in asked}
    )
    return [item if item.custody in seen else CustodyAccountUnknown() for item in asked]


async def load_asked(unit: Unit, asked: Sequence[Retain]) -> None:
    """Lock the accounts and their institutions, shared."""
    await _lock(unit, {item.custody for item in asked})


async def read_asked(unit: Unit, asked: Sequence[Retain]) -> None:
    """Read what was earned and what is owed."""
    await _read(unit, {item.custody for item in asked})


def decide_request(facts: Facts, asked: Retain) -> Decision:
    """Let it wait for a second regulator, judged as it would be now."""
    amount, _ = _retained(facts, asked.custody, asked.amount)
    account = _account(facts, asked.custody)
    payload = {
        "custody_account_id": ids.public("cus", facts.journal, asked.custody),
        "amount": str(amount),
    }
    wanted = Wanted(asked.approval, payload, account.institution_id, asked.key)
    return approvals.requested(facts, RETAIN, wanted)


async def load_retain(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock the accounts and their institutions, shared."""
    await _lock(unit, {_custody(payload) for payload in payloads})


async def read_retain(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Read what was earned and what is owed."""
    await _read(unit, {_custody(payload) for payload in payloads})


def decide_retain(facts: Facts, payload: Payload) -> Decision:
    """Let earned money close the legacy gap of its account: L4 x | A5[LEGACY] x.

    Refused in order: `WrongState`, `BalanceTooLow` (more than was earned, or than is owed),
    `AmountZero`.
    """
    custody = _custody(payload)
    amount, debts = _retained(facts, custody, Money.of(payload["amount"]))
    place = place_of(_account(facts, custody))
    return Decision(
        answer={
            "custody_account_id": payload["custody_account_id"],
            "amount": str(amount),
            "legacy_left": str(owed(debts) - amount),
        },
        transactions=(debts_made_good(place, own_funds=ZERO, payable=amount, debts=debts),),
        shows={"earned": place.payable},
    )


RETAIN: Final = approvals.approvable(
    Approvable(
        "retain_earned",
        frozenset({"regulator"}),
        load_retain,
        decide_retain,
        read_retain,
        kind=ActKind.RETENTION,
        title=("留存已消课款补足存量缺口", "Keep earned money to close a legacy gap"),
    )
)
REQUEST_RETAIN: Final[UseCase[Retain, Retain]] = UseCase(
    "request_retain", find_accounts, load_asked, decide_request, read_asked
)


def _retained(facts: Facts, custody: UUID, wanted: Money | None) -> tuple[Money, Sequence[Debt]]:
    account = _account(facts, custody)
    if account.state != "ACTIVE" or account.purpose != "CUSTODY":
        raise WrongState(object="custody_account", state=account.state, purpose=account.purpose)
    place = place_of(account)
    earned = facts.book.balance(place.payable)
    debts = [debt for debt in debts_of(facts, custody) if debt.account.reason is Reason.LEGACY]
    most = min(earned, owed(debts))
    amount = most if wanted is None else wanted
    if amount > most:
        raise BalanceTooLow(account=place.payable.kind.value, missing=str(amount - most))
    if not amount:
        raise AmountZero(available=str(most))
    return amount, debts


def _account(facts: Facts, custody: UUID) -> Record:
    row = facts.get(CustodyAccount, custody)
    assert row is not None, "the custody account was locked"
    return row


def _custody(payload: Payload) -> UUID:
    return ids.parse("cus", payload["custody_account_id"])[1]


async def _lock(unit: Unit, custodies: set[UUID]) -> None:
    accounts = await unit.read(
        CustodyAccount,
        rows.keyed(CustodyAccount, unit.facts.journal, custodies, "custody_account_id"),
    )
    await unit.lock(Institution, {row.institution_id for row in accounts}, share=True)
    await unit.lock(CustodyAccount, custodies, share=True)


async def _read(unit: Unit, custodies: set[UUID]) -> None:
    await read_debts(unit, custodies)
    places = [place_of(_account(unit.facts, custody)) for custody in custodies]
    await unit.balances(account for place in places for account in (place.payable, place.own_funds))
