"""Every day by itself: each account reconciled once, what is open followed, the day sealed."""

import json
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from ledger.calendars import SHANGHAI, WorkingCalendar
from service.reconciliation.sweep import follow_open, reconcile_days
from service.store import ids, reconciliation_figures, reference
from service.store.context import Context
from tests.fixtures.academies import Academy
from tests.fixtures.days import today

pytestmark = pytest.mark.usefixtures("official_calendar")


async def move_to(academy: Academy, on: date, at: time) -> None:
    instant = datetime.combine(on, at, tzinfo=SHANGHAI)
    await academy.district.service.store.move_clock(academy.district.journal, instant)


async def nightly(academy: Academy) -> int:
    return await reconcile_days(academy.district.service.store, academy.district.journal)


async def followed(academy: Academy) -> int:
    return await follow_open(academy.district.service.store, academy.district.journal)


async def made(academy: Academy) -> list[dict[str, Any]]:
    found = await academy.get("reconciliations", academy.district.auditor)
    return list(found["items"])


async def stands(academy: Academy) -> list[dict[str, Any]]:
    found = await academy.get("breaks", academy.district.auditor)
    return [each for each in found["items"] if each["state"] != "CLOSED"]


async def received(academy: Academy, amount: str, on: date) -> dict[str, Any]:
    return await academy.receipt(amount, book_on=on.isoformat(), value_on=on.isoformat())


async def calendar_of(academy: Academy) -> WorkingCalendar:
    async with academy.district.service.engine.connect() as connection:
        return await reference.calendar(connection)


@pytest.fixture
async def day(academy: Academy) -> date:
    """Choose the next day that is worked and has a worked day after it, and go to its noon."""
    calendar = await calendar_of(academy)
    on = today() + timedelta(days=1)
    while not all(calendar.is_working_day(on + timedelta(days=n)) for n in (0, 1)):
        on += timedelta(days=1)
    await move_to(academy, on, time(12))
    return on


async def test_each_account_is_reconciled_once_for_the_day_before(
    academy: Academy, day: date
) -> None:
    await received(academy, "4999.99", day)
    await academy.stated(day, "4999.99")

    await move_to(academy, day + timedelta(days=1), time(8, 29))
    early = await nightly(academy)
    await move_to(academy, day + timedelta(days=1), time(8, 30))
    done, again = await nightly(academy), await nightly(academy)

    [one] = await made(academy)
    assert (early, done, again) == (0, 1, 0)
    assert (one["day"], one["cause"], one["coverage"]) == (day.isoformat(), "DAILY", "COVERED")
    assert one["run_by"] == "service.reconciliation"


async def test_a_statement_that_did_not_come_is_missing_and_the_account_unknown(
    academy: Academy, day: date
) -> None:
    await received(academy, "4999.99", day)

    await move_to(academy, day + timedelta(days=1), time(9))
    await nightly(academy)

    [one] = await made(academy)
    assert (one["external"], one["coverage"]) == ("MISSING", "UNKNOWN")


async def test_a_statement_that_comes_late_is_followed(academy: Academy, day: date) -> None:
    await received(academy, "4999.99", day)
    await move_to(academy, day + timedelta(days=1), time(9))
    await nightly(academy)
    before = await followed(academy)

    await academy.stated(day, "4999.99")
    after, again = await followed(academy), await followed(academy)

    first, second = await made(academy)
    assert (before, after, again) == (0, 1, 0)
    assert (first["external"], second["external"]) == ("MISSING", "AGREED")
    assert (second["cause"], second["day"], second["coverage"]) == (
        "FOLLOW_UP",
        day.isoformat(),
        "COVERED",
    )


async def test_an_entry_that_comes_late_closes_its_break_and_keeps_its_value_date(
    academy: Academy, day: date
) -> None:
    await academy.stated(day, "100.00")
    await move_to(academy, day + timedelta(days=1), time(9))
    await nightly(academy)
    open_then = await stands(academy)
    closed = await academy.post(
        "statements/close-day", academy.district.operator, {"day": day.isoformat()}
    )

    late = await received(academy, "100.00", day)
    await followed(academy)

    posted = await effective_on(academy, late["transaction_id"])
    assert [(each["kind"], each["amount"]) for each in open_then] == [("UNMATCHED", "100.00")]
    assert closed.json()["state"] == "DIFFERENT"
    assert (late["value_on"], posted) == (day.isoformat(), day + timedelta(days=1))
    assert await stands(academy) == []


async def test_a_break_climbs_with_every_working_day_that_nobody_explains_it(
    academy: Academy, day: date
) -> None:
    await academy.stated(day, "100.00")
    calendar, levels = await calendar_of(academy), []

    for working_days in (1, 2, 3, 7):
        await move_to(academy, calendar.add_working_days(day, working_days), time(9))
        await nightly(academy)
        [one] = await stands(academy)
        levels.append((one["age_working_days"], one["level"]))

    assert levels == [(0, 0), (1, 0), (2, 1), (6, 2)]


async def test_a_top_up_lifts_the_stop_without_waiting_for_the_night(
    academy: Academy, day: date
) -> None:
    await received(academy, "4999.99", day)
    fee = {
        "custody_account_id": academy.district.public("cus", academy.custody),
        "bank_ref": "F-1",
        "amount": "5.00",
        "book_on": day.isoformat(),
        "value_on": day.isoformat(),
        "kind": "CHARGE",
    }
    await academy.post("debits", academy.district.banks["ICBC"], fee)
    await move_to(academy, day + timedelta(days=1), time(9))
    await nightly(academy)
    [asked] = (await academy.get("top-up-demands", academy.token))["items"]

    today = (day + timedelta(days=1)).isoformat()
    await academy.receipt("5.00", kind="TOP_UP", book_on=today, value_on=today)
    await followed(academy)

    [met] = (await academy.get("top-up-demands", academy.token))["items"]
    stopped = await academy.get("restraints", academy.token, in_force="true")
    assert (asked["state"], asked["amount"], asked["due_on"]) == ("OPEN", "5.00", today)
    assert (met["state"], stopped["items"]) == ("MET", [])


async def test_a_day_is_sealed_with_what_every_account_was_reconciled_to(
    academy: Academy, day: date
) -> None:
    await received(academy, "4999.99", day)
    await academy.stated(day, "4999.99")
    await move_to(academy, day + timedelta(days=1), time(9))

    closed = await academy.post(
        "statements/close-day", academy.district.operator, {"day": day.isoformat()}
    )

    [one] = await made(academy)
    sealed = await references(academy, closed.json()["transaction_id"])
    assert (one["cause"], one["coverage"]) == ("DAY_CLOSE", "COVERED")
    assert (sealed["covered"], sealed["short"], sealed["unknown"], sealed["breaks"]) == (
        "1",
        "0",
        "0",
        "0",
    )
    assert len(sealed["reconciliations"]) == 64


async def test_a_close_looks_at_all_accounts_some_at_a_time(
    academy: Academy, day: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation_figures, "AT_ONCE", 1)
    second = await academy.district.plant_custody_account(
        academy.institution, bank="CCB", is_default=False
    )
    await received(academy, "4999.99", day)
    await academy.stated(day, "4999.99")
    await move_to(academy, day + timedelta(days=1), time(9))

    await academy.post("statements/close-day", academy.district.operator, {"day": day.isoformat()})

    looked = {one["custody_account_id"]: one["coverage"] for one in await made(academy)}
    accounts = [academy.district.public("cus", one) for one in (academy.custody, second)]
    assert looked == dict.fromkeys(accounts, "COVERED")


async def effective_on(academy: Academy, transaction_id: str) -> date:
    """Read the business date a transaction was posted on."""
    found = await academy.get(f"transactions/{transaction_id}", academy.district.auditor)
    return date.fromisoformat(found["effective_on"])


async def references(academy: Academy, transaction_id: str) -> dict[str, str]:
    """Read what a transaction refers to, as it was sealed."""
    journal, seq = ids.parse_transaction(transaction_id)
    async with academy.district.service.store.reading(Context((journal,))) as connection:
        written = await connection.scalar(
            text(
                "SELECT refs FROM escrow.journal_transaction"
                " WHERE journal_id = :journal AND seq = :seq"
            ),
            {"journal": journal, "seq": seq},
        )
    return dict(json.loads(str(written)))
