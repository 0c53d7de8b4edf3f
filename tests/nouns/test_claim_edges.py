"""Claims at their edges: two at once, schedules left behind, days counted, contracts not begun."""

import asyncio
from datetime import UTC, date, datetime

from ledger.calendars import WorkingCalendar
from ledger.parameters import REFUND_DAYS_AFTER_START, REFUND_IN_WORKING_DAYS
from ledger.policy import PolicyValue, RulePack
from ledger.refusals import PolicyMissing
from service.claims import pricing
from service.store.facts import Facts, Moment, Record
from tests.fixtures.academies import Academy, academy_in
from tests.fixtures.service import District
from tests.nouns.claim_calls import approved, file, filed, step

TODAY = date(2026, 2, 13)
"""A Friday before the spring festival."""


def days(*, working: bool) -> Facts:
    """Make facts of a day with rules that pay within 15 days."""
    values = (
        PolicyValue(REFUND_DAYS_AFTER_START, 15, date(2021, 10, 21), "test"),
        PolicyValue(REFUND_IN_WORKING_DAYS, working, date(2021, 10, 21), "test"),
    )
    facts = Facts(1)
    facts.moment = Moment(1, datetime(2026, 2, 13, 4, tzinfo=UTC), TODAY, 1, "test")
    facts.extra |= {"pack": RulePack("test", 1, values), "calendar": WorkingCalendar()}
    return facts


async def test_of_two_claims_at_once_one_is_filed(academy: Academy) -> None:
    enrolment = await academy.enrolled()

    answers = await asyncio.gather(file(academy, enrolment), file(academy, enrolment))

    assert sorted(answer.status_code for answer in answers) == [201, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["code"] == "claim_already_open"


async def test_only_an_enrolment_that_runs_is_claimed_on(academy: Academy) -> None:
    unpaid = await academy.opened()

    answer = await file(academy, unpaid)
    quote = await academy.district.service.get(
        f"/v1/enrolments/{unpaid['id']}/refund-quote", academy.token, reason="CONSUMER"
    )

    for refused in (answer, quote):
        assert (refused.status_code, refused.json()["code"]) == (409, "wrong_state")


async def test_a_lesson_of_an_earlier_schedule_stays_as_it_was_refunded_by(
    district: District,
) -> None:
    academy = await academy_in(district, price_fen=100_000, lessons=10)
    enrolment = await academy.enrolled()
    lesson = await academy.confirmed(enrolment)
    await approved(academy, enrolment, scope="PARTIAL", lessons_given_up=3)

    answer = await academy.post(
        f"lessons/{lesson['id']}/reverse", district.regulator, {"reason": "NOT_HELD"}
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")
    assert answer.json()["facts"]["state"] == "OF_AN_EARLIER_SCHEDULE"


async def test_a_confirmation_is_not_reversed_under_an_open_claim(academy: Academy) -> None:
    enrolment = await academy.enrolled()
    lesson = await academy.confirmed(enrolment)
    claim = await filed(academy, enrolment)
    path, reason = f"lessons/{lesson['id']}/reverse", {"reason": "NOT_HELD"}

    blocked = await academy.post(path, academy.district.regulator, reason)
    await step(academy, claim, "withdraw", await academy.parent(enrolment))
    reversed_ = await academy.post(path, academy.district.regulator, reason)

    assert (blocked.status_code, blocked.json()["code"]) == (409, "enrolment_blocked")
    assert reversed_.status_code == 200


def test_days_to_pay_are_natural_or_working_as_the_rules_say() -> None:
    enrolment = Record({"category": "art"})

    natural = pricing.pay_due(days(working=False), enrolment, "CONSUMER")
    working = pricing.pay_due(days(working=True), enrolment, "CONSUMER")

    assert natural == {"day_count": "NATURAL", "pay_due_on": date(2026, 2, 28)}
    assert working == {"day_count": "WORKING", "pay_due_on": date(2026, 3, 6)}


def test_without_a_rule_nothing_is_promised() -> None:
    enrolment, refused = Record({"category": "art"}), []
    bare = Facts(1)
    bare.moment = days(working=False).moment

    for facts, reason in ((days(working=False), "COOLING_OFF"), (bare, "CONSUMER")):
        try:
            pricing.pay_due(facts, enrolment, reason)
        except PolicyMissing as missing:
            refused.append(missing.facts["parameter"])

    assert refused == ["refund_days_cooling_off", "refund_days_after_start"]
