"""Deposits over HTTP: what stands against the formula, and two people who move it."""

import pytest

from tests.fixtures.academies import Academy
from tests.fixtures.deposits import Deposits


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


async def owed(academy: Academy) -> str:
    """Read what the school owes in its custody account."""
    preview = await academy.get(
        "payouts/preview",
        academy.token,
        custody_account_id=academy.district.public("cus", academy.custody),
    )
    return str(preview["debts"][0]["amount"]) if preview["debts"] else "0.00"
