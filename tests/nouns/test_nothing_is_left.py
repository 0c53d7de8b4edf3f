"""What a unit of work loaded is freed when it has ended: nothing of it waits for the collector.

The service lets its collector look seldom (service/launch.py), so what refers to itself in a circle
would add up to hundreds of megabytes under large batches.
"""

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from service.store.batches import _Batch
from service.store.facts import Facts
from service.store.unit import Unit
from tests.fixtures.story import School, Story

LEFT = (Facts, Unit, _Batch)


@pytest.fixture
def collector() -> Iterator[None]:
    """Stop the collector; what goes away then goes away by itself."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def left() -> list[str]:
    return [type(each).__name__ for each in gc.get_objects() if type(each) in LEFT]


@pytest.mark.usefixtures("collector")
@pytest.mark.parametrize("mode", ["independent", "all_or_nothing"])
async def test_nothing_is_left_of_receipts_plain_and_otherwise(story: Story, mode: str) -> None:
    school = await story.school_opens("ICBC")
    course = await school.files("1100.00", 10)
    codes = [(await school.signs(course)).row["payment_code"] for _ in range(3)]
    plain = [receipt(school, f"P-{code}", "1100.00", code) for code in codes]
    unknown = [receipt(school, "U-1", "5.00", None)]
    contradicting = [receipt(school, f"P-{code}", "7.00", code) for code in codes]
    future = [receipt(school, "F-1", "5.00", None) | {"book_on": "2126-03-02"}]
    bank = story.district.banks["ICBC"]

    statuses = []
    for items in (plain, unknown, [*plain, *contradicting], [*unknown, *future]):
        body = {"mode": mode, "items": items}
        answer = await story.district.service.post("/v1/receipts/batch", bank, body)
        statuses += [each["status"] for each in answer.json()["results"]]
    for body in (plain[0], contradicting[0]):
        statuses.append((await story.district.service.post("/v1/receipts", bank, body)).status_code)

    assert {201, 409, 422} <= set(statuses)
    assert left() == []


@pytest.mark.usefixtures("collector")
async def test_nothing_is_left_of_lessons_and_a_payout(story: Story) -> None:
    school = await story.school_opens("ICBC")
    contract = await school.signs(await school.files("1100.00", 10))
    await story.parent_pays(contract, "ICBC")
    await school.teaches(contract, 3)

    order = await school.asks_for_payout("ICBC")
    await story.bank_pays_out(school, order)

    assert left() == []


def receipt(school: School, reference: str, amount: str, code: str | None) -> dict[str, Any]:
    day = school.story.day
    return {
        "custody_account_id": school.accounts["ICBC"],
        "bank_ref": reference,
        "amount": amount,
        "book_on": day,
        "value_on": day,
        "payment_code": code,
    }
