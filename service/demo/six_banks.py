"""Six different banks, each a process of its own with everything going wrong, for some days.

Families pay, institutions pay in and ask for their own money back, each bank tells of it in its own
way and late, twice, cut short or falsely. In the end every account is reconciled, or every fen of
the difference stands in an open break.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from service.demo import cast, enrol, file_courses, register
from service.demo.bank_books import fen, yuan
from service.demo.client import Json
from service.demo.player import bank_names
from service.demo.simulated_bank import Counter, SimulatedBank, key_file
from service.demo.stage import Stage

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from seeds.records import Enrolment

SCHOOLS: Final = 14
"""So many institutions of the district have an account at every bank."""
CALM_DAYS: Final = 7
"""Days after the others in which nothing goes wrong, until all was said."""
STATED: Final = "CQRCB"
_DAY: Final = timedelta(days=1)
_PAID_IN: Final = "500.00"
_SECOND_LOOK: Final = 3
_SAYING_NOTHING: Final = frozenset({"CCB", "CQRCB"})
"""Banks of which only the statement speaks: nobody could tell a top-up in it."""

COLUMNS: Final = {
    "记账日期": "booked_on",
    "起息日": "value_on",
    "贷方金额": "credit",
    "借方金额": "debit",
    "冲正标志": "reversal",
    "余额": "balance_after",
    "币种": "currency",
    "对方户名": "counterparty_name",
    "对方账号": "counterparty_account",
    "摘要": "purpose",
    "业务编号": "end_to_end_id",
}
FIGURES: Final = {
    "账号": "account",
    "序号": "sequence",
    "起始日期": "from_on",
    "截止日期": "to_on",
    "期初余额": "opening",
    "期末余额": "closing",
    "总笔数": "count",
    "贷方合计": "credit_sum",
    "借方合计": "debit_sum",
}
CSV_MAPPING: Final[Json] = {
    "encoding": "gb18030",
    "references": ["交易流水号"],
    "columns": COLUMNS,
    "figures": FIGURES,
}
"""How the bank that sends a CSV writes it."""


@dataclass(slots=True)
class Branch:
    """A bank, the custody account that is played at it, and the contracts still to be paid."""

    bank: SimulatedBank
    school: int
    account: str
    unpaid: list[Enrolment] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """An account at the end: its reconciliation, its open breaks, and what its bank tells."""

    row: Json
    breaks: list[Json]
    told: Json

    @property
    def named_fen(self) -> int:
        """How much of the difference open breaks name."""
        return sum(_signed(b["amount"]) for b in self.breaks if not b["within_books"])

    @property
    def is_explained(self) -> bool:
        """Tell whether every fen of the difference has a name."""
        return self.named_fen == _signed(self.row["difference"])


async def play(stage: Stage, engine: AsyncEngine, *, days: int, seed: int) -> list[Reconciled]:
    """Play some days and the calm ones after them; return how each account ends."""
    await _prepare(stage, engine)
    with tempfile.TemporaryDirectory() as folder:
        branches = await _open(stage, Path(folder), seed)
        try:
            with stage.chapter("days of six banks", days + CALM_DAYS) as bar:
                for number in range(days + CALM_DAYS):
                    await _pass_day(stage, branches, number, calm=number >= days)
                    bar()
            return [await _reconciled(stage, branch) for branch in branches]
        finally:
            for branch in branches:
                await branch.bank.kill()


async def _prepare(stage: Stage, engine: AsyncEngine) -> None:
    """Register institutions and courses; the day before the term everything may be charged."""
    await register.register(stage, bank_names())
    await cast.admit_institutions(engine, stage.cast, stage.institutions)
    await file_courses.file_courses(stage)
    await stage.api.post(
        "/v1/statement-files/mappings",
        stage.cast.operator,
        {"bank": STATED, "mapping": CSV_MAPPING},
        key=stage.key("mapping", STATED),
    )
    await stage.morning_of(stage.district.starts_on - _DAY)


async def _open(stage: Stage, folder: Path, seed: int) -> list[Branch]:
    """Start each bank with one account: the first at it whose institution has contracts there."""
    courses, branches = stage.district.courses, []
    for number, bank in enumerate(stage.district.banks):
        theirs = [
            e for e in stage.district.enrolments if courses[e.course - 1].custody_bank == bank
        ]
        school = theirs[0].institution
        key = key_file(folder, bank, stage.cast.bank_seeds[bank])
        counter = Counter(str(stage.api.http.base_url), key, stage.today, seed + number)
        process = await SimulatedBank.start(bank, counter)
        branch = Branch(process, school, stage.accounts[school, bank])
        branch.unpaid = [each for each in theirs if each.institution == school]
        await process.ask("open", account=branch.account, number=f"888800{school:06d}")
        branches.append(branch)
    return branches


async def _pass_day(stage: Stage, branches: Sequence[Branch], number: int, *, calm: bool) -> None:
    banks = [branch.bank for branch in branches]
    await stage.morning_of(stage.today + _DAY)
    if calm:
        await asyncio.gather(*(bank.ask("calm") for bank in banks))
    else:
        await enrol.enrol(stage, [each for branch in branches for each in branch.unpaid[:2]])
    await asyncio.gather(*(bank.ask("morning", on=str(stage.today)) for bank in banks))
    for at, branch in enumerate(branches if not calm else ()):
        if (number - at) % 7 == 2:  # noqa: PLR2004 - each bank on another day of the week
            await branch.bank.ask("down", days=3)
        await _business(stage, branch, number)
    await asyncio.gather(*(bank.ask("work") for bank in banks))
    await stage.evening_of(stage.today)
    await asyncio.gather(*(bank.ask("evening") for bank in banks))
    if calm:
        await _decide_suspected(stage)


async def _business(stage: Stage, branch: Branch, number: int) -> None:
    """Let two families pay; the institution pays in, and later asks for some of it back."""
    due, branch.unpaid = branch.unpaid[:2], branch.unpaid[2:]
    for each in due:
        family = stage.district.families[each.family - 1]
        await branch.bank.ask(
            "credit",
            account=branch.account,
            amount=yuan(each.price_fen),
            payer_name=family.guardian,
            payer_account=f"6222{family.number:012d}",
            purpose=f"学费 {stage.contracts[each.contract_no].payment_code} 谢谢",
        )
    if branch.bank.bank in _SAYING_NOTHING:
        return
    if number % _SECOND_LOOK == 0:
        paid = {"amount": _PAID_IN, "kind": "TOP_UP", "purpose": "机构补足"}
        await branch.bank.ask("credit", account=branch.account, **paid)
    elif number % _SECOND_LOOK == 1:
        await _ask_back(stage, branch, number)


async def _ask_back(stage: Stage, branch: Branch, number: int) -> None:
    """Ask for some of the institution's own money, where the ledger has it by now."""
    token = stage.cast.institutions[branch.school]
    found = await stage.api.get("/v1/balances", token, custody_account_id=branch.account)
    own = [a["balance"] for a in found["accounts"] if a["kind"] == "INSTITUTION_OWN_FUNDS"]
    if found["hard_shortfall"] != "0.00" or not own or fen(own[0]) < fen("100.00"):
        return
    body = {"custody_account_id": branch.account, "kind": "SURPLUS", "amount": "100.00"}
    await stage.api.post("/v1/payouts", token, body, key=stage.key("back", branch.account, number))
    stage.counts["orders"] += 1


async def _decide_suspected(stage: Stage) -> None:
    """Let the operator look at what was reported twice: it is the same money."""
    found = await stage.api.get("/v1/suspected-receipts", stage.cast.operator, state="OPEN")
    for each in found["items"]:
        receipt = each["receipt"]["id"]
        await stage.api.post(
            f"/v1/receipts/{receipt}/decide-duplicate",
            stage.cast.operator,
            {"verdict": "SAME"},
            key=stage.key("suspected", receipt),
            of="/v1/receipts/{id}/decide-duplicate",
        )
        stage.counts["suspected"] += 1


async def _reconciled(stage: Stage, branch: Branch) -> Reconciled:
    """Reconcile an account as of yesterday, and close its bank's counter."""
    operator, yesterday = stage.cast.operator, str(stage.today - _DAY)
    body = {"custody_account_id": branch.account, "day": yesterday}
    key = stage.key("reconcile", branch.account)
    made = await stage.api.post("/v1/reconciliations", operator, body, key=key)
    detail: dict[str, Any] = await stage.api.get(f"/v1/reconciliations/{made['id']}", operator)
    told = await branch.bank.ask("tell")
    await branch.bank.end()
    breaks = [each for each in detail["breaks"] if each["state"] == "OPEN"]
    return Reconciled(detail, breaks, told)


def _signed(amount: str) -> int:
    return -fen(amount[1:]) if amount.startswith("-") else fen(amount)
