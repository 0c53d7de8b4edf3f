"""The enrolment statement (报名资金明细): balances, lessons and every ledger line of one."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.accounts import STUDENT_OWNED, AccountKind, Unit
from ledger.money import Money
from ledger.refusals import EnrolmentUnknown
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
)
from service.papers.standing import Standing, contract_section, proof, standing
from service.store import ids, paper_reads, positions, registry
from service.store.paper_reads import Line
from service.store.positions import Asked
from service.store.tables import Enrolment

_NUMBER = Align.NUMBER
LINES = (
    Column(Words("日期", "Date")),
    Column(Words("凭证", "Transaction")),
    Column(Words("事项", "What happened")),
    Column(Words("科目", "Account")),
    Column(Words("变动", "Change"), _NUMBER),
    Column(Words("余额", "Balance"), _NUMBER),
)
BALANCES = (Column(Words("科目", "Account")), Column(Words("余额", "Balance"), _NUMBER))


async def statement(
    connection: AsyncConnection, caller: Caller, journal: int, enrolment_id: UUID, asked: Asked
) -> Paper:
    """Make the statement as of then, or now; raises `EnrolmentUnknown` and what positions raise."""
    seen = await registry.seen(connection, caller.context, Enrolment, journal, [enrolment_id])
    if not seen:
        raise EnrolmentUnknown
    at = await positions.resolve(connection, [journal], asked)
    told = await standing(connection, caller, journal, seen[enrolment_id])
    lines = await paper_reads.lines_of(connection, journal, seen[enrolment_id], at.seq(journal))
    money = [line for line in lines if line.unit == Unit.CNY]
    last = {line.account: line for line in money}
    return Paper(
        title=Words("报名资金明细", "Enrolment statement"),
        number=told.public("enr", enrolment_id),
        sections=(
            contract_section(told),
            _standing(told, last.values(), lines),
            Section(Words("账目", "Ledger"), tables=(_ledger(journal, money),)),
        ),
        proof=await proof(connection, journal, at),
        notes=(
            Words(
                "借贷均以分为单位记账;每一行均可凭凭证号核对。",
                "Kept in fen by double entry; every line can be checked by its transaction.",
            ),
        ),
    )


def _standing(told: Standing, last: Iterable[Line], lines: Sequence[Line]) -> Section:
    row = told.enrolment
    held = {AccountKind(line.account_kind): 0 for line in last}
    for line in last:
        held[AccountKind(line.account_kind)] += line.balance
    own = Money.from_fen(sum(held.get(kind, 0) for kind in STUDENT_OWNED))
    granted, consumed = (
        _lessons(lines, kind)
        for kind in (AccountKind.LESSON_UNITS_GRANTED, AccountKind.LESSON_UNITS_CONSUMED)
    )
    balances = tuple(
        (words.account(line.account_kind, line.account_reason), figures(line.balance))
        for line in sorted(last, key=lambda each: (each.account_kind, each.account))
    )
    return Section(
        Words("结余", "Standing"),
        (
            amount(Words("合同价款", "Price"), Money.from_fen(row.price_fen)),
            amount(Words("学员名下结余", "The student's own"), own),
            Fact(Words("已消课时", "Lessons taken"), str(consumed)),
            Fact(Words("未消课时", "Lessons not taken"), str(granted)),
        ),
        (Table(Words("各科目余额", "Balances by account"), BALANCES, balances),),
    )


def _lessons(lines: Iterable[Line], kind: AccountKind) -> int:
    """Count lessons on the unit accounts of a kind, paid and gift together."""
    last = {line.account: line.balance for line in lines if line.account_kind == kind}
    return sum(last.values())


def _ledger(journal: int, money: Iterable[Line]) -> Table:
    return Table(
        Words("全部账目", "Every ledger line"), LINES, tuple(_line(journal, line) for line in money)
    )


def _line(journal: int, line: Line) -> tuple[Cell, ...]:
    happened = words.kind(line.kind)
    slot = line.refs.get("slot")
    if slot is not None:
        happened = Words(f"{happened.zh}(第{slot}课)", f"{happened.en}, lesson {slot}")
    sign = "+" if line.amount > 0 else "−"
    return (
        day(line.effective_on),
        ids.public_transaction(journal, line.seq),
        happened,
        words.account(line.account_kind, line.account_reason),
        f"{sign}{figures(abs(line.amount))}",
        figures(line.balance),
    )
