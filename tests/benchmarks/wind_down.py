"""P7: one institution's wind-down, step by step: plan, posting, and the refund orders."""

import time
from collections.abc import Awaitable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, TypeVar

from ledger.calendars import midnight
from service.identity import tokens
from service.identity.callers import Role
from service.store import reference
from tests.benchmarks.ground import Bench
from tests.benchmarks.ratios import Part, Result
from tests.benchmarks.town import BANK
from tests.fixtures.service import open_district
from tests.fixtures.story import School, Story

CONTRACTS: Final = 4_300
MANY: Final = 100_000
SOME: Final = 21_500
TAKEN_IN_AT_ONCE: Final = 2_000
STEPS: Final = ("plan", "posting", "refund orders")
VALUE: Final = "10232.56"
FOUND: Final = "7411500.79"
SIGNED: Final = "2025-06-01"

T = TypeVar("T")


async def wound_down(bench: Bench) -> Result:
    """P7: seconds for each step of 4,300 enrolments, and how more of them compare."""
    higher = await _higher(bench)
    await _settled(bench, higher, CONTRACTS // 10)
    runs = [await _settled(bench, higher, CONTRACTS) for _ in range(bench.rounds)]
    parts = [
        Part(f"seconds for the {step}", [run[step] for run in runs], 1, 1, lower=True)
        for step in STEPS
    ]
    many = MANY if bench.size >= 10_000_000 else SOME
    if bench.size >= 1_000_000:
        large = await _settled(bench, higher, many)
        ratios = [sum(large.values()) / many / (sum(run.values()) / CONTRACTS) for run in runs]
        figures = {f"{step}_s": [large[step]] for step in STEPS}
        parts.append(Part(f"{many:,} to linear", ratios, 1.2, 1.2, lower=True, figures=figures))
    workload = (
        f"one institution of {CONTRACTS:,} legacy contracts, funded to about a sixth; plans under"
        " both bases, approved by two levels, posted in chunks, an order for each payer; over HTTP"
    )
    return Result("P7", "Wind-down: plan, posting, refund orders", workload, parts)


async def _higher(bench: Bench) -> str:
    """Mint a token of a regulator of the higher level."""
    async with bench.engine.begin() as connection:
        nation = reference.NewJurisdiction("100000", "中华人民共和国", "cn-national")
        await reference.add_jurisdiction(connection, nation, at=datetime.now(UTC))
    return await bench.service.token(Role.REGULATOR, tokens.Scope("100000"))


async def _settled(bench: Bench, higher: str, contracts: int) -> dict[str, float]:
    """Let an institution of so many contracts fail and be settled; return the seconds by step."""
    story = Story(await open_district(bench.service))
    school = await story.school_opens(BANK)
    await _take_in(story, school, contracts)
    await story.bank_reports(school, BANK, FOUND, kind="TOP_UP")
    case = await _published(story, school, higher)
    await bench.admin.execute("ANALYZE")
    regulator, took = story.district.regulator, dict[str, float]()
    made = await _timed(took, "plan", story.say(f"wind-downs/{case}/plans", regulator, {}))
    plan = next(each for each in made["plans"] if each["basis"] == "POOLED")
    hashed = {"plan_hash": plan["plan_hash"]}
    await _by_two(story, f"plans/{plan['id']}/approve", hashed, higher)
    await _timed(took, "posting", _posted(story, case))
    settle = {"jurisdiction": story.district.code}
    settling = story.say("refunds/settle", story.district.operator, settle)
    await _timed(took, "refund orders", settling)
    return took


async def _timed(took: dict[str, float], step: str, work: Awaitable[T]) -> T:
    begun = time.perf_counter()
    given = await work
    took[step] = time.perf_counter() - begun
    return given


async def _take_in(story: Story, school: School, contracts: int) -> None:
    items = [
        {
            "institution_id": school.id,
            "contract_number": f"K-{number}",
            "guardian": {
                "name": "张三",
                "account_number": f"6299{number:012d}",
                "bank_name": "示例银行",
            },
            "student": {"name": "张小三"},
            "category": "art",
            "subject": "LEGACY",
            "remaining_value": VALUE,
            "remaining_lessons": 40,
            "contract_on": SIGNED,
            "starts_on": SIGNED,
            "ends_on": "2027-05-31",
        }
        for number in range(contracts)
    ]
    for start in range(0, contracts, TAKEN_IN_AT_ONCE):
        chunk = items[start : start + TAKEN_IN_AT_ONCE]
        await story.batch("enrolments/legacy/batch", story.district.regulator, chunk)


async def _published(story: Story, school: School, higher: str) -> str:
    """Freeze, open, settle, register, and let the days for objections pass; return the case."""
    district = story.district
    frozen = {
        "target_type": "INSTITUTION",
        "target_id": school.id,
        "kind": "FREEZE",
        "cause": "RAN_AWAY",
    }
    await story.say("restraints", district.regulator, frozen)
    listed = await story.read("wind-downs", district.regulator, institution_id=school.id, limit=1)
    case = str(listed["items"][0]["id"])
    await _by_two(story, f"wind-downs/{case}/open", {"reason": "INSOLVENT"}, higher)
    await story.say(f"wind-downs/{case}/settle-lessons", district.regulator, {})
    made = await story.say(f"wind-downs/{case}/register", district.regulator, {})
    over = midnight(date.fromisoformat(made["objections_until"]) + timedelta(days=1))
    await district.service.store.move_clock(district.journal, over)
    await story.say(f"wind-downs/{case}/set-off", district.regulator, {})
    await story.say(f"wind-downs/{case}/draw-deposit", district.regulator, {})
    return case


async def _by_two(story: Story, path: str, body: dict[str, Any], higher: str) -> None:
    asked = await story.say(path, story.district.regulator, body)
    seen = {"payload_hash": asked["payload_hash"]}
    await story.say(f"approvals/{asked['id']}/approve", higher, seen)


async def _posted(story: Story, case: str) -> None:
    finished = False
    while not finished:
        posted = await story.say(f"wind-downs/{case}/post", story.district.regulator, {})
        finished = bool(posted["finished"])
