"""Payouts over HTTP: earned money only, from its own account, never more than coverage leaves."""

import pytest

from service.store.facts import Update
from service.store.tables import Institution
from tests.fixtures.payouts import Payouts
from tests.fixtures.service import District

# --- asking -------------------------------------------------------------------------------------


async def test_what_was_earned_becomes_an_order_and_leaves_the_payable(payouts: Payouts) -> None:
    order = await payouts.ordered("208.33")

    assert (order["kind"], order["state"], order["amount"]) == ("EARNED", "NEW", "208.33")
    assert order["balances"] == {"earned": "0.00", "own_funds": "0.00", "in_transit": "208.33"}


async def test_an_order_without_amount_is_for_all_that_was_earned(payouts: Payouts) -> None:
    order = await payouts.ordered()

    assert order["amount"] == "208.33"


async def test_one_fen_more_than_was_earned_is_refused(payouts: Payouts) -> None:
    answer = await payouts.ask("208.34")

    assert answer.status_code == 422
    assert answer.json()["code"] == "balance_too_low"
    assert answer.json()["facts"]["missing"] == "0.01"


@pytest.mark.parametrize("amount", ["0.00", None])
async def test_an_order_for_nothing_is_refused(payouts: Payouts, amount: str | None) -> None:
    await payouts.ordered()

    answer = await payouts.ask(amount)

    assert answer.status_code == 422
    assert answer.json()["code"] == "amount_zero"


async def test_a_school_without_settlement_account_is_not_paid(
    payouts: Payouts, district: District
) -> None:
    school = payouts.academy.institution
    await district.plant(Update(Institution, (school,), {"settlement_party_id": None}))

    answer = await payouts.ask("208.33")

    assert answer.status_code == 422
    assert answer.json()["code"] == "settlement_account_missing"


async def test_another_schools_custody_account_is_not_there(
    payouts: Payouts, district: District
) -> None:
    stranger = await district.institution_token(await district.plant_institution())

    answer = await district.service.post(
        "/v1/payouts", stranger, {"custody_account_id": payouts.custody_id}
    )

    assert answer.status_code == 404
    assert answer.json()["code"] == "custody_account_unknown"


async def test_the_same_key_makes_one_order(payouts: Payouts) -> None:
    body = {"custody_account_id": payouts.custody_id, "amount": "100.00"}
    post, token = payouts.district.service.post, payouts.academy.token

    first = await post("/v1/payouts", token, body, key="once")
    again = await post("/v1/payouts", token, body, key="once")

    assert again.content == first.content
    assert (await payouts.preview())["earned"] == "108.33"


async def test_a_dry_run_orders_nothing(payouts: Payouts) -> None:
    body = {"custody_account_id": payouts.custody_id}

    tried = await payouts.academy.post("payouts", payouts.academy.token, body, dry_run=True)

    assert tried.status_code == 200
    assert tried.json()["balances"]["in_transit"] == "208.33"
    assert (await payouts.preview())["earned"] == "208.33"


async def test_a_batch_decides_its_items_in_order(payouts: Payouts) -> None:
    item = {"custody_account_id": payouts.custody_id, "amount": "150.00"}

    answer = await payouts.academy.post(
        "payouts/batch", payouts.academy.token, {"items": [item, item]}
    )

    assert [result["code"] for result in answer.json()["results"]] == ["done", "balance_too_low"]


async def test_money_earned_in_one_account_is_not_paid_from_another(payouts: Payouts) -> None:
    second = await payouts.district.plant_custody_account(
        payouts.academy.institution, bank="CQRCB", is_default=False
    )

    answer = await payouts.ask("208.33", custody_account_id=payouts.district.public("cus", second))

    assert answer.json()["code"] == "balance_too_low"


# --- coverage and debts -------------------------------------------------------------------------


async def test_what_students_are_owed_stays_in_the_account(payouts: Payouts) -> None:
    await payouts.academy.post(
        "debits", payouts.bank, payouts.line("5.00", "F-1") | {"kind": "CHARGE"}
    )

    refused = await payouts.ask("208.33")
    paid = await payouts.ordered()

    assert refused.json()["code"] == "payout_not_covered"
    assert refused.json()["facts"] == {"room": "203.33", "amount": "208.33"}
    assert paid["amount"] == "203.33"


async def test_a_legacy_gap_leaves_no_room_for_a_payout(payouts: Payouts) -> None:
    declared = await payouts.academy.post(
        "enrolments/legacy", payouts.academy.token, payouts.academy.legacy("3000.00", 30)
    )
    assert declared.status_code == 201, declared.text

    answer = await payouts.ask()
    preview = await payouts.preview()

    assert answer.json()["code"] == "payout_not_covered"
    assert preview["stopped_by"] == ["payout_not_covered"]
    assert (preview["room"], preview["shortfall"]) == ("0.00", "3000.00")


async def test_a_surplus_is_withdrawn_only_when_nothing_is_owed(payouts: Payouts) -> None:
    await payouts.academy.receipt("300.00", kind="TOP_UP")

    order = await payouts.ordered("300.00", kind="SURPLUS")
    more = await payouts.ask("0.01", kind="SURPLUS")

    assert (order["kind"], order["balances"]["own_funds"]) == ("SURPLUS", "0.00")
    assert more.json()["code"] == "balance_too_low"


async def test_what_was_paid_for_a_lesson_taken_back_is_recovered_from_the_next_payout(
    payouts: Payouts,
) -> None:
    await payouts.debited(await payouts.fetched())
    enrolment = await payouts.academy.enrolled()
    taken = await payouts.academy.confirmed(enrolment)
    await payouts.debited(await payouts.fetched(), "D-2")
    await payouts.academy.post(
        f"lessons/{taken['id']}/reverse", payouts.district.regulator, {"reason": "NOT_HELD"}
    )
    for _ in range(2):
        await payouts.academy.confirmed(enrolment)

    preview = await payouts.preview()
    order = await payouts.ordered()

    assert preview["debts"] == [{"reason": "CLAWBACK", "amount": "104.16"}]
    assert (preview["earned"], preview["earned_after_debts"]) == ("208.33", "104.17")
    assert order["amount"] == "104.17"
    assert (await payouts.preview())["debts"] == []


# --- restraints ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target_type", "kind", "code"),
    [
        ("CUSTODY_ACCOUNT", "PAYOUT_STOP", "payout_stopped"),
        ("INSTITUTION", "PAYOUT_STOP", "payout_stopped"),
        ("INSTITUTION", "FREEZE", "institution_frozen"),
        ("CUSTODY_ACCOUNT", "FENCE", "account_fenced"),
    ],
)
async def test_a_restraint_stops_a_payout_and_the_preview_says_so(
    payouts: Payouts, target_type: str, kind: str, code: str
) -> None:
    institution = payouts.district.public("ins", payouts.academy.institution)
    target = institution if target_type == "INSTITUTION" else payouts.custody_id
    body = {"target_type": target_type, "target_id": target, "kind": kind, "cause": "INSPECTION"}
    placed = await payouts.academy.post("restraints", payouts.district.regulator, body)
    assert placed.status_code == 201, placed.text

    answer = await payouts.ask()
    preview = await payouts.preview()

    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert preview["stopped_by"] == [code]
    assert preview["payable_now"] == "0.00"
    assert [stop["kind"] for stop in preview["restraints"]] == [kind]


async def test_a_hold_reduces_what_can_be_paid(payouts: Payouts) -> None:
    body = {
        "target_type": "CUSTODY_ACCOUNT",
        "target_id": payouts.custody_id,
        "kind": "HOLD",
        "amount": "200.00",
        "cause": "COURT_NOTICE",
    }
    await payouts.academy.post("restraints", payouts.district.regulator, body)

    refused = await payouts.ask("8.34")
    paid = await payouts.ordered()

    assert refused.json()["code"] == "hold_exceeded"
    assert paid["amount"] == "8.33"
