"""Channels and cash over HTTP: what counts for a parent before it is in the bank, and clears."""

from typing import Any

import httpx
import pytest

from service.store.facts import Update
from service.store.tables import Institution
from tests.fixtures.academies import Academy
from tests.fixtures.databases import Database
from tests.nouns.claim_calls import approved, looked_at


def _capture(academy: Academy, amount: str, **values: Any) -> dict[str, Any]:
    return {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "channel": "WECHAT",
        "reference": f"42000{next(academy.numbers)}",
        "amount": amount,
        "captured_on": "2026-03-01",
        "payment_code": "TE23456789AA",
        "payer_name": "张三",
        "payer_account": "6222000000000000000",
    } | values


async def _captured(
    academy: Academy, enrolment: dict[str, Any], amount: str, **values: Any
) -> dict[str, Any]:
    named = {"payment_code": enrolment["payment_code"]} | values
    body = _capture(academy, amount, **named)
    answer = await academy.post("channel-captures", academy.district.banks["ICBC"], body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def _take(
    academy: Academy, enrolment: dict[str, Any], amount: str, **values: Any
) -> httpx.Response:
    body = {
        "enrolment_id": enrolment["id"],
        "reference": f"SJ-{next(academy.numbers)}",
        "amount": amount,
        "taken_on": "2026-03-01",
        "payer_name": "张三",
    }
    return await academy.post("cash-receipts", academy.token, body | values)


async def _books(academy: Academy) -> dict[str, Any]:
    custody = academy.district.public("cus", academy.custody)
    found = await academy.get("payouts/preview", academy.token, custody_account_id=custody)
    return dict(found)


async def test_a_capture_counts_for_the_parent_before_the_channel_settles(
    academy: Academy,
) -> None:
    enrolment = await academy.opened()

    capture = await _captured(academy, enrolment, "4999.99")

    found = await academy.get(f"enrolments/{enrolment['id']}", academy.token)
    books = await _books(academy)
    assert (capture["direction"], capture["outcome"]) == ("PEND", "ENROLMENT")
    assert (found["state"], found["money"]["prepaid"]) == ("ACTIVE", "4999.99")
    assert (books["resource"], books["shortfall"]) == ("0.00", "4999.99")


async def test_a_settlement_clears_what_was_captured_and_its_fee_is_the_institution_s(
    academy: Academy,
) -> None:
    await _captured(academy, await academy.opened(), "4999.99")

    settled = await academy.receipt(
        "4969.99", kind="CHANNEL_SETTLEMENT", channel="WECHAT", fee="30.00"
    )

    books = await _books(academy)
    assert (settled["outcome"], settled["suspense"]) == ("SETTLEMENT", "0.00")
    assert (books["resource"], books["shortfall"]) == ("4969.99", "30.00")
    assert [(d["reason"], d["amount"]) for d in books["debts"]] == [("BANK_CHARGE", "30.00")]


async def test_own_funds_bear_a_channel_s_fee_at_once(academy: Academy) -> None:
    await academy.receipt("100.00", kind="TOP_UP")
    await _captured(academy, await academy.opened(), "4999.99")

    await academy.receipt("4969.99", kind="CHANNEL_SETTLEMENT", channel="WECHAT", fee="30.00")

    books = await _books(academy)
    assert (books["own_funds"], books["debts"], books["shortfall"]) == ("70.00", [], "0.00")


async def test_what_a_channel_settles_and_never_told_of_stands_in_suspense(
    academy: Academy,
) -> None:
    await _captured(academy, await academy.opened(), "1000.00")

    settled = await academy.receipt(
        "1490.00", kind="CHANNEL_SETTLEMENT", channel="WECHAT", fee="10.00"
    )

    assert (settled["suspense"], settled["suspense_reason"]) == ("500.00", "UNKNOWN_ENROLMENT")


async def test_a_settlement_that_comes_before_its_capture_is_cleared_by_it(
    academy: Academy,
) -> None:
    enrolment = await academy.opened()
    early = await academy.receipt(
        "990.00", kind="CHANNEL_SETTLEMENT", channel="WECHAT", fee="10.00"
    )

    await _captured(academy, enrolment, "900.00")

    found = await academy.get(f"receipts/{early['id']}", academy.district.operator)
    assert (early["suspense"], found["suspense"]) == ("1000.00", "100.00")
    assert (await academy.money(enrolment))["prepaid"] == "900.00"


async def test_one_channel_s_settlement_does_not_clear_another_s_captures(
    academy: Academy,
) -> None:
    await _captured(academy, await academy.opened(), "1000.00", channel="ALIPAY")

    settled = await academy.receipt(
        "1000.00", kind="CHANNEL_SETTLEMENT", channel="WECHAT", fee="0.00"
    )

    assert settled["suspense"] == "1000.00"


async def test_a_capture_for_nobody_s_enrolment_is_held_and_matched_by_hand(
    academy: Academy,
) -> None:
    enrolment = await academy.opened()
    body = _capture(academy, "1000.00", payment_code="TE00000000ZZ")
    held = (await academy.post("channel-captures", academy.district.banks["ICBC"], body)).json()

    matched = await academy.post(
        f"receipts/{held['id']}/match",
        academy.district.operator,
        {"enrolment_id": enrolment["id"]},
    )

    assert (held["outcome"], held["suspense"]) == ("SUSPENSE", "1000.00")
    assert matched.json()["outcome"] == "ENROLMENT", matched.text
    assert (await academy.money(enrolment))["prepaid"] == "1000.00"


async def test_a_capture_told_twice_counts_once_and_a_contradiction_is_refused(
    academy: Academy,
) -> None:
    enrolment, bank = await academy.opened(), academy.district.banks["ICBC"]
    body = _capture(academy, "1000.00", payment_code=enrolment["payment_code"])
    first = await academy.post("channel-captures", bank, body)

    again = await academy.post("channel-captures", bank, body)
    other = await academy.post("channel-captures", bank, body | {"amount": "1000.01"})

    assert (first.status_code, again.status_code) == (201, 200)
    assert (other.status_code, other.json()["code"]) == (409, "bank_entry_contradicted")
    assert (await academy.money(enrolment))["prepaid"] == "1000.00"


async def test_captures_come_in_batches_each_with_its_own_verdict(academy: Academy) -> None:
    enrolment = await academy.opened()
    named = {"payment_code": enrolment["payment_code"]}
    items = [
        _capture(academy, "1000.00", **named),
        _capture(academy, "5.00", **named, captured_on="2999-01-01"),
    ]

    answer = await academy.post(
        "channel-captures/batch", academy.district.banks["ICBC"], {"items": items}
    )

    assert [item["code"] for item in answer.json()["results"]] == ["done", "date_in_future"]


async def test_a_refund_goes_back_to_whoever_the_channel_said_paid(academy: Academy) -> None:
    enrolment = await academy.opened()
    await _captured(academy, enrolment, "4999.99")
    await academy.receipt("4999.99", kind="CHANNEL_SETTLEMENT", channel="WECHAT", fee="0.00")

    await approved(academy, enrolment)

    refunds = await academy.get("refunds", academy.district.regulator)
    assert [(r["amount"], r["payee_known"]) for r in refunds["items"]] == [("4999.99", True)]


async def test_cash_counts_when_the_school_reports_it_and_clears_when_it_is_paid_in(
    academy: Academy,
) -> None:
    enrolment = await academy.opened()

    taken = await _take(academy, enrolment, "4999.99")
    owing = await _books(academy)
    paid_in = await academy.receipt("4999.99", kind="CASH")

    books = await _books(academy)
    assert (taken.status_code, taken.json()["outcome"]) == (201, "ENROLMENT"), taken.text
    assert (owing["resource"], owing["shortfall"]) == ("0.00", "4999.99")
    assert (paid_in["outcome"], paid_in["suspense"]) == ("CASH", "0.00")
    assert (books["resource"], books["shortfall"]) == ("4999.99", "0.00")


async def test_cash_paid_in_that_was_never_reported_stands_in_suspense(academy: Academy) -> None:
    await _take(academy, await academy.opened(), "100.00")

    paid_in = await academy.receipt("150.00", kind="CASH")

    assert (paid_in["suspense"], paid_in["suspense_reason"]) == ("50.00", "UNKNOWN_ENROLMENT")


async def test_cash_is_refused_where_a_receipt_would_be_held(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    waiting = await academy.opened()

    paid = await _take(academy, enrolment, "1.00")
    over = await _take(academy, waiting, "5000.01")
    later = await _take(academy, waiting, "1.00", taken_on="2999-01-01")
    await academy.district.plant(Update(Institution, (academy.institution,), {"state": "FROZEN"}))
    frozen = await _take(academy, waiting, "1.00")

    codes = [answer.json()["code"] for answer in (paid, over, later, frozen)]
    assert codes == ["wrong_state", "amount_over_cap", "date_in_future", "institution_frozen"]


async def test_another_school_s_enrolment_takes_no_cash(academy: Academy) -> None:
    enrolment = await academy.opened()
    stranger = await academy.district.institution_token(await academy.district.plant_institution())

    answer = await academy.post(
        "cash-receipts",
        stranger,
        {
            "enrolment_id": enrolment["id"],
            "reference": "SJ-1",
            "amount": "1.00",
            "taken_on": "2026-03-01",
        },
    )

    assert (answer.status_code, answer.json()["code"]) == (404, "enrolment_unknown")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "CHANNEL_SETTLEMENT", "channel": "WECHAT"},
        {"kind": "CHANNEL_SETTLEMENT", "fee": "1.00"},
        {"kind": "PAYMENT", "channel": "WECHAT", "fee": "1.00"},
    ],
    ids=["no fee", "no channel", "no settlement"],
)
async def test_a_settlement_says_channel_and_fee_and_nothing_else_does(
    academy: Academy, wrong: dict[str, str]
) -> None:
    body = {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": "S-1",
        "amount": "10.00",
        "book_on": "2026-03-01",
        "value_on": "2026-03-01",
    }

    answer = await academy.post("receipts", academy.district.banks["ICBC"], body | wrong)

    assert (answer.status_code, answer.json()["code"]) == (400, "request_invalid")


async def test_a_journal_with_captures_cash_and_court_orders_is_clean(
    database: Database, academy: Academy
) -> None:
    await _captured(academy, await academy.opened(), "3000.00")
    await academy.receipt("2990.00", kind="CHANNEL_SETTLEMENT", channel="WECHAT", fee="10.00")
    await _captured(academy, await academy.opened(), "7.00", payment_code="TE00000000ZZ")
    await _take(academy, await academy.opened(), "500.00")
    await academy.receipt("600.00", kind="CASH")
    notice = {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "document_number": "(2026)渝1号",
        "amount": "200.00",
        "ordered_on": "2026-03-02",
    }
    await academy.post("court-orders", academy.district.banks["ICBC"], notice)
    debit = {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": "D-77",
        "amount": "150.00",
        "book_on": "2026-03-03",
        "value_on": "2026-03-03",
        "kind": "COURT_DEDUCTION",
        "document_number": "(2026)渝1号",
    }
    await academy.post("debits", academy.district.banks["ICBC"], debit)

    report = await looked_at(database, academy.district.journal)

    assert [f"{f.check} {f.example}" for f in report.findings] == []
