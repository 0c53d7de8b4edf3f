"""P3: the nightly run, in which silence confirms lessons and releases their money."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import update

from service.store.rows import table_of
from service.store.tables import CalendarYear
from service.worker import sweeps
from tests.benchmarks.ground import Bench
from tests.benchmarks.ratios import Part, Result
from tests.benchmarks.references import CopyLimit, position
from tests.benchmarks.town import BANK, Town, town
from tests.fixtures.story import HELD, OFTEN, Story

LESSONS_EACH: Final = 10
ITEMS_MAX: Final = 5_000


async def confirmed_by_silence(bench: Bench) -> Result:
    """P3: confirm and release lessons against COPY of the entries that it appends."""
    limit, lessons = CopyLimit(bench), max(2_000, bench.size // 20)
    await limit.prepare()
    async with bench.engine.begin() as connection:
        await connection.execute(update(table_of(CalendarYear)).values(provisional=False))
    towns = [await _taught(bench, lessons) for _ in range(bench.rounds)]
    rates, copies = [], []
    for here in towns:
        after, begun = await position(bench, here.journal), time.perf_counter()
        done = await sweeps.confirm_silent(bench.store, here.journal)
        rates.append(done / (time.perf_counter() - begun))
        assert done >= lessons, "every lesson was due"
        until = await position(bench, here.journal)
        copies.append(done / await limit.seconds(here.journal, after, until))
    figures = {"lessons_a_second": rates, "copied_a_second": copies}
    ratios = [rate / copied for rate, copied in zip(rates, copies, strict=True)]
    part = Part("lessons confirmed and released", ratios, 0.3, 0.75, figures=figures)
    workload = f"{lessons:,} lessons a round, {LESSONS_EACH} an enrolment, in units of 2,000"
    return Result("P3", "Nightly auto-confirm, to COPY of the same entries", workload, [part])


async def _taught(bench: Bench, lessons: int) -> Town:
    """Open a district whose lessons are all recorded, told and silent for long enough."""
    here = await town(bench, schools=2, contracts=-(-lessons // LESSONS_EACH))
    story = Story(here.district)
    for school, contracts in zip(here.schools, here.contracts, strict=True):
        paid = [
            here.receipt(0, contract)
            | {
                "amount": contract["price"],
                "custody_account_id": school.accounts[BANK],
            }
            for contract in contracts
        ]
        for start in range(0, len(paid), ITEMS_MAX):
            bank = here.district.banks[BANK]
            await story.batch("receipts/batch", bank, paid[start : start + ITEMS_MAX])
        named = [
            {"enrolment_id": contract["id"], "reference": f"L-{number}"}
            for contract in contracts
            for number in range(LESSONS_EACH)
        ]
        for start in range(0, len(named), ITEMS_MAX):
            chunk = named[start : start + ITEMS_MAX]
            await story.batch("lessons/batch", school.token, [each | OFTEN for each in chunk])
            held = [each | HELD for each in chunk]
            await story.batch("lessons/record/batch", school.token, held)
    await sweeps.deliver_notices(bench.store, here.journal)
    await bench.store.move_clock(here.journal, datetime.now(UTC) + timedelta(days=30))
    return here
