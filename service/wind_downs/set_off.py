"""Set-off (抵销): what the institution has in custody closes what it owes there (E57, E48).

Own funds first, then what it earned and was not paid, account by account; nothing crosses from one
custody account to another. Where there is no risk deposit, the case goes on past the draw at once.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ledger.accounts import Account
from ledger.money import ZERO
from ledger.refusals import WrongState
from ledger.rules import custody, payouts
from ledger.rules.debts import make_good
from ledger.transactions import Transaction
from service.store import wind_down_reads
from service.store.contracts import debts_of, place_of, read_debts
from service.store.facts import Change, Decision, Facts, Record
from service.store.tables import CustodyAccount
from service.store.transact import UseCase
from service.store.unit import Unit
from service.store.wind_down_steps import advanced, case_of, lock_cases, require_state
from service.wind_downs.found import CaseCommand, find_cases

SET_OFF: Final = "SET_OFF"
DEPOSIT_DRAWN: Final = "DEPOSIT_DRAWN"
OPEN_TO: Final = ("REGISTER_PUBLISHED", SET_OFF, DEPOSIT_DRAWN, "PLANNED", "RESIDUAL")
"""States in which something may be set off: what a bank sends back later still closes debts."""


async def load_set_off(unit: Unit, commands: Sequence[CaseCommand]) -> None:
    """Lock the cases, and the accounts of their institutions."""
    cases = await lock_cases(unit, {command.target for command in commands})
    institutions = {case.institution_id for case in cases}
    await unit.lock(CustodyAccount, institutions, column="institution_id", share=True)


async def read_set_off(unit: Unit, _commands: Sequence[CaseCommand]) -> None:
    """Read what is owed in each account, and what the institution has there."""
    held = list(unit.facts.all(CustodyAccount))
    await read_debts(unit, {row.custody_account_id for row in held})
    accounts: list[Account] = []
    for row in held:
        accounts += [place_of(row).own_funds, place_of(row).payable]
    await unit.balances(accounts)


def decide_set_off(facts: Facts, command: CaseCommand) -> Decision:
    """Set off in every account; again where something new may be set off, else unchanged.

    Raises `WrongState`, also while parents may still object to the register.
    """
    case = case_of(facts, command.target)
    require_state(case, *OPEN_TO)
    if facts.moment.today <= case.objections_until:
        raise WrongState(
            object="wind_down",
            state="WITHIN_OBJECTION_PERIOD",
            until=case.objections_until.isoformat(),
        )
    held = [row for row in facts.all(CustodyAccount) if row.institution_id == case.institution_id]
    transactions = [posted for row in held for posted in set_off_at(facts, row)]
    changes: list[Change] = []
    for state in _onwards(case, held):
        said, change = advanced(facts, case, state, at=len(transactions))
        transactions.append(said)
        changes.append(change)
        case = Record({**case, **change.values})
    return Decision(
        answer=wind_down_reads.answer_of(facts.journal, case),
        transactions=tuple(transactions),
        changes=tuple(changes),
        duplicate=not transactions,
    )


def set_off_at(facts: Facts, account: Record) -> tuple[Transaction, ...]:
    """Close what is owed in one custody account with L16 (E57) and then L4 (E48)."""
    place = place_of(account)
    debts = debts_of(facts, place.custody)
    if place.deposit or not debts:
        return ()
    posted: list[Transaction] = []
    own, earned = facts.book.balance(place.own_funds), facts.book.balance(place.payable)
    if own:
        posted.append(custody.own_funds_applied(place, own_funds=own, debts=debts))
        closed = dict(make_good(debts, own)[0])
        debts = [
            replace(debt, amount=debt.amount - closed.get(debt.account, ZERO)) for debt in debts
        ]
    if earned and any(debt.amount for debt in debts):
        posted.append(payouts.debts_made_good(place, own_funds=ZERO, payable=earned, debts=debts))
    return tuple(replace(transaction, reason="SET_OFF") for transaction in posted)


def _onwards(case: Record, held: Sequence[Record]) -> tuple[str, ...]:
    if case.state != "REGISTER_PUBLISHED":
        return ()
    deposit = any(row.purpose == "DEPOSIT" for row in held)
    return (SET_OFF,) if deposit else (SET_OFF, DEPOSIT_DRAWN)


SET_OFF_CASE: Final[UseCase[CaseCommand, CaseCommand]] = UseCase(
    "set_off", find_cases, load_set_off, decide_set_off, read_set_off
)
