"""Reading approvals in a caller's scope: one, a page of those that wait for me, how many wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.four_eyes import ActKind
from service.store import approvals, rows
from service.store.context import Context
from service.store.enrolment_reads import in_departments, rows_after
from service.store.facts import Record
from service.store.tables import Approval, JournalHead


@dataclass(frozen=True, slots=True)
class Checker:
    """Who looks for what waits for them: not their own requests, only what their role checks."""

    caller_id: str
    role: str


@dataclass(frozen=True, slots=True)
class ApprovalFilter:
    """What a list of approvals is narrowed to."""

    state: str | None = None
    kind: ActKind | None = None
    institution: UUID | None = None
    waiting_for: Checker | None = None


async def approvals_seen(
    connection: AsyncConnection, caller: Context, journal: int, wanted: Sequence[UUID]
) -> dict[UUID, Record]:
    """Return the approvals of these ids that the caller sees, by id."""
    statement = rows.keyed(Approval, journal, wanted, "approval_id")
    found = await rows.fetch(connection, in_departments(statement, Approval, caller))
    return {row["approval_id"]: Record(row) for row in found}


async def page(
    connection: AsyncConnection,
    caller: Context,
    narrowed: ApprovalFilter,
    *,
    after: tuple[int, UUID] | None,
    limit: int,
) -> Sequence[Record]:
    """Return the caller's approvals after a key; what expired counts as EXPIRED."""
    statement = _narrowed(in_departments(select(rows.table_of(Approval)), Approval, caller))
    source = rows.table_of(Approval)
    conditions: list[ColumnElement[bool]] = []
    if narrowed.state is not None:
        conditions.append(_in_state(narrowed.state))
    if narrowed.kind is not None:
        conditions.append(source.c.command.in_(_commands_of(narrowed.kind)))
    if narrowed.institution is not None:
        conditions.append(source.c.institution_id == narrowed.institution)
    if narrowed.waiting_for is not None:
        conditions.append(_waits_for(narrowed.waiting_for))
    statement = rows_after(statement.where(*conditions), Approval, after, limit)
    return [Record(row) for row in await rows.fetch(connection, statement)]


async def counts(
    connection: AsyncConnection, caller: Context, checker: Checker
) -> Mapping[str, Any]:
    """Count what waits in the caller's scope, of that what waits for the caller, and by kind."""
    source = rows.table_of(Approval)
    waiting = _narrowed(
        in_departments(
            select(
                source.c.command,
                func.count().label("pending"),
                func.count().filter(_waits_for(checker)).label("mine"),
            ),
            Approval,
            caller,
        )
    ).where(_in_state("PENDING"))
    found = (await connection.execute(waiting.group_by(source.c.command))).all()
    kinds: dict[str, int] = {}
    for row in found:
        kind = approvals.kind_of(row.command)
        kinds[kind] = kinds.get(kind, 0) + row.pending
    return {
        "pending": sum(row.pending for row in found),
        "waiting_for_me": sum(row.mine for row in found),
        "by_kind": dict(sorted(kinds.items())),
    }


async def expired(
    connection: AsyncConnection, journal: int, *, after: tuple[datetime, UUID] | None, limit: int
) -> Sequence[Record]:
    """Return approvals of a journal that waited too long and are not closed yet, oldest first."""
    source = rows.table_of(Approval)
    statement = _narrowed(select(source.c.approval_id, source.c.expires_at)).where(
        source.c.journal_id == journal, source.c.state == "PENDING", ~_still_waits()
    )
    if after is not None:
        expires_at, approval = after
        statement = statement.where(
            or_(
                source.c.expires_at > expires_at,
                and_(source.c.expires_at == expires_at, source.c.approval_id > approval),
            )
        )
    statement = statement.order_by(source.c.expires_at, source.c.approval_id).limit(limit)
    return [Record(row) for row in (await connection.execute(statement)).mappings()]


def _narrowed(statement: Select[Any]) -> Select[Any]:
    """Join the journals' clocks, by which approvals expire."""
    source, head = rows.table_of(Approval), rows.table_of(JournalHead)
    return statement.join(head, head.c.journal_id == source.c.journal_id)


def _still_waits() -> ColumnElement[bool]:
    source, head = rows.table_of(Approval), rows.table_of(JournalHead)
    now = func.clock_timestamp() + func.make_interval(
        0, 0, 0, 0, 0, 0, head.c.clock_offset_us / 1_000_000
    )
    return source.c.expires_at > now


def _in_state(state: str) -> ColumnElement[bool]:
    source = rows.table_of(Approval)
    if state == "PENDING":
        return and_(source.c.state == "PENDING", _still_waits())
    if state == "EXPIRED":
        return or_(source.c.state == "EXPIRED", and_(source.c.state == "PENDING", ~_still_waits()))
    return source.c.state == state


def _waits_for(checker: Checker) -> ColumnElement[bool]:
    source = rows.table_of(Approval)
    checked = [c.name for c in approvals.registered() if checker.role in c.checkers]
    return and_(
        _in_state("PENDING"), source.c.maker != checker.caller_id, source.c.command.in_(checked)
    )


def _commands_of(kind: ActKind) -> list[str]:
    return [command.name for command in approvals.registered() if command.kind is kind]
