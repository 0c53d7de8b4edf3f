"""P5 and P6: one account, a district and a province, now and at any past instant."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from service.identity import tokens
from service.identity.callers import Role
from service.store import reference
from tests.benchmarks.ground import Bench
from tests.benchmarks.line import Ask, say_all
from tests.benchmarks.ratios import Part, Result, quantile
from tests.benchmarks.town import Town, town

PROVINCE: Final = "500106"
READS: Final = 300


async def one_account(bench: Bench) -> Result:
    """P5: p99 of an account's balance in a journal a hundred times as large."""
    small, large = await _grown(bench, bench.size // 100), await _grown(bench, bench.size)
    await bench.admin.execute("ANALYZE")
    parts = []
    for name, when in (("now", _now), ("at a past instant", _then)):
        ratios, smalls, larges = [], [], []
        for _ in range(bench.rounds):
            smalls.append(await _p99(bench, await _accounts(small, when)))
            larges.append(await _p99(bench, await _accounts(large, when)))
            ratios.append(larges[-1] / smalls[-1])
        figures = {"small_p99_ms": smalls, "large_p99_ms": larges}
        parts.append(Part(name, ratios, 1.5, 1.5, lower=True, figures=figures))
    workload = (
        f"{READS} reads a round over HTTP, one caller, in journals of {bench.size // 100:,} and"
        f" {bench.size:,} entries"
    )
    return Result("P5", "Balance of one account, p99 large to small", workload, parts)


async def totals(bench: Bench) -> Result:
    """P6: a district over its institutions, a province over its districts, against one account."""
    schools = max(10, min(1_000, bench.size // 10_000))
    districts = max(4, min(40, bench.size // 250_000))
    here = await town(bench, schools=schools, contracts=schools * 4)
    await here.pay_each()
    await here.grow(max(2_000, bench.size // 20))
    for _ in range(districts - 1):
        await (await town(bench, schools=1, contracts=4)).grow(200)
    await bench.admin.execute("ANALYZE")
    above = await _province(bench)
    parts = []
    for name, code in (("district", here.district.code), ("province", PROVINCE)):
        for moment, when in (("now", _now), ("at a past instant", _then)):
            ratios, ones, totalled = [], [], []
            for _ in range(bench.rounds):
                ones.append(await _p99(bench, await _accounts(here, when), 0.5))
                asks = [await _ask(here, f"/v1/balances?adcode={code}", above, when)] * READS
                totalled.append(await _p99(bench, asks, 0.5))
                ratios.append(totalled[-1] / ones[-1])
            figures = {"account_p50_ms": ones, "total_p50_ms": totalled}
            parts.append(Part(f"{name} {moment}", ratios, 3, 3, lower=True, figures=figures))
    workload = (
        f"a district of {schools} institutions, a division above {districts} districts or more;"
        f" {READS} reads a round, one caller"
    )
    return Result("P6", "Totals of a district and a province, to one account", workload, parts)


async def _grown(bench: Bench, entries: int) -> Town:
    contracts = max(400, entries // 200)
    here = await town(bench, schools=8, contracts=contracts)
    await here.pay_each()
    await here.grow(max(100, entries // 2 - contracts))
    return here


async def _province(bench: Bench) -> str:
    """Mint a regulator's token of the division above the districts."""
    async with bench.engine.begin() as connection:
        node = reference.NewJurisdiction(
            code=PROVINCE, name="沙坪坝区", rule_pack="chongqing-500106"
        )
        await reference.add_jurisdiction(connection, node, at=datetime.now(UTC))
    return await bench.service.token(Role.REGULATOR, tokens.Scope(PROVINCE))


async def _accounts(here: Town, when: Callable[[Town, Any], str]) -> list[Ask]:
    """Ask for the prepaid money of contracts drawn evenly."""
    chance, asks = random.Random(READS), []
    for _ in range(READS):
        contract = chance.choice(chance.choice(here.contracts))
        path = f"/v1/balances/account?kind=STUDENT_PREPAID&owner={contract['id']}"
        asks.append(await _ask(here, path, here.district.regulator, when))
    return asks


async def _ask(here: Town, path: str, token: str, when: Callable[[Town, Any], str]) -> Ask:
    instants = await _instants(here)
    return Ask("GET", path + when(here, instants), token)


async def _instants(here: Town) -> list[datetime]:
    if not here.instants:
        found = await here.bench.admin.fetch(
            "SELECT DISTINCT recorded_at FROM escrow.journal_transaction WHERE journal_id = $1",
            here.journal,
        )
        here.instants = sorted(row["recorded_at"] for row in found)
    return here.instants


def _now(_here: Town, _instants: list[datetime]) -> str:
    return ""


def _then(here: Town, instants: list[datetime]) -> str:
    late = instants[len(instants) // 2 :]
    return f"&known_at={quote(here.chance.choice(late).isoformat())}"


async def _p99(bench: Bench, asks: list[Ask], share: float = 0.99) -> float:
    await say_all(bench.address, asks[:20], 1)
    _, took = await say_all(bench.address, asks, 1)
    return quantile(took, share) * 1000
