"""Posting an approved plan (入账) in chunks, in register order, each a unit of work (E49, E50).

A chunk turns claims into refunds and residual claims, and notes how far it came; whoever calls
again, or the worker, goes on from there, so a posting that was cut off between chunks is finished
by the next. Each chunk checks the plan's hash: the first that the plan follows from its inputs,
every one that the plan is the one that was approved and that the ledger still holds each claim.
"""

import json
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from ledger import distribution
from ledger.accounts import Account, AccountKind, Reason
from ledger.money import Money
from ledger.refusals import PlanStale, WrongState
from ledger.rules import wind_downs
from ledger.transactions import Transaction
from service.store import ids, plan_reads, refund_payers, rows
from service.store.contracts import contract_of, place_of
from service.store.facts import Change, Decision, Facts, Record, Update
from service.store.tables import (
    DistributionPlan,
    Enrolment,
    Entitlement,
    PlanShare,
    WindDown,
)
from service.store.transact import UseCase
from service.store.unit import Unit
from service.store.wind_down_steps import advanced, case_of, lock_cases
from service.wind_downs.found import CaseCommand, find_cases
from service.wind_downs.plan import lock_plans

CHUNK_MAX: Final = 4_000
"""Entitlements of one unit of work."""

_NEW: Final = (AccountKind.REFUND_PAYABLE, AccountKind.RESIDUAL_CLAIM)

UNITS: Final = (Reason.PAID, Reason.GIFT)


async def load_chunk(unit: Unit, commands: Sequence[CaseCommand]) -> None:
    """Lock the case, its plan, and the next chunk's enrolments and entitlements."""
    await plan_reads.expect_long_lists(unit)
    for command in commands:
        (case,) = await lock_cases(unit, {command.target})
        if case.plan_id is None:
            continue
        await lock_plans(unit, case)
        plan = _plan_of(unit.facts, case)
        assert plan is not None, "the case's plan was locked"
        if plan.state != "APPROVED":
            continue
        if plan.posted_to == 0:
            await _read_inputs(unit, plan)
        chunk = (await unit.read(PlanShare, _next(unit, plan)))[:CHUNK_MAX]
        wanted = {row["entitlement_id"] for row in chunk}
        await unit.lock(Enrolment, await _enrolments(unit, wanted))
        await unit.lock(Entitlement, wanted)


async def read_chunk(unit: Unit, commands: Sequence[CaseCommand]) -> None:
    """Read the claims as the ledger holds them, and who paid."""
    facts = unit.facts
    if not any(facts.all(PlanShare)):
        return
    enrolments = list(facts.all(Enrolment))
    await refund_payers.read_payers(unit, enrolments, shown=False)
    first = any(
        plan.round == 1
        for command in commands
        if (plan := _plan_of(facts, case_of(facts, command.target))) is not None
    )
    await unit.balances(
        account
        for row in facts.all(Entitlement)
        for account in _accounts(_enrolment_of(facts, row), row, first=first)
    )


def decide_chunk(facts: Facts, command: CaseCommand) -> Decision:
    """Post the next chunk; the last one makes plan and case POSTED.

    Raises `WrongState` when no approved plan waits, `PlanStale` when a claim is no longer what it
    was when the plan was approved.
    """
    case = case_of(facts, command.target)
    plan = _plan_of(facts, case)
    if plan is None or plan.state != "APPROVED":
        raise WrongState(object="plan", state="NONE" if plan is None else plan.state)
    shares = sorted(
        (row for row in facts.all(PlanShare) if row["plan_id"] == plan.plan_id),
        key=itemgetter("register_number"),
    )
    finished = len(shares) <= CHUNK_MAX
    shares = shares[:CHUNK_MAX]
    if plan.posted_to == 0:
        _require_hash(facts, plan)
    transactions: list[Transaction] = []
    changes: list[Change] = []
    for share in shares:
        if share["dividend_fen"] or plan.round == 1:
            transaction, made = _credit(facts, plan, share, at=len(transactions))
            transactions.append(transaction)
            changes += made
    _open_new(facts, transactions)
    moved = _totals(case, plan, shares)
    progress = {"posted_to": shares[-1].register_number if shares else plan.posted_to}
    if finished:
        progress["state"] = "POSTED"
        if plan.round == 1:
            said, posted = advanced(facts, case, "POSTED", at=len(transactions), **moved)
            transactions.append(said)
            moved = dict(posted.values)
    changes.append(Update(DistributionPlan, (plan.plan_id,), progress))
    changes.append(Update(WindDown, (case.wind_down_id,), moved))
    return Decision(
        answer=_answer(facts, Record({**plan, **progress}), len(shares), finished=finished),
        transactions=tuple(transactions),
        changes=tuple(changes),
    )


def _next(unit: Unit, plan: Record) -> Any:  # noqa: ANN401 - a select
    source = rows.table_of(PlanShare)
    return (
        select(source)
        .where(
            source.c.journal_id == unit.facts.journal,
            source.c.plan_id == plan.plan_id,
            source.c.register_number > plan.posted_to,
        )
        .order_by(source.c.register_number)
        .limit(CHUNK_MAX + 1)
    )


async def _enrolments(unit: Unit, entitlements: set[UUID]) -> set[UUID]:
    named = rows.keyed(Entitlement, unit.facts.journal, entitlements, "entitlement_id")
    column = rows.table_of(Entitlement).c.enrolment_id
    return {row["enrolment_id"] for row in await unit.query(named.with_only_columns(column))}


async def _read_inputs(unit: Unit, plan: Record) -> None:
    source = rows.table_of(DistributionPlan)
    (found,) = await unit.query(
        select(source.c.inputs).where(
            source.c.journal_id == unit.facts.journal, source.c.plan_id == plan.plan_id
        )
    )
    unit.facts.extra["plan_inputs"] = found["inputs"]


def _require_hash(facts: Facts, plan: Record) -> None:
    """Replay the whole plan from its inputs once, before its first chunk."""
    inputs = json.loads(facts.extra["plan_inputs"])
    if distribution.digest(inputs, distribution.replay(inputs)) != plan.plan_hash:
        raise PlanStale(plan_hash=plan.plan_hash.hex())


def _credit(
    facts: Facts, plan: Record, share: Record, *, at: int
) -> tuple[Transaction, list[Change]]:
    """Post one entitlement's dividend in one round and write its refunds."""
    entitlement = _entitlement_of(facts, share)
    enrolment, turn = _enrolment_of(facts, entitlement), plan["round"]
    source, fen = entitlement["entitlement_id"], share["dividend_fen"]
    dividend = Money.from_fen(fen)
    payers = refund_payers.split_to_payers(facts, enrolment["enrolment_id"], dividend)
    refunds = refund_payers.refund_ids(source, payers, round_number=turn)
    given = {refund: part.amount for refund, part in zip(refunds, payers, strict=True)}
    posted = _posted(facts, turn, share, enrolment, given)
    made = refund_payers.new_refunds(
        facts,
        source="DIVIDEND" if turn == 1 else "RECOVERY",
        source_id=source,
        enrolment=enrolment,
        shares=payers,
        refund_ids=refunds,
    )
    values = {
        "dividend_fen": entitlement["dividend_fen"] + fen,
        "residual_fen": share["residual_fen"],
        "state": "POSTED",
        "posted_round": turn,
        "seq": facts.moment.next_seq + at,
    }
    return posted, [*made, Update(Entitlement, (source,), values)]


def _posted(
    facts: Facts, turn: int, share: Record, enrolment: Record, given: dict[UUID, Money]
) -> Transaction:
    entitlement, book = share["entitlement_id"], facts.book
    if turn > 1:
        place = place_of(enrolment)
        _require_claim(share, book.quantity(place.residual_claim(entitlement)))
        return wind_downs.recovery_distributed(
            place,
            enrolment=enrolment.enrolment_id,
            entitlement=entitlement,
            dividends=given,
        )
    contract = contract_of(enrolment)
    prepaid, interest = book.balance(contract.prepaid), book.balance(contract.interest)
    _require_claim(share, (prepaid + interest).fen)
    return wind_downs.distribution_posted(
        contract,
        entitlement=entitlement,
        prepaid=prepaid,
        interest=interest,
        dividends=given,
        units={
            reason: book.quantity(contract.units_granted(reason)) for reason in _units(enrolment)
        },
    )


def _require_claim(share: Record, held: int) -> None:
    if share["claim_fen"] != held:
        raise PlanStale(
            register_number=share.register_number,
            claim=str(Money.from_fen(share.claim_fen)),
            held=str(Money.from_fen(held)),
        )


def _totals(case: Record, plan: Record, shares: Sequence[Record]) -> dict[str, Any]:
    """Keep the case's totals: cumulative over rounds and chunks."""
    paid = sum([row["dividend_fen"] for row in shares])
    left = case.residual_fen
    left += sum([row["residual_fen"] for row in shares]) if plan.round == 1 else -paid
    return {"distributed_fen": case.distributed_fen + paid, "residual_fen": left}


def _answer(facts: Facts, plan: Record, posted: int, *, finished: bool) -> dict[str, Any]:
    return {
        "plan": plan_reads.answer_of(facts.journal, plan),
        "wind_down_id": ids.public("wdn", facts.journal, plan.wind_down_id),
        "posted": posted,
        "finished": finished,
    }


def _plan_of(facts: Facts, case: Record) -> Record | None:
    return None if case.plan_id is None else facts.get(DistributionPlan, case.plan_id)


def _accounts(enrolment: Record, entitlement: Record, *, first: bool) -> list[Account]:
    if not first:
        return [_residual(entitlement)]
    contract = contract_of(enrolment)
    units = [
        account
        for reason in _units(enrolment)
        for account in (contract.units_granted(reason), contract.units_contracted(reason))
    ]
    return [contract.prepaid, contract.interest, *units]


def _units(enrolment: Record) -> tuple[Reason, ...]:
    gifts = enrolment["lessons_gift"] or enrolment["schedule_gift"]
    return UNITS if gifts else UNITS[:1]


def _residual(entitlement: Record) -> Account:
    return place_of(entitlement).residual_claim(entitlement.entitlement_id)


def _open_new(facts: Facts, posted: Sequence[Transaction]) -> None:
    """Let accounts be used that nothing was posted to before: they come to be with this."""
    credited = [move.credit for transaction in posted for move in transaction.transfers]
    fresh = [account for account in credited if account.kind in _NEW]
    facts.book.open(dict.fromkeys(fresh, 0))
    facts.loaded.update(fresh)


def _entitlement_of(facts: Facts, share: Record) -> Record:
    row = facts.get(Entitlement, share["entitlement_id"])
    assert row is not None, "the entitlement was locked"
    return row


def _enrolment_of(facts: Facts, entitlement: Record) -> Record:
    row = facts.get(Enrolment, entitlement["enrolment_id"])
    assert row is not None, "the enrolment was locked"
    return row


POST_CHUNK: Final[UseCase[CaseCommand, CaseCommand]] = UseCase(
    "post_distribution", find_cases, load_chunk, decide_chunk, read_chunk
)
