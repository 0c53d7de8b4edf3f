"""Simulating a distribution plan (模拟分配): from the register and the pool as they stand.

Without a basis both are made side by side. Nothing is promised by a simulation: it writes down its
inputs, its shares and their hash, so that another person can replay it and two can approve it. A
new simulation of a round takes the place of those before it. Round 1 shares the pool over the
register; later rounds share what was recovered since over the residual claims.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from ledger import distribution
from ledger.distribution import Plan
from ledger.refusals import LessonsUnsettled, PlanStale, WrongState
from ledger.transactions import Transaction, TransactionKind
from service.store import plan_reads, rows
from service.store.facts import Change, Decision, Facts, Insert, Record, Update
from service.store.plan_reads import Sources
from service.store.tables import DistributionPlan, PlanShare
from service.store.transact import UseCase
from service.store.unit import Unit
from service.store.wind_down_steps import advanced, case_of, lock_cases, require_state
from service.wind_downs.found import find_cases

FIRST_ROUND: Final = ("DEPOSIT_DRAWN", "PLANNED")
LATER_ROUNDS: Final = ("RESIDUAL",)


@dataclass(frozen=True, slots=True)
class Simulate:
    """Make a plan of a case for each basis; `plans` are (basis, id of the new plan)."""

    journal: int
    target: UUID
    plans: tuple[tuple[str, UUID], ...]


async def load_case(unit: Unit, commands: Sequence[Simulate]) -> None:
    """Lock institution, case and accounts, and the plans that were made before."""
    for command in commands:
        (case,) = await lock_cases(unit, {command.target})
        await plan_reads.lock_accounts(unit, {case.institution_id})
        await lock_plans(unit, case)


async def read_case(unit: Unit, commands: Sequence[Simulate]) -> None:
    """Read pool and register under the head."""
    for command in commands:
        case = case_of(unit.facts, command.target)
        wanted = next_round(unit.facts, case)
        sources = await plan_reads.read_sources(unit, case, round_number=wanted)
        unit.facts.extra[f"sources/{case.wind_down_id}"] = sources


def decide_simulate(facts: Facts, command: Simulate) -> Decision:
    """Make the plans, and move a case in its first round to PLANNED.

    Raises `WrongState` (of the case, while an approved plan is not posted, or an objection not
    decided), `LessonsUnsettled` and `PlanStale` when the register does not add up to the ledger.
    """
    case = case_of(facts, command.target)
    sources: Sources = facts.extra[f"sources/{case.wind_down_id}"]
    require_plannable(facts, case, sources)
    transactions: list[Transaction] = []
    changes: list[Change] = [
        Update(DistributionPlan, (row.plan_id,), {"state": "SUPERSEDED"})
        for row in plans_of(facts, case)
        if row.state == "SIMULATED"
    ]
    made: list[Record] = []
    for basis, plan_id in command.plans:
        plan = distribution.planned(sources.inputs(basis))
        row = _plan_row(facts, case, plan, plan_id, at=len(transactions))
        transactions.append(_simulated(case, row))
        changes += [Insert(DistributionPlan, row), *_share_rows(case, row, plan, sources)]
        made.append(Record(row))
    if case.state == FIRST_ROUND[0]:
        said, moved = advanced(facts, case, "PLANNED", at=len(transactions))
        transactions.append(said)
        changes.append(moved)
    return Decision(
        answer={"plans": [plan_reads.answer_of(facts.journal, row) for row in made]},
        transactions=tuple(transactions),
        changes=tuple(changes),
    )


async def lock_plans(unit: Unit, case: Record) -> None:
    """Lock the plans of a case, without the inputs, which may be large."""
    source = rows.table_of(DistributionPlan)
    await unit.lock_where(
        DistributionPlan,
        select(*(column for column in source.c if column.key != "inputs"))
        .where(
            source.c.journal_id == unit.facts.journal,
            source.c.wind_down_id == case.wind_down_id,
        )
        .order_by(source.c.plan_id),
    )


def plans_of(facts: Facts, case: Record) -> list[Record]:
    """Return the plans of a case that were locked."""
    return [row for row in facts.all(DistributionPlan) if row.wind_down_id == case.wind_down_id]


def next_round(facts: Facts, case: Record) -> int:
    """Return the round that a plan made now is for: the one after the last that was posted."""
    posted = [row.round for row in plans_of(facts, case) if row.state == "POSTED"]
    return max(posted, default=0) + 1


def require_plannable(facts: Facts, case: Record, sources: Sources) -> None:
    """Refuse a plan while something is unsettled.

    Raises `WrongState`, `LessonsUnsettled`, `PlanStale`.
    """
    require_state(case, *(FIRST_ROUND if sources.round == 1 else LATER_ROUNDS))
    if any(row.state == "APPROVED" for row in plans_of(facts, case)):
        raise WrongState(object="plan", state="APPROVED")
    if sources.objections:
        raise WrongState(object="objection", state="FILED", open=sources.objections)
    if sources.pending:
        raise LessonsUnsettled
    if sources.differs:
        raise PlanStale(reason="REGISTER_DIFFERS")


def _plan_row(facts: Facts, case: Record, plan: Plan, plan_id: UUID, *, at: int) -> dict[str, Any]:
    inputs = distribution.canonical(plan.inputs)
    return {
        "plan_id": plan_id,
        "wind_down_id": case.wind_down_id,
        "institution_id": case.institution_id,
        "round": plan.inputs["round"],
        "basis": plan.inputs["basis"],
        "state": "SIMULATED",
        "inputs": inputs,
        "inputs_hash": sha256(inputs.encode()).digest(),
        "plan_hash": plan.digest,
        "entitlements": len(plan.shares),
        "claimed_fen": plan.claimed,
        "pool_fen": plan.pool,
        "distributed_fen": plan.distributed,
        "residual_fen": plan.residual,
        "posted_to": 0,
        "orders_to": 0,
        "simulated_at": facts.moment.now,
        "approved_on": None,
        "seq": facts.moment.next_seq + at,
    }


def _share_rows(case: Record, row: dict[str, Any], plan: Plan, sources: Sources) -> list[Insert]:
    return [
        Insert(
            PlanShare,
            {
                "plan_id": row["plan_id"],
                "register_number": number,
                "entitlement_id": entitled["entitlement_id"],
                "institution_id": case.institution_id,
                "guardian_id": entitled["guardian_id"],
                "claim_fen": entitled["claim"],
                "tier_one_fen": one,
                "tier_two_fen": two,
                "dividend_fen": one + two,
                "residual_fen": entitled["claim"] - one - two,
            },
        )
        for (number, one, two), entitled in zip(plan.shares, sources.register, strict=True)
    ]


def _simulated(case: Record, row: dict[str, Any]) -> Transaction:
    return Transaction(
        TransactionKind.PLAN_SIMULATED,
        references={
            "wind_down": str(case.wind_down_id),
            "institution": str(case.institution_id),
            "plan": str(row["plan_id"]),
            "plan_hash": row["plan_hash"].hex(),
        },
        reason=row["basis"],
    )


SIMULATE: Final[UseCase[Simulate, Simulate]] = UseCase(
    "simulate_plan", find_cases, load_case, decide_simulate, read_case
)
