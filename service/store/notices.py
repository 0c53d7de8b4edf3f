"""Notices (通知) other than of lessons: who is told what, and what follows when it arrives.

A guardian with a phone, and every institution, is told by a sender; a guardian without one by the
app's own fetching. That a claim's notice reached the institution starts the days it has to answer
(I-17): they are counted when they can be counted for certain, and never on an estimated calendar.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger import parameters
from ledger.calendars import WorkingCalendar, shanghai_date
from ledger.policy import RulePack
from ledger.refusals import PolicyMissing, WrongState
from ledger.transactions import Transaction, TransactionKind
from service.store import ids, lesson_reads, reference, rows
from service.store.context import Context
from service.store.facts import Change, Decision, Facts, Insert, Record, Update
from service.store.tables import Claim, Notice
from service.store.unit import Unit
from service.store.use_case import UseCase

LESSON: Final = "LESSON"
CLAIM_FILED: Final = "CLAIM_FILED"
COUNTED: Final = "DEADLINE_COUNTED"
_PREFIXES: Final = {
    LESSON: "lsn",
    "CLAIM": "clm",
    "REFUND": "rfd",
    "ENROLMENT": "enr",
    "WIND": "wdn",
    "ENTITLEMENT": "ent",
    "REGISTER": "ent",
    "OBJECTION": "obj",
    "GUARDIAN": "gdl",
    "COURT": "cto",
    "BANK": "bkf",
}
"""What a notice is about, by the first word of its kind."""


def subject_of(journal: int, notice: Record) -> str | None:
    """Return the public id of what a notice is about."""
    prefix = _PREFIXES.get(notice.kind.partition("_")[0])
    return None if prefix is None else ids.public(prefix, journal, notice.subject_id)


async def read_reachable(unit: Unit, guardians: Iterable[UUID]) -> None:
    """Read which guardians a sender can reach, for `guardian_told`."""
    found = await lesson_reads.reachable(unit.connection, unit.facts.journal, guardians)
    known: frozenset[UUID] = unit.facts.extra.get("reachable", frozenset())
    unit.facts.extra["reachable"] = known | found


def guardian_told(  # noqa: PLR0913 - a notice says this much
    facts: Facts, *, base: UUID, kind: str, subject: UUID, institution: UUID, guardian: UUID
) -> Insert:
    """Tell a guardian; `base` is an id that this notice comes with."""
    reachable: frozenset[UUID] = facts.extra["reachable"]
    channel = "LOG" if guardian in reachable else "IN_APP"
    row = _row(facts, base=base, kind=kind, subject=subject, recipient=guardian)
    return Insert(Notice, row | {"institution_id": institution, "channel": channel})


def institution_told(
    facts: Facts, *, base: UUID, kind: str, subject: UUID, institution: UUID
) -> Insert:
    """Tell an institution; `base` is an id that this notice comes with."""
    row = _row(facts, base=base, kind=kind, subject=subject, recipient=institution)
    return Insert(Notice, row | {"institution_id": institution, "channel": "LOG"})


def _row(facts: Facts, *, base: UUID, kind: str, subject: UUID, recipient: UUID) -> dict[str, Any]:
    return {
        "notice_id": ids.derived(base, f"{kind}/{recipient}"),
        "recipient_id": recipient,
        "kind": kind,
        "subject_id": subject,
        "created_at": facts.moment.now,
        "delivered_at": None,
        "proof": None,
    }


# --- delivery -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """A sender delivered a notice, with its code for that; `proof` None counts a deadline anew."""

    notice: UUID
    claim: UUID | None
    proof: str | None


async def undelivered(
    connection: AsyncConnection, journal: int, channel: str, *, after: UUID | None, limit: int
) -> Sequence[Record]:
    """Return notices other than of lessons that a channel has still to deliver, by id."""
    notice = rows.table_of(Notice)
    statement = select(notice).where(
        notice.c.journal_id == journal,
        notice.c.channel == channel,
        notice.c.delivered_at.is_(None),
        notice.c.kind.not_like(f"{LESSON}%"),
    )
    if after is not None:
        statement = statement.where(notice.c.notice_id > after)
    found = await rows.fetch(connection, statement.order_by(notice.c.notice_id).limit(limit))
    return [Record(row) for row in found]


async def uncounted(
    connection: AsyncConnection, journal: int, *, after: UUID | None, limit: int
) -> Sequence[Record]:
    """Return delivered notices of filed claims whose last day to answer is not known, by id."""
    notice, claim = rows.table_of(Notice), rows.table_of(Claim)
    statement = (
        select(notice)
        .join(
            claim,
            (claim.c.journal_id == notice.c.journal_id)
            & (claim.c.institution_id == notice.c.recipient_id)
            & (claim.c.claim_id == notice.c.subject_id),
        )
        .where(
            claim.c.journal_id == journal,
            claim.c.state == "FILED",
            claim.c.answer_due_on.is_(None),
            notice.c.kind == CLAIM_FILED,
            notice.c.delivered_at.is_not(None),
        )
    )
    if after is not None:
        statement = statement.where(notice.c.notice_id > after)
    found = await rows.fetch(connection, statement.order_by(notice.c.notice_id).limit(limit))
    return [Record(row) for row in found]


def delivery_of(notice: Record, proof: str | None) -> Delivery:
    """Make the command that says a notice was delivered."""
    answered = notice.kind == CLAIM_FILED and notice.recipient_id == notice.institution_id
    return Delivery(notice.notice_id, notice.subject_id if answered else None, proof)


def delivered(facts: Facts, notice: Record, proof: str) -> Decision:
    """Note that a notice arrived."""
    values = {"delivered_at": facts.moment.now, "proof": proof}
    return Decision(
        answer={"id": ids.public("ntc", facts.journal, notice.notice_id)},
        transactions=(_fact(notice, proof),),
        changes=(Update(Notice, (notice.notice_id,), values),),
    )


def answer_counted(
    facts: Facts, claim: Record | None, delivered_at: datetime
) -> tuple[Change, ...]:
    """Set the last day to answer a filed claim, where it can be counted for certain."""
    if claim is None or claim.state != "FILED" or claim.answer_due_on is not None:
        return ()
    due = _answer_due_on(facts, delivered_at)
    if due is None:
        return ()
    values = {"answer_due_on": due, "seq": facts.moment.next_seq}
    return (Update(Claim, (claim.claim_id,), values),)


async def _find(
    _connection: AsyncConnection, _caller: Context, commands: Sequence[Delivery]
) -> Sequence[Delivery]:
    return commands


async def _load(unit: Unit, found: Sequence[Delivery]) -> None:
    await unit.lock(Claim, {item.claim for item in found if item.claim is not None})
    await unit.lock(Notice, {item.notice for item in found})


async def read_rules(unit: Unit, _found: Sequence[Any] = ()) -> None:
    """Read calendar and rules that the days to answer are counted by."""
    extra = unit.facts.extra
    extra["calendar"] = await reference.calendar(unit.connection)
    try:
        pack = await reference.rule_pack(unit.connection, unit.facts.journal)
    except PolicyMissing:
        return
    extra["pack"] = pack
    extra["policy_version"] = pack.label


def _decide(facts: Facts, found: Delivery) -> Decision:
    notice = facts.get(Notice, found.notice)
    assert notice is not None, "the notice was locked"
    if notice.delivered_at is not None or found.proof is None:
        raise WrongState(object="notice", state="DELIVERED")
    decision = delivered(facts, notice, found.proof)
    claim = None if found.claim is None else facts.get(Claim, found.claim)
    counted = answer_counted(facts, claim, facts.moment.now)
    return replace(decision, changes=(*decision.changes, *counted))


def _decide_count(facts: Facts, found: Delivery) -> Decision:
    notice = facts.get(Notice, found.notice)
    assert notice is not None, "the notice was locked"
    claim = None if found.claim is None else facts.get(Claim, found.claim)
    changes = (
        () if notice.delivered_at is None else answer_counted(facts, claim, notice.delivered_at)
    )
    if not changes:
        raise WrongState(object="claim", state="NOT_COUNTABLE")
    return Decision(
        answer={"id": ids.public("ntc", facts.journal, found.notice)},
        transactions=(_fact(notice, COUNTED),),
        changes=changes,
    )


def _answer_due_on(facts: Facts, delivered_at: datetime) -> date | None:
    pack: RulePack | None = facts.extra.get("pack")
    if pack is None:
        return None
    calendar: WorkingCalendar = facts.extra["calendar"]
    try:
        days = pack.value(parameters.REFUND_SILENCE_WORKING_DAYS, on=shanghai_date(delivered_at))
    except PolicyMissing:
        return None
    deadline = calendar.deadline(delivered_at, days)
    return None if deadline.provisional else deadline.on


def _fact(notice: Record, reason: str) -> Transaction:
    return Transaction(
        TransactionKind.NOTICE_DELIVERED,
        references={
            "institution": str(notice.institution_id),
            "notice": str(notice.notice_id),
            "subject": str(notice.subject_id),
        },
        reason=reason,
    )


DELIVER: Final = UseCase("deliver_other_notice", _find, _load, _decide, read_rules)
COUNT_ANSWER: Final = UseCase("count_answer", _find, _load, _decide_count, read_rules)
