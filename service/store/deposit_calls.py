"""The collapse of an institution that holds its fees itself (E40): call them, apply the deposit.

What was called stands as A5[CALLED] in the deposit account. The deposit closes as much of it, and
of what else is owed there, as is not on its way elsewhere; then the account is a pool like any
other, and what is still called is the shortfall.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, text

from ledger.accounts import Account, Reason
from ledger.entitlement import Contract
from ledger.money import ZERO, Money
from ledger.rules import deposits as rules
from ledger.rules.debts import Debt
from ledger.transactions import Transaction
from service.store.contracts import debts_of, place_of, read_debts
from service.store.deposits import account_deposit, deposit_accounts, read_deposits
from service.store.facts import Facts, Record
from service.store.unit import Unit

CALLED_MAX: Final = 1_000
"""How many enrolments one transaction of a call holds."""

_HELD: Final = text(
    """
    SELECT account.owner_id, account.custody_account_id, account.institution_id
    FROM escrow.account
    CROSS JOIN LATERAL (
        SELECT balance_after FROM escrow.entry
        WHERE entry.journal_id = :journal AND entry.account_id = account.account_id
        ORDER BY entry.seq DESC LIMIT 1) AS head
    WHERE account.journal_id = :journal AND account.kind = 'HELD_BY_INSTITUTION'
      AND account.custody_account_id = ANY(:custodies) AND head.balance_after > 0
    ORDER BY account.account_id
    """
).bindparams(bindparam("custodies", type_=ARRAY(Uuid)))


async def read_calls(unit: Unit, institutions: Sequence[UUID]) -> None:
    """Read under the head what institutions hold of whom, and their deposits."""
    await read_deposits(unit, institutions)
    kept = [row for one in institutions for row in deposit_accounts(unit.facts, one)]
    custodies = sorted(row.custody_account_id for row in kept)
    found = await unit.query(_HELD, journal=unit.facts.journal, custodies=custodies)
    held = [
        Contract(row["owner_id"], row["institution_id"], row["custody_account_id"], ZERO, 1)
        for row in found
    ]
    unit.facts.extra["held_by_institution"] = held
    await read_debts(unit, custodies)
    await unit.balances([*(contract.held for contract in held), *_accounts(kept)])


def fees_called(facts: Facts, institution: UUID) -> tuple[Transaction, ...]:
    """Call all that an institution holds, and let its deposit make good what it can (E40).

    Empty when it holds nothing and owes nothing in its deposit accounts, or has no deposit left.
    """
    posted: list[Transaction] = []
    for account in deposit_accounts(facts, institution):
        posted += _called(facts, account)
    return tuple(posted)


def _called(facts: Facts, account: Record) -> list[Transaction]:
    place = place_of(account)
    known: list[Contract] = facts.extra["held_by_institution"]
    held = [
        (contract, facts.book.balance(contract.held))
        for contract in known
        if contract.custody == place.custody and facts.book.quantity(contract.held)
    ]
    posted = [
        rules.held_fees_called(place, held=held[start : start + CALLED_MAX])
        for start in range(0, len(held), CALLED_MAX)
    ]
    debts = _with_called(debts_of(facts, place.custody), place.due(Reason.CALLED), held)
    free = account_deposit(facts, account).applicable
    if free and debts:
        posted.append(rules.deposit_applied(place, amount=free, debts=debts))
    return posted


def _with_called(
    debts: Sequence[Debt], called: Account, held: Sequence[tuple[Contract, Money]]
) -> list[Debt]:
    """Add what is being called to what was called before."""
    fen = sum(amount.fen for _, amount in held)
    before = next((debt.amount for debt in debts if debt.account == called), ZERO)
    whole = before + Money.from_fen(fen)
    others = [debt for debt in debts if debt.account != called]
    return [*others, Debt(called, whole)] if whole else others


def _accounts(kept: Sequence[Record]) -> list[Account]:
    assert all(row.purpose == "DEPOSIT" for row in kept), "fees are called in deposit accounts"
    return [
        account
        for row in kept
        for account in (
            place_of(row).deposit_held,
            place_of(row).due(Reason.CALLED),
        )
    ]
