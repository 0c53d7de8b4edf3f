"""Approvals (复核): commands that wait for a second person, the same for every noun.

A noun registers what it lets wait as an `Approvable`. The maker's request writes the approval with
its payload and the payload's hash; another person's approval decides the command again, on the
facts of then, in the same unit of work, and it is posted as the maker's, under the maker's key.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ledger.chain import canonical_json
from ledger.transactions import Transaction, TransactionKind
from service.store import ids, rows
from service.store.context import Context
from service.store.enrolment_reads import in_departments, rows_after
from service.store.facts import Decision, Facts, Insert, OnBehalf, Record, Verdict
from service.store.tables import Approval, JournalHead
from service.store.transact import Outcome
from service.store.unit import Unit, business_now

LIFETIME: Final = timedelta(days=3)
"""How long an approval waits, in business time."""

Payload = Mapping[str, Any]


async def _nothing(_unit: Unit, _payloads: Sequence[Payload]) -> None:
    """For commands that need nothing but what they locked."""


@dataclass(frozen=True, slots=True)
class Approvable:
    """A command that another person approves: how its payload is loaded, read and decided.

    `checkers` are the roles that may approve or decline it.
    """

    name: str
    checkers: frozenset[str]
    load: Callable[[Unit, Sequence[Payload]], Awaitable[None]]
    decide: Callable[[Facts, Payload], Decision]
    read: Callable[[Unit, Sequence[Payload]], Awaitable[None]] = _nothing


_KNOWN: Final[dict[str, Approvable]] = {}


def approvable(command: Approvable) -> Approvable:
    """Register a command under its name, once."""
    assert command.name not in _KNOWN, "a command's name is its own"
    _KNOWN[command.name] = command
    return command


def known(name: str) -> Approvable:
    """Return the command of this name."""
    return _KNOWN[name]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a maker asks for; `key` is the maker's idempotency key, `approval` the new id."""

    approval: UUID
    payload: Payload
    institution: UUID | None
    key: str | None


def requested(facts: Facts, command: Approvable, wanted: Wanted) -> Decision:
    """Let a command wait for its second person."""
    moment, approval = facts.moment, wanted.approval
    written = canonical_json({"key": wanted.key, "payload": dict(wanted.payload)})
    row = {
        "approval_id": approval,
        "institution_id": wanted.institution,
        "command": command.name,
        "payload": written,
        "payload_hash": hashlib.sha256(written.encode()).digest(),
        "maker": moment.actor,
        "checker": None,
        "state": "PENDING",
        "requested_at": moment.now,
        "expires_at": moment.now + LIFETIME,
        "decided_at": None,
        "outcome": None,
        "seq": moment.next_seq,
    }
    noted = Transaction(
        TransactionKind.APPROVAL_REQUESTED,
        references={"approval": str(approval), "command": command.name},
    )
    return Decision(
        answer=answer_of(moment.journal, Record(row), moment.now),
        transactions=(noted,),
        changes=(Insert(Approval, row),),
    )


def payload_of(row: Record) -> Payload:
    """Return what the maker asked for; its hash still holds."""
    assert hashlib.sha256(row.payload.encode()).digest() == row.payload_hash, "payload is unchanged"
    payload: Payload = json.loads(row.payload)["payload"]
    return payload


def as_makers(row: Record, decision: Decision) -> Decision:
    """Post an approved decision as its maker's, under the maker's key, naming the approval."""
    return replace(
        decision,
        transactions=tuple(
            replace(posted, references={**posted.references, "approval": str(row.approval_id)})
            for posted in decision.transactions
        ),
        on_behalf=OnBehalf(row.maker, json.loads(row.payload)["key"]),
    )


def answer_of(journal: int, row: Record, now: datetime) -> dict[str, Any]:
    """Tell of an approval; one that waited too long has expired."""
    institution = row.institution_id
    expired = row.state == "PENDING" and row.expires_at <= now
    return {
        "id": ids.public("apr", journal, row.approval_id),
        "command": row.command,
        "institution_id": None if institution is None else ids.public("ins", journal, institution),
        "payload": dict(payload_of(row)),
        "payload_hash": row.payload_hash.hex(),
        "state": "EXPIRED" if expired else row.state,
        "maker": row.maker,
        "checker": row.checker,
        "requested_at": row.requested_at.isoformat(),
        "expires_at": row.expires_at.isoformat(),
        "decided_at": None if row.decided_at is None else row.decided_at.isoformat(),
        "outcome": None if row.outcome is None else json.loads(row.outcome),
    }


async def approvals(
    connection: AsyncConnection, caller: Context, journal: int, wanted: Sequence[UUID]
) -> dict[UUID, Record]:
    """Return the approvals of these ids that the caller sees, by id."""
    statement = rows.keyed(Approval, journal, wanted, "approval_id")
    found = await rows.fetch(connection, in_departments(statement, Approval, caller))
    return {row["approval_id"]: Record(row) for row in found}


async def page(
    connection: AsyncConnection,
    caller: Context,
    *,
    state: str | None,
    after: tuple[int, UUID] | None,
    limit: int,
) -> Sequence[Record]:
    """Return the caller's approvals after a key; what expired counts as EXPIRED."""
    source, head = rows.table_of(Approval), rows.table_of(JournalHead)
    statement = in_departments(select(source), Approval, caller)
    if state is not None:
        now = func.clock_timestamp() + func.make_interval(
            0, 0, 0, 0, 0, 0, head.c.clock_offset_us / 1_000_000
        )
        waiting = source.c.expires_at > now
        statement = statement.join(head, head.c.journal_id == source.c.journal_id)
        if state == "PENDING":
            statement = statement.where(source.c.state == "PENDING", waiting)
        elif state == "EXPIRED":
            statement = statement.where(source.c.state == "PENDING", ~waiting)
        else:
            statement = statement.where(source.c.state == state)
    statement = rows_after(statement, Approval, after, limit)
    return [Record(row) for row in await rows.fetch(connection, statement)]


async def business_clocks(
    connection: AsyncConnection, journals: Sequence[int]
) -> dict[int, datetime]:
    """Return the business time of journals."""
    head = rows.table_of(JournalHead)
    found = await connection.execute(
        select(
            head.c.journal_id, head.c.clock_offset_us, func.clock_timestamp().label("clock")
        ).where(head.c.journal_id.in_(journals))
    )
    return {row.journal_id: business_now(row.clock, row.clock_offset_us) for row in found}


async def as_it_stands(
    connection: AsyncConnection, caller: Context, journal: int, outcome: Outcome
) -> Outcome:
    """Replay a maker's request as the approval's current state (202 under the same key)."""
    if not outcome.replayed:
        return outcome
    answer = outcome.single()
    approval = ids.parse("apr", answer["id"])[1]
    found = await approvals(connection, caller, journal, [approval])
    clocks = await business_clocks(connection, [journal])
    if approval not in found:
        return outcome
    current = answer_of(journal, found[approval], clocks[journal])
    verdict = Verdict(answer={**answer, **current})
    return Outcome([verdict], replayed=True)
