"""Sweeps: what is due in a journal, found by keys and carried out in units of work of 2,000.

Each sweep continues after the last key it has looked at, so what is refused (a frozen institution,
a disputed lesson) stops nothing behind it, and a sweep that was killed begins again where work is
left. The use cases judge everything anew under their locks: a sweep only proposes.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import select

from service.approvals.sweep import close_expired
from service.bank_entries.retry import retry_kept
from service.claims.sweep import agree_silent
from service.enrolments import use_cases as enrolments
from service.failpoints import Point, reach
from service.interest.sweep import allocate_due, settle_ended
from service.lessons import use_cases as lessons
from service.portings.sweep import carry_placements
from service.receipts.returns import return_after_freeze, return_lapsed
from service.reconciliation.sweep import follow_open, reconcile_days
from service.refunds.sweep import settle_refunds
from service.resolution.sealing import Keys
from service.resolution.sweep import packs_made
from service.statements.sweep import finish_files
from service.store import lesson_reads, notices, rows
from service.store.context import Context
from service.store.facts import Record
from service.store.tables import Enrolment
from service.store.transact import Mode, Request, Store, UseCase
from service.wind_downs.plan_sweep import follow_payments, post_distributions
from service.wind_downs.sweep import settle_lessons as settle_wind_down_lessons
from service.worker.senders import LogSender, Message, Sender

Sweep = Callable[[Store, int], Awaitable[int]]
"""Carries out what is due in one journal and returns how many commands were done."""

CHUNK: Final = 2_000
ACTOR: Final = "service.worker"

log = structlog.get_logger("service.worker")


async def deliver_notices(store: Store, journal: int, sender: Sender | None = None) -> int:
    """Send the notices of pending lessons that a sender's channel has to deliver."""
    by = sender or LogSender()
    done, after = 0, None
    while True:
        async with store.reading(Context((journal,))) as connection:
            chunk = await lesson_reads.undelivered(
                connection, journal, by.channel, after=after, limit=CHUNK
            )
        if chunk.last is None:
            return done
        after = chunk.last
        sent = [
            Message(row.notice_id, row.recipient_id, row.lesson_id, journal, row.kind)
            for row in chunk.found
        ]
        proofs = await by.send(sent) if sent else ()
        reach(Point.NOTICE_SENT)
        delivered = [
            _delivery(row, proof) for row, proof in zip(chunk.found, proofs, strict=True) if proof
        ]
        done += await _carry_out(store, journal, lessons.DELIVER, delivered)


async def deliver_others(store: Store, journal: int, sender: Sender | None = None) -> int:
    """Send the notices about anything else than lessons that a sender's channel has to deliver."""
    by = sender or LogSender()
    done, after = 0, None
    while True:
        async with store.reading(Context((journal,))) as connection:
            found = await notices.undelivered(
                connection, journal, by.channel, after=after, limit=CHUNK
            )
        if not found:
            return done
        after = found[-1].notice_id
        proofs = await by.send(
            [
                Message(row.notice_id, row.recipient_id, row.subject_id, journal, row.kind)
                for row in found
            ]
        )
        reach(Point.NOTICE_SENT)
        told = zip(found, proofs, strict=True)
        delivered = [notices.delivery_of(row, proof) for row, proof in told if proof]
        done += await _carry_out(store, journal, notices.DELIVER, delivered)


async def count_answers(store: Store, journal: int) -> int:
    """Count the last day to answer a claim where a provisional calendar left it open."""
    done, after = 0, None
    while True:
        async with store.reading(Context((journal,))) as connection:
            found = await notices.uncounted(connection, journal, after=after, limit=CHUNK)
        if not found:
            return done
        after = found[-1].notice_id
        counted = [notices.delivery_of(row, None) for row in found]
        done += await _carry_out(store, journal, notices.COUNT_ANSWER, counted)


async def count_deadlines(store: Store, journal: int) -> int:
    """Count the deadlines that were left open while a year's calendar was provisional."""
    done, after = 0, None
    while True:
        async with store.reading(Context((journal,))) as connection:
            chunk = await lesson_reads.uncounted(connection, journal, after=after, limit=CHUNK)
        if chunk.last is None:
            return done
        after = chunk.last
        counted = [_delivery(row, None) for row in chunk.found]
        done += await _carry_out(store, journal, lessons.COUNT_DEADLINE, counted)


async def confirm_silent(store: Store, journal: int) -> int:
    """Confirm the lessons whose silence period is over (I-17)."""
    done, after = 0, None
    while True:
        async with store.reading(Context((journal,))) as connection:
            today = await lesson_reads.business_today(connection, journal)
            found = await lesson_reads.silent(
                connection, journal, today=today, after=after, limit=CHUNK
            )
        if not found:
            return done
        after = (found[-1].confirm_due_on, found[-1].lesson_id)
        silent = [
            lessons.Found(
                lessons.ConfirmLesson(lessons.LessonKey(journal, lesson=row.lesson_id)),
                row.lesson_id,
                row.enrolment_id,
                row.institution_id,
            )
            for row in found
        ]
        done += await _carry_out(store, journal, lessons.CONFIRM_BY_SILENCE, silent)


async def lapse_unpaid(store: Store, journal: int) -> int:
    """End the enrolments that were not paid in time; what came goes to suspense."""
    source = rows.table_of(Enrolment)
    done, after = 0, None
    while True:
        async with store.reading(Context((journal,))) as connection:
            today = await lesson_reads.business_today(connection, journal)
            statement = select(source.c.enrolment_id).where(
                source.c.journal_id == journal,
                source.c.state == "AWAITING_PAYMENT",
                source.c.lapses_on < today,
            )
            if after is not None:
                statement = statement.where(source.c.enrolment_id > after)
            statement = statement.order_by(source.c.enrolment_id).limit(CHUNK)
            found = (await connection.scalars(statement)).all()
        if not found:
            return done
        after = found[-1]
        due = [enrolments.LapseEnrolment(enrolment) for enrolment in found]
        done += await _carry_out(store, journal, enrolments.LAPSE, due)


async def _carry_out(
    store: Store,
    journal: int,
    use_case: UseCase[Any, Any],
    commands: Sequence[Any],
) -> int:
    """Carry out one chunk, each command with its own verdict; return how many were done."""
    if not commands:
        return 0
    outcome = await store.transact(
        Request(
            use_case=use_case,
            commands=commands,
            caller=Context((journal,)),
            actor=ACTOR,
            journal=journal,
            mode=Mode.INDEPENDENT,
            unread=True,
        )
    )
    reach(Point.SWEEP_CARRIED_OUT)
    refused = sum(1 for verdict in outcome.verdicts if verdict.refusal is not None)
    done = len(commands) - refused
    log.info("sweep.chunk", sweep=use_case.name, journal=journal, done=done, refused=refused)
    return done


def _delivery(row: Record, proof: str | None) -> lessons.DeliverNotice:
    return lessons.DeliverNotice(row.notice_id, row.lesson_id, row.enrolment_id, proof)


SWEEPS: Final[dict[str, Sweep]] = {
    "notices_delivered": deliver_notices,
    "other_notices_delivered": deliver_others,
    "deadlines_counted": count_deadlines,
    "answers_counted": count_answers,
    "claims_agreed_by_silence": agree_silent,
    "lessons_confirmed_by_silence": confirm_silent,
    "enrolments_lapsed": lapse_unpaid,
    "lapsed_money_returned": return_lapsed,
    "after_freeze_returned": return_after_freeze,
    "statement_files_finished": finish_files,
    "kept_debits_posted": retry_kept,
    "distributions_posted": post_distributions,
    "placements_carried": carry_placements,
    "refunds_settled": settle_refunds,
    "interest_allocated": allocate_due,
    "interest_settled": settle_ended,
    "wind_down_lessons_settled": settle_wind_down_lessons,
    "dividend_payments_followed": follow_payments,
    "days_reconciled": reconcile_days,
    "open_accounts_followed": follow_open,
    "approvals_expired": close_expired,
}
"""Every sweep, in order."""


def sweeps_with(pack_keys: Path | None, sender: Sender | None = None) -> dict[str, Sweep]:
    """Return every sweep, and last the nightly resolution packs where there are keys for them.

    Notices leave by `sender`, where there is one. Raises `PackKeysMissing` and `KeyUnusable` for a
    folder that holds none.
    """
    sweeps = dict(SWEEPS)
    if sender is not None:
        sweeps["notices_delivered"] = partial(deliver_notices, sender=sender)
        sweeps["other_notices_delivered"] = partial(deliver_others, sender=sender)
    if pack_keys is not None:
        sweeps["packs_made"] = packs_made(Keys.load(pack_keys))
    return sweeps
