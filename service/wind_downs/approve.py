"""Approving a distribution plan (批准分配): two persons, one of a higher level, bound to its hash.

What is approved is the plan as it was replayed: the payload holds its hash, and the approval is
refused when pool or register have moved since. Cash that must change its custody account leaves
with transfer orders of its own. The banks approve by executing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import distribution
from ledger.four_eyes import ActKind
from ledger.money import Money
from ledger.refusals import PlanStale, PlanUnknown, Refusal, WrongState
from ledger.transactions import Transaction, TransactionKind
from service.store import approvals, ids, plan_reads, transfers
from service.store.approvals import Approvable, Payload, Wanted
from service.store.context import Context
from service.store.contracts import place_of
from service.store.facts import Change, Decision, Facts, Record, Update
from service.store.levels import HIGHER_LEVEL, MAKER_PATH, require_higher_level
from service.store.order_steps import Step
from service.store.plan_reads import Sources
from service.store.tables import CustodyAccount, DistributionPlan, WindDown
from service.store.transact import UseCase
from service.store.unit import Unit
from service.store.wind_down_steps import advanced, case_of, lock_cases
from service.wind_downs.found import institution_of
from service.wind_downs.plan import lock_plans, next_round, plans_of, require_plannable


@dataclass(frozen=True, slots=True)
class ApprovePlan:
    """Ask for a plan to be approved; `maker_path` is the scope of who asks."""

    journal: int
    target: UUID
    approval: UUID
    plan_hash: str
    maker_path: str
    key: str | None


@dataclass(frozen=True, slots=True)
class FoundPlan:
    """A plan in scope, and its case."""

    command: ApprovePlan
    wind_down: UUID


async def find_plans(
    connection: AsyncConnection, caller: Context, commands: Sequence[ApprovePlan]
) -> list[FoundPlan | Refusal]:
    """Find the plans in the caller's scope."""
    wanted = [command.target for command in commands]
    seen = await plan_reads.plans(connection, caller, commands[0].journal, wanted)
    return [
        FoundPlan(command, seen[command.target].wind_down_id)
        if command.target in seen
        else PlanUnknown()
        for command in commands
    ]


async def load_request(unit: Unit, found: Sequence[FoundPlan]) -> None:
    """Lock the cases as they stand, and their plans."""
    for case in await lock_cases(unit, {item.wind_down for item in found}, share=True):
        await lock_plans(unit, case)


def decide_request(facts: Facts, found: FoundPlan) -> Decision:
    """Let the approval wait for its second person.

    Raises `WrongState`, and `PlanStale` when the hash is not the plan's.
    """
    plan = _simulated(facts, found.command.target)
    if plan.plan_hash.hex() != found.command.plan_hash:
        raise PlanStale(plan_hash=plan.plan_hash.hex())
    payload = {
        "plan_id": ids.public("pln", facts.journal, plan.plan_id),
        "wind_down_id": ids.public("wdn", facts.journal, plan.wind_down_id),
        "institution_id": ids.public("ins", facts.journal, plan.institution_id),
        "plan_hash": plan.plan_hash.hex(),
        "basis": plan.basis,
        "round": plan.round,
        "claimed": str(Money.from_fen(plan.claimed_fen)),
        "distributed": str(Money.from_fen(plan.distributed_fen)),
        MAKER_PATH: found.command.maker_path,
    }
    wanted = Wanted(found.command.approval, payload, plan.institution_id, found.command.key)
    return approvals.requested(facts, APPROVE_PLAN, wanted)


async def load_approval(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Lock institutions, cases, accounts and plans."""
    for payload in payloads:
        (case,) = await lock_cases(unit, {_named("wdn", payload)})
        await plan_reads.lock_accounts(unit, {case.institution_id})
        await lock_plans(unit, case)


async def read_approval(unit: Unit, payloads: Sequence[Payload]) -> None:
    """Read pool and register again, as they are now."""
    for payload in payloads:
        case = case_of(unit.facts, _named("wdn", payload))
        wanted = next_round(unit.facts, case)
        sources = await plan_reads.read_sources(unit, case, round_number=wanted)
        unit.facts.extra[f"sources/{case.wind_down_id}"] = sources


def decide_approval(facts: Facts, payload: Payload) -> Decision:
    """Approve the plan that was seen, if it still follows from pool and register.

    Raises `WrongState`, `LessonsUnsettled`, `PlanStale`, `LevelTooLow`.
    """
    plan = _simulated(facts, _named("pln", payload))
    case = case_of(facts, plan.wind_down_id)
    sources: Sources = facts.extra[f"sources/{case.wind_down_id}"]
    require_plannable(facts, case, sources)
    inputs = sources.inputs(plan.basis)
    hashed = sha256(distribution.canonical(inputs).encode()).digest()
    if (sources.round, hashed) != (plan.round, plan.inputs_hash):
        raise PlanStale(reason="BOOKS_MOVED")
    if plan.plan_hash.hex() != payload["plan_hash"]:
        raise PlanStale(plan_hash=plan.plan_hash.hex())
    require_higher_level(facts, payload, institution_of(facts, case).area)
    return _approved(facts, case, plan, sources)


def _approved(facts: Facts, case: Record, plan: Record, sources: Sources) -> Decision:
    replayed = distribution.planned(sources.inputs(plan.basis))
    assert replayed.digest == plan.plan_hash, "the same inputs give the same shares"
    approved = {"state": "APPROVED", "approved_on": facts.moment.today}
    transactions: list[Transaction] = [_said(plan)]
    changes: list[Change] = [
        Update(DistributionPlan, (plan.plan_id,), approved),
        *(
            Update(DistributionPlan, (other.plan_id,), {"state": "SUPERSEDED"})
            for other in plans_of(facts, case)
            if other.state == "SIMULATED" and other.plan_id != plan.plan_id
        ),
    ]
    if plan.round == 1:
        said, moved = advanced(
            facts, case, "APPROVED", at=1, plan_id=plan.plan_id, basis=plan.basis
        )
        transactions.append(said)
        changes.append(moved)
    else:
        changes.append(Update(WindDown, (case.wind_down_id,), {"plan_id": plan.plan_id}))
    for step in _moves(facts, plan, replayed, sources):
        transactions += step.transactions
        changes += step.changes
    return Decision(
        answer=plan_reads.answer_of(facts.journal, Record({**plan, **approved})),
        transactions=tuple(transactions),
        changes=tuple(changes),
    )


def _moves(facts: Facts, plan: Record, replayed: distribution.Plan, sources: Sources) -> list[Step]:
    """Order the transfers that put every account's dividends into it."""
    steps: list[Step] = []
    for number, (source, target, fen) in enumerate(replayed.moves, start=1):
        giver = facts.get(CustodyAccount, sources.accounts[source - 1])
        taker = facts.get(CustodyAccount, sources.accounts[target - 1])
        assert giver is not None, "the accounts were locked"
        assert taker is not None, "the accounts were locked"
        step = transfers.transfer_order(
            facts,
            order=ids.derived(plan.plan_id, f"move/{number}"),
            source=giver,
            target=place_of(taker),
            purpose=transfers.POOL,
            amount=Money.from_fen(fen),
        )
        steps.append(step)
    return steps


def _said(plan: Record) -> Transaction:
    return Transaction(
        TransactionKind.PLAN_APPROVED,
        references={
            "wind_down": str(plan.wind_down_id),
            "institution": str(plan.institution_id),
            "plan": str(plan.plan_id),
            "plan_hash": plan.plan_hash.hex(),
        },
        reason=plan.basis,
    )


def _simulated(facts: Facts, plan: UUID) -> Record:
    row = facts.get(DistributionPlan, plan)
    assert row is not None, "the plan was locked"
    if row.state != "SIMULATED":
        raise WrongState(object="plan", state=row.state)
    return row


def _named(prefix: str, payload: Payload) -> UUID:
    name = {"wdn": "wind_down_id", "pln": "plan_id"}[prefix]
    return ids.parse(prefix, str(payload[name]))[1]


APPROVE_PLAN: Final = approvals.approvable(
    Approvable(
        "approve_plan",
        frozenset({"regulator"}),
        load_approval,
        decide_approval,
        read_approval,
        kind=ActKind.DISTRIBUTION,
        title=("核准清算分配方案", "Approve a distribution plan"),
        consequence=HIGHER_LEVEL,
    )
)
REQUEST_APPROVAL: Final[UseCase[ApprovePlan, FoundPlan]] = UseCase(
    "request_plan_approval", find_plans, load_request, decide_request
)
