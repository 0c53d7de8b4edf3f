"""P1, P2, P4 and P9: receipts in batches and one by one, hot accounts, and a journal that grew."""

from typing import Final

from tests.benchmarks.ground import Bench
from tests.benchmarks.line import Ask, say_all
from tests.benchmarks.ratios import Part, Result, quantile
from tests.benchmarks.references import CopyLimit, commits_a_request, position
from tests.benchmarks.town import Town, town

SCHOOLS: Final = 8
BATCH_CALLERS: Final = 2
SINGLE_CALLERS: Final = 32
STATED: Final = "every check, idempotency, hash chain, one durable commit a batch; over HTTP"


async def batches(bench: Bench) -> Result:
    """P1: bank receipts by HTTP batches against the COPY limit."""
    here, limit = await _town(bench), CopyLimit(bench)
    await limit.prepare()
    parts, per_round = [], max(8_000, bench.size // 4)
    for size, floor, goal in ((1_000, 0.25, 0.5), (8_000, 0.4, 0.7)):
        rates, copies = [], []
        for _ in range(bench.rounds):
            count = max(2, per_round // size)
            rate, copied = await _against_copy(here, here.batches(count, size), count * size, limit)
            rates.append(rate)
            copies.append(copied)
        ratios = [rate / copied for rate, copied in zip(rates, copies, strict=True)]
        figures = {"receipts_a_second": rates, "copied_a_second": copies}
        parts.append(Part(f"batches of {size:,}", ratios, floor, goal, figures=figures))
    workload = (
        f"{per_round:,} receipts a round from {BATCH_CALLERS} callers, drawn evenly over"
        f" {sum(map(len, here.contracts)):,} enrolments of {SCHOOLS} institutions; {STATED}"
    )
    return Result("P1", "Receipts in batches, to COPY of the same entries", workload, parts)


async def singles(bench: Bench) -> Result:
    """P2: single receipts from 32 callers against an empty POST."""
    here = await _town(bench)
    count = max(3_200, bench.size // 10)
    rates, empties, commits, tails, alone = [], [], [], [], []
    await say_all(bench.address, here.singles(640), SINGLE_CALLERS)
    for _ in range(bench.rounds):
        asks = here.singles(count)
        seconds, took = await say_all(bench.address, asks, SINGLE_CALLERS)
        rates.append(count / seconds)
        tails.append(quantile(took, 0.99))
        _, took = await say_all(bench.address, here.singles(max(50, count // 20)), 1)
        alone.append(quantile(took, 0.5))
        nothing = [Ask("POST", "/", body=ask.body) for ask in asks]
        seconds, _ = await say_all(bench.empty, nothing, SINGLE_CALLERS)
        empties.append(count / seconds)
        await CopyLimit(bench).prepare()
        commits.append(await commits_a_request(bench, count))
    figures = {"receipts_a_second": rates, "empty_posts_a_second": empties}
    figures |= {"commits_a_request_a_second": commits}
    whole = [rate / empty for rate, empty in zip(rates, empties, strict=True)]
    tail = [t / one for t, one in zip(tails, alone, strict=True)]
    latencies = {
        "p99_of_32_ms": [t * 1000 for t in tails],
        "p50_of_one_ms": [t * 1000 for t in alone],
    }
    parts = [
        Part("receipts to empty POSTs", whole, 0.5, 0.8, figures=figures),
        Part("p99 of 32 callers to p50 of one", tail, 10, 10, lower=True, figures=latencies),
    ]
    workload = f"{count:,} receipts a round from {SINGLE_CALLERS} callers; {STATED}"
    return Result("P2", "Single receipts, 32 callers, to an empty POST", workload, parts)


async def hot(bench: Bench) -> Result:
    """P4: all receipts to one institution against receipts over all of them."""
    here = await _town(bench)
    count = max(4, bench.size // 8_000)
    ratios, hots, evens = [], [], []
    for _ in range(bench.rounds):
        evens.append(await _rate(here, here.batches(count, 1_000), count * 1_000))
        hots.append(await _rate(here, here.batches(count, 1_000, hot=True), count * 1_000))
        ratios.append(hots[-1] / evens[-1])
    figures = {"hot_a_second": hots, "even_a_second": evens}
    part = Part("one institution to eight", ratios, 0.9, 0.9, figures=figures)
    workload = f"{count} batches of 1,000 a round, all to one institution or over {SCHOOLS}"
    return Result("P4", "Hot accounts to uniform", workload, [part])


async def growth(bench: Bench) -> Result:
    """P9: the same batches into a journal with ten times the entries."""
    small, large = await _town(bench), await _town(bench)
    entries = bench.size
    await small.grow(entries // 20)
    await large.grow(entries // 2)
    await bench.admin.execute("ANALYZE")
    count = max(4, bench.size // 8_000)
    ratios, smalls, larges = [], [], []
    for _ in range(bench.rounds):
        smalls.append(await _rate(small, small.batches(count, 1_000), count * 1_000))
        larges.append(await _rate(large, large.batches(count, 1_000), count * 1_000))
        ratios.append(larges[-1] / smalls[-1])
    figures = {"small_a_second": smalls, "large_a_second": larges}
    part = Part("ten times the entries", ratios, 0.8, 1.0, figures=figures)
    workload = f"batches of 1,000 into journals of {entries // 10:,} and {entries:,} entries"
    return Result("P9", "Growth", workload, [part])


async def _town(bench: Bench) -> Town:
    return await town(bench, schools=SCHOOLS, contracts=max(800, min(50_000, bench.size // 20)))


async def _against_copy(
    here: Town, asks: list[Ask], count: int, limit: CopyLimit
) -> tuple[float, float]:
    after = await position(here.bench, here.journal)
    rate = await _rate(here, asks, count)
    until = await position(here.bench, here.journal)
    return rate, count / await limit.seconds(here.journal, after, until)


async def _rate(here: Town, asks: list[Ask], count: int) -> float:
    seconds, _ = await say_all(here.bench.address, asks, BATCH_CALLERS)
    return count / seconds
