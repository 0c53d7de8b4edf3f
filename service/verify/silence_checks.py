"""Silence (I-17): no lesson was confirmed by it before its working days after a proven notice.

The period is the shortest that any version of any rule pack ever allowed on the day of the notice,
so that what is broken here is broken by every reading of the rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from ledger import parameters, rule_packs
from ledger.calendars import WorkingCalendar, shanghai_date
from ledger.parameters import Category
from ledger.policy import RulePack
from ledger.refusals import PolicyMissing
from service.verify.report import Report
from service.verify.snapshot import Snapshot

CODE: Final = "I-17"

_PACKS: Final = "SELECT content FROM escrow.rule_pack_version ORDER BY code, version"
_DAYS: Final = "SELECT day, working FROM escrow.calendar_day"
_SILENT: Final = """
    SELECT lesson.lesson_id, lesson.confirmed_seq AS seq, lesson.confirm_due_on,
           enrolment.category, notice.kind, notice.delivered_at, notice.proof, sealed.recorded_at
    FROM escrow.lesson
    JOIN escrow.enrolment ON enrolment.journal_id = lesson.journal_id
     AND enrolment.enrolment_id = lesson.enrolment_id
    LEFT JOIN escrow.notice ON notice.journal_id = lesson.journal_id
     AND notice.notice_id = lesson.notice_id
    LEFT JOIN escrow.journal_transaction AS sealed ON sealed.journal_id = lesson.journal_id
     AND sealed.seq = lesson.confirmed_seq
    WHERE lesson.journal_id = $1 AND lesson.confirmed_by = 'SILENCE'
    ORDER BY lesson.confirmed_seq"""


@dataclass(slots=True)
class _Periods:
    """The shortest silence that was ever allowed, by category and day of the notice."""

    packs: Sequence[RulePack]
    known: dict[tuple[str, date], int] = field(default_factory=dict)

    def shortest(self, category: str, on: date) -> int:
        """Return working days; 1 where no rule says anything: never the same day."""
        if (category, on) not in self.known:
            self.known[category, on] = min(self._allowed(category, on), default=1)
        return self.known[category, on]

    def _allowed(self, category: str, on: date) -> list[int]:
        allowed: list[int] = []
        for pack in self.packs:
            try:
                days = pack.value(
                    parameters.SILENCE_WORKING_DAYS, on=on, category=Category(category)
                )
            except PolicyMissing:
                continue
            allowed.append(days)
        return allowed


async def check(snapshot: Snapshot, journal: int, report: Report) -> None:
    """I-17 over every lesson that silence confirmed."""
    try:
        async with snapshot.attempt():
            await _check(snapshot, journal, report)
        report.done([CODE])
    except Exception as error:  # noqa: BLE001 - whatever stops a check leaves it undone
        report.not_done([CODE], f"journal {journal}: {error!r}"[:300])


async def _check(snapshot: Snapshot, journal: int, report: Report) -> None:
    packs = [rule_packs.parse(row["content"]) for row in await snapshot.rows(_PACKS)]
    days = WorkingCalendar({row["day"]: row["working"] for row in await snapshot.rows(_DAYS)})
    periods = _Periods(packs)
    stream = await snapshot.stream(_SILENT, journal)
    while rows := await stream.chunk():
        for row in rows:
            told = {name: row[name] for name in ("lesson_id", "seq", "delivered_at")}
            confirmed_at: datetime | None = row["recorded_at"]
            if row["delivered_at"] is None or row["proof"] is None or confirmed_at is None:
                report.broken(CODE, journal, **told, proof=row["proof"])
                continue
            if row["kind"] != "LESSON_RECORDED":
                continue  # A wind-down's notices name their last day themselves.
            waited = _waited(days, row["delivered_at"], confirmed_at)
            if waited < periods.shortest(row["category"], shanghai_date(row["delivered_at"])):
                report.broken(CODE, journal, **told, working_days=waited)


def _waited(days: WorkingCalendar, delivered_at: datetime, confirmed_at: datetime) -> int:
    """Count the whole working days between a notice and the confirmation by silence."""
    ended = days.working_days_between(shanghai_date(delivered_at), shanghai_date(confirmed_at))
    return ended - days.is_working_day(shanghai_date(confirmed_at))
