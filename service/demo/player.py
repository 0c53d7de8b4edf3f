"""The play itself: a term from registration to the last silence, in the order of its days.

The month before the term brings contracts and money, every week of the term its lessons, answers,
payouts, statements and day closes. After the last lesson come quiet weeks, until no notice is
unanswered. Everything is decided by the seed: played again, the figures are the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from ledger.calendars import add_months
from service import paths
from service.demo import (
    answer,
    carry_over,
    cast,
    claims,
    close_days,
    collapse,
    enrol,
    figures,
    file_courses,
    pay,
    pay_out,
    register,
    teach,
)
from service.demo.stage import Stage
from service.store import seeding

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from seeds.records import Enrolment, Lesson

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(weeks=1)
PLANNED_AHEAD: Final = 4
"""Weeks of lessons that a timetable holds."""

WEEKS: Final = 4
"""Weeks of lessons in the usual run, about 60,000 lessons."""

QUIET_WEEKS: Final = 4
"""Weeks after the last lesson in which silence confirms what nobody answered."""

SILENT_WEEKS: Final = 2
"""Weeks after which a claim that was not answered has been agreed to."""

FAILS_AFTER: Final = 2
"""Weeks of lessons after which one institution fails."""


@dataclass(frozen=True, slots=True)
class Script:
    """How much is played: `weeks` of lessons, None the whole term; `schools`, None all of them."""

    weeks: int | None = WEEKS
    schools: int | None = None
    seed: int | None = None


async def play(stage: Stage, engine: AsyncEngine, script: Script) -> figures.Told:
    """Play the term; `engine` mints tokens for the institutions and guardians who come."""
    opens_on = stage.today
    await _open(stage, engine)
    closed = await _fill(stage, engine, closed=opens_on - _DAY)
    peak = await figures.read(stage)
    weeks = _weeks(stage, script)
    closed = await _teach(stage, engine, weeks, closed)
    await close_days.close_days(stage, closed + _DAY, stage.today - _DAY)
    return await figures.read_all(stage, peak)


async def _open(stage: Stage, engine: AsyncEngine) -> None:
    """Day one: institutions and courses; day two: what schools had promised before custody."""
    await register.register(stage, bank_names())
    await cast.admit_institutions(engine, stage.cast, stage.institutions)
    await file_courses.file_courses(stage)
    await stage.morning_of(stage.today + _DAY)
    await carry_over.carry_over(stage)


async def _fill(stage: Stage, engine: AsyncEngine, *, closed: date) -> date:
    """Let the month before the term bring contracts and money, week by week."""
    district = stage.district
    last = district.starts_on - _DAY
    left: list[Enrolment] = sorted(
        district.enrolments, key=lambda each: (each.charged_on, each.contract_no)
    )
    sundays = [last - _WEEK * n for n in reversed(range(4))]
    for sunday in sundays:
        due = [each for each in left if each.charged_on <= sunday]
        left = [each for each in left if each.charged_on > sunday]
        await stage.morning_of(sunday)
        await enrol.enrol(stage, due)
        await pay.pay(stage, due, district.strays if sunday == last else ())
        if sunday == last:
            await claims.before_the_term(stage, engine, district.enrolments)
        await close_days.close_days(stage, closed + _DAY, sunday - _DAY)
        closed = sunday - _DAY
    await close_days.state_days(stage, [last])
    return closed


async def _teach(
    stage: Stage,
    engine: AsyncEngine,
    weeks: list[tuple[date, list[Lesson]]],
    closed: date,
) -> date:
    """Play the weeks of the term, then the quiet ones; each ends on the Tuesday after it.

    Return the last day closed.
    """
    failing = collapse.Collapse.of(stage)
    for number, (monday, lessons) in enumerate(weeks):
        if number % PLANNED_AHEAD == 0:
            ahead = weeks[number : number + PLANNED_AHEAD]
            planned = [lesson for _, each in ahead for lesson in each if stage.goes_on(lesson)]
            await teach.plan(stage, planned)
        sunday = monday + _WEEK - _DAY
        await stage.evening_of(sunday)
        held = await teach.record(stage, [each for each in lessons if stage.goes_on(each)])
        await cast.admit_parents(engine, stage.cast, answer.answering(stage, held))
        await stage.morning_of(sunday + _DAY)
        await answer.dispute(stage, held)
        await answer.confirm(stage, held, week=number)
        await _claims(stage, engine, held, week=number)
        if number + 1 == min(FAILS_AFTER, len(weeks)):
            await failing.strike(stage)
        await failing.advance(stage, engine)
        closed = await _settle(stage, closed, first=number == 0)
    monday, quiet = weeks[-1][0], 0
    while quiet < QUIET_WEEKS or not failing.is_over:
        quiet += 1
        await stage.morning_of(monday + _WEEK * (quiet + 1))
        await _claims(stage, engine, [], week=len(weeks) - 1 + quiet)
        await failing.advance(stage, engine)
        closed = await _settle(stage, closed, first=False)
    await failing.close(stage)
    return closed


async def _claims(stage: Stage, engine: AsyncEngine, held: list[Lesson], *, week: int) -> None:
    """After the first week some leave; silence on their claims has agreed two weeks later."""
    if week == 0:
        await claims.after_a_week(stage, engine, held)
    elif week == SILENT_WEEKS:
        await claims.approve_silent(stage)


async def _settle(stage: Stage, closed: date, *, first: bool) -> date:
    """From Monday on: state and close the days behind, pay out what was earned."""
    yesterday = stage.today - _DAY
    await close_days.close_days(stage, closed + _DAY, yesterday)
    await pay_out.settle_refunds(stage)
    orders = await pay_out.instruct(stage, reject_one=first)
    await stage.morning_of(stage.today + _DAY)
    await pay_out.execute(stage, orders)
    if first:
        await stage.morning_of(stage.today + _DAY)
        await pay_out.return_one(stage, orders)
    return yesterday


def _weeks(stage: Stage, script: Script) -> list[tuple[date, list[Lesson]]]:
    """Gather the term's lessons by the Monday of their week."""
    days: Any = seeding.module("lessons").term(stage.district, stage.calendar, weeks=script.weeks)
    by_week = groupby(days, key=lambda day: day[0] - _DAY * day[0].weekday())
    return [(monday, [each for _, held in days for each in held]) for monday, days in by_week]


def bank_names() -> dict[str, str]:
    """Return the names of the banks by code."""
    text = (paths.seeds_dir() / "banks.json").read_text(encoding="utf-8")
    return {bank["code"]: bank["name"] for bank in json.loads(text)}


def opening_day(starts_on: date) -> date:
    """Return the day the play opens: a month before the term."""
    return add_months(starts_on, -1)
