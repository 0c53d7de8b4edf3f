"""Sweeps: notices delivered, silence that confirms, unpaid enrolments that lapse, one worker."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from ledger import parameters
from ledger.calendars import SHANGHAI, midnight, shanghai_date
from service.store import ids, reference
from service.store.facts import Update
from service.store.tables import Institution, Party
from service.store.transact import Store
from service.worker import SWEEPS, run_due, run_forever
from service.worker.rounds import WORKER_LOCK, SweepsFailedError
from service.worker.senders import Message
from service.worker.sweeps import deliver_notices
from tests.fixtures.academies import Academy

pytestmark = pytest.mark.usefixtures("official_calendar")


async def swept(academy: Academy) -> dict[str, int]:
    return await run_due(academy.district.service.store, academy.district.journal)


async def lesson_of(academy: Academy, lesson: dict[str, Any]) -> dict[str, Any]:
    return dict(await academy.get(f"lessons/{lesson['id']}", academy.token))


async def move_to(academy: Academy, instant: datetime) -> None:
    await academy.district.service.store.move_clock(academy.district.journal, instant)


async def silence(academy: Academy, since: date) -> date:
    """Count the silence period by hand, day by day."""
    async with academy.district.service.engine.connect() as connection:
        calendar = await reference.calendar(connection)
        pack = await reference.rule_pack(connection, academy.district.journal)
    left, on = pack.value(parameters.SILENCE_WORKING_DAYS, on=since), since
    while left:
        on += timedelta(days=1)
        left -= calendar.is_working_day(on)
    return on


async def test_a_notice_sent_starts_the_silence_that_confirms_at_midnight_after_it(
    academy: Academy,
) -> None:
    lesson = await academy.recorded(await academy.enrolled())
    sent_on = shanghai_date(datetime.now(UTC))

    delivered = await swept(academy)
    due_on = date.fromisoformat((await lesson_of(academy, lesson))["confirm_due_on"])
    await move_to(academy, midnight(due_on + timedelta(days=1)) - timedelta(minutes=1))
    early = await swept(academy)
    await move_to(academy, midnight(due_on + timedelta(days=1)))
    due = await swept(academy)

    assert delivered["notices_delivered"] == 1
    assert due_on == await silence(academy, sent_on)
    assert early["lessons_confirmed_by_silence"] == 0
    assert due["lessons_confirmed_by_silence"] == 1
    confirmed = await lesson_of(academy, lesson)
    assert (confirmed["state"], confirmed["confirmed_by"]) == ("CONFIRMED", "SILENCE")


async def test_a_guardian_without_a_phone_is_told_by_fetching_only(academy: Academy) -> None:
    enrolment = await academy.enrolled(guardian={"name": "李四"})
    lesson = await academy.recorded(enrolment)
    parent = await academy.parent(enrolment)

    nothing_sent = await swept(academy)
    read = await academy.get("notices", parent)
    untouched = await lesson_of(academy, lesson)
    fetched = await academy.post("notices/fetch", parent, {"limit": 10})
    again = await academy.post("notices/fetch", parent, {"limit": 10})

    assert nothing_sent["notices_delivered"] == 0
    assert [item["delivered_at"] for item in read["items"]] == [None]
    assert untouched["confirm_due_on"] is None
    (notice,) = fetched.json()["items"]
    assert (notice["lesson_id"], notice["channel"]) == (lesson["id"], "IN_APP")
    assert notice["delivered_at"] is not None
    assert (await lesson_of(academy, lesson))["confirm_due_on"] == notice["confirm_due_on"]
    assert again.json()["items"] == fetched.json()["items"]
    assert again.json()["transaction_id"] is None


async def test_a_parents_answer_proves_its_notice(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    await academy.confirmed(enrolment)

    after = await swept(academy)
    (notice,) = (await academy.get("notices", await academy.parent(enrolment)))["items"]

    assert after["notices_delivered"] == 0
    assert notice["delivered_at"] is not None


async def test_silence_never_confirms_under_a_block(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    disputed, silent = await academy.recorded(enrolment), await academy.recorded(enrolment)
    await academy.post(
        f"lessons/{disputed['id']}/dispute", await academy.parent(enrolment), {"reason": "NOT_HELD"}
    )
    await swept(academy)
    await move_to(academy, datetime.now(UTC) + timedelta(days=60))
    await academy.district.plant(
        Update(Institution, (academy.institution,), {"state": "SUSPENDED"})
    )

    suspended = await swept(academy)
    await academy.district.plant(Update(Institution, (academy.institution,), {"state": "LICENSED"}))
    await academy.restrained("FREEZE")
    stopped = await swept(academy)

    assert suspended["lessons_confirmed_by_silence"] == 0
    assert stopped["lessons_confirmed_by_silence"] == 0
    states = [(await lesson_of(academy, lesson))["state"] for lesson in (disputed, silent)]
    assert states == ["DISPUTED", "RECORDED"]


async def test_silence_never_confirms_for_a_contact_that_is_gone(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    lesson = await academy.recorded(enrolment)
    await swept(academy)
    await move_to(academy, datetime.now(UTC) + timedelta(days=60))
    party = ids.parse("pty", enrolment["guardian_id"])[1]
    nobody = dict.fromkeys(("name", "phone", "account_number", "bank_name"))
    await academy.district.plant(Update(Party, (party,), nobody))

    done = await swept(academy)

    assert done["lessons_confirmed_by_silence"] == 0
    assert (await lesson_of(academy, lesson))["state"] == "RECORDED"


async def test_no_deadline_runs_on_a_provisional_calendar_until_it_is_official(
    academy: Academy,
) -> None:
    enrolment = await academy.enrolled()
    lesson = await academy.recorded(enrolment)
    await move_to(academy, datetime(2081, 3, 3, 9, tzinfo=SHANGHAI))

    delivered = await swept(academy)
    open_still = await lesson_of(academy, lesson)
    await move_to(academy, datetime(2081, 6, 3, 9, tzinfo=SHANGHAI))
    waited = await swept(academy)
    async with academy.district.service.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO escrow.calendar_year VALUES (2081, false)"
                " ON CONFLICT (year) DO UPDATE SET provisional = false"
            )
        )
    official = await swept(academy)

    assert delivered["notices_delivered"] == 1
    assert open_still["confirm_due_on"] is None
    assert (waited["deadlines_counted"], waited["lessons_confirmed_by_silence"]) == (0, 0)
    assert (official["deadlines_counted"], official["lessons_confirmed_by_silence"]) == (1, 1)
    async with academy.district.service.engine.begin() as connection:
        await connection.execute(
            text("UPDATE escrow.calendar_year SET provisional = true WHERE year = 2081")
        )


async def test_an_unpaid_enrolment_lapses_and_what_came_stands_in_suspense(
    academy: Academy,
) -> None:
    enrolment = await academy.opened()
    receipt = await academy.paid(enrolment, "1000.00")
    lapses_on = date.fromisoformat(enrolment["lapses_on"])

    await move_to(academy, midnight(lapses_on))
    in_time = await swept(academy)
    await move_to(academy, midnight(lapses_on + timedelta(days=1)))
    late = await swept(academy)

    assert (in_time["enrolments_lapsed"], late["enrolments_lapsed"]) == (0, 1)
    read = await academy.get(f"enrolments/{enrolment['id']}", academy.token)
    assert (read["state"], read["received"], read["money"]["prepaid"]) == (
        "LAPSED",
        "0.00",
        "0.00",
    )
    kept = await academy.get(f"receipts/{receipt['id']}", academy.district.operator)
    assert (kept["outcome"], kept["suspense_reason"], kept["suspense"]) == (
        "SUSPENSE",
        "ENROLMENT_CLOSED",
        "1000.00",
    )
    after = await academy.paid(enrolment, "3999.99")
    assert after["suspense_reason"] == "ENROLMENT_CLOSED"


async def test_what_came_for_a_lapsed_enrolment_goes_back_to_the_payer_the_bank_named(
    academy: Academy,
) -> None:
    enrolment = await academy.opened()
    receipt = await academy.receipt(
        "1000.00", payment_code=enrolment["payment_code"], payer_account="6222020000000000001"
    )
    await move_to(academy, midnight(date.fromisoformat(enrolment["lapses_on"]) + timedelta(days=1)))

    done = await swept(academy)
    again = await swept(academy)

    assert (done["lapsed_money_returned"], again["lapsed_money_returned"]) == (1, 0)
    read = await academy.get(f"receipts/{receipt['id']}", academy.district.operator)
    assert (read["outcome"], read["suspense"]) == ("RETURNED", "0.00")


async def test_a_notice_that_could_not_be_sent_starts_no_silence(academy: Academy) -> None:
    lesson = await academy.recorded(await academy.enrolled())

    class Unreachable:
        channel = "LOG"

        async def send(self, messages: Sequence[Message]) -> Sequence[str | None]:
            return [None] * len(messages)

    store, journal = academy.district.service.store, academy.district.journal
    done = await deliver_notices(store, journal, Unreachable())

    assert done == 0
    assert (await lesson_of(academy, lesson))["confirm_due_on"] is None


async def test_one_worker_at_a_time_goes_its_rounds(academy: Academy) -> None:
    lesson = await academy.recorded(await academy.enrolled())
    engine = academy.district.service.engine
    # One sweep is enough: a round goes over every journal that other tests have made.
    counting = {"notices_delivered": SWEEPS["notices_delivered"]}

    async with engine.connect() as other:
        await other.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": WORKER_LOCK})
        await run_forever(engine, 0, counting, once=True)
        while_locked = await lesson_of(academy, lesson)
        await other.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": WORKER_LOCK})
    await run_forever(engine, 0, counting, once=True)

    assert while_locked["confirm_due_on"] is None
    assert (await lesson_of(academy, lesson))["confirm_due_on"] is not None


async def test_a_sweep_at_fault_keeps_up_none_of_the_others(academy: Academy) -> None:
    lesson = await academy.recorded(await academy.enrolled())
    district = academy.district

    async def broken(_store: Store, _journal: int) -> int:
        raise ValueError(lesson["id"])

    sweeps = {"broken": broken, "notices_delivered": SWEEPS["notices_delivered"]}
    with capture_logs() as told, pytest.raises(SweepsFailedError, match="broken"):
        await run_due(district.service.store, district.journal, sweeps)

    failed = [one for one in told if one["event"] == "sweep.failed"]
    assert [(one["sweep"], one["error"]) for one in failed] == [("broken", "ValueError")]
    assert lesson["id"] not in str(failed)
    assert (await lesson_of(academy, lesson))["confirm_due_on"] is not None


async def test_a_round_without_the_database_is_put_off_for_every_sweep(academy: Academy) -> None:
    district = academy.district

    async def lost(_store: Store, _journal: int) -> int:
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await run_due(district.service.store, district.journal, {"lost": lost})
