"""Pending lessons whose parents kept silent go back to the students, and the case moves on."""

from typing import Any, Final

import structlog
from sqlalchemy import select

from ledger.refusals import Refusal
from service.store import rows
from service.store.context import Context
from service.store.facts import Record
from service.store.tables import Lesson, WindDown
from service.store.transact import Mode, Request, Store, UseCase
from service.wind_downs import use_cases

AT_ONCE: Final = 2_000
ACTOR: Final = "service.wind_downs"

log = structlog.get_logger("service.worker")


async def settle_lessons(store: Store, journal: int) -> int:
    """Void silent lessons of open cases (E16) and move those on in which no lesson waits.

    Returns how many lessons were voided.
    """
    source = rows.table_of(WindDown)
    async with store.reading(Context((journal,))) as connection:
        found = await rows.fetch(
            connection,
            select(source).where(source.c.journal_id == journal, source.c.state == "OPENED"),
        )
    voided = 0
    for row in found:
        case = Record(row)
        voided += await _void_silent(store, case)
        await _carry_out(
            store, use_cases.SETTLE, [use_cases.CaseCommand(journal, case.wind_down_id)], journal
        )
    return voided


async def _void_silent(store: Store, case: Record) -> int:
    lesson = rows.table_of(Lesson)
    journal: int = case.journal_id
    pending = (
        select(lesson.c.lesson_id)
        .where(
            lesson.c.journal_id == journal,
            lesson.c.institution_id == case.institution_id,
            lesson.c.state == "RECORDED",
        )
        .order_by(lesson.c.lesson_id)
        .limit(AT_ONCE)
    )
    voided, after = 0, None
    while True:
        statement = pending if after is None else pending.where(lesson.c.lesson_id > after)
        async with store.reading(Context((journal,))) as connection:
            found = (await connection.scalars(statement)).all()
        if not found:
            return voided
        after = found[-1]
        silent = [
            use_cases.LessonAnswer(journal, case.wind_down_id, key, use_cases.SILENT)
            for key in found
        ]
        done = await _carry_out(store, use_cases.ANSWER_LESSON, silent, journal)
        if not done:
            return voided
        voided += done


async def _carry_out(
    store: Store, use_case: UseCase[Any, Any], commands: list[Any], journal: int
) -> int:
    """Carry out commands, each with its own verdict; return how many were done."""
    outcome = await store.transact(
        Request(
            use_case=use_case,
            commands=commands,
            caller=Context((journal,)),
            actor=ACTOR,
            journal=journal,
            mode=Mode.INDEPENDENT,
        )
    )
    refused: list[Refusal] = [v.refusal for v in outcome.verdicts if v.refusal is not None]
    done = len(commands) - len(refused)
    log.info("sweep.chunk", sweep=use_case.name, journal=journal, done=done, refused=len(refused))
    return done
