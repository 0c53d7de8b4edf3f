"""The refund decision (退费决定书): what a claim gave, by which article, reckoned line by line."""

import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import AccountKind
from ledger.money import Money
from ledger.refusals import ClaimUnknown, WrongState
from service.identity.callers import Caller
from service.papers import words
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
    grouped,
    or_dash,
)
from service.papers.standing import contract_section, of_kind, proof, standing
from service.store import paper_reads, positions, refund_reads, registry
from service.store.facts import Record
from service.store.paper_reads import Line
from service.store.tables import Claim, Enrolment, Party, Refund
from service.web import masks

DECIDED = frozenset({"APPROVED", "PAID", "DISMISSED"})
_NUMBER = Align.NUMBER
STEPS = (Column(Words("项目", "Item")), Column(Words("金额", "Amount"), _NUMBER))
PAYMENTS = (
    Column(Words("退还账户", "Paid back to")),
    Column(Words("应退", "Owed"), _NUMBER),
    Column(Words("已付", "Paid"), _NUMBER),
    Column(Words("状态", "State")),
)


async def decision(
    connection: AsyncConnection, caller: Caller, journal: int, claim_id: UUID
) -> Paper:
    """Make the decision of one claim; raises `ClaimUnknown`, `WrongState` before it is decided."""
    seen = await registry.seen(connection, caller.context, Claim, journal, [claim_id])
    if not seen:
        raise ClaimUnknown
    claim = seen[claim_id]
    if claim.state not in DECIDED:
        raise WrongState(object="claim", state=claim.state)
    await paper_reads.widen(connection, journal)
    enrolments = await paper_reads.keyed(connection, Enrolment, journal, [claim.enrolment_id])
    enrolment = enrolments[claim.enrolment_id]
    told = await standing(connection, caller, journal, enrolment)
    at = await positions.resolve(connection, [journal])
    lines = await paper_reads.lines_of(connection, journal, enrolment, at.seq(journal))
    sections = [_case(claim)]
    if claim.refund_fen is not None:
        sections += [_reckoning(claim), await payments(connection, journal, claim_id)]
    return Paper(
        title=Words("退费决定书", "Refund decision"),
        number=told.public("clm", claim_id),
        sections=(*sections, contract_section(told)),
        proof=await proof(connection, journal, at, _cited(lines, claim_id)),
        notes=(
            Words(
                "对本决定有异议的,可向主管部门申诉或依法起诉。",
                "Whoever disagrees may complain to the competent department or go to court.",
            ),
        ),
    )


def _case(claim: Record) -> Section:
    counted = words.named(words.DAY_COUNTS, claim.day_count)
    facts: tuple[tuple[str, str, Cell | None], ...] = (
        ("申请日期", "Filed on", day(claim.filed_on)),
        ("退费原因", "Reason", words.named(words.REASONS, claim.reason)),
        ("决定", "Decision", words.named(words.STATES, claim.state)),
        ("核准日期", "Approved on", day(claim.approved_on)),
        ("计价依据", "Basis", words.named(words.BASES, claim.basis)),
        ("法律条款", "Article", claim.article),
        ("付款期限", "To be paid by", day(claim.pay_due_on)),
        ("期限计算", "Days counted as", counted),
        ("付清日期", "Paid on", day(claim.paid_on)),
    )
    return Section(
        Words("申请与决定", "Claim and decision"),
        tuple(Fact(Words(zh, en), or_dash(value)) for zh, en, value in facts),
    )


def _reckoning(claim: Record) -> Section:
    refund, interest = Money.from_fen(claim.refund_fen), Money.from_fen(claim.interest_fen or 0)
    steps = tuple(_steps(claim.breakdown))
    table = Table(
        Words("计算明细", "Reckoning"),
        STEPS,
        steps,
        (Words("退还学员合计", "Refunded to the student"), grouped(refund + interest)),
    )
    return Section(
        Words("退费金额", "Amounts"),
        (
            amount(Words("退还学员", "To the student"), refund + interest),
            amount(
                Words("归机构", "To the institution"), Money.from_fen(claim.institution_fen or 0)
            ),
        ),
        (table,) if steps else (),
    )


def _steps(breakdown: str | None) -> Iterable[tuple[Cell, ...]]:
    """Write the lines of a breakdown: each has its own words and a signed amount."""
    told: Any = json.loads(breakdown) if breakdown else {}
    for step in told.get("steps", []) if isinstance(told, dict) else told:
        value = Money.of(step["amount"])
        sign = "−" if value.fen < 0 else ""
        yield Words(step["zh"], step["en"]), f"{sign}{figures(abs(value.fen))}"


async def payments(connection: AsyncConnection, journal: int, source: UUID) -> Section:
    """Tell whom what is paid back to, and how far that is; payees are masked for everybody."""
    refunds = await paper_reads.listed(connection, Refund, journal, "source_id", source)
    payees = await paper_reads.keyed(
        connection, Party, journal, (row.payee_party_id for row in refunds)
    )
    rows = tuple(
        (
            or_dash(_payee(payees.get(row.payee_party_id))),
            figures(row.amount_fen),
            figures(row.paid_fen + row.lodged_fen),
            words.STATES[refund_reads.state_of(row).value],
        )
        for row in refunds
    )
    total = (
        Words("合计", "Total"),
        figures(sum(row.amount_fen for row in refunds)),
        figures(sum(row.paid_fen + row.lodged_fen for row in refunds)),
        "",
    )
    table = Table(Words("退还去向", "Payments"), PAYMENTS, rows, total)
    return Section(Words("付款", "Payment"), tables=(table,))


def _payee(party: Record | None) -> str:
    if party is None:
        return ""
    parts = (masks.name(party.name), masks.account(party.account_number))
    return " ".join(part for part in parts if part)


def _cited(lines: Sequence[Line], claim: UUID) -> Iterable[int]:
    """Return the transactions on the enrolment's own money that cite the claim."""
    own = of_kind(lines, AccountKind.STUDENT_PREPAID)
    return (line.seq for line in own if line.refs.get("claim") == str(claim))
