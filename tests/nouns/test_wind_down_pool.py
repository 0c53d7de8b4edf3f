"""A case's pool over HTTP: set-off, the deposit drawn, assets; and the case as it is read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ledger.calendars import SHANGHAI
from tests.fixtures.academies import Academy
from tests.fixtures.collapses import act, case_of, frozen, open_by, opened, wait_until_after
from tests.fixtures.deposits import Deposits, held
from tests.fixtures.payouts import Payouts
from tests.fixtures.service import District
from tests.fixtures.transfers import credited, debited, fetched

pytestmark = pytest.mark.usefixtures("official_calendar")


async def charged(academy: Academy, amount: str) -> None:
    """Let the bank take a charge, which the institution owes."""
    body = {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": f"D-{next(academy.numbers)}",
        "amount": amount,
        "book_on": "2026-03-03",
        "value_on": "2026-03-03",
        "kind": "CHARGE",
    }
    answer = await academy.post("debits", academy.district.banks["ICBC"], body)
    assert answer.status_code == 201, answer.text


async def objected_out(academy: Academy, higher: str) -> dict[str, Any]:
    """Bring a case to where nobody may object any more."""
    case = await act(academy, await opened(academy, higher), "register")
    await wait_until_after(academy, case["objections_until"])
    return dict(case)


async def owed(academy: Academy) -> tuple[str, str, str]:
    """What the institution owes in its account, has earned and has of its own."""
    (place,) = [p for p in (await case_of(academy))["accounts"] if p["purpose"] == "CUSTODY"]
    return place["owed_by_institution"], place["earned_unpaid"], place["own_funds"]


async def test_set_off_closes_debts_with_what_was_earned_and_goes_on_without_a_deposit(
    academy: Academy, higher: str
) -> None:
    enrolment = await academy.enrolled()
    await academy.confirmed(enrolment)
    await charged(academy, "150.00")
    case = await objected_out(academy, higher)
    before = await owed(academy)

    done = await act(academy, case, "set-off")
    again = await act(academy, case, "set-off")
    drawn = await act(academy, case, "draw-deposit")

    assert before == ("150.00", "104.16", "0.00")
    assert await owed(academy) == ("45.84", "0.00", "0.00")
    assert done["state"] == "DEPOSIT_DRAWN"
    assert (again["transaction_id"], drawn["transaction_id"]) == (None, None)
    steps = [step["state"] for step in (await case_of(academy))["timeline"]]
    assert steps[-2:] == ["SET_OFF", "DEPOSIT_DRAWN"]


async def test_nothing_is_set_off_while_parents_may_object_or_before_the_register(
    academy: Academy, higher: str
) -> None:
    await academy.enrolled()
    case = await opened(academy, higher)
    path, regulator = f"wind-downs/{case['id']}/set-off", academy.district.regulator

    unregistered = await academy.post(path, regulator)
    await act(academy, case, "register")
    within = await academy.post(path, regulator)
    drawn = await academy.post(f"wind-downs/{case['id']}/draw-deposit", regulator)

    assert (unregistered.status_code, unregistered.json()["code"]) == (409, "wrong_state")
    assert within.json()["facts"]["state"] == "WITHIN_OBJECTION_PERIOD"
    assert (drawn.status_code, drawn.json()["code"]) == (409, "wrong_state")


async def deposited(academy: Academy, amount: str) -> str:
    """Give the institution a deposit account with money in it."""
    district = academy.district
    account = await district.plant_custody_account(
        academy.institution, purpose="DEPOSIT", is_default=False
    )
    named = district.public("cus", account)
    await academy.receipt(amount, custody_account_id=named, kind="DEPOSIT")
    return named


async def test_the_deposit_is_drawn_and_the_case_waits_until_it_is_in_custody(
    academy: Academy, higher: str
) -> None:
    await academy.post("enrolments/legacy", academy.token, academy.legacy("8000.00", 40))
    await deposited(academy, "5000.00")
    case = await objected_out(academy, higher)
    regulator = academy.district.regulator
    await act(academy, case, "set-off")

    ordered = await act(academy, case, "draw-deposit")
    waiting = await academy.post(f"wind-downs/{case['id']}/draw-deposit", regulator)
    points = {point["code"] for point in (await case_of(academy))["open_points"]}
    (order,) = await fetched(academy, "ICBC")
    await debited(academy, "ICBC", order)
    between = await academy.post(f"wind-downs/{case['id']}/draw-deposit", regulator)
    await credited(academy, "ICBC", order)
    done = await act(academy, case, "draw-deposit")

    assert (ordered["state"], order["purpose"], order["amount"]) == (
        "SET_OFF",
        "DEPOSIT_DRAW",
        "5000.00",
    )
    assert waiting.json()["facts"]["state"] == "IN_TRANSIT"
    assert "draws_in_transit" in points
    assert between.json()["facts"]["state"] == "IN_TRANSIT"
    assert done["state"] == "DEPOSIT_DRAWN"
    assert (await owed(academy))[0] == "3000.00"
    assert (await case_of(academy))["pool"] == "5000.00"


async def test_a_deposit_nobody_needs_is_not_drawn(academy: Academy, higher: str) -> None:
    await academy.enrolled()
    await deposited(academy, "5000.00")
    case = await objected_out(academy, higher)

    await act(academy, case, "set-off")
    done = await act(academy, case, "draw-deposit")

    assert done["state"] == "DEPOSIT_DRAWN"
    assert await fetched(academy, "ICBC") == []


async def test_a_fenced_deposit_account_is_not_drawn_from(
    academy: Academy, district: District, higher: str
) -> None:
    await academy.post("enrolments/legacy", academy.token, academy.legacy("8000.00", 40))
    account = await deposited(academy, "5000.00")
    case = await objected_out(academy, higher)
    await act(academy, case, "set-off")
    fence = {
        "target_type": "CUSTODY_ACCOUNT",
        "target_id": account,
        "kind": "FENCE",
        "cause": "VERIFY",
    }
    await academy.post("restraints", district.regulator, fence)

    answer = await academy.post(f"wind-downs/{case['id']}/draw-deposit", district.regulator)

    assert (answer.status_code, answer.json()["code"]) == (409, "account_fenced")


async def test_an_asset_is_realized_by_its_own_recovery(
    academy: Academy, district: District, higher: str
) -> None:
    await academy.post("enrolments/legacy", academy.token, academy.legacy("8000.00", 40))
    case = await opened(academy, higher)
    found = {"kind": "VEHICLE", "estimated": "2000.00"}
    van, desks = [await act(academy, case, "assets", found) for _ in range(2)]
    recovery = await academy.receipt("1500.00", kind="RECOVERY")
    payment = await academy.receipt("10.00", payer_name="张三")
    realize = {"receipt_id": recovery["id"]}
    regulator = district.regulator

    realized = await academy.post(f"assets/{van['id']}/realize", regulator, realize)
    again = await academy.post(f"assets/{desks['id']}/realize", regulator, realize)
    other = await academy.post(
        f"assets/{desks['id']}/realize", regulator, {"receipt_id": payment["id"]}
    )
    given_up = await academy.post(f"assets/{desks['id']}/abandon", regulator)
    listed = await academy.get(f"wind-downs/{case['id']}/assets", regulator)

    assert (realized.json()["state"], realized.json()["realized"]) == ("REALIZED", "1500.00")
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")
    assert (other.status_code, other.json()["code"]) == (409, "wrong_state")
    assert given_up.json()["state"] == "ABANDONED"
    assert [item["state"] for item in listed["items"]] == ["REALIZED", "ABANDONED"]


async def test_a_case_tells_its_timeline_clocks_and_open_points_to_those_who_lead_it(
    academy: Academy, district: District, higher: str
) -> None:
    enrolment = await academy.enrolled()
    parent = await academy.parent(enrolment)
    await academy.recorded(enrolment)
    early = await frozen(academy)
    await open_by(academy, early, district.regulator, higher)

    leading = await case_of(academy)
    theirs = await academy.get(f"wind-downs/{early['id']}", parent)
    own = await academy.get(f"wind-downs/{early['id']}", academy.token)

    first = {point["code"] for point in early["open_points"]}
    points = {point["code"]: point["count"] for point in leading["open_points"]}
    clocks = {clock["state"]: clock for clock in leading["clocks"]}
    assert first == {"case_not_opened", "banks_not_answered"}
    assert points == {"banks_not_answered": 1, "lessons_pending": 1}
    assert [step["state"] for step in leading["timeline"]] == ["FROZEN", "OPENED"]
    assert all(step["by"] for step in leading["timeline"])
    assert (clocks["FROZEN"]["ended"], clocks["FROZEN"]["overdue"]) == (True, False)
    assert clocks["OPENED"]["days_max"] >= 5
    assert (theirs["accounts"], theirs["pool"], theirs["open_points"]) == ([], None, [])
    assert [step["by"] for step in theirs["timeline"]] == [None, None]
    assert own["pool"] == leading["pool"] == "4999.99"
    assert leading["accounts"][0]["bank_answer"] == "ASKED"


async def test_a_step_that_takes_too_long_is_overdue(academy: Academy) -> None:
    case = await frozen(academy)

    await wait_until_after(academy, "2099-01-01")

    (clock,) = (await case_of(academy))["clocks"]
    assert (clock["state"], clock["overdue"]) == ("FROZEN", True)
    assert case["clocks"][0]["overdue"] is False


async def test_fees_that_the_institution_holds_are_called_and_its_deposit_is_the_pool(
    holding: Deposits, higher: str
) -> None:
    academy = holding.academy
    await holding.lodged("10000.00")
    await held(holding, 480_000)
    case = await objected_out(academy, higher)
    await act(academy, case, "set-off")

    drawn = await act(academy, case, "draw-deposit")

    shown = await holding.shown()
    assert (drawn["state"], drawn["claimed"]) == ("DEPOSIT_DRAWN", "4800.00")
    assert (shown["held"], shown["in_bank"]) == ("5200.00", "10000.00")
    assert (await case_of(academy))["pool"] == "4800.00"


async def test_a_payout_that_a_bank_executes_after_the_freeze_is_booked_and_stands_out(
    payouts: Payouts,
) -> None:
    academy = payouts.academy
    order = await payouts.fetched()
    await frozen(academy)
    before = {point["code"] for point in (await case_of(academy))["open_points"]}
    today = datetime.now(UTC).astimezone(SHANGHAI).date().isoformat()
    body = payouts.line(order["amount"], "D-1") | {"book_on": today, "value_on": today}

    debit = await academy.post(
        "debits", payouts.bank, body | {"kind": "ORDER", "end_to_end_id": order["id"]}
    )

    points = {point["code"]: point["count"] for point in (await case_of(academy))["open_points"]}
    assert (debit.status_code, debit.json()["outcome"]) == (201, "ORDER")
    assert "paid_after_freeze" not in before
    assert points["paid_after_freeze"] == 1
