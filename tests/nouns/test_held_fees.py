"""Schools that hold the fees themselves: the formula, lessons, and what they still hold."""

from typing import Any

import httpx

from service.store.facts import Update
from service.store.tables import Institution
from tests.fixtures.academies import Academy
from tests.fixtures.deposits import PROOF, Deposits, held, priced


async def test_the_formula_asks_for_one_cycle_of_every_student(holding: Deposits) -> None:
    academy = holding.academy
    classes = ((18, 480_000), (14, 360_000), (8, 258_000))
    await holding.lodged("160000.00")
    for students, fen in classes:
        course = await priced(academy, fen)
        for _ in range(students):
            await academy.opened(course_id=course)
    shown = await holding.shown()

    refused = await academy.post(
        "enrolments", academy.token, academy.contract(course_id=await priced(academy, 480_000))
    )

    await holding.lodged("2240.00", bank_ref="R-more")
    taken = await academy.opened(course_id=await priced(academy, 480_000))
    after = await holding.shown()
    assert (shown["required"], shown["status"], shown["surplus"]) == ("157440.00", "OK", "2560.00")
    assert (refused.status_code, refused.json()["code"]) == (422, "deposit_below")
    assert taken["custody_account_id"] == holding.account_id
    assert (after["required"], after["status"], after["surplus"]) == ("162240.00", "OK", "0.00")


async def test_a_draw_below_the_formula_stops_enrolment_until_it_is_topped_up(
    holding: Deposits,
) -> None:
    academy = holding.academy
    await holding.lodged("160000.00")
    for fen, students in ((480_000, 18), (360_000, 14), (258_000, 8)):
        course = await priced(academy, fen)
        for _ in range(students):
            await academy.opened(course_id=course)
    await academy.post("enrolments/legacy", academy.token, academy.legacy("12000.00", 40))
    order = await holding.by_two(
        "draw", custody_account_id=academy.district.public("cus", academy.custody)
    )

    await holding.debited(order, "D-1")

    below = await holding.shown()
    assert (below["status"], below["counted"], below["missing"]) == (
        "BELOW",
        "148000.00",
        "9440.00",
    )


async def test_a_fee_the_school_holds_is_the_students_and_lessons_take_it(
    holding: Deposits,
) -> None:
    academy = holding.academy
    await holding.lodged("5000.00")
    enrolment = await held(holding)

    await academy.confirmed(enrolment)

    money = await academy.money(enrolment)
    preview = await academy.get(
        "payouts/preview",
        academy.token,
        custody_account_id=academy.district.public("cus", academy.custody),
    )
    assert (money["prepaid"], money["held_by_institution"]) == ("4700.00", "4700.00")
    assert money["released"] == "100.00"
    assert preview["earned"] == "0.00"


async def test_a_lesson_of_a_fee_held_can_be_reversed(holding: Deposits) -> None:
    academy = holding.academy
    await holding.lodged("5000.00")
    enrolment = await held(holding)
    lesson = await academy.confirmed(enrolment)

    answer = await academy.post(
        f"lessons/{lesson['id']}/reverse",
        academy.district.regulator,
        {"reason": "RECORDED_IN_ERROR"},
    )

    money = await academy.money(enrolment)
    assert answer.status_code == 200, answer.text
    assert (money["prepaid"], money["held_by_institution"]) == ("4800.00", "4800.00")


async def test_no_fee_is_held_of_a_contract_in_custody_or_beyond_its_price(
    holding: Deposits,
) -> None:
    academy = holding.academy
    await holding.lodged("5000.00")
    enrolment = await held(holding)
    course = await academy.district.plant_course(
        academy.institution, custody_account_id=academy.custody
    )
    kept = await academy.opened(course_id=academy.district.public("crs", course))

    twice = await report(academy, enrolment, "0.01")
    in_custody = await report(academy, kept, kept["price"])

    assert (twice.status_code, twice.json()["code"]) == (409, "wrong_state")
    assert (in_custody.status_code, in_custody.json()["code"]) == (422, "custody_account_invalid")


async def test_a_batch_opens_no_more_than_the_deposit_covers(holding: Deposits) -> None:
    academy = holding.academy
    await holding.lodged("9600.00")
    course = await priced(academy, 480_000)
    items = [academy.contract(course_id=course) for _ in range(3)]

    answer = await academy.post("enrolments/batch", academy.token, {"items": items})

    codes = [result["code"] for result in answer.json()["results"]]
    assert codes == ["done", "done", "deposit_below"]
    assert (await holding.shown())["surplus"] == "0.00"


async def test_lessons_of_a_fee_held_are_not_handed_on(holding: Deposits) -> None:
    academy = holding.academy
    await holding.lodged("5000.00")
    enrolment = await held(holding)
    body = {
        "student": {"name": "李小四"},
        "guardian": {"name": "李四", "phone": "13900000000"},
        "consent_hash": PROOF,
    }

    answer = await academy.post(
        f"enrolments/{enrolment['id']}/transfer", await academy.parent(enrolment), body
    )

    assert answer.status_code == 409, answer.text
    assert answer.json()["facts"]["state"] == "HELD_BY_INSTITUTION"


async def test_a_collapse_calls_the_fees_and_applies_the_deposit(holding: Deposits) -> None:
    academy = holding.academy
    await holding.lodged("10000.00")
    for _ in range(2):
        await held(holding, 360_000)
    early = await holding.asked("call", reason="COLLAPSE")
    await academy.district.plant(Update(Institution, (academy.institution,), {"state": "FROZEN"}))

    called = await holding.by_two("call", reason="COLLAPSE")

    shown = await holding.shown()
    assert (early.status_code, early.json()["code"]) == (409, "wrong_state")
    assert (called["called"], called["applied"]) == ("7200.00", "7200.00")
    assert (shown["held"], shown["in_bank"]) == ("2800.00", "10000.00")


async def report(academy: Academy, enrolment: dict[str, Any], amount: str) -> httpx.Response:
    """Report a fee that the school took."""
    return await academy.post(
        f"enrolments/{enrolment['id']}/held-fee",
        academy.token,
        {"amount": amount, "proof": PROOF},
    )
