"""Freezes over HTTP: one act of one person, after which nothing leaves but what was on its way."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from ledger.calendars import SHANGHAI
from service.store.context import Context
from tests.fixtures.academies import HELD, Academy
from tests.fixtures.collapses import (
    act,
    case_of,
    freeze,
    frozen,
    open_by,
    opened,
    wait_until_after,
)
from tests.fixtures.refunds import Refunds
from tests.fixtures.service import District

pytestmark = pytest.mark.usefixtures("official_calendar")
PAYER = {"payer_name": "张三", "payer_account": "6222020000000000001"}


async def said(academy: Academy, *kinds: str) -> list[tuple[int, str]]:
    """Read the journal's transactions of some kinds, in order."""
    district = academy.district
    async with district.service.engine.begin() as connection:
        await Context.writer(district.journal).enter(connection, statement_timeout="10s")
        found = await connection.execute(
            text(
                "SELECT seq, kind FROM escrow.journal_transaction"
                " WHERE journal_id = :journal AND kind = ANY(:kinds) ORDER BY seq"
            ),
            {"journal": district.journal, "kinds": list(kinds)},
        )
        return [(row.seq, row.kind) for row in found]


async def test_a_freeze_begins_the_case_and_asks_each_bank_for_its_balance(
    academy: Academy, district: District
) -> None:
    await academy.enrolled()

    case = await frozen(academy)

    asked = await academy.get("statement-requests", district.banks["ICBC"])
    others = await academy.get("statement-requests", district.banks["ABC"])
    (request,) = asked["items"]
    assert (case["state"], case["basis"], case["cause"]) == ("FROZEN", "TRACED_FIRST", "RAN_AWAY")
    assert request["custody_account_id"] == district.public("cus", academy.custody)
    assert (request["state"], request["balance"]) == ("ASKED", None)
    assert request["balance_at"] == case["frozen_at"]
    assert others["items"] == []


async def recorded_all(academy: Academy, enrolments: list[Any]) -> None:
    """Record every lesson of these enrolments, named L-0 to L-47."""
    for enrolment in enrolments:
        planned = [
            {
                "enrolment_id": enrolment["id"],
                "reference": f"L-{number}",
                "starts_at": "2026-03-03T16:30:00+08:00",
                "ends_at": "2026-03-03T17:30:00+08:00",
            }
            for number in range(48)
        ]
        named = [{"enrolment_id": p["enrolment_id"], "reference": p["reference"]} for p in planned]
        await academy.post("lessons/batch", academy.token, {"items": planned})
        await academy.post(
            "lessons/record/batch", academy.token, {"items": [n | HELD for n in named]}
        )


async def test_a_freeze_under_a_thousand_queued_confirmations_lets_none_be_released_after_it(
    academy: Academy,
) -> None:
    enrolments = [await academy.enrolled() for _ in range(21)]
    parents = [await academy.parent(enrolment) for enrolment in enrolments]
    await recorded_all(academy, enrolments)

    async def confirm(enrolment: Any, parent: str, first: int) -> list[str]:
        named = [
            {"enrolment_id": enrolment["id"], "reference": f"L-{number}"}
            for number in range(first, first + 8)
        ]
        answered = await academy.post("lessons/confirm/batch", parent, {"items": named})
        return [result["code"] for result in answered.json()["results"]]

    queued = [
        confirm(enrolment, parent, first)
        for first in range(0, 48, 8)
        for enrolment, parent in zip(enrolments, parents, strict=True)
    ]
    first, racing, last = queued[:10], queued[10:-10], queued[-10:]
    half = len(racing) // 2
    answers: list[Any] = await asyncio.gather(*first)
    answers += await asyncio.gather(*racing[:half], freeze(academy), *racing[half:])
    answers += await asyncio.gather(*last)

    froze = answers.pop(len(first) + half)
    codes = [code for answered in answers for code in answered]
    ((frozen_seq, _),) = await said(academy, "WIND_DOWN_STARTED")
    released = await said(academy, "LESSON_CONFIRMED")
    assert froze.status_code == 201
    assert len(codes) == 21 * 48
    assert set(codes) == {"done", "institution_frozen"}
    assert codes.count("done") == len(released)
    assert all(seq < frozen_seq for seq, _ in released)


async def test_what_comes_after_the_freeze_stays_apart_and_goes_back_in_full(
    academy: Academy, district: District
) -> None:
    enrolment = await academy.opened()
    await frozen(academy)
    today = datetime.now(UTC).astimezone(SHANGHAI).date().isoformat()
    booked = {"book_on": today, "value_on": today, "payer_account": "6222000011112222"}
    late = {"payment_code": enrolment["payment_code"], "payer_name": "张三", **booked}

    receipt = await academy.receipt("4999.99", **late)
    nameless = await academy.receipt("20.00", book_on=today, value_on=today)
    matched = await academy.post(
        f"receipts/{receipt['id']}/match", district.operator, {"enrolment_id": enrolment["id"]}
    )
    swept = await wait_until_after(academy, today)

    orders = await academy.post("payment-orders/fetch", district.banks["ICBC"])
    (order,) = orders.json()["orders"]
    left = await academy.get(f"receipts/{nameless['id']}", district.operator)
    assert (receipt["outcome"], receipt["suspense_reason"]) == ("SUSPENSE", "AFTER_FREEZE")
    assert (matched.status_code, matched.json()["code"]) == (409, "institution_frozen")
    assert swept["after_freeze_returned"] == 1
    assert (order["kind"], order["amount"]) == ("SUSPENSE_RETURN", "4999.99")
    assert left["outcome"] == "SUSPENSE"


async def test_what_the_bank_booked_before_the_freeze_is_the_students_though_told_late(
    academy: Academy,
) -> None:
    enrolment = await academy.opened()
    await frozen(academy)

    receipt = await academy.paid(enrolment, "1000.00")

    assert receipt["outcome"] == "ENROLMENT"
    assert (await academy.money(enrolment))["prepaid"] == "1000.00"


async def test_an_unpaid_enrolment_of_a_frozen_school_does_not_lapse_out_of_the_register(
    academy: Academy, higher: str
) -> None:
    enrolment = await academy.opened()
    await academy.paid(enrolment, "1000.00")
    case = await opened(academy, higher)

    await wait_until_after(academy, "2026-12-24")
    registered = await act(academy, case, "register")

    assert (registered["entitlements"], registered["claimed"]) == (1, "1000.00")


async def test_a_freeze_cancels_refunds_not_fetched_and_the_register_takes_them_back(
    academy: Academy, district: District, refunds: Refunds, higher: str
) -> None:
    enrolment = await academy.opened()
    await academy.receipt("4999.99", payment_code=enrolment["payment_code"], **PAYER)
    (refund,) = await refunds.owed(enrolment, "3229.17")
    await refunds.settle()

    await frozen(academy)
    cancelled = await refunds.read(refund)
    instructed = await refunds.settle()
    await open_by(academy, await case_of(academy), district.regulator, higher)
    registered = await act(academy, await case_of(academy), "register")

    taken = await refunds.read(refund)
    assert (cancelled["in_transit"], cancelled["payable"]) == ("0.00", "3229.17")
    assert instructed == 0
    assert (registered["entitlements"], registered["claimed"]) == (1, "4999.99")
    assert (taken["state"], taken["taken_back"]) == ("TAKEN_BACK", "3229.17")
    assert await academy.get("claims", district.regulator, state="APPROVED") == {
        "items": [],
        "next_cursor": None,
    }


async def test_a_refund_that_comes_back_after_the_register_is_still_its_payers(
    academy: Academy, district: District, refunds: Refunds, higher: str
) -> None:
    enrolment = await academy.opened()
    await academy.receipt("4999.99", payment_code=enrolment["payment_code"], **PAYER)
    (refund,) = await refunds.owed(enrolment, "3229.17")
    order = await refunds.sent()
    await frozen(academy)
    await open_by(academy, await case_of(academy), district.regulator, higher)
    registered = await act(academy, await case_of(academy), "register")

    await refunds.rejected(order)
    await refunds.payee_changed(refund)
    await refunds.after_days(4)
    (again,) = await refunds.fetched()

    assert registered["claimed"] == "1770.82"
    assert again["amount"] == "3229.17"
