"""Lessons taken back over HTTP: voided, disputed and ruled on, reversed before and after payout."""

from typing import Any

import pytest
from sqlalchemy import text

from service.store.context import Context
from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.payouts import Payouts
from tests.fixtures.service import District


async def test_a_voided_lesson_frees_its_slot_for_the_next(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    first = await academy.recorded(enrolment)
    second = await academy.recorded(enrolment)

    voided = await academy.post(f"lessons/{first['id']}/void", academy.token)
    third = await academy.recorded(enrolment)

    assert voided.json()["state"] == "VOIDED"
    assert (second["slot"], third["slot"]) == (2, 1)
    assert third["value"] == first["value"]


async def test_a_dispute_blocks_its_own_lesson_only(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    parent = await academy.parent(enrolment)
    contested, other = await academy.recorded(enrolment), await academy.recorded(enrolment)

    disputed = await academy.post(
        f"lessons/{contested['id']}/dispute", parent, {"reason": "NOT_HELD"}
    )
    blocked = await academy.post(f"lessons/{contested['id']}/confirm", parent)
    free = await academy.post(f"lessons/{other['id']}/confirm", parent)

    assert disputed.json()["balances"]["disputed"] == "104.16"
    assert (blocked.status_code, blocked.json()["code"]) == (409, "wrong_state")
    assert free.status_code == 200


@pytest.mark.parametrize(
    ("ruling", "state", "released", "free_slot"),
    [("UPHELD", "VOIDED", "0.00", 1), ("REJECTED", "CONFIRMED", "104.16", 2)],
)
async def test_the_regulator_rules_on_a_dispute(
    academy: Academy, ruling: str, state: str, released: str, free_slot: int
) -> None:
    enrolment = await academy.enrolled()
    lesson = await academy.recorded(enrolment)
    await academy.post(
        f"lessons/{lesson['id']}/dispute", await academy.parent(enrolment), {"reason": "SHORTENED"}
    )

    ruled = await academy.post(
        f"lessons/{lesson['id']}/rule", academy.district.regulator, {"ruling": ruling}
    )

    assert ruled.json()["state"] == state
    assert (await academy.money(enrolment))["released"] == released
    assert (await academy.recorded(enrolment))["slot"] == free_slot


async def test_a_reversed_lesson_gives_the_money_back_and_happens_once(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    lesson = await academy.confirmed(enrolment)
    reason = {"reason": "FALSE_EVIDENCE"}

    reversed_ = await academy.post(
        f"lessons/{lesson['id']}/reverse", academy.district.regulator, reason
    )
    again = await academy.post(
        f"lessons/{lesson['id']}/reverse", academy.district.regulator, reason
    )

    assert reversed_.json()["state"] == "REVERSED"
    money = await academy.money(enrolment)
    assert (money["released"], money["prepaid"]) == ("0.00", "4999.99")
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert (await academy.recorded(enrolment))["slot"] == 1


async def test_reversing_the_last_lesson_lets_a_completed_enrolment_go_on(
    district: District,
) -> None:
    academy = await academy_in(district, price_fen=100, lessons=1)
    enrolment = await academy.enrolled()
    lesson = await academy.confirmed(enrolment)

    reversed_ = await academy.post(
        f"lessons/{lesson['id']}/reverse", district.regulator, {"reason": "CONFIRMED_IN_ERROR"}
    )

    assert reversed_.json()["enrolment_state"] == "ACTIVE"
    assert (await academy.confirmed(enrolment))["enrolment_state"] == "COMPLETED"


async def test_an_unfunded_legacy_lesson_closes_the_debt_and_reversing_opens_it_again(
    academy: Academy,
) -> None:
    answer = await academy.post("enrolments/legacy", academy.token, academy.legacy("2400.00", 24))
    contract = answer.json()

    lesson = await academy.confirmed(contract)
    before = await academy.money(contract)
    await academy.post(
        f"lessons/{lesson['id']}/reverse", academy.district.regulator, {"reason": "NOT_HELD"}
    )
    after = await academy.money(contract)

    assert (before["unfunded"], before["prepaid"]) == ("2300.00", "2300.00")
    assert (after["unfunded"], after["prepaid"]) == ("2400.00", "2400.00")


async def test_what_was_paid_out_of_a_reversed_lesson_the_school_owes(payouts: Payouts) -> None:
    academy = payouts.academy
    lessons = await academy.get("lessons", academy.token, state="CONFIRMED")
    await payouts.ordered("200.00")

    for lesson in lessons["items"]:
        await reverse(academy, lesson)

    assert await owed(academy) == {"CLAWBACK": 20_000}
    assert (await payouts.preview())["earned"] == "0.00"


async def test_own_funds_cover_a_clawback_at_once(payouts: Payouts) -> None:
    academy = payouts.academy
    (lesson, *_) = (await academy.get("lessons", academy.token, state="CONFIRMED"))["items"]
    await payouts.ordered("208.33")
    await academy.receipt("100.00", kind="TOP_UP")

    await reverse(academy, lesson)

    assert await owed(academy) == {"CLAWBACK": 416 if lesson["value"] == "104.16" else 417}


async def reverse(academy: Academy, lesson: dict[str, Any]) -> None:
    answer = await academy.post(
        f"lessons/{lesson['id']}/reverse", academy.district.regulator, {"reason": "NOT_HELD"}
    )
    assert answer.status_code == 200, answer.text


async def owed(academy: Academy) -> dict[str, int]:
    """Read what the school must make good, by reason, in fen."""
    last = """
        SELECT DISTINCT ON (reason) reason, balance FROM escrow.rollup
        WHERE journal_id = :journal AND unit_type = 'INSTITUTION' AND unit_id = :unit
          AND kind = 'DUE_FROM_INSTITUTION' ORDER BY reason, seq DESC
    """
    async with academy.district.service.store.reading(Context((academy.district.journal,))) as c:
        found = await c.execute(
            text(last),
            {"journal": academy.district.journal, "unit": str(academy.institution)},
        )
        return {row.reason: row.balance for row in found}
