"""A case as it is read: its figures, its clocks, and what still stops its next step.

The pool is what plans share: the cash of each account that is nobody's by name. Days are natural
ones from the date of a step to the date of the next; the rules say how many it may take.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import ARRAY, Text, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import parameters
from ledger.accounts import AccountKind
from ledger.money import Money
from ledger.parameters import Parameter
from ledger.policy import RulePack
from ledger.refusals import PolicyMissing
from service.store import ids, plan_reads, reference, rows
from service.store.facts import Facts, Record
from service.store.lesson_reads import business_today
from service.store.tables import (
    BankEntry,
    CustodyAccount,
    Lesson,
    Objection,
    PaymentOrder,
    StatementRequest,
)
from service.store.transfers import DEPOSIT_DRAW, OPEN
from service.store.unit import rollup_slots
from service.store.wind_down_steps import ORDER, steps_of

_TOTALS: Final = text(
    """
    SELECT unit.unit_id, slot.kind, slot.reason, last.balance
    FROM unnest(:units) AS unit(unit_id)
    CROSS JOIN unnest(:kinds, :reasons) AS slot(kind, reason)
    CROSS JOIN LATERAL (
        SELECT balance FROM escrow.rollup
        WHERE journal_id = :journal AND unit_type = 'CUSTODY_ACCOUNT'
          AND rollup.unit_id = unit.unit_id AND rollup.kind = slot.kind
          AND rollup.reason = slot.reason
        ORDER BY seq DESC LIMIT 1) AS last
    """
).bindparams(*(bindparam(name, type_=ARRAY(Text)) for name in ("units", "kinds", "reasons")))

_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "case_not_opened": (
        "须由两人立案,其中一人为上一级主管部门",
        "two persons open the case, one of a higher level",
    ),
    "banks_not_answered": ("银行尚未答复冻结时点余额", "banks have not said what they held"),
    "banks_different": ("银行余额与账面不符", "banks held something else than the ledger has"),
    "lessons_pending": ("课时待家长确认", "lessons wait for the parents' answer"),
    "lessons_disputed": ("争议课时待裁定", "disputed lessons wait for a ruling"),
    "register_not_published": ("债权登记未公示", "the register is not published"),
    "objection_period": ("异议期未满(剩余日)", "days that parents may still object"),
    "objections_filed": ("异议待处理", "objections wait for a decision"),
    "paid_after_freeze": (
        "冻结后银行仍执行的划拨(红色预警)",
        "payouts that banks executed after the freeze (red)",
    ),
    "draws_in_transit": ("保证金划转在途", "draws of the deposit are on their way"),
}
"""What each open point says, in Chinese and English."""

_BEFORE_PLAN: Final = ORDER[: ORDER.index("APPROVED")]


async def places(connection: AsyncConnection, case: Record) -> list[dict[str, Any]]:
    """Tell what stands in each account of the case's institution, and what its bank said."""
    journal: int = case.journal_id
    held = await rows.fetch(
        connection,
        rows.keyed(CustodyAccount, journal, {case.institution_id}, "institution_id"),
    )
    source = rows.table_of(StatementRequest)
    asked = await rows.fetch(
        connection,
        select(source).where(
            source.c.journal_id == journal, source.c.wind_down_id == case.wind_down_id
        ),
    )
    answers = {row["custody_account_id"]: row for row in asked}
    facts = Facts(journal)
    await _read_totals(connection, facts, [row["custody_account_id"] for row in held])
    return [_place(facts, Record(row), answers.get(row["custody_account_id"])) for row in held]


def timeline(case: Record, *, named: bool) -> list[dict[str, Any]]:
    """Tell every step with its date and transaction; who took it only where `named`."""
    return [
        {
            "state": state,
            "on": on,
            "transaction_id": ids.public_transaction(case.journal_id, seq),
            "by": actor if named else None,
        }
        for state, seq, on, actor in steps_of(case)
    ]


async def clocks(connection: AsyncConnection, case: Record) -> list[dict[str, Any]]:
    """Tell how long each step may take, how long it took, and whether it is overdue."""
    journal: int = case.journal_id
    try:
        pack = await reference.rule_pack(connection, journal)
    except PolicyMissing:
        return []
    today = await business_today(connection, journal)
    since = {state: date.fromisoformat(on) for state, _, on, _ in steps_of(case)}
    found = [
        _clock(since, "FROZEN", "OPENED", _days(pack, parameters.WIND_DOWN_OPEN_DAYS, case), today),
        _clock(
            since, "OPENED", "LESSONS_SETTLED", _span(case, "opened_on", "lessons_due_on"), today
        ),
        _clock(
            since,
            "LESSONS_SETTLED",
            "REGISTER_PUBLISHED",
            _days(pack, parameters.WIND_DOWN_REGISTER_DAYS, case),
            today,
        ),
        _clock(
            since,
            "REGISTER_PUBLISHED",
            "SET_OFF",
            _span(case, "published_on", "objections_until"),
            today,
        ),
        _clock(
            since, "SET_OFF", "APPROVED", _days(pack, parameters.WIND_DOWN_PLAN_DAYS, case), today
        ),
        _clock(
            since, "APPROVED", "RESIDUAL", _days(pack, parameters.WIND_DOWN_PAY_DAYS, case), today
        ),
    ]
    return [clock for clock in found if clock is not None]


async def open_points(connection: AsyncConnection, case: Record) -> list[dict[str, Any]]:
    """Tell what still stops the next step, in words of both languages."""
    counted: list[tuple[str, int]] = []
    state = case.state
    if state in _BEFORE_PLAN:
        asked = await _counts(connection, StatementRequest, case, "wind_down_id")
        counted += [("banks_not_answered", asked.get("ASKED", 0))]
        counted += [("banks_different", asked.get("DIFFERENT", 0))]
        counted.append(("paid_after_freeze", await _paid_after(connection, case)))
    if state == "FROZEN":
        counted.append(("case_not_opened", 1))
    if state == "OPENED":
        lessons = await _counts(connection, Lesson, case, "institution_id")
        counted += [("lessons_pending", lessons.get("RECORDED", 0))]
        counted += [("lessons_disputed", lessons.get("DISPUTED", 0))]
    if state == "LESSONS_SETTLED":
        counted.append(("register_not_published", 1))
    if state == "REGISTER_PUBLISHED":
        left = case.objections_until - await business_today(connection, case.journal_id)
        counted.append(("objection_period", max((left + timedelta(days=1)).days, 0)))
    if state in ("REGISTER_PUBLISHED", "SET_OFF", "DEPOSIT_DRAWN", "PLANNED"):
        objections = await _counts(connection, Objection, case, "wind_down_id")
        counted.append(("objections_filed", objections.get("FILED", 0)))
    if state == "SET_OFF":
        counted.append(("draws_in_transit", await _draws(connection, case)))
    return [
        {"code": code, "count": count, "zh": _WORDS[code][0], "en": _WORDS[code][1]}
        for code, count in counted
        if count
    ]


async def _counts(
    connection: AsyncConnection, table: type[Any], case: Record, column: str
) -> dict[str, int]:
    source = rows.table_of(table)
    found = await connection.execute(
        select(source.c.state, func.count().label("rows"))
        .where(source.c.journal_id == case.journal_id, source.c[column] == case[column])
        .group_by(source.c.state)
    )
    return {row.state: row.rows for row in found}


async def _paid_after(connection: AsyncConnection, case: Record) -> int:
    """Count payouts whose debit came after the freeze: a bank fact, and an alarm (I-33)."""
    order, entry = rows.table_of(PaymentOrder), rows.table_of(BankEntry)
    found = await connection.scalar(
        select(func.count())
        .select_from(order)
        .join(
            entry,
            (entry.c.journal_id == order.c.journal_id)
            & (entry.c.bank_entry_id == order.c.executed_entry_id),
        )
        .where(
            order.c.journal_id == case.journal_id,
            order.c.institution_id == case.institution_id,
            order.c.kind.in_(("EARNED", "SURPLUS", "DEPOSIT")),
            entry.c.seq > case.frozen_seq,
            entry.c.book_on >= case.frozen_on,
        )
    )
    return int(found or 0)


async def _draws(connection: AsyncConnection, case: Record) -> int:
    source = rows.table_of(PaymentOrder)
    found = await connection.scalar(
        select(func.count()).where(
            source.c.journal_id == case.journal_id,
            source.c.institution_id == case.institution_id,
            source.c.purpose == DEPOSIT_DRAW,
            source.c.state.in_([*sorted(OPEN), "EXECUTED"]),
            source.c.arrived_entry_id.is_(None),
        )
    )
    return int(found or 0)


async def _read_totals(connection: AsyncConnection, facts: Facts, custodies: Sequence[Any]) -> None:
    kinds, reasons = rollup_slots()
    found = await connection.execute(
        _TOTALS,
        {
            "journal": facts.journal,
            "units": [str(custody) for custody in custodies],
            "kinds": kinds,
            "reasons": reasons,
        },
    )
    named = {str(custody): custody for custody in custodies}
    for row in found:
        facts.totals[(named[row.unit_id], AccountKind(row.kind), row.reason)] = row.balance


def _place(facts: Facts, account: Record, answer: Mapping[str, Any] | None) -> dict[str, Any]:
    custody = account.custody_account_id
    said = None if answer is None else answer["bank_fen"]

    def yuan(*kinds: AccountKind) -> str:
        return str(Money.from_fen(facts.total(custody, kinds)))

    return {
        "custody_account_id": ids.public("cus", facts.journal, custody),
        "bank": account.bank_code,
        "purpose": account.purpose,
        "bank_balance": yuan(*plan_reads.CASH),
        "pool": str(Money.from_fen(max(plan_reads.pool_of(facts, custody), 0))),
        "owed_by_institution": yuan(AccountKind.DUE_FROM_INSTITUTION),
        "earned_unpaid": yuan(AccountKind.INSTITUTION_PAYABLE),
        "own_funds": yuan(AccountKind.INSTITUTION_OWN_FUNDS),
        "bank_answer": None if answer is None else answer["state"],
        "bank_said": None if said is None else str(Money.from_fen(said)),
    }


def _clock(
    since: Mapping[str, date], state: str, until: str, days_max: int | None, today: date
) -> dict[str, Any] | None:
    """One clock from a step to another; none before it runs or without a rule."""
    start, end = since.get(state), since.get(until)
    if start is None or days_max is None:
        return None
    taken = ((end or today) - start).days
    return {
        "state": state,
        "days_max": days_max,
        "days_taken": taken,
        "ended": end is not None,
        "overdue": taken > days_max,
    }


def _days(pack: RulePack, parameter: Parameter[int], case: Record) -> int | None:
    try:
        return pack.value(parameter, on=case.frozen_on)
    except PolicyMissing:
        return None


def _span(case: Record, start: str, end: str) -> int | None:
    return None if case[start] is None else int((case[end] - case[start]).days)
