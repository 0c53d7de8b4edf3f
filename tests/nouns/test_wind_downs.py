"""Wind-downs over HTTP: the freeze that begins one, its opening, its lessons, its banks."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from ledger.calendars import SHANGHAI
from service.store.context import Context
from tests.fixtures.academies import HELD, Academy, academy_in
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


async def answer(academy: Academy, case: Any, lesson: Any, verb: str, token: str) -> Any:
    return await academy.post(f"wind-downs/{case['id']}/lessons/{lesson['id']}/{verb}", token)


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


async def test_a_bank_agrees_with_the_ledger_or_differs_once(
    academy: Academy, district: District
) -> None:
    await academy.enrolled()
    await frozen(academy)
    bank = district.banks["ICBC"]
    (request,) = (await academy.get("statement-requests", bank))["items"]
    path = f"statement-requests/{request['id']}/answer"
    agreeing = {"balance": "4999.99", "document_hash": "ab" * 32}

    agreed = await academy.post(path, bank, agreeing)
    again = await academy.post(path, bank, agreeing)
    other = await academy.post(path, bank, agreeing | {"balance": "4999.98"})
    foreign = await academy.post(path, district.banks["ABC"], agreeing)

    assert (agreed.status_code, agreed.json()["state"]) == (200, "AGREED")
    assert again.json()["answered_at"] == agreed.json()["answered_at"]
    assert (other.status_code, other.json()["code"]) == (409, "already_exists")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "statement_request_unknown")


async def test_a_bank_that_held_something_else_is_noted_as_different(
    academy: Academy, district: District
) -> None:
    await academy.enrolled()
    await frozen(academy)
    bank = district.banks["ICBC"]
    (request,) = (await academy.get("statement-requests", bank))["items"]

    body = {"balance": "4000.00", "document_hash": "cd" * 32}
    answered = await academy.post(f"statement-requests/{request['id']}/answer", bank, body)

    assert (answered.json()["state"], answered.json()["balance"]) == ("DIFFERENT", "4000.00")


async def test_a_freeze_that_two_lift_ends_its_case_and_another_begins_another(
    academy: Academy, district: District
) -> None:
    restraint = (await freeze(academy)).json()
    lift = await academy.post(
        f"restraints/{restraint['id']}/lift", district.regulator, {"reason": "SETTLED"}
    )
    await academy.post(
        f"approvals/{lift.json()['id']}/approve",
        district.second_regulator,
        {"payload_hash": lift.json()["payload_hash"]},
    )

    ended = await case_of(academy)
    again = await frozen(academy)

    assert ended["state"] == "LIFTED"
    assert again["state"] == "FROZEN"
    assert again["id"] != ended["id"]


async def test_a_case_is_opened_by_two_persons_one_of_a_higher_level(
    academy: Academy, district: District, higher: str
) -> None:
    case = await frozen(academy)

    level = await open_by(academy, case, district.regulator, district.second_regulator)
    done = await open_by(academy, case, higher, district.regulator)
    again = await academy.post(f"wind-downs/{case['id']}/open", higher, {"reason": "INSOLVENT"})

    institution = await academy.get(
        f"institutions/{district.public('ins', academy.institution)}", district.regulator
    )
    assert (level.status_code, level.json()["code"]) == (422, "level_too_low")
    assert done.status_code == 200, done.text
    assert institution["state"] == "WINDING_DOWN"
    assert (again.status_code, again.json()["code"]) == (409, "wrong_state")


async def test_a_case_without_pending_lessons_is_settled_when_it_is_opened(
    academy: Academy, higher: str
) -> None:
    await academy.enrolled()

    case = await opened(academy, higher)

    assert case["state"] == "LESSONS_SETTLED"


async def test_a_frozen_case_that_was_opened_can_no_longer_be_lifted(
    academy: Academy, district: District, higher: str
) -> None:
    restraint = (await freeze(academy)).json()
    await open_by(academy, await case_of(academy), district.regulator, higher)

    lift = await academy.post(
        f"restraints/{restraint['id']}/lift", district.regulator, {"reason": "SETTLED"}
    )
    approved = await academy.post(
        f"approvals/{lift.json()['id']}/approve",
        district.second_regulator,
        {"payload_hash": lift.json()["payload_hash"]},
    )

    assert (approved.status_code, approved.json()["code"]) == (409, "wrong_state")


async def test_pending_lessons_are_released_or_given_back_as_the_parent_says(
    academy: Academy, higher: str
) -> None:
    enrolment = await academy.enrolled()
    parent = await academy.parent(enrolment)
    held, missed = await academy.recorded(enrolment), await academy.recorded(enrolment)
    case = await opened(academy, higher)

    ordinary = await academy.post(f"lessons/{held['id']}/confirm", parent)
    confirmed = await answer(academy, case, held, "confirm", parent)
    denied = await answer(academy, case, missed, "deny", parent)
    twice = await answer(academy, case, missed, "confirm", parent)

    money = await academy.money(enrolment)
    assert (ordinary.status_code, ordinary.json()["code"]) == (409, "institution_frozen")
    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "CONFIRMED")
    assert (denied.status_code, denied.json()["state"]) == (200, "VOIDED")
    assert (twice.status_code, twice.json()["code"]) == (409, "wrong_state")
    assert (money["released"], money["refundable"]) == ("104.16", "4895.83")


async def test_a_lesson_of_another_child_or_school_is_not_there(
    academy: Academy, district: District, higher: str
) -> None:
    mine, other = await academy.enrolled(), await academy.enrolled()
    parent = await academy.parent(mine)
    theirs = await academy.recorded(other)
    elsewhere = await academy_in(district)
    foreign = await elsewhere.recorded(await elsewhere.enrolled())
    case = await opened(academy, higher)

    hidden = await answer(academy, case, theirs, "confirm", parent)
    strange = await academy.post(
        f"wind-downs/{case['id']}/lessons/{foreign['id']}/rule",
        district.regulator,
        {"ruling": "UPHELD"},
    )
    stranger = await answer(academy, case, theirs, "deny", await elsewhere.parent(other))

    assert (hidden.status_code, hidden.json()["code"]) == (404, "lesson_unknown")
    assert (strange.status_code, strange.json()["code"]) == (404, "lesson_unknown")
    assert stranger.status_code == 200


async def test_silence_gives_a_pending_lesson_back_after_five_working_days(
    academy: Academy, higher: str
) -> None:
    enrolment = await academy.enrolled()
    lesson = await academy.recorded(enrolment)
    case = await opened(academy, higher)
    regulator = academy.district.regulator

    early = await academy.post(f"wind-downs/{case['id']}/settle-lessons", regulator)
    swept = await wait_until_after(academy, case["lessons_due_on"])

    settled = await case_of(academy)
    read = await academy.get(f"lessons/{lesson['id']}", academy.token)
    assert (early.status_code, early.json()["code"]) == (409, "lessons_unsettled")
    assert swept["wind_down_lessons_settled"] == 1
    assert (settled["state"], read["state"]) == ("LESSONS_SETTLED", "VOIDED")
    assert (await academy.money(enrolment))["refundable"] == "4999.99"


async def test_disputes_are_ruled_by_the_task_force_and_stop_the_case_until_then(
    academy: Academy, district: District, higher: str
) -> None:
    enrolment = await academy.enrolled()
    parent = await academy.parent(enrolment)
    lessons = [await academy.recorded(enrolment) for _ in range(2)]
    for lesson in lessons:
        await academy.post(f"lessons/{lesson['id']}/dispute", parent, {"reason": "NOT_HELD"})
    case = await opened(academy, higher)

    waiting = await academy.post(f"wind-downs/{case['id']}/settle-lessons", district.regulator)
    for lesson, ruling in zip(lessons, ("REJECTED", "UPHELD"), strict=True):
        await act(academy, case, f"lessons/{lesson['id']}/rule", {"ruling": ruling})
    settled = await act(academy, case, "settle-lessons")

    assert waiting.json()["facts"] == {"pending": 0, "disputed": 2}
    assert settled["state"] == "LESSONS_SETTLED"
    assert (await academy.money(enrolment))["released"] == "104.16"


async def test_a_parent_sees_the_case_of_their_own_school_only(
    academy: Academy, district: District
) -> None:
    case = await frozen(academy)
    enrolled = await academy_in(district)
    enrolment = await enrolled.enrolled()
    other = await frozen(enrolled)
    parent = await enrolled.parent(enrolment)

    listed = await academy.get("wind-downs", parent)
    hidden = await district.service.get(f"/v1/wind-downs/{case['id']}", parent)

    assert [found["id"] for found in listed["items"]] == [other["id"]]
    assert (hidden.status_code, hidden.json()["code"]) == (404, "wind_down_unknown")


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
    third = len(queued) // 3
    before, after = queued[:third], queued[third:]
    answers: list[Any] = await asyncio.gather(*before, freeze(academy), *after)

    froze = answers.pop(third)
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
    paid = {"payer_name": "张三", "payer_account": "6222020000000000001"}
    await academy.receipt("4999.99", payment_code=enrolment["payment_code"], **paid)
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
