"""A case follows its refund orders: POSTED → PAYING → RESIDUAL.

PAYING when the first dividend is on its way; RESIDUAL when every one was paid, lodged or came back,
or waits for a payee to be named. Later rounds are paid in RESIDUAL.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ARRAY, Uuid, bindparam, text

from ledger.refusals import WrongState
from ledger.transactions import Transaction
from service.store import wind_down_reads
from service.store.facts import Change, Decision, Facts, Record
from service.store.transact import UseCase
from service.store.unit import Unit
from service.store.wind_down_steps import advanced, case_of, lock_cases
from service.wind_downs.found import CaseCommand, find_cases

PAYABLE: Final = ("POSTED", "PAYING")

_DIVIDENDS: Final = text(
    """
    SELECT institution_id,
           bool_or(amount_fen > payable_fen) AS begun,
           bool_or(in_transit_fen > 0
             OR payable_fen > 0 AND waiting_for IS DISTINCT FROM 'PAYEE') AS waiting
    FROM escrow.refund
    WHERE journal_id = :journal AND institution_id = ANY(:institutions)
      AND source IN ('DIVIDEND', 'RECOVERY')
    GROUP BY institution_id
    """
).bindparams(bindparam("institutions", type_=ARRAY(Uuid)))


async def load_cases(unit: Unit, commands: Sequence[CaseCommand]) -> None:
    """Lock the cases."""
    await lock_cases(unit, {command.target for command in commands})


async def read_dividends(unit: Unit, commands: Sequence[CaseCommand]) -> None:
    """Read under the head how far the refunds of the dividends are."""
    cases = [case_of(unit.facts, command.target) for command in commands]
    found = await unit.query(
        _DIVIDENDS,
        journal=unit.facts.journal,
        institutions=sorted({case.institution_id for case in cases}),
    )
    unit.facts.extra["dividends"] = {row["institution_id"]: row for row in found}


def decide_paying(facts: Facts, command: CaseCommand) -> Decision:
    """Move a case as far as its refunds are; `WrongState` when it stands where it should."""
    case = case_of(facts, command.target)
    refunds: dict[str, Any] = facts.extra["dividends"].get(case.institution_id, {})
    ended = not refunds.get("waiting", False)
    steps: list[str] = []
    if case.state == "POSTED" and (ended or refunds["begun"]):
        steps.append("PAYING")
    if ended and case.state in PAYABLE:
        steps.append("RESIDUAL")
    if not steps:
        raise WrongState(object="wind_down", state=case.state)
    transactions: list[Transaction] = []
    changes: list[Change] = []
    for step in steps:
        said, moved = advanced(facts, case, step, at=len(transactions))
        transactions.append(said)
        changes.append(moved)
        case = Record({**case, **moved.values})
    return Decision(
        answer=wind_down_reads.answer_of(facts.journal, case),
        transactions=tuple(transactions),
        changes=tuple(changes),
    )


FOLLOW: Final[UseCase[CaseCommand, CaseCommand]] = UseCase(
    "follow_payments", find_cases, load_cases, decide_paying, read_dividends
)
