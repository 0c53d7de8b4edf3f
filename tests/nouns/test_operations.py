"""Operations over HTTP: whoever got no answer asks by key, and is told the one true outcome."""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import pytest

from service.store.unit import Unit
from tests.fixtures.service import District
from tests.fixtures.story import Story


async def _reports(story: Story, key: str, **changed: Any) -> tuple[dict[str, Any], Any]:
    """Let a bank report one receipt under a key; return its line and the answer."""
    school = await story.school_opens("ICBC")
    line = story._line(school, "ICBC", "120.00") | changed
    answer = await story.district.service.post(
        "/v1/receipts", story.district.banks["ICBC"], line, key=key
    )
    return line, answer


async def _asked(district: District, token: str, key: str) -> dict[str, Any]:
    answer = await district.service.get(f"/v1/operations/{quote(key, safe='')}", token)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_what_was_done_under_a_key_is_told_by_it(story: Story) -> None:
    key = uuid.uuid4().hex
    _, answer = await _reports(story, key)

    told = await _asked(story.district, story.district.banks["ICBC"], key)

    assert (told["key"], told["state"]) == (key, "DECIDED")
    [outcome] = told["outcomes"]
    [result] = outcome["results"]
    assert (outcome["done"], outcome["refused"]) == (1, 0)
    assert outcome["position"] == answer.json()["transaction_id"]
    assert result["code"] == "done"
    assert result["result"]["transaction_id"] == answer.json()["transaction_id"]
    assert result["result"]["id"] == answer.json()["id"]


async def test_a_key_nobody_used_is_absent_and_stays_good_to_use(story: Story) -> None:
    key = uuid.uuid4().hex
    before = await _asked(story.district, story.district.banks["ICBC"], key)

    _, answer = await _reports(story, key)

    assert (before["state"], before["outcomes"]) == ("ABSENT", [])
    assert answer.status_code == 201


async def test_a_refusal_that_read_state_is_told_with_its_problem(story: Story) -> None:
    district, key = story.district, uuid.uuid4().hex
    school = await story.school_opens("ICBC")
    asked = {"custody_account_id": school.accounts["ICBC"], "amount": "1.00"}
    refused = await district.service.post("/v1/payouts", school.token, asked, key=key)
    assert refused.status_code == 422

    told = await _asked(district, school.token, key)

    [outcome] = told["outcomes"]
    assert (told["state"], outcome["done"], outcome["refused"]) == ("DECIDED", 0, 1)
    assert outcome["results"][0]["code"] == refused.json()["code"]
    assert outcome["results"][0]["problem"]["status"] == 422


async def test_a_batch_tells_of_every_item_in_its_order(story: Story) -> None:
    district, key = story.district, uuid.uuid4().hex
    school = await story.school_opens("ICBC")
    lines = [story._line(school, "ICBC", "1.00"), story._line(school, "ICBC", "2.00")]
    body = {"mode": "independent", "items": [*lines, lines[0]]}
    await district.service.post("/v1/receipts/batch", district.banks["ICBC"], body, key=key)

    told = await _asked(district, district.banks["ICBC"], key)

    [outcome] = told["outcomes"]
    assert [each["code"] for each in outcome["results"]] == ["done", "done", "duplicate"]
    assert (outcome["done"], outcome["refused"]) == (3, 0)


async def test_nobody_is_told_of_anybody_elses_key(story: Story) -> None:
    key = uuid.uuid4().hex
    await _reports(story, key)
    district = story.district
    others = (district.banks["CMB"], district.operator, district.auditor, district.regulator)

    told = [await _asked(district, other, key) for other in others]

    assert [each["state"] for each in told] == ["ABSENT"] * len(others)


@pytest.mark.parametrize("key", ["ICBC/2026/17", "a//b/", "100%25?x=1&y#z", ".", "!~"])
async def test_a_key_is_found_however_it_has_to_be_written_in_an_address(
    story: Story, key: str
) -> None:
    key = f"{uuid.uuid4().hex}{key}"
    await _reports(story, key)

    told = await _asked(story.district, story.district.banks["ICBC"], key)

    assert (told["key"], told["state"]) == (key, "DECIDED")


@pytest.mark.parametrize("key", ["a b", "k" * 129, "钥匙"])
async def test_what_can_be_no_key_is_refused(district: District, key: str) -> None:
    answer = await district.service.get(f"/v1/operations/{quote(key)}", district.auditor)

    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


async def test_a_key_of_reference_data_stands_in_no_journal(district: District) -> None:
    key, code = uuid.uuid4().hex, f"B{uuid.uuid4().hex[:8].upper()}"
    body = {"code": code, "name": "新银行", "name_en": "New Bank"}
    added = await district.service.post("/v1/banks", district.operator, body, key=key)
    assert added.status_code == 201, added.text

    told = await _asked(district, district.operator, key)

    [outcome] = told["outcomes"]
    assert (told["state"], outcome["journal"], outcome["position"]) == ("DECIDED", None, None)
    assert outcome["results"][0]["result"]["code"] == code


async def test_what_waits_for_a_second_person_is_told_as_it_stands_now(story: Story) -> None:
    district, key = story.district, uuid.uuid4().hex
    school = await story.school_opens("ICBC")
    contract = await school.signs(await school.files("1100.00", 10))
    receipt = await story.parent_pays(contract, "ICBC")
    asked = {"reason": "MISTYPED"}
    path = f"/v1/transactions/{receipt['transaction_id']}/reversal"
    waiting = await district.service.post(path, district.operator, asked, key=key)
    assert waiting.status_code == 202, waiting.text
    before = await _asked(district, district.operator, key)

    approval = waiting.json()["id"]
    declined = await district.service.post(
        f"/v1/approvals/{approval}/decline", district.second_operator, {"reason": "UNPROVEN"}
    )
    assert declined.is_success, declined.text
    after = await _asked(district, district.operator, key)

    states = [each["outcomes"][0]["results"][0]["result"]["state"] for each in (before, after)]
    assert states == ["PENDING", "DECLINED"]


async def test_while_it_is_carried_out_it_is_running_and_then_decided(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, token = uuid.uuid4().hex, story.district.banks["ICBC"]
    school = await story.school_opens("ICBC")
    line = story._line(school, "ICBC", "5.00")
    begun, let_go = asyncio.Event(), asyncio.Event()
    taken = Unit.take_head

    async def held(unit: Unit) -> None:
        begun.set()
        await let_go.wait()
        await taken(unit)

    monkeypatch.setattr(Unit, "take_head", held)
    sending = asyncio.create_task(story.district.service.post("/v1/receipts", token, line, key=key))
    await begun.wait()
    during = await _asked(story.district, token, key)
    let_go.set()
    answer = await sending
    after = await _asked(story.district, token, key)

    assert (during["state"], during["outcomes"]) == ("RUNNING", [])
    assert after["state"] == "DECIDED"
    assert _transactions(after) == [answer.json()["transaction_id"]]


def _transactions(told: dict[str, Any]) -> Sequence[str]:
    return [each["result"]["transaction_id"] for each in told["outcomes"][0]["results"]]
