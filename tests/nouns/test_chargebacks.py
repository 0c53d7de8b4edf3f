"""Chargebacks over HTTP: a bank's fact, borne in order, that ends or stops what it takes from."""

from typing import Any

import httpx
import pytest

from service.worker import run_due
from tests.fixtures.academies import Academy
from tests.fixtures.payouts import Payouts, settled
from tests.fixtures.refunds import Refunds


async def _charged_back(refunds: Refunds, enrolment: dict[str, Any], amount: str) -> dict[str, Any]:
    body = refunds.line(amount) | {"kind": "CHARGEBACK"}
    answer = await refunds.post(
        "debits", refunds.bank, body | {"payment_code": enrolment["payment_code"]}
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def _earned(refunds: Refunds) -> dict[str, Any]:
    found = await refunds.academy.get(
        "payouts/preview",
        refunds.academy.token,
        custody_account_id=refunds.district.public("cus", refunds.academy.custody),
    )
    return dict(found)


@pytest.fixture
async def enrolment(academy: Academy) -> dict[str, Any]:
    """An enrolment of 4,999.99 over 48 lessons: two confirmed, one waiting."""
    opened = await academy.enrolled()
    for _ in range(2):
        await academy.confirmed(opened)
    await academy.recorded(opened)
    return opened


async def test_a_chargeback_takes_what_is_prepaid_and_leaves_what_waits(
    refunds: Refunds, enrolment: dict[str, Any], academy: Academy
) -> None:
    entry = await _charged_back(refunds, enrolment, "1000.00")

    money = await academy.money(enrolment)
    assert (entry["outcome"], entry["enrolment_id"]) == ("CHARGEBACK", enrolment["id"])
    assert (money["prepaid"], money["pending"]) == ("3687.50", "104.16")


async def test_no_lesson_is_recorded_until_what_was_charged_back_is_paid_again(
    refunds: Refunds, enrolment: dict[str, Any], academy: Academy
) -> None:
    await _charged_back(refunds, enrolment, "1000.00")

    stopped = await academy.record(await academy.scheduled(enrolment))
    await academy.paid(enrolment, "1000.00")
    goes_on = await academy.record(await academy.scheduled(enrolment))

    assert stopped.json()["code"] == "enrolment_not_paid"
    assert goes_on.status_code == 200, goes_on.text


async def test_a_whole_chargeback_voids_what_waits_takes_what_was_earned_and_ends_the_enrolment(
    refunds: Refunds, enrolment: dict[str, Any], academy: Academy
) -> None:
    await _charged_back(refunds, enrolment, "4999.99")

    found = await academy.get(f"enrolments/{enrolment['id']}", academy.token)
    lessons = await academy.get("lessons", academy.token, enrolment_id=enrolment["id"])
    earned = await _earned(refunds)
    assert found["state"] == "REFUNDED"
    assert found["money"]["prepaid"] == "0.00"
    assert sorted(item["state"] for item in lessons["items"]) == [
        "CONFIRMED",
        "CONFIRMED",
        "VOIDED",
    ]
    assert (earned["earned"], earned["debts"]) == ("0.00", [])


async def test_what_was_paid_out_already_is_the_institutions_to_make_good(
    refunds: Refunds, enrolment: dict[str, Any], academy: Academy
) -> None:
    await academy.enrolled()
    await settled(academy)
    custody = refunds.district.public("cus", academy.custody)
    payouts = Payouts(academy, custody)
    paid = await payouts.fetched((await _earned(refunds))["earned"])
    await payouts.debited(paid)

    entry = await _charged_back(refunds, enrolment, "4999.99")

    earned = await _earned(refunds)
    assert entry["outcome"] == "CHARGEBACK"
    assert earned["earned"] == "0.00"
    assert earned["debts"] == [{"reason": "CHARGEBACK", "amount": paid["amount"]}]


async def test_a_chargeback_told_before_its_payment_waits_for_it(
    refunds: Refunds, academy: Academy
) -> None:
    opened, other = [await academy.opened() for _ in range(2)]
    await academy.paid(other, "1000.00")
    await academy.paid(opened, "100.00")
    before = await _charged_back(refunds, opened, "120.00")

    await academy.paid(opened, "50.00")

    entry = await academy.get(f"receipts/{before['id']}", refunds.district.auditor)
    assert (before["outcome"], entry["outcome"]) == ("KEPT", "CHARGEBACK")
    assert (await academy.money(opened))["prepaid"] == "30.00"


async def test_what_was_charged_back_already_is_not_charged_back_again(
    refunds: Refunds, enrolment: dict[str, Any], academy: Academy
) -> None:
    await academy.enrolled()
    await _charged_back(refunds, enrolment, "4999.99")

    again = await _charged_back(refunds, enrolment, "100.00")

    assert again["outcome"] == "KEPT"


async def test_a_refund_that_was_not_sent_bears_a_chargeback(
    refunds: Refunds, academy: Academy
) -> None:
    opened = await academy.opened()
    await academy.receipt(
        "4999.99", payment_code=opened["payment_code"], payer_account="6222020000000000001"
    )
    (refund,) = await refunds.owed(opened, "4000.00")
    await refunds.settle()

    await _charged_back(refunds, opened, "4999.99")

    told = await refunds.read(refund)
    claim = await academy.get(f"claims/{told['source_id']}", refunds.district.regulator)
    assert (told["state"], told["taken_back"]) == ("TAKEN_BACK", "4000.00")
    assert claim["claim"]["state"] == "PAID"
    assert await refunds.fetched() == []


async def test_an_enrolment_charged_back_before_it_was_paid_lapses_with_what_is_left(
    refunds: Refunds, academy: Academy
) -> None:
    opened = await academy.opened()
    first = await academy.paid(opened, "2000.00")
    await academy.paid(opened, "1000.00")
    await _charged_back(refunds, opened, "1500.00")

    await refunds.after_days(8)
    await run_due(refunds.district.service.store, refunds.district.journal)

    found = await academy.get(f"enrolments/{opened['id']}", academy.token)
    held = await academy.get(f"receipts/{first['id']}", refunds.district.auditor)
    assert (found["state"], found["money"]["prepaid"]) == ("LAPSED", "0.00")
    assert held["suspense"] == "1500.00"


async def test_a_chargeback_of_an_unknown_enrolment_is_kept(refunds: Refunds) -> None:
    await refunds.academy.enrolled()

    kept = await _charged_back(refunds, {"payment_code": "TE23456789AA"}, "10.00")

    assert kept["outcome"] == "KEPT"


async def test_only_a_chargeback_names_a_payment_code(refunds: Refunds) -> None:
    body = refunds.line("10.00")

    without: httpx.Response = await refunds.post(
        "debits", refunds.bank, body | {"kind": "CHARGEBACK"}
    )
    other = await refunds.post(
        "debits", refunds.bank, body | {"kind": "CHARGE", "payment_code": "TE23456789AA"}
    )

    assert (without.status_code, other.status_code) == (400, 400)
