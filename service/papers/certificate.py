"""Papers of a wind-down: entitlement certificate (权益证明), dividend statement (分配明细)."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.distribution import POOLED
from ledger.money import Money
from ledger.refusals import EntitlementUnknown
from service.identity.callers import Caller
from service.papers import words
from service.papers.decision import payments
from service.papers.paper import (
    Align,
    Cell,
    Column,
    Fact,
    Paper,
    Section,
    Table,
    Words,
    amount,
    day,
    figures,
)
from service.papers.standing import Standing, contract_section, proof, standing
from service.store import paper_reads, positions, registry
from service.store.facts import Record
from service.store.positions import Positions
from service.store.tables import DistributionPlan, Enrolment, Entitlement, WindDown

CITED = frozenset(
    {"DISTRIBUTION_POSTED", "RECOVERY_DISTRIBUTED", "RESIDUAL_WRITTEN_OFF", "REFUND_TAKEN_BACK"}
)
POSTED = frozenset({"POSTED", "APPROVED"})
_NUMBER = Align.NUMBER
ROUNDS = (
    Column(Words("轮次", "Round")),
    Column(Words("分配方式", "Basis")),
    Column(Words("核准日期", "Approved on")),
    Column(Words("参与债权", "Claim"), _NUMBER),
    Column(Words("归属部分", "Traced tier"), _NUMBER),
    Column(Words("按比例部分", "Shared tier"), _NUMBER),
    Column(Words("分得", "Dividend"), _NUMBER),
    Column(Words("剩余", "Residual"), _NUMBER),
)


@dataclass(frozen=True, slots=True)
class Case:
    """An entitlement with its case and contract, found for a reader who may see it."""

    told: Standing
    entitlement: Record
    wind_down: Record
    at: Positions
    seqs: tuple[int, ...]


async def certificate(
    connection: AsyncConnection, caller: Caller, journal: int, entitlement_id: UUID
) -> Paper:
    """Certify an entitlement: its register number, claim, dividends so far and what is left."""
    case = await _case(connection, caller, journal, entitlement_id)
    return Paper(
        title=Words("权益证明", "Entitlement certificate"),
        number=case.told.public("ent", entitlement_id),
        sections=(_register(case), contract_section(case.told)),
        proof=await proof(connection, journal, case.at, case.seqs),
        notes=(
            Words(
                "剩余债权凭本证明参与以后各轮分配;已分得的款项不因以后各轮而减少。",
                "The residual takes part in later rounds; no later round takes back a dividend.",
            ),
        ),
    )


async def dividends(
    connection: AsyncConnection, caller: Caller, journal: int, entitlement_id: UUID
) -> Paper:
    """State what each posted round gave an entitlement, and how far that is paid."""
    case = await _case(connection, caller, journal, entitlement_id)
    number = case.entitlement.register_number
    plans = await paper_reads.listed(
        connection, DistributionPlan, journal, "wind_down_id", case.wind_down.wind_down_id
    )
    counted = sorted(
        (p for p in plans if p.state in POSTED and p.posted_to >= number), key=lambda p: p.round
    )
    shares = await paper_reads.shares_of(
        connection, journal, (plan.plan_id for plan in counted), number
    )
    rows = tuple(_round(plan, shares[plan.plan_id]) for plan in counted if plan.plan_id in shares)
    table = Table(Words("各轮分配", "Rounds"), ROUNDS, rows)
    return Paper(
        title=Words("分配明细", "Dividend statement"),
        number=case.told.public("ent", entitlement_id),
        sections=(
            _register(case),
            Section(Words("分配", "Distribution"), tables=(table,)),
            await payments(connection, journal, entitlement_id),
            contract_section(case.told),
        ),
        proof=await proof(connection, journal, case.at, case.seqs),
    )


async def _case(
    connection: AsyncConnection, caller: Caller, journal: int, entitlement_id: UUID
) -> Case:
    """Find an entitlement with the caller's own eyes; raises `EntitlementUnknown`."""
    seen = await registry.seen(connection, caller.context, Entitlement, journal, [entitlement_id])
    if not seen:
        raise EntitlementUnknown
    row = seen[entitlement_id]
    await paper_reads.widen(connection, journal)
    enrolments = await paper_reads.keyed(connection, Enrolment, journal, [row.enrolment_id])
    cases = await paper_reads.keyed(connection, WindDown, journal, [row.wind_down_id])
    enrolment = enrolments[row.enrolment_id]
    told = await standing(connection, caller, journal, enrolment)
    at = await positions.resolve(connection, [journal])
    lines = await paper_reads.lines_of(connection, journal, enrolment, at.seq(journal))
    seqs = tuple(line.seq for line in lines if line.kind in CITED)
    return Case(told, row, cases[row.wind_down_id], at, seqs)


def _register(case: Case) -> Section:
    row, wind_down = case.entitlement, case.wind_down
    traced = row.claimed_fen - row.unfunded_fen
    return Section(
        Words("登记与分配", "Register and distribution"),
        (
            Fact(Words("清算案", "Wind-down"), case.told.public("wdn", wind_down.wind_down_id)),
            Fact(Words("登记号", "Register number"), str(row.register_number)),
            Fact(Words("冻结日期", "Frozen on"), day(wind_down.frozen_on)),
            Fact(Words("状态", "State"), words.named(words.STATES, row.state) or row.state),
            amount(Words("申报权益", "Claimed"), Money.from_fen(row.claimed_fen)),
            Fact(Words("其中已缴入监管", "Of it traced to custody"), f"¥{figures(traced)}"),
            amount(Words("累计分得", "Dividends so far"), Money.from_fen(row.dividend_fen)),
            amount(Words("剩余债权", "Residual"), Money.from_fen(row.residual_fen)),
            Fact(Words("已核销", "Written off"), f"¥{figures(row.written_off_fen)}"),
        ),
    )


def _round(plan: Record, share: Record) -> tuple[Cell, ...]:
    # A pooled plan has one tier only, in which nothing is traced to anybody.
    pooled = plan.basis == POOLED
    traced = 0 if pooled else share.tier_one_fen
    return (
        str(plan.round),
        words.named(words.BASES, plan.basis) or plan.basis,
        day(plan.approved_on),
        figures(share.claim_fen),
        figures(traced),
        figures(share.dividend_fen - traced),
        figures(share.dividend_fen),
        figures(share.residual_fen),
    )
