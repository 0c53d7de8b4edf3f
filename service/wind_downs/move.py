"""Moves of the pool that failed (重新划转): ordered once more, each failed order once.

The dividends of an account wait until its part of the pool is there; a bank that rejected or sent
back the transfer leaves it at the source, and nothing else would move it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from sqlalchemy import select

from ledger.money import Money
from service.store import ids, plan_reads, rows, transfers
from service.store.contracts import place_of
from service.store.facts import Change, Decision, Facts, Insert, Record
from service.store.order_steps import Step
from service.store.tables import CustodyAccount, PaymentOrder
from service.store.transact import UseCase
from service.store.unit import Unit
from service.store.wind_down_steps import case_of, lock_cases, require_state
from service.wind_downs.found import CaseCommand, find_cases

FAILED: Final = ("REJECTED", "RETURNED", "CANCELLED")
OPEN_TO: Final = ("APPROVED", "POSTED", "PAYING", "RESIDUAL")


async def load_moves(unit: Unit, commands: Sequence[CaseCommand]) -> None:
    """Lock the cases, their accounts, and the moves of their pools."""
    cases = await lock_cases(unit, {command.target for command in commands}, share=True)
    institutions = {case.institution_id for case in cases}
    await plan_reads.lock_accounts(unit, institutions)
    source = rows.table_of(PaymentOrder)
    await unit.lock_where(
        PaymentOrder,
        select(source)
        .where(
            source.c.journal_id == unit.facts.journal,
            source.c.institution_id.in_(sorted(institutions)),
            source.c.kind == transfers.TRANSFER,
            source.c.purpose == transfers.POOL,
        )
        .order_by(source.c.order_id),
    )


def decide_resend(facts: Facts, command: CaseCommand) -> Decision:
    """Order every failed move again that was not yet; `duplicate` when there is none.

    Raises `WrongState`.
    """
    case = case_of(facts, command.target)
    require_state(case, *OPEN_TO)
    known = [
        order for order in facts.all(PaymentOrder) if order.institution_id == case.institution_id
    ]
    replaced = {order.replaces_order_id for order in known}
    steps = [
        _again(facts, order)
        for order in known
        if order.state in FAILED and order.order_id not in replaced
    ]
    changes = tuple(change for step in steps for change in step.changes)
    made: list[UUID] = [change.values["order_id"] for change in changes]
    return Decision(
        answer={
            "wind_down_id": ids.public("wdn", facts.journal, case.wind_down_id),
            "orders": [ids.public("ord", facts.journal, order) for order in made],
        },
        transactions=tuple(t for step in steps for t in step.transactions),
        changes=changes,
        duplicate=not steps,
    )


def _again(facts: Facts, failed: Record) -> Step:
    """Make the order that replaces a failed one; its id follows from it."""
    source = facts.get(CustodyAccount, failed.custody_account_id)
    target = facts.get(CustodyAccount, failed.target_custody_account_id)
    assert source is not None, "the accounts were locked"
    assert target is not None, "the accounts were locked"
    step = transfers.transfer_order(
        facts,
        order=ids.derived(failed.order_id, "again"),
        source=source,
        target=place_of(target),
        purpose=transfers.POOL,
        amount=Money.from_fen(failed.amount_fen),
    )
    return replace(step, changes=tuple(_replacing(change, failed) for change in step.changes))


def _replacing(change: Change, failed: Record) -> Change:
    assert isinstance(change, Insert), "an order is made by its row"
    return change._replace(values={**change.values, "replaces_order_id": failed.order_id})


RESEND: Final[UseCase[CaseCommand, CaseCommand]] = UseCase(
    "resend_pool_moves", find_cases, load_moves, decide_resend
)
