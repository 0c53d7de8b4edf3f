"""The backlog: ten institutions that failed before supervision, settled to the last refund order.

A task force takes in every contract, freezes each institution, publishes the registers, waits for
objections, shares out what was found, and pays. Weeks later something more is recovered, and a
second round shares that. Whatever is not paid stands as a residual claim, to the fen.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from service.demo import cast, pay_out, register, task_force
from service.demo.bank_books import fen, line, yuan
from service.demo.enrol import people_of
from service.demo.player import bank_names
from service.demo.stage import Stage
from service.demo.task_force import Case

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from seeds.backlog import Backlog, Found
    from seeds.records import LegacyContract

_DAY: Final = timedelta(days=1)
_LATER: Final = timedelta(days=45)
"""How long after the first round more is recovered."""

BASES: Final = ("POOLED", "TRACED_FIRST")


@dataclass(slots=True)
class Settled:
    """What came of the backlog: cases, simulated totals by basis, seconds by step and case."""

    cases: list[dict[str, Any]] = field(default_factory=list)
    by_basis: dict[str, dict[str, int]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    async def timed(self, step: str, work: Awaitable[Any]) -> Any:  # noqa: ANN401 - what it gives
        """Do one step of one case and note how long it took."""
        started = time.perf_counter()
        given = await work
        self.seconds.setdefault(step, []).append(time.perf_counter() - started)
        return given

    def add(self, basis: str, plan: dict[str, Any]) -> None:
        """Add a simulated plan to its basis."""
        sums = self.by_basis.setdefault(basis, dict.fromkeys(("distributed", "residual"), 0))
        for name in sums:
            sums[name] += fen(plan[name])


async def play(stage: Stage, engine: AsyncEngine, backlog: Backlog) -> Settled:
    """Settle the whole backlog."""
    settled = Settled()
    await _take_in(stage, engine)
    cases = await _freeze_all(stage, backlog)
    await _publish(stage, cases, settled)
    await _distribute(stage, cases, settled)
    await _pay(stage)
    await _recover(stage, cases, backlog, settled)
    settled.cases = [await task_force.read(stage, case) for case in cases]
    return settled


async def _take_in(stage: Stage, engine: AsyncEngine) -> None:
    """Register the institutions as the files have them, and take in what each still owes."""
    await register.register(stage, bank_names())
    await cast.admit_institutions(engine, stage.cast, stage.institutions)
    by_school: dict[int, list[LegacyContract]] = {}
    for contract in stage.district.legacy:
        by_school.setdefault(contract.institution, []).append(contract)
    with stage.chapter("contracts taken in", len(by_school)) as bar:
        for school, contracts in by_school.items():
            await stage.api.batch(
                "/v1/enrolments/legacy/batch",
                stage.cast.regulator,
                [_item(stage, contract) for contract in contracts],
                key=stage.key("backlog", school),
            )
            bar()
    stage.counts["legacy_contracts"] += len(stage.district.legacy)


async def _freeze_all(stage: Stage, backlog: Backlog) -> list[Case]:
    """Freeze every institution, open its case, and bring in what was found of it."""
    await stage.morning_of(stage.today + _DAY)
    found = {each.institution: each for each in backlog.found}
    cases: list[Case] = []
    with stage.chapter("cases opened", len(stage.institutions)) as bar:
        for school in sorted(stage.institutions):
            case = await task_force.freeze(stage, school)
            await task_force.open_case(stage, case)
            await _bring(stage, found[school], found[school].before_fen, "found")
            cases.append(case)
            bar()
    stage.failed |= set(stage.institutions)
    return cases


async def _publish(stage: Stage, cases: list[Case], settled: Settled) -> None:
    """Publish each register to the parents, and let the days for objections pass."""
    until = stage.today
    with stage.chapter("registers", len(cases)) as bar:
        for case in cases:
            await task_force.step(stage, case, "settle-lessons")
            made = await settled.timed("register", task_force.register(stage, case))
            until = max(until, date.fromisoformat(made["objections_until"]))
            bar()
    await stage.morning_of(until + _DAY)


async def _distribute(stage: Stage, cases: list[Case], settled: Settled) -> None:
    """Set off, plan under both bases, approve one by two levels, and post it."""
    with stage.chapter("plans and posting", len(cases)) as bar:
        for number, case in enumerate(cases):
            await task_force.set_off(stage, case)
            await _round(stage, case, settled, BASES[number % len(BASES)], first=True)
            bar()


async def _round(stage: Stage, case: Case, settled: Settled, basis: str, *, first: bool) -> None:
    plans = await settled.timed("plan", task_force.simulate(stage, case))
    if first:
        for each, plan in plans.items():
            settled.add(each, plan)
    await task_force.approve(stage, case, plans[basis])
    await settled.timed("posting", task_force.post(stage, case))
    await settled.timed("refund_orders", pay_out.settle_refunds(stage))


async def _pay(stage: Stage) -> None:
    """Let the banks fetch every refund order and pay it the next day."""
    await stage.morning_of(stage.today + _DAY)
    with stage.chapter("refund orders", len(stage.cast.banks)) as bar:
        orders = await pay_out.fetch(stage, bar)
    await pay_out.execute(stage, orders)


async def _recover(stage: Stage, cases: list[Case], backlog: Backlog, settled: Settled) -> None:
    """Share out what is recovered later in a second round, and pay it."""
    await stage.morning_of(stage.today + _LATER)
    later = [each for each in backlog.found if each.after_fen]
    by_school = {case.institution: case for case in cases}
    with stage.chapter("second round", len(later)) as bar:
        for found in later:
            await _bring(stage, found, found.after_fen, "recovered")
            await _round(stage, by_school[found.institution], settled, BASES[0], first=False)
            bar()
    await _pay(stage)


async def _bring(stage: Stage, found: Found, amount: int, what: str) -> None:
    """Let the bank report money that was found of a failed institution (E50)."""
    if not amount:
        return
    bank = stage.district.institutions[found.institution - 1].custody_banks[0]
    book = stage.books[stage.accounts[(found.institution, bank)]]
    reference = book.credited(amount, stage.today)
    await stage.api.post(
        "/v1/receipts",
        stage.cast.banks[bank],
        line(book, amount, reference, stage.today, "RECOVERY"),
        key=stage.key(what, found.institution),
    )
    stage.counts["receipts"] += 1
    stage.counts["found_fen"] += amount


def _item(stage: Stage, contract: LegacyContract) -> dict[str, Any]:
    family = stage.district.families[contract.family - 1]
    people = people_of(family)
    people["guardian"] |= {
        "account_number": f"6299{contract.family:012d}",
        "bank_name": "示例银行",
    }
    return {
        "institution_id": stage.institutions[contract.institution],
        "contract_number": contract.contract_no,
        **people,
        "category": stage.district.institutions[contract.institution - 1].category.value,
        "subject": "LEGACY",
        "contract_on": contract.contracted_on.isoformat(),
        "starts_on": contract.contracted_on.isoformat(),
        "ends_on": stage.district.ends_on.isoformat(),
        "remaining_value": yuan(contract.remaining_fen),
        "remaining_lessons": contract.remaining_lessons,
    }
