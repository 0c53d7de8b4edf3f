"""The risk deposit of a case: held fees called (E40), the deposit drawn into custody (E37).

A draw is a transfer order of the deposit account's bank, so the gap closes only when the money is
in custody; the case is DEPOSIT_DRAWN when nothing is on its way and nothing is left to draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ledger.accounts import AccountKind
from ledger.money import Money
from ledger.refusals import AccountFenced, WrongState
from ledger.transactions import Transaction
from service.store import deposit_calls, ids, wind_down_reads
from service.store.contracts import place_of
from service.store.deposits import account_deposit, deposit_accounts, gap_of
from service.store.facts import Change, Decision, Facts, Record
from service.store.standing import restrained
from service.store.tables import CustodyAccount, PaymentOrder
from service.store.transact import UseCase
from service.store.transfers import DEPOSIT_DRAW, OPEN, transfer_order
from service.store.unit import Unit
from service.store.wind_down_steps import advanced, case_of, lock_cases, require_state
from service.wind_downs.found import find_cases
from service.wind_downs.set_off import DEPOSIT_DRAWN, SET_OFF


@dataclass(frozen=True, slots=True)
class DrawDeposit:
    """Draw what is missing in custody; `base` is an id that the new orders' ids follow from."""

    journal: int
    target: UUID
    base: UUID


async def load_draw(unit: Unit, commands: Sequence[DrawDeposit]) -> None:
    """Lock the cases, and the accounts of their institutions."""
    cases = await lock_cases(unit, {command.target for command in commands})
    institutions = {case.institution_id for case in cases}
    await unit.lock(CustodyAccount, institutions, column="institution_id", share=True)


async def read_draw(unit: Unit, commands: Sequence[DrawDeposit]) -> None:
    """Read deposits, draws on their way, fees held, and what restrains the deposit accounts."""
    institutions = [case_of(unit.facts, command.target).institution_id for command in commands]
    await deposit_calls.read_calls(unit, institutions)
    kept = [row for one in institutions for row in deposit_accounts(unit.facts, one)]
    await unit.restraints({row.custody_account_id for row in kept})
    places = [place_of(row) for row in kept]
    await unit.balances(
        account for place in places for account in (place.deposit_held, place.deposit_bank)
    )


def decide_draw(facts: Facts, command: DrawDeposit) -> Decision:
    """Call held fees, then order what can be drawn; move on when neither is left to do.

    Raises `WrongState`, also while a draw is on its way, and `AccountFenced`.
    """
    case = case_of(facts, command.target)
    if case.state == DEPOSIT_DRAWN:
        return Decision(answer=wind_down_reads.answer_of(facts.journal, case), duplicate=True)
    require_state(case, SET_OFF)
    kept = deposit_accounts(facts, case.institution_id)
    if any(restrained(facts, row.custody_account_id, "FENCE") for row in kept):
        raise AccountFenced
    transactions: list[Transaction] = list(deposit_calls.fees_called(facts, case.institution_id))
    changes: list[Change] = []
    if not transactions:
        transactions, changes = _drawn(facts, case, command)
    if not transactions:
        _require_arrived(facts, case)
    if not transactions or not _gaps(facts, case):
        said, moved = advanced(facts, case, DEPOSIT_DRAWN, at=len(transactions))
        transactions.append(said)
        changes.append(moved)
        case = Record({**case, **moved.values})
    return Decision(
        answer=wind_down_reads.answer_of(facts.journal, case),
        transactions=tuple(transactions),
        changes=tuple(changes),
    )


def _drawn(
    facts: Facts, case: Record, command: DrawDeposit
) -> tuple[list[Transaction], list[Change]]:
    """Order transfers from each deposit account to each gap, as far as both reach."""
    transactions: list[Transaction] = []
    changes: list[Change] = []
    gaps = _gaps(facts, case)
    for source in deposit_accounts(facts, case.institution_id):
        free = account_deposit(facts, source).drawable
        for gap in gaps:
            target, missing = gap
            amount = min(free, missing)
            if not amount:
                continue
            about = f"{source.custody_account_id}/{target.custody_account_id}"
            step = transfer_order(
                facts,
                order=ids.derived(command.base, about),
                source=source,
                target=place_of(target),
                purpose=DEPOSIT_DRAW,
                amount=amount,
            )
            transactions += step.transactions
            changes += step.changes
            free -= amount
        gaps = _lessened(gaps, account_deposit(facts, source).drawable - free)
    return transactions, changes


def _gaps(facts: Facts, case: Record) -> list[tuple[Record, Money]]:
    """Custody accounts in which something is missing, in order of id, and how much."""
    held = [
        row
        for row in facts.all(CustodyAccount)
        if row.institution_id == case.institution_id and row.purpose == "CUSTODY"
    ]
    ordered = sorted(held, key=lambda row: str(row.custody_account_id))
    found = [(row, gap_of(facts, row.custody_account_id)) for row in ordered]
    return [(row, gap) for row, gap in found if gap]


def _lessened(gaps: list[tuple[Record, Money]], drawn: Money) -> list[tuple[Record, Money]]:
    """Take what one deposit account gave from the gaps, first to last."""
    left: list[tuple[Record, Money]] = []
    for row, gap in gaps:
        part = min(gap, drawn)
        drawn -= part
        left.append((row, gap - part))
    return [(row, gap) for row, gap in left if gap]


def _require_arrived(facts: Facts, case: Record) -> None:
    """Refuse to go on while a draw is on its way."""
    waiting = [
        order
        for order in facts.all(PaymentOrder)
        if order.institution_id == case.institution_id
        and order.purpose == DEPOSIT_DRAW
        and (order.state in OPEN or (order.state == "EXECUTED" and order.arrived_entry_id is None))
    ]
    in_transit = any(
        facts.total(row.custody_account_id, (AccountKind.BANK_TRANSFER_IN_TRANSIT,))
        for row in deposit_accounts(facts, case.institution_id)
    )
    if waiting or in_transit:
        raise WrongState(object="deposit_draw", state="IN_TRANSIT", waiting=len(waiting))


DRAW: Final[UseCase[DrawDeposit, DrawDeposit]] = UseCase(
    "draw_deposit_of_wind_down", find_cases, load_draw, decide_draw, read_draw
)
