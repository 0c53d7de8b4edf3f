"""Deposits over HTTP: what stands against the formula, and two people who move it."""

from typing import Any

import httpx
import pytest

from service.store.facts import Update
from service.store.tables import Institution
from tests.fixtures.academies import Academy
from tests.fixtures.deposits import PROOF, Deposits, held, priced


async def test_an_account_for_the_deposit_is_opened_over_the_api(academy: Academy) -> None:
    district = academy.district
    body = {
        "institution_id": district.public("ins", academy.institution),
        "bank": "ICBC",
        "purpose": "DEPOSIT",
        "account_name": "风险保证金专户",
        "account_number": "6222-9",
    }

    opened = await academy.post("custody-accounts", district.regulator, body)

    none = await academy.get(
        f"institutions/{district.public('ins', academy.institution)}/deposit", academy.token
    )
    assert opened.status_code == 201, opened.text
    assert (opened.json()["purpose"], opened.json()["is_default"]) == ("DEPOSIT", False)
    assert [one["custody_account_id"] for one in none["accounts"]] == [opened.json()["id"]]


async def test_a_school_without_a_deposit_account_has_no_deposit(academy: Academy) -> None:
    path = f"institutions/{academy.district.public('ins', academy.institution)}/deposit"

    shown = await academy.get(path, academy.district.auditor)

    assert (shown["status"], shown["held"], shown["required"]) == ("NONE", "0.00", "0.00")


async def test_a_deposit_lodged_stands_and_elsewhere_it_is_suspense(deposits: Deposits) -> None:
    entry = await deposits.lodged("5000.00")
    wrong = await deposits.academy.receipt("10.00", kind="DEPOSIT")

    shown = await deposits.shown()
    assert (entry["outcome"], entry["balances"]) == ("DEPOSIT", {"custody_bank": "5000.00"})
    assert wrong["outcome"] == "SUSPENSE"
    assert (shown["status"], shown["held"], shown["in_bank"]) == ("OK", "5000.00", "5000.00")


async def test_interest_and_top_ups_of_a_deposit_account_are_the_deposit(
    deposits: Deposits,
) -> None:
    for kind, more in (
        ("TOP_UP", {}),
        ("INTEREST", {"from_on": "2026-01-01", "to_on": "2026-02-28"}),
    ):
        await deposits.academy.receipt(
            "100.00", custody_account_id=deposits.account_id, kind=kind, **more
        )

    assert (await deposits.shown())["counted"] == "200.00"


async def test_a_payment_into_a_deposit_account_is_suspense(deposits: Deposits) -> None:
    enrolment = await deposits.academy.opened()

    entry = await deposits.academy.receipt(
        "4999.99",
        custody_account_id=deposits.account_id,
        payment_code=enrolment["payment_code"],
    )

    assert (entry["outcome"], entry["suspense_reason"]) == ("SUSPENSE", "WRONG_ACCOUNT")


async def test_a_drawn_deposit_closes_the_gap_only_when_it_is_in_custody(
    deposits: Deposits,
) -> None:
    academy = deposits.academy
    custody = academy.district.public("cus", academy.custody)
    await academy.post("enrolments/legacy", academy.token, academy.legacy("12000.00", 40))
    await deposits.lodged("160000.00")

    order = await deposits.by_two("draw", custody_account_id=custody, amount="12000.00")
    ordered = await deposits.shown()
    again = await deposits.asked("draw", custody_account_id=custody)
    await deposits.debited(order, "D-1")
    debited, gap = await deposits.shown(), await owed(academy)
    arrived = await academy.receipt("12000.00", kind="TRANSFER", end_to_end_id=order["id"])

    left = await deposits.shown()
    assert (order["kind"], order["state"]) == ("TRANSFER", "NEW")
    assert (ordered["held"], ordered["drawable"]) == ("160000.00", "148000.00")
    assert (again.status_code, again.json()["code"]) == (422, "amount_zero")
    assert (debited["held"], debited["counted"], gap) == ("160000.00", "148000.00", "12000.00")
    assert arrived["outcome"] == "TRANSFER"
    assert (left["held"], left["in_bank"], left["arriving"]) == ("148000.00", "148000.00", "0.00")
    assert await owed(academy) == "0.00"


async def test_no_more_is_drawn_than_is_missing_or_than_there_is(deposits: Deposits) -> None:
    academy = deposits.academy
    custody = academy.district.public("cus", academy.custody)
    await academy.post("enrolments/legacy", academy.token, academy.legacy("12000.00", 40))
    await deposits.lodged("5000.00")

    beyond_gap = await deposits.asked("draw", custody_account_id=custody, amount="12000.01")
    beyond_deposit = await deposits.asked("draw", custody_account_id=custody, amount="5000.01")
    to_itself = await deposits.asked("draw", custody_account_id=deposits.account_id)
    whole = await deposits.by_two("draw", custody_account_id=custody)

    assert [a.json()["code"] for a in (beyond_gap, beyond_deposit)] == ["deposit_exceeded"] * 2
    assert to_itself.json()["code"] == "custody_account_invalid"
    assert whole["amount"] == "5000.00"


async def test_the_surplus_is_given_back_by_two_people(deposits: Deposits) -> None:
    await deposits.lodged("5000.00")

    order = await deposits.by_two("release", amount="2000.00")
    instructed = await deposits.shown()
    await deposits.debited(order, "D-1")

    left = await deposits.shown()
    assert (order["kind"], order["state"]) == ("DEPOSIT", "NEW")
    assert (instructed["held"], instructed["drawable"]) == ("3000.00", "3000.00")
    assert (left["held"], left["in_bank"]) == ("3000.00", "3000.00")


async def test_a_release_that_comes_back_is_the_deposit_again(deposits: Deposits) -> None:
    await deposits.lodged("5000.00")
    order = await deposits.by_two("release", amount="2000.00")
    await deposits.debited(order, "D-1")

    entry = await deposits.academy.receipt(
        "2000.00",
        custody_account_id=deposits.account_id,
        kind="RETURN",
        end_to_end_id=order["id"],
    )

    left = await deposits.shown()
    assert entry["outcome"] == "RETURN"
    assert (left["held"], left["in_bank"]) == ("5000.00", "5000.00")


async def test_a_release_that_its_bank_rejects_is_the_deposit_again(deposits: Deposits) -> None:
    await deposits.lodged("5000.00")
    order = await deposits.by_two("release", amount="2000.00")
    bank = deposits.academy.district.banks["ICBC"]
    await deposits.academy.post("payment-orders/fetch", bank)

    answer = await deposits.academy.post(
        f"payment-orders/{order['id']}/report", bank, {"status": "REJECTED", "reason": "AC04"}
    )

    assert answer.status_code == 200, answer.text
    assert (await deposits.shown())["drawable"] == "5000.00"


async def test_nothing_is_released_while_the_institution_owes(deposits: Deposits) -> None:
    academy = deposits.academy
    await deposits.lodged("5000.00")
    await academy.post("enrolments/legacy", academy.token, academy.legacy("12000.00", 40))

    answer = await deposits.asked("release", amount="1.00")

    assert (answer.status_code, answer.json()["code"]) == (422, "payout_not_covered")


@pytest.mark.parametrize(
    ("kind", "code"), [("PAYOUT_STOP", "payout_stopped"), ("FREEZE", "institution_frozen")]
)
async def test_nothing_is_released_of_a_school_that_is_restrained(
    deposits: Deposits, kind: str, code: str
) -> None:
    await deposits.lodged("5000.00")
    await deposits.academy.restrained(kind)

    answer = await deposits.asked("release", amount="1.00")

    assert (answer.status_code, answer.json()["code"]) == (409, code)


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


async def owed(academy: Academy) -> str:
    """Read what the school owes in its custody account."""
    preview = await academy.get(
        "payouts/preview",
        academy.token,
        custody_account_id=academy.district.public("cus", academy.custody),
    )
    return str(preview["debts"][0]["amount"]) if preview["debts"] else "0.00"
