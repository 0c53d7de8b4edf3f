"""A month of six banks: each a process of its own with its own books, and everything goes wrong.

Families sign and pay, schools teach and are paid, and every bank duplicates, delays, reorders,
splits, truncates and lies, is off the line for three days, and sends payments back.
"""

import asyncio
import secrets
from collections import Counter as Counted
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from service.bank_simulator.signing import BankKey
from service.demo.simulated_bank import Counter, SimulatedBank, key_file
from service.store.unit import SHANGHAI
from tests.fixtures.service import BANKS
from tests.fixtures.signing import register
from tests.fixtures.story import Contract, Refused, School, Story

DAY = timedelta(days=1)
QUIET_DAYS = 7
"""Days after the month in which nothing new happens, until all was said."""
CLOSED_BEHIND = 6
"""So many days after it is over a day is closed, however late its messages are."""


PUSHING = {"ICBC", "ABC", "CMB", "CQB"}
"""Banks that say at once what a line is: of the others nobody could tell a top-up."""

CSV_MAPPING: dict[str, Any] = {
    "encoding": "gb18030",
    "references": ["交易流水号"],
    "columns": {
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
    },
    "figures": {
        "账号": "account",
        "序号": "sequence",
        "起始日期": "from_on",
        "截止日期": "to_on",
        "期初余额": "opening",
        "期末余额": "closing",
        "总笔数": "count",
        "贷方合计": "credit_sum",
        "借方合计": "debit_sum",
    },
}
"""How the bank that sends a CSV writes it."""


async def started(story: Story, bank: str, folder: Path, today: date, seed: int) -> SimulatedBank:
    """Register a key of a bank and start it."""
    key = BankKey.of_seed(bank, secrets.token_bytes(32))
    registered = await register(story.district, bank, key.public)
    assert registered["kid"] == key.keyid
    file = key_file(folder, bank, key.private.private_bytes_raw().hex())
    address = str(story.district.service.http.base_url)
    return await SimulatedBank.start(bank, Counter(address, file, today, seed))


@dataclass
class Branch:
    """A school with its bank."""

    school: School
    bank: SimulatedBank
    course: str
    contracts: list[Contract] = field(default_factory=list)
    taught: Counted[str] = field(default_factory=Counted)

    @property
    def account(self) -> str:
        """The custody account at the bank."""
        return self.school.accounts[self.bank.bank]


@dataclass(frozen=True)
class Reconciled:
    """An account at the end of the month, and what is open of it."""

    bank: str
    row: dict[str, Any]
    breaks: list[dict[str, Any]]

    @property
    def difference(self) -> Decimal:
        """Bank less ledger."""
        return Decimal(self.row["difference"])

    @property
    def named(self) -> Decimal:
        """How much of it belongs to a named break that is open."""
        parts = [b for b in self.breaks if b["state"] == "OPEN" and not b["within_books"]]
        return sum((Decimal(each["amount"]) for each in parts), Decimal(0))


@dataclass
class Month:
    """The district, its schools, and the day it is."""

    story: Story
    today: date
    branches: list[Branch] = field(default_factory=list)
    counts: Counted[str] = field(default_factory=Counted)

    @property
    def banks(self) -> list[SimulatedBank]:
        """The banks, in order."""
        return [branch.bank for branch in self.branches]

    async def open(self, folder: Path, seed: int) -> None:
        """Open a school with an account at each bank, and start the banks."""
        district = self.story.district
        mapping = {"bank": "CQRCB", "mapping": CSV_MAPPING}
        await self.story.say("statement-files/mappings", district.operator, mapping)
        for number, code in enumerate(BANKS):
            school = await self.story.school_opens(code)
            course = await school.files("1200.00", 12)
            bank = await started(self.story, code, folder, self.today, seed + number)
            branch = Branch(school, bank, course)
            kept = await self.story.read(
                f"custody-accounts/{branch.account}", self.story.district.operator
            )
            await bank.ask("open", account=branch.account, number=kept["account_number"])
            self.branches.append(branch)

    async def pass_day(self, number: int, *, quiet: bool) -> None:
        """Live one day, from the banks' morning to the day that is old enough to close."""
        self.today += DAY
        await self._clock(12)
        if quiet:
            await asyncio.gather(*(bank.ask("calm") for bank in self.banks))
        await asyncio.gather(*(bank.ask("morning", on=str(self.today)) for bank in self.banks))
        if not quiet:
            for at, branch in enumerate(self.branches):
                if (number - at) % 7 == 2:
                    await branch.bank.ask("down", days=3)
                await self._business(branch, number)
        await asyncio.gather(*(bank.ask("work") for bank in self.banks))
        await self._clock(22)
        await asyncio.gather(*(bank.ask("evening") for bank in self.banks))
        await self._close(self.today - CLOSED_BEHIND * DAY)

    async def _business(self, branch: Branch, number: int) -> None:
        await self._sign_and_pay(branch)
        account = branch.account
        if number == 0 and branch.bank.bank in PUSHING:
            paid = {"amount": "300.00", "kind": "TOP_UP", "purpose": "机构补足"}
            await branch.bank.ask("credit", account=account, **paid)
        if number % 3 == 1 and branch.bank.bank in PUSHING:
            await branch.bank.ask("debit", account=account, amount="5.00", purpose="账户管理费")
        if number % 3 == 2:
            told = {"payer_name": "李四", "payer_account": "6222000000000009"}
            await branch.bank.ask("credit", account=account, amount="88.00", purpose="学费", **told)
            await self._teach(branch)

    async def _sign_and_pay(self, branch: Branch) -> None:
        contract = await branch.school.signs(
            branch.course,
            guardian={"name": f"张{len(branch.contracts)}", "phone": "13800000000"},
            student={"name": f"张小{len(branch.contracts)}"},
        )
        branch.contracts.append(contract)
        code = contract.row["payment_code"]
        for amount in ("1000.00", "200.00"):
            await branch.bank.ask(
                "credit",
                account=branch.account,
                amount=amount,
                payer_name=f"张{len(branch.contracts)}",
                payer_account=f"6222{len(branch.contracts):012d}",
                purpose=f"学费 {code} 谢谢",
            )
        self.counts["payments"] += 2

    async def _teach(self, branch: Branch) -> None:
        """Give a lesson under each contract that is paid, and ask for what was earned."""
        for contract in branch.contracts:
            try:
                await branch.school.teaches(contract, 1)
                self.counts["lessons"] += 1
            except Refused as refused:
                self.counts[f"lesson: {refused.codes or refused.code}"] += 1
        try:
            await branch.school.asks_for_payout(branch.bank.bank)
            self.counts["payouts"] += 1
        except Refused as refused:
            self.counts[f"payout: {refused.code}"] += 1

    async def _clock(self, hour: int) -> None:
        to = datetime(self.today.year, self.today.month, self.today.day, hour, tzinfo=SHANGHAI)
        district = self.story.district
        body = {"jurisdiction": district.code, "to": to.isoformat()}
        await self.story.say("clock", district.operator, body)

    async def _close(self, day: date) -> None:
        district = self.story.district
        body = {"jurisdiction": district.code, "day": day.isoformat()}
        try:
            closed = await self.story.say("statements/close-day", district.operator, body)
            self.counts[f"days closed {closed['state']}"] += 1
        except Refused as refused:
            self.counts[f"days not closed: {refused.code}"] += 1

    async def decide_suspected(self) -> None:
        """Let the operator look at what was reported twice: it is the same money."""
        district = self.story.district
        found = await self.story.read("suspected-receipts", district.operator, state="OPEN")
        for each in found["items"]:
            path = f"receipts/{each['receipt']['id']}/decide-duplicate"
            decided = await self.story.say(path, district.operator, {"verdict": "SAME"})
            self.counts[f"decided {decided.get('state')} {decided.get('closed_as')}"] += 1

    async def reconciled(self, branch: Branch) -> Reconciled:
        """Reconcile an account as of yesterday; return that with its open breaks."""
        operator, yesterday = self.story.district.operator, str(self.today - DAY)
        body = {"custody_account_id": branch.account, "day": yesterday}
        made = await self.story.say("reconciliations", operator, body)
        detail = await self.story.read(f"reconciliations/{made['id']}", operator)
        return Reconciled(branch.bank.bank, detail, detail["breaks"])

    async def end(self) -> list[dict[str, Any]]:
        """Close the banks' counters; return what each told of its books."""
        told = await asyncio.gather(*(bank.ask("tell") for bank in self.banks))
        assert set(await asyncio.gather(*(bank.end() for bank in self.banks))) == {0}
        return list(told)


@asynccontextmanager
async def month_of(story: Story, folder: Path, seed: int) -> AsyncIterator[Month]:
    """Open the district for a month that begins tomorrow; no bank outlives it."""
    month = Month(story, datetime.now(SHANGHAI).date())
    try:
        await month.open(folder, seed)
        yield month
    finally:
        for bank in month.banks:
            await bank.kill()
